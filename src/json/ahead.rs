//! What stands ahead: a key, an item, a literal. Each looks no further than a key is long.

use super::chars::{any_quote, closers, closes, colon, colon_like, comma, opens, opens_list, quote, space};
use super::mend::Mender;
use super::plain::plain_key;
use super::string::KEY_REACH;

/// The literals of JSON and of Python.
const LITERALS: [&str; 6] = ["true", "false", "null", "True", "False", "None"];

impl Mender<'_, '_> {
    /// Whether a backslash stands before it that is not itself escaped.
    pub(super) fn escaped(&self, at: usize) -> bool {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        before.iter().rev().take(64).take_while(|b| **b == b'\\').count() % 2 == 1
    }

    /// An apostrophe between two letters opens and closes nothing.
    pub(super) fn apostrophe(&self, at: usize) -> bool {
        if !matches!(self.char_at(at), Some('\'' | '’' | '\u{ff07}')) {
            return false;
        }
        let before = self.text.get(..at).and_then(|t| t.chars().next_back());
        let after = self.tail(at).chars().nth(1);
        before.is_some_and(char::is_alphabetic) && after.is_some_and(char::is_alphabetic)
    }

    /// Whether a key in quotes stands there, with its colon.
    pub(super) fn quoted_key_at(&mut self, at: usize) -> bool {
        let Some(first) = self.char_at(at) else { return false };
        let Some(ends) = closers(first) else { return false };
        let body = at + first.len_utf8();
        if matches!(first, '"' | '\'') && self.plain_key_at(first, body) {
            return true;
        }
        let mut escaped = false;
        let mut length = 0;
        for c in self.tail(body).chars().take(KEY_REACH) {
            self.steps += 1;
            let here = body + length;
            length += c.len_utf8();
            if escaped || c == '\\' {
                escaped = !escaped;
                continue;
            }
            if c == '\n' || matches!(c, '{' | '}') {
                return false;
            }
            let other = matches!(c, '"' | '\'' | '”' | '’' | '\u{ff02}' | '\u{ff07}')
                && !ends.contains(&c)
                && length > c.len_utf8()
                && self.char_at(body + length).is_some_and(colon)
                && self.text.get(body..here).is_some_and(|name| !name.contains([',', '"', '\'']));
            if other || ends.contains(&c) {
                if length == c.len_utf8() {
                    return false;
                }
                let name = self.text.get(body..here).unwrap_or("");
                if self.setting.wanted.is_some_and(|schema| schema.knows_keys() && !schema.knows(name)) {
                    return false;
                }
                let (next_at, next) = self.next_from(body + length);
                return next.is_none_or(|n| {
                    colon_like(n)
                        || (next_at > body + length && (n.is_ascii_digit() || n == '{' || n == '['))
                        || self.word_literal(next_at)
                }) || self.arrow_at(next_at).is_some();
            }
        }
        false
    }

    /// Whether a key of letters and digits stands there, its closing quote and its colon right behind it.
    fn plain_key_at(&mut self, quote: char, body: usize) -> bool {
        let rest = self.text.as_bytes().get(body..).unwrap_or_default();
        let length = if quote == '"' { plain_key::<b'"'>(rest) } else { plain_key::<b'\''>(rest) };
        length.is_some_and(|length| {
            self.steps += length as u64;
            self.setting.wanted.is_none_or(|schema| {
                !schema.knows_keys() || schema.knows(self.text.get(body..body + length).unwrap_or(""))
            })
        })
    }

    /// Whether a key stands there whose closing quote is missing: `"reply: 26,`.
    pub(super) fn unclosed_key_at(&mut self, at: usize) -> bool {
        let Some(mark) = self.char_at(at) else { return false };
        let body = at + mark.len_utf8();
        let name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.' | '$');
        let found = self.tail(body).char_indices().take(KEY_REACH).find(|(_, c)| !name(*c));
        self.steps += KEY_REACH as u64;
        let Some((length, c)) = found.filter(|(length, c)| *length > 0 && colon(*c)) else { return false };
        let (value_at, value) = self.next_from(body + length + c.len_utf8());
        value.is_none_or(|v| quote(v) || v.is_ascii_digit() || matches!(v, '-' | '{' | '['))
            || self.word_literal(value_at)
    }

