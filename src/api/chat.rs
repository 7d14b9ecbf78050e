//! `/chat*`, the visitor's way in: origin, token and address are checked here with nothing kept; all else is the visitor's own object's,
//! to which the request is handed on as a [`Visit`].

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;

use super::reply::{Answer, Body};
use super::request::{self, Incoming, Request, is_blank};
use super::visit::{Errand, Visit};
use crate::admission::gate::{self, Hears};
use crate::admission::holder::Caller;
use crate::admission::message::Kind as Urgency;
use crate::admission::{Budget, origin, visitor};
use crate::calendar::{DAY_MS, iso};
use crate::counter::Counter;
use crate::error::ApiError;

/// The longest message, in characters.
const LONGEST_MESSAGE: usize = 4_000;
/// The longest id of a message, in characters.
const LONGEST_ID: usize = 100;
/// The longest note to a person and the longest address for the reply, in characters.
const LONGEST_NOTE: usize = 4_000;
const LONGEST_CONTACT: usize = 500;

/// Whether a path is the visitor's.
pub fn is_here(path: &str) -> bool {
    path == "/chat" || path.starts_with("/chat/")
}

/// Answers a request to `/chat*`; one that no address takes with `refused`. Whatever the answer, the shop's own page can read it:
/// without these headers its browser would tell it of a broken connection and no more.
pub async fn handle(
    counter: &Counter,
    incoming: &dyn Incoming,
    request_id: &str,
    path: &str,
    refused: Option<Answer>,
) -> Answer {
    let from = incoming.header("origin");
    let origin = match origin::of_request(from.as_deref(), &incoming.origin(), &counter.config.allowed_origins) {
        Ok(origin) => origin,
        Err(error) => {
            let mut answer = refused.unwrap_or_else(|| Answer::error(&error, request_id));
            answer.header("vary", "Origin");
            return answer;
        }
    };
    let answer = match (refused, incoming.method()) {
        (Some(refused), _) => Ok(refused),
        (None, "OPTIONS") => Ok(preflight()),
        (None, _) => respond(counter, incoming, request_id, path, &origin).await,
    };
    let mut answer = answer.unwrap_or_else(|error| Answer::error(&error, request_id));
    answer.header("vary", "Origin");
    answer.header("access-control-allow-origin", origin);
    answer.header("access-control-expose-headers", "x-request-id, retry-after, ratelimit, ratelimit-policy");
    answer
}

fn preflight() -> Answer {
    let mut answer = Answer::empty();
    answer.header("access-control-allow-methods", "GET, POST, DELETE");
    answer.header("access-control-allow-headers", "authorization, content-type, last-event-id");
    answer.header("access-control-max-age", "7200");
    answer
}

async fn respond(
    counter: &Counter,
    incoming: &dyn Incoming,
    request_id: &str,
    path: &str,
    origin: &str,
) -> Result<Answer, ApiError> {
    if path == "/chat/session" {
        return session(counter, incoming, request_id, origin).await;
    }
    let authorization = incoming.header("authorization");
    let now = counter.world.now_ms();
    let who = visitor::check(&counter.config.visitor_secrets, authorization.as_deref(), origin, now)?;
    let body = match incoming.method() {
        "POST" => request::read_body(incoming, request::CHAT).await?,
        _ => "{}".to_owned(),
    };
    let request = Request::new(&body, request_id, None)?;
    let errand = match path {
        "/chat" => {
            let id = request.optional::<String>("id", "a text that tells this message from every other")?;
            if let Some(id) = &id {
                bounded("id", id, LONGEST_ID, 400)?;
            }
            let message: String = request.required("message", "what the shopper says, a text")?;
            bounded("message", &message, LONGEST_MESSAGE, 413)?;
            Errand::Ask { id, message, last_event_id: incoming.header("last-event-id").map(Cow::into_owned) }
        }
        "/chat/feedback" => {
            let message_id = request.required("message_id", "the id of an answer, as done or /chat/history gave it")?;
            let value = request.optional::<Thumb>("value", "\"up\", \"down\", or null to take it back")?;
            Errand::Feedback { message_id, value: value.map(|v| v.name().to_owned()) }
        }
        "/chat/handoff" => {
            let text = |name: &str, most| -> Result<String, ApiError> {
                let text = request.optional::<String>(name, "a text")?.unwrap_or_default();
                if !text.is_empty() {
                    bounded(name, &text, most, 413)?;
                }
                Ok(text)
            };
            let errand =
                Errand::HandOff { note: text("note", LONGEST_NOTE)?, contact: text("contact", LONGEST_CONTACT)? };
            if let Some(digest) = address(counter, incoming).filter(|_| counter.config.handoff.url.is_some()) {
                gate::enter(counter, Some(Budget::handoffs(&digest)), AT_ONCE, Hears::default()).await?;
            }
            errand
        }
        _ if incoming.method() == "DELETE" => Errand::Forget,
        _ => Errand::History,
    };
    let visit = Visit { visitor: who.id, request_id: request_id.to_owned(), errand };
    Ok(Answer::asked(Body::Visit(visit)))
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Thumb {
    Up,
    Down,
}

impl Thumb {
    fn name(&self) -> &'static str {
        match self {
            Thumb::Up => "up",
            Thumb::Down => "down",
        }
    }
}

