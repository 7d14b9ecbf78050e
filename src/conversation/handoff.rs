//! The letter to a person: a transcript, signed, posted until it is accepted.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::turn::{End, Turn};
use crate::calendar::iso;
use crate::signature;

/// How long one attempt may take, in milliseconds.
pub const ATTEMPT_MS: u64 = 20_000;
/// The first wait, and the longest, in milliseconds.
const FIRST_WAIT_MS: u64 = 2_000;
const LONGEST_WAIT_MS: u64 = 3_600_000;

/// A letter that must arrive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// Its place among this visitor's, from 1.
    pub number: u64,
    /// What tells it from every other; the same at each attempt.
    pub id: String,
    /// The body that is posted; empty once it was accepted.
    pub body: String,
    /// When it was written.
    pub at_ms: u64,
    /// What the shopper added and where to reply, told apart from other letters by these.
    pub words: (String, String),
    /// The last turn in it.
    pub upto: u64,
    /// Attempts made.
    pub attempts: u32,
    /// When the next is due; none once it was accepted.
    pub due_ms: Option<u64>,
    /// Whether its conversation was forgotten: it is then still posted, but seen no more.
    #[serde(default)]
    pub forgotten: bool,
}

impl Letter {
    /// The letter as its visitor sees it in the conversation.
    pub fn message(&self) -> Value {
        let (note, contact) = &self.words;
        json!({ "id": self.id, "role": "handoff", "text": note, "contact": contact, "at": iso(self.at_ms) })
    }
}

/// The wait after so many attempts, in milliseconds: doubling to an hour, each anywhere in its upper half.
pub fn wait_ms(attempts: u32, random: f64) -> u64 {
    let ceiling = FIRST_WAIT_MS.saturating_mul(1 << attempts.saturating_sub(1).min(20)).min(LONGEST_WAIT_MS);
    ceiling / 2 + (ceiling as f64 / 2.0 * random.clamp(0.0, 1.0)) as u64
}

/// The body of a letter: the last turns, and how many before them are left out.
pub fn body(
    id: &str,
    visitor: &str,
    now_ms: u64,
    (note, contact): (&str, &str),
    turns: &[Turn],
    left_out: usize,
) -> String {
    let transcript: Vec<Value> = turns.iter().flat_map(messages).collect();
    json!({
        "id": id, "visitor": visitor, "at": iso(now_ms), "note": note, "contact": contact, "transcript": transcript,
        "left_out": left_out,
    })
    .to_string()
}

/// A turn as messages: the question, and the answer where there is one.
pub fn messages(turn: &Turn) -> Vec<Value> {
    let mut all = vec![json!({ "id": turn.id, "role": "user", "text": turn.question, "at": iso(turn.asked_ms) })];
    if let Some(End::Answered { message_id, rung, at_ms }) = &turn.end {
        let mut answer = json!({
            "id": message_id, "role": "assistant", "text": turn.text, "sources": turn.sources, "rung": rung, "at": iso(*at_ms),
        });
        if let (Some(value), Some(fields)) = (&turn.feedback, answer.as_object_mut()) {
            fields.insert("feedback".into(), value.as_str().into());
        }
        all.push(answer);
    }
    all
}

/// A letter on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The address.
    pub url: String,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

/// Signs a letter at the time of an attempt: HMAC-SHA-256 over the timestamp, a point and the body.
pub fn post(letter: &Letter, url: &str, secret: Option<&str>, now_ms: u64) -> Posted {
    let timestamp = (now_ms / 1000).to_string();
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("idempotency-key", letter.id.clone()),
        ("x-madoguchi-timestamp", timestamp.clone()),
    ];
    if let Some(secret) = secret {
        let signed = signature::sign(secret, &[&timestamp, ".", &letter.body]);
        headers.push(("x-madoguchi-signature", format!("v1={signed}")));
    }
    Posted { url: url.to_owned(), headers, body: letter.body.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_double_to_an_hour_and_are_never_nothing() {
        assert_eq!((wait_ms(1, 0.0), wait_ms(1, 1.0)), (1_000, 2_000));
        assert_eq!((wait_ms(4, 0.0), wait_ms(4, 1.0)), (8_000, 16_000));
        assert_eq!(wait_ms(u32::MAX, 1.0), LONGEST_WAIT_MS);
    }
}
