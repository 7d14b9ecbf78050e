//! A value without quotes: where it ends, and what it is.

use serde_json::Value;

use super::MAX_DEPTH;
use super::chars::{any_quote, closes, colon, comma, opens, opens_list, quote, space};
use super::mend::{Fault, Mender};
use super::scalar;
use super::types::RepairKind;

impl Mender<'_, '_> {
    /// Reads the bare value at the cursor: a literal, a number, a call, or words.
    pub(super) fn bare(&mut self, in_object: bool) -> Result<(), Fault> {
        let start = self.at;
        if let Some(length) = self.plain_scalar_at(start) {
            self.steps += length as u64;
            self.at += length;
            self.put_bare(self.text.get(start..self.at).unwrap_or(""), start, false);
            self.pass_comma();
            return Ok(());
        }
        if let Some(end) = self.unopened(start) {
            let word = self.text.get(start..end).unwrap_or("").to_owned();
            self.note(RepairKind::Quote, start);
            self.at = end + 1;
            self.put(Value::String(word));
            return Ok(());
        }
        let mut nested = 0_usize;
        let mut before = ' ';
        loop {
            if self.at == start || !space(before) {
                // A letter or digit within a word decides nothing.
                let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
                let run = rest.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
                if run > 0 {
                    self.steps += run as u64;
                    self.at += run;
                    before = 'a';
                }
            }
            let Some(c) = self.peek() else { break };
            self.steps += 1;
            let word = self.text.get(start..self.at).unwrap_or("");
            if c == '\n' || (c == '`' && self.fence_at(self.at)) {
                break;
            }
            if c == '\\'
                && nested == 0
                && self.char_at(self.at + 1).is_none_or(|n| matches!(n, ']' | '}' | '\n' | '\r'))
            {
                break;
            }
            if c == '。' && nested == 0 && self.ends_line(self.at + c.len_utf8()) && scalar::whole(word.trim()) {
                break;
            }
            if closes(c) {
                if nested == 0 && self.closes_something(c) {
                    break;
                }
                nested = nested.saturating_sub(1);
            } else if opens(c) {
                if c == '(' && is_name(word) {
                    if self.stack.len() >= MAX_DEPTH {
                        return Err(Fault::Deep(self.at));
                    }
                    if self.calls_here() {
                        self.note(RepairKind::Stray, start);
                        self.open(c, true);
                        return Ok(());
                    }
                }
                let remark = c == '(' && space(before) && scalar::whole(word.trim());
                if remark || c != '(' && (!opens_list(c) && before == ' ' || scalar::whole(word.trim())) {
                    break;
                }
                nested += 1;
            } else if comma(c) && nested == 0 {
                if self.comma_ends_bare(word, c, in_object) {
                    break;
                }
            } else if quote(c) && nested == 0 {
                let behind = self.char_at(self.at + c.len_utf8());
                let prefix = matches!(word, "u" | "b" | "r" | "f" | "U" | "R" | "F" | "B" | "rb" | "br");
                if prefix && behind.is_none_or(|n| !comma(n) && !closes(n) && n != '\n') {
                    self.note(RepairKind::Stray, start);
                    return Ok(());
                }
                if (in_object && self.key_like(self.at)) || scalar::whole(word.trim()) {
                    break;
                }
                if !in_object && space(before) && self.item_starts(self.at) {
                    break;
                }
            } else if !in_object && colon(c) && nested == 0 {
                let behind = self.at + c.len_utf8();
                let (then_at, then) = self.next_from(behind);
                if then_at > behind || then.is_some_and(quote) {
                    break;
                }
            } else if space(before)
                && !space(c)
                && ((c == '<' && scalar::whole(word.trim()))
                    || (self.comment_at(self.at) && (c != '#' || !word.is_empty()) && c != '※')
                    || (self.at > start && self.ellipsis_at(self.at) && scalar::whole(word.trim()))
                    || (self.at > start && self.next_item(word, c, in_object)))
            {
                break;
            }
            before = c;
            self.at += c.len_utf8();
        }
        self.finish_bare(start);
        Ok(())
    }

    /// A literal or a number that its line ends, a comma that no digit follows, or the last brackets of the line: what
    /// every other reading of it comes to as well. Its length.
    fn plain_scalar_at(&self, at: usize) -> Option<usize> {
        let rest = self.text.as_bytes().get(at..)?;
        let part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+');
        let length = rest.iter().take(39).take_while(|b| part(b)).count();
        let ends = match rest.get(length..)? {
            [b'\n', ..] => true,
            [b',', next, ..] => next.is_ascii() && !next.is_ascii_digit(),
            [b'}' | b']'] | [b'}' | b']', b'\n' | b'}' | b']'] | [b'}' | b']', b'\n', ..] => true,
            _ => false,
        };
        (ends && scalar::whole(self.text.get(at..at + length)?)).then_some(length)
    }

