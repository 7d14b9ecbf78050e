//! Who may pass and when: keys, visitors' tokens, origins, exact limits, leases, the queue.
//!
//! A limit is kept for the whole world by one [`lessor`], in a Durable Object, with its [`book`] of what was granted and what
//! the host is learned to bear ([`capacity`]) and who has calls in flight ([`places`]). Each isolate has a [`holder`] that spends leased permits with no round trip and
//! keeps the [`line`] of those who wait; [`gate`] is how a call passes. What they say to each other is in [`message`].

pub mod book;
pub mod capacity;
pub mod crowd;
pub mod estimate;
pub mod gate;
pub mod holder;
pub mod kept;
pub mod key;
pub mod lessor;
pub mod line;
pub mod message;
pub mod origin;
pub mod places;
pub mod rate;
pub mod together;
pub mod visitor;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::config::{Config, Target};
use crate::error::{ApiError, Kind};
use message::Limits;

/// The code of a refusal that is one target's, so that another may help.
pub const TARGET_FULL: &str = "upstream_full";

/// The name of the upstream's budget.
pub const UPSTREAM: &str = "upstream";

/// Limits kept by one Durable Object for the whole world.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Budget {
    /// The object's name.
    pub name: Cow<'static, str>,
    /// The number of the target that is called; 0 where that makes no difference.
    pub target: u64,
    /// What a caller is told it is: `upstream`, `key`, `address`, `handoffs` or `visitor`.
    pub kind: &'static str,
    /// What is allowed.
    pub limits: Limits,
}

impl Budget {
    /// The upstream's own limits; none where none is set.
    pub fn upstream(config: &Config) -> Option<Self> {
        let few = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let limits = Limits {
            permits: few(config.upstream_rpm),
            tokens: few(config.upstream_tpm),
            in_flight: few(config.upstream_concurrency),
            paced: true,
            longest_ms: few(config.deadlines.total_ms),
        };
        let any = limits.permits > 0 || limits.tokens > 0 || limits.in_flight > 0;
        any.then(|| Self { name: UPSTREAM.into(), target: 0, kind: "upstream", limits })
    }

    /// The same for the calls to a target.
    pub fn of(self, target: &Target) -> Self {
        Self { target: target.number(), ..self }
    }

    /// One API key's limit; none for 0. The name holds a digest, never the key.
    pub fn key(digest: &str, limit: u64) -> Option<Self> {
        (limit > 0).then(|| Self {
            name: format!("key:{digest}").into(),
            target: 0,
            kind: "key",
            limits: a_minute(limit),
        })
    }

    /// New sessions from one address; none for 0. The name holds a digest, never the address.
    pub fn address(digest: &str, limit: u64) -> Option<Self> {
        (limit > 0).then(|| Self {
            name: format!("address:{digest}").into(),
            target: 0,
            kind: "address",
            limits: a_minute(limit),
        })
    }

    /// Requests for a person from one address. The name holds a digest, never the address.
    pub fn handoffs(digest: &str) -> Self {
        Self { name: format!("handoffs:{digest}").into(), target: 0, kind: "handoffs", limits: a_minute(HANDOFFS) }
    }

    /// One visitor's messages, kept by the visitor's own conversation; none for 0.
    pub fn visitor(limit: u64) -> Option<Self> {
        (limit > 0).then(|| Self { name: "visitor".into(), target: 0, kind: "visitor", limits: a_minute(limit) })
    }
}

/// Requests for a person from one address, a minute: each is a letter that somebody reads.
const HANDOFFS: u64 = 10;

fn a_minute(limit: u64) -> Limits {
    Limits { permits: u32::try_from(limit).unwrap_or(u32::MAX), ..Limits::default() }
}

/// What a caller is told whose target bears no more at this moment, while the limits would allow it.
pub fn target_full(retry_after_ms: u64) -> ApiError {
    let seconds = retry_after_ms.div_ceil(1000).max(1);
    let message = format!("The model's host takes no more calls at this moment; try again in {seconds} s");
    ApiError::new(Kind::RateLimit, TARGET_FULL, message).retry_after(retry_after_ms.max(1))
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
    /// Where tokens are limited, those left at this moment, and milliseconds until the first that were used come back.
    #[serde(default)]
    pub tokens: (u64, u64),
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
            (Some(s), "address") => ApiError::new(
                Kind::RateLimit,
                "address_rate_limited",
                format!(
                    "{} conversations a minute may begin from one address, and these have; try again in {seconds} s",
                    s.limit
                ),
            ),
            (Some(s), "handoffs") => ApiError::new(
                Kind::RateLimit,
                "too_many_handoffs",
                format!("{} requests for a person a minute may come from one address, and these have; try again in {seconds} s", s.limit),
            ),
            (Some(s), "visitor") => ApiError::new(
                Kind::RateLimit,
                "visitor_rate_limited",
                format!("{} messages a minute may be sent, and these were; try again in {seconds} s", s.limit),
            ),
            (Some(_), _) => ApiError::new(
                Kind::RateLimit,
                "upstream_budget_spent",
                format!("The model calls that this shop allows are spent; try again in {seconds} s"),
            ),
        }
        .retry_after(self.retry_after_ms.max(1))
    }
}
