//! Reads broken JSON as what it means: one pass, a stack of its own, and a decision at each mark that is out of place.
//!
//! A decision looks at what follows, never far: a key's length, a run of white space (remembered, so that it is
//! crossed once), or the brackets of the rest, which are matched once. So the pass stays linear.

use serde_json::{Map, Value};

use super::MAX_DEPTH;
use super::balance::Balance;
use super::chars::{
    any_quote, closes, closes_object, closes_round, colon, colon_like, comma, opens, opens_object, opens_round,
    ornament, quote, space,
};
use super::schema::Schema;
use super::string::Place;
use super::types::{Repair, RepairKind};

/// A value being read.
pub(super) enum Frame<'s> {
    Object {
        map: Map<String, Value>,
        key: Option<(String, usize)>,
        /// Opening braces that meant nothing: as many closing ones mean nothing either.
        extra: usize,
        /// The last pair's value is a list whose brackets are missing.
        loose: bool,
        wanted: Option<&'s Value>,
    },
    List {
        items: Vec<Value>,
        mark: char,
        /// A call's parenthesis: its single item stands for itself.
        call: bool,
        commas: usize,
        wanted: Option<&'s Value>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Key,
    Colon,
    Value,
    Separator,
}

/// What was read, and how sure it is to be JSON.
pub(super) struct Mended {
    pub value: Value,
    pub end: usize,
    pub repairs: Vec<Repair>,
    /// The text went on to the end of the value.
    pub complete: bool,
    /// Keys that stood in quotes and had a colon.
    pub quoted_keys: usize,
    /// Strings that stood without quotes.
    pub bare_words: usize,
}

/// Why nothing was read.
pub(super) enum Fault {
    /// Nested too deep, at this offset.
    Deep(usize),
    /// No value stands here.
    Nothing,
}

/// What is known of the place before it is read.
#[derive(Clone, Copy, Default)]
pub(super) struct Setting<'s> {
    /// The value stands in a fence: a line that closes it ends a string that nothing else ends.
    pub fenced: bool,
    /// An object's pairs without their opening brace.
    pub braceless: bool,
    /// What the reply was asked to be.
    pub wanted: Option<&'s Schema>,
}

pub(super) struct Mender<'t, 's> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    pub(super) steps: u64,
    pub(super) setting: Setting<'s>,
    /// No triple quote of this kind (double, single) follows.
    pub(super) no_triple: [bool; 2],
    pub(super) stack: Vec<Frame<'s>>,
    pub(super) next: Next,
    pub(super) bare_keys: usize,
    pub(super) bare_words: usize,
    pub(super) quoted_keys: usize,
    repairs: Vec<Repair>,
    after_comma: Option<usize>,
    root: Option<Value>,
    /// The run of white space crossed last.
    run: (usize, usize),
    begin: usize,
    balance: Option<Balance>,
    /// The text ends here although characters follow.
    stopped: bool,
}

impl<'t, 's> Mender<'t, 's> {
    pub(super) fn new(text: &'t str, at: usize, setting: Setting<'s>) -> Self {
        Self {
            text,
            at,
            steps: 0,
            setting,
            no_triple: [false; 2],
            stack: Vec::new(),
            next: Next::Value,
            bare_keys: 0,
            bare_words: 0,
            quoted_keys: 0,
            repairs: Vec::new(),
            after_comma: None,
            root: None,
            run: (0, 0),
            begin: at,
            balance: None,
            stopped: false,
        }
    }

    pub(super) fn note(&mut self, kind: RepairKind, at: usize) {
        self.repairs.push(Repair::new(kind, at));
    }

    /// What was noted from there on in text that turned out to be no part of the string.
    pub(super) fn forget(&mut self, from: usize) {
        while self.repairs.last().is_some_and(|r| r.at >= from && r.kind == RepairKind::ControlCharacter) {
            self.repairs.pop();
        }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.char_at(self.at)
    }

