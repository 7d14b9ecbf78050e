//! Valid JSON, read in one pass with a stack of its own: what `serde_json` accepts, to the same value.
//!
//! It is not `serde_json` itself for three reasons: a key that comes twice must be told with its place, a value in the
//! middle of prose must be read without knowing where it ends, and where a text fails must be known, so that a text of
//! many failures costs no more than what was looked at.

use serde_json::{Map, Number, Value};

use super::MAX_DEPTH;
use super::mend::Mended;

/// An object gets no more room than for so many pairs before they are read: what it needs is small against what one pair
/// takes anyway.
pub(super) const MOST_ROOM: usize = 7;

/// A valid value.
pub(super) struct Valid {
    pub value: Value,
    /// Where it ends.
    pub end: usize,
    /// Where the keys stand that had come before.
    pub twice: Vec<usize>,
}

/// Why the text is not valid, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Invalid {
    At(usize),
    Deep(usize),
}

/// A strict reading of a text's beginning that was tried, so that it need not be tried again.
pub(super) struct Tried {
    /// Where it began.
    pub at: usize,
    pub outcome: Result<Valid, Invalid>,
    /// What mending it came to, where that was tried as well.
    pub mended: Option<Box<Mended>>,
}

enum Frame {
    /// The pairs so far, the key whose value is read, and where that key stands.
    Object(Map<String, Value>, String, usize),
    List(Vec<Value>),
}

struct Cursor<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
}

/// The whole text as one valid value.
pub(super) fn whole(text: &str) -> Result<Valid, Tried> {
    let mut cursor = Cursor { text, bytes: text.as_bytes(), at: 0 };
    cursor.skip_space();
    let at = cursor.at;
    let outcome = value_at(text, at);
    if let Ok(valid) = outcome {
        cursor.at = valid.end;
        if cursor.skip_space().is_none() {
            return Ok(valid);
        }
        return Err(Tried { at, outcome: Ok(valid), mended: None });
    }
    Err(Tried { at, outcome, mended: None })
}

/// The valid value that begins there; what follows it is not looked at.
pub(super) fn value_at(text: &str, at: usize) -> Result<Valid, Invalid> {
    let mut cursor = Cursor { text, bytes: text.as_bytes(), at };
    let mut stack: Vec<Frame> = Vec::new();
    let mut twice = Vec::new();
    // Pairs of the object read last: those of a list are alike, so the next one gets as much room at once.
    let mut last_length = 0;
    loop {
        // A value begins here.
        let mut value = match cursor.skip_space() {
            Some(b'{') => {
                cursor.at += 1;
                if stack.len() >= MAX_DEPTH {
                    return Err(Invalid::Deep(cursor.at - 1));
                }
                if cursor.skip_space() == Some(b'}') {
                    cursor.at += 1;
                    Value::Object(Map::new())
                } else {
                    let (key, at) = cursor.key()?;
                    let map = if last_length > 1 { Map::with_capacity(last_length) } else { Map::new() };
                    stack.push(Frame::Object(map, key, at));
                    continue;
                }
            }
            Some(b'[') => {
                cursor.at += 1;
                if stack.len() >= MAX_DEPTH {
                    return Err(Invalid::Deep(cursor.at - 1));
                }
                if cursor.skip_space() == Some(b']') {
                    cursor.at += 1;
                    Value::Array(Vec::new())
                } else {
                    stack.push(Frame::List(Vec::new()));
                    continue;
                }
            }
            Some(b'"') => Value::String(cursor.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(cursor.number()?),
            Some(b't') => cursor.literal("true", Value::Bool(true))?,
            Some(b'f') => cursor.literal("false", Value::Bool(false))?,
            Some(b'n') => cursor.literal("null", Value::Null)?,
            _ => return Err(Invalid::At(cursor.at)),
        };
        // A value has ended: it goes where it belongs, and brackets that close end further ones.
        loop {
            let Some(top) = stack.last_mut() else { return Ok(Valid { value, end: cursor.at, twice }) };
            let next = cursor.skip_space();
            match (top, next) {
                (Frame::List(items), Some(b',')) => {
                    items.push(value);
                    cursor.at += 1;
                    break;
                }
                (Frame::List(items), Some(b']')) => {
                    items.push(value);
                    cursor.at += 1;
                    value = Value::Array(std::mem::take(items));
                    stack.pop();
                }
                (Frame::Object(map, key, at), Some(mark @ (b',' | b'}'))) => {
                    if map.insert(std::mem::take(key), value).is_some() {
                        twice.push(*at);
                    }
                    cursor.at += 1;
                    if mark == b',' {
                        cursor.skip_space();
                        (*key, *at) = cursor.key()?;
                        break;
                    }
                    last_length = map.len().min(MOST_ROOM);
                    value = Value::Object(std::mem::take(map));
                    stack.pop();
                }
                _ => return Err(Invalid::At(cursor.at)),
            }
        }
    }
}

/// Whether the value whose bracket stands there may be valid, as far as its marks alone tell: a look that costs a fraction
/// of reading it, so that a text that is broken or was cut off is not read twice. What it denies is never valid.
pub(super) fn may_be_valid(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let mut at = at;
    let mut depth = 0_usize;
    let mut before = b' ';
    while let Some(byte) = bytes.get(at).copied() {
        at += 1;
        let fits = match byte {
            b' ' | b'\n' | b'\t' | b'\r' => continue,
            b'"' => {
                let Some(end) = end_of_string(bytes, at) else { return false };
                at = end;
                matches!(before, b'{' | b'[' | b',' | b':')
            }
            b'{' | b'[' => {
                depth += 1;
                depth == 1 || matches!(before, b'[' | b',' | b':')
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                !matches!(before, b',' | b':')
            }
            b',' => !matches!(before, b'{' | b'[' | b',' | b':'),
            b':' => before == b'"',
            // The letters of numbers and literals.
            b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E' | b't' | b'r' | b'u' | b'f' | b'a' | b'l' | b's' | b'n' => {
                !matches!(before, b'{' | b'}' | b']' | b'"')
            }
            _ => false,
        };
        if !fits || depth == 0 {
            return fits;
        }
        before = byte;
    }
    false
}

