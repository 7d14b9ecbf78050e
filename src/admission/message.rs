//! What a holder of permits and the object that grants them say to each other.

use serde::{Deserialize, Serialize};

use super::Standing;
use super::book::Slot;
use super::crowd::Crowded;
use crate::upstream::ratelimit::Stated;

/// Who asks for a permit; the smaller goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A shopper's turn in a conversation that runs.
    Running,
    /// A shopper's first question, or one call of a shop's server.
    New,
    /// One of many: a batch, an analysis.
    Batch,
}

/// How many kinds there are.
pub const KINDS: usize = 3;

impl Kind {
    /// All, the most urgent first.
    pub const ALL: [Kind; KINDS] = [Kind::Running, Kind::New, Kind::Batch];
}

/// The limits of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Requests in any minute; 0 is none.
    pub permits: u32,
    /// Tokens in any minute; 0 is none.
    pub tokens: u32,
    /// Calls in flight; 0 is none.
    pub in_flight: u32,
    /// Whether a large limit is spread over its minute, since hosts cut a minute's limit into seconds.
    pub paced: bool,
    /// The longest that a call runs, in milliseconds.
    pub longest_ms: u32,
}

/// Permits wanted by callers of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Want {
    /// Callers that wait with no place.
    pub waiting: u32,
    /// Callers that are expected until the next ask.
    pub ahead: u32,
    /// Tokens for each.
    pub tokens: u32,
    /// How long they would wait, in milliseconds.
    pub patience_ms: u32,
}

/// What a holder saw of its target since its last word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Calls that ended.
    pub ended: u32,
    /// Of them, refused with 429.
    pub refused: u32,
    /// Of them, failed by the host's fault.
    pub failed: u32,
    /// The longest that one of these took, in milliseconds.
    #[serde(default)]
    pub failed_ms: u64,
    /// The longest wait that a refusal asked for, in milliseconds.
    pub asked_wait_ms: u32,
    /// How long the answered ones took, together, in milliseconds.
    pub took_ms: u64,
    /// How long their first bytes took, together, in milliseconds.
    pub first_byte_ms: u64,
    /// First attempts made.
    pub firsts: u32,
    /// What the host said of its limits; the lowest.
    pub stated: Option<Stated>,
}

impl Report {
    /// Whether the object should hear of it before the next ask is due: the host fails, or bears nothing more for now.
    pub fn is_news(&self) -> bool {
        self.refused + self.failed > 0 || self.stated.is_some_and(|s| s.bears_nothing())
    }
}

/// What a holder gives back and settles.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    /// The ask that told it first.
    pub number: u64,
    /// What was granted and will never be spent.
    pub unspent: Vec<Slot>,
    /// Tokens used beyond what was reserved.
    pub over: u32,
}

impl Settled {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.unspent.is_empty() && self.over == 0
    }
}

/// A holder asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// Whose it is: a number of chance.
    pub holder: u64,
    /// Counts the holder's asks, from 1.
    pub number: u64,
    /// The last ask whose answer it used. What later answers granted it will never spend.
    pub heard: u64,
    /// The limits as the holder's configuration has them.
    pub limits: Limits,
    /// The number of the target that its callers call.
    #[serde(default)]
    pub target: u64,
    /// What it wants, by kind.
    pub wants: [Want; KINDS],
    /// What callers want that need far more tokens than is usual: those of one size, so that none is counted as large as the largest.
    #[serde(default)]
    pub large: Option<Want>,
    /// What it gives back and settles; first what unanswered asks told, which may not have arrived.
    pub settled: Vec<Settled>,
    /// Callers a second.
    pub demand: f32,
    /// Who its callers are.
    pub crowd: Crowded,
    /// Callers that came beyond their party's share.
    pub beyond: u32,
    /// Calls in flight that it now keeps to.
    pub allowed: u32,
    /// Calls in flight.
    pub running: u32,
    /// Calls in flight with those whose permit's time is near.
    pub could_run: u32,
    /// Retries that it could use.
    pub retries: u32,
    /// What it saw.
    pub report: Report,
}

/// The object's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// The object's clock when it granted.
    pub now_ms: u64,
    /// The permits, which count as spent.
    pub slots: Vec<Slot>,
    /// The permits for callers that need far more tokens than is usual.
    #[serde(default)]
    pub large: Vec<Slot>,
    /// Milliseconds until one for such a caller is free that this answer did not grant.
    #[serde(default)]
    pub large_free_ms: u64,
    /// How the budget stands.
    pub standing: Standing,
    /// For each kind, milliseconds until a permit is free that this answer did not grant.
    pub free_ms: [u64; KINDS],
    /// Calls in flight that the holder may have from now on.
    pub allowed: u32,
    /// Whether places in flight are given back at once.
    pub scarce: bool,
    /// Permits a second that come free for the callers of this holder.
    #[serde(default)]
    pub per_second: f32,
    /// Callers of each kind that wait for a place in flight, with the milliseconds until the turn of each.
    pub line: [Vec<u32>; KINDS],
    /// The holder does not ask again sooner, in milliseconds.
    pub pause_ms: u64,
    /// Nor does it tell what it saw or gives back sooner, in milliseconds.
    pub tell_ms: u64,
    /// A holder whose callers come often keeps permits for so long ahead, in milliseconds; 0 is until its next ask.
    pub ahead_ms: u64,
    /// Whether demand is above the limit.
    pub contended: bool,
    /// Whether it is the target that bears no more, while the limits would allow it.
    #[serde(default)]
    pub full: bool,
    /// Permits a second that one visitor or key may have while demand is above the limit.
    pub share: f32,
    /// What those that were told of may have of it here, where they come elsewhere too.
    pub shares: Vec<(u64, f32)>,
    /// Retries that may be made.
    pub retries: u32,
    /// Targets that are passed over, worldwide, each for so many milliseconds from now.
    pub closed: Vec<(u64, u64)>,
}
