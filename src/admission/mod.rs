//! Who may pass and when: keys, exact limits, leases, the queue.
//!
//! A limit is kept for the whole world by one [`lessor`], in a Durable Object, with its [`book`] of what was granted and what
//! the host is learned to bear ([`capacity`]). Each isolate has a [`holder`] that spends leased permits with no round trip and
//! keeps the [`line`] of those who wait. What they say to each other is in [`message`].

pub mod book;
pub mod capacity;
pub mod holder;
pub mod kept;
pub mod key;
pub mod lease;
pub mod lessor;
pub mod line;
pub mod message;
pub mod window;

use serde::{Deserialize, Serialize};

use crate::error::{ApiError, Kind};

/// A limit of so many requests in any minute, kept by one Durable Object for the whole world.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Budget {
    /// The object's name.
    pub name: String,
    /// What a caller is told it is: `upstream` or `key`.
    pub kind: &'static str,
    /// Requests in any minute.
    pub limit: u64,
}

impl Budget {
    /// The upstream's own limit; none for 0.
    pub fn upstream(limit: u64) -> Option<Self> {
        (limit > 0).then(|| Self { name: "upstream".into(), kind: "upstream", limit })
    }

    /// One API key's limit; none for 0. The name holds a digest, never the key.
    pub fn key(digest: &str, limit: u64) -> Option<Self> {
        (limit > 0).then(|| Self { name: format!("key:{digest}"), kind: "key", limit })
    }
}

/// How a budget stands after a permit was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Requests in any minute.
    pub limit: u64,
    /// Permits left at this moment.
    pub remaining: u64,
    /// Milliseconds until the first spent permit comes back.
    pub reset_ms: u64,
}

/// No permit now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Milliseconds until there may be one.
    pub retry_after_ms: u64,
    /// How the budget stands; none where the object could not be reached.
    pub standing: Option<Standing>,
}

impl Refusal {
    /// What the caller is told.
    pub fn to_error(&self, budget: &Budget) -> ApiError {
        let seconds = self.retry_after_ms.div_ceil(1000).max(1);
        match (self.standing, budget.kind) {
            (None, _) => ApiError::new(
                Kind::Overloaded,
                "limits_unreachable",
                format!("The limits cannot be checked at this moment; try again in {seconds} s"),
            ),
            (Some(s), "key") => ApiError::new(
                Kind::RateLimit,
                "key_rate_limited",
                format!("This API key has used its {} requests a minute; try again in {seconds} s", s.limit),
            ),
            (Some(s), _) => ApiError::new(
                Kind::RateLimit,
                "upstream_budget_spent",
                format!(
                    "The {} model calls a minute that this shop allows are spent; try again in {seconds} s",
                    s.limit
                ),
            ),
        }
        .retry_after(self.retry_after_ms.max(1))
    }
}
