//! The bounded stream: jobs in, outcomes as they end, never more at once than asked and never fewer while work is left.

use std::collections::VecDeque;

use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, LocalBoxStream, SelectAll, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lane::{JobLine, OutcomeLine, SLOTS};
use crate::counter::Counter;
use crate::error::{ApiError, Kind};
use crate::ledger::price;
use crate::upstream::call::{self, Call};
use crate::upstream::wire::Usage;
use crate::world::{JobSender, LaneEnds};

/// One call to make.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// A route's name or a model's.
    pub model: String,
    /// The request's JSON body.
    pub body: String,
    /// The id of the request that this job serves.
    pub request_id: String,
    /// How long it may wait for a permit, in milliseconds.
    pub patience_ms: u64,
}

/// What came of a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
}

impl Outcome {
    /// A job that failed.
    pub fn failed(error: &ApiError, attempts: u32, latency_ms: u64) -> Self {
        Self { content: None, error: Some(error.body()), model: None, usage: None, attempts, latency_ms }
    }

    /// What it cost in yen, where the price is known.
    pub fn yen(&self) -> Option<f64> {
        price::yen(self.model.as_deref()?, self.usage?.completion_tokens)
    }
}

/// Makes one call here, with the connection slots of this invocation.
pub async fn run_job(counter: &Counter, job: Job, invocation: String) -> Outcome {
    let call = Call {
        targets: counter.config.targets(&job.model),
        body: job.body,
        request_id: job.request_id,
        invocation,
        patience_ms: job.patience_ms,
    };
    match call::complete(counter, &call, true).await {
        Ok(answered) => Outcome {
            content: answered.value.content,
            error: None,
            model: Some(answered.target.model),
            usage: answered.value.usage,
            attempts: answered.attempts,
            latency_ms: answered.latency_ms,
        },
        Err(failed) => Outcome::failed(&failed.error, failed.attempts, failed.latency_ms),
    }
}

/// Where a job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Here,
    Lane(usize),
}

struct Lane {
    jobs: Option<JobSender>,
    running: Vec<usize>,
    slots: usize,
}

struct Fan {
    counter: Counter,
    invocation: String,
    jobs: Vec<Option<Job>>,
    waiting: VecDeque<usize>,
    left: usize,
    here: FuturesUnordered<LocalBoxFuture<'static, (usize, Outcome)>>,
    here_slots: usize,
    lanes: Vec<Lane>,
    outcomes: SelectAll<LocalBoxStream<'static, (usize, Option<OutcomeLine>)>>,
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
    let mut fan = Fan {
        counter: counter.clone(),
        invocation: invocation.to_owned(),
        waiting: (0..jobs.len()).collect(),
        left: jobs.len(),
        jobs: jobs.into_iter().map(Some).collect(),
        here: FuturesUnordered::new(),
        here_slots: width.min(SLOTS),
        lanes: Vec::new(),
        outcomes: SelectAll::new(),
    };
    let mut rest = width - fan.here_slots;
    while rest > 0 {
        let slots = rest.min(SLOTS);
        rest -= slots;
        fan.open_lane(slots);
    }
    futures::stream::unfold(fan, |mut fan| async move {
        fan.fill();
        let ended = fan.next().await?;
        Some((ended, fan))
    })
    .boxed_local()
}

impl Fan {
    fn open_lane(&mut self, slots: usize) {
        // Without a lane the work is done with fewer slots: slower, and never more at once than allowed.
        let Ok(LaneEnds { jobs, outcomes }) = self.counter.world.lane() else { return };
        let at = self.lanes.len();
        let lines = outcomes.map(move |line| (at, line.ok().and_then(|l| serde_json::from_str(&l).ok())));
        self.outcomes.push(lines.chain(futures::stream::once(async move { (at, None) })).boxed_local());
        self.lanes.push(Lane { jobs: Some(jobs), running: Vec::new(), slots });
    }

    fn fill(&mut self) {
        while let Some(place) = self.free_place() {
            let Some(index) = self.waiting.pop_front() else { return };
            self.start(index, place);
        }
    }

    fn free_place(&self) -> Option<Place> {
        if self.here.len() < self.here_slots {
            return Some(Place::Here);
        }
        let free = |l: &Lane| l.jobs.is_some() && l.running.len() < l.slots;
        // The emptiest lane first, so that the first calls start in parallel.
        let at = self.lanes.iter().enumerate().filter(|(_, l)| free(l)).min_by_key(|(_, l)| l.running.len())?.0;
        Some(Place::Lane(at))
    }

    fn start(&mut self, index: usize, place: Place) {
        let Some(Some(job)) = self.jobs.get(index) else { return };
        if let Place::Lane(at) = place {
            let line = serde_json::to_string(&JobLine { index, job: job.clone() }).unwrap_or_default();
            let Some(lane) = self.lanes.get_mut(at) else { return };
            if lane.jobs.as_ref().is_some_and(|send| send(line + "\n").is_ok()) {
                lane.running.push(index);
            } else {
                lane.jobs = None;
                self.waiting.push_front(index);
            }
            return;
        }
        let (counter, job, invocation) = (self.counter.clone(), job.clone(), self.invocation.clone());
        self.here.push(Box::pin(async move { (index, run_job(&counter, job, invocation).await) }));
    }

    async fn next(&mut self) -> Option<(usize, Outcome)> {
        while self.left > 0 {
            if self.here.is_empty() && self.outcomes.is_empty() {
                self.fill();
                if self.here.is_empty() {
                    return None;
                }
            }
            let ended = futures::select_biased! {
                ended = self.here.select_next_some() => Some(ended),
                (at, line) = self.outcomes.select_next_some() => self.lane_gave(at, line),
            };
            if let Some((index, outcome)) = ended
                && let Some(slot) = self.jobs.get_mut(index)
                && slot.take().is_some()
            {
                self.left -= 1;
                return Some((index, outcome));
            }
            self.fill();
        }
        // Dropping a lane's jobs ends it.
        self.lanes.clear();
        None
    }

    fn lane_gave(&mut self, at: usize, line: Option<OutcomeLine>) -> Option<(usize, Outcome)> {
        let lane = self.lanes.get_mut(at)?;
        if let Some(OutcomeLine { index, outcome }) = line {
            lane.running.retain(|i| *i != index);
            return Some((index, outcome));
        }
        // The lane broke. Its first job is told so; the others, perhaps not begun, run again elsewhere.
        lane.jobs = None;
        let mut lost = std::mem::take(&mut lane.running).into_iter();
        let first = lost.next();
        self.waiting.extend(lost);
        let error = ApiError::new(
            Kind::Internal,
            "lane_broke",
            "The call's lane was restarted before it ended; send this item again",
        );
        first.map(|index| (index, Outcome::failed(&error, 1, 0)))
    }
}
