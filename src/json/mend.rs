//! Reads broken JSON as what it means: one pass, a stack of its own, and a decision at each mark that is out of place.
//!
//! A decision looks at what follows, never far: a key's length, a run of white space (remembered, so that it is
//! crossed once), or the brackets of the rest, which are matched once. So the pass stays linear.

use serde_json::{Map, Value};

use super::MAX_DEPTH;
use super::balance::Balance;
use super::chars::{any_quote, closes, colon, colon_like, comma, line_from, opens, opens_round, ornament, quote};
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
    /// How much of the string in which the text ended is sure to be of it.
    pub doubt: Option<usize>,
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
    /// Bare words are texts.
    pub words: bool,
    /// The text may go on: what stands in a parenthesis that is open is not said yet.
    pub streaming: bool,
}

/// Steps that a reading may take for each byte: of a text that is made to cost more, only what was read so far counts.
const FUEL: u64 = 256;

pub(super) struct Mender<'t, 's> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    pub(super) steps: u64,
    pub(super) setting: Setting<'s>,
    /// No triple quote of this kind (double, single) follows.
    pub(super) no_triple: [bool; 2],
    /// Texts that this quote opens are not all closed: the next one is not looked through to the end.
    pub(super) unclosed: Option<char>,
    pub(super) stack: Vec<Frame<'s>>,
    pub(super) next: Next,
    pub(super) bare_keys: usize,
    pub(super) bare_words: usize,
    pub(super) quoted_keys: usize,
    pub(super) repairs: Vec<Repair>,
    pub(super) after_comma: Option<usize>,
    pub(super) root: Option<Value>,
    /// Pairs of the object read last: those of a list are alike, so the next one gets as much room at once.
    pub(super) last_length: usize,
    /// The run of white space crossed last.
    pub(super) run: (usize, usize),
    pub(super) begin: usize,
    pub(super) balance: Option<Balance>,
    /// The text ends here although characters follow.
    pub(super) stopped: bool,
    /// From here on the string in which the text ended may turn out to have ended.
    pub(super) doubt: Option<usize>,
}

