//! The record of what an upstream saw.

use std::collections::{HashMap, VecDeque};

use serde_json::{Value, json};

/// Whole calls kept.
const MOST: usize = 5_000;

#[derive(Debug, Clone)]
pub struct CallSeen {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub at_ms: u64,
}

impl CallSeen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

#[derive(Debug, Default)]
pub struct Seen {
    pub calls: VecDeque<CallSeen>,
    pub arrivals: Vec<u64>,
    /// When those came that were not refused.
    pub taken: Vec<u64>,
    pub total: usize,
    pub answered: usize,
    pub refused: usize,
    pub in_flight: usize,
    pub most_in_flight: usize,
    pub unanswered: HashMap<String, usize>,
    pub most_unanswered: usize,
    pub aborted: usize,
    /// Calls by the words in the model's name and the last message.
    pub by_message: HashMap<(String, String), u64>,
}

impl Seen {
    pub fn arrive(&mut self, invocation: &str, at_ms: u64) {
        self.total += 1;
        self.arrivals.push(at_ms);
        self.in_flight += 1;
        self.most_in_flight = self.most_in_flight.max(self.in_flight);
        let n = self.unanswered.entry(invocation.to_owned()).or_default();
        *n += 1;
        self.most_unanswered = self.most_unanswered.max(*n);
    }

    pub fn headers_sent(&mut self, invocation: &str) {
        if let Some(n) = self.unanswered.get_mut(invocation) {
            *n -= 1;
            if *n == 0 {
                self.unanswered.remove(invocation);
            }
        }
    }

    pub fn keep(&mut self, call: CallSeen) {
        if self.calls.len() >= MOST {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }

    /// The most calls in any window of so many milliseconds.
    pub fn max_in_window(&self, ms: u64) -> usize {
        let mut start = 0;
        let mut most = 0;
        for (end, at) in self.arrivals.iter().enumerate() {
            while self.arrivals[start] + ms <= *at {
                start += 1;
            }
            most = most.max(end + 1 - start);
        }
        most
    }

    /// For each second from the first call on: calls, and those of them that were not refused.
    fn by_second(&self) -> Vec<(usize, usize)> {
        let began = self.arrivals.first().copied().unwrap_or(0);
        let second = |at: &u64| ((at - began) / 1000) as usize;
        let mut all = vec![(0, 0); self.arrivals.last().map_or(0, |at| second(at) + 1)];
        self.arrivals.iter().for_each(|at| all[second(at)].0 += 1);
        self.taken.iter().for_each(|at| all[second(at)].1 += 1);
        all
    }

    pub fn to_json(&self) -> Value {
        json!({
            "total": self.total, "answered": self.answered, "refused": self.refused, "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight, "most_unanswered_of_one_invocation": self.most_unanswered,
            "aborted": self.aborted, "most_in_a_second": self.max_in_window(1000),
            "most_in_a_minute": self.max_in_window(60_000),
            "by_second": self.by_second(),
            "calls": self.calls.iter().map(|c| json!({"path": c.path, "headers": c.headers, "body": c.body, "at_ms": c.at_ms})).collect::<Vec<_>>(),
        })
    }
}
