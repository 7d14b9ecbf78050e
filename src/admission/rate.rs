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

/// Arrivals a second.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rate {
    per_second: f64,
    /// The same with short pauses left out.
    steady: f64,
    /// Arrivals of late.
    lately: f64,
    at_ms: u64,
}

impl Rate {
    /// One has come.
    pub fn add(&mut self, now_ms: u64) {
        let one = 1_000.0 / MEMORY_MS;
        self.per_second = self.now(now_ms) + one;
        self.steady = self.faded(now_ms).min(self.after_pause(now_ms, STILL_MS)) + one;
        self.lately = self.lately * self.fades(now_ms, LATELY_MS) + 1.0;
        self.at_ms = self.at_ms.max(now_ms);
    }

    fn fades(&self, now_ms: u64, memory_ms: f64) -> f64 {
        (-(now_ms.saturating_sub(self.at_ms) as f64) / memory_ms).exp()
    }

    fn faded(&self, now_ms: u64) -> f64 {
        self.steady * self.fades(now_ms, MEMORY_MS)
    }

    /// No more come than this, or one would have come since; a pause up to `least_ms` says nothing.
    fn after_pause(&self, now_ms: u64, least_ms: u64) -> f64 {
        let since_ms = now_ms.saturating_sub(self.at_ms);
        if since_ms > least_ms { PAUSE * 1_000.0 / since_ms as f64 } else { f64::INFINITY }
    }

    /// Arrivals a second at this moment, rather fewer than more.
    pub fn now(&self, now_ms: u64) -> f64 {
        (self.per_second * self.fades(now_ms, MEMORY_MS)).min(self.after_pause(now_ms, 0))
    }

    /// Arrivals a second at this moment, seen through an isolate's own pauses and as soon as many come.
    pub fn steady(&self, now_ms: u64) -> f64 {
        let lately = self.lately * self.fades(now_ms, LATELY_MS);
        let surely = (lately - DEVIATIONS * lately.sqrt()) * 1_000.0 / LATELY_MS;
        self.faded(now_ms).max(surely).min(self.after_pause(now_ms, STILL_MS))
    }

    /// When one came last, in milliseconds.
    pub fn last_ms(&self) -> u64 {
        self.at_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_seen_through_moments_in_which_the_isolate_stands_still() {
        let mut rate = Rate::default();
        // Sixty in a moment, and nobody for the next 60 ms.
        for moment in 0..200 {
            (0..60).for_each(|_| rate.add(60 * moment));
        }
        let seen = rate.steady(200 * 60);
        assert!((900.0..1_100.0).contains(&seen), "{seen}");
    }

    #[test]
    fn whoever_stays_away_is_soon_expected_no_more() {
        let mut rate = Rate::default();
        (0..10_000).for_each(|ms| rate.add(ms));
        assert!(rate.steady(10_000) > 900.0);
        assert!(rate.steady(10_600) < 6.0, "{}", rate.steady(10_600));
    }

    #[test]
    fn many_who_begin_to_come_are_seen_within_a_second_and_a_few_are_not_taken_for_many() {
        let mut rate = Rate::default();
        (0..1_000).for_each(|ms| rate.add(ms));
        assert!((800.0..1_000.0).contains(&rate.steady(1_000)), "{}", rate.steady(1_000));
        let mut few = Rate::default();
        (0..4).for_each(|_| few.add(0));
        assert!(few.steady(0) < 1.5, "{}", few.steady(0));
    }
}
