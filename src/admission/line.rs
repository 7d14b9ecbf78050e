//! The line of those who wait in one isolate: the first takes the first permit, the second the second.
//!
//! A place is a time that was told, and nobody is moved past it: whoever is more urgent goes ahead only where those behind
//! still start when they were told. When one leaves, all behind it move up.

use std::collections::VecDeque;

use super::message::Kind;

/// How much later than told a place may become, in milliseconds.
const SLACK_MS: u64 = 1_000;

/// How far the object knows of one who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Not yet.
    No,
    /// It was told in an ask that is under way.
    Asked,
    /// It answered, and had no permit for it.
    Answered,
    /// It could not be reached.
    Failed,
}

/// One who waits.
#[derive(Debug, Clone, Copy)]
pub struct Waiter {
    /// Its number.
    pub id: u64,
    /// How urgent it is.
    pub kind: Kind,
    /// Whose it is: a visitor's or a key's number.
    pub party: u64,
    /// Whether it is beyond its party's fair share: it has only what nobody else wants.
    pub beyond: bool,
    /// Tokens that it needs.
    pub tokens: u32,
    /// Whether that is far more than is usual: it has a permit of its own size, and its place is not among the others'.
    pub large: bool,
    /// When it came.
    pub came_ms: u64,
    /// When it goes away.
    pub until_ms: u64,
    /// The time that it was told.
    pub told_ms: Option<u64>,
    /// Whether the permit of its place holds too few tokens for it.
    pub misfit: bool,
    /// What the object said of it.
    pub heard: Heard,
}

/// All who wait.
#[derive(Debug, Clone, Default)]
pub struct Line {
    waiters: VecDeque<Waiter>,
    /// How many of them need a permit of their own size.
    large: usize,
}

impl Line {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// Whether anybody waits for a permit of its own size.
    pub fn has_large(&self) -> bool {
        self.large > 0
    }

    /// Everyone, the first first.
    pub fn iter(&self) -> impl Iterator<Item = &Waiter> {
        self.waiters.iter()
    }

    /// Everyone, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Waiter> {
        self.waiters.iter_mut()
    }

    /// Where one stands.
    pub fn position(&self, id: u64) -> Option<usize> {
        self.waiters.iter().position(|w| w.id == id)
    }

    /// How many of those who need no permit of their own size stand before a place.
    pub fn before(&self, at: usize) -> usize {
        if self.large == 0 {
            return at.min(self.waiters.len());
        }
        self.waiters.iter().take(at).filter(|w| !w.large).count()
    }

    /// One by its place.
    pub fn get(&self, at: usize) -> Option<&Waiter> {
        self.waiters.get(at)
    }

    /// One by its place, to be changed.
    pub fn get_mut(&mut self, at: usize) -> Option<&mut Waiter> {
        self.waiters.get_mut(at)
    }

    /// Takes one out.
    pub fn remove(&mut self, at: usize) -> Option<Waiter> {
        let waiter = self.waiters.remove(at)?;
        self.large -= usize::from(waiter.large);
        Some(waiter)
    }

    /// Lets one in: behind all that are as urgent, and of the others behind those who would be late. `time` tells when the
    /// permit of a place exists, where there is one.
    pub fn insert(&mut self, waiter: Waiter, time: impl Fn(usize) -> Option<u64>) {
        self.large += usize::from(waiter.large);
        let mut at = self.waiters.len();
        while let Some(before) = at.checked_sub(1).and_then(|b| self.waiters.get(b)) {
            let ahead = (before.beyond, before.kind) <= (waiter.beyond, waiter.kind);
            let late = before.told_ms.is_some_and(|told| time(at).is_none_or(|then| then > told + SLACK_MS));
            if ahead || late {
                break;
            }
            at -= 1;
        }
        self.waiters.insert(at, waiter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiter(id: u64, kind: Kind, beyond: bool, told_ms: Option<u64>) -> Waiter {
        Waiter {
            id,
            kind,
            party: id,
            beyond,
            tokens: 0,
            large: false,
            came_ms: 0,
            until_ms: 60_000,
            told_ms,
            misfit: false,
            heard: Heard::No,
        }
    }

    fn ids(line: &Line) -> Vec<u64> {
        line.iter().map(|w| w.id).collect()
    }

    #[test]
    fn the_urgent_go_ahead_where_nobody_becomes_late() {
        let mut line = Line::default();
        let near = |at: usize| Some(at as u64 * 100);
        for (id, kind, beyond) in [
            (1, Kind::Batch, false),
            (2, Kind::Running, true),
            (3, Kind::New, false),
            (4, Kind::Running, false),
            (5, Kind::Batch, false),
        ] {
            line.insert(waiter(id, kind, beyond, None), near);
        }
        assert_eq!(ids(&line), [4, 3, 1, 5, 2]);
    }

    #[test]
    fn nobody_is_moved_past_the_time_it_was_told() {
        let mut line = Line::default();
        let slow = |at: usize| Some(at as u64 * 3_000);
        line.insert(waiter(1, Kind::New, false, Some(0)), slow);
        line.insert(waiter(2, Kind::New, false, Some(3_000)), slow);
        line.insert(waiter(3, Kind::Running, false, None), slow);
        assert_eq!(ids(&line), [1, 2, 3]);
    }
}
