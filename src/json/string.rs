//! Strings: where one ends when its quotes cannot be trusted is decided by what follows.
//!
//! A quote ends its string when what follows is what JSON has after a string: a comma and then the next key or item, a
//! bracket that closes something, the end. Otherwise it is a quote of the text. Two things more are weighed: whether
//! a quote of the text is still open (then a quote more likely closes that one), and whether a quote begins the next
//! key, so that the string should have ended before it.

use super::chars::{closers, closes, colon, colon_like, comma, opens, quote, space};
use super::mend::{Frame, Mender};
use super::plain::next_mark;
use super::types::RepairKind;

/// Where a string stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Key,
    InObject,
    InList,
}

/// A key longer than this is not looked for when deciding where a string ends: the work stays linear.
pub(super) const KEY_REACH: usize = 64;

/// What was seen of the string so far.
pub(super) struct Seen {
    pub(super) open: char,
    pub(super) opened_at: usize,
    /// The opening quote was itself escaped.
    pub(super) escaped: bool,
    /// The opening quote stood twice.
    pub(super) doubled: bool,
    pub(super) out: String,
    /// From here on the text is not yet in `out`.
    pub(super) from: usize,
    /// Quotes of the text.
    pub(super) inner: usize,
    /// Escaped quotes of the text.
    pub(super) inner_escaped: usize,
    /// Brackets opened and not closed in the text.
    pub(super) brackets: usize,
    /// The text closes a bracket that it did not open.
    pub(super) unmatched: bool,
    /// From here on in `out` the string may turn out to have ended.
    pub(super) doubt: Option<usize>,
    /// Where the text would end if what seems a quotation in it is the next key or item: in `out`, in the text.
    pub(super) instead: Option<(usize, usize)>,
    /// Where the first colon of a key stands: in `out`, in the text.
    pub(super) colon: Option<(usize, usize)>,
}

impl Mender<'_, '_> {
    /// Reads the string whose opening quote is at the cursor. Nothing when the text ends inside a key.
    pub(super) fn string(&mut self, place: Place) -> Option<String> {
        let open = self.peek()?;
        let plain = match open {
            '"' => self.plain_string::<b'"'>(place),
            '\'' => self.plain_string::<b'\''>(place),
            _ => None,
        };
        if plain.is_some() { plain } else { self.marked_string(place, open) }
    }

