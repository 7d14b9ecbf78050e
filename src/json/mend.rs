//! Reads broken JSON as what it means: one pass, a stack of its own, and a decision at each mark that is out of place.

use serde_json::{Map, Value};

use super::MAX_DEPTH;
use super::chars::{any_quote, closes, closes_object, colon, comma, opens, opens_list, opens_object, quote, space};
use super::scalar;
use super::string::Place;
use super::types::{Repair, RepairKind};

/// A value being read.
enum Frame {
    Object {
        map: Map<String, Value>,
        key: Option<(String, usize)>,
    },
    /// `lone`: a call or a parenthesis, whose single item stands for itself.
    List {
        items: Vec<Value>,
        lone: bool,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
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
    /// Keys that stood in quotes.
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

pub(super) struct Mender<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    pub(super) steps: u64,
    pub(super) no_triple: bool,
    repairs: Vec<Repair>,
    stack: Vec<Frame>,
    next: Next,
    after_comma: Option<usize>,
    quoted_keys: usize,
    bare_words: usize,
    root: Option<Value>,
    no_comment_end: bool,
}

impl<'t> Mender<'t> {
    pub(super) const fn new(text: &'t str, at: usize) -> Self {
        Self {
            text,
            at,
            steps: 0,
            no_triple: false,
            repairs: Vec::new(),
            stack: Vec::new(),
            next: Next::Value,
            after_comma: None,
            quoted_keys: 0,
            bare_words: 0,
            root: None,
            no_comment_end: false,
        }
    }

