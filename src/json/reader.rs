//! Reads a reply while it streams: after each chunk, the best value so far.

use serde_json::Value;

use super::types::{ParseError, Parsed};

/// A reader that is fed chunks cut anywhere.
///
/// A reading of the whole text so far is made each time the text has grown by an eighth since the last one (and at
/// least 64 bytes), so that the work over a whole stream stays linear in its length.
#[derive(Debug, Default)]
pub struct Reader {
    text: String,
    read_at: usize,
    best: Option<Value>,
}

impl Reader {
    /// A reader that has read nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next chunk.
    pub fn push(&mut self, chunk: &str) {
        self.text.push_str(chunk);
        if self.text.len() < self.read_at + (self.read_at / 8).max(64) {
            return;
        }
        self.read_at = self.text.len();
        if let Ok(parsed) = super::parse(&self.text)
            && self.best.as_ref().is_none_or(|before| extends(before, &parsed.value))
        {
            self.best = Some(parsed.value);
        }
    }

    /// The best value so far. What it tells is never contradicted later by `best`, only extended.
    #[must_use]
    pub const fn best(&self) -> Option<&Value> {
        self.best.as_ref()
    }

    /// Reads the whole: the same result as `parse` of the whole text.
    ///
    /// # Errors
    /// As `parse`.
    pub fn finish(self) -> Result<Parsed, ParseError> {
        super::parse(&self.text)
    }
}

/// Whether `after` says all that `before` said: lists and objects may grow, text may go on. Depth is bounded.
fn extends(before: &Value, after: &Value) -> bool {
    let mut pairs = vec![(before, after)];
    while let Some((before, after)) = pairs.pop() {
        match (before, after) {
            (Value::String(b), Value::String(a)) if a.starts_with(b.as_str()) => {}
            (Value::Array(b), Value::Array(a)) if a.len() >= b.len() => pairs.extend(b.iter().zip(a)),
            (Value::Object(b), Value::Object(a)) => {
                for (key, value) in b {
                    match a.get(key) {
                        Some(now) => pairs.push((value, now)),
                        None => return false,
                    }
                }
            }
            (b, a) if b == a => {}
            _ => return false,
        }
    }
    true
}
