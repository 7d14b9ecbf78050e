//! The calls of one fan-out: their budget is told of those to come, and a lease that one has asked for wakes the others.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};

use super::Budget;
use super::holder::Announced;
use crate::config::Target;
use crate::counter::Counter;

/// What the calls of one fan-out share. Dropping it tells the budget that no more come.
pub struct Together {
    counter: Counter,
    budget: Option<Budget>,
    width: u32,
    calls: u32,
    begun: Cell<u32>,
    announced: Cell<Announced>,
    leases: Cell<u64>,
    waiting: RefCell<Vec<Waker>>,
}

impl Together {
    /// So many calls to a target, so many at once.
    pub fn new(counter: &Counter, target: Option<&Target>, calls: usize, width: usize) -> Self {
        let few = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let budget = Budget::upstream(&counter.config).zip(target).map(|(limits, target)| limits.of(target));
        let own = Self {
            counter: counter.clone(),
            budget,
            width: few(width),
            calls: few(calls),
            begun: Cell::new(0),
            announced: Cell::default(),
            leases: Cell::new(0),
            waiting: RefCell::default(),
        };
        own.announce(own.to_come());
        own
    }

    /// Its calls to come.
    fn to_come(&self) -> Announced {
        let first = self.width.min(self.calls);
        let begun = self.begun.get();
        let later = self.calls.saturating_sub(first.max(begun));
        Announced { at_once: first.saturating_sub(begun), later, width: if later > 0 { self.width } else { 0 } }
    }

    fn announce(&self, new: Announced) {
        let old = self.announced.replace(new);
        if let Some(budget) = &self.budget {
            self.counter.learned.with_holder(budget, &*self.counter.world, |h| h.announce(old, new));
        }
    }

    /// One of them comes for its permit.
    pub fn comes(&self) {
        self.begun.set(self.begun.get() + 1);
        self.announce(self.to_come());
    }

    /// A lease has come that one of them asked for.
    pub fn leased(&self) {
        self.leases.set(self.leases.get() + 1);
        for waker in self.waiting.take() {
            waker.wake();
        }
    }

    /// Ends when the next lease comes.
    pub async fn lease(&self) {
        let known = self.leases.get();
        poll_fn(|cx| {
            if self.leases.get() != known {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        self.announce(Announced::default());
    }
}

impl std::fmt::Debug for Together {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Together({} of {})", self.begun.get(), self.calls)
    }
}
