//! The counter of one isolate: its configuration, its world, and what it has learned of each target.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use crate::admission::holder::Holder;
use crate::admission::{Budget, Standing, UPSTREAM};
use crate::config::{Config, Target};
use crate::conversation::shared::Remembered;
use crate::knowledge::quoter::Quoter;
use crate::order::Sorted;
use crate::upstream::breaker::{self, Breaker};
use crate::upstream::hedge::{Beginnings, Form};
use crate::upstream::retry::RetryBudget;
use crate::world::World;

/// Targets of which something is remembered.
const MOST_TARGETS: usize = 256;
/// Of them, those whose permits are kept while nobody calls them.
const MOST_HELD: usize = 32;
/// One that has not asked for so long is kept no longer than another, in milliseconds.
const SILENT_MS: u64 = 25_000;
/// Budgets of which something is remembered while nobody uses them.
const MOST_BUDGETS: usize = 1_000;

/// Shared by all requests of an isolate; cloning is cheap.
#[derive(Clone)]
pub struct Counter {
    /// What the operator has set.
    pub config: Rc<Config>,
    /// Time, chance and the network.
    pub world: Rc<dyn World>,
    /// What was learned of the targets.
    pub learned: Rc<Learned>,
}

/// What an isolate has learned. It may vanish at any moment; nothing that must hold lives here.
pub struct Learned {
    /// By a target's number.
    breakers: RefCell<Sorted<u64, Failing>>,
    beginnings: RefCell<Sorted<(u64, Form), Beginnings>>,
    retries: RefCell<RetryBudget>,
    /// By a budget's name and a target's number.
    holders: RefCell<Sorted<Cow<'static, str>, Sorted<u64, Holder>>>,
    /// Answers to first questions, told to others who ask the same.
    pub remembered: Remembered,
    /// Passages ready to be quoted.
    pub quoter: Quoter,
}

/// A target that failed since a call to it ended well.
#[derive(Default)]
struct Failing {
    /// When it failed last.
    at_ms: u64,
    breaker: Breaker,
    /// Whether a stream broke that had begun.
    in_streams: bool,
}

impl Learned {
    /// Nothing learned yet.
    pub fn new(now_ms: u64) -> Self {
        Self {
            breakers: RefCell::default(),
            beginnings: RefCell::default(),
            retries: RefCell::new(RetryBudget::new(now_ms)),
            holders: RefCell::default(),
            remembered: Remembered::default(),
            quoter: Quoter::default(),
        }
    }

    /// A first attempt was made.
    pub fn called(&self) {
        self.retries.borrow_mut().deposit();
    }

    /// Whether a retry may be made; takes it out of the budget, which is the world's where there is a limit for the world.
    pub fn may_retry(&self, now_ms: u64, budget: Option<&Budget>) -> bool {
        let mut holders = self.holders.borrow_mut();
        match budget.and_then(|b| holders.get_mut(&*b.name)?.get_mut(&b.target)) {
            Some(holder) => holder.may_retry(),
            None => self.retries.borrow_mut().withdraw(now_ms),
        }
    }

    /// Does something with this isolate's side of a budget, which is made at its first use.
    pub fn with_holder<T>(&self, budget: &Budget, world: &dyn World, act: impl FnOnce(&mut Holder) -> T) -> T {
        let mut holders = self.holders.borrow_mut();
        if let Some(holder) = holders.get_mut(&*budget.name).and_then(|of| of.get_mut(&budget.target)) {
            return act(holder);
        }
        let mut holder = Holder::new(world.bits(), budget.limits).of(budget.target);
        let done = act(&mut holder);
        keep(&mut holders, world.now_ms(), budget, holder);
        done
    }

    /// What the part of a budget says that was heard of last; where a target is named, its own.
    fn latest<T>(&self, budget: &Budget, say: impl Fn(&Holder) -> T) -> Option<T> {
        let holders = self.holders.borrow();
        let of = holders.get(&*budget.name)?;
        of.get(&budget.target).or_else(|| of.values().max_by_key(|h| h.asked_ms())).map(say)
    }

    /// Whether more is asked of a budget than it has at this moment.
    pub fn is_rushed(&self, budget: &Budget) -> bool {
        self.latest(budget, Holder::is_rushed).unwrap_or(false)
    }

    /// How a budget stood when last heard of.
    pub fn standing(&self, budget: &Budget) -> Option<Standing> {
        self.latest(budget, Holder::standing).flatten()
    }

    /// Whether a call to a target would pass its breakers: this isolate's where it has seen for itself that the target is down, else
    /// the world's too. Targets that never failed hold none.
    pub fn passes(&self, target: &Target, now_ms: u64, budget: Option<&Budget>) -> bool {
        let breakers = self.breakers.borrow();
        let own = if breakers.is_empty() { None } else { breakers.get(&target.number()) };
        if let Some(failing) = own.filter(|failing| failing.breaker.has_opened()) {
            return failing.breaker.passes(now_ms);
        }
        // What the world knows comes with the permits, so only where there is a limit for the world.
        let holders = self.holders.borrow();
        let of = budget.and_then(|b| holders.get(&*b.name));
        of.is_none_or(|of| !of.values().any(|h| h.closes(target, now_ms)))
    }

