//! The endpoints: which address leads where, and what every request and reply have in common.

mod answer;
mod batch;
mod chat_completions;
mod documents;
mod models;
pub mod reply;
pub mod request;

use crate::admission::holder::Caller;
use crate::admission::message::Kind as Urgency;
use crate::admission::{Budget, gate, key};
use crate::counter::Counter;
use crate::error::{ApiError, Kind};
use reply::Answer;
use request::{Incoming, Request};

/// Every address with the methods that it takes.
const ADDRESSES: [(&str, &[&str]); 7] = [
    ("/", &["GET", "HEAD"]),
    ("/healthz", &["GET", "HEAD"]),
    ("/v1/models", &["GET"]),
    ("/v1/chat/completions", &["POST"]),
    ("/v1/batch", &["POST"]),
    ("/v1/documents/analyze", &["POST"]),
    ("/v1/answer", &["POST"]),
];

/// Answers a request; every error becomes the contract's envelope.
pub async fn handle(counter: &Counter, incoming: &dyn Incoming) -> Answer {
    let request_id = request_id(counter);
    let mut answer = match dispatch(counter, incoming, &request_id).await {
        Ok(answer) => answer,
        Err(error) => Answer::error(&error, &request_id),
    };
    answer.header("x-request-id", request_id);
    answer
}

fn request_id(counter: &Counter) -> String {
    let half = || (counter.world.random() * f64::from(u32::MAX)) as u32;
    format!("req_{:08x}{:08x}", half(), half())
}

async fn dispatch(counter: &Counter, incoming: &dyn Incoming, request_id: &str) -> Result<Answer, ApiError> {
    let (method, path) = (incoming.method(), incoming.path());
    let path = if path.len() > 1 { path.trim_end_matches('/') } else { &path };
    let Some((_, methods)) = ADDRESSES.iter().find(|(p, _)| *p == path) else {
        if path.starts_with("/v1/") {
            key::check(incoming.header("authorization").as_deref(), &counter.config.api_keys)?;
        }
        return Err(ApiError::new(
            Kind::NotFound,
            "unknown_address",
            format!("There is nothing at {}; the addresses are in the README", shorten(path)),
        ));
    };
    if !methods.contains(&method.as_str()) {
        let error = ApiError::new(
            Kind::InvalidRequest,
            "method_not_allowed",
            format!("{path} takes {}, not {method}", methods.join(", ")),
        );
        let mut answer = Answer::error(&error.with_status(405), request_id);
        answer.header("allow", methods.join(", "));
        return Ok(answer);
    }
    if !path.starts_with("/v1/") {
        return Ok(match path {
            "/healthz" => Answer::json(r#"{"status":"ok"}"#.into()),
            _ => Answer::text("Madoguchi is open. The API is at /v1/*; the README tells how to call it.\n".into()),
        });
    }
    let key = key::check(incoming.header("authorization").as_deref(), &counter.config.api_keys)?;
    if method == "GET" {
        return Ok(models::list(counter));
    }
    let budgets = [Budget::key(&key, counter.config.key_rpm), Budget::upstream(&counter.config)];
    let caller = Caller { kind: Urgency::New, party: 0, tokens: 0, patience_ms: 0 };
    let answer = match gate::enter(counter, budgets[0].clone(), caller, None).await {
        Ok(_) => limited(counter, incoming, request_id, path).await,
        Err(refused) => Err(refused),
    };
    let mut answer = answer.unwrap_or_else(|error| Answer::error(&error, request_id));
    answer.limits(counter, budgets.iter().flatten());
    Ok(answer)
}

async fn limited(counter: &Counter, incoming: &dyn Incoming, request_id: &str, path: &str) -> Result<Answer, ApiError> {
    let body = request::read_body(incoming).await?;
    let request = Request::new(&body, request_id, incoming.header("accept"))?;
    match path {
        "/v1/chat/completions" => chat_completions::create(counter, &request).await,
        "/v1/batch" => batch::run(counter, &request).await,
        "/v1/documents/analyze" => documents::analyze(counter, &request).await,
        _ => answer::answer(counter, &request).await,
    }
}

fn shorten(path: &str) -> String {
    path.chars().take(100).collect()
}
