//! An exact limit: never more than `limit` permits in any window, counted permit by permit.
//!
//! GCRA (ITU-T I.371) with a burst of `limit` lets almost twice the limit through in a window that begins with a burst, and with
//! a small burst it refuses a quiet shop's first batch. A log of what was granted, a row for each tick of time, is exact for
//! every window and gives the whole limit at once to whoever has been quiet.

use std::collections::VecDeque;

use super::Standing;

/// A minute, in milliseconds.
pub const MINUTE_MS: u64 = 60_000;
/// How long a permit may be spent after it was granted, in milliseconds. Grants are counted this much longer than a minute, so
/// that the minute is exact where it matters: at the upstream, when the permits are spent.
pub const LIFE_MS: u64 = 1_000;
/// Grants within one tick share a row, which counts a tick longer; in milliseconds.
const TICK_MS: u64 = 20;

/// What was granted in the last window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    rows: VecDeque<(u64, u64)>,
    spent: u64,
}

/// An answer to a wish for permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Permits granted; 0 is a refusal.
    pub permits: u64,
    /// The row that must be durable before the permits are used: its time and its whole count.
    pub row: (u64, u64),
    /// How the budget stands now.
    pub standing: Standing,
}

impl Window {
    /// A window from rows that were kept, in any order.
    pub fn restore(rows: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut rows: Vec<_> = rows.into_iter().collect();
        rows.sort_unstable();
        Self { spent: rows.iter().map(|r| r.1).sum(), rows: rows.into() }
    }

    /// The time before which rows no longer count.
    pub fn horizon(now_ms: u64) -> u64 {
        now_ms.saturating_sub(MINUTE_MS + LIFE_MS + TICK_MS)
    }

    /// Grants up to `want` permits of a `limit`. Of a large limit at most a hundredth goes to one asker at once.
    pub fn take(&mut self, now_ms: u64, limit: u64, want: u64) -> Grant {
        // A clock that went back must not make the window forget.
        let now = now_ms.max(self.rows.back().map_or(0, |r| r.0));
        let horizon = Self::horizon(now);
        while let Some(&(at, count)) = self.rows.front() {
            if at >= horizon {
                break;
            }
            self.spent -= count;
            self.rows.pop_front();
        }
        let permits = want.min((limit / 100).max(1)).min(limit.saturating_sub(self.spent));
        let mut row = (now, 0);
        if permits > 0 {
            self.spent += permits;
            match self.rows.back_mut() {
                Some(last) if now < last.0 + TICK_MS => {
                    last.1 += permits;
                    row = *last;
                }
                _ => {
                    row = (now, permits);
                    self.rows.push_back(row);
                }
            }
        }
        let oldest = self.rows.front().map_or(now, |r| r.0);
        let reset_ms = (oldest + MINUTE_MS + LIFE_MS + 1 + TICK_MS).saturating_sub(now);
        Grant { permits, row, standing: Standing { limit, remaining: limit.saturating_sub(self.spent), reset_ms } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_quiet_shop_may_spend_its_whole_minute_at_once_and_not_one_more() {
        let mut w = Window::default();
        let granted: u64 = (0..100).map(|_| w.take(5, 60, 1).permits).sum();
        assert_eq!(granted, 60);
        let refused = w.take(30_000, 60, 1);
        assert_eq!(refused.permits, 0);
        assert_eq!(w.take(30_000 + refused.standing.reset_ms, 60, 1).permits, 1);
    }

    #[test]
    fn an_eviction_forgets_nothing() {
        let mut w = Window::default();
        let rows: Vec<_> = (0..50).map(|i| w.take(i * 100, 60, 1).row).collect();
        let mut back = Window::restore(rows);
        assert_eq!(back.take(6_000, 60, 1).standing.remaining, 9);
    }

    proptest! {
        #[test]
        fn no_minute_ever_holds_more_than_the_limit(steps in prop::collection::vec((0u64..4000, 1u64..40), 1..200), limit in 1u64..50) {
            let (mut w, mut now, mut spent) = (Window::default(), 0, Vec::new());
            for (gap, want) in steps {
                now += gap;
                let g = w.take(now, limit, want);
                spent.push((now, g.permits));
            }
            for &(start, _) in &spent {
                // Each permit may be spent up to LIFE_MS after its grant.
                let held: u64 = spent.iter().filter(|(at, _)| *at + LIFE_MS >= start && *at < start + MINUTE_MS).map(|s| s.1).sum();
                prop_assert!(held <= limit);
            }
        }
    }
}
