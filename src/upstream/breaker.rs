//! A circuit breaker: a target that keeps failing is passed over for a while, then tried with one call.

/// Failures in a row that open it.
const FAILURES: u32 = 5;
/// How long it stays open, in milliseconds.
const OPEN_MS: u64 = 3_000;

/// One target's breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaker {
    /// Calls pass; so many failed in a row.
    Closed(u32),
    /// Calls are passed over until this time.
    Open(u64),
    /// One call is out to see, since this time.
    HalfOpen(u64),
}

impl Default for Breaker {
    fn default() -> Self {
        Breaker::Closed(0)
    }
}

impl Breaker {
    /// Whether a call may pass at `now_ms`; in the half-open state only one does.
    pub fn admits(&mut self, now_ms: u64) -> bool {
        match *self {
            Breaker::Closed(_) => true,
            // A trial whose end was never told (its caller left) does not hold the breaker for ever.
            Breaker::Open(since) | Breaker::HalfOpen(since) if now_ms >= since.saturating_add(OPEN_MS) => {
                *self = Breaker::HalfOpen(now_ms);
                true
            }
            Breaker::Open(_) | Breaker::HalfOpen(_) => false,
        }
    }

    /// For how long calls are passed over from now on, in milliseconds.
    pub fn open_for_ms(&self, now_ms: u64) -> u64 {
        match *self {
            Breaker::Closed(_) => 0,
            Breaker::Open(since) | Breaker::HalfOpen(since) => since.saturating_add(OPEN_MS).saturating_sub(now_ms),
        }
    }

    /// A call ended well.
    pub fn succeeded(&mut self) {
        *self = Breaker::Closed(0);
    }

    /// A call failed by the target's fault.
    pub fn failed(&mut self, now_ms: u64) {
        *self = match *self {
            Breaker::Closed(n) if n + 1 < FAILURES => Breaker::Closed(n + 1),
            Breaker::Open(since) => Breaker::Open(since),
            Breaker::Closed(_) | Breaker::HalfOpen(_) => Breaker::Open(now_ms),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> Breaker {
        let mut b = Breaker::default();
        (0..FAILURES).for_each(|_| b.failed(0));
        b
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_a_success_starts_the_count_again() {
        let mut b = Breaker::default();
        for _ in 0..20 {
            (1..FAILURES).for_each(|_| b.failed(0));
            b.succeeded();
        }
        assert!(b.admits(0));
        assert!(!opened().admits(1));
    }

    #[test]
    fn when_its_time_is_over_one_call_passes_and_decides() {
        let mut b = opened();
        assert!(b.admits(OPEN_MS));
        assert!(!b.admits(OPEN_MS + 1));
        b.failed(OPEN_MS + 2);
        assert!(!b.admits(OPEN_MS + 3));
        assert!(b.admits(2 * OPEN_MS + 2));
        b.succeeded();
        assert!(b.admits(2 * OPEN_MS + 3) && b.admits(2 * OPEN_MS + 3));
    }
}
