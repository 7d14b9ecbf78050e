//! How a call passes: it waits in its isolate's line, asks the object when an ask is due, and tells how it ended.

use std::pin::pin;
use std::rc::Rc;

use futures::future::{Either, select};

use super::holder::{Caller, Ended, Permit, Step};
use super::message::Ask;
use super::together::Together;
use super::{Budget, target_full};
use crate::counter::Counter;
use crate::error::ApiError;
use crate::upstream::ratelimit::Stated;

/// An ask is given up after so long, in milliseconds; the line then asks again.
const GIVE_UP_MS: u64 = 1_200;

/// What a caller that will not wait does wait, in milliseconds: a paced limit has its next permit within it, a burst of a few calls
/// is no rush, and all whose `Retry-After` is the same whole second come at its beginning.
const NO_WAIT_MS: u64 = 1_000;

/// The platform lets nothing run on for much longer than this, in milliseconds.
const TELLING_MS: u64 = 20_000;

/// A turn that moves by so much is told again, in milliseconds.
const NEWS_MS: u64 = 1_000;

/// Hears of the wait: milliseconds until the call's turn, and how many go first.
pub type Told<'a> = &'a dyn Fn(u64, usize);

/// Who hears of a wait, and what it hears of others'.
#[derive(Clone, Copy, Default)]
pub struct Hears<'a> {
    /// Hears of the wait.
    pub told: Option<Told<'a>>,
    /// The fan-out that the caller is one of.
    pub together: Option<&'a Rc<Together>>,
}

/// A permit in use. Dropping it tells that the call has ended.
pub struct Pass {
    counter: Counter,
    budget: Option<(Rc<Budget>, Permit)>,
    began_ms: u64,
    ended: Ended,
    /// Tokens of the request, and of the answer so far.
    prompt: u32,
    streamed: u32,
}

impl Pass {
    /// Whether it may be another target's, one of the same limits: not where that bears no more, nor where places in flight are
    /// counted, which each part of a budget has of its own.
    pub fn moves_to(&self, to: &Budget) -> bool {
        let (learned, world) = (&self.counter.learned, &*self.counter.world);
        let same = self.budget.as_ref().is_some_and(|(of, _)| of.name == to.name && of.limits == to.limits);
        same && to.limits.in_flight == 0 && !learned.with_holder(to, world, |h| h.is_full())
    }

    /// Makes it the permit of another target, before the call is sent.
    pub fn move_to(&mut self, to: &Budget) {
        let (learned, world) = (&self.counter.learned, &*self.counter.world);
        if let Some((of, _)) = &mut self.budget {
            learned.with_holder(of, world, |h| h.count_running(-1));
            learned.with_holder(to, world, |h| h.count_running(1));
            *of = Rc::new(to.clone());
        }
    }

    /// Whether the reply's headers should be read for what the host says of its limits.
    pub fn looks(&self) -> bool {
        let Some((budget, _)) = &self.budget else { return false };
        let world = &*self.counter.world;
        self.counter.learned.with_holder(budget, world, |h| h.looks(world.now_ms()))
    }

    /// What the host says of its limits.
    pub fn stated(&mut self, stated: Option<Stated>) {
        self.ended.stated = stated;
    }

    /// The request of so many tokens is on its way.
    pub fn sent(&mut self, tokens: u32) {
        self.prompt = tokens;
    }

    /// So many tokens of the answer have come. Where the stream is cut before the host tells its own count, these and the
    /// request's count; where nothing came, what was reserved does.
    pub fn streamed(&mut self, tokens: u32) {
        self.streamed = self.streamed.saturating_add(tokens);
    }

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
        let now = self.counter.world.now_ms();
        let so_far = (self.streamed > 0).then(|| self.prompt.saturating_add(self.streamed));
        let tokens = self.ended.tokens.or(so_far);
        let ended = Ended { took_ms: now.saturating_sub(self.began_ms), tokens, ..self.ended };
        let runs_on = self.counter.world.runs_on();
        let first_ms = self.counter.learned.with_holder(&budget, &*self.counter.world, |h| {
            h.ended(permit, &ended);
            if runs_on { h.take_telling(now) } else { None }
        });
        if let Some(at_ms) = first_ms {
            tell_from(&self.counter, &budget, at_ms.saturating_sub(now));
        }
    }
}

/// A place in the line; dropping it leaves.
struct Place<'a> {
    counter: &'a Counter,
    budget: &'a Rc<Budget>,
    id: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.counter.learned.with_holder(self.budget, &*self.counter.world, |h| h.leave(self.id));
        tell_later(self.counter, self.budget);
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

fn due(counter: &Counter, budget: &Budget) -> Option<(u64, Ask)> {
    let (world, now) = (&counter.world, counter.world.now_ms());
    let queue_ms = u32::try_from(counter.config.queue_ms).unwrap_or(u32::MAX);
    counter.learned.with_holder(budget, &**world, |h| h.ask(now, queue_ms).map(|ask| (h.ask_number(), ask)))
}

/// Makes an ask and takes in its answer, which all of a fan-out wait for.
async fn send(counter: &Counter, budget: &Budget, number: u64, ask: &Ask, together: Option<&Together>) {
    let world = &counter.world;
    let _asking = Asking { counter, budget, number };
    if let Either::Left((Some(lease), _)) = select(world.ask(&budget.name, ask), world.sleep(GIVE_UP_MS)).await {
        counter.learned.with_holder(budget, &**world, |h| h.receive(number, world.now_ms(), &lease));
    }
    together.inspect(|t| t.leased());
}