/// Refuses a text that is blank (400) or longer than `most` characters (`too_long`).
fn bounded(name: &str, text: &str, most: usize, too_long: u16) -> Result<(), ApiError> {
    let length = text.chars().count();
    let status = match () {
        () if is_blank(text) => 400,
        () if length > most => too_long,
        () => return Ok(()),
    };
    let message = format!("{name} has {length} characters: it must have 1 to {most}, and not be blank");
    Err(ApiError::field(name, "out_of_range", message).with_status(status))
}

/// Begins a conversation, or goes on with the one whose token is sent along, be it still good or run out while the conversation is kept.
async fn session(
    counter: &Counter,
    incoming: &dyn Incoming,
    request_id: &str,
    origin: &str,
) -> Result<Answer, ApiError> {
    let (config, now) = (&counter.config, counter.world.now_ms());
    let body = request::read_body(incoming, request::CHAT).await?;
    let body = if body.trim().is_empty() { "{}" } else { &body };
    let request = Request::new(body, request_id, None)?;
    let locale = request.optional::<String>("locale", "a language such as ja or en")?;
    let before = incoming.header("authorization");
    let grace_ms = config.history_days * DAY_MS;
    let known = visitor::renew(&config.visitor_secrets, before.as_deref(), origin, now, grace_ms);
    let renewed = known.is_some();
    let expires_ms = now + config.token_minutes * 60_000;
    let id = known.map_or_else(|| new_visitor(counter), |v| v.id);
    let token = visitor::issue(&config.visitor_secrets, &id, origin, expires_ms)?;
    // Whoever is known already is no new session of the address: a busy one must not end a conversation.
    let digest = address(counter, incoming).filter(|_| !renewed);
    let budget = digest.and_then(|digest| Budget::address(&digest, config.address_rpm));
    if let Err(refused) = gate::enter(counter, budget.clone(), AT_ONCE, Hears::default()).await {
        let mut answer = Answer::error(&refused, request_id);
        answer.limits(counter, std::slice::from_ref(&budget));
        return Ok(answer);
    }
    let greeting = match locale.as_deref().map(str::to_ascii_lowercase) {
        Some(l) if !l.starts_with("ja") => "Welcome. Ask us anything.",
        _ => "いらっしゃいませ。何でもお尋ねください。",
    };
    let mut told = json!({ "token": token, "expires_at": iso(expires_ms), "renewed": renewed, "greeting": greeting });
    if let (None, Some(fields)) = (&config.handoff.url, told.as_object_mut()) {
        // Where no letter can be sent, the shopper should know before writing one.
        fields.insert("contact".into(), json!(config.handoff.contact));
    }
    let mut answer = Answer::json(told.to_string());
    answer.header("cache-control", "no-store");
    answer.limits(counter, std::slice::from_ref(&budget));
    Ok(answer)
}

/// Who takes a permit of an address's limit.
const AT_ONCE: Caller = Caller { kind: Urgency::New, party: 0, tokens: 0, patience_ms: 0 };

/// The digest of the address that a request is from, where the platform tells it.
fn address(counter: &Counter, incoming: &dyn Incoming) -> Option<String> {
    let address = incoming.header("cf-connecting-ip").filter(|a| !a.trim().is_empty())?;
    Some(visitor::address_digest(&counter.config.visitor_secrets, &address))
}

fn new_visitor(counter: &Counter) -> String {
    format!("{:016x}{:016x}", counter.world.bits(), counter.world.bits())
}
