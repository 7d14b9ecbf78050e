//! `/v1/knowledge`: the shop's documents, put, read, listed, searched and deleted.

use serde_json::{Value, json};

use super::reply::Answer;
use super::request::{Incoming, JSON, LINES, Request, half_a_letter, read_body};
use crate::counter::Counter;
use crate::error::{ApiError, Kind};
use crate::knowledge::{Document, store};
use crate::typed;

/// Documents of one page of the list.
const PAGE: usize = 100;

const WANTED: &str = "one JSON object {\"content\": \"...\", \"title\"?, \"url\"?, \"lang\"?} with texts";

/// Answers a call to `/v1/knowledge` or, with an id, to `/v1/knowledge/{id}`.
pub async fn answer(
    counter: &Counter,
    incoming: &dyn Incoming,
    id: Option<&str>,
    request_id: &str,
) -> Result<Answer, ApiError> {
    match (incoming.method(), id) {
        ("PUT", Some(id)) => put(counter, incoming, id, request_id).await,
        ("DELETE", Some(id)) => delete(counter, id).await,
        (_, Some(id)) => get(counter, id).await,
        ("POST", None) => load(counter, incoming, request_id).await,
        (_, None) => match incoming.query("q") {
            Some(question) => search(counter, incoming, &question).await,
            None => list(counter, incoming).await,
        },
    }
}

fn unknown(id: &str) -> ApiError {
    let message =
        format!("There is no document {:?}: GET /v1/knowledge lists them", id.chars().take(100).collect::<String>());
    ApiError { param: Some("id".into()), ..ApiError::new(Kind::NotFound, "unknown_document", message) }
}

async fn put(counter: &Counter, incoming: &dyn Incoming, id: &str, request_id: &str) -> Result<Answer, ApiError> {
    let body = read_body(incoming, JSON).await?;
    let request = Request::new(&body, request_id, None)?;
    let document = Document {
        id: id.to_owned(),
        content: request.required("content", "the document's text")?,
        title: request.optional("title", "a text")?,
        url: request.optional("url", "a text")?,
        lang: request.optional("lang", "a text such as ja or en")?,
    };
    store::check(&document)?;
    let written = json!(document).to_string();
    counter.world.put_documents(vec![document]).await?;
    Ok(Answer::json(written))
}

async fn delete(counter: &Counter, id: &str) -> Result<Answer, ApiError> {
    store::check_id(id)?;
    if !counter.world.remove_document(id.to_owned()).await? {
        return Err(unknown(id));
    }
    Ok(Answer::json(json!({ "id": id, "deleted": true }).to_string()))
}

async fn get(counter: &Counter, id: &str) -> Result<Answer, ApiError> {
    let index = counter.world.knowledge(true).await?;
    let index = index.borrow();
    index.get(id).map(|d| Answer::json(json!(d).to_string())).ok_or_else(|| unknown(id))
}

/// The most lines that a reply tells the faults of: it would be a hundred times as long as the lines.
const MOST_FAILED: usize = 100;

/// Stores every line that is right, and tells those that are not by their numbers, the first of them at length. Where none is right
/// the request has failed, and its status says so too.
async fn load(counter: &Counter, incoming: &dyn Incoming, request_id: &str) -> Result<Answer, ApiError> {
    let body = read_body(incoming, LINES).await?;
    let (mut documents, mut failed, mut more_failed) = (Vec::<Document>::new(), Vec::new(), 0_usize);
    for (at, line) in body.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match read_line(line) {
            Ok(document) => documents.push(document),
            Err(error) if failed.len() < MOST_FAILED => {
                failed.push(json!({ "line": at + 1, "error": error.body() }));
            }
            Err(_) => more_failed += 1,
        }
    }
    if documents.is_empty() && failed.is_empty() {
        let message = "The body has no line: send a document a line, each {\"id\": \"...\", \"content\": \"...\"}";
        return Err(ApiError::new(Kind::InvalidRequest, "empty_body", message));
    }
    let stored: Vec<Value> = documents.iter().map(|d| json!(d.id)).collect();
    let lines = json!({ "stored": stored, "failed": failed, "more_failed": more_failed });
    if !documents.is_empty() {
        counter.world.put_documents(documents).await?;
        return Ok(Answer::json(lines.to_string()));
    }
    let message = format!(
        "No line could be stored ({} failed): failed tells why, line by line; mend them and send them again",
        failed.len() + more_failed
    );
    let error = ApiError::new(Kind::InvalidRequest, "nothing_stored", message).with_status(422);
    let mut told = error.envelope(request_id);
    if let (Some(told), Value::Object(lines)) = (told.as_object_mut(), lines) {
        told.extend(lines);
    }
    let mut answer = Answer::json(told.to_string());
    answer.status = error.status;
    Ok(answer)
}

fn read_line(line: &str) -> Result<Document, ApiError> {
    let document: Document = typed::read(line).map_err(|e| {
        let reason = e.to_string();
        let reason = half_a_letter(&reason).map_or_else(|| reason.chars().take(200).collect(), str::to_owned);
        ApiError::new(
            Kind::InvalidRequest,
            "invalid_json",
            format!("The line cannot be read ({reason}): it must be {WANTED} and an \"id\""),
        )
    })?;
    store::check(&document)?;
    Ok(document)
}

/// The list by ids, a page at a time; `after` is the last id of the page before.
async fn list(counter: &Counter, incoming: &dyn Incoming) -> Result<Answer, ApiError> {
    let after = incoming.query("after");
    let index = counter.world.knowledge(true).await?;
    let index = index.borrow();
    let mut documents: Vec<&Document> =
        index.documents().filter(|d| after.as_ref().is_none_or(|after| d.id > *after)).collect();
    crate::order::sort_by(&mut documents, |a, b| a.id.cmp(&b.id));
    let more = documents.len() > PAGE;
    documents.truncate(PAGE);
    let next = documents.last().filter(|_| more).map(|d| d.id.as_str());
    let shown: Vec<Value> = documents
        .iter()
        .map(|d| json!({ "id": d.id, "title": d.title, "url": d.url, "lang": d.lang, "characters": d.content.chars().count() }))
        .collect();
    Ok(Answer::json(json!({ "documents": shown, "total": index.len(), "next": next }).to_string()))
}

async fn search(counter: &Counter, incoming: &dyn Incoming, question: &str) -> Result<Answer, ApiError> {
    if question.trim().is_empty() || question.chars().count() > super::answer::LONGEST_QUERY {
        let message = format!("q must have 1 to {} characters", super::answer::LONGEST_QUERY);
        return Err(ApiError::field("q", "out_of_range", message));
    }
    let limit = match incoming.query("limit") {
        None => 10,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|n| (1..=50).contains(n))
            .ok_or_else(|| ApiError::field("limit", "out_of_range", "limit must be a whole number from 1 to 50"))?,
    };
    let index = counter.world.knowledge(true).await?;
    let hits = index.borrow().search(question, limit);
    let bears = hits.iter().any(crate::knowledge::Hit::bears);
    Ok(Answer::json(json!({ "passages": hits, "answers": bears }).to_string()))
}
