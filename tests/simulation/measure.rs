//! What a run came to, and what was watched while it ran.

use std::collections::{BTreeMap, VecDeque};

/// Counts within any minute.
#[derive(Default)]
pub struct Minute {
    spent: VecDeque<(u64, u64)>,
    held: u64,
    pub most: u64,
}

impl Minute {
    pub fn spend(&mut self, now_ms: u64, n: u64) {
        while let Some((at, n)) = self.spent.front().copied() {
            if at + 60_000 > now_ms {
                break;
            }
            self.held -= n;
            self.spent.pop_front();
        }
        self.spent.push_back((now_ms, n));
        self.held += n;
        self.most = self.most.max(self.held);
    }
}

/// A count by equal spans of time.
#[derive(Default)]
pub struct Spans(pub Vec<u32>);

impl Spans {
    pub fn add(&mut self, span: usize) {
        if self.0.len() <= span {
            self.0.resize(span + 1, 0);
        }
        self.0[span] += 1;
    }

    pub fn get(&self, span: usize) -> u32 {
        self.0.get(span).copied().unwrap_or(0)
    }
}

#[derive(Default)]
pub struct Measures {
    pub arrived: u64,
    pub admitted: u64,
    pub answered: u64,
    pub turned_away: u64,
    pub by_party: BTreeMap<u64, u64>,
    pub by_kind: [(u64, u64); 3],
    pub left: u64,
    pub asks: u64,
    pub minute: Minute,
    /// When calls began, and the tokens that they used.
    pub token_uses: Vec<(u64, u32)>,
    pub most_in_flight: u32,
    /// By second.
    pub asks_by_second: Spans,
    /// By span of ten seconds.
    pub spent: Spans,
    pub short: Spans,
    pub unwell: Spans,
    /// The latest start after a told time, and the earliest before the last told one, in ms.
    pub late_ms: u64,
    pub early_ms: u64,
    /// Starts of those who were told a time; of them, more than two seconds later or earlier than told.
    pub told: [u64; 3],
    /// Waits for the first word, in ms.
    pub notices: Vec<u32>,
    pub longest_ms: u64,
    pub kept: u64,
    pub kept_answered: u64,
    /// Contended arrivals and admissions by place.
    pub places: Vec<(u64, u64)>,
    pub recoveries_ms: Vec<u64>,
    /// Of those who came when a rush should be over: who started within a second, and who did not.
    pub calm: (u64, u64),
}

impl Measures {
    /// The most tokens in any minute.
    pub fn most_tokens(&mut self) -> u64 {
        self.token_uses.sort_unstable();
        let mut minute = Minute::default();
        self.token_uses.iter().for_each(|(at, n)| minute.spend(*at, u64::from(*n)));
        minute.most
    }

    /// Tokens of calls that began in a span, in milliseconds.
    pub fn tokens_between(&self, from_ms: u64, to_ms: u64) -> u64 {
        self.token_uses.iter().filter(|(at, _)| (from_ms..to_ms).contains(at)).map(|(_, n)| u64::from(*n)).sum()
    }

    pub fn notice_p99(&mut self) -> u32 {
        self.notices.sort_unstable();
        self.notices.get(self.notices.len() * 99 / 100).copied().unwrap_or(0)
    }
}
