//! The counter of one isolate: its configuration, its world, and what it has learned of each target.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::config::{Config, Target};
use crate::upstream::breaker::Breaker;
use crate::upstream::retry::RetryBudget;
use crate::world::World;

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
    retries: RefCell<RetryBudget>,
}

impl Learned {
    /// Nothing learned yet.
    pub fn new(now_ms: u64) -> Self {
        Self { breakers: RefCell::default(), retries: RefCell::new(RetryBudget::new(now_ms)) }
    }

    /// A first attempt was made.
    pub fn called(&self) {
        self.retries.borrow_mut().deposit();
    }

    /// Whether a retry may be made; takes it out of the budget.
    pub fn may_retry(&self, now_ms: u64) -> bool {
        self.retries.borrow_mut().withdraw(now_ms)
    }

    /// Asks or tells a target's breaker. Targets that never failed hold no breaker.
    pub fn admits(&self, target: &Target, now_ms: u64) -> bool {
        let mut breakers = self.breakers.borrow_mut();
        if breakers.is_empty() {
            return true;
        }
        breakers.get_mut(&key(target)).is_none_or(|b| b.admits(now_ms))
    }

    /// A call to a target ended well.
    pub fn succeeded(&self, target: &Target) {
        let mut breakers = self.breakers.borrow_mut();
        if !breakers.is_empty() {
            breakers.remove(&key(target));
        }
    }

    /// A call failed by the target's fault.
    pub fn failed(&self, target: &Target, now_ms: u64) {
        let mut breakers = self.breakers.borrow_mut();
        // Models are named by callers, so the map must not grow with their inventions.
        if breakers.len() >= 256 {
            breakers.clear();
        }
        breakers.entry(key(target)).or_default().failed(now_ms);
    }
}

fn key(target: &Target) -> (String, String) {
    (target.base_url.clone(), target.model.clone())
}
