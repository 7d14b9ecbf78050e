//! Strings: where one ends when its quotes cannot be trusted is decided by what follows.
//!
//! A quote ends its string when what follows is what JSON has after a string: a comma and then the next key or item, a
//! bracket that closes something, the end. Otherwise it is a quote of the text. Two things more are weighed: whether
//! a quote of the text is still open (then a quote more likely closes that one), and whether a quote begins the next
//! key, so that the string should have ended before it.

use super::chars::{any_quote, closers, closes, colon, colon_like, comma, opens, ornament, quote, space};
use super::mend::Mender;
use super::types::RepairKind;

/// Where a string stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Key,
    InObject,
    InList,
}

/// A key longer than this is not looked for when deciding where a string ends: the work stays linear.
const KEY_REACH: usize = 64;

/// What was seen of the string so far.
struct Seen {
    open: char,
    opened_at: usize,
    /// The opening quote was itself escaped.
    escaped: bool,
    /// The opening quote stood twice.
    doubled: bool,
    out: String,
    /// From here on the text is not yet in `out`.
    from: usize,
    /// Quotes of the text.
    inner: usize,
    /// Escaped quotes of the text.
    inner_escaped: usize,
    /// Brackets opened and not closed in the text.
    brackets: usize,
    /// The text closes a bracket that it did not open.
    unmatched: bool,
    /// Where the first colon of a key stands: in `out`, in the text.
    colon: Option<(usize, usize)>,
}

