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
    /// Arrivals of late.
    lately: f64,
    at_ms: u64,
}

impl Rate {
    /// One has come.
    pub fn add(&mut self, now_ms: u64) {
        // After a single pause, however long, they may well come as before.
        let pause = self.at_most(now_ms).max(self.faded(now_ms) / 2.0);
        self.per_second = self.faded(now_ms).min(pause) + 1_000.0 / MEMORY_MS;
        self.lately = self.lately * self.fades(now_ms, LATELY_MS) + 1.0;
        self.at_ms = self.at_ms.max(now_ms);
    }

    fn fades(&self, now_ms: u64, memory_ms: f64) -> f64 {
        (-(now_ms.saturating_sub(self.at_ms) as f64) / memory_ms).exp()
    }

    fn faded(&self, now_ms: u64) -> f64 {
        self.per_second * self.fades(now_ms, MEMORY_MS)
    }

    /// More do not come, or one would have come by now.
    fn at_most(&self, now_ms: u64) -> f64 {
        let pause_ms = now_ms.saturating_sub(self.at_ms + STILL_MS) as f64;
        if pause_ms > 0.0 { PAUSE * 1_000.0 / pause_ms } else { f64::INFINITY }
    }

    /// Arrivals a second at this moment.
    pub fn now(&self, now_ms: u64) -> f64 {
        let lately = self.lately * self.fades(now_ms, LATELY_MS);
        let surely = (lately - DEVIATIONS * lately.sqrt()) * 1_000.0 / LATELY_MS;
        self.faded(now_ms).max(surely).min(self.at_most(now_ms))
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
        let seen = rate.now(200 * 60);
        assert!((900.0..1_100.0).contains(&seen), "{seen}");
    }

    #[test]
    fn a_pause_longer_than_that_is_soon_made_up_for_and_many_are_not() {
        let mut rate = Rate::default();
        (0..10_000).for_each(|ms| rate.add(ms));
        rate.add(10_400);
        assert!(rate.now(10_400) > 400.0);
        // From now on one comes in half a second.
        (0..12).for_each(|n| rate.add(10_900 + 500 * n));
        assert!(rate.now(16_400) < 4.0, "{}", rate.now(16_400));
    }

    #[test]
    fn whoever_stays_away_is_soon_expected_no_more() {
        let mut rate = Rate::default();
        (0..10_000).for_each(|ms| rate.add(ms));
        assert!(rate.now(10_000) > 900.0);
        assert!(rate.now(10_600) < 6.0, "{}", rate.now(10_600));
    }

    #[test]
    fn many_who_begin_to_come_are_seen_within_a_second_and_a_few_are_not_taken_for_many() {
        let mut rate = Rate::default();
        (0..1_000).for_each(|ms| rate.add(ms));
        assert!((800.0..1_000.0).contains(&rate.now(1_000)), "{}", rate.now(1_000));
        let mut few = Rate::default();
        (0..4).for_each(|_| few.add(0));
        assert!(few.now(0) < 1.5, "{}", few.now(0));
    }
}