    /// A parenthesis right after a name: its closing one ends the value.
    fn calls_here(&mut self) -> bool {
        let rest = self.tail(self.at);
        let mut depth = 0_usize;
        for (offset, c) in rest.char_indices().take(400) {
            self.steps += 1;
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                '\n' if depth == 0 => return false,
                _ => {}
            }
            if depth == 0 {
                let (_, next) = self.next_from(self.at + offset + 1);
                return next.is_none_or(|n| {
                    comma(n) || closes(n) || self.text.get(self.at + offset + 1..).is_some_and(|t| t.starts_with('\n'))
                });
            }
        }
        true
    }

    fn item_starts(&mut self, at: usize) -> bool {
        let (_, next) = self.next_from(at + self.char_at(at).map_or(1, char::len_utf8));
        next.is_some_and(char::is_alphanumeric) && self.quoted_item(at)
    }

    fn quoted_item(&mut self, at: usize) -> bool {
        let Some(mark) = self.char_at(at) else { return false };
        let body = at + mark.len_utf8();
        let found = self.tail(body).char_indices().take(64).find(|(_, c)| *c == mark);
        self.steps += 64;
        found.is_some_and(|(length, _)| {
            let (_, next) = self.next_from(body + length + mark.len_utf8());
            next.is_none_or(|c| closes(c) || comma(c))
        })
    }

    fn comma_ends_bare(&mut self, word: &str, mark: char, in_object: bool) -> bool {
        let behind = self.at + mark.len_utf8();
        if !in_object {
            return true;
        }
        let (then_at, then) = self.next_from(behind);
        let line_ends = self.text.get(behind..then_at).is_some_and(|t| t.contains('\n'));
        if line_ends
            || then.is_none_or(|t| closes(t) || quote(t) || comma(t) || matches!(t, '{' | '['))
            || self.key_like(then_at)
            || self.comment_at(then_at)
            || self.ellipsis_at(then_at)
        {
            // A word whose closing quote alone stands later goes on: `hello there, friend"`.
            return line_ends
                || !then.is_some_and(quote)
                || self.key_like(then_at)
                || self.quoted_item(then_at)
                || scalar::whole(word.trim());
        }
        let digits = word.ends_with(char::is_numeric) && then_at == behind && then.is_some_and(char::is_numeric);
        !digits && scalar::whole(word.trim())
    }

    /// After a whole word and white space: does the next pair or item stand here?
    fn next_item(&mut self, word: &str, c: char, in_object: bool) -> bool {
        scalar::whole(word.trim())
            && if in_object {
                self.key_like(self.at)
            } else {
                c.is_numeric() || c == '-' || self.word_literal(self.at) || self.literal_and_item(self.at)
            }
    }

    fn finish_bare(&mut self, start: usize) {
        let mut word = self.text.get(start..self.at).unwrap_or("").trim_matches(space);
        let cut = self.at >= self.text.len();
        if cut {
            self.doubt = Some(0);
        }
        if word.is_empty() {
            self.note(RepairKind::Stray, start);
            self.at += self.peek().map_or(0, char::len_utf8);
            return;
        }
        if word.ends_with('*') && (word.starts_with('*') || self.text.get(..start).is_some_and(|t| t.ends_with('*'))) {
            // Emphasis.
            word = word.trim_matches('*');
        }
        if word.ends_with(any_quote) && word.matches(any_quote).count() == 1 {
            word = word.trim_end_matches(any_quote);
            self.note(RepairKind::Quote, start);
            self.put(Value::String(word.to_owned()));
            return;
        }
        if cut {
            let kept = word.trim_end_matches(['-', '+', '.', 'e', 'E']);
            if kept.is_empty() {
                self.note(RepairKind::CutOff, start);
                return;
            }
            if scalar::whole(kept) {
                word = kept;
            }
        }
        self.put_bare(word, start, cut);
    }

    /// Puts what the word means where it belongs.
    fn put_bare(&mut self, word: &str, start: usize, cut: bool) {
        let text = match (self.setting.wanted, self.wanted_here()) {
            (Some(schema), Some(wanted)) => schema.wants_text(wanted),
            _ => self.setting.words,
        };
        if text && !scalar::is_null(word) {
            self.bare_words += 1;
            self.note(RepairKind::BareString, start);
            self.put(Value::String(word.to_owned()));
            return;
        }
        let (value, repair) = scalar::read(word, cut);
        if let Some(kind) = repair {
            self.bare_words += usize::from(kind == RepairKind::BareString);
            self.note(kind, start);
        }
        self.put(value);
    }
}

/// A function's or class's name, perhaps with `new` before it.
fn is_name(word: &str) -> bool {
    let name = word.strip_prefix("new ").unwrap_or(word);
    !name.is_empty()
        && name.len() < 40
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
}
