//! Messages that were forgotten as their visitor wished, by their ids alone: a client that takes one up again must not ask it once more.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// How long the ids are known, in milliseconds: a client that was cut off takes one up again within that time.
const KNOWN_MS: u64 = 60 * 60_000;
/// Ids known; the oldest go first.
const MOST_IDS: usize = 200;

/// The ids of forgotten messages.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Forgotten {
    ids: VecDeque<String>,
    /// When the last of them was.
    at_ms: u64,
}

impl Forgotten {
    /// Adds the ids of messages that are forgotten now.
    pub fn add(&mut self, ids: impl Iterator<Item = String>, now_ms: u64) {
        self.ids.extend(ids);
        let surplus = self.ids.len().saturating_sub(MOST_IDS);
        self.ids.drain(..surplus);
        self.at_ms = now_ms;
    }

    /// Whether a message is one of them.
    pub fn has(&self, id: &str) -> bool {
        self.ids.iter().any(|known| known == id)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Until when they are known, where there are any.
    pub fn until_ms(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.at_ms + KNOWN_MS)
    }
}
