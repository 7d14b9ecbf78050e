//! Keys: in quotes, bare, without a colon or without a value.

use serde_json::Value;

use super::chars::{any_quote, closes, colon, colon_like, comma, line_from, opens, ornament, quote, space};
use super::mend::{Frame, Mender, Next};
use super::scalar;
use super::string::Place;
use super::types::RepairKind;

impl Mender<'_, '_> {
    /// An object's first key has been read: is this an object at all, or a brace of prose?
    pub(super) const fn first_of_root(&self) -> bool {
        self.stack.len() == 1 && self.quoted_keys == 0 && self.bare_keys == 0
    }

    pub(super) fn at_key(&mut self, c: char) {
        let at = self.at;
        if c == '"' {
            self.quoted_key(at);
        } else if c.is_ascii_alphabetic() {
            self.bare_key(at);
        } else if closes(c) {
            if let Some(comma) = self.after_comma.take() {
                self.note(RepairKind::Comma, comma);
            }
            self.close(c);
        } else if comma(c) {
            self.note(RepairKind::Comma, at);
            self.at += c.len_utf8();
        } else if self.ellipsis_at(at) {
            self.skip_ellipsis();
        } else if let Some(length) = self.bullet_at(at) {
            self.note(RepairKind::Stray, at);
            self.at += length;
        } else if quote(c) {
            self.quoted_key(at);
        } else if opens(c) {
            self.bracket_for_key(c);
        } else if c == '\\' && self.char_at(at + 1).is_some_and(quote) {
            self.note(RepairKind::Escape, at);
            self.at += 1;
        } else if colon(c) || ornament(c) || (c == '-' && self.char_at(at + 1).is_some_and(space)) {
            self.note(RepairKind::Stray, at);
            self.at += c.len_utf8();
        } else {
            self.bare_key(at);
        }
    }

    pub(super) fn quoted_key(&mut self, at: usize) {
        let Some(key) = self.string(Place::Key) else {
            self.at = self.text.len();
            self.note(RepairKind::CutOff, self.at);
            return;
        };
        let behind = self.at;
        let (_, next) = self.next_from(behind);
        if next.is_some_and(colon_like) {
            if self.first_of_root() && key.contains(['\n', '{', '}']) {
                self.stopped = true;
                return;
            }
            self.quoted_keys += 1;
        }
        self.key(key, at);
        self.pass_colon();
    }