    /// As `string`, mark by mark.
    fn marked_string(&mut self, place: Place, open: char) -> Option<String> {
        let ends = closers(open)?;
        let opened_at = self.at;
        let escaped = opened_at > 0 && self.text.as_bytes().get(opened_at - 1) == Some(&b'\\');
        if open != '"' {
            self.note(RepairKind::Quote, opened_at);
        }
        self.at += open.len_utf8();
        if let Some(text) = self.triple(open) {
            return Some(text);
        }
        let symmetric = ends.contains(&open);
        let mut seen = Seen {
            open,
            opened_at,
            escaped,
            doubled: self.skip_doubled(open, place),
            out: String::new(),
            from: self.at,
            inner: 0,
            inner_escaped: 0,
            brackets: 0,
            unmatched: false,
            doubt: None,
            instead: None,
            colon: None,
        };
        seen.from = self.at;
        let mut nested = 0_usize;
        loop {
            let stop = |c: char| {
                c == '\\'
                    || c < ' '
                    || c == open
                    || ends.contains(&c)
                    || matches!(c, '{' | '[' | '}' | ']')
                    || (place == Place::Key && (colon(c) || closes_a_key(c)))
            };
            let rest = self.tail(self.at);
            // Most strings by far: nothing but ASCII marks can end them, so their letters need no decoding.
            let found = match (open, place) {
                ('"', Place::Key) => next_mark_in_key(rest, stop),
                ('"', _) => next_mark::<b'"'>(rest.as_bytes()),
                _ => rest.find(stop),
            };
            let Some(found) = found else {
                self.steps += rest.len() as u64;
                self.at = self.text.len();
                return self.unterminated(seen, place);
            };
            self.steps += found as u64 + 1;
            self.at += found;
            let here = self.at;
            let Some(c) = self.peek() else { continue };
            self.at += c.len_utf8();
            if place == Place::Key && seen.colon.is_some_and(|(_, colon_at)| here > colon_at + 4 * KEY_REACH) {
                // So far behind its colon no key ends: its closing quote is missing.
                self.at = here;
                return self.key_until_colon(&mut seen);
            }
            match c {
                '\\' => {
                    if self.char_at(self.at).is_some_and(|q| ends.contains(&q)) {
                        if let Some(end) = self.escaped_end(&mut seen, place, here) {
                            return Some(end);
                        }
                        seen.inner_escaped += 1;
                    }
                    if seen.out.is_empty() {
                        // The text goes on: room for more than this part of it.
                        seen.out.reserve(2 * (here - seen.from) + 32);
                    }
                    self.take(&mut seen, here);
                    self.at = here + 1;
                    self.escape(&mut seen.out, here);
                    seen.from = self.at;
                }
                _ if c < ' ' => {
                    seen.doubt.get_or_insert(seen.out.len() + (here - seen.from));
                    self.note(RepairKind::ControlCharacter, here);
                }
                '{' | '[' => seen.brackets += 1,
                '}' | ']' => {
                    seen.unmatched |= seen.brackets == 0;
                    seen.brackets = seen.brackets.saturating_sub(1);
                }
                _ if ends.contains(&c) => {
                    if nested > 0 && !symmetric {
                        nested -= 1;
                        continue;
                    }
                    if place == Place::Key && self.colon_inside(&seen, here) {
                        self.take(&mut seen, here);
                        self.note(RepairKind::Colon, seen.colon.map_or(here, |(_, at)| at));
                        let name = seen.out.trim_end_matches(|c: char| colon(c) || c == ' ').len();
                        seen.out.truncate(name);
                        return Some(seen.out);
                    }
                    if place == Place::Key && (self.ends_with_colon(&seen, here) || self.holds_a_pair(&seen, here)) {
                        // `{"a: "x"`: the quote opens the value.
                        return self.key_until_colon(&mut seen);
                    }
                    let odd = (seen.inner + usize::from(seen.doubled)) % 2 == 1;
                    if self.ends_here(place, c, odd, seen.brackets) {
                        self.take(&mut seen, here);
                        if self.next_from(self.at).1.is_none() {
                            self.doubt = if place == Place::InList || seen.doubled { Some(0) } else { seen.doubt };
                        }
                        if c != open && symmetric && !matches!(open, '”' | '“' | '’' | '‘' | '〝') {
                            self.note(RepairKind::Quote, here);
                        }
                        return Some(self.undoubled(seen));
                    }
                    if let Some(end) = self.should_have_ended(&mut seen, place, here) {
                        return Some(end);
                    }
                    if !self.apostrophe(here) {
                        seen.inner += 1;
                    }
                    seen.doubt.get_or_insert(seen.out.len() + (here - seen.from));
                    self.note(RepairKind::InnerQuote, here);
                }
                // Opened with one kind of quote, closed with another.
                _ if place == Place::Key
                    && closes_a_key(c)
                    && seen.colon.is_none()
                    && self.char_at(self.at).is_some_and(colon) =>
                {
                    self.take(&mut seen, here);
                    self.note(RepairKind::Quote, here);
                    return Some(seen.out);
                }
                _ if place == Place::Key && closes_a_key(c) => {}
                _ if c == open => {
                    nested += 1;
                    if seen.instead.is_none() {
                        seen.instead = self.begins_the_next(&seen, place, here);
                        if seen.instead.is_some() && self.unclosed == Some(open) {
                            return self.unterminated(seen, place);
                        }
                    }
                }
                _ if seen.colon.is_none() => seen.colon = Some((seen.out.len() + (here - seen.from), here)),
                _ => {}
            }
        }
    }

