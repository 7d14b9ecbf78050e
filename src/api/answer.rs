//! `POST /v1/answer`: a question answered from the given documents, or from the shop's own, with its sources.

use std::cell::Cell;
use std::rc::Rc;

use futures::stream::StreamExt;
use serde_json::{Value, json};

use super::documents::{DOCUMENT, Document};
use super::reply::Answer;
use super::request::{Request, is_blank};
use crate::admission::message::Kind as Urgency;
use crate::config::DEFAULT_ROUTE;
use crate::counter::Counter;
use crate::error::ApiError;
use crate::knowledge::answering::{self, Asked, Event};
use crate::knowledge::find::{find, find_among};
use crate::knowledge::store::check_url;
use crate::upstream::call::Wait;
use crate::world::Invocation;

/// The longest question, in characters.
pub const LONGEST_QUERY: usize = 4_000;

/// Answers with the model, or, with no model's host, with the passages themselves.
pub async fn answer(counter: &Counter, request: &Request<'_>) -> Result<Answer, ApiError> {
    let query: String = request.required("query", "the question, a text")?;
    if is_blank(&query) || query.chars().count() > LONGEST_QUERY {
        return Err(ApiError::field(
            "query",
            "out_of_range",
            format!("query must have 1 to {LONGEST_QUERY} characters"),
        ));
    }
    let top_k = request.count("top_k", 5, 1, 20)?;
    let streamed = request.optional::<bool>("stream", "true or false")?.unwrap_or(false);
    let ladder = request.optional::<bool>("ladder", "true or false")?.unwrap_or(false);
    let model: String =
        request.optional("model", "the name of a model or a route")?.unwrap_or_else(|| DEFAULT_ROUTE.into());
    let sources = match request.optional::<Value>("documents", DOCUMENT)? {
        None => find(counter, &query, &[], top_k, request.id, request.party).await?,
        Some(_) => {
            let given = request.list::<Document>("documents", DOCUMENT, 1000)?;
            for (at, url) in given.iter().enumerate().filter_map(|(at, d)| Some((at, d.url.as_deref()?))) {
                check_url(&format!("documents[{at}].url"), url)?;
            }
            let given = given.into_iter().map(Document::page).collect();
            find_among(counter, given, &query, top_k, request.id, request.party).await
        }
    };
    let asked = Asked {
        question: query,
        history: Vec::new(),
        sources,
        model,
        request_id: request.id.to_owned(),
        invocation: Invocation::Here(request.id.into()),
        wait: Wait::new(Urgency::New, request.party),
    };
    let mut fields = request.fields.clone();
    fields.remove(&["query", "documents", "top_k", "stream", "stream_options", "ladder"]);
    // A server is told of a rush, unless it would rather have what can be said in one.
    let steps_down = |error: &ApiError| ladder && error.is_of_the_moment() && !asked.sources.is_empty();
    let failed = Rc::new(Cell::new(false));
    let excerpts = async || {
        failed.set(true);
        answering::excerpts(counter, &asked).await
    };
    if !streamed {
        let whole = match answering::whole(counter, &asked, fields).await {
            Err(error) if steps_down(&error) => excerpts().await,
            whole => whole?,
        };
        return Ok(Answer::json(json!(whole).to_string()).failing(failed));
    }
    let id = request.id.to_owned();
    let failing = Rc::clone(&failed);
    let events = match answering::stream(counter, &asked, fields).await {
        Err(error) if steps_down(&error) => excerpts().await.said(),
        events => events?,
    };
    let events = events.map(move |event| {
        if matches!(event, Event::Broke(_)) {
            failing.set(true);
        }
        write(&event, &id)
    });
    Ok(Answer::events(events.boxed_local()).failing(failed))
}

fn write(event: &Event, request_id: &str) -> String {
    let (name, data) = match event {
        Event::Sources(sources) => ("sources", json!(sources)),
        Event::Delta(text) => ("delta", json!({ "text": text })),
        Event::Done { rung, usage } => ("done", json!({ "rung": rung, "usage": usage })),
        Event::Broke(error) => ("error", error.envelope(request_id)),
    };
    format!("event: {name}\ndata: {data}\n\n")
}
