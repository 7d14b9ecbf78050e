//! `POST /v1/answer`: a question answered from the given documents, or from the shop's own, with its sources.

use futures::stream::StreamExt;
use serde_json::{Value, json};

use super::documents::{DOCUMENT, Document};
use super::reply::Answer;
use super::request::Request;
use crate::admission::message::Kind as Urgency;
use crate::counter::Counter;
use crate::error::ApiError;
use crate::knowledge::answering::{self, Asked, Event, Source};
use crate::knowledge::find::find;
use crate::knowledge::{passage, rank};
use crate::upstream::call::Wait;
use crate::world::Invocation;

/// The longest question, in characters.
pub const LONGEST_QUERY: usize = 4_000;

/// Answers with the model, or, with no model's host, with the passages themselves.
pub async fn answer(counter: &Counter, request: &Request<'_>) -> Result<Answer, ApiError> {
    let query: String = request.required("query", "the question, a text")?;
    if query.trim().is_empty() || query.chars().count() > LONGEST_QUERY {
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
        request.optional("model", "the name of a model or a route")?.unwrap_or_else(|| "default".into());
    let sources = match request.optional::<Value>("documents", DOCUMENT)? {
        None => find(counter, &query, &[], top_k, request.id, request.party).await?,
        Some(_) => sources(&query, &request.list::<Document>("documents", DOCUMENT, 1000)?, top_k),
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
    if !streamed {
        let whole = match answering::whole(counter, &asked, fields).await {
            Err(error) if steps_down(&error) => answering::excerpts(&asked),
            whole => whole?,
        };
        return Ok(Answer::json(json!(whole).to_string()));
    }
    let id = request.id.to_owned();
    let events = match answering::stream(counter, &asked, fields).await {
        Err(error) if steps_down(&error) => answering::excerpts(&asked).said(),
        events => events?,
    };
    Ok(Answer::events(events.map(move |event| write(&event, &id)).boxed_local()))
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

/// The best passages of the documents, best first, at most one of each document until every document that bears has one.
fn sources(query: &str, documents: &[Document], top_k: usize) -> Vec<Source> {
    let cut: Vec<(&Document, String)> =
        documents.iter().flat_map(|d| passage::cut(&d.content).into_iter().map(move |p| (d, p.to_owned()))).collect();
    // A title tells what a passage is about even where the passage does not say it again.
    let searched: Vec<String> =
        cut.iter().map(|(d, p)| format!("{} {p}", d.title.as_deref().unwrap_or_default())).collect();
    let hits = rank::rank(query, searched.iter().map(String::as_str));
    let mut seen = std::collections::HashSet::new();
    let (first, more): (Vec<_>, Vec<_>) =
        hits.iter().filter_map(|h| cut.get(h.index)).partition(|(d, _)| seen.insert(d.id.as_str()));
    first
        .into_iter()
        .chain(more)
        .take(top_k)
        .map(|(d, p)| Source { id: d.id.clone(), title: d.title.clone(), url: d.url.clone(), passage: p.clone() })
        .collect()
}
