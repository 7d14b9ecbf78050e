//! The counter of one isolate: its configuration, its world, and what it has learned of each target.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::admission::holder::Holder;
use crate::admission::{Budget, Standing};
use crate::config::{Config, Target};
use crate::conversation::shared::Remembered;
use crate::knowledge::quoter::Quoter;
use crate::order::Sorted;
use crate::upstream::breaker::Breaker;
use crate::upstream::hedge::{Beginnings, Form};
use crate::upstream::retry::RetryBudget;
use crate::world::World;

/// Targets of which something is remembered.
const MOST_TARGETS: usize = 256;

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
    breakers: RefCell<HashMap<(String, String), Breaker>>,
    beginnings: RefCell<Sorted<(u64, Form), Beginnings>>,
    retries: RefCell<RetryBudget>,
    holders: RefCell<HashMap<String, Holder>>,
    /// Answers to first questions, told to others who ask the same.
    pub remembered: Remembered,
    /// Passages ready to be quoted.
    pub quoter: Quoter,
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
        match budget.and_then(|b| self.holders.borrow_mut().get_mut(&b.name).map(Holder::may_retry)) {
            Some(may) => may,
            None => self.retries.borrow_mut().withdraw(now_ms),
        }
    }

    /// Does something with this isolate's side of a budget, which is made at its first use.
    pub fn with_holder<T>(&self, budget: &Budget, world: &dyn World, act: impl FnOnce(&mut Holder) -> T) -> T {
        let mut holders = self.holders.borrow_mut();
        if let Some(holder) = holders.get_mut(&budget.name) {
            return act(holder);
        }
        // Keys are few, but what is remembered must not grow for ever.
        if holders.len() > 1_000 {
            holders.retain(|_, h| h.is_used());
        }
        let fresh = || Holder::new(world.bits(), budget.limits);
        act(holders.entry(budget.name.clone()).or_insert_with(fresh))
    }

    /// Whether more is asked of a budget than it has at this moment.
    pub fn is_rushed(&self, budget: &Budget) -> bool {
        self.holders.borrow().get(&budget.name).is_some_and(Holder::is_rushed)
    }

    /// How a budget stood when last heard of.
    pub fn standing(&self, budget: &Budget) -> Option<Standing> {
        self.holders.borrow().get(&budget.name).and_then(Holder::standing)
    }

    /// Whether a call to a target would pass its breakers, this isolate's and the world's. Targets that never failed hold none.
    pub fn passes(&self, target: &Target, now_ms: u64, budget: Option<&Budget>) -> bool {
        // What the world knows comes with the permits, so only where there is a limit for the world.
        let holders = self.holders.borrow();
        let closed = |h: &Holder| now_ms < h.closed_until_ms(target.number());
        if budget.and_then(|b| holders.get(&b.name)).is_some_and(closed) {
            return false;
        }
        let breakers = self.breakers.borrow();
        breakers.is_empty() || breakers.get(&key(target)).is_none_or(|b| b.passes(now_ms))
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
        if breakers.is_empty() { None } else { breakers.get_mut(&key(target)).map(act) }
    }

    /// A call to a target ended well.
    pub fn succeeded(&self, target: &Target) {
        let mut breakers = self.breakers.borrow_mut();
        if !breakers.is_empty() {
            breakers.remove(&key(target));
        }
    }

    /// A call failed by the target's fault after so many milliseconds.
    pub fn failed(&self, target: &Target, now_ms: u64, took_ms: u64) {
        let mut breakers = self.breakers.borrow_mut();
        // Models are named by callers, so the map must not grow with their inventions.
        if breakers.len() >= MOST_TARGETS {
            breakers.clear();
        }
        breakers.entry(key(target)).or_default().failed_after(now_ms, took_ms);
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

fn key(target: &Target) -> (String, String) {
    (target.base_url.clone(), target.model.clone())
}
