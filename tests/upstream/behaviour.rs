//! What an upstream is told to do, in words.

use std::collections::BTreeMap;

#[derive(Debug, Clone, Default)]
pub struct Behaviour(BTreeMap<String, String>);

/// What the value of a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Number,
    Text,
    None,
}

/// A word, a model's name that shows it, and what it does.
#[derive(Debug)]
pub struct Word {
    pub name: &'static str,
    value: Value,
    pub model: &'static str,
    pub does: &'static str,
}

const fn number(name: &'static str, model: &'static str, does: &'static str) -> Word {
    Word { name, value: Value::Number, model, does }
}

const fn text(name: &'static str, model: &'static str, does: &'static str) -> Word {
    Word { name, value: Value::Text, model, does }
}

const fn flag(name: &'static str, does: &'static str) -> Word {
    Word { name, value: Value::None, model: name, does }
}

/// All there are.
pub const WORDS: [Word; 35] = [
    number("latency", "latency=500", "waits N ms before the headers"),
    number("jitter", "latency=200+jitter=800", "and up to N ms more"),
    number("tail", "latency=200+tail=3000", "and one call in 25 N ms more"),
    number("rate", "rate=3+window=10000", "429 past N calls in a window"),
    number("window", "rate=20+window=60000", "the window is N ms long (1000)"),
    number("concurrency", "concurrency=1+latency=2000", "429 past N calls in flight"),
    text("retry-after", "status=429+retry-after=2", "that header on a refusal; `date` makes a date 1 s ahead"),
    number("retry-after-ms", "status=429+retry-after-ms=300", "that header on a refusal"),
    text("should-retry", "status=500+should-retry=false", "x-should-retry on a refusal"),
    number("status", "status=503", "that status with an error body"),
    number("times", "status=503+times=2", "misbehaves N times with the same last message, then no more"),
    number("after", "status=429+after=3", "behaves well N times with the same last message, and then misbehaves"),
    flag("refuse", "closes the connection: at once as a default, unanswered as a call's own"),
    flag("reset", "resets the connection before the headers"),
    number("cut", "cut=200", "closes the connection after N bytes of the body"),
    number("reset-body", "reset-body=200", "resets the connection after N bytes of the body"),
    number("silence", "silence=30000", "is silent for N ms after the first half of the body"),
    flag("html", "a 200 whose body is a page"),
    flag("malformed", "a 200 whose body is half a JSON"),
    flag("empty-choices", "a 200 with no choices"),
    flag("empty-content", "a 200 whose answer is empty"),
    flag("null-content", "a 200 whose answer is null"),
    flag("invalid-utf8", "a 200 whose body is no UTF-8"),
    flag("wrong-type", "a 200 as text/plain"),
    flag("error-body", "a 200 that holds an error"),
    Word {
        name: "echo-key",
        value: Value::None,
        model: "status=401+echo-key",
        does: "says the caller's key in every error",
    },
    flag("endless", "a body that never ends"),
    text("say", "say=Hello%20there", "the answer's text, percent-encoded"),
    flag("ping", "a stream with comments"),
    flag("crlf", "a stream with other line ends"),
    flag("split", "a stream of one byte a write"),
    flag("no-done", "a stream without [DONE]"),
    flag("no-usage", "a stream without usage"),
    flag("sse-error", "a stream with an error event"),
    flag("bad-frame", "a stream with a frame that is no JSON"),
];

fn known(name: &str) -> Option<&'static Word> {
    WORDS.iter().find(|w| w.name == name)
}

/// The words, one a line.
pub fn words() -> String {
    let line = |w: &Word| {
        let value = match w.value {
            Value::Number => "=N",
            Value::Text => "=TEXT",
            Value::None => "",
        };
        format!("  {:<18} {}\n", format!("{}{value}", w.name), w.does)
    };
    WORDS.iter().map(line).collect()
}

/// The words in a model's name: `WORD+WORD`, or `NAME+WORD`. A name that has none is any model's.
pub fn in_model(model: &str) -> String {
    let mut parts: Vec<&str> = model.split(['+', ' ', ',']).collect();
    if !parts.first().is_some_and(|first| first.contains('=') || known(first).is_some()) {
        parts.remove(0);
    }
    parts.join(" ")
}

impl Behaviour {
    /// The same with more words; the error names the word that is not known.
    pub fn with(&self, words: &str) -> Result<Self, String> {
        let mut all = self.clone();
        for word in words.split([' ', ',']).filter(|w| !w.is_empty()) {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let fits = known(name).is_some_and(|w| match w.value {
                Value::Number => value.parse::<u64>().is_ok(),
                Value::Text => !value.is_empty(),
                Value::None => !word.contains('='),
            });
            if !fits {
                return Err(format!("{word:?} is no behaviour; there are:\n{}", self::words()));
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

    /// The same, with what `echo-key` says.
    pub fn hearing(mut self, key: &str) -> Self {
        if let Some(echoed) = self.0.get_mut("echo-key") {
            *echoed = key.to_owned();
        }
        self
    }

    /// An error's message.
    pub fn complaint(&self, message: &str) -> String {
        match self.text("echo-key") {
            Some(key) => format!("{message}: Incorrect API key provided: {key}"),
            None => message.to_owned(),
        }
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// The behaviour of the `count`th call: before `after` and past its `times` its pace alone is left.
    pub fn at(self, count: u64) -> Self {
        let after = self.number("after").unwrap_or(0);
        let past = self.number("times").is_some_and(|times| count > after.saturating_add(times));
        if count > after && !past {
            return self;
        }
        let pace = ["latency", "jitter", "tail", "rate", "window", "concurrency"];
        Self(self.0.into_iter().filter(|(n, _)| pace.contains(&n.as_str())).collect())
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
