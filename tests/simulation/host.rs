//! The model's host: a capacity, jitter, moods and outages.

use std::collections::VecDeque;

use crate::chance::Chance;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mood {
    Well,
    /// Everything takes so many times as long.
    Slow(f64),
    /// It bears only this part of what it states, and refuses the rest.
    Short(f64),
    /// It fails at once.
    Down,
    /// It takes calls and never answers.
    Silent,
}

pub enum Said {
    Answer { first_byte_ms: f64, took_ms: f64 },
    Refused { retry_after_ms: u64 },
    Failed { after_ms: f64 },
}

pub struct Host {
    pub mood: Mood,
    /// When the mood last changed.
    pub since_ms: u64,
    per_second: f64,
    /// It enforces its minute second by second.
    by_seconds: bool,
    took_ms: f64,
    recent: VecDeque<u64>,
    /// Starts and ends of the bounded number in flight.
    pub in_flight: u32,
    pub limit_in_flight: u32,
    pub calls: u64,
    pub refused: u64,
}

impl Host {
    pub fn new(per_second: f64, by_seconds: bool, took_ms: f64, limit_in_flight: u32) -> Self {
        Self {
            mood: Mood::Well,
            since_ms: 0,
            per_second,
            by_seconds,
            took_ms,
            recent: VecDeque::new(),
            in_flight: 0,
            limit_in_flight,
            calls: 0,
            refused: 0,
        }
    }

    pub fn call(&mut self, now_ms: u64, chance: &mut Chance) -> Said {
        self.calls += 1;
        while self.recent.front().is_some_and(|at| at + 1_000 <= now_ms) {
            self.recent.pop_front();
        }
        let slow = match self.mood {
            Mood::Down => return Said::Failed { after_ms: 20.0 },
            Mood::Silent => return Said::Failed { after_ms: 10_000.0 },
            Mood::Slow(times) => times,
            _ => 1.0,
        };
        let bears = match self.mood {
            Mood::Short(part) => (self.per_second * part).max(1.0).floor(),
            _ if self.by_seconds => self.per_second.ceil() + 1.0,
            _ => f64::INFINITY,
        };
        if self.recent.len() as f64 >= bears || (self.limit_in_flight > 0 && self.in_flight >= self.limit_in_flight) {
            self.refused += 1;
            return Said::Refused { retry_after_ms: 1_000 };
        }
        self.recent.push_back(now_ms);
        let took_ms = self.took_ms * slow * chance.within(0.4, 1.6);
        Said::Answer { first_byte_ms: took_ms * 0.25, took_ms }
    }
}
