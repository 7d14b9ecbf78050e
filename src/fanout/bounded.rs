//! The bounded stream: jobs in, outcomes as they end, never more at once than asked and never fewer while work is left.

use std::cell::RefCell;
use std::rc::Rc;

use futures::stream::{LocalBoxStream, StreamExt};
use serde_json::Value;

use super::lane::Slots;
use crate::admission::together::Together;
use crate::counter::Counter;
use crate::error::{ApiError, Kind};
use crate::ledger::price;
use crate::upstream::call::{self, Call, Wait};
use crate::upstream::room::{Held, Room};
use crate::upstream::wire::Usage;
use crate::world::Invocation;

/// A call of a batch is given so long for its permit, in milliseconds: a batch larger than a minute's limit goes on in the next.
pub const PATIENCE_MS: u64 = 15 * 60_000;

/// One call to make.
#[derive(Debug, Clone)]
pub struct Job {
    /// A route's name or a model's.
    pub model: String,
    /// The request's JSON body.
    pub body: String,
    /// The id of the request that this job serves.
    pub request_id: String,
    /// How it waits for its permits.
    pub wait: Wait,
}

/// What came of a job.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The answer's text, where there is an answer.
    pub content: Option<String>,
    /// The error in the contract's words, where there is none.
    pub error: Option<Value>,
    /// The model that answered.
    pub model: Option<String>,
    /// Tokens used, as the host counted them.
    pub usage: Option<Usage>,
    /// Attempts made.
    pub attempts: u32,
    /// From the call's start to its end, in milliseconds.
    pub latency_ms: u64,
    /// What the reply holds of the room for all of them; dropped when its text is handed on.
    pub held: Option<Rc<Held>>,
}

impl Outcome {
    /// A job that failed.
    pub fn failed(error: &ApiError, attempts: u32, latency_ms: u64) -> Self {
        Self { content: None, error: Some(error.body()), model: None, usage: None, attempts, latency_ms, held: None }
    }

    /// What it cost in yen, where the price is known.
    pub fn yen(&self) -> Option<f64> {
        price::yen(self.model.as_deref()?, self.usage?.completion_tokens)
    }
}

/// Makes one call with the connection slots of an invocation.
async fn run_job(counter: &Counter, job: Job, invocation: Invocation) -> Outcome {
    let call = Call {
        targets: counter.config.targets(&job.model),
        model: job.model,
        body: job.body,
        request_id: job.request_id,
        invocation,
        wait: job.wait,
    };
    let ended = call::complete(counter, &call, true).await;
    match ended {
        Ok(answered) => Outcome {
            held: call.wait.held,
            content: answered.value.content,
            error: None,
            model: Some(answered.target.model.to_string()),
            usage: answered.value.usage,
            attempts: answered.attempts,
            latency_ms: answered.latency_ms,
        },
        Err(failed) => Outcome::failed(&failed.error, failed.attempts, failed.latency_ms),
    }
}

/// Runs all jobs, at most `max_concurrent` at once, giving each outcome with its job's place as it ends.
/// Dropping the stream aborts all that runs.
pub fn run(
    counter: &Counter,
    jobs: Vec<Job>,
    max_concurrent: usize,
    invocation: &str,
) -> LocalBoxStream<'static, (usize, Outcome)> {
    let width = max_concurrent.clamp(1, jobs.len().max(1));
    let slots = Slots::open(counter.world.clone(), invocation, width);
    let width = slots.count();
    let (slots, counter) = (Rc::new(RefCell::new(slots)), counter.clone());
    // Mostly all are for one target, and the first one's are enough to know.
    let targets = jobs.first().map(|job| counter.config.targets(&job.model)).unwrap_or_default();
    let together = Rc::new(Together::new(&counter, targets.first(), jobs.len(), width));
    let room = Room::new(jobs.len());
    let calls = jobs.into_iter().enumerate().map(move |(index, mut job)| {
        job.wait.together = Some(Rc::clone(&together));
        job.wait.held = Some(room.held());
        // The stream below makes a call when it has room for it, which is when a slot is free.
        let slot = slots.borrow_mut().take();
        let (slots, counter) = (slots.clone(), counter.clone());
        let together = Rc::clone(&together);
        async move {
            together.comes();
            let Some((at, invocation)) = slot else {
                let error = ApiError::new(Kind::Internal, "no_slot", "No connection was free; send this item again");
                return (index, Outcome::failed(&error, 0, 0));
            };
            let outcome = run_job(&counter, job, invocation).await;
            slots.borrow_mut().free(at);
            (index, outcome)
        }
    });
    futures::stream::iter(calls).buffer_unordered(width).boxed_local()
}