    /// Where a text ends whose opening quote is missing: the first quote from there on closes and does not open.
    pub(super) fn unopened(&mut self, at: usize) -> Option<usize> {
        // Most often no quote follows on the line: letters need no decoding for that.
        let near = self.text.as_bytes().get(at..).unwrap_or_default();
        let near = near.get(..16 * KEY_REACH).unwrap_or(near);
        let first = near.iter().position(|b| matches!(b, b'"' | b'\n'));
        if first.and_then(|first| near.get(first)) != Some(&b'"') {
            self.steps += first.unwrap_or(near.len()) as u64 / 4;
            return None;
        }
        let mut before = ' ';
        // A number with groups, `1,200`: it is one text only if all of it is.
        let mut grouped = false;
        for (offset, c) in self.tail(at).char_indices().take(4 * KEY_REACH) {
            self.steps += 1;
            if c == '\n' || (matches!(c, '{' | '[') && (offset == 0 || comma(before))) {
                return None;
            }
            if comma(c) && offset < 40 && super::scalar::whole(self.text.get(at..at + offset).unwrap_or("").trim()) {
                let behind = self.text.as_bytes().get(at + offset + 1..).unwrap_or_default();
                if behind.iter().take(4).take_while(|b| b.is_ascii_digit()).count() != 3 {
                    return None;
                }
                grouped = true;
            }
            if c == '"' && before != '\\' {
                if offset == 0 || space(before) || comma(before) || opens(before) || colon_like(before) {
                    return None;
                }
                if grouped && !super::scalar::whole(self.text.get(at..at + offset).unwrap_or("")) {
                    return None;
                }
                let behind = at + offset + 1;
                let (then_at, then) = self.next_from(behind);
                let ends = match then {
                    None => true,
                    Some(c) if comma(c) => {
                        let (next_at, next) = self.next_from(then_at + c.len_utf8());
                        next.is_none_or(|n| quote(n) || closes(n) || opens(n) || n.is_ascii_digit() || n == '-')
                            || self.word_literal(next_at)
                            || self.key_like(next_at)
                    }
                    Some(c) if closes(c) => self.closes_something(c),
                    Some(_) => self.text.get(behind..then_at).is_some_and(|gap| gap.contains('\n')),
                };
                return ends.then_some(at + offset);
            }
            before = c;
        }
        None
    }

    /// Whether a key stands there: in quotes, or a short bare word, with its colon.
    pub(super) fn key_like(&mut self, at: usize) -> bool {
        let (at, Some(first)) = self.next_from(at) else { return false };
        if quote(first) {
            return self.quoted_key_at(at);
        }
        if matches!(first, 'u' | 'b' | 'r' | 'f')
            && matches!(self.char_at(at + 1), Some('"' | '\''))
            && self.quoted_key_at(at + 1)
        {
            return true;
        }
        let sign = matches!(first, '-' | ':') && self.char_at(at + 1).is_some_and(char::is_alphanumeric);
        if !(name_char(first) && !matches!(first, '-' | '.' | '/' | ' ' | '*') || sign) {
            return false;
        }
        let at = at + usize::from(sign);
        let rest = self.tail(at);
        for (offset, c) in rest.char_indices().take(KEY_REACH / 2) {
            self.steps += 1;
            if c.is_ascii_alphanumeric() || c == '_' {
                continue;
            }
            if colon_like(c) {
                let numeric = rest.get(..offset).is_some_and(|w| w.bytes().all(|b| b.is_ascii_digit()));
                let then = rest.get(offset + c.len_utf8()..).unwrap_or("");
                // Neither an address nor a time of day.
                let time = numeric && then.starts_with(|c: char| c.is_ascii_digit());
                return !time && !then.starts_with("//");
            }
            if offset > 0 && opens_list(c) {
                return self.bracketed_end(at + offset).is_some();
            }
            if any_quote(c) && offset > 0 {
                let (_, next) = self.next_from(at + offset + c.len_utf8());
                return next.is_some_and(colon);
            }
            if c == '-' && rest.get(offset + 1..).is_some_and(|r| r.starts_with('>')) {
                return true;
            }
            if !name_char(c) {
                return false;
            }
        }
        false
    }