    /// Whether a call to a target may pass, which has ended within `trial_ms`: it may be the one call that is out to see.
    pub fn admits(&self, target: &Target, now_ms: u64, trial_ms: u64, budget: Option<&Budget>) -> bool {
        if !self.passes(target, now_ms, budget) {
            return false;
        }
        self.with_breaker(target, |b| b.admits_for(now_ms, trial_ms)).unwrap_or(true)
    }

    /// A call that was admitted at `since_ms` has ended, whether or not it told how.
    pub fn left(&self, target: &Target, since_ms: u64, trial_ms: u64) {
        let _ = self.with_breaker(target, |b| b.left(since_ms, trial_ms));
    }

    fn with_breaker<T>(&self, target: &Target, act: impl FnOnce(&mut Breaker) -> T) -> Option<T> {
        let mut breakers = self.breakers.borrow_mut();
        if breakers.is_empty() { None } else { breakers.get_mut(&target.number()).map(|f| act(&mut f.breaker)) }
    }

    /// A call to a target ended well.
    pub fn succeeded(&self, target: &Target) {
        let mut breakers = self.breakers.borrow_mut();
        if !breakers.is_empty() && breakers.remove(&target.number()).is_some_and(|f| f.breaker.has_opened()) {
            // The world hears of it with the next ask.
            let mut holders = self.holders.borrow_mut();
            holders.values_mut().flat_map(|of| of.values_mut()).for_each(|h| h.opens(target.number()));
        }
    }

    /// A stream of a target has begun. Where none has broken that had begun, it is well again.
    pub fn streams(&self, target: &Target) {
        let breaks = self.breakers.borrow().get(&target.number()).is_some_and(|f| f.in_streams);
        if !breaks {
            self.succeeded(target);
        }
    }

    /// A target's stream broke that had begun.
    pub fn broke(&self, target: &Target, now_ms: u64) {
        self.failed(target, now_ms, 0, breaker::CAREFUL_MS);
        if let Some(failing) = self.breakers.borrow_mut().get_mut(&target.number()) {
            failing.in_streams = true;
        }
    }

    /// A call failed by the target's fault after so many milliseconds; calls are kept from it for `least_ms` at least when that goes on.
    pub fn failed(&self, target: &Target, now_ms: u64, took_ms: u64, least_ms: u64) {
        let mut breakers = self.breakers.borrow_mut();
        let number = target.number();
        // Models are named by callers, so the map must not grow with their inventions, nor may these open what is closed to all: one is
        // forgotten that calls are not kept from, the one that failed the longest ago.
        if breakers.len() >= MOST_TARGETS && breakers.get(&number).is_none() {
            let oldest = breakers.iter().min_by_key(|(_, f)| (f.breaker.open_for_ms(now_ms) > 0, f.at_ms));
            if let Some(oldest) = oldest.map(|(number, _)| *number) {
                breakers.remove(&oldest);
            }
        }
        let failing = breakers.get_or_default(number);
        failing.at_ms = now_ms;
        failing.breaker.failed(now_ms, took_ms, least_ms);
    }

    /// A target's reply took so long to begin, in milliseconds.
    pub fn began(&self, target: &Target, form: Form, ms: u64) {
        let mut beginnings = self.beginnings.borrow_mut();
        if beginnings.len() >= MOST_TARGETS {
            *beginnings = Sorted::default();
        }
        beginnings.get_or_default((target.number(), form)).add(ms);
    }

    /// From when on a target's reply is late to begin, in milliseconds; none while too little is known.
    pub fn late_ms(&self, target: &Target, form: Form) -> Option<u64> {
        self.beginnings.borrow().get(&(target.number(), form)).and_then(Beginnings::late_ms)
    }
}

/// Keeps an isolate's side of a budget. Keys are few and models are named by callers, so what is remembered must not grow for ever.
fn keep(holders: &mut Sorted<Cow<'static, str>, Sorted<u64, Holder>>, now_ms: u64, budget: &Budget, holder: Holder) {
    if holders.len() > MOST_BUDGETS {
        // The upstream's permits are worth too much to be lost with those of keys.
        holders.retain(|name, of| name == UPSTREAM || of.values().any(Holder::is_used));
    }
    let of = holders.get_or_default(budget.name.clone());
    while of.len() >= MOST_HELD {
        let unused = of.iter().filter(|(_, h)| !h.is_used());
        let worth = |h: &Holder| (now_ms < h.asked_ms() + SILENT_MS, h.ask_number());
        let Some(least) = unused.min_by_key(|(_, h)| worth(h)).map(|(target, _)| *target) else { break };
        of.remove(&least);
    }
    of.insert(budget.target, holder);
}