/// Sends the ask that is due, if one is, and takes in its answer; false where none was due.
async fn ask(counter: &Counter, budget: &Budget, together: Option<&Together>) -> bool {
    let Some((number, ask)) = due(counter, budget) else { return false };
    send(counter, budget, number, &ask, together).await;
    true
}

/// Lets an ask that is due run while no caller waits for it, but for those of a fan-out that may.
fn ask_beside(counter: &Counter, budget: &Rc<Budget>, together: Option<&Rc<Together>>) {
    if !counter.world.runs_on() {
        return;
    }
    if let Some((number, ask)) = due(counter, budget) {
        let (own, budget, together) = (counter.clone(), Rc::clone(budget), together.cloned());
        counter.world.later(Box::pin(async move { send(&own, &budget, number, &ask, together.as_deref()).await }));
    }
}

/// Gives back what nobody here needs, and settles what is known, when that is due.
fn tell_later(counter: &Counter, budget: &Rc<Budget>) {
    // Where nothing runs on by itself the next caller's ask tells it.
    if !counter.world.runs_on() {
        return;
    }
    if let Some(first_ms) = take_telling(counter, budget) {
        tell_from(counter, budget, first_ms);
    }
}

/// Takes the telling on; in how many milliseconds it is due.
fn take_telling(counter: &Counter, budget: &Budget) -> Option<u64> {
    let now = counter.world.now_ms();
    counter.learned.with_holder(budget, &*counter.world, |h| h.take_telling(now)).map(|at| at.saturating_sub(now))
}

/// Tells what is known after so many milliseconds, and again as long as there is more.
fn tell_from(counter: &Counter, budget: &Rc<Budget>, first_ms: u64) {
    let (own, budget) = (counter.clone(), Rc::clone(budget));
    counter.world.later(Box::pin(async move {
        let (mut wait_ms, began) = (first_ms, own.world.now_ms());
        loop {
            own.world.sleep(wait_ms).await;
            ask(&own, &budget, None).await;
            own.learned.with_holder(&budget, &*own.world, |h| h.end_telling());
            let long = own.world.now_ms().saturating_sub(began) > TELLING_MS;
            match take_telling(&own, &budget).filter(|_| !long) {
                Some(ms) => wait_ms = ms,
                None => break,
            }
        }
    }));
}

/// Takes a permit of the budget, waiting in line as long as the caller's patience lasts.
pub async fn enter(
    counter: &Counter,
    budget: Option<Budget>,
    caller: Caller,
    hears: Hears<'_>,
) -> Result<Pass, ApiError> {
    let pass = |budget| Pass {
        counter: counter.clone(),
        budget,
        began_ms: counter.world.now_ms(),
        ended: Ended { left: true, ..Ended::default() },
        prompt: 0,
        streamed: 0,
    };
    let Some(budget) = budget.map(Rc::new) else { return Ok(pass(None)) };
    let with = |now: u64, id: u64| counter.learned.with_holder(&budget, &*counter.world, |h| h.look(now, id));
    let now = counter.world.now_ms();
    let caller = Caller { patience_ms: caller.patience_ms.max(NO_WAIT_MS), ..caller };
    // Where asks run beside their callers, one for whom a permit is at hand takes it and is gone.
    if counter.world.runs_on()
        && let Some(permit) = counter.learned.with_holder(&budget, &*counter.world, |h| h.pass(now, caller))
    {
        ask_beside(counter, &budget, hears.together);
        return Ok(pass(Some((budget, permit))));
    }
    let id = counter.learned.with_holder(&budget, &*counter.world, |h| h.arrive(now, caller));
    let _place = Place { counter, budget: &budget, id };
    let together = hears.together.map(|t| &**t);
    // Where nothing runs on by itself, whoever comes when an ask is due makes it, and before a permit is taken, whose life is
    // short.
    if !counter.world.runs_on() {
        ask(counter, &budget, together).await;
    }
    let mut known_ms: Option<u64> = None;
    loop {
        match with(counter.world.now_ms(), id) {
            Step::Go(permit) => {
                let pass = pass(Some((budget.clone(), permit)));
                ask_beside(counter, &budget, hears.together);
                return Ok(pass);
            }
            Step::Refused(refusal) => {
                let full = counter.learned.with_holder(&budget, &*counter.world, |h| h.is_full());
                let of_target = full && refusal.standing.is_some();
                return Err(if of_target { target_full(refusal.retry_after_ms) } else { refusal.to_error(&budget) });
            }
            Step::Wait { ms, eta_ms, ahead, placed } => {
                if let (Some(eta), Some(told)) = (eta_ms, hears.told) {
                    let at = counter.world.now_ms() + eta;
                    if known_ms.is_none_or(|known| known.abs_diff(at) >= NEWS_MS) {
                        known_ms = Some(at);
                        told(eta, ahead);
                    }
                }
                // An ask holds up only who has no permit yet.
                if placed {
                    ask_beside(counter, &budget, hears.together);
                }
                if !placed && ask(counter, &budget, together).await {
                    continue;
                }
                match together {
                    Some(together) => drop(select(pin!(together.lease()), counter.world.sleep(ms)).await),
                    None => counter.world.sleep(ms).await,
                }
            }
        }
    }
}