/// Behind the closing quote of the string whose text begins there.
fn end_of_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let rest = bytes.get(at..)?;
        let found = next_mark(rest)?;
        at += found + 1;
        match rest.get(found) {
            Some(b'"') => return Some(at),
            Some(b'\\') => at += 1,
            _ => return None,
        }
    }
}

/// Where the first byte stands that ends a run of plain text: a quote, a backslash or a control character. Eight bytes
/// are looked at at once.
fn next_mark(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES * 128;
    let zero = |v: u64| v.wrapping_sub(ONES) & !v;
    let (chunks, rest) = bytes.as_chunks::<8>();
    for (i, chunk) in chunks.iter().enumerate() {
        let v = u64::from_le_bytes(*chunk);
        let control = v.wrapping_sub(ONES * 0x20) & !v;
        let found = (control | zero(v ^ (ONES * 0x22)) | zero(v ^ (ONES * 0x5c))) & HIGHS;
        if found != 0 {
            // The lowest bit found is exact; a borrow can only reach bytes above it.
            return Some(i * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let behind = bytes.len() - rest.len();
    rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20)).map(|at| behind + at)
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) -> Option<u8> {
        loop {
            let byte = self.peek()?;
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, Invalid> {
        if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            self.at += word.len();
            return Ok(value);
        }
        Err(Invalid::At(self.at))
    }

    /// A key and where it stands; the cursor is left after its colon.
    fn key(&mut self) -> Result<(String, usize), Invalid> {
        let at = self.at;
        if self.peek() != Some(b'"') {
            return Err(Invalid::At(self.at));
        }
        let key = self.string()?;
        if self.skip_space() != Some(b':') {
            return Err(Invalid::At(self.at));
        }
        self.at += 1;
        Ok((key, at))
    }

    fn number(&mut self) -> Result<Number, Invalid> {
        let from = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(Invalid::At(self.at)),
        }
        let whole = self.text.get(from..self.at).unwrap_or_default();
        if whole.len() < 18
            && !matches!(self.peek(), Some(b'.' | b'e' | b'E'))
            && let Ok(number) = whole.parse::<i64>()
            && (number > 0 || whole == "0")
        {
            return Ok(Number::from(number));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        let written = self.text.get(from..self.at).unwrap_or_default();
        written.parse().map_err(|_| Invalid::At(from))
    }

    fn digits(&mut self) -> Result<(), Invalid> {
        let from = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at > from { Ok(()) } else { Err(Invalid::At(from)) }
    }

    /// The string whose quote is at the cursor.
    fn string(&mut self) -> Result<String, Invalid> {
        self.at += 1;
        let mut from = self.at;
        let mut out = String::new();
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let Some(found) = next_mark(rest) else {
                return Err(Invalid::At(self.bytes.len()));
            };
            self.at += found;
            let part = self.text.get(from..self.at).unwrap_or_default();
            match rest.get(found) {
                Some(b'"') => {
                    self.at += 1;
                    if out.is_empty() {
                        return Ok(part.to_owned());
                    }
                    out.push_str(part);
                    return Ok(out);
                }
                Some(b'\\') => {
                    out.push_str(part);
                    self.at += 1;
                    self.escape(&mut out)?;
                    from = self.at;
                }
                _ => return Err(Invalid::At(self.at)),
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), Invalid> {
        let here = self.at;
        let wrong = Invalid::At(here);
        self.at += 1;
        out.push(match self.bytes.get(here) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let unit = self.unit().ok_or(wrong)?;
                if (0xd800..0xdc00).contains(&unit) {
                    if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
                        return Err(wrong);
                    }
                    self.at += 2;
                    let low = self.unit().filter(|low| (0xdc00..0xe000).contains(low)).ok_or(wrong)?;
                    char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).ok_or(wrong)?
                } else {
                    char::from_u32(unit).ok_or(wrong)?
                }
            }
            _ => return Err(wrong),
        });
        Ok(())
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}
