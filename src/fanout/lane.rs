//! A lane's two ends: jobs as lines of JSON in, outcomes as lines out, six calls unanswered at once and no more.

use std::collections::VecDeque;

use futures::stream::{FuturesUnordered, LocalBoxStream, StreamExt};
use serde::{Deserialize, Serialize};

use super::bounded::{Job, Outcome, run_job};
use crate::counter::Counter;
use crate::world::TransportError;

/// Calls of one invocation that may wait for their headers at once (the platform's limit).
pub const SLOTS: usize = 6;

/// A job on its way to a lane.
#[derive(Debug, Serialize, Deserialize)]
pub struct JobLine {
    /// Its place among the jobs.
    pub index: usize,
    /// The job.
    pub job: Job,
}

/// An outcome on its way back.
#[derive(Debug, Serialize, Deserialize)]
pub struct OutcomeLine {
    /// The job's place.
    pub index: usize,
    /// What came of it.
    pub outcome: Outcome,
}

/// Cuts chunks of bytes into lines.
#[derive(Debug, Default)]
pub struct Lines(Vec<u8>);

impl Lines {
    /// Takes a chunk; gives the lines that it completes.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut rest = chunk;
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            let (line, after) = rest.split_at(end);
            self.0.extend_from_slice(line);
            lines.push(String::from_utf8_lossy(&std::mem::take(&mut self.0)).into_owned());
            rest = after.get(1..).unwrap_or_default();
        }
        self.0.extend_from_slice(rest);
        lines
    }
}

/// The far end of a lane: takes jobs as they come, gives outcomes as they end, and ends when the jobs do.
pub fn serve(
    counter: Counter,
    invocation: String,
    jobs: LocalBoxStream<'static, Result<Vec<u8>, TransportError>>,
) -> LocalBoxStream<'static, String> {
    let state = (counter, invocation, jobs, Lines::default(), FuturesUnordered::new(), VecDeque::<String>::new());
    futures::stream::unfold(state, |(counter, invocation, mut jobs, mut lines, mut running, mut waiting)| async move {
        loop {
            while running.len() < SLOTS {
                let Some(line) = waiting.pop_front() else { break };
                if let Ok(JobLine { index, job }) = serde_json::from_str::<JobLine>(&line) {
                    let (counter, invocation) = (counter.clone(), invocation.clone());
                    running.push(Box::pin(async move {
                        let outcome = run_job(&counter, job, invocation).await;
                        serde_json::to_string(&OutcomeLine { index, outcome }).map(|l| l + "\n").unwrap_or_default()
                    }));
                }
            }
            let next_job = async { jobs.next().await };
            let next_outcome =
                async { if running.is_empty() { std::future::pending().await } else { running.next().await } };
            futures::pin_mut!(next_job, next_outcome);
            match futures::future::select(next_outcome, next_job).await {
                futures::future::Either::Left((outcome, _)) => {
                    let line = outcome.unwrap_or_default();
                    return Some((line, (counter, invocation, jobs, lines, running, waiting)));
                }
                futures::future::Either::Right((Some(Ok(chunk)), _)) => {
                    waiting.extend(lines.push(&chunk));
                }
                // The caller has no more jobs, or has gone away: what runs is aborted by being dropped.
                futures::future::Either::Right(_) => return None,
            }
        }
    })
    .boxed_local()
}
