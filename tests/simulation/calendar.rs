//! What is to happen, in the order of its time and, within a millisecond, in the order in which it was entered.
//!
//! Most of it happens within a second, so that the nearest milliseconds are kept one by one and nothing there is ever compared.

use std::collections::{BTreeMap, VecDeque};

/// So many milliseconds are kept one by one.
const NEAR_MS: u64 = 1_024;

pub struct Calendar<T> {
    /// The first of the near milliseconds, and the one that it has come to.
    begin_ms: u64,
    now_ms: u64,
    near: Vec<VecDeque<T>>,
    far: BTreeMap<u64, VecDeque<T>>,
}

impl<T> Calendar<T> {
    pub fn new(now_ms: u64) -> Self {
        let near = (0..NEAR_MS).map(|_| VecDeque::new()).collect();
        Self { begin_ms: now_ms, now_ms, near, far: BTreeMap::new() }
    }

    /// Enters what is to happen, now or later.
    pub fn add(&mut self, at_ms: u64, it: T) {
        assert!(at_ms >= self.now_ms, "what is past cannot happen");
        match self.near.get_mut((at_ms - self.begin_ms) as usize) {
            Some(near) => near.push_back(it),
            None => self.far.entry(at_ms).or_default().push_back(it),
        }
    }

    /// Takes out what happens next, with its time.
    pub fn next(&mut self) -> Option<(u64, T)> {
        loop {
            while let Some(near) = self.near.get_mut((self.now_ms - self.begin_ms) as usize) {
                if let Some(it) = near.pop_front() {
                    return Some((self.now_ms, it));
                }
                self.now_ms += 1;
            }
            self.begin_ms = *self.far.first_key_value()?.0;
            self.now_ms = self.begin_ms;
            while let Some(far) = self.far.first_entry().filter(|far| *far.key() < self.begin_ms + NEAR_MS) {
                let at = (far.key() - self.begin_ms) as usize;
                self.near[at].append(&mut far.remove());
            }
        }
    }
}