    pub(super) fn word_literal(&self, at: usize) -> bool {
        let rest = self.tail(at);
        LITERALS
            .iter()
            .any(|w| rest.strip_prefix(w).is_some_and(|r| !r.starts_with(|c: char| c.is_alphanumeric() || c == ' ')))
    }

    /// A word behind a value that means nothing: a bracket, or a comma and the next key in quotes, follows it.
    pub(super) fn stray_word_at(&mut self, at: usize) -> bool {
        let rest = self.tail(at);
        let length = rest.bytes().take(17).take_while(u8::is_ascii_alphabetic).count();
        self.steps += length as u64;
        if length == 0 || length > 16 {
            return false;
        }
        let (then_at, then) = self.next_from(at + length);
        match then {
            Some(c) if closes(c) => self.closes_something(c) && self.next_from(then_at + c.len_utf8()).1.is_none(),
            Some(c) if comma(c) => {
                let (key_at, key) = self.next_from(then_at + c.len_utf8());
                key.is_some_and(quote) && self.quoted_key_at(key_at)
            }
            _ => false,
        }
    }

    /// Brackets that end a bare key, `count(max):`, `tags[0]:`: their length.
    pub(super) fn bracketed_end(&mut self, at: usize) -> Option<usize> {
        let open = self.char_at(at).filter(|c| opens_list(*c))?;
        let inner = self.tail(at + open.len_utf8());
        let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '/' | '%' | ' ');
        let (length, close) = inner.char_indices().take(24).find(|(_, c)| !inside(*c)).filter(|(_, c)| closes(*c))?;
        self.steps += 24;
        let length = open.len_utf8() + length + close.len_utf8();
        self.next_from(at + length).1.is_some_and(colon).then_some(length)
    }

    /// An arrow that stands for a colon: its length.
    pub(super) fn arrow_at(&self, at: usize) -> Option<usize> {
        if !self.text.as_bytes().get(at).is_some_and(|b| *b == b'-' || !b.is_ascii()) {
            return None;
        }
        ["->", "→", "⇒", "➡"].iter().find(|arrow| self.tail(at).starts_with(**arrow)).map(|arrow| arrow.len())
    }

    /// A bare key in which the text is cut off.
    pub(super) fn cut_name(&self, at: usize) -> bool {
        let rest = self.tail(at);
        rest.len() < 40 && rest.chars().all(name_char)
    }

    /// A literal in which the text is cut off.
    pub(super) fn cut_literal(&self, at: usize) -> bool {
        let rest = self.tail(at);
        (1..5).contains(&rest.len()) && LITERALS.iter().any(|word| word.starts_with(rest))
    }

    /// A literal, and then an item that no comma separates from it.
    pub(super) fn literal_and_item(&mut self, at: usize) -> bool {
        let rest = self.tail(at);
        let Some(word) = LITERALS.iter().find(|w| rest.starts_with(**w)) else { return false };
        let (then_at, then) = self.next_from(at + word.len());
        let apart = then_at > at + word.len();
        let item = then.is_some_and(|c| quote(c) || c.is_ascii_digit() || matches!(c, '-' | '{' | '['))
            || LITERALS.iter().any(|w| self.tail(then_at).starts_with(*w));
        (apart && item) || self.word_literal(then_at)
    }

    /// A bare word with a comma or bracket soon after it.
    pub(super) fn short_word(&mut self, at: usize) -> bool {
        for (offset, c) in self.tail(at).char_indices().take(KEY_REACH / 2) {
            self.steps += 1;
            if comma(c) || closes(c) {
                return true;
            }
            if any_quote(c) && offset > 0 {
                // Its opening quote is missing.
                return self.next_from(at + offset + c.len_utf8()).1.is_some_and(|n| comma(n) || closes(n));
            }
            if any_quote(c) || c == ' ' {
                return false;
            }
        }
        false
    }
}

/// What a bare key is written with, in any script; pictures too.
fn name_char(c: char) -> bool {
    let mark = |c| any_quote(c) || opens(c) || closes(c) || comma(c) || colon_like(c) || space(c);
    c.is_alphanumeric()
        || matches!(c, '_' | '-' | '$' | '.' | ' ' | '/' | '*')
        || (!c.is_ascii() && !mark(c) && !matches!(c, '。' | '！' | '？' | '…' | '•' | '・' | '→'))
}