    pub(super) fn note(&mut self, kind: RepairKind, at: usize) {
        self.repairs.push(Repair::new(kind, at));
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    pub(super) const fn depth(&self) -> usize {
        self.stack.len()
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// Reads the object or list whose bracket is at the cursor; `braceless`: an object's pairs without their braces.
    pub(super) fn read(&mut self, braceless: bool) -> Result<Mended, Fault> {
        if braceless {
            self.note(RepairKind::Bracket, self.at);
            self.stack.push(Frame::Object { map: Map::new(), key: None });
            self.next = Next::Key;
        }
        let mut complete = true;
        while self.root.is_none() {
            self.steps += 1;
            self.skip_space();
            let Some(c) = self.peek().filter(|_| !self.fence_at(self.at)) else {
                complete = self.stop(braceless);
                break;
            };
            match self.next {
                Next::Key => self.at_key(c)?,
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
    fn stop(&mut self, braceless: bool) -> bool {
        let whole = braceless && self.stack.len() == 1 && matches!(self.next, Next::Key | Next::Separator);
        let told = self.repairs.iter().any(|r| r.kind == RepairKind::CutOff);
        if !whole && !told {
            let kind = if self.at >= self.text.len() { RepairKind::CutOff } else { RepairKind::Bracket };
            self.note(kind, self.at);
        }
        while !self.stack.is_empty() {
            self.pop();
        }
        whole
    }

    fn at_key(&mut self, c: char) -> Result<(), Fault> {
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
            let key = self.string(Place::Key);
            self.quoted_keys += 1;
            self.key(key, at);
        } else if opens(c) {
            let in_list = matches!(self.stack.iter().nth_back(1), Some(Frame::List { .. }));
            self.note(RepairKind::Bracket, at);
            if in_list {
                self.pop();
                self.next = Next::Value;
            } else {
                self.at += c.len_utf8();
            }
        } else if colon(c) {
            self.note(RepairKind::Stray, at);
            self.at += c.len_utf8();
        } else {
            self.bare_key(at);
        }
        Ok(())
    }

    fn bare_key(&mut self, at: usize) {
        let rest = self.rest();
        let stops = |c: char| colon(c) || comma(c) || closes(c) || opens(c) || any_quote(c) || c == '\n';
        let end = rest.find(stops).unwrap_or(rest.len());
        self.steps += end as u64;
        let word = rest.get(..end).unwrap_or("").trim();
        self.at += end;
        if word.is_empty() {
            self.note(RepairKind::Stray, at);
            self.at += self.peek().map_or(0, char::len_utf8);
            return;
        }
        let word = word.to_owned();
        if let Some(c) = self.peek().filter(|c| any_quote(*c)) {
            let (_, next) = self.next_from(self.at + c.len_utf8());
            if next.is_some_and(colon) {
                self.note(RepairKind::Quote, self.at);
                self.at += c.len_utf8();
            }
        }
        self.note(RepairKind::BareKey, at);
        self.key(Some(word), at);
    }

    fn key(&mut self, name: Option<String>, at: usize) {
        self.after_comma = None;
        self.next = Next::Colon;
        if let (Some(Frame::Object { key, .. }), Some(name)) = (self.stack.last_mut(), name) {
            *key = Some((name, at));
        }
    }

    fn at_colon(&mut self, c: char) {
        let at = self.at;
        if colon(c) {
            self.at += c.len_utf8();
            let arrow = c == '=' && self.rest().starts_with('>');
            let doubled = c == ':' && self.rest().starts_with('=');
            self.at += usize::from(arrow || doubled);
            if c != ':' || doubled {
                self.note(RepairKind::Colon, at);
            }
            self.next = Next::Value;
        } else if comma(c) || closes(c) {
            let Some(Frame::Object { map, key }) = self.stack.last_mut() else { return };
            let name = key.take().map(|(name, _)| name);
            if map.is_empty()
                && let Some(name) = name
            {
                // Items without values in braces: a set.
                let (item, _) = scalar::read(&name, false);
                let item = if self.quoted_keys > 0 { Value::String(name) } else { item };
                self.bare_words += usize::from(self.quoted_keys == 0 && item.is_string());
                self.quoted_keys = self.quoted_keys.saturating_sub(1);
                self.stack.pop();
                self.stack.push(Frame::List { items: vec![item], lone: false });
                self.note(RepairKind::Bracket, at);
            } else {
                self.note(RepairKind::MissingValue, at);
            }
            self.next = Next::Separator;
        } else if opens(c) || quote(c) || c.is_alphanumeric() || c == '-' {
            self.note(RepairKind::Colon, at);
            self.next = Next::Value;
        } else {
            self.note(RepairKind::Stray, at);
            self.at += c.len_utf8();
        }
    }

    fn at_value(&mut self, c: char) -> Result<(), Fault> {
        let at = self.at;
        let in_object = matches!(self.stack.last(), Some(Frame::Object { .. }));
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
            } else {
                self.note(RepairKind::Comma, at);
                self.at += c.len_utf8();
            }
        } else if self.ellipsis_at(at) {
            self.skip_ellipsis();
            if in_object {
                self.put(Value::Null);
            }
        } else if colon(c) {
            self.note(RepairKind::Colon, at);
            self.at += c.len_utf8();
        } else if quote(c) {
            self.after_comma = None;
            let place = if in_object { Place::InObject } else { Place::InList };
            let mut text = self.string(place).unwrap_or_default();
            loop {
                self.skip_space();
                let plus = self.at;
                if self.peek() != Some('+') {
                    break;
                }
                let (then, next) = self.next_from(plus + 1);
                if !next.is_some_and(quote) {
                    break;
                }
                self.note(RepairKind::Stray, plus);
                self.at = then;
                text.push_str(&self.string(place).unwrap_or_default());
            }
            self.put(Value::String(text));
        } else {
            self.after_comma = None;
            self.bare(in_object)?;
        }
        Ok(())
    }

    fn at_separator(&mut self, c: char) {
        let at = self.at;
        let in_object = matches!(self.stack.last(), Some(Frame::Object { .. }));
        let item = if in_object { Next::Key } else { Next::Value };
        if comma(c) {
            self.at += c.len_utf8();
            if c != ',' {
                self.note(RepairKind::Comma, at);
            }
            self.after_comma = Some(at);
            self.next = item;
        } else if closes(c) {
            self.close(c);
        } else if colon(c) && !in_object {
            self.note(RepairKind::Bracket, at);
            self.key_in_list(at);
        } else if in_object && (any_quote(c) || matches!(c, '*' | '\\' | '|' | '+')) && !self.key_like(at) {
            self.note(RepairKind::Stray, at);
            self.at += c.len_utf8();
        } else {
            self.note(RepairKind::Comma, at);
            self.next = item;
        }
    }

    /// A colon after an item: the list's bracket is missing, or the item's braces are.
    fn key_in_list(&mut self, at: usize) {
        let in_object = matches!(self.stack.iter().nth_back(1), Some(Frame::Object { .. }));
        let Some(Frame::List { items, .. }) = self.stack.last_mut() else { return };
        let Some(Value::String(name)) = items.last().cloned() else {
            self.note(RepairKind::Stray, at);
            self.at += 1;
            while !self.text.is_char_boundary(self.at) {
                self.at += 1;
            }
            return;
        };
        items.pop();
        let alone = items.is_empty();
        self.quoted_keys += 1;
        if in_object && !alone {
            self.pop();
        } else {
            if alone {
                self.stack.pop();
            }
            self.stack.push(Frame::Object { map: Map::new(), key: None });
        }
        self.key(Some(name), at);
    }

    fn open(&mut self, c: char, lone: bool) {
        let at = self.at;
        self.at += c.len_utf8();
        if opens_object(c) {
            self.stack.push(Frame::Object { map: Map::new(), key: None });
            self.next = Next::Key;
        } else {
            let lone = lone || c == '(' || c == '\u{ff08}';
            self.stack.push(Frame::List { items: Vec::new(), lone });
            self.next = Next::Value;
        }
        if c != '{' && c != '[' {
            self.note(RepairKind::Bracket, at);
        }
    }

    fn fits(frame: Option<&Frame>, c: char) -> bool {
        match frame {
            Some(Frame::Object { .. }) => closes_object(c),
            Some(Frame::List { .. }) => !closes_object(c),
            None => false,
        }
    }

    /// A closing bracket: of the value at hand, of one around it, or mistaken.
    fn close(&mut self, c: char) {
        let at = self.at;
        self.at += c.len_utf8();
        if !matches!(c, '}' | ']') && !matches!(self.stack.last(), Some(Frame::List { lone: true, .. })) {
            self.note(RepairKind::Bracket, at);
        }
        if Self::fits(self.stack.last(), c) {
            if self.stack.len() == 1 && self.goes_on() {
                self.note(RepairKind::Bracket, at);
                self.next = Next::Separator;
                return;
            }
            self.pop();
            return;
        }
        self.note(RepairKind::Bracket, at);
        let behind = self.at;
        let (next_at, next) = self.next_from(behind);
        let parent = self.stack.iter().nth_back(1);
        let parent_is_object = matches!(parent, Some(Frame::Object { .. }));
        let mistaken = match (parent, next) {
            (None, _) => true,
            (Some(_), Some(n)) if closes(n) => Self::fits(parent, n) && Self::fits(parent, c),
            (Some(_), Some(n)) if comma(n) => self.key_like(next_at + n.len_utf8()) == parent_is_object,
            _ => false,
        };
        self.pop();
        if mistaken {
            return;
        }
        // Crossed: what was left open ends here too, up to the one that this bracket closes.
        if self.stack.iter().any(|f| Self::fits(Some(f), c)) {
            while let Some(top) = self.stack.last() {
                let done = Self::fits(Some(top), c);
                self.pop();
                if done {
                    break;
                }
            }
        }
    }

    /// After the last bracket: does the object go on with another pair?
    fn goes_on(&mut self) -> bool {
        if !matches!(self.stack.last(), Some(Frame::Object { .. })) {
            return false;
        }
        let (at, next) = self.next_from(self.at);
        if next != Some(',') {
            return false;
        }
        let (at, next) = self.next_from(at + 1);
        next.is_some_and(quote) && self.key_like(at)
    }

    fn pop(&mut self) {
        match self.stack.pop() {
            Some(Frame::Object { map, .. }) => self.put(Value::Object(map)),
            Some(Frame::List { mut items, lone }) => {
                let one = if lone && items.len() == 1 { items.pop() } else { None };
                self.put(one.unwrap_or(Value::Array(items)));
            }
            None => {}
        }
    }

    fn put(&mut self, value: Value) {
        self.next = Next::Separator;
        let mut twice = None;
        match self.stack.last_mut() {
            Some(Frame::Object { map, key }) => {
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

    /// A value without quotes: a literal, a number, a call, or bare words.
    fn bare(&mut self, in_object: bool) -> Result<(), Fault> {
        let start = self.at;
        let mut nested = 0_usize;
        let mut before = ' ';
        while let Some(c) = self.peek() {
            self.steps += 1;
            let word = self.text.get(start..self.at).unwrap_or("");
            if c == '\n' || (c == '`' && self.fence_at(self.at)) {
                break;
            }
            if closes(c) {
                if nested == 0 {
                    break;
                }
                nested -= 1;
            } else if opens(c) {
                let name = !word.is_empty()
                    && word.len() < 40
                    && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ' '));
                if c == '(' && name && (before != ' ' && !word.trim_start_matches("new ").contains(' ')) {
                    if self.stack.len() >= MAX_DEPTH {
                        return Err(Fault::Deep(self.at));
                    }
                    self.note(RepairKind::Stray, start);
                    self.open(c, true);
                    return Ok(());
                }
                if scalar::whole(word.trim()) && !opens_list(c) {
                    break;
                }
                nested += 1;
            } else if comma(c) && nested == 0 {
                if !in_object {
                    break;
                }
                let behind = self.at + c.len_utf8();
                let (then_at, then) = self.next_from(behind);
                let line_ends = self.text.get(behind..then_at).is_some_and(|t| t.contains('\n'));
                if line_ends
                    || then.is_none_or(|t| closes(t) || quote(t) || comma(t))
                    || self.key_like(then_at)
                    || self.comment_at(then_at)
                    || self.ellipsis_at(then_at)
                {
                    break;
                }
                let digits = before.is_numeric() && then_at == behind && then.is_some_and(char::is_numeric);
                if !digits && scalar::whole(word.trim()) {
                    break;
                }
            } else if quote(c) && nested == 0 {
                if matches!(word, "u" | "b" | "r" | "f" | "U" | "R" | "F" | "B" | "rb" | "br") {
                    self.note(RepairKind::Stray, start);
                    return Ok(());
                }
                if (in_object && self.key_like(self.at)) || scalar::whole(word.trim()) {
                    break;
                }
            } else if !in_object && colon(c) && nested == 0 {
                let (then_at, then) = self.next_from(self.at + c.len_utf8());
                if then_at > self.at + c.len_utf8() || then.is_some_and(quote) {
                    break;
                }
            } else if space(before)
                && (self.comment_at(self.at) || (self.at > start && self.next_item(word, c, in_object)))
            {
                break;
            }
            before = c;
            self.at += c.len_utf8();
        }
        let mut word = self.text.get(start..self.at).unwrap_or("").trim();
        let cut = self.at >= self.text.len();
        if word.is_empty() {
            self.note(RepairKind::Stray, start);
            self.at += self.peek().map_or(0, char::len_utf8);
            return Ok(());
        }
        if word.ends_with(any_quote) && word.matches(any_quote).count() == 1 {
            word = word.trim_end_matches(any_quote);
            self.note(RepairKind::Quote, start);
            self.put(Value::String(word.to_owned()));
            return Ok(());
        }
        if cut {
            let kept = word.trim_end_matches(['-', '+', '.', 'e', 'E']);
            if kept.is_empty() {
                self.note(RepairKind::CutOff, start);
                return Ok(());
            }
            if scalar::whole(kept) {
                word = kept;
            }
        }
        let (value, repair) = scalar::read(word, cut);
        if let Some(kind) = repair {
            self.bare_words += usize::from(kind == RepairKind::BareString);
            self.note(kind, start);
        }
        self.put(value);
        Ok(())
    }

    /// After a whole word and white space: does the next pair or item stand here?
    fn next_item(&mut self, word: &str, c: char, in_object: bool) -> bool {
        scalar::whole(word.trim()) && (c.is_numeric() || c == '-' || (in_object && self.key_like(self.at)))
    }

    fn skip_space(&mut self) {
        loop {
            let (at, c) = self.next_from(self.at);
            self.at = at;
            if c.is_none() || !self.comment_at(at) {
                return;
            }
            let rest = self.rest();
            let length = if rest.starts_with("/*") {
                rest.find("*/").map(|end| end + 2)
            } else if rest.starts_with("<!--") {
                rest.find("-->").map(|end| end + 3)
            } else {
                Some(rest.find('\n').unwrap_or(rest.len()))
            };
            self.no_comment_end |= length.is_none();
            let length = length.unwrap_or(rest.len());
            self.steps += length as u64;
            self.note(RepairKind::Comment, at);
            self.at += length;
        }
    }

    pub(super) fn comment_at(&self, at: usize) -> bool {
        let rest = self.text.get(at..).unwrap_or("");
        ["//", "/*", "#", "<!--"].iter().any(|mark| rest.starts_with(mark))
    }

    pub(super) fn ellipsis_at(&self, at: usize) -> bool {
        let rest = self.text.get(at..).unwrap_or("");
        rest.starts_with("...") || rest.starts_with('…')
    }

    fn skip_ellipsis(&mut self) {
        let at = self.at;
        let rest = self.rest();
        let mut length = rest.find(|c| c != '.' && c != '…').unwrap_or(rest.len());
        let after = rest.get(length..).unwrap_or("");
        length += after.find(|c| comma(c) || closes(c) || opens(c) || c == '\n' || any_quote(c)).unwrap_or(after.len());
        self.steps += length as u64;
        self.at += length;
        self.note(RepairKind::Ellipsis, at);
    }

    /// A fence where only structure can stand: the text ends here.
    pub(super) fn fence_at(&self, at: usize) -> bool {
        let rest = self.text.get(at..).unwrap_or("");
        rest.starts_with("```") || rest.starts_with("~~~")
    }
}