    /// Whether a key's text ends with a colon that a value follows.
    fn ends_with_colon(&mut self, seen: &Seen, here: usize) -> bool {
        let Some((_, colon_at)) = seen.colon else { return false };
        let behind = self.text.get(colon_at..here).unwrap_or("");
        let gap = behind.trim_end_matches(|c: char| space(c) || opens(c));
        // `{"a: ["x"`: the quote stands in the list that is the value.
        let opened = gap.len() < behind.trim_end_matches(space).len();
        let touches = gap.len() == behind.chars().next().map_or(0, char::len_utf8);
        if opened && touches {
            return true;
        }
        let before = self.text.get(..here).unwrap_or("").trim_end_matches(' ');
        before.ends_with(colon) && before.len() > colon_at && !self.next_from(self.at).1.is_some_and(colon_like)
    }

    /// `"a:" 1`: the colon stands inside the key's quotes, and the value follows.
    fn colon_inside(&mut self, seen: &Seen, here: usize) -> bool {
        let Some((length, colon_at)) = seen.colon else { return false };
        let close = self.text.get(..here).is_some_and(|t| t.ends_with(colon));
        let one = length > 0 && self.next_from(colon_at + 1).0 == here;
        if !close || !one {
            return false;
        }
        let (at, next) = self.next_from(self.at);
        at > self.at && (next.is_some_and(|n| quote(n) || opens(n) || n.is_ascii_digit()) || self.word_literal(at))
    }

    /// `"a: 1, b": 2`: the first key's closing quote and the second one's opening quote are missing.
    fn holds_a_pair(&self, seen: &Seen, here: usize) -> bool {
        let Some((_, colon_at)) = seen.colon else { return false };
        let behind = self.text.get(colon_at..here).unwrap_or("");
        let Some((scalar, rest)) = behind.get(1..).and_then(|b| b.split_once(',')) else { return false };
        super::scalar::whole(scalar.trim()) && !rest.trim().is_empty() && !rest.contains([',', ':', '"'])
    }

    /// Takes the text up to there into the string.
    pub(super) fn take(&mut self, seen: &mut Seen, to: usize) {
        seen.out.push_str(self.text.get(seen.from..to).unwrap_or(""));
        seen.from = to;
    }

    /// `""word`: a quote that stands twice at the start. It may still turn out to be a quote of the text.
    fn skip_doubled(&mut self, open: char, place: Place) -> bool {
        if open != '"' || self.peek() != Some('"') {
            return false;
        }
        let behind = self.at + 1;
        let doubled = self.char_at(behind).is_some_and(char::is_alphanumeric)
            && (place == Place::Key || !self.ends_here(place, '"', false, 0));
        if doubled {
            self.at = behind;
        }
        doubled
    }

    /// Quotes that stand twice at an end are one quote, unless they are the pair of another in the text.
    fn undoubled(&mut self, seen: Seen) -> String {
        let Seen { open, opened_at, doubled, mut out, inner, .. } = seen;
        if inner == 0 && !doubled {
            return out;
        }
        let ends_doubled = inner > 0 && out.ends_with(open);
        if doubled {
            let paired = inner % 2 == 1 && !(inner == 1 && ends_doubled);
            if paired {
                self.note(RepairKind::InnerQuote, opened_at + 1);
                out.insert(0, open);
            } else {
                self.note(RepairKind::Quote, opened_at + 1);
                if inner == 1 && ends_doubled {
                    out.pop();
                }
            }
        } else if inner == 1 && ends_doubled && open == '"' {
            let before = out.trim_end_matches(open);
            // A number and then a quote is a measure in inches.
            if !before.ends_with(|c: char| c.is_ascii_digit()) {
                out.truncate(before.len());
            }
        }
        out
    }