    /// A colon that touches the key, and that no other mark of the kind follows, is passed at once.
    fn pass_colon(&mut self) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let ([b':', b' ', then, ..] | [b':', then, ..]) = rest else { return };
        if then.is_ascii_graphic() && !matches!(then, b':' | b'=' | b'>') {
            self.at += 1;
            self.next = Next::Value;
        }
    }

    pub(super) fn bare_key(&mut self, at: usize) {
        let stops = |c: char| {
            !c.is_ascii_alphanumeric()
                && (colon_like(c) || comma(c) || closes(c) || opens(c) || any_quote(c) || c == '\n')
        };
        let rest = self.tail(at);
        let line = rest.bytes().take(65).take_while(|b| *b != b'\n').count();
        let arrow = rest.as_bytes().get(..line).and_then(|line| line.windows(2).position(|pair| pair == b"->"));
        // An arrow bounds the look for the other marks: many arrows must not each look to the end.
        let name = arrow.and_then(|arrow| rest.get(..arrow)).unwrap_or(rest);
        let mut end = name.find(stops).unwrap_or(name.len());
        if let Some(length) = self.bracketed_end(at + end).filter(|_| end > 0) {
            end += length;
        }
        self.steps += end as u64 + 64;
        let word = rest.get(..end).unwrap_or("").trim();
        self.at += end;
        let Some(stop) = self.peek() else {
            // Cut off in a key, or prose after a value that was never closed.
            self.note(RepairKind::CutOff, at);
            return;
        };
        if word.is_empty() {
            self.note(RepairKind::Stray, at);
            self.at += stop.len_utf8();
            return;
        }
        let arrow = self.tail(self.at).starts_with("->");
        if any_quote(stop) {
            let behind = self.at + stop.len_utf8();
            if self.next_from(behind).1.is_none_or(colon_like) {
                self.note(RepairKind::Quote, at);
                self.at = behind;
                self.quoted_keys += 1;
                self.key(word.trim_matches('*').to_owned(), at);
                return;
            }
            if matches!(word, "u" | "b" | "r" | "f") || self.key_like(self.at) {
                self.note(RepairKind::Stray, at);
                return;
            }
        } else if !colon_like(stop) && !arrow {
            // Words without a colon are no key: first in braces inside a value, they are a set's.
            if self.stack.len() > 1
                && !word.contains('\n')
                && (comma(stop) || closes(stop))
                && let Some(Frame::Object { map, extra: 0, wanted, .. }) = self.stack.last()
                && map.is_empty()
            {
                let wanted = *wanted;
                self.stack.pop();
                self.stack.push(Frame::List { items: Vec::new(), mark: '{', call: false, commas: 0, wanted });
                self.note(RepairKind::Bracket, at);
                self.at = at;
                self.next = Next::Value;
                return;
            }
            if self.first_of_root() {
                self.stopped = true;
            }
            self.note(RepairKind::Stray, at);
            return;
        }
        if self.first_of_root() && word.chars().count() > 60 {
            self.stopped = true;
            return;
        }
        self.bare_keys += 1;
        self.note(RepairKind::BareKey, at);
        self.key(word.trim_matches('*').to_owned(), at);
    }

    pub(super) fn key(&mut self, name: String, at: usize) {
        self.after_comma = None;
        if let Some(Frame::Object { key, .. }) = self.stack.last_mut() {
            *key = Some((name, at));
        }
        self.next = Next::Colon;
    }

    pub(super) fn at_colon(&mut self, c: char) {
        let at = self.at;
        let arrow = if colon_like(c) { None } else { self.arrow_at(at) };
        if colon_like(c) || arrow.is_some() {
            self.at += arrow.unwrap_or(c.len_utf8());
            let mut plain = c == ':';
            while let Some(c) = self.peek().filter(|c| colon_like(*c) || *c == '>') {
                plain = false;
                self.at += c.len_utf8();
            }
            if let (then_at, Some('=')) = self.next_from(self.at) {
                plain = false;
                self.at = then_at + 1;
            }
            if !plain {
                self.note(RepairKind::Colon, at);
            }
            self.next = Next::Value;
        } else if comma(c) || closes(c) {
            self.key_without_value(c);
        } else if ornament(c) {
            self.note(RepairKind::Stray, at);
            self.at += c.len_utf8();
        } else {
            self.note(RepairKind::Colon, at);
            self.next = Next::Value;
        }
    }

    /// `{"a", 1, "b": 2}`, `{"a", "x", "b": 2}`: a number or a text, and then a pair.
    fn comma_stands_for_colon(&mut self, c: char) -> bool {
        if !comma(c) {
            return false;
        }
        let (at, first) = self.next_from(self.at + c.len_utf8());
        if first == Some('"') {
            let line = line_from(self.tail(at + 1));
            let Some(length) = line.find('"') else { return false };
            self.steps += length as u64;
            let (mark_at, mark) = self.next_from(at + 1 + length + 1);
            return mark.is_some_and(comma) && {
                let (key_at, key) = self.next_from(mark_at + mark.map_or(0, char::len_utf8));
                key == Some('"') && self.quoted_key_at(key_at)
            };
        }
        if !first.is_some_and(|n| n.is_ascii_digit() || n == '-') {
            return false;
        }
        let number = |b: &u8| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'e' | b'E');
        let length = self.tail(at).bytes().take(24).take_while(number).count();
        let (mark_at, mark) = self.next_from(at + length);
        mark.is_some_and(comma) && {
            let (key_at, key) = self.next_from(mark_at + mark.map_or(0, char::len_utf8));
            key.is_some_and(quote) && self.quoted_key_at(key_at)
        }
    }

    /// A comma or a bracket after a key: the object is a list, or its last value is one, or the key has no value.
    pub(super) fn key_without_value(&mut self, c: char) {
        let at = self.at;
        if comma(c) && self.next_from(at + c.len_utf8()).1.is_some_and(colon) {
            self.note(RepairKind::Comma, at);
            self.at += c.len_utf8();
            return;
        }
        let rooted = self.stack.len() == 1;
        let stands_for_colon = self.comma_stands_for_colon(c);
        let Some(Frame::Object { map, key, loose, extra, wanted }) = self.stack.last_mut() else { return };
        let Some((name, key_at)) = key.take() else { return };
        let wanted = *wanted;
        self.next = Next::Separator;
        if let Some((inner, value)) = name.split_once(':')
            && inner.contains(char::is_alphabetic)
            && scalar::whole(value.trim())
        {
            // `{"a: 1", "b": 2}`: the quotes stand around the pair.
            *key = Some((inner.trim_end().to_owned(), key_at));
            self.note(RepairKind::Quote, key_at);
            self.put(scalar::read(value.trim(), false).0);
            return;
        }
        if map.is_empty() && *extra == 0 && !stands_for_colon {
            self.stack.pop();
            let items = vec![Value::String(name)];
            self.stack.push(Frame::List { items, mark: '{', call: false, commas: 0, wanted });
            self.note(RepairKind::Bracket, at);
            if rooted {
                self.bare_words += 1;
            }
            return;
        }
        if let Some((_, last)) = map.iter_mut().next_back()
            && (*loose || last.is_string())
        {
            match last {
                Value::Array(items) => items.push(Value::String(name)),
                _ => *last = Value::Array(vec![last.take(), Value::String(name)]),
            }
            *loose = true;
            self.note(RepairKind::Bracket, key_at);
            return;
        }
        *key = Some((name, key_at));
        self.note(RepairKind::MissingValue, at);
        if comma(c) {
            // The comma stands for the colon when a value follows it that can be no key.
            let behind = at + c.len_utf8();
            let (_, next) = self.next_from(behind);
            if stands_for_colon || next.is_some_and(|n| n.is_ascii_digit() || n == '-') {
                self.at = behind;
                self.next = Next::Value;
                return;
            }
        }
        self.put(Value::Null);
    }
}
