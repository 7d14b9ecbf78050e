//! Callers to come: of each kind as many as came lately, and those that fan-outs have told of.

use super::super::message::{KINDS, Kind};
use super::super::rate::{Rate, Steady};

/// Announced calls surely come, so that permits for those of so many seconds are asked for at once: they are spent within their life.
const AHEAD_S: f64 = 0.6;

/// Calls that fan-outs have still to make.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Announced {
    /// Such as begin at once and have not come yet.
    pub at_once: u32,
    /// Such as begin when another ends.
    pub later: u32,
    /// How many of these may run at once.
    pub width: u32,
}

impl Announced {
    /// What was told of one fan-out is now something else.
    fn replace(&mut self, old: Self, new: Self) {
        let replaced = |all: u32, old: u32, new: u32| all.saturating_sub(old).saturating_add(new);
        self.at_once = replaced(self.at_once, old.at_once, new.at_once);
        self.later = replaced(self.later, old.later, new.later);
        self.width = replaced(self.width, old.width, new.width);
    }
}

/// What is known of callers to come.
#[derive(Debug, Clone, Default)]
pub struct Coming {
    rates: [(Rate, Steady); KINDS],
    announced: Announced,
}

/// How many callers are expected.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected {
    at_once: f64,
    per_second: f64,
    most: f64,
    ahead: f64,
}

impl Expected {
    /// A second.
    pub fn per_second(&self) -> f64 {
        self.per_second
    }

    /// Within so many seconds.
    pub fn within(&self, seconds: f64) -> f64 {
        self.at_once + (self.per_second * seconds).min(self.most)
    }

    /// As many as permits should be had for, where that is for so many seconds at least.
    pub fn wanted(&self, seconds: f64) -> f64 {
        self.within(seconds.max(self.ahead))
    }
}

impl Coming {
    /// What a fan-out told is now something else.
    pub fn announce(&mut self, old: Announced, new: Announced) {
        self.announced.replace(old, new);
    }

    /// One has come.
    pub fn came(&mut self, now_ms: u64, kind: Kind) {
        if let Some((rate, steady)) = self.rates.get_mut(kind as usize) {
            rate.add(now_ms);
            steady.add(now_ms);
        }
    }

    /// Callers of each kind to come, where a call takes so many milliseconds. Where others would miss what is kept for them, rather fewer
    /// are expected than more, and in a rush none but those who come anyway: a batch takes what others leave.
    pub fn expected(&self, now_ms: u64, took_ms: f64, scarce: bool, rush: bool) -> [Expected; KINDS] {
        let mut expected = self.rates.map(|(rate, steady)| {
            let per_second = if scarce || rush { rate.now(now_ms) } else { steady.now(now_ms) };
            Expected { at_once: 0.0, per_second, most: f64::INFINITY, ahead: 0.0 }
        });
        let Announced { at_once, later, width } = self.announced;
        if let Some(batch) = expected.get_mut(Kind::Batch as usize).filter(|_| !rush && at_once.max(later) > 0) {
            let per_second = f64::from(width.min(later)) * 1_000.0 / took_ms.max(1.0);
            if per_second >= batch.per_second {
                (batch.per_second, batch.most, batch.ahead) = (per_second, later.into(), AHEAD_S);
            }
            batch.at_once = at_once.into();
        }
        expected
    }
}