    /// A string between triple quotes, after its first quote.
    fn triple(&mut self, open: char) -> Option<String> {
        let (kind, mark, close) = match open {
            '"' => (0, "\"\"", "\"\"\""),
            '\'' => (1, "''", "'''"),
            _ => return None,
        };
        let body = self.tail(self.at).strip_prefix(mark)?;
        if self.no_triple.get(kind) == Some(&true) {
            return None;
        }
        let Some(end) = body.find(close) else {
            self.steps += body.len() as u64;
            if let Some(none) = self.no_triple.get_mut(kind) {
                *none = true;
            }
            return None;
        };
        self.steps += end as u64;
        self.note(RepairKind::Quote, self.at);
        let text = body.get(..end)?.to_owned();
        self.at += 2 + end + 3;
        Some(text)
    }

    /// An escaped quote may be the end that was meant: the opening quote was escaped too, or what follows says so.
    fn escaped_end(&mut self, seen: &mut Seen, place: Place, here: usize) -> Option<String> {
        let mark = self.peek()?;
        let behind = self.at + mark.len_utf8();
        let before = self.at;
        self.at = behind;
        let (at, next) = self.next_from(behind);
        let ends = if seen.escaped || next.is_none_or(closes) || place == Place::Key {
            (next.is_some() || seen.escaped) && self.ends_here(place, mark, false, seen.brackets) && {
                // A bracket alone proves nothing as long as a quote that is not escaped follows.
                seen.escaped || place == Place::Key || !self.tail(at).contains(mark)
            }
        } else {
            next.is_some_and(comma) && {
                let (then_at, then) = self.next_from(at + next.map_or(0, char::len_utf8));
                then == Some('"')
                    && if place == Place::InObject { self.quoted_key_at(then_at) } else { self.item_closed_at(then_at) }
            }
        };
        if !ends || (place == Place::Key && !seen.escaped) {
            self.at = before;
            return None;
        }
        self.note(RepairKind::Escape, here);
        self.take(seen, here);
        let mut out = std::mem::take(&mut seen.out);
        if !seen.escaped {
            if seen.inner_escaped % 2 == 1 {
                out.push(mark);
            } else if out.contains(":\\") || out.starts_with("\\\\") {
                out.push('\\');
            }
        }
        Some(out)
    }

    /// A quote of the kind that opened the text, right behind a comma, before what may be the next key or item: where
    /// the text would end, in `out` and in the text.
    fn begins_the_next(&mut self, seen: &Seen, place: Place, here: usize) -> Option<(usize, usize)> {
        let before = self.text.get(seen.from..here)?;
        let end = before.trim_end_matches(space);
        let end = end.strip_suffix(comma)?.trim_end_matches(space).len();
        let next = match place {
            Place::Key => false,
            Place::InObject => self.quoted_key_at(here),
            Place::InList => self.item_at(here, seen.open),
        };
        next.then_some((seen.out.len() + end, seen.from + end))
    }

    /// The text ended inside the string: was only the quote missing, or was it cut off?
    fn unterminated(&mut self, mut seen: Seen, place: Place) -> Option<String> {
        let to = self.text.len();
        if place == Place::Key {
            return self.key_until_colon(&mut seen);
        }
        if let Some((length, end)) = seen.instead {
            // Nothing closes the text: what seemed a quotation in it is the next key or item.
            self.at = end;
            self.unclosed = Some(seen.open);
            while self.repairs.last().is_some_and(|r| r.at >= end) {
                self.repairs.pop();
            }
            self.note(RepairKind::Quote, end);
            if seen.out.len() < length {
                self.take(&mut seen, end);
            }
            cut_to(&mut seen.out, length);
            return Some(seen.out);
        }
        let whole = self.tail(seen.opened_at);
        if self.setting.fenced
            && let Some(line) = whole.find("\n```").or_else(|| whole.find("\n~~~"))
            && seen.opened_at + line >= seen.from
        {
            // The fence closes, so the reply ends here, and the string with it.
            let end = seen.opened_at + line;
            self.take(&mut seen, end);
            self.at = end;
            let text = self.without_closers(seen, place, end);
            return Some(text);
        }
        self.take(&mut seen, to);
        Some(self.without_closers(seen, place, to))
    }

