//! The one error of the API: what a caller is told, and in which envelope.

use serde_json::{Value, json};

/// The kinds of the contract, each with its own status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request itself is wrong; sending it again unchanged cannot help.
    InvalidRequest,
    /// No key, or a key that is not known.
    Authentication,
    /// A known caller asks for what it may not have.
    Permission,
    /// There is nothing at this address.
    NotFound,
    /// A limit is spent; `retry_after_ms` says when it is not.
    RateLimit,
    /// More is asked than can be done at this moment.
    Overloaded,
    /// The model's host failed.
    Upstream,
    /// A deadline passed.
    Timeout,
    /// The Worker itself is at fault, or wrongly configured.
    Internal,
}

impl Kind {
    /// The `type` of the envelope.
    pub fn name(self) -> &'static str {
        match self {
            Kind::InvalidRequest => "invalid_request_error",
            Kind::Authentication => "authentication_error",
            Kind::Permission => "permission_error",
            Kind::NotFound => "not_found_error",
            Kind::RateLimit => "rate_limit_error",
            Kind::Overloaded => "overloaded_error",
            Kind::Upstream => "upstream_error",
            Kind::Timeout => "timeout_error",
            Kind::Internal => "internal_error",
        }
    }

    fn status(self) -> u16 {
        match self {
            Kind::InvalidRequest => 400,
            Kind::Authentication => 401,
            Kind::Permission => 403,
            Kind::NotFound => 404,
            Kind::RateLimit => 429,
            Kind::Overloaded => 503,
            Kind::Upstream => 502,
            Kind::Timeout => 504,
            Kind::Internal => 500,
        }
    }
}

/// An error as a caller sees it. `message` names the field and the mend.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// What kind of fault it is.
    pub kind: Kind,
    /// The HTTP status.
    pub status: u16,
    /// A word for programs, such as `invalid_json`.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
    /// The request's field at fault, as a path such as `messages[0].role`.
    pub param: Option<String>,
    /// Milliseconds after which the same request may succeed.
    pub retry_after_ms: Option<u64>,
}

impl ApiError {
    /// Whether the same request may succeed at another time.
    pub fn is_of_the_moment(&self) -> bool {
        matches!(self.kind, Kind::RateLimit | Kind::Overloaded | Kind::Upstream | Kind::Timeout)
    }

    /// Whether a client may send the same request again by itself: OpenAI's own do after any 5xx. What the operator must mend first,
    /// no wait does.
    pub fn deserves_retry(&self) -> bool {
        !matches!(self.code, "no_upstream" | "invalid_configuration" | "no_visitor_secret" | "upstream_refused_key")
    }

    /// An error of a kind, with the kind's own status.
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, status: kind.status(), code, message: message.into(), param: None, retry_after_ms: None }
    }

    /// A field of the request that is wrong.
    pub fn field(param: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(Kind::InvalidRequest, code, message) }
    }

    /// The same with another status of the contract (405, 413, 415, 422).
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same with the time after which to come back.
    pub fn retry_after(self, ms: u64) -> Self {
        Self { retry_after_ms: Some(ms), ..self }
    }

    /// The envelope of the contract.
    pub fn envelope(&self, request_id: &str) -> Value {
        let mut body = self.body();
        if let Some(error) = body.as_object_mut() {
            error.insert("request_id".into(), request_id.into());
        }
        json!({ "error": body })
    }

    /// What stands inside the envelope, for results that carry their own error.
    pub fn body(&self) -> Value {
        json!({ "message": self.message, "type": self.kind.name(), "code": self.code, "param": self.param })
    }

    /// `Retry-After` in whole seconds, rounded up so that it is never too soon.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after_ms.map(|ms| ms.div_ceil(1000).max(1))
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)
    }
}

impl std::error::Error for ApiError {}
