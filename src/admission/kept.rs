//! Questions that could not be answered in the rush: when each is tried again, so that none is lost and all do not return at once.

use serde::{Deserialize, Serialize};

/// The first wait, in milliseconds; it doubles with each try.
const FIRST_MS: u64 = 20_000;
/// The longest wait, in milliseconds.
const LONGEST_MS: u64 = 600_000;

/// A kept question's next try. It is stored with the question, and removed only when the answer is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Tries that were made.
    pub tries: u32,
    /// When to try, in milliseconds since 1970.
    pub due_ms: u64,
}

impl Kept {
    /// A question kept now. `random` is a number in [0, 1).
    pub fn new(now_ms: u64, random: f64) -> Self {
        Self { tries: 0, due_ms: now_ms + wait_ms(0, 0, random) }
    }

    /// Its try has failed; it waits on, at least as long as it was told to.
    pub fn failed(self, now_ms: u64, retry_after_ms: u64, random: f64) -> Self {
        let tries = self.tries.saturating_add(1);
        Self { tries, due_ms: now_ms + wait_ms(tries, retry_after_ms, random) }
    }
}

fn wait_ms(tries: u32, least_ms: u64, random: f64) -> u64 {
    let wait = FIRST_MS.saturating_mul(1 << tries.min(16)).min(LONGEST_MS).max(least_ms.min(LONGEST_MS));
    wait / 2 + (wait as f64 * random.clamp(0.0, 1.0)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_ever_later_and_never_cease() {
        let mut kept = Kept::new(0, 0.5);
        let mut before = kept.due_ms;
        for _ in 0..50 {
            kept = kept.failed(before, 0, 0.5);
            assert!(kept.due_ms > before && kept.due_ms <= before + 2 * LONGEST_MS);
            before = kept.due_ms;
        }
        assert_eq!(Kept::new(0, 0.0).failed(0, 60_000, 0.5).due_ms, 60_000);
    }
}
