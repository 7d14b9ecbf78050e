//! Idempotency keys (draft-ietf-httpapi-idempotency-key-header) on the POSTs of `/v1`: a request that is sent again under its key gets
//! the first one's reply.
//!
//! Why an object for each key, and not a list of keys that were seen? Because the caller whose connection broke wants the reply, not
//! the news that there was one. So the object of the key makes the reply itself: the work goes on when nobody listens, and whoever
//! comes with the key meanwhile joins it. [`key`] reads the header, [`Keyed`] is a request on its way to the object, [`once`] decides
//! there what it gets, and [`recording`] is a reply as it comes.

pub mod key;
pub mod once;
pub mod recording;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use futures::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};

use super::request::{self, Incoming, wants_lines};
use crate::error::{ApiError, Kind};
use crate::signature;

/// The header, as errors name it.
const HEADER: &str = "Idempotency-Key";

/// A request with an idempotency key, whose caller is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyed {
    /// The object's name: the caller's API key, the path and the idempotency key, so that none of the three meets another's.
    pub name: String,
    /// The request's id.
    pub request_id: String,
    /// Whose it is, for fair shares.
    pub party: u64,
    path: String,
    lines: bool,
    body: String,
}

impl Keyed {
    /// Reads a request under the header's value. `caller` is the digest of its API key.
    ///
    /// # Errors
    /// Names the header when it is no key, and what is wrong with the body as any request does.
    pub async fn read(
        incoming: &dyn Incoming,
        header: &str,
        request_id: &str,
        path: &str,
        (caller, party): (&str, u64),
    ) -> Result<Self, ApiError> {
        let key = key::read(header)?;
        let wanted = if path == "/v1/knowledge" { request::LINES } else { request::JSON };
        Ok(Self {
            name: format!("{caller} {path} {key}"),
            request_id: request_id.to_owned(),
            party,
            path: path.to_owned(),
            lines: wants_lines(incoming.header("accept").as_deref()),
            body: request::read_body(incoming, wanted).await?,
        })
    }

    /// What tells one request from another under the same key: its body, and in which form the reply is wanted.
    pub fn fingerprint(&self) -> String {
        signature::sign(if self.lines { "lines" } else { "whole" }, &[&self.body])
    }
}

/// In the object the request stands for itself: its type and length were looked at before it was sent there.
impl Incoming for Keyed {
    fn method(&self) -> &str {
        "POST"
    }

    fn origin(&self) -> String {
        String::new()
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn query(&self, _name: &str) -> Option<String> {
        None
    }

    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        (self.lines && name == "accept").then_some(Cow::Borrowed("application/x-ndjson"))
    }

    fn body(&self, _limit: usize, _length: Option<u64>) -> LocalBoxFuture<'_, Result<Option<Vec<u8>>, String>> {
        Box::pin(std::future::ready(Ok(Some(self.body.clone().into_bytes()))))
    }
}

/// The refusal of a key that names another request.
fn reused() -> ApiError {
    let message = format!(
        "The header {HEADER} names an earlier request with another body or another Accept: send that request again unchanged, or \
         give this one a new key"
    );
    ApiError::field(HEADER, "idempotency_key_reused", message).with_status(422)
}

/// The refusal of a key whose reply was too long to be kept.
fn not_kept() -> ApiError {
    let message = format!(
        "The first reply under this {HEADER} was longer than the {} MiB that are kept, so it can be neither given again nor made \
         twice: to run the request again, give it a new key",
        recording::LONGEST >> 20
    );
    ApiError::field(HEADER, "idempotency_reply_not_kept", message).with_status(422)
}

/// The key's object cannot tell whether the request was answered before.
pub fn unreachable() -> ApiError {
    let message = "What is kept under this Idempotency-Key cannot be reached at this moment; try again in 2 s";
    ApiError::new(Kind::Overloaded, "idempotency_unreachable", message).retry_after(2_000)
}
