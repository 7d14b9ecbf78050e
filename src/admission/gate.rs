//! How a call passes: it waits in its isolate's line, asks the object when an ask is due, and tells how it ended.

use std::rc::Rc;

use futures::future::{Either, select};

use super::Budget;
use super::holder::{Caller, Ended, Permit, Step};
use crate::counter::Counter;
use crate::error::ApiError;

/// An ask is given up after so long, in milliseconds; the line then asks again.
const GIVE_UP_MS: u64 = 1_200;

/// What a caller that will not wait does wait, in milliseconds: a paced limit has its next permit within it, and a burst of
/// a few calls is no rush.
const NO_WAIT_MS: u64 = 500;

/// A turn that moves by so much is told again, in milliseconds.
const NEWS_MS: u64 = 1_000;

/// Hears of the wait: milliseconds until the call's turn, and how many go first.
pub type Told<'a> = &'a dyn Fn(u64, usize);

/// A permit in use. Dropping it tells that the call has ended.
pub struct Pass {
    counter: Counter,
    budget: Option<(Rc<Budget>, Permit)>,
    began_ms: u64,
    ended: Ended,
}

impl Pass {
    /// The first byte of the reply has come.
    pub fn first_byte(&mut self) {
        self.ended.first_byte_ms = self.counter.world.now_ms().saturating_sub(self.began_ms);
    }

    /// The host counted the tokens.
    pub fn used(&mut self, tokens: u64) {
        self.ended.tokens = Some(u32::try_from(tokens).unwrap_or(u32::MAX));
    }

    /// The call has an answer.
    pub fn answered(&mut self) {
        self.ended.left = false;
    }

    /// The host was full; the wait that it asked for.
    pub fn refused(&mut self, asked_wait_ms: u64) {
        self.ended = Ended { refused: true, asked_wait_ms, left: false, ..self.ended };
    }

    /// The call failed by the host's fault.
    pub fn failed(&mut self) {
        self.ended = Ended { failed: true, left: false, ..self.ended };
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let Some((budget, permit)) = self.budget.take() else { return };
        let ended = Ended { took_ms: self.counter.world.now_ms().saturating_sub(self.began_ms), ..self.ended };
        self.counter.learned.with_holder(&budget, &*self.counter.world, |h| h.ended(permit, &ended));
    }
}

/// A place in the line; dropping it leaves.
struct Place<'a> {
    counter: &'a Counter,
    budget: &'a Budget,
    id: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.counter.learned.with_holder(self.budget, &*self.counter.world, |h| h.leave(self.id));
    }
}

/// An ask on its way; dropping it lets the next in line ask at once.
struct Asking<'a> {
    counter: &'a Counter,
    budget: &'a Budget,
    number: u64,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let now = self.counter.world.now_ms();
        self.counter.learned.with_holder(self.budget, &*self.counter.world, |h| h.unreachable(self.number, now));
    }
}

/// Sends the ask that is due, if one is, and takes in its answer; false where none was due.
async fn ask(counter: &Counter, budget: &Budget) -> bool {
    let (world, now) = (&counter.world, counter.world.now_ms());
    let queue_ms = u32::try_from(counter.config.queue_ms).unwrap_or(u32::MAX);
    let due = counter.learned.with_holder(budget, &**world, |h| h.ask(now, queue_ms).map(|ask| (h.ask_number(), ask)));
    let Some((number, ask)) = due else { return false };
    let asking = Asking { counter, budget, number };
    if let Either::Left((Some(lease), _)) = select(world.ask(&budget.name, &ask), world.sleep(GIVE_UP_MS)).await {
        counter.learned.with_holder(budget, &**world, |h| h.receive(number, world.now_ms(), &lease));
    }
    drop(asking);
    true
}

/// Takes a permit of the budget, waiting in line as long as the caller's patience lasts.
pub async fn enter(
    counter: &Counter,
    budget: Option<Budget>,
    caller: Caller,
    told: Option<Told<'_>>,
) -> Result<Pass, ApiError> {
    let pass = |budget| Pass {
        counter: counter.clone(),
        budget,
        began_ms: counter.world.now_ms(),
        ended: Ended { left: true, ..Ended::default() },
    };
    let Some(budget) = budget.map(Rc::new) else { return Ok(pass(None)) };
    let with = |now: u64, id: u64| counter.learned.with_holder(&budget, &*counter.world, |h| h.look(now, id));
    let now = counter.world.now_ms();
    let caller = Caller { patience_ms: caller.patience_ms.max(NO_WAIT_MS), ..caller };
    let id = counter.learned.with_holder(&budget, &*counter.world, |h| h.arrive(now, caller));
    let _place = Place { counter, budget: &budget, id };
    // Whoever comes when an ask is due makes it, before a permit is taken, whose life is short. It is not left to run on by
    // itself: the platform ends what a request leaves behind, and a lease would be lost.
    ask(counter, &budget).await;
    let mut known_ms: Option<u64> = None;
    loop {
        match with(counter.world.now_ms(), id) {
            Step::Go(permit) => return Ok(pass(Some((budget.clone(), permit)))),
            Step::Refused(refusal) => return Err(refusal.to_error(&budget)),
            Step::Wait { ms, eta_ms, ahead } => {
                if let (Some(eta), Some(told)) = (eta_ms, told) {
                    let at = counter.world.now_ms() + eta;
                    if known_ms.is_none_or(|known| known.abs_diff(at) >= NEWS_MS) {
                        known_ms = Some(at);
                        told(eta, ahead);
                    }
                }
                // An ask holds up only who has no place yet.
                if eta_ms.is_some() || !ask(counter, &budget).await {
                    counter.world.sleep(ms).await;
                }
            }
        }
    }
}
