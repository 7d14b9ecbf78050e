//! Writing a reply: bodies, lines as they come, and the headers that tell of limits.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use futures::stream::LocalBoxStream;

use super::idempotency::Keyed;
use super::visit::Visit;
use crate::admission::{Budget, Standing};
use crate::counter::Counter;
use crate::error::ApiError;

/// A reply's body.
pub enum Body {
    /// The whole of it.
    Text(String),
    /// Pieces as they come; dropping it stops what makes them.
    Stream(LocalBoxStream<'static, String>),
    /// What a visitor's own object answers; its status and headers come before these.
    Visit(Visit),
    /// What the object of the request's idempotency key answers; its status and headers come before these.
    Keyed(Keyed),
}

/// A reply.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers, names in small letters.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The body.
    pub body: Body,
    /// Set, with the last of the body at the latest, where the body tells of a failure that the status does not: another try may
    /// mend it.
    pub failed: Option<Rc<Cell<bool>>>,
}

impl Answer {
    fn of(kind: &'static str, body: Body) -> Self {
        // Few replies have more.
        let mut headers = Vec::with_capacity(12);
        headers.extend([
            ("content-type", kind.into()),
            // Nothing in it is to be run or framed, whatever a browser takes it for.
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'".into()),
            ("x-content-type-options", "nosniff".into()),
        ]);
        Self { status: 200, headers, body, failed: None }
    }

    /// A reply that an object will give.
    pub fn asked(body: Body) -> Self {
        Self { status: 200, headers: Vec::new(), body, failed: None }
    }

    /// A reply of JSON.
    pub fn json(text: String) -> Self {
        Self::of("application/json", Body::Text(text))
    }

    /// The same, in pieces as they come.
    pub fn json_as_it_comes(pieces: LocalBoxStream<'static, String>) -> Self {
        Self::of("application/json", Body::Stream(pieces))
    }

    /// A reply of plain text.
    pub fn text(text: String) -> Self {
        Self::of("text/plain; charset=utf-8", Body::Text(text))
    }

    /// A reply of headers alone (204).
    pub fn empty() -> Self {
        Self { status: 204, ..Self::text(String::new()) }
    }

    /// Lines of JSON as they come.
    pub fn lines(lines: LocalBoxStream<'static, String>) -> Self {
        Self::of("application/x-ndjson", Body::Stream(lines))
    }

    /// Server-sent events as they come.
    pub fn events(events: LocalBoxStream<'static, String>) -> Self {
        let mut answer = Self::of("text/event-stream; charset=utf-8", Body::Stream(events));
        answer.header("cache-control", "no-cache");
        answer
    }

    /// An error in the contract's envelope.
    pub fn error(error: &ApiError, request_id: &str) -> Self {
        let mut answer = Self::json(error.envelope(request_id).to_string());
        answer.status = error.status;
        if let Some(seconds) = error.retry_after_seconds() {
            answer.header("retry-after", seconds.to_string());
        }
        if !error.deserves_retry() {
            answer.header("x-should-retry", "false");
        }
        if error.status == 401 {
            answer.header("www-authenticate", "Bearer");
        }
        answer
    }

    /// The same, whose body tells in `failed` of a failure.
    pub fn failing(self, failed: Rc<Cell<bool>>) -> Self {
        Self { failed: Some(failed), ..self }
    }

    /// Adds a header.
    pub fn header(&mut self, name: &'static str, value: impl Into<Cow<'static, str>>) {
        self.headers.push((name, value.into()));
    }

    /// Adds the headers of the limits as this isolate knows them: draft-ietf-httpapi-ratelimit-headers, and OpenAI's own for the
    /// tightest.
    pub fn limits<'a>(&mut self, counter: &Counter, budgets: impl Iterator<Item = &'a Budget>) {
        self.standings(budgets.map(|budget| (budget, counter.learned.standing(budget))));
    }

    /// The same where it is known otherwise how each budget stands.
    pub fn standings<'a>(&mut self, budgets: impl Iterator<Item = (&'a Budget, Option<Standing>)>) {
        let (mut policies, mut states) = (Vec::new(), Vec::new());
        let mut tightest: Option<Standing> = None;
        for (budget, standing) in budgets {
            if budget.limits.permits == 0 {
                continue;
            }
            policies.push(format!("\"{}\";q={};w=60", budget.kind, budget.limits.permits));
            let Some(standing) = standing else { continue };
            states.push(format!("\"{}\";r={};t={}", budget.kind, standing.remaining, standing.reset_ms.div_ceil(1000)));
            if tightest.is_none_or(|t| standing.remaining < t.remaining) {
                tightest = Some(standing);
            }
        }
        if !policies.is_empty() {
            self.header("ratelimit-policy", policies.join(", "));
        }
        if let Some(s) = tightest {
            self.header("ratelimit", states.join(", "));
            self.header("x-ratelimit-limit-requests", s.limit.to_string());
            self.header("x-ratelimit-remaining-requests", s.remaining.to_string());
            self.header("x-ratelimit-reset-requests", format!("{}.{:03}s", s.reset_ms / 1000, s.reset_ms % 1000));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn clients_are_told_not_to_try_again_what_the_operator_must_mend_first() {
        let header = |code: &'static str, name: &str| {
            let answer = Answer::error(&ApiError::new(Kind::Overloaded, code, "it is so"), "r");
            answer.headers.into_iter().find(|h| h.0 == name).map(|h| h.1)
        };
        assert_eq!(header("no_upstream", "x-should-retry").as_deref(), Some("false"));
        assert_eq!(header("not_kept", "x-should-retry"), None);
    }
}
