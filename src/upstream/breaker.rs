//! A circuit breaker: a target that keeps failing is passed over for a while, then tried with one call.

/// Failures in a row that open it.
const FAILURES: u32 = 5;
/// How long one call that is out to see is waited for, where that is not said, in milliseconds.
const TRIAL_MS: u64 = 1_000;
/// It stays open for so long at least, in milliseconds, where a failed trial costs somebody more than a moment: an answer that breaks
/// off, or every permit of a small limit.
pub const CAREFUL_MS: u64 = 3_000;
/// And where it costs nothing: what a host that is well again could do before the next trial is lost.
const EAGER_MS: u64 = 1_000;
/// Of the permits, one in so many may go to trials.
const TRIALS: u64 = 10;

/// How long a breaker stays open at least, in milliseconds, under a limit of so many calls a minute; 0 is none.
pub fn open_ms(permits: u64) -> u64 {
    (TRIALS * 60_000).checked_div(permits).unwrap_or(0).clamp(EAGER_MS, CAREFUL_MS)
}

/// One target's breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaker {
    /// Calls pass; so many failed in a row.
    Closed(u32),
    /// Calls are passed over until this time.
    Open(u64),
    /// One call is out to see, and is waited for until this time.
    HalfOpen(u64),
}

impl Default for Breaker {
    fn default() -> Self {
        Breaker::Closed(0)
    }
}

impl Breaker {
    /// Whether it has opened, and no call has ended well since.
    pub fn has_opened(&self) -> bool {
        !matches!(self, Breaker::Closed(_))
    }

    /// Whether a call would pass at `now_ms`.
    pub fn passes(&self, now_ms: u64) -> bool {
        self.open_for_ms(now_ms) == 0
    }

    /// Whether a call may pass at `now_ms`; in the half-open state only one does.
    pub fn admits(&mut self, now_ms: u64) -> bool {
        self.admits_for(now_ms, TRIAL_MS)
    }

    /// The same for a call that has ended within `trial_ms`: one whose end is never told does not hold the breaker for ever.
    pub fn admits_for(&mut self, now_ms: u64, trial_ms: u64) -> bool {
        let passes = self.passes(now_ms);
        if passes && self.has_opened() {
            *self = Breaker::HalfOpen(now_ms.saturating_add(trial_ms));
        }
        passes
    }

    /// The one call that [`Self::admits_for`] let out at `since_ms`, if it was that one, ended and told nothing: another may see.
    pub fn left(&mut self, since_ms: u64, trial_ms: u64) {
        if *self == Breaker::HalfOpen(since_ms.saturating_add(trial_ms)) {
            *self = Breaker::Open(since_ms);
        }
    }

    /// For how long calls are passed over from now on, in milliseconds.
    pub fn open_for_ms(&self, now_ms: u64) -> u64 {
        match *self {
            Breaker::Closed(_) => 0,
            Breaker::Open(until) | Breaker::HalfOpen(until) => until.saturating_sub(now_ms),
        }
    }

    /// A call ended well.
    pub fn succeeded(&mut self) {
        *self = Breaker::Closed(0);
    }

    /// A call failed by the target's fault, after so many milliseconds. Where a failure is slow, so is each trial, and whoever makes it
    /// waits: the breaker stays open for twice as long as the failure took, and for `least_ms` at least.
    pub fn failed(&mut self, now_ms: u64, took_ms: u64, least_ms: u64) {
        *self = match *self {
            Breaker::Closed(n) if n + 1 < FAILURES => Breaker::Closed(n + 1),
            Breaker::Open(until) if now_ms < until => Breaker::Open(until),
            _ => Breaker::Open(now_ms.saturating_add(took_ms.saturating_mul(2).max(least_ms))),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST_MS: u64 = 3_000;

    fn opened() -> Breaker {
        let mut b = Breaker::default();
        (0..FAILURES).for_each(|_| b.failed(0, 0, LEAST_MS));
        b
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_a_success_starts_the_count_again() {
        let mut b = Breaker::default();
        for _ in 0..20 {
            (1..FAILURES).for_each(|_| b.failed(0, 0, LEAST_MS));
            b.succeeded();
        }
        assert!(b.admits(0));
        assert!(!opened().admits(1));
    }

    #[test]
    fn when_its_time_is_over_one_call_passes_and_decides() {
        let mut b = opened();
        assert!(b.admits(LEAST_MS));
        assert!(!b.admits(LEAST_MS + 1));
        b.failed(LEAST_MS + 2, 0, LEAST_MS);
        assert!(!b.admits(LEAST_MS + 3));
        assert!(b.admits(2 * LEAST_MS + 2));
        b.succeeded();
        assert!(b.admits(2 * LEAST_MS + 3) && b.admits(2 * LEAST_MS + 3));
    }

    #[test]
    fn it_stays_open_for_twice_as_long_as_the_failure_took_and_a_trial_is_waited_for() {
        let mut b = Breaker::default();
        (0..FAILURES).for_each(|_| b.failed(0, 10_000, LEAST_MS));
        assert!(!b.passes(19_999) && b.admits_for(20_000, 60_000));
        assert!(!b.passes(79_999) && b.passes(80_000));
        b.left(9_000, 60_000);
        assert!(!b.passes(20_001), "another call left");
        b.left(20_000, 60_000);
        assert!(b.passes(20_001), "the trial left");
    }

    #[test]
    fn trials_take_no_more_than_a_part_of_a_small_limit_and_come_soon_where_there_is_room() {
        assert_eq!([0, 10, 300, 600, 3_000].map(open_ms), [1_000, 3_000, 2_000, 1_000, 1_000]);
    }
}
