//! Reads a reply while it streams: after each chunk, the best value so far.

use serde_json::Value;

use super::chars::{any_quote, closes, comma, space};
use super::find::{self, Asked};
use super::types::{ParseError, Parsed};

/// Bytes that may be read for each byte of the text, over all readings of a stream.
const SHARE: usize = 48;
/// Bytes that may be read besides: a short reply is read anew after each chunk.
const FREE: usize = 256 * 1024;

/// A reader that is fed chunks cut anywhere.
///
/// What [`Reader::best`] gives is sure: lists, objects and texts that may still grow, but no number, literal or key that
/// the next chunk could change, and of a text whose quotes are in doubt only what stands before the doubt. It shows
/// nothing before an answer begins (see the module's account of which value that is), so prose, reasoning and examples
/// never appear. One thing cannot be known while it streams: that the model later takes its answer back, in words or
/// by a closing tag of reasoning that was never opened. Then `best` stays as it was, and only
/// [`Reader::finish`] tells the value.
///
/// The text is read anew after a chunk as long as all readings together stay within a fixed multiple of its length
/// (and a fixed sum), so the work over a whole stream is linear; a long reply is then read anew each time it has grown
/// by about a fiftieth.
///
/// ```
/// use madoguchi::json::Reader;
///
/// let mut reader = Reader::new();
/// reader.push("```json\n{\"summary\": \"The parcel is la");
/// assert_eq!(reader.best().unwrap()["summary"], "The parcel is la");
/// reader.push("te.\", \"score\": 4}\n```");
/// assert_eq!(reader.finish().unwrap().value["score"], 4);
/// ```
#[derive(Debug, Default)]
pub struct Reader {
    text: String,
    work: usize,
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
        if chunk.is_empty() || self.work + self.text.len() > FREE + SHARE * self.text.len() {
            return;
        }
        self.work += self.text.len();
        if let Some(now) = sure(&self.text)
            && self.best.as_ref().is_none_or(|before| extends(before, &now))
        {
            self.best = Some(now);
        }
    }

    /// The best value so far. What it tells is never contradicted later by `best`, only extended.
    #[must_use]
    pub const fn best(&self) -> Option<&Value> {
        self.best.as_ref()
    }

    /// Bytes read over all readings so far: the work is shown linear by counting it, not by a clock.
    #[doc(hidden)]
    #[must_use]
    pub const fn bytes_read(&self) -> usize {
        self.work
    }

    /// Reads the whole: the same result as [`parse`](super::parse) of the whole text.
    ///
    /// # Errors
    /// As `parse`.
    pub fn finish(self) -> Result<Parsed, ParseError> {
        super::parse(&self.text)
    }
}

/// What is sure of the answer in a text that may go on.
fn sure(text: &str) -> Option<Value> {
    let text = without_half_a_fence(without_half_an_escape(text));
    let asked = Asked { streaming: true, ..Asked::default() };
    let reading = Some(find::read(text, asked, None).0.ok()?.best).filter(|r| r.answer)?;
    let mut value = reading.parsed.value;
    if reading.complete {
        return Some(value);
    }
    while drop_what_is_loose(&mut value, reading.doubt) {}
    let empty = match &value {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    (!empty).then_some(value)
}

/// Takes the last leaf away where it may still become another: a number, a literal, a bracket with nothing behind it.
/// Of a text it leaves what is sure. Whether something was taken away: then what held it may be empty.
fn drop_what_is_loose(value: &mut Value, doubt: Option<usize>) -> bool {
    let loose = |v: &Value| match v {
        Value::String(_) => doubt == Some(0),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => true,
    };
    let mut last = value;
    loop {
        match last {
            Value::Array(items) => {
                if items.last().is_some_and(loose) {
                    items.pop();
                    return items.is_empty();
                }
                let Some(item) = items.last_mut() else { return false };
                last = item;
            }
            Value::Object(map) => {
                if map.values().next_back().is_some_and(loose) {
                    let key = map.keys().next_back().cloned().unwrap_or_default();
                    map.shift_remove(&key);
                    return map.is_empty();
                }
                let Some(item) = map.values_mut().next_back() else { return false };
                last = item;
            }
            Value::String(text) => {
                if let Some(doubt) = doubt.filter(|d| text.is_char_boundary(*d)) {
                    text.truncate(doubt);
                }
                // What may stand between this text and the next key, if its quote is missing.
                let sure = text.trim_end_matches(|c: char| space(c) || comma(c) || closes(c) || any_quote(c)).len();
                text.truncate(sure);
                return false;
            }
            _ => return false,
        }
    }
}

/// The text up to the marks at a line's beginning that may become a fence.
fn without_half_a_fence(text: &str) -> &str {
    let before = text.trim_end_matches(['`', '~']);
    if text.len() - before.len() < 3 && before.trim_end_matches([' ', '\t']).ends_with('\n') { before } else { text }
}

/// The text up to an escape that is not yet whole.
fn without_half_an_escape(text: &str) -> &str {
    let Some((before, escape)) = text.rsplit_once('\\') else { return text };
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_hexdigit());
    let half = match escape.as_bytes() {
        [] => true,
        [b'u', b'{', ..] => escape.len() < 12 && !escape.contains('}'),
        [b'u', ..] => escape.len() < 5 && escape.get(1..).is_some_and(digits),
        [b'U', ..] => escape.len() < 9 && escape.get(1..).is_some_and(digits),
        [b'x', ..] => escape.len() < 3 && escape.get(1..).is_some_and(digits),
        _ => false,
    };
    if half { before.trim_end_matches('\\') } else { text }
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
