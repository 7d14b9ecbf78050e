//! `POST /v1/documents/analyze`: each document read by a model, at once: relevance, summary, key points.

use serde::Deserialize;
use serde_json::{Value, json};

use super::batch::{WIDEST, reply};
use super::chat_completions::no_upstream;
use super::reply::Answer;
use super::request::Request;
use crate::config::DEFAULT_ROUTE;
use crate::counter::Counter;
use crate::fanout::bounded::{self, Outcome};
use crate::knowledge::{
    self,
    relevance::{self, Reading},
};
use crate::upstream::call::Wait;
use crate::upstream::wire::Fields;

/// The most documents in one request.
const MOST: usize = 1_000;
/// A document of a request.
#[derive(Debug, Clone, Deserialize)]
#[serde(expecting = "an object with an id and its content")]
pub struct Document {
    /// The caller's name for it.
    pub id: String,
    /// Its text.
    pub content: String,
    /// Its title.
    #[serde(default)]
    pub title: Option<String>,
    /// Where it can be read.
    #[serde(default)]
    pub url: Option<String>,
}

impl Document {
    /// As the shop's own pages are held.
    pub fn page(self) -> knowledge::Document {
        knowledge::Document { id: self.id, title: self.title, content: self.content, url: self.url, lang: None }
    }
}

/// What a document must be, in words.
pub const DOCUMENT: &str = "a list of 1 to 1000 documents, each {\"id\": \"...\", \"content\": \"...\"} with texts";

/// Analyses the documents.
pub async fn analyze(counter: &Counter, request: &Request<'_>) -> Result<Answer, crate::error::ApiError> {
    let documents: Vec<Document> = request.list("documents", DOCUMENT, MOST)?;
    let query: Option<String> = request.optional("query", "a text")?;
    let model: Option<String> = request.optional("model", "the name of a model or a route")?;
    let usual = if counter.config.has_route("analysis") { "analysis" } else { DEFAULT_ROUTE };
    let model = model.unwrap_or_else(|| usual.to_owned());
    let width = request.count("max_concurrent", 15, 1, WIDEST)?;
    if counter.config.targets(&model).is_empty() {
        return Err(no_upstream(&model));
    }
    let mut shared: Fields<'_> = request.fields.clone();
    shared.remove(&["documents", "query", "max_concurrent", "stream", "stream_options", "messages"]);
    let ask = |d: &Document| {
        relevance::job(
            &shared,
            &model,
            query.as_deref(),
            &d.content,
            request.id,
            Wait::batch(request.party, bounded::PATIENCE_MS),
        )
    };
    let jobs = documents.iter().map(ask).collect();
    let results = bounded::run(counter, jobs, width, request.id);
    let ids: Vec<String> = documents.into_iter().map(|d| d.id).collect();
    let write = move |index: usize, outcome: &Outcome| result(ids.get(index).map_or("", String::as_str), outcome);
    Ok(reply(counter, results, request.wants_lines(), write).await)
}

/// One document's result. A reply that is not what was asked for is kept as text, and says so.
fn result(id: &str, outcome: &Outcome) -> Value {
    let read = Reading::of(outcome);
    json!({
        "id": id, "relevance": read.relevance, "summary": read.summary, "key_points": read.key_points,
        "read_as": read.read_as, "error": outcome.error,
    })
}
