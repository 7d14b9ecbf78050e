//! How often somebody comes: arrivals a second, which fade.

/// Arrivals are averaged over so long, in milliseconds.
const MEMORY_MS: f64 = 3_000.0;
/// And over so short a time, which is what counts as soon as enough have come within it that it can be no chance.
const LATELY_MS: f64 = 300.0;
/// Deviations of a Poisson count below which it is no chance.
const DEVIATIONS: f64 = 2.0;
/// A pause in which so many should have come is rare (one in twelve, by Poisson): they have become fewer.
const PAUSE: f64 = 2.5;
/// So long a pause may be the isolate's own, which stands still while it computes, in milliseconds.
const STILL_MS: u64 = 100;

fn fades(since_ms: u64, memory_ms: f64) -> f64 {
    (-(since_ms as f64) / memory_ms).exp()
}

/// Arrivals a second, rather fewer than more.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rate {
    per_second: f64,
    at_ms: u64,
}

impl Rate {
    /// One has come.
    pub fn add(&mut self, now_ms: u64) {
        self.per_second = self.now(now_ms) + 1_000.0 / MEMORY_MS;
        self.at_ms = self.at_ms.max(now_ms);
    }

    /// Arrivals a second at this moment.
    pub fn now(&self, now_ms: u64) -> f64 {
        let since_ms = now_ms.saturating_sub(self.at_ms);
        (self.per_second * fades(since_ms, MEMORY_MS)).min(PAUSE * 1_000.0 / since_ms.max(1) as f64)
    }

    /// When one came last, in milliseconds.
    pub fn last_ms(&self) -> u64 {
        self.at_ms
    }
}

/// Arrivals a second, seen through an isolate's own pauses and as soon as many come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Steady {
    per_second: f64,
    lately: f64,
    at_ms: u64,
}

impl Steady {
    /// One has come.
    pub fn add(&mut self, now_ms: u64) {
        let since_ms = now_ms.saturating_sub(self.at_ms);
        self.per_second = self.faded(since_ms) + 1_000.0 / MEMORY_MS;
        self.lately = self.lately * fades(since_ms, LATELY_MS) + 1.0;
        self.at_ms = self.at_ms.max(now_ms);
    }

    fn faded(&self, since_ms: u64) -> f64 {
        (self.per_second * fades(since_ms, MEMORY_MS)).min(Self::at_most(since_ms))
    }

    /// No more come than this, or one would have come since.
    fn at_most(since_ms: u64) -> f64 {
        if since_ms > STILL_MS { PAUSE * 1_000.0 / since_ms as f64 } else { f64::INFINITY }
    }

    /// Arrivals a second at this moment.
    pub fn now(&self, now_ms: u64) -> f64 {
        let since_ms = now_ms.saturating_sub(self.at_ms);
        let lately = self.lately * fades(since_ms, LATELY_MS);
        let surely = (lately - DEVIATIONS * lately.sqrt()) * 1_000.0 / LATELY_MS;
        self.faded(since_ms).max(surely.min(Self::at_most(since_ms)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_seen_through_moments_in_which_the_isolate_stands_still() {
        let mut rate = Steady::default();
        // Sixty in a moment, and nobody for the next 60 ms.
        for moment in 0..200 {
            (0..60).for_each(|_| rate.add(60 * moment));
        }
        let seen = rate.now(200 * 60);
        assert!((900.0..1_100.0).contains(&seen), "{seen}");
    }

    #[test]
    fn whoever_stays_away_is_soon_expected_no_more() {
        let mut rate = Steady::default();
        (0..10_000).for_each(|ms| rate.add(ms));
        assert!(rate.now(10_000) > 900.0);
        assert!(rate.now(10_600) < 6.0, "{}", rate.now(10_600));
    }

    #[test]
    fn many_who_begin_to_come_are_seen_within_a_second_and_a_few_are_not_taken_for_many() {
        let mut rate = Steady::default();
        (0..1_000).for_each(|ms| rate.add(ms));
        assert!((800.0..1_000.0).contains(&rate.now(1_000)), "{}", rate.now(1_000));
        let mut few = Steady::default();
        (0..4).for_each(|_| few.add(0));
        assert!(few.now(0) < 1.5, "{}", few.now(0));
    }
}
