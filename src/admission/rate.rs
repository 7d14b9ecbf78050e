//! How often somebody comes: arrivals a second, which fade.

/// Arrivals are averaged over so long, in milliseconds.
const MEMORY_MS: f64 = 3_000.0;
/// A pause in which so many should have come is rare (one in twelve, by Poisson): they have become fewer.
const PAUSE: f64 = 2.5;

/// Arrivals a second.
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
        let since_ms = now_ms.saturating_sub(self.at_ms) as f64;
        let faded = self.per_second * (-since_ms / MEMORY_MS).exp();
        faded.min(PAUSE * 1_000.0 / since_ms.max(1.0))
    }

    /// When one came last, in milliseconds.
    pub fn last_ms(&self) -> u64 {
        self.at_ms
    }
}
