//! Brackets: what each opens and closes, when they are of the wrong kind, too many or too few.

use serde_json::{Map, Value};

use super::balance::Balance;
use super::chars::{closes_object, closes_round, comma, opens, opens_object, opens_round, quote};
use super::mend::{Frame, Mender, Next};
use super::strict::MOST_ROOM;
use super::types::RepairKind;

impl Mender<'_, '_> {
    /// A bracket where a key should stand.
    pub(super) fn bracket_for_key(&mut self, c: char) {
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

    /// A colon after an item: the list's bracket is missing, or the item's braces are.
    pub(super) fn key_in_list(&mut self, at: usize, mark: char) {
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

    pub(super) fn pop(&mut self) {
        match self.stack.pop() {
            Some(Frame::Object { map, .. }) => {
                self.last_length = map.len().min(MOST_ROOM);
                self.put(Value::Object(map));
            }
            Some(Frame::List { mut items, mark, call, commas, .. }) => {
                let alone = items.len() == 1 && (call || (mark == '(' && commas == 0));
                let one = if alone { items.pop() } else { None };
                self.put(one.unwrap_or(Value::Array(items)));
            }
            None => {}
        }
    }

    pub(super) fn fits(frame: Option<&Frame<'_>>, c: char) -> bool {
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
    pub(super) fn close(&mut self, c: char) {
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
            self.pass_comma();
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
            Some((count, exact))
                if count == self.stack.len() && self.more_follows() && (!exact || self.root_goes_on()) =>
            {
                self.pop();
            }
            // Brackets were left out before this one.
            Some((count, exact)) if exact || !(one || none) => (0..count).for_each(|_| self.pop()),
            None if self.stack.len() == 1 && !one && self.more_follows() => self.next = Next::Separator,
            _ => self.pop(),
        }
    }

    /// Whether what follows the bracket at hand would be out of place once it has closed what is open.
    pub(super) fn follows_oddly(&mut self) -> bool {
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
    pub(super) fn more_follows(&mut self) -> bool {
        let (at, next) = self.next_from(self.at);
        if !next.is_some_and(comma) {
            return false;
        }
        let (_, then) = self.next_from(at + next.map_or(0, char::len_utf8));
        then.is_some_and(|c| quote(c) || opens(c) || c.is_ascii_digit())
    }

    /// Whether what follows a comma belongs in the outermost value: a key in an object, a text or bracket in a list.
    fn root_goes_on(&mut self) -> bool {
        let (at, next) = self.next_from(self.at);
        let (then_at, then) = self.next_from(at + next.map_or(0, char::len_utf8));
        match self.stack.first() {
            Some(Frame::Object { .. }) => then.is_some_and(quote) && self.key_like(then_at),
            _ => then.is_some_and(|t| quote(t) || opens(t)),
        }
    }

    /// After the bracket that would end the whole: does it go on with another pair or item?
    pub(super) fn goes_on(&mut self) -> bool {
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
    pub(super) fn closes_what_is_left(&mut self, closed: usize, from: usize) -> bool {
        let (count, after) = Self::balance(&mut self.balance, &mut self.steps, self.text, self.begin).after(from);
        let open = self.stack.iter().rev().skip(closed);
        self.steps += 8;
        open.len() == count && open.zip(after).all(|(frame, c)| Self::fits(Some(frame), c))
    }

    fn balance<'b>(balance: &'b mut Option<Balance>, steps: &mut u64, text: &str, begin: usize) -> &'b Balance {
        balance.get_or_insert_with(|| {
            // Matching brackets costs several times what reading does.
            *steps += 4 * (text.len() - begin) as u64;
            Balance::new(text, begin)
        })
    }

    /// A colon behind the text of a pair, `"user": "name": "Aoi"}`: the rest closes one brace more than is open, so that
    /// an object's opening brace was left out before the text.
    pub(super) fn brace_left_out(&mut self, at: usize, mark: char) -> bool {
        let (value_at, value) = self.next_from(at + mark.len_utf8());
        if !(value.is_some_and(|v| quote(v) || opens(v) || v.is_ascii_digit() || v == '-')
            || self.word_literal(value_at))
        {
            return false;
        }
        let (count, mut after) = Self::balance(&mut self.balance, &mut self.steps, self.text, self.begin).after(at);
        self.steps += 8;
        count == self.stack.len() + 1
            && after.next().is_some_and(closes_object)
            && self.stack.iter().rev().zip(after).all(|(frame, c)| Self::fits(Some(frame), c))
    }

    /// The text just read is the first key of an object whose opening brace was left out.
    pub(super) fn key_as_value(&mut self, at: usize) -> bool {
        let Some(Frame::Object { map, key, .. }) = self.stack.last_mut() else { return false };
        let Some((outer, Value::String(inner))) = map.iter().next_back() else { return false };
        let (outer, inner) = (outer.clone(), inner.clone());
        map.shift_remove(&outer);
        *key = Some((outer, at));
        let wanted = self.wanted_here();
        self.note(RepairKind::Bracket, at);
        self.stack.push(Frame::Object { map: Map::new(), key: None, extra: 0, loose: false, wanted });
        self.quoted_keys += 1;
        self.key(inner, at);
        true
    }
}
