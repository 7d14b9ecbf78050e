//! When to try again: which replies deserve it, how long to wait, and how much of the traffic retries may be.

use crate::{calendar, decimal};

/// The first backoff's ceiling, in milliseconds; it doubles each time.
const BASE_MS: u64 = 500;
/// The longest backoff, in milliseconds.
const LONGEST_MS: u64 = 8_000;

/// Whether a reply of this status is worth another try, `x-should-retry` deciding first.
pub fn deserves_retry(status: u16, should_retry: Option<&str>) -> bool {
    match should_retry.map(str::trim) {
        Some("true") => true,
        Some("false") => false,
        _ => matches!(status, 408 | 409 | 429) || status >= 500,
    }
}

/// The wait that a host asks for, in milliseconds: `retry-after-ms`, else `Retry-After` as seconds or as a date (RFC 9110, 10.2.3).
pub fn asked_wait_ms(retry_after_ms: Option<&str>, retry_after: Option<&str>, now_ms: u64) -> Option<u64> {
    let number = |text: &str, unit: f64| {
        let n = decimal::read(text.trim())?;
        (n.is_finite() && n >= 0.0).then_some((n * unit).ceil().min(u32::MAX.into()) as u64)
    };
    retry_after_ms.and_then(|t| number(t, 1.0)).or_else(|| {
        let text = retry_after?;
        number(text, 1000.0).or_else(|| Some(calendar::http_date(text.trim())?.saturating_sub(now_ms)))
    })
}

/// The wait before retry number `retry` (0 is the first), in milliseconds.
///
/// With no wait asked for it is full jitter (Brooker, "Exponential Backoff and Jitter", AWS 2015): anywhere from nothing to
/// the ceiling. A wait that was asked for is kept whole, and up to a quarter is added so that callers do not return at once.
pub fn backoff_ms(retry: u32, asked_ms: Option<u64>, random: f64) -> u64 {
    let random = random.clamp(0.0, 1.0);
    match asked_ms {
        Some(asked) => asked + (asked.min(4 * LONGEST_MS) as f64 * 0.25 * random) as u64,
        None => (BASE_MS.saturating_mul(1 << retry.min(10)).min(LONGEST_MS) as f64 * random) as u64,
    }
}

/// A retry budget: each call pays a tenth of a retry in, each retry takes a whole one out.
///
/// A count of retries a call bounds one caller's wait; only a part of the traffic bounds what a failing host must bear.
#[derive(Debug, Clone)]
pub struct RetryBudget {
    tokens: f64,
    at_ms: u64,
}

impl RetryBudget {
    /// The part of the traffic that retries may be.
    pub const RATIO: f64 = 0.1;
    /// Retries that a quiet counter has at hand.
    pub const FLOOR: f64 = 10.0;
    /// What of the floor comes back each second.
    const FLOOR_PER_SECOND: f64 = 1.0;
    const MOST: f64 = 100.0;

    /// A full floor.
    pub fn new(now_ms: u64) -> Self {
        Self { tokens: Self::FLOOR, at_ms: now_ms }
    }

    /// A first attempt was made.
    pub fn deposit(&mut self) {
        self.tokens = (self.tokens + Self::RATIO).min(Self::MOST);
    }

    /// Takes a retry out, if there is one.
    pub fn withdraw(&mut self, now_ms: u64) -> bool {
        let seconds = now_ms.saturating_sub(self.at_ms) as f64 / 1000.0;
        self.at_ms = self.at_ms.max(now_ms);
        if self.tokens < Self::FLOOR {
            self.tokens = (self.tokens + seconds * Self::FLOOR_PER_SECOND).min(Self::FLOOR);
        }
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_word_decides_before_the_status() {
        assert!(deserves_retry(400, Some("true")));
        assert!(!deserves_retry(503, Some("false")));
        for status in [408, 409, 429, 500, 502, 503, 504, 529] {
            assert!(deserves_retry(status, None), "{status}");
        }
        for status in [400, 401, 403, 404, 413, 422] {
            assert!(!deserves_retry(status, Some("perhaps")), "{status}");
        }
    }

    #[test]
    fn a_wait_is_read_as_milliseconds_seconds_or_a_date() {
        let noon = 1_795_435_200_000; // Mon, 23 Nov 2026 12:00:00 GMT
        assert_eq!(asked_wait_ms(Some("1500"), Some("9"), noon), Some(1500));
        assert_eq!(asked_wait_ms(None, Some("2"), noon), Some(2000));
        assert_eq!(asked_wait_ms(None, Some("0.25"), noon), Some(250));
        assert_eq!(asked_wait_ms(None, Some("Mon, 23 Nov 2026 12:00:07 GMT"), noon), Some(7000));
        assert_eq!(asked_wait_ms(None, Some("Mon, 23 Nov 2026 11:00:00 GMT"), noon), Some(0));
        for nonsense in ["soon", "-1", "NaN", ""] {
            assert_eq!(asked_wait_ms(None, Some(nonsense), noon), None, "{nonsense}");
        }
    }

    #[test]
    fn backoff_is_full_jitter_and_never_sooner_than_asked() {
        assert_eq!(backoff_ms(0, None, 0.0), 0);
        assert_eq!(backoff_ms(1, None, 0.5), 500);
        assert_eq!(backoff_ms(40, None, 1.0), LONGEST_MS);
        assert!((2000..=2500).contains(&backoff_ms(0, Some(2000), 0.7)));
    }

    #[test]
    fn retries_are_a_tenth_of_the_traffic_past_the_floor() {
        let mut budget = RetryBudget::new(0);
        let mut retries = 0;
        for _ in 0..1000 {
            budget.deposit();
            while budget.withdraw(0) {
                retries += 1;
            }
        }
        assert!((100..=110).contains(&retries), "{retries}");
    }
}
