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
    pub fn limits(&mut self, counter: &Counter, budgets: &[Option<Budget>]) {
        let of = budgets.iter().flatten();
        self.standings(of.map(|budget| (budget, counter.learned.standing(budget))).collect());
    }

    /// The same where it is known otherwise how each budget stands.
    pub fn standings(&mut self, budgets: Vec<(&Budget, Option<Standing>)>) {
        let mut limits = Limits::default();
        for (budget, standing) in budgets {
            let Budget { kind, limits: of, .. } = budget;
            let (requests, tokens) = standing.map(|s| ((s.remaining, s.reset_ms), s.tokens)).unzip();
            limits.add(kind, "", of.permits, requests);
            limits.add(kind, TOKENS, of.tokens, tokens);
        }
        for (name, items) in [("ratelimit-policy", limits.policies), ("ratelimit", limits.states)] {
            if !items.is_empty() {
                self.header(name, items);
            }
        }
        for (tightest, [of_limit, of_left, of_reset]) in [(limits.requests, OF_REQUESTS), (limits.tokens, OF_TOKENS)] {
            let Some((limit, left, reset_ms)) = tightest else { continue };
            self.header(of_limit, limit.to_string());
            self.header(of_left, left.to_string());
            self.header(of_reset, format!("{}.{:03}s", reset_ms / 1000, reset_ms % 1000));
        }
    }
}

/// Follows a budget's name where tokens are limited.
const TOKENS: &str = "-tokens";
/// OpenAI's headers: the limit, what is left of it, when the first of it comes back.
const OF_REQUESTS: [&str; 3] =
    ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
const OF_TOKENS: [&str; 3] = ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"];

/// What is told of limits.
#[derive(Default)]
struct Limits {
    policies: String,
    states: String,
    /// Of requests, and of tokens: the tightest limit, what is left of it, and in how many milliseconds the first of it comes back.
    requests: Option<(u32, u64, u64)>,
    tokens: Option<(u32, u64, u64)>,
}

impl Limits {
    fn add(&mut self, kind: &str, of: &str, limit: u32, standing: Option<(u64, u64)>) {
        if limit == 0 {
            return;
        }
        // The draft's registry has no unit of tokens yet; who does not know it must not take them for requests.
        let (unit, tightest) =
            if of.is_empty() { ("", &mut self.requests) } else { (";qu=\"tokens\"", &mut self.tokens) };
        let comma = |items: &str| if items.is_empty() { "" } else { ", " };
        self.policies += &format!("{}\"{kind}{of}\";q={limit}{unit};w=60", comma(&self.policies));
        let Some((left, reset_ms)) = standing else { return };
        self.states += &format!("{}\"{kind}{of}\";r={left};t={}", comma(&self.states), reset_ms.div_ceil(1000));
        if tightest.is_none_or(|t| left < t.1) {
            *tightest = Some((limit, left, reset_ms));
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
