//! How far apart calls begin. A host counts what comes within a second, and permits are spread so that no second holds too many; but an
//! isolate that stood still for a moment lets go late what was due, and what is due a second later would come too soon after it.

use std::collections::VecDeque;

use super::super::book::{ROW, TICK_MS};

/// What the host counts together, in milliseconds.
const SECOND_MS: u64 = ROW * TICK_MS;

/// The longest that a call is taken to be kept on its way, in milliseconds.
const LONGEST_MS: u64 = 250;

/// Calls that began lately.
#[derive(Debug, Clone, Default)]
pub struct Spacing {
    /// By the tick of the permit, when the host has the call, in milliseconds.
    begun: VecDeque<(u64, u64)>,
}

impl Spacing {
    /// One who waited begins its call now, by the permit of this tick; it was due at `due_ms`.
    pub fn begins(&mut self, tick: u64, due_ms: u64, now_ms: u64) {
        // What kept it here past its time keeps it about as long on its way out.
        let there_ms = now_ms + now_ms.saturating_sub(due_ms).min(LONGEST_MS);
        while self.begun.front().is_some_and(|(_, at)| *at + 2 * SECOND_MS < now_ms) {
            self.begun.pop_front();
        }
        match self.begun.back_mut() {
            Some(last) if last.0 == tick => last.1 = last.1.max(there_ms),
            _ => self.begun.push_back((tick, there_ms)),
        }
    }

    /// When a call with the permit of this tick, which is for `from_ms`, may begin: a second after those whose permits lie a second and
    /// more before it.
    pub fn due_ms(&self, tick: u64, from_ms: u64) -> u64 {
        let before = self.begun.iter().filter(|(then, _)| then + ROW <= tick);
        before.map(|(_, there_ms)| there_ms + SECOND_MS).max().unwrap_or(0).max(from_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_whose_permits_lie_a_second_apart_stay_so_after_an_isolate_stood_still() {
        let mut spacing = Spacing::default();
        let from = |tick: u64| tick * TICK_MS;
        for tick in [0, 4, 8] {
            spacing.begins(tick, from(tick), from(tick) + 1);
        }
        // It stood still from 250 to 400 ms.
        spacing.begins(12, 300, 400);
        spacing.begins(16, 400, 402);
        assert_eq!(spacing.due_ms(45, 1_125), 1_125);
        assert_eq!(spacing.due_ms(52, 1_300), 1_500, "as late as the one a second before it came to the host");
        assert_eq!(spacing.due_ms(20, 500), 500, "what lies nearer is counted with it anyway");
        spacing.begins(200, 5_000, 5_000);
        assert_eq!(spacing.due_ms(201, 5_025), 5_025);
    }
}