    /// A string that nothing ended, up to `end`: brackets at its end that close what is open are not part of it.
    fn without_closers(&mut self, mut seen: Seen, place: Place, end: usize) -> String {
        let whole = self.text.get(seen.opened_at..end).unwrap_or("");
        let body = whole.trim_end_matches(|c: char| space(c) || (closes(c) && self.closes_something(c)));
        let tail = whole.get(body.len()..).unwrap_or("");
        let brackets = tail.chars().filter(|c| closes(*c)).count();
        let kept = seen.out.trim_end_matches(|c: char| space(c) || closes(c)).len();
        let same = seen.out.get(kept..).is_some_and(|t| t.chars().filter(|c| closes(*c)).count() == brackets);
        if brackets > 0 && brackets <= self.stack.len() && !body.contains(['{', '[']) && same {
            self.at = seen.opened_at + body.len();
            self.forget(self.at);
            self.note(RepairKind::Quote, self.at);
            seen.out.truncate(kept);
            // A quote of another kind that stands alone at the end was to close it.
            let other = |c: char| c != seen.open && matches!(c, '"' | '\'' | '”' | '`');
            if let Some(last) = seen.out.chars().next_back().filter(|c| other(*c))
                && seen.out.matches(last).count() == 1
                && !(last == '”' && seen.out.contains('“'))
            {
                seen.out.pop();
            }
            return seen.out;
        }
        self.note(RepairKind::CutOff, end);
        // The first quote of two may be one of the text. A short text in a list may turn out to be a key, where the list
        // itself may be an object or may not have been closed.
        let first = matches!(self.stack.last(), Some(Frame::List { items, .. }) if items.is_empty());
        let key = place == Place::InList && (first == (self.stack.len() == 1));
        let short = key && seen.out.len() < 24 && !seen.out.contains(' ');
        self.doubt = if seen.doubled || short { Some(0) } else { seen.doubt };
        if seen.doubled && seen.inner % 2 == 1 {
            seen.out.insert(0, seen.open);
        }
        seen.out
    }

    /// A key whose closing quote is missing ends at its first colon.
    pub(super) fn key_until_colon(&mut self, seen: &mut Seen) -> Option<String> {
        let (length, at) = seen.colon?;
        let here = self.at.min(self.text.len());
        self.take(seen, here);
        self.note(RepairKind::Quote, at);
        self.at = at;
        let mut out = std::mem::take(&mut seen.out);
        cut_to(&mut out, length);
        out.truncate(out.trim_end().len());
        Some(out)
    }
}

/// Shortens a text to so many bytes, or to the character's beginning before.
fn cut_to(text: &mut String, length: usize) {
    let mut to = length.min(text.len());
    while !text.is_char_boundary(to) {
        to -= 1;
    }
    text.truncate(to);
}

/// Where the first mark stands that `stop` stops at: of the letters that are not ASCII only those are decoded that begin
/// as a mark of another width does.
fn next_mark_in_key(text: &str, stop: impl Fn(char) -> bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut from = 0;
    loop {
        let mark = |b: &u8| *b < 0x80 && stop(char::from(*b)) || matches!(b, 0xe2 | 0xef);
        let at = from + bytes.get(from..)?.iter().position(mark)?;
        if bytes.get(at).is_some_and(u8::is_ascii) || text.get(at..)?.starts_with(&stop) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// A quote that closes a key, whatever opened it, when a colon touches it.
const fn closes_a_key(c: char) -> bool {
    matches!(c, '"' | '\'' | '”' | '’' | '\u{ff02}' | '\u{ff07}')
}

/// Numbers and literals that follow a text whose closing quote is missing are items of their own.
pub(super) fn without_scalars(mut run: &str) -> &str {
    while let Some((before, last)) = run.rsplit_once(',') {
        let item = last.trim();
        // Thousands: `￥1,200`.
        let grouped = last.len() == 3 && before.ends_with(|c: char| c.is_ascii_digit());
        if grouped || !matches!(item, "true" | "false" | "null") && item.parse::<serde_json::Number>().is_err() {
            break;
        }
        run = before.trim_end();
    }
    run
}
