//! `POST /v1/chat/completions`: OpenAI's endpoint, plain and streamed, through a route.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use futures::stream::StreamExt;
use serde::Deserialize;

use super::json_mode::{self, Wanted};
use super::reply::Answer;
use super::request::Request;
use crate::admission::message::Kind as Urgency;
use crate::counter::Counter;
use crate::error::{ApiError, Kind};
use crate::upstream::call::{self, Call, Wait};
use crate::upstream::stream::{self, Piece};
use crate::world::Invocation;

/// The error for a Worker with no model's host.
pub fn no_upstream(model: &str) -> ApiError {
    ApiError::new(
        Kind::Overloaded,
        "no_upstream",
        format!(
            "No model's host is configured for {:?}: set the secret UPSTREAM_API_KEY (npx wrangler secret put UPSTREAM_API_KEY), or a base_url in ROUTES",
            model.chars().take(80).collect::<String>()
        ),
    )
}

/// A message as far as it is checked here; the host checks the rest.
#[derive(Deserialize)]
#[serde(expecting = "an object with a role")]
pub struct MessageShape<'a> {
    #[allow(dead_code, reason = "only its presence and type are checked")]
    #[serde(borrow)]
    role: Cow<'a, str>,
}

/// Answers with the host's own reply, or its stream.
pub async fn create(counter: &Counter, request: &Request<'_>) -> Result<Answer, ApiError> {
    let model: String = request.required("model", "the name of a model or a route")?;
    request.list::<MessageShape<'_>>("messages", "a list of messages, each an object with a role", 10_000)?;
    let streamed = request.optional::<bool>("stream", "true or false")?.unwrap_or(false);
    let wanted = Wanted::of(request)?;
    let call = Call {
        targets: counter.config.targets(&model),
        body: request.text.to_owned(),
        request_id: request.id.to_owned(),
        model: model.clone(),
        invocation: Invocation::Here(request.id.into()),
        wait: Wait::new(Urgency::New, request.party),
    };
    if call.targets.is_empty() {
        return Err(no_upstream(&model));
    }
    if let Some(wanted) = wanted {
        return json_mode::create(counter, request, call, &wanted, streamed).await;
    }
    if !streamed {
        let answered = call::complete(counter, &call, false).await.map_err(|f| f.error)?;
        return Ok(Answer::json(answered.value.text));
    }
    let answered = stream::open(counter, &call).await.map_err(|f| f.error)?;
    let id = request.id.to_owned();
    let attempts = answered.attempts;
    let failed = Rc::new(Cell::new(false));
    let failing = Rc::clone(&failed);
    let events = answered.value.filter_map(move |piece| {
        let event = match piece {
            Piece::Chunk(json) => Some(format!("data: {}\n\n", json.replace('\n', "\ndata: "))),
            Piece::Done => Some("data: [DONE]\n\n".to_owned()),
            Piece::Broke(fault) => {
                failing.set(true);
                Some(format!("data: {}\n\n", fault.to_error(attempts).envelope(&id)))
            }
            Piece::Usage(_) => None,
        };
        futures::future::ready(event)
    });
    Ok(Answer::events(events.boxed_local()).failing(failed))
}