impl Mender<'_, '_> {
    /// Reads the string whose opening quote is at the cursor. Nothing when the text ends inside a key.
    pub(super) fn string(&mut self, place: Place) -> Option<String> {
        let open = self.peek()?;
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
                    || (place == Place::Key && colon(c))
            };
            let rest = self.tail(self.at);
            let Some(found) = rest.find(stop) else {
                self.steps += rest.len() as u64;
                self.at = self.text.len();
                return self.unterminated(seen, place);
            };
            self.steps += found as u64 + 1;
            self.at += found;
            let here = self.at;
            let Some(c) = self.peek() else { continue };
            self.at += c.len_utf8();
            match c {
                '\\' => {
                    if self.char_at(self.at).is_some_and(|q| ends.contains(&q)) {
                        if let Some(end) = self.escaped_end(&mut seen, place, here) {
                            return Some(end);
                        }
                        seen.inner_escaped += 1;
                    }
                    self.take(&mut seen, here);
                    self.at = here + 1;
                    self.escape(&mut seen.out, here);
                    seen.from = self.at;
                }
                _ if c < ' ' => self.note(RepairKind::ControlCharacter, here),
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
                    if place == Place::Key && self.ends_with_colon(&seen, here) {
                        // `{"a: "x"`: the quote opens the value.
                        return self.key_until_colon(&mut seen);
                    }
                    let odd = (seen.inner + usize::from(seen.doubled)) % 2 == 1;
                    if self.ends_here(place, c, odd, seen.brackets) {
                        self.take(&mut seen, here);
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
                    self.note(RepairKind::InnerQuote, here);
                }
                _ if c == open => nested += 1,
                _ if seen.colon.is_none() => seen.colon = Some((seen.out.len() + (here - seen.from), here)),
                _ => {}
            }
        }
    }

    /// Whether a key's text ends with a colon that a value follows.
    fn ends_with_colon(&mut self, seen: &Seen, here: usize) -> bool {
        let Some((_, colon_at)) = seen.colon else { return false };
        let before = self.text.get(..here).unwrap_or("").trim_end_matches(' ');
        before.ends_with(colon) && before.len() > colon_at && !self.next_from(self.at).1.is_some_and(colon_like)
    }

    /// Whether a backslash stands before it that is not itself escaped.
    fn escaped(&self, at: usize) -> bool {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        before.iter().rev().take(64).take_while(|b| **b == b'\\').count() % 2 == 1
    }

    /// A quote between two letters opens and closes nothing.
    fn apostrophe(&self, at: usize) -> bool {
        let before = self.text.get(..at).and_then(|t| t.chars().next_back());
        let after = self.tail(at).chars().nth(1);
        before.is_some_and(char::is_alphabetic) && after.is_some_and(char::is_alphabetic)
    }

    /// Takes the text up to there into the string.
    fn take(&mut self, seen: &mut Seen, to: usize) {
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
            next.is_some_and(comma) && place == Place::InObject && {
                let (then_at, then) = self.next_from(at + next.map_or(0, char::len_utf8));
                then == Some('"') && self.quoted_key_at(then_at)
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

    /// The text ended inside the string: was only the quote missing, or was it cut off?
    fn unterminated(&mut self, mut seen: Seen, place: Place) -> Option<String> {
        let to = self.text.len();
        if place == Place::Key {
            return self.key_until_colon(&mut seen);
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
            let text = self.without_closers(seen, end);
            return Some(text);
        }
        self.take(&mut seen, to);
        Some(self.without_closers(seen, to))
    }

    /// A string that nothing ended, up to `end`: brackets at its end that close what is open are not part of it.
    fn without_closers(&mut self, mut seen: Seen, end: usize) -> String {
        let whole = self.text.get(seen.opened_at..end).unwrap_or("");
        let body = whole.trim_end_matches(|c: char| space(c) || (closes(c) && self.closes_something(c)));
        let tail = whole.get(body.len()..).unwrap_or("");
        let brackets = tail.chars().filter(|c| closes(*c)).count();
        if brackets > 0 && brackets <= self.stack.len() && !body.contains(['{', '[']) && seen.out.len() >= tail.len() {
            self.at = seen.opened_at + body.len();
            self.forget(self.at);
            self.note(RepairKind::Quote, self.at);
            seen.out.truncate(seen.out.len() - tail.len());
            if seen.open == '"' && seen.out.ends_with('”') && !seen.out.contains('“') {
                seen.out.pop();
            }
            return seen.out;
        }
        self.note(RepairKind::CutOff, end);
        if seen.doubled && seen.inner % 2 == 1 {
            seen.out.insert(0, seen.open);
        }
        seen.out
    }

    /// A key whose closing quote is missing ends at its first colon.
    fn key_until_colon(&mut self, seen: &mut Seen) -> Option<String> {
        let (length, at) = seen.colon?;
        let here = self.at.min(self.text.len());
        self.take(seen, here);
        self.note(RepairKind::Quote, at);
        self.at = at;
        let mut out = std::mem::take(&mut seen.out);
        out.truncate(length);
        out.truncate(out.trim_end().len());
        Some(out)
    }

    /// Whether the quote just passed ends the string, by what follows it.
    fn ends_here(&mut self, place: Place, mark: char, odd: bool, brackets: usize) -> bool {
        let after = self.at;
        let (at, Some(next)) = self.next_from(after) else { return true };
        if self.fence_at(at) {
            return true;
        }
        if self.comment_at(at) && place != Place::Key && at > after {
            return !odd;
        }
        let apart = at > after;
        let line_between = apart && self.text.get(after..at).is_some_and(|gap| gap.contains('\n'));
        if next == '\\' && self.char_at(at + 1) == Some(mark) && mark == '"' && place != Place::Key {
            return false;
        }
        match place {
            Place::Key => self.key_ends(at, next, apart, mark),
            _ if closes(next) => self.bracket_ends(at, next, mark, odd, brackets),
            Place::InObject if comma(next) => self.comma_ends_pair(at, next, odd),
            Place::InList if comma(next) => self.comma_ends_item(at, next, odd),
            _ if next == '+' => {
                let (_, then) = self.next_from(at + 1);
                then.is_some_and(quote)
            }
            Place::InObject if next == '.' && !odd => {
                let (then_at, then) = self.next_from(at + 1);
                self.text.get(at..then_at).is_some_and(|gap| gap.contains('\n'))
                    && then.is_some_and(quote)
                    && self.key_like(then_at)
            }
            Place::InObject if quote(next) => (apart || !odd) && self.quoted_key_at(at),
            Place::InObject if ornament(next) => {
                let behind = self.tail(at).trim_start_matches(|c| ornament(c) || space(c));
                let then_at = self.text.len() - behind.len();
                then_at < at + 16
                    && behind.starts_with([',', '"'])
                    && (behind.starts_with(',') || self.key_like(then_at))
            }
            Place::InObject => {
                // A bare key ends it where keys are bare, or on a line of its own.
                (line_between || (apart && !odd && self.bare_keys > 0)) && self.key_like(at)
            }
            Place::InList => {
                if colon(next) {
                    return !odd && brackets == 0;
                }
                if quote(next) {
                    return !odd
                        && brackets == 0
                        && (apart || self.item_at(at, mark))
                        && (line_between || self.item_at(at, mark));
                }
                (apart && self.word_literal(at) && !odd)
                    || opens(next) && next != '(' && apart && !odd
                    || (apart && next.is_ascii_digit() && (line_between || (!odd && self.short_word(at))))
            }
        }
    }

    fn key_ends(&mut self, at: usize, next: char, apart: bool, mark: char) -> bool {
        if colon_like(next) || comma(next) || closes(next) {
            return true;
        }
        let arrow = next == '-' && self.char_at(at + 1) == Some('>');
        if quote(next) {
            // A value whose colon is missing, not a quote of the key.
            return apart && !(next == mark && self.next_from(at + next.len_utf8()).1.is_some_and(colon));
        }
        arrow
            || next.is_ascii_digit() && apart
            || (next == '-' && self.char_at(at + 1).is_some_and(|c| c.is_ascii_digit()))
            || matches!(next, '{' | '[')
            || (ornament(next) && self.tail(at).trim_start_matches('*').starts_with([':', '"']))
            || (apart && self.word_literal(at))
    }

    /// A closing bracket follows the quote: does it close something, or is it of the text?
    fn bracket_ends(&mut self, at: usize, next: char, mark: char, odd: bool, brackets: usize) -> bool {
        if !self.closes_something(next) {
            return false;
        }
        let (then_at, then) = self.next_from(at + next.len_utf8());
        let Some(then) = then else { return true };
        if self.fence_at(then_at) || self.comment_at(then_at) {
            return true;
        }
        if then == mark && brackets > 0 {
            return false;
        }
        if closes(then) {
            // The text's own brackets are followed by the string's quote sooner or later.
            let rest = self.tail(then_at).trim_start_matches(|c| closes(c) || space(c));
            let skipped = self.tail(then_at).len() - rest.len();
            self.steps += skipped as u64;
            return brackets == 0 || !rest.starts_with(mark) || self.quoted_key_at(self.text.len() - rest.len());
        }
        if comma(then) {
            if !odd && brackets == 0 {
                return true;
            }
            let (item_at, item) = self.next_from(then_at + then.len_utf8());
            return match item {
                None => true,
                Some(c) if closes(c) || opens(c) => true,
                Some(c) if quote(c) => {
                    if brackets > 0 {
                        self.quoted_key_at(item_at)
                    } else {
                        true
                    }
                }
                Some(_) => !odd && self.key_like(item_at),
            };
        }
        if quote(then) && brackets == 0 && !odd && self.parent_is_object() == Some(false) && self.item_at(then_at, then) {
            return true;
        }
        let item = then.is_ascii_digit() || self.word_literal(then_at);
        if item && then_at > at + next.len_utf8() && brackets == 0 && !odd && self.parent_is_object() == Some(false) {
            return true;
        }
        let line = self.text.get(at..then_at).is_some_and(|gap| gap.contains('\n'));
        line || (then != mark && self.stack.len() == 1 && !odd) || opens(then) && !odd || self.quoted_key_at(then_at)
    }

    fn comma_ends_pair(&mut self, at: usize, next: char, odd: bool) -> bool {
        let behind = at + next.len_utf8();
        let (then_at, Some(then)) = self.next_from(behind) else { return true };
        if closes(then) {
            return self.closes_something(then) || !odd;
        }
        if comma(then) {
            return true;
        }
        if self.comment_at(then_at) || self.ellipsis_at(then_at) || self.fence_at(then_at) {
            return !odd || self.text.get(behind..then_at).is_some_and(|gap| gap.contains('\n'));
        }
        if self.key_like(then_at) {
            return !odd
                || quote(then)
                || self.bare_keys > 0
                || self.text.get(behind..then_at).is_some_and(|g| g.contains('\n'));
        }
        if quote(then) {
            // A list without its brackets: `"a": "x", "y", "b": 1`; or a key whose closing quote is missing.
            return !odd && (self.item_at(then_at, then) || self.unclosed_key_at(then_at));
        }
        if ornament(then) || then == '-' {
            let rest = self.tail(then_at).trim_start_matches(|c| ornament(c) || c == '-' || space(c));
            let key_at = self.text.len() - rest.len();
            return key_at < then_at + 16 && self.key_like(key_at);
        }
        (then == '{' || then == '[') && !odd && self.parent_is_object() == Some(false)
            || (!odd && self.word_before_key(then_at))
    }

    /// A short word that means nothing and then a key in quotes: `, and "b": 2`.
    fn word_before_key(&mut self, at: usize) -> bool {
        let rest = self.tail(at);
        let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        self.steps += end.min(16) as u64;
        if end == 0 || end > 8 {
            return false;
        }
        let (key_at, c) = self.next_from(at + end);
        c == Some('"') && self.quoted_key_at(key_at)
    }

    fn comma_ends_item(&mut self, at: usize, next: char, odd: bool) -> bool {
        let behind = at + next.len_utf8();
        let (then_at, Some(then)) = self.next_from(behind) else { return true };
        if closes(then)
            || comma(then)
            || self.comment_at(then_at)
            || self.ellipsis_at(then_at)
            || self.fence_at(then_at)
        {
            return true;
        }
        if quote(then) {
            return !odd || self.item_at(then_at, then);
        }
        let line = self.text.get(behind..then_at).is_some_and(|gap| gap.contains('\n'));
        line && !odd
            || then.is_ascii_digit()
            || (then == '-' && self.char_at(then_at + 1).is_some_and(|c| c.is_ascii_digit()))
            || matches!(then, '{' | '[' | '\u{ff5b}' | '\u{ff3b}')
            || (!odd && (opens(then) || self.short_word(then_at)))
            || self.word_literal(then_at)
            || (!odd && self.literal_and_item(then_at))
            || !odd && (self.key_like(then_at) || self.unopened(then_at).is_some())
    }

    /// Whether a short string stands there that is followed as an item is.
    fn item_at(&mut self, at: usize, mark: char) -> bool {
        let body = at + self.char_at(at).map_or(1, char::len_utf8);
        let ends = closers(self.char_at(at).unwrap_or(mark)).unwrap_or(&[]);
        let found = self
            .tail(body)
            .char_indices()
            .take(KEY_REACH * 2)
            .find(|(i, c)| ends.contains(c) && !self.escaped(body + i) && !(*c == '\'' && self.apostrophe(body + i)));
        self.steps += 2 * KEY_REACH as u64;
        let Some((length, close)) = found else { return true };
        let (_, next) = self.next_from(body + length + close.len_utf8());
        next.is_none_or(|c| closes(c) || comma(c) || quote(c))
    }

    /// When a quote inside the string opens the next key or item: the string that should have ended before it.
    fn should_have_ended(&mut self, seen: &mut Seen, place: Place, here: usize) -> Option<String> {
        if place == Place::Key {
            // `{"a: "x"`: the quote opens the value.
            let before = self.text.get(..here)?.trim_end_matches(' ');
            let (_, colon_at) = seen.colon?;
            let value = before.ends_with(colon) || !self.next_from(here + 1).1.is_some_and(colon);
            if !value || before.len() <= colon_at {
                return None;
            }
            return self.key_until_colon(seen);
        }
        if seen.inner % 2 == 1 {
            return None;
        }
        let lower = seen.from.max(seen.opened_at + seen.open.len_utf8());
        let before = self.text.get(lower..here)?;
        // Back over what stands between two pairs or items, as far as the last quote at most.
        let start = before.rfind(seen.open).map_or(0, |q| q + seen.open.len_utf8());
        let before = before.get(start..).unwrap_or(before);
        self.steps += before.len() as u64 / 8;
        let run = before.trim_end_matches(|c: char| {
            space(c) || comma(c) || ((seen.brackets == 0 || seen.unmatched) && matches!(c, '}' | ']' | '{' | '[' | '\u{ff5d}' | '\u{ff3d}'))
        });
        let run = if place == Place::InList { without_scalars(run) } else { run };
        let gap = before.get(run.len()..)?;
        self.steps += gap.len() as u64;
        if !gap.contains(|c: char| comma(c) || c == '\n') || (run.is_empty() && (start > 0 || lower != seen.opened_at + seen.open.len_utf8())) {
            return None;
        }
        let opens_next = match place {
            Place::InList if gap.contains(['}', ']']) || self.parent_is_object() == Some(true) => {
                (gap.contains([']', '}']) && self.quoted_key_at(here))
                    || (self.item_closed_at(here) && gap.contains(comma))
            }
            Place::InList => self.item_closed_at(here) && gap.contains(|c: char| comma(c) || c == '\n'),
            _ => self.quoted_key_at(here),
        };
        if !opens_next {
            return None;
        }
        // Brackets of the gap that close nothing belong to the text.
        let closing = gap.chars().take_while(|c| !comma(*c)).filter(|c| closes(*c)).count();
        if closing >= self.stack.len() + usize::from(closing == 0) {
            return None;
        }
        let end = here - gap.len();
        self.forget(end);
        self.note(RepairKind::Quote, end);
        let to = end.max(seen.from);
        self.take(seen, to);
        self.at = end;
        let mut out = std::mem::take(&mut seen.out);
        out.truncate(out.trim_end().len());
        // A quote of another kind that stands alone at the end was to close it.
        if let Some(last) = out.chars().next_back().filter(|c| any_quote(*c))
            && out.matches(last).count() == 1
            && !(last == '」' && out.contains('「')
                || last == '』' && out.contains('『')
                || last == '”' && out.contains('“'))
        {
            out.pop();
        }
        Some(out)
    }

    /// Whether a short string stands there, closed, and followed as an item is.
    fn item_closed_at(&mut self, at: usize) -> bool {
        let Some(mark) = self.char_at(at) else { return false };
        let body = at + mark.len_utf8();
        let found =
            self.tail(body).char_indices().take(2 * KEY_REACH).find(|(i, c)| *c == mark && !self.escaped(body + i));
        self.steps += 2 * KEY_REACH as u64;
        let Some((length, _)) = found else { return false };
        let (next_at, next) = self.next_from(body + length + mark.len_utf8());
        match next {
            Some(c) if closes(c) => true,
            Some(c) if comma(c) => {
                let (then_at, then) = self.next_from(next_at + c.len_utf8());
                then.is_none_or(|c| quote(c) || closes(c) || opens(c) || c.is_ascii_digit() || c == '-')
                    || self.word_literal(then_at)
            }
            _ => false,
        }
    }

    /// Whether a key in quotes stands there, with its colon.
    pub(super) fn quoted_key_at(&mut self, at: usize) -> bool {
        let Some(first) = self.char_at(at) else { return false };
        let Some(ends) = closers(first) else { return false };
        let body = at + first.len_utf8();
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
            if ends.contains(&c) {
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
                }) || (self.tail(next_at).starts_with("->"));
            }
        }
        false
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
        value.is_none_or(|v| quote(v) || v.is_ascii_digit() || matches!(v, '-' | '{' | '[')) || self.word_literal(value_at)
    }

    /// Where a text ends whose opening quote is missing: the first quote from there on closes and does not open.
    pub(super) fn unopened(&mut self, at: usize) -> Option<usize> {
        let mut before = ' ';
        // A number with groups, `1,200`: it is one text only if all of it is.
        let mut grouped = false;
        for (offset, c) in self.tail(at).char_indices().take(4 * KEY_REACH) {
            self.steps += 1;
            if c == '\n' || (matches!(c, '{' | '[') && (offset == 0 || comma(before))) {
                return None;
            }
            if comma(c) && offset < 40 && super::scalar::whole(self.text.get(at..at + offset).unwrap_or("").trim()) {
                if !self.char_at(at + offset + 1).is_some_and(|c| c.is_ascii_digit()) {
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
        if matches!(first, 'u' | 'b' | 'r' | 'f') && matches!(self.char_at(at + 1), Some('"' | '\''))
            && self.quoted_key_at(at + 1)
        {
            return true;
        }
        let sign = matches!(first, '-' | ':') && self.char_at(at + 1).is_some_and(char::is_alphanumeric);
        if !(first.is_alphanumeric() || first == '_' || first == '$' || sign) {
            return false;
        }
        let at = at + usize::from(sign);
        let rest = self.tail(at);
        for (offset, c) in rest.char_indices().take(KEY_REACH / 2) {
            self.steps += 1;
            if colon_like(c) {
                let numeric = rest.get(..offset).is_some_and(|w| w.bytes().all(|b| b.is_ascii_digit()));
                let then = rest.get(offset + c.len_utf8()..).unwrap_or("");
                // Neither an address nor a time of day.
                return !then.starts_with("//") && !(numeric && then.starts_with(|c: char| c.is_ascii_digit()));
            }
            if any_quote(c) && offset > 0 {
                let (_, next) = self.next_from(at + offset + c.len_utf8());
                return next.is_some_and(colon);
            }
            if !(c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '.' | ' ' | '/')) {
                return false;
            }
        }
        false
    }

    pub(super) fn word_literal(&self, at: usize) -> bool {
        let rest = self.tail(at);
        ["true", "false", "null", "True", "False", "None"]
            .iter()
            .any(|w| rest.strip_prefix(w).is_some_and(|r| !r.starts_with(|c: char| c.is_alphanumeric() || c == ' ')))
    }

    /// A literal, and then an item that no comma separates from it.
    fn literal_and_item(&mut self, at: usize) -> bool {
        let rest = self.tail(at);
        let Some(word) = ["true", "false", "null", "True", "False", "None"].iter().find(|w| rest.starts_with(**w)) else {
            return false;
        };
        let (then_at, then) = self.next_from(at + word.len());
        then_at > at + word.len()
            && then.is_some_and(|c| quote(c) || c.is_ascii_digit() || matches!(c, '-' | '{' | '['))
            || self.word_literal(then_at)
    }

    /// A bare word with a comma or bracket soon after it.
    fn short_word(&mut self, at: usize) -> bool {
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

/// Numbers and literals that follow a text whose closing quote is missing are items of their own.
fn without_scalars(mut run: &str) -> &str {
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
