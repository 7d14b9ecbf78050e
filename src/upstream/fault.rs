//! How an upstream call failed, whether that deserves another try, and what the caller is told.

use serde_json::Value;

use crate::admission::TARGET_FULL;
use crate::error::{ApiError, Kind};
use crate::world::TransportError;

/// A failed attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// No connection, or it broke.
    Broken,
    /// A deadline passed; which, in words.
    Late(&'static str),
    /// The caller could wait no longer for its beginning; the target had not had its time.
    Hurried,
    /// A status that is not a success.
    Status {
        /// The status.
        status: u16,
        /// Whether another try may help.
        retry: bool,
        /// The wait that the host asked for, in milliseconds.
        asked_ms: Option<u64>,
        /// The host's own message.
        message: Option<String>,
        /// The host's own code.
        code: Option<String>,
    },
    /// A success without an answer in it.
    Empty,
    /// A success that is not a completion; why.
    Unreadable(&'static str),
    /// More bytes than a completion can have.
    TooLarge,
    /// An error event within a stream.
    InStream(String),
    /// Our own limits refuse it: no attempt was made, or its reply found no room.
    Refused(ApiError),
}

impl From<TransportError> for Fault {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Broken(_) => Fault::Broken,
        }
    }
}

impl Fault {
    /// A reply of a status that is no success. `secret` never appears in the message.
    pub fn status(status: u16, retry: bool, asked_ms: Option<u64>, body: &[u8], secret: Option<&str>) -> Self {
        let said: Value = serde_json::from_str(&String::from_utf8_lossy(body)).unwrap_or_default();
        let text = |v: Option<&Value>| v.and_then(Value::as_str).map(str::to_owned);
        let (message, code) = match said.get("error") {
            Some(Value::Object(error)) => (text(error.get("message")), text(error.get("code"))),
            error => (text(error), None),
        };
        let message = message.map(|m| {
            let m = secret.filter(|s| !s.is_empty()).map_or_else(|| m.clone(), |s| m.replace(s, "[key]"));
            m.chars().take(500).collect()
        });
        Fault::Status { status, retry, asked_ms, message, code }
    }

    /// Whether another try at the same target may help.
    pub fn deserves_retry(&self) -> bool {
        match self {
            Fault::Broken
            | Fault::Late(_)
            | Fault::Hurried
            | Fault::Empty
            | Fault::Unreadable(_)
            | Fault::TooLarge
            | Fault::InStream(_) => true,
            Fault::Status { retry, .. } => *retry,
            Fault::Refused(_) => false,
        }
    }

    /// Whether the next target of a route may do better: all but the caller's own mistakes and our own limits.
    pub fn another_target_may_help(&self) -> bool {
        match self {
            Fault::Status { status, .. } => self.deserves_retry() || matches!(status, 300..=399 | 401..=404),
            Fault::Refused(error) => error.code == TARGET_FULL,
            _ => true,
        }
    }

    /// Whether it counts against the target's breaker. A full host (429) is not a broken one; one that sends elsewhere, where no key
    /// follows, is.
    pub fn is_the_targets(&self) -> bool {
        match self {
            Fault::Status { status, .. } => matches!(status, 300..=399 | 408 | 500..),
            Fault::Refused(_) | Fault::Hurried => false,
            _ => true,
        }
    }

    /// The wait that the host asked for, in milliseconds.
    pub fn asked_ms(&self) -> Option<u64> {
        match self {
            Fault::Status { asked_ms, .. } => *asked_ms,
            _ => None,
        }
    }

    /// What the caller is told after `attempts` attempts.
    pub fn to_error(&self, attempts: u32) -> ApiError {
        let tries = if attempts == 1 { "1 attempt".to_owned() } else { format!("{attempts} attempts") };
        let upstream =
            |code, what: &str| ApiError::new(Kind::Upstream, code, format!("{what} ({tries}); try again in a moment"));
        match self {
            Fault::Hurried => Fault::Late("the first byte").to_error(attempts),
            Fault::Broken => {
                upstream("upstream_unreachable", "The model's host could not be reached, or broke the connection")
            }
            Fault::Late(which) => ApiError::new(
                Kind::Timeout,
                "upstream_timeout",
                format!(
                    "The model's host was silent past the deadline for {which} ({tries}); try again, or ask for a shorter answer"
                ),
            ),
            Fault::Empty => upstream("upstream_empty", "The model's host answered without an answer"),
            Fault::Unreadable(why) => upstream("upstream_unreadable", &format!("The model's host answered with {why}")),
            Fault::TooLarge => upstream("upstream_too_large", "The model's host sent more than a completion can be"),
            Fault::InStream(message) => {
                upstream("upstream_error", &format!("The model's host reported within its stream: {message}"))
            }
            Fault::Refused(error) => error.clone(),
            Fault::Status { status, message, code: _, asked_ms, .. } => {
                let said = message.as_deref().unwrap_or("no reason given");
                match status {
                    429 => ApiError::new(
                        Kind::RateLimit,
                        "upstream_rate_limited",
                        format!("The model's host is at its limit ({tries}): {said}"),
                    )
                    .retry_after(asked_ms.unwrap_or(1000)),
                    401..=403 => ApiError::new(
                        Kind::Upstream,
                        "upstream_refused_key",
                        format!(
                            "The model's host refused this Worker's key with {status}: the operator must check UPSTREAM_API_KEY and ROUTES"
                        ),
                    ),
                    400 | 404 | 405 | 406 | 413 | 415 | 422 => {
                        let status = if matches!(status, 405 | 406) { 400 } else { *status };
                        ApiError::new(
                            Kind::InvalidRequest,
                            "upstream_refused_request",
                            format!("The model's host refused the request: {said}"),
                        )
                        .with_status(status)
                    }
                    408 | 504 => ApiError::new(
                        Kind::Timeout,
                        "upstream_timeout",
                        format!("The model's host gave {status} ({tries}): {said}"),
                    ),
                    _ => upstream("upstream_error", &format!("The model's host gave {status}: {said}")),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hosts_message_reaches_the_caller_without_the_key() {
        let body = br#"{"error":{"message":"bad thing with sk-1","code":"x"}}"#;
        let error = Fault::status(500, true, None, body, Some("sk-1")).to_error(2);
        assert_eq!(error.status, 502);
        assert!(error.message.contains("bad thing with [key]") && error.message.contains("2 attempts"), "{error}");
        let refused = Fault::status(401, false, None, body, Some("sk-1")).to_error(1);
        assert!(!refused.message.contains("bad thing"));
    }

    #[test]
    fn the_callers_mistakes_keep_their_status() {
        for status in [400, 404, 413, 422] {
            let fault = Fault::status(status, false, None, b"<html>", None);
            assert_eq!(fault.to_error(1).status, status);
        }
    }
}