    pub(super) fn char_at(&self, at: usize) -> Option<char> {
        match self.text.as_bytes().get(at) {
            Some(b) if b.is_ascii() => Some(char::from(*b)),
            _ => self.text.get(at..)?.chars().next(),
        }
    }

    pub(super) fn tail(&self, at: usize) -> &'t str {
        self.text.get(at..).unwrap_or("")
    }

    /// The first character from there on that is no white space, and its place.
    pub(super) fn next_from(&mut self, from: usize) -> (usize, Option<char>) {
        let mut at = from;
        if self.run.0 <= from && from < self.run.1 {
            at = self.run.1;
        }
        while let Some(c) = self.char_at(at) {
            if !space(c) {
                break;
            }
            self.steps += 1;
            at += c.len_utf8();
        }
        if at > from + 8 {
            self.run = (from, at);
        }
        (at, self.char_at(at))
    }

    pub(super) fn in_object(&self) -> bool {
        matches!(self.stack.last(), Some(Frame::Object { .. }))
    }

    /// Whether what encloses the value at hand is an object.
    pub(super) fn parent_is_object(&self) -> Option<bool> {
        self.stack.iter().nth_back(1).map(|frame| matches!(frame, Frame::Object { .. }))
    }

    /// What the value that stands next was asked to be.
    pub(super) fn wanted_here(&self) -> Option<&'s Value> {
        let schema = self.setting.wanted?;
        match self.stack.last() {
            None => schema.resolved(schema.root()),
            Some(Frame::Object { key: Some((name, _)), wanted, .. }) => schema.of_key((*wanted)?, name),
            Some(Frame::List { wanted, .. }) => schema.of_item((*wanted)?),
            Some(Frame::Object { .. }) => None,
        }
    }

    /// Reads the object or list whose bracket is at the cursor.
    pub(super) fn read(&mut self) -> Result<Mended, Fault> {
        if self.setting.braceless {
            self.note(RepairKind::Bracket, self.at);
            let wanted = self.wanted_here();
            self.stack.push(Frame::Object { map: Map::new(), key: None, extra: 0, loose: false, wanted });
            self.next = Next::Key;
        }
        let mut complete = true;
        while self.root.is_none() {
            self.steps += 1;
            self.skip_space();
            let Some(c) = self.peek().filter(|_| !self.stopped && !self.fence_at(self.at)) else {
                complete = self.stop();
                break;
            };
            match self.next {
                Next::Key => self.at_key(c),
                Next::Colon => self.at_colon(c),
                Next::Value => self.at_value(c)?,
                Next::Separator => self.at_separator(c),
            }
        }
        let value = self.root.take().ok_or(Fault::Nothing)?;
        let mut repairs = std::mem::take(&mut self.repairs);
        repairs.sort_by_key(|r| r.at);
        Ok(Mended {
            value,
            end: self.at,
            repairs,
            complete,
            quoted_keys: self.quoted_keys,
            bare_words: self.bare_words,
        })
    }

    /// The text ended (or its fence closed) inside the value: all that was whole is kept.
    fn stop(&mut self) -> bool {
        let whole = self.setting.braceless
            && self.stack.len() == 1
            && (self.next == Next::Separator || (self.next == Next::Key && self.after_comma.is_some()));
        if !whole && self.repairs.last().is_none_or(|r| r.kind != RepairKind::CutOff) {
            let kind = if self.at >= self.text.len() { RepairKind::CutOff } else { RepairKind::Bracket };
            self.note(kind, self.at);
        }
        while !self.stack.is_empty() {
            self.pop();
        }
        whole
    }

    /// An object's first key has been read: is this an object at all, or a brace of prose?
    const fn first_of_root(&self) -> bool {
        self.stack.len() == 1 && self.quoted_keys == 0 && self.bare_keys == 0
    }

    fn at_key(&mut self, c: char) {
        let at = self.at;
        if closes(c) {
            if let Some(comma) = self.after_comma.take() {
                self.note(RepairKind::Comma, comma);
            }
            self.close(c);
        } else if comma(c) {
            self.note(RepairKind::Comma, at);
            self.at += c.len_utf8();
        } else if self.ellipsis_at(at) {
            self.skip_ellipsis();
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

    fn quoted_key(&mut self, at: usize) {
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
    }

    /// A bracket where a key should stand.
    fn bracket_for_key(&mut self, c: char) {
        let at = self.at;
        self.note(RepairKind::Bracket, at);
        let in_list = self.parent_is_object() == Some(false);
        match self.stack.last_mut() {
            Some(Frame::Object { map, .. }) if in_list && !map.is_empty() => {
                self.pop();
                self.next = Next::Value;
            }
            Some(Frame::Object { extra, .. }) => {
                *extra += usize::from(opens_object(c));
                self.at += c.len_utf8();
            }
            _ => self.at += c.len_utf8(),
        }
    }

    fn bare_key(&mut self, at: usize) {
        let stops = |c: char| colon_like(c) || comma(c) || closes(c) || opens(c) || any_quote(c) || c == '\n';
        let rest = self.tail(at);
        let arrow = rest.find("->").unwrap_or(rest.len().min(65));
        let end = rest.find(stops).unwrap_or(rest.len()).min(if arrow < 64 { arrow } else { rest.len() });
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
            if self.next_from(behind).1.is_some_and(colon_like) {
                self.note(RepairKind::Quote, at);
                self.at = behind;
                self.quoted_keys += 1;
                self.key(word.trim_matches('*').to_owned(), at);
                return;
            }
            if self.key_like(self.at) {
                self.note(RepairKind::Stray, at);
                return;
            }
        } else if !colon_like(stop) && !arrow {
            // Words without a colon are no key.
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

    fn key(&mut self, name: String, at: usize) {
        self.after_comma = None;
        if let Some(Frame::Object { key, .. }) = self.stack.last_mut() {
            *key = Some((name, at));
        }
        self.next = Next::Colon;
    }

    fn at_colon(&mut self, c: char) {
        let at = self.at;
        if colon_like(c) || (c == '-' && self.char_at(at + 1) == Some('>')) {
            self.at += c.len_utf8();
            let mut plain = c == ':';
            while let Some(c) = self.peek().filter(|c| colon_like(*c) || *c == '>') {
                plain = false;
                self.at += c.len_utf8();
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

    /// A comma or a bracket after a key: the object is a list, or its last value is one, or the key has no value.
    fn key_without_value(&mut self, c: char) {
        let at = self.at;
        let rooted = self.stack.len() == 1;
        let Some(Frame::Object { map, key, loose, extra, wanted }) = self.stack.last_mut() else { return };
        let Some((name, key_at)) = key.take() else { return };
        let wanted = *wanted;
        self.next = Next::Separator;
        if map.is_empty() && *extra == 0 {
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
            if next.is_some_and(|n| n.is_ascii_digit() || n == '-') {
                self.at = behind;
                self.next = Next::Value;
                return;
            }
        }
        self.put(Value::Null);
    }

    fn at_value(&mut self, c: char) -> Result<(), Fault> {
        let at = self.at;
        let in_object = self.in_object();
        if opens(c) {
            if self.stack.len() >= MAX_DEPTH {
                return Err(Fault::Deep(at));
            }
            self.after_comma = None;
            self.open(c, false);
        } else if closes(c) {
            if in_object {
                self.note(RepairKind::MissingValue, at);
                self.put(Value::Null);
            }
            if let Some(comma) = self.after_comma.take() {
                self.note(RepairKind::Comma, comma);
            }
            self.close(c);
        } else if comma(c) {
            if in_object {
                self.note(RepairKind::MissingValue, at);
                self.put(Value::Null);
            } else if self.never_closed(at + c.len_utf8()) {
                self.note(RepairKind::Bracket, at);
                self.pop();
            } else {
                self.note(RepairKind::Comma, at);
                self.at += c.len_utf8();
            }
        } else if self.ellipsis_at(at) && self.unopened(at).is_none() {
            self.skip_ellipsis();
            if in_object {
                self.put(Value::Null);
            }
        } else if colon(c) {
            self.note(RepairKind::Colon, at);
            self.at += c.len_utf8();
        } else if quote(c) && !self.opens_a_quotation(at, c) {
            self.after_comma = None;
            self.quoted_value(in_object);
        } else if c == '\\' && self.char_at(at + 1).is_some_and(quote) {
            self.note(RepairKind::Escape, at);
            self.at += 1;
        } else if c == '*' && self.char_at(at + 1).is_some_and(|n| n == '*' || quote(n)) {
            self.note(RepairKind::Stray, at);
            self.at += 1;
        } else {
            self.after_comma = None;
            self.bare(in_object)?;
        }
        Ok(())
    }

    /// Whether the list at hand is empty, and the next key of the object around it stands behind its comma.
    fn never_closed(&mut self, behind: usize) -> bool {
        let empty = matches!(self.stack.last(), Some(Frame::List { items, .. }) if items.is_empty());
        empty && self.parent_is_object() == Some(true) && {
            let (at, c) = self.next_from(behind);
            c == Some('"') && self.quoted_key_at(at)
        }
    }

    /// Whether the quote opens a quotation inside a text whose own opening quote is missing: `「返品」の件",`.
    fn opens_a_quotation(&mut self, at: usize, c: char) -> bool {
        let close = match c {
            '「' => '」',
            '『' => '』',
            '“' => '”',
            '«' => '»',
            _ => return false,
        };
        self.unopened(at).is_some_and(|end| self.text.get(at..end).is_some_and(|t| t.contains(close)))
    }

    /// A string, with those that are joined to it.
    fn quoted_value(&mut self, in_object: bool) {
        let place = if in_object { Place::InObject } else { Place::InList };
        let mut text = self.string(place).unwrap_or_default();
        loop {
            let behind = self.at;
            let (mark_at, mark) = self.next_from(behind);
            let joined = match mark {
                Some('+') => {
                    let (then_at, then) = self.next_from(mark_at + 1);
                    then.is_some_and(quote).then_some(then_at)
                }
                // Python joins strings that follow each other, in parentheses.
                Some(c) if quote(c) && mark_at > behind && self.in_python_parenthesis() => Some(mark_at),
                _ => None,
            };
            let Some(then) = joined else { break };
            self.note(RepairKind::Stray, mark_at);
            self.at = then;
            text.push_str(&self.string(place).unwrap_or_default());
        }
        self.put(Value::String(text));
    }

    fn in_python_parenthesis(&self) -> bool {
        matches!(self.stack.last(), Some(Frame::List { mark: '(', commas: 0, items, .. }) if items.is_empty())
    }

    fn at_separator(&mut self, c: char) {
        let at = self.at;
        let in_object = self.in_object();
        let item = if in_object { Next::Key } else { Next::Value };
        if comma(c) || (c == '.' && self.ends_line(at + 1)) {
            self.at += c.len_utf8();
            if c != ',' {
                self.note(RepairKind::Comma, at);
            }
            self.after_comma = Some(at);
            if let Some(Frame::List { commas, .. }) = self.stack.last_mut() {
                *commas += 1;
            }
            self.next = item;
        } else if closes(c) {
            self.close(c);
        } else if self.ellipsis_at(at) {
            self.skip_ellipsis();
            self.next = item;
        } else if colon_like(c) && !in_object {
            self.note(RepairKind::Bracket, at);
            self.key_in_list(at, c);
        } else if opens_round(c) && !self.tail(at).starts_with("((") {
            self.skip_remark();
        } else if c == '\\' && self.char_at(at + 1).is_some_and(quote) {
            self.note(RepairKind::Escape, at);
            self.at += 1;
        } else if (any_quote(c) && in_object && !self.key_like(at))
            || (ornament(c) && c != '|')
            || c == '|'
            || (colon_like(c) && in_object)
        {
            self.note(RepairKind::Stray, at);
            self.at += c.len_utf8();
        } else if !in_object && self.prose_at(at, c) {
            self.stopped = true;
        } else {
            self.note(RepairKind::Comma, at);
            self.next = item;
        }
    }

    fn ends_line(&self, at: usize) -> bool {
        self.tail(at).chars().find(|c| !matches!(c, ' ' | '\t' | '\r')).is_some_and(|c| c == '\n')
    }

    /// After an item and an empty line, words that nothing separates: the value was never closed, and prose goes on.
    fn prose_at(&self, at: usize, c: char) -> bool {
        let before = self.text.get(..at).unwrap_or("");
        let gap = before.trim_end_matches(space);
        c.is_alphabetic() && before.get(gap.len()..).is_some_and(|g| g.matches('\n').count() > 1)
    }

    /// A remark in parentheses after a value.
    fn skip_remark(&mut self) {
        let at = self.at;
        let rest = self.tail(at);
        let line = rest.find('\n').unwrap_or(rest.len());
        let end = rest.get(..line).and_then(|l| l.find(closes_round));
        self.steps += line as u64;
        self.note(RepairKind::Stray, at);
        let mark = self.peek().map_or(0, char::len_utf8);
        self.at += match end {
            Some(end) => end + self.char_at(at + end).map_or(0, char::len_utf8),
            None => mark,
        };
    }

    /// A colon after an item: the list's bracket is missing, or the item's braces are.
    fn key_in_list(&mut self, at: usize, mark: char) {
        let in_object = self.parent_is_object() == Some(true);
        let wanted = self.setting.wanted.and_then(|schema| match self.stack.last() {
            Some(Frame::List { wanted: Some(wanted), .. }) => schema.of_item(wanted),
            _ => None,
        });
        let Some(Frame::List { items, .. }) = self.stack.last_mut() else { return };
        let Some(Value::String(name)) = items.last().cloned() else {
            self.note(RepairKind::Stray, at);
            self.at += mark.len_utf8();
            return;
        };
        items.pop();
        let alone = items.is_empty();
        let like_last = items.last().and_then(Value::as_object).is_some_and(|o| o.contains_key(&name));
        self.quoted_keys += 1;
        if in_object && !alone && !like_last {
            self.pop();
        } else {
            if alone {
                self.stack.pop();
            }
            self.stack.push(Frame::Object { map: Map::new(), key: None, extra: 0, loose: false, wanted });
        }
        self.key(name, at);
    }

    pub(super) fn open(&mut self, c: char, call: bool) {
        let at = self.at;
        let wanted = self.wanted_here();
        self.at += c.len_utf8();
        if opens_object(c) {
            self.stack.push(Frame::Object { map: Map::new(), key: None, extra: 0, loose: false, wanted });
            self.next = Next::Key;
        } else {
            let mark = if opens_round(c) { '(' } else { c };
            self.stack.push(Frame::List { items: Vec::new(), mark, call, commas: 0, wanted });
            self.next = Next::Value;
        }
        if c != '{' && c != '[' {
            self.note(RepairKind::Bracket, at);
        }
    }

    fn pop(&mut self) {
        match self.stack.pop() {
            Some(Frame::Object { map, .. }) => self.put(Value::Object(map)),
            Some(Frame::List { mut items, mark, call, commas, .. }) => {
                let alone = items.len() == 1 && (call || (mark == '(' && commas == 0));
                let one = if alone { items.pop() } else { None };
                self.put(one.unwrap_or(Value::Array(items)));
            }
            None => {}
        }
    }

    pub(super) fn put(&mut self, value: Value) {
        self.next = Next::Separator;
        let mut twice = None;
        match self.stack.last_mut() {
            Some(Frame::Object { map, key, loose, .. }) => {
                *loose = false;
                if let Some((name, at)) = key.take()
                    && map.insert(name, value).is_some()
                {
                    twice = Some(at);
                }
            }
            Some(Frame::List { items, .. }) => items.push(value),
            None => self.root = Some(value),
        }
        if let Some(at) = twice {
            self.note(RepairKind::DuplicateKey, at);
        }
    }

    fn fits(frame: Option<&Frame<'_>>, c: char) -> bool {
        match frame {
            Some(Frame::Object { .. } | Frame::List { mark: '{', .. }) => closes_object(c),
            Some(Frame::List { mark: '(', .. }) => closes_round(c),
            Some(Frame::List { .. }) => !closes_object(c),
            None => false,
        }
    }

    /// A bracket of this kind could close something that is open.
    pub(super) fn closes_something(&self, c: char) -> bool {
        !closes_round(c) || self.stack.iter().rev().take(8).any(|f| Self::fits(Some(f), c))
    }

    /// A closing bracket: of the value at hand, of one around it, or mistaken.
    fn close(&mut self, c: char) {
        let at = self.at;
        self.at += c.len_utf8();
        if Self::fits(self.stack.last(), c) {
            if let Some(Frame::Object { extra, .. }) = self.stack.last_mut()
                && *extra > 0
            {
                *extra -= 1;
                self.note(RepairKind::Bracket, at);
                self.next = Next::Separator;
                return;
            }
            if self.follows_oddly() && self.closes_what_is_left(0, self.at) {
                // One too many: what follows belongs in here, and all that is open is closed later.
                self.note(RepairKind::Bracket, at);
                self.next = Next::Separator;
                return;
            }
            if self.stack.len() == 1 && self.goes_on() {
                self.note(RepairKind::Bracket, at);
                self.next = Next::Separator;
                return;
            }
            if !matches!(c, '}' | ']') && !matches!(self.stack.last(), Some(Frame::List { mark: '(', .. })) {
                self.note(RepairKind::Bracket, at);
            }
            self.pop();
            return;
        }
        self.note(RepairKind::Bracket, at);
        let enclosing = self.stack.iter().rev().position(|f| Self::fits(Some(f), c));
        let behind = self.at;
        let (none, one) = (self.closes_what_is_left(0, behind), self.closes_what_is_left(1, behind));
        let crossed = enclosing.map(|depth| (depth + 1, self.closes_what_is_left(depth + 1, behind)));
        match crossed {
            // It closes nothing, and all that is open is closed later.
            _ if none && !one => self.next = Next::Separator,
            // It would end everything although more follows: it stands for another bracket.
            Some((count, false)) if count == self.stack.len() && self.more_follows() => self.pop(),
            // Brackets were left out before this one.
            Some((count, exact)) if exact || !(one || none) => (0..count).for_each(|_| self.pop()),
            None if self.stack.len() == 1 && !one && self.more_follows() => self.next = Next::Separator,
            _ => self.pop(),
        }
    }

    /// Whether what follows the bracket at hand would be out of place once it has closed what is open.
    fn follows_oddly(&mut self) -> bool {
        let Some(parent) = self.parent_is_object() else { return false };
        let (at, next) = self.next_from(self.at);
        let Some(mark) = next.filter(|c| comma(*c)) else { return false };
        let (then_at, then) = self.next_from(at + mark.len_utf8());
        if !then.is_some_and(|c| quote(c) || opens(c) || c.is_ascii_digit()) {
            return false;
        }
        let key = self.key_like(then_at) || self.unclosed_key_at(then_at);
        if key == parent {
            return false;
        }
        match self.stack.last() {
            // The next object's opening brace is missing, not this closing one too many.
            Some(Frame::Object { map, .. }) => {
                let rest = self.tail(then_at + then.map_or(0, char::len_utf8));
                key && !map.keys().any(|name| rest.starts_with(name.as_str()))
            }
            _ => !key,
        }
    }

    /// Whether a comma and another pair or item follow.
    fn more_follows(&mut self) -> bool {
        let (at, next) = self.next_from(self.at);
        if !next.is_some_and(comma) {
            return false;
        }
        let (_, then) = self.next_from(at + next.map_or(0, char::len_utf8));
        then.is_some_and(|c| quote(c) || opens(c) || c.is_ascii_digit())
    }

    /// After the bracket that would end the whole: does it go on with another pair or item?
    fn goes_on(&mut self) -> bool {
        let (at, next) = self.next_from(self.at);
        let Some(c) = next else { return false };
        let separated = comma(c);
        let (then_at, then) = if separated { self.next_from(at + c.len_utf8()) } else { (at, next) };
        if self.in_object() {
            if !(then.is_some_and(quote) && self.key_like(then_at)) {
                return false;
            }
            return separated || self.closes_what_is_left(0, at);
        }
        separated
            && then.is_some_and(|t| quote(t) || opens(t) || t.is_ascii_digit())
            && self.closes_what_is_left(0, then_at)
    }

    /// Whether the brackets from there on close just what is open, once this many of it are closed.
    fn closes_what_is_left(&mut self, closed: usize, from: usize) -> bool {
        let balance = self.balance.get_or_insert_with(|| Balance::new(self.text, self.begin));
        let (count, after) = balance.after(from);
        let open = self.stack.iter().rev().skip(closed);
        self.steps += 8;
        open.len() == count && open.zip(after).all(|(frame, c)| Self::fits(Some(frame), c))
    }

    fn skip_space(&mut self) {
        loop {
            let (at, c) = self.next_from(self.at);
            self.at = at;
            if c.is_none() || !self.comment_at(at) {
                return;
            }
            if c == Some('#') && self.next == Next::Value && self.in_object() && !self.remark_at(at) {
                return;
            }
            if c == Some('/') && self.next == Next::Value && self.unopened(at).is_some() {
                return;
            }
            let rest = self.tail(at);
            let length = if rest.starts_with("/*") {
                rest.find("*/").map(|end| end + 2)
            } else if rest.starts_with("<!--") {
                rest.find("-->").map(|end| end + 3)
            } else {
                rest.find('\n')
            }
            .unwrap_or(rest.len());
            self.steps += length as u64;
            self.note(RepairKind::Comment, at);
            self.at += length;
        }
    }

    /// A `#` where a value should stand: a remark has a space after it, a colour or a tag has not.
    fn remark_at(&self, at: usize) -> bool {
        !self.char_at(at + 1).is_some_and(char::is_alphanumeric)
    }

    pub(super) fn comment_at(&self, at: usize) -> bool {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        matches!(rest, [b'/', b'/' | b'*', ..] | [b'#', ..] | [b'<', b'!', b'-', b'-', ..])
    }

    pub(super) fn ellipsis_at(&self, at: usize) -> bool {
        let rest = self.tail(at);
        rest.starts_with("...") || rest.starts_with('…')
    }

    fn skip_ellipsis(&mut self) {
        let at = self.at;
        let rest = self.tail(at);
        let mut length = rest.find(|c| c != '.' && c != '…').unwrap_or(rest.len());
        let after = rest.get(length..).unwrap_or("");
        let ends =
            |c: char| comma(c) || (closes(c) && !closes_round(c)) || opens_object(c) || c == '\n' || any_quote(c);
        length += after.find(ends).unwrap_or(after.len());
        self.steps += length as u64;
        self.at += length;
        self.note(RepairKind::Ellipsis, at);
    }

    /// A fence where only structure can stand: the text ends here.
    pub(super) fn fence_at(&self, at: usize) -> bool {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        rest.starts_with(b"```") || rest.starts_with(b"~~~")
    }
}