impl<'t, 's> Mender<'t, 's> {
    pub(super) fn new(text: &'t str, at: usize, setting: Setting<'s>) -> Self {
        Self {
            text,
            at,
            steps: 0,
            setting,
            no_triple: [false; 2],
            unclosed: None,
            stack: Vec::new(),
            next: Next::Value,
            bare_keys: 0,
            bare_words: 0,
            quoted_keys: 0,
            repairs: Vec::new(),
            after_comma: None,
            root: None,
            last_length: 0,
            run: (0, 0),
            begin: at,
            balance: None,
            stopped: false,
            doubt: None,
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
        let fuel = FUEL * (self.text.len() - self.at.min(self.text.len())) as u64 + 100_000;
        while self.root.is_none() {
            self.steps += 1;
            let next = self.skip_space();
            self.stopped |= self.steps > fuel;
            let over = |c: &char| self.stopped || matches!(c, '`' | '~') && self.fence_at(self.at);
            let Some(c) = next.filter(|c| !over(c)) else {
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
        crate::order::sort_by_key(&mut repairs, |r| r.at);
        Ok(Mended {
            value,
            end: self.at,
            repairs,
            complete,
            quoted_keys: self.quoted_keys,
            bare_words: self.bare_words,
            doubt: self.doubt,
        })
    }

    /// The text ended (or its fence closed) inside the value: all that was whole is kept.
    pub(super) fn stop(&mut self) -> bool {
        let whole = self.setting.braceless
            && self.stack.len() == 1
            && (self.next == Next::Separator || (self.next == Next::Key && self.after_comma.is_some()));
        if !whole && self.repairs.last().is_none_or(|r| r.kind != RepairKind::CutOff) {
            let kind = if self.at >= self.text.len() { RepairKind::CutOff } else { RepairKind::Bracket };
            self.note(kind, self.at);
        }
        while let Some(frame) = self.stack.last_mut() {
            if let Frame::List { items, mark: '(', call: false, .. } = frame
                && self.setting.streaming
            {
                *items = vec![Value::Null];
            }
            self.pop();
        }
        whole
    }

    pub(super) fn at_value(&mut self, c: char) -> Result<(), Fault> {
        let at = self.at;
        let in_object = self.in_object();
        if c == '"' {
            self.after_comma = None;
            self.quoted_value(in_object);
        } else if c.is_ascii_alphabetic() || (c.is_ascii_digit() && (in_object || self.bullet_at(at).is_none())) {
            self.after_comma = None;
            self.bare(in_object)?;
        } else if let Some(length) = self.omission_at(at).filter(|_| !in_object) {
            self.note(RepairKind::Ellipsis, at);
            self.at += length;
        } else if opens(c) {
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
        } else if c == '\\' && self.char_at(at + 1).is_some_and(|n| quote(n) || matches!(n, '[' | '{')) {
            self.note(RepairKind::Escape, at);
            self.at += 1;
        } else if let Some(length) = self.bullet_at(at).filter(|_| !in_object) {
            self.note(RepairKind::Stray, at);
            self.at += length;
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
    pub(super) fn never_closed(&mut self, behind: usize) -> bool {
        let empty = matches!(self.stack.last(), Some(Frame::List { items, .. }) if items.is_empty());
        empty && self.parent_is_object() == Some(true) && {
            let (at, c) = self.next_from(behind);
            c == Some('"') && self.quoted_key_at(at)
        }
    }

    /// Whether the quote opens a quotation inside a text whose own opening quote is missing: `「返品」の件",`.
    pub(super) fn opens_a_quotation(&mut self, at: usize, c: char) -> bool {
        let close = match c {
            '「' => '」',
            '『' => '』',
            '“' => '”',
            '«' => '»',
            _ => return false,
        };
        self.unopened(at).is_some_and(|end| self.text.get(at..end).is_some_and(|t| t.contains(close)))
            || self.begins_a_sentence(at, c, close)
    }

    /// `「赤」に交換, `: a quotation at the beginning of words without quotes.
    fn begins_a_sentence(&mut self, at: usize, open: char, close: char) -> bool {
        if !matches!(open, '「' | '『') {
            return false;
        }
        let line = line_from(self.tail(at));
        self.steps += line.len() as u64;
        let mut depth = 0_usize;
        let end = line.char_indices().find_map(|(i, c)| {
            depth = depth + usize::from(c == open) - usize::from(c == close && depth > 0);
            (depth == 0).then_some(i + c.len_utf8())
        });
        let Some(rest) = end.and_then(|end| line.get(end..)) else { return false };
        let words = rest.split(|c: char| comma(c) || closes(c)).next().unwrap_or("");
        rest.starts_with(char::is_alphanumeric) && !words.contains(|c: char| any_quote(c) || colon(c))
    }

    /// A string, with those that are joined to it.
    pub(super) fn quoted_value(&mut self, in_object: bool) {
        let place = if in_object { Place::InObject } else { Place::InList };
        let mut text = self.string(place).unwrap_or_default();
        loop {
            let behind = self.at;
            let (mark_at, mark) = self.next_from(behind);
            let joined = match mark {
                Some('+') => self.joined_by_plus(mark_at),
                // Python joins strings that follow each other.
                Some('"' | '\'')
                    if mark_at > behind
                        && (self.in_python_parenthesis() || (in_object && !self.quoted_key_at(mark_at))) =>
                {
                    Some(mark_at)
                }
                _ => None,
            };
            let Some(then) = joined else { break };
            self.note(RepairKind::Stray, mark_at);
            self.at = then;
            text.push_str(&self.string(place).unwrap_or_default());
        }
        self.put(Value::String(text));
        self.pass_comma();
    }

    pub(super) fn in_python_parenthesis(&self) -> bool {
        matches!(self.stack.last(), Some(Frame::List { mark: '(', commas: 0, items, .. }) if items.is_empty())
    }

    pub(super) fn at_separator(&mut self, c: char) {
        let at = self.at;
        let in_object = self.in_object();
        let item = if in_object { Next::Key } else { Next::Value };
        if comma(c) || (matches!(c, '.' | '。') && self.ends_line(at + c.len_utf8())) {
            if c != ',' {
                self.note(RepairKind::Comma, at);
            }
            self.pass_separator(c.len_utf8());
        } else if closes(c) {
            self.close(c);
        } else if self.ellipsis_at(at) {
            self.skip_ellipsis();
            self.next = item;
        } else if colon_like(c) && !in_object {
            self.note(RepairKind::Bracket, at);
            self.key_in_list(at, c);
        } else if colon(c) && self.brace_left_out(at, c) && self.key_as_value(at) {
        } else if (opens_round(c) && !self.tail(at).starts_with("((")) || c == '<' {
            self.skip_remark();
        } else if c == '\\' && self.char_at(at + 1).is_some_and(|n| quote(n) || matches!(n, ']' | '}')) {
            self.note(RepairKind::Escape, at);
            self.at += 1;
        } else if (any_quote(c) && in_object && !self.key_like(at)) || ornament(c) || (colon_like(c) && in_object) {
            self.note(RepairKind::Stray, at);
            self.at += c.len_utf8();
        } else if let Some(length) = self.joint_at(at).filter(|_| !in_object) {
            self.note(RepairKind::Comma, at);
            self.at += length;
            self.next = item;
        } else if !in_object && self.prose_at(at, c) {
            self.stopped = true;
        } else {
            self.note(RepairKind::Comma, at);
            self.next = item;
        }
    }

    /// A comma that touches what was just put is passed at once.
    #[inline]
    pub(super) fn pass_comma(&mut self) {
        if self.next == Next::Separator && self.root.is_none() && self.text.as_bytes().get(self.at) == Some(&b',') {
            self.steps += 1;
            self.pass_separator(1);
        }
    }

    fn pass_separator(&mut self, length: usize) {
        self.after_comma = Some(self.at);
        self.at += length;
        self.next = match self.stack.last_mut() {
            Some(Frame::List { commas, .. }) => {
                *commas += 1;
                Next::Value
            }
            Some(Frame::Object { .. }) => Next::Key,
            None => Next::Value,
        };
    }

    pub(super) fn put(&mut self, value: Value) {
        self.next = Next::Separator;
        let mut twice = None;
        match self.stack.last_mut() {
            Some(Frame::Object { map, key, loose, .. }) => {
                *loose = false;
                if let Some((name, at)) = key.take() {
                    if map.is_empty() && self.last_length > 1 {
                        *map = Map::with_capacity(self.last_length);
                    }
                    if map.insert(name, value).is_some() {
                        twice = Some(at);
                    }
                }
            }
            Some(Frame::List { items, .. }) => items.push(value),
            None => self.root = Some(value),
        }
        if let Some(at) = twice {
            self.note(RepairKind::DuplicateKey, at);
        }
    }
}
