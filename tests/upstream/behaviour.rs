//! What an upstream is told to do, in words.

use std::collections::BTreeMap;

#[derive(Debug, Clone, Default)]
pub struct Behaviour(BTreeMap<String, String>);

const NUMBERS: [&str; 12] = [
    "latency",
    "jitter",
    "rate",
    "window",
    "concurrency",
    "retry-after-ms",
    "status",
    "times",
    "cut",
    "reset-body",
    "silence",
    "port",
];
const TEXTS: [&str; 3] = ["retry-after", "should-retry", "say"];
const FLAGS: [&str; 18] = [
    "refuse",
    "reset",
    "html",
    "malformed",
    "empty-choices",
    "empty-content",
    "null-content",
    "invalid-utf8",
    "wrong-type",
    "error-body",
    "endless",
    "ping",
    "crlf",
    "split",
    "no-done",
    "no-usage",
    "sse-error",
    "bad-frame",
];

impl Behaviour {
    /// The same with more words; the error names the word that is not known.
    pub fn with(&self, words: &str) -> Result<Self, String> {
        let mut all = self.clone();
        for word in words.split([' ', ',']).filter(|w| !w.is_empty()) {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let fits = (NUMBERS.contains(&name) && value.parse::<u64>().is_ok())
                || (TEXTS.contains(&name) && !value.is_empty())
                || (FLAGS.contains(&name) && value.is_empty());
            if !fits {
                return Err(format!(
                    "{word:?} is no behaviour: use NAME=NUMBER, NAME=TEXT or a flag of tests/upstream/mod.rs"
                ));
            }
            all.0.insert(name.to_owned(), value.to_owned());
        }
        Ok(all)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// The behaviour once its `times` are over: its pace alone is left.
    pub fn well(&self) -> Self {
        let pace = ["latency", "jitter", "rate", "window", "concurrency"];
        Self(self.0.iter().filter(|(n, _)| pace.contains(&n.as_str())).map(|(n, v)| (n.clone(), v.clone())).collect())
    }
}

/// Undoes percent-encoding.
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut i) = (Vec::new(), 0);
    while i < bytes.len() {
        let hex = (bytes[i] == b'%').then(|| text.get(i + 1..i + 3)).flatten();
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(b) => {
                out.push(b);
                i += 3;
            }
            None => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
