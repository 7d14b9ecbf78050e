//! A visitor's request on its way to the visitor's own object, and what the object makes of it.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::reply::Answer;
use crate::admission::Budget;
use crate::config::Config;
use crate::conversation::desk::Desk;
use crate::error::ApiError;

/// A request whose visitor is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    /// The visitor's id, which names the object.
    pub visitor: String,
    /// The request's id.
    pub request_id: String,
    /// What is wanted.
    pub errand: Errand,
}

/// What a visitor wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Errand {
    /// An answer.
    Ask {
        /// The message's id.
        id: Option<String>,
        /// The message.
        message: String,
        /// The last event that was heard.
        last_event_id: Option<String>,
    },
    /// What was said.
    History,
    /// That nothing be kept.
    Forget,
    /// A thumb on an answer.
    Feedback {
        /// The answer.
        message_id: String,
        /// `up` or `down`; none takes it back.
        value: Option<String>,
    },
    /// A person.
    HandOff {
        /// What the shopper adds.
        note: String,
        /// Where to reply.
        contact: String,
    },
}

/// Serves a visit at the visitor's desk. What the desk has to do then is the caller's to run.
pub fn serve(config: &Config, desk: &Desk, visit: &Visit) -> Answer {
    let mut answer = errand(config, desk, visit).unwrap_or_else(|error| Answer::error(&error, &visit.request_id));
    let spends = matches!(visit.errand, Errand::Ask { .. } | Errand::HandOff { .. } | Errand::Feedback { .. });
    if let Some(budget) = Budget::visitor(config.visitor_rpm).filter(|_| spends) {
        answer.standings(vec![(&budget, desk.standing())]);
    }
    answer
}

fn errand(config: &Config, desk: &Desk, visit: &Visit) -> Result<Answer, ApiError> {
    let reply = match &visit.errand {
        Errand::Ask { id, message, last_event_id } => {
            return Ok(Answer::events(desk.ask(id.as_deref(), message, last_event_id.as_deref())?));
        }
        Errand::History => desk.history(),
        Errand::Forget => {
            desk.forget()?;
            return Ok(Answer::empty());
        }
        Errand::Feedback { message_id, value } => {
            desk.feedback(message_id, value.as_deref())?;
            json!({ "message_id": message_id, "value": value })
        }
        Errand::HandOff { note, contact } => match desk.hand_off(&visit.visitor, note, contact)? {
            Some(id) => json!({ "status": "sent", "id": id }),
            None => json!({ "status": "contact", "contact": config.handoff.contact }),
        },
    };
    let mut answer = Answer::json(reply.to_string());
    answer.header("cache-control", "no-store");
    Ok(answer)
}
