//! What a host says of its own limits in its replies: how much is left, and until when (`x-ratelimit-*`).
//!
//! There are two kinds of hosts, and the reset tells which: with a bucket it is the time in which the bucket is full again, and
//! calls come back one by one; with a window it is its end, and nothing comes back before.

use serde::{Deserialize, Serialize};

use crate::decimal;

/// What a host says it will bear for a while.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stated {
    /// Calls a second; 0 is none.
    pub per_second: f32,
    /// For so long, in milliseconds.
    pub for_ms: u32,
}

impl Stated {
    /// Whether it will bear not one call in that time.
    pub fn bears_nothing(&self) -> bool {
        self.per_second * (self.for_ms as f32) < 1_000.0
    }

    /// The lower of two.
    pub fn least(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if b.per_second < a.per_second { b } else { a }),
            (a, b) => a.or(b),
        }
    }
}

/// The part of a bucket below which its pace is kept to.
const LOW: f64 = 0.1;
/// A bucket's pace is kept to for so long, in milliseconds.
const BUCKET_MS: u32 = 2_000;
/// The longest that a window is believed in, in milliseconds.
const LONGEST_MS: f64 = 120_000.0;
/// What is less than this is left as it is, in milliseconds: a window that ends at once bounds nothing.
const LEAST_MS: f64 = 10.0;

/// Reads a reply's headers; a call takes so many tokens.
pub fn read(header: &dyn Fn(&str) -> Option<String>, tokens: u32) -> Option<Stated> {
    Stated::least(of(header, "requests", 1.0), of(header, "tokens", f64::from(tokens.max(1))))
}

fn of(header: &dyn Fn(&str) -> Option<String>, what: &str, each: f64) -> Option<Stated> {
    let number = |part: &str| -> Option<f64> {
        let n = decimal::read(header(&format!("x-ratelimit-{part}-{what}"))?.trim())?;
        (n >= 0.0).then_some(n)
    };
    let left = number("remaining")?;
    let reset_ms = duration_ms(&header(&format!("x-ratelimit-reset-{what}"))?)?.min(LONGEST_MS);
    if let Some(limit) = number("limit").filter(|limit| *limit > 0.0) {
        let full_ms = (limit - left).max(0.0) * 60_000.0 / limit;
        if (full_ms - reset_ms).abs() <= (full_ms * 0.2).max(1_000.0) {
            let low = left < limit * LOW;
            return low.then_some(Stated { per_second: (limit / 60.0 / each) as f32, for_ms: BUCKET_MS });
        }
    }
    let per_second = (left / each).floor() * 1_000.0 / reset_ms.max(LEAST_MS);
    (reset_ms >= LEAST_MS).then_some(Stated { per_second: per_second as f32, for_ms: reset_ms as u32 })
}

/// A duration as hosts write it (`6m0s`, `1s`, `120ms`, or seconds alone), in milliseconds.
fn duration_ms(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Some(seconds) = decimal::read(text) {
        return (seconds >= 0.0).then_some(seconds * 1_000.0);
    }
    let (mut rest, mut total) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(digits)?;
        let units = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(units)?;
        let unit_ms = match unit {
            "ms" => 1.0,
            "s" => 1_000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            "d" => 86_400_000.0,
            _ => return None,
        };
        total += decimal::read(number)? * unit_ms;
        rest = next;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stated(headers: &[(&str, &str)], tokens: u32) -> Option<Stated> {
        let header = |name: &str| {
            headers.iter().find(|(n, _)| name.strip_prefix("x-ratelimit-") == Some(n)).map(|(_, v)| (*v).to_owned())
        };
        read(&header, tokens)
    }

    #[test]
    fn durations_are_read_as_hosts_write_them() {
        for (text, ms) in [
            ("1s", 1_000.0),
            ("6m0s", 360_000.0),
            ("120ms", 120.0),
            ("1h2m3s", 3_723_000.0),
            ("7.66s", 7_660.0),
            ("2m59.56s", 179_560.0),
            ("12", 12_000.0),
            ("0", 0.0),
        ] {
            assert!(duration_ms(text).is_some_and(|d| (d - ms).abs() < 0.5), "{text}");
        }
        for nonsense in ["", "soon", "s", "5x", "1s2", "-1s", "1.2.3s", "NaN", "2026-11-23T12:00:00Z"] {
            assert_eq!(duration_ms(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_window_bounds_the_calls_until_its_end_and_an_empty_one_all_of_them() {
        let window = |left, reset| stated(&[("remaining-requests", left), ("reset-requests", reset)], 1);
        assert_eq!(window("30", "10s"), Some(Stated { per_second: 3.0, for_ms: 10_000 }));
        assert_eq!(window("0", "6m0s"), Some(Stated { per_second: 0.0, for_ms: 120_000 }));
        assert_eq!(window("5", "0s"), None);
        assert_eq!(window("many", "1s"), None);
    }

    #[test]
    fn a_bucket_bounds_only_when_it_is_nearly_empty_and_then_by_its_pace() {
        let bucket = |left, reset| {
            stated(&[("limit-requests", "600"), ("remaining-requests", left), ("reset-requests", reset)], 1)
        };
        assert_eq!(bucket("599", "100ms"), None);
        assert_eq!(bucket("300", "30s"), None);
        assert_eq!(bucket("0", "1m0s"), Some(Stated { per_second: 10.0, for_ms: BUCKET_MS }));
        // The same headers with another reset are a window's.
        assert_eq!(bucket("0", "7s"), Some(Stated { per_second: 0.0, for_ms: 7_000 }));
    }

    #[test]
    fn tokens_bound_as_many_calls_as_they_are_enough_for() {
        let headers = [
            ("remaining-requests", "100"),
            ("reset-requests", "10s"),
            ("remaining-tokens", "5000"),
            ("reset-tokens", "10s"),
        ];
        assert_eq!(stated(&headers, 1_000), Some(Stated { per_second: 0.5, for_ms: 10_000 }));
        assert_eq!(stated(&headers, 10), Some(Stated { per_second: 10.0, for_ms: 10_000 }));
    }

    proptest! {
        #[test]
        fn no_header_breaks_the_reading(left in ".{0,12}", reset in ".{0,12}", limit in ".{0,12}") {
            let headers = [("remaining-tokens", &*left), ("reset-tokens", &*reset), ("limit-tokens", &*limit)];
            if let Some(s) = stated(&headers, 100) {
                prop_assert!(s.per_second >= 0.0 && s.for_ms <= 120_000);
            }
        }
    }
}
