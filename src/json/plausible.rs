//! What may be JSON at all: the checks that spare prose the mending.

use serde_json::Value;

use super::chars::{closes, colon_like, comma, line_from, opens, opens_object, quote, space};
use super::find::{Candidate, Walk};
use super::mend::{Mended, Mender, Setting};
use super::strict;
use super::types::RepairKind;
use super::weigh::{Place, introduced};

impl Walk<'_, '_> {
    /// Whether what follows the bracket may be JSON: the check that spares prose the mending.
    pub(super) fn plausible(&mut self, at: usize, c: char, place: &Place<'_>) -> bool {
        let before = place.line_before.chars().next_back();
        let touching = !self.text.get(..at).unwrap_or("").ends_with(space);
        if touching && before == Some('$') {
            return false;
        }
        let mut probe = Mender::new(self.text, at, Setting::default());
        let (then_at, then) = probe.next_from(at + c.len_utf8());
        let standing = place.head || place.first || place.line_begins;
        let Some(then) = then else {
            return standing && (place.head || place.first || place.before.trim_end().ends_with(colon_like));
        };
        let plausible = if opens_object(c) {
            quote(then)
                || (then == '}' && (standing || introduced(place)))
                || probe.key_like(then_at)
                || (matches!(then, 'u' | 'b' | 'r' | 'f') && self.tail(then_at + 1).starts_with(['\'', '"']))
                || (opens_object(then) && probe_doubled(&mut probe, then_at))
                || (standing
                    && (comma(then)
                        || probe.bullet_at(then_at).is_some()
                        || probe.comment_at(then_at)
                        || probe.ellipsis_at(then_at)
                        || matches!(then, '*' | '-' | '\\' | '•' | '・' | '[' | '\u{ff3b}' | ':')
                        || (then == '\u{ff5d}')))
                || (place.head && then.is_alphabetic() && !self.tail(then_at).contains('}'))
        } else {
            let index = touching
                && before.is_some_and(|b| b.is_alphanumeric() || matches!(b, ']' | ')' | '_'))
                && !marks_a_call(place.line_before);
            let link = index
                || (then == 'x' && self.tail(then_at).starts_with("x]"))
                || (then == ']' && !place.head && !place.first && !introduced(place));
            !link
                && (quote(then)
                    || opens(then)
                    || then.is_numeric()
                    || matches!(then, '-' | '+' | ']' | '.' | '\u{ff0d}')
                    || probe.word_literal(then_at)
                    || ((place.head || place.first)
                        && (then.is_alphabetic() || comma(then) || probe.comment_at(then_at) || then == '…'))
                    || (introduced(place) && (then.is_alphabetic() || probe.comment_at(then_at))))
        };
        self.steps += probe.steps;
        plausible
    }

    /// A value that broke off in a text and was begun again on a later line, by the same bracket and the same key: where.
    pub(super) fn begun_again(&mut self, at: usize, read: &Mended) -> Option<usize> {
        if !read.repairs.iter().any(|r| r.kind == RepairKind::ControlCharacter) {
            return None;
        }
        let beginning = self.tail(at);
        let open = beginning.find('"').filter(|length| *length < 16)? + 1;
        let close = line_from(beginning.get(open..)?).find('"').filter(|length| (1..64).contains(length))?;
        let (beginning, rest) = beginning.get(..read.end - at)?.split_at_checked(open + close + 1)?;
        self.steps += rest.len() as u64;
        let mut from = 0;
        // A few lines at most: each is read to its end.
        for _ in 0..4 {
            let found = from + rest.get(from..)?.find(beginning)?;
            from = found + beginning.len();
            let again = at + beginning.len() + found;
            if !rest.get(..found).is_some_and(|t| t.trim_end_matches([' ', '\t']).ends_with('\n')) {
                continue;
            }
            // It reaches as far as the first one was read: else it is shown in a text of the first.
            if let Ok(valid) = strict::value_at(self.text, again)
                && !self.text.get(valid.end..read.end).unwrap_or("").contains(|c: char| !space(c) && !closes(c))
            {
                return Some(again);
            }
        }
        None
    }

    /// An object's pairs without their brace: a line begins with a key in quotes and a value that is no prose.
    pub(super) fn without_braces(&mut self) {
        let first = self.found.iter().map(|c| c.start).min().unwrap_or(self.text.len());
        let mut at = self.begin;
        let mut lines = 0;
        let start = loop {
            let rest = self.tail(at);
            let inner = rest.trim_start_matches([' ', '\t', '\r', '\u{feff}', '\u{3000}']);
            let inner = inner.strip_prefix("- ").or_else(|| inner.strip_prefix("* ")).unwrap_or(inner);
            let key_at = self.text.len() - inner.len();
            if key_at >= first || lines > 500 {
                return;
            }
            if inner.starts_with(quote) {
                let mut probe = Mender::new(self.text, key_at, Setting::default());
                if probe.quoted_key_at(key_at) && probe.string(super::string::Place::Key).is_some() {
                    let (colon_at, c) = probe.next_from(probe.at);
                    let (value_at, value) = probe.next_from(colon_at + c.map_or(0, char::len_utf8));
                    self.steps += probe.steps;
                    if c.is_some_and(colon_like)
                        && value.is_none_or(|v| quote(v) || opens(v) || v.is_numeric() || v == '-')
                        || probe.word_literal(value_at)
                    {
                        break key_at;
                    }
                }
                self.steps += probe.steps;
            }
            self.steps += 8;
            lines += 1;
            match inner.find('\n') {
                Some(end) => at = key_at + end + 1,
                None => return,
            }
        };
        let setting = Setting {
            fenced: true,
            braceless: true,
            wanted: self.asked.schema,
            words: self.asked.words,
            streaming: self.asked.streaming,
        };
        let mut mender = Mender::new(self.text, start, setting);
        let read = mender.read();
        self.steps += mender.steps;
        let Ok(read) = read else { return };
        if matches!(&read.value, Value::Object(map) if !map.is_empty()) {
            self.found.retain(|c| c.start >= read.end);
            self.found.insert(0, Candidate { read, start, weight: 8, answer: true });
        }
    }
}

/// `[TOOL_CALLS]`: a mark of capitals, as models put before their calls.
fn marks_a_call(line: &str) -> bool {
    let inner = line.strip_prefix('[').and_then(|l| l.strip_suffix(']'));
    inner.is_some_and(|i| i.len() > 3 && i.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'_' | b' ' | b'/')))
}

/// `{{"a": 1}}`: a template's doubled brace before a key.
fn probe_doubled(probe: &mut Mender<'_, '_>, at: usize) -> bool {
    let (key_at, c) = probe.next_from(at + 1);
    c.is_some_and(|c| quote(c) && probe.quoted_key_at(key_at))
}
