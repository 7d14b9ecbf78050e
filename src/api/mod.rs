//! The endpoints: which address leads where, and what every request and reply have in common.

mod answer;
mod batch;
mod chat;
mod chat_completions;
mod documents;
pub mod idempotency;
mod json_mode;
mod knowledge;
mod models;
pub mod reply;
pub mod request;
mod storefront;
pub mod visit;

use crate::admission::gate::{self, Hears};
use crate::admission::holder::Caller;
use crate::admission::message::Kind as Urgency;
use crate::admission::{Budget, key};
use crate::counter::Counter;
use crate::error::{ApiError, Kind};
use crate::world::World;
use idempotency::Keyed;
use reply::{Answer, Body};
use request::{Incoming, Request};

/// The addresses of single documents begin so.
const DOCUMENT: &str = "/v1/knowledge/";

/// Every address with the methods that it takes.
const ADDRESSES: [(&str, &[&str]); 13] = [
    ("/healthz", &["GET", "HEAD"]),
    ("/v1/models", &["GET"]),
    ("/v1/chat/completions", &["POST"]),
    ("/v1/batch", &["POST"]),
    ("/v1/documents/analyze", &["POST"]),
    ("/v1/answer", &["POST"]),
    ("/chat/session", &["POST", "OPTIONS"]),
    ("/chat", &["POST", "OPTIONS"]),
    ("/chat/history", &["GET", "DELETE", "OPTIONS"]),
    ("/chat/feedback", &["POST", "OPTIONS"]),
    ("/chat/handoff", &["POST", "OPTIONS"]),
    ("/v1/knowledge", &["GET", "POST"]),
    (DOCUMENT, &["GET", "PUT", "DELETE"]),
];

/// Answers a request; every error becomes the contract's envelope.
pub async fn handle(counter: &Counter, incoming: &dyn Incoming) -> Answer {
    let request_id = request_id(&*counter.world);
    let mut answer = match dispatch(counter, incoming, &request_id).await {
        Ok(answer) => answer,
        Err(error) => Answer::error(&error, &request_id),
    };
    // A reply that is given again keeps the id of the request that it was made for.
    if !matches!(answer.body, Body::Keyed(_)) {
        answer.header("x-request-id", request_id);
    }
    answer
}

/// Answers a request in the object of its idempotency key.
pub async fn run(counter: &Counter, keyed: &Keyed) -> Answer {
    let (path, id) = (keyed.path(), &keyed.request_id);
    let answer = limited(counter, keyed, id, path, keyed.party).await;
    let mut answer = answer.unwrap_or_else(|error| Answer::error(&error, id));
    answer.header("x-request-id", id.clone());
    answer
}

/// The id of a request that nobody has named.
pub fn request_id(world: &dyn World) -> String {
    format!("req_{:016x}", world.bits())
}

async fn dispatch(counter: &Counter, incoming: &dyn Incoming, request_id: &str) -> Result<Answer, ApiError> {
    let (method, path) = (incoming.method(), incoming.path());
    let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
    if chat::is_here(path) {
        let refused = refusal(path, path, method, request_id);
        return Ok(chat::handle(counter, incoming, request_id, path, refused).await);
    }
    let address = if path.starts_with(DOCUMENT) { DOCUMENT } else { path };
    if methods(address).is_none() {
        if path.starts_with("/v1/") {
            key::check(incoming.header("authorization").as_deref(), &counter.config.api_keys)?;
        } else if let Some(file) = storefront::file(counter, method, path).await {
            return Ok(file);
        }
    }
    if let Some(refused) = refusal(address, path, method, request_id) {
        return Ok(refused);
    }
    if path == "/healthz" {
        return Ok(Answer::json(r#"{"status":"ok"}"#.into()));
    }
    let key = key::check(incoming.header("authorization").as_deref(), &counter.config.api_keys)?;
    if path == "/v1/models" {
        return Ok(models::list(counter));
    }
    let budgets = [Budget::key(&key, counter.config.key_rpm), Budget::upstream(&counter.config)];
    let party = key::party(&key);
    let caller = Caller { kind: Urgency::New, party, tokens: 0, patience_ms: 0 };
    let answer = match gate::enter(counter, budgets[0].clone(), caller, Hears::default()).await {
        Ok(_) => match incoming.header("idempotency-key").filter(|_| method == "POST") {
            Some(header) => {
                let keyed = Keyed::read(incoming, &header, request_id, path, (&key, party)).await;
                keyed.map(|keyed| Answer::asked(Body::Keyed(keyed)))
            }
            None => limited(counter, incoming, request_id, path, party).await,
        },
        Err(refused) => Err(refused),
    };
    let mut answer = answer.unwrap_or_else(|error| Answer::error(&error, request_id));
    answer.limits(counter, &budgets);
    Ok(answer)
}

/// The methods that an address takes; none where there is no such address.
fn methods(address: &str) -> Option<&'static [&'static str]> {
    ADDRESSES.iter().find(|(known, _)| *known == address).map(|(_, methods)| *methods)
}

/// What a request gets whose address does not exist or does not take its method.
fn refusal(address: &str, path: &str, method: &str, request_id: &str) -> Option<Answer> {
    let Some(methods) = methods(address) else {
        let message = format!("There is nothing at {}; the addresses are in the README", shorten(path));
        return Some(Answer::error(&ApiError::new(Kind::NotFound, "unknown_address", message), request_id));
    };
    if methods.contains(&method) {
        return None;
    }
    let message = format!("{} takes {}, not {}", shorten(path), methods.join(", "), shorten(method));
    let error = ApiError::new(Kind::InvalidRequest, "method_not_allowed", message).with_status(405);
    let mut answer = Answer::error(&error, request_id);
    answer.header("allow", methods.join(", "));
    Some(answer)
}

async fn limited(
    counter: &Counter,
    incoming: &dyn Incoming,
    request_id: &str,
    path: &str,
    party: u64,
) -> Result<Answer, ApiError> {
    if path == "/v1/knowledge" {
        return knowledge::answer(counter, incoming, None, request_id).await;
    }
    if let Some(id) = path.strip_prefix(DOCUMENT) {
        let id = percent_encoding::percent_decode_str(id)
            .decode_utf8()
            .map_err(|_| ApiError::field("id", "invalid_utf8", "id must be UTF-8, percent-encoded in the address"))?;
        return knowledge::answer(counter, incoming, Some(&id), request_id).await;
    }
    let body = request::read_body(incoming, request::JSON).await?;
    let completion = path == "/v1/chat/completions";
    // Its own field tells in which form a completion is wanted.
    let accept = if completion { None } else { incoming.header("accept") };
    let request = Request::new(&body, request_id, accept)?.of(party);
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
