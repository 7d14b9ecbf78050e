//! Whether a quote ends its string, by what follows it.

use super::chars::{
    any_quote, closers, closes, closes_round, colon, colon_like, comma, line_from, opens, opens_round, ornament, quote,
    space,
};
use super::mend::Mender;
use super::string::{KEY_REACH, Place, Seen, without_scalars};
use super::types::RepairKind;

impl Mender<'_, '_> {
    /// Whether the quote just passed ends the string, by what follows it.
    pub(super) fn ends_here(&mut self, place: Place, mark: char, odd: bool, brackets: usize) -> bool {
        // A decision costs many times what a letter does.
        self.steps += 16;
        let after = self.at;
        let (at, Some(next)) = self.next_from(after) else { return true };
        let apart = at > after;
        if matches!(next, '`' | '~') && self.fence_at(at) {
            return true;
        }
        if apart && place != Place::Key && self.comment_at(at) {
            return !odd;
        }
        let text = self.text;
        let line_between = || apart && text.get(after..at).is_some_and(|gap| gap.contains('\n'));
        if next == '\\' && self.char_at(at + 1) == Some(mark) && mark == '"' && place != Place::Key {
            return false;
        }
        match place {
            Place::Key => self.key_ends(at, next, apart, mark),
            _ if closes(next) => self.bracket_ends(at, next, mark, odd, brackets),
            // Inside a quotation of the text that stands in brackets of the text: JSON or code that is shown.
            Place::InObject if comma(next) => !(odd && brackets > 0) && self.comma_ends_pair(at, next, odd),
            Place::InList if comma(next) => self.comma_ends_item(at, next, odd),
            _ if next == '+' => self.joined_by_plus(at).is_some(),
            Place::InObject if matches!(next, '.' | '。') && !odd => {
                let (then_at, then) = self.next_from(at + next.len_utf8());
                self.text.get(at..then_at).is_some_and(|gap| gap.contains('\n'))
                    && then.is_some_and(quote)
                    && self.key_like(then_at)
            }
            Place::InObject if quote(next) => {
                (apart || !odd) && self.quoted_key_at(at) || (apart && !odd && self.joined_at(at))
            }
            Place::InObject | Place::InList
                if (opens_round(next) || next == '<')
                    && (apart || next == '（')
                    && !odd
                    && self.remark_ends_at(at, place) =>
            {
                true
            }
            Place::InObject if colon(next) && !odd => brackets == 0 && self.brace_left_out(at, next),
            Place::InObject if ornament(next) || (next == '-' && line_between()) => {
                let behind = self.tail(at).trim_start_matches(|c| ornament(c) || c == '-' || space(c));
                let then_at = self.text.len() - behind.len();
                then_at < at + 16
                    && behind.starts_with([',', '"'])
                    && (behind.starts_with(',') || self.key_like(then_at))
            }
            Place::InObject => {
                // A bare key ends it where keys are bare, or on a line of its own.
                (line_between() && !odd || (apart && (line_between() || !odd) && self.bare_keys > 0))
                    && self.key_like(at)
                    || (apart && !odd && self.stray_word_at(at))
            }
            Place::InList => {
                if !odd && brackets == 0 && self.joint_at(at).is_some() {
                    return true;
                }
                if colon(next) || self.tail(at).starts_with("=>") {
                    return !odd && brackets == 0;
                }
                if quote(next) {
                    return !odd
                        && brackets == 0
                        && (apart || self.item_at(at, mark))
                        && (line_between() || self.item_at(at, mark));
                }
                (apart && self.word_literal(at) && !odd)
                    || opens(next) && next != '(' && apart && !odd
                    || (apart && next.is_ascii_digit() && (line_between() || (!odd && self.short_word(at))))
            }
        }
    }

    pub(super) fn key_ends(&mut self, at: usize, next: char, apart: bool, mark: char) -> bool {
        if colon_like(next) || comma(next) || closes(next) {
            return true;
        }
        if let Some(remark) = self.tail(at).strip_prefix("/*") {
            let end = line_from(remark).find("*/").map(|end| at + 2 + end + 2);
            return end.is_some_and(|end| self.next_from(end).1.is_some_and(colon_like));
        }
        let arrow = self.arrow_at(at).is_some();
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
    pub(super) fn bracket_ends(&mut self, at: usize, next: char, mark: char, odd: bool, brackets: usize) -> bool {
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
                Some(c) if quote(c) => brackets == 0 || self.quoted_key_at(item_at),
                Some(_) => !odd && self.key_like(item_at),
            };
        }
        if quote(then) && brackets == 0 && !odd && self.parent_is_object() == Some(false) && self.item_at(then_at, then)
        {
            return true;
        }
        let item = then.is_ascii_digit() || self.word_literal(then_at);
        if item && then_at > at + next.len_utf8() && brackets == 0 && !odd && self.parent_is_object() == Some(false) {
            return true;
        }
        let line = self.text.get(at..then_at).is_some_and(|gap| gap.contains('\n'));
        line || (then != mark && self.stack.len() == 1 && !odd) || opens(then) && !odd || self.quoted_key_at(then_at)
    }

    pub(super) fn comma_ends_pair(&mut self, at: usize, next: char, odd: bool) -> bool {
        let behind = at + next.len_utf8();
        let (then_at, Some(then)) = self.next_from(behind) else { return true };
        if matches!(then, '"' | '\'') && self.quoted_key_at(then_at) {
            return true;
        }
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
        if self.bare_keys > 0 && !odd && self.cut_name(then_at) {
            return true;
        }
        if quote(then) {
            // A list without its brackets: `"a": "x", "y", "b": 1`; or a key whose closing quote is missing.
            return !odd && (self.item_at(then_at, then) || self.unclosed_key_at(then_at));
        }
        if let Some(length) = self.bullet_at(then_at) {
            let (key_at, _) = self.next_from(then_at + length);
            return self.quoted_key_at(key_at);
        }
        if ornament(then) || then == '-' {
            let rest = self.tail(then_at).trim_start_matches(|c| ornament(c) || c == '-' || space(c));
            let key_at = self.text.len() - rest.len();
            return key_at < then_at + 16 && self.key_like(key_at);
        }
        (then == '{' || then == '[') && !odd && self.parent_is_object() == Some(false)
            || (!odd && self.word_before_key(then_at))
    }

    /// `"one " + "two"`, perhaps with a comment between: where the next string stands.
    pub(super) fn joined_by_plus(&mut self, plus: usize) -> Option<usize> {
        let (mut at, mut next) = self.next_from(plus + 1);
        if let Some(remark) = self.tail(at).strip_prefix("/*") {
            (at, next) = self.next_from(at + 2 + line_from(remark).find("*/")? + 2);
        }
        next.is_some_and(quote).then_some(at)
    }

    /// Python joins strings that follow each other: a short one that ends the pair.
    fn joined_at(&mut self, at: usize) -> bool {
        let Some(mark) = self.char_at(at).filter(|c| matches!(c, '"' | '\'')) else { return false };
        let line = line_from(self.tail(at + 1));
        self.steps += 16;
        let Some(length) = line.find(mark).filter(|length| *length > 0) else { return false };
        self.steps += length as u64;
        let (next_at, next) = self.next_from(at + 1 + length + 1);
        match next {
            Some(c) if comma(c) => {
                let (key_at, key) = self.next_from(next_at + c.len_utf8());
                key.is_some_and(|k| closes(k) || (quote(k) && self.quoted_key_at(key_at)))
            }
            Some(c) => closes(c) && self.closes_something(c),
            None => false,
        }
    }

    /// A remark in parentheses behind a text, and what follows a pair or an item: `"x" (optional), "b": 1`.
    fn remark_ends_at(&mut self, at: usize, place: Place) -> bool {
        let line = line_from(self.tail(at));
        let close = |c: char| if line.starts_with('<') { c == '>' } else { closes_round(c) };
        let Some(end) = line.find(close).filter(|end| *end < 120) else { return false };
        self.steps += end as u64;
        if line.get(..end).is_none_or(|remark| remark.contains(any_quote)) {
            return false;
        }
        let behind = at + end + self.char_at(at + end).map_or(1, char::len_utf8);
        let (next_at, next) = self.next_from(behind);
        match next {
            Some(c) if comma(c) => {
                let (then_at, then) = self.next_from(next_at + c.len_utf8());
                match place {
                    Place::InObject => then.is_none_or(closes) || self.key_like(then_at),
                    _ => then.is_none_or(|t| closes(t) || quote(t) || opens(t)),
                }
            }
            Some(c) => closes(c) && self.closes_something(c) && !closes_round(c),
            None => true,
        }
    }

    /// A short word that means nothing and then a key in quotes: `, and "b": 2`.
    pub(super) fn word_before_key(&mut self, at: usize) -> bool {
        let rest = self.tail(at);
        let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        self.steps += end.min(16) as u64;
        if end == 0 || end > 8 {
            return false;
        }
        let (key_at, c) = self.next_from(at + end);
        c == Some('"') && self.quoted_key_at(key_at)
    }

    pub(super) fn comma_ends_item(&mut self, at: usize, next: char, odd: bool) -> bool {
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
            || (!odd && self.cut_literal(then_at))
            || (!odd && self.literal_and_item(then_at))
            || !odd && (self.key_like(then_at) || self.unopened(then_at).is_some())
    }

    /// A mark or a word that joins an item to the next one in prose, `"a" / "b"`, `"a" and "b"`: its length.
    pub(super) fn joint_at(&mut self, at: usize) -> Option<usize> {
        const JOINTS: [&str; 11] = ["/", "|", "・", "&", "and ", "or ", "と", "や", "および", "及び", "または"];
        let rest = self.tail(at);
        let length = JOINTS.iter().find(|joint| rest.starts_with(**joint)).map(|joint| joint.len())?;
        let (then_at, then) = self.next_from(at + length);
        (then.is_some_and(quote) && self.item_closed_at(then_at)).then_some(length)
    }

    /// Whether a short string stands there that is followed as an item is.
    pub(super) fn item_at(&mut self, at: usize, mark: char) -> bool {
        let body = at + self.char_at(at).map_or(1, char::len_utf8);
        let ends = closers(self.char_at(at).unwrap_or(mark)).unwrap_or(&[]);
        let found =
            self.tail(body).char_indices().take(KEY_REACH * 2).find(|(i, c)| {
                ends.contains(c) && !self.escaped(body + i) && !(*c == '\'' && self.apostrophe(body + i))
            });
        self.steps += 2 * KEY_REACH as u64;
        let Some((length, close)) = found else { return true };
        let (_, next) = self.next_from(body + length + close.len_utf8());
        next.is_none_or(|c| closes(c) || comma(c) || quote(c))
    }

    /// When a quote inside the string opens the next key or item: the string that should have ended before it.
    pub(super) fn should_have_ended(&mut self, seen: &mut Seen, place: Place, here: usize) -> Option<String> {
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
        if seen.inner % 2 == 1 || (seen.inner > 1 && seen.brackets > 0) {
            return None;
        }
        let lower = seen.from.max(seen.opened_at + seen.open.len_utf8());
        let mut lower = lower.max(here.saturating_sub(512));
        while !self.text.is_char_boundary(lower) {
            lower += 1;
        }
        let before = self.text.get(lower..here)?;
        // Back over what stands between two pairs or items, as far as the last quote at most.
        let start = before.rfind(seen.open).map_or(0, |q| q + seen.open.len_utf8());
        let before = before.get(start..).unwrap_or(before);
        self.steps += before.len() as u64;
        let run = before.trim_end_matches(|c: char| {
            space(c)
                || comma(c)
                || ((seen.brackets == 0 || seen.unmatched)
                    && matches!(c, '}' | ']' | '{' | '[' | '\u{ff5d}' | '\u{ff3d}'))
        });
        let run = if place == Place::InList { without_scalars(run) } else { run };
        let gap = before.get(run.len()..)?;
        self.steps += gap.len() as u64;
        if !gap.contains(|c: char| comma(c) || c == '\n')
            || (run.is_empty() && (start > 0 || lower != seen.opened_at + seen.open.len_utf8()))
        {
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
    pub(super) fn item_closed_at(&mut self, at: usize) -> bool {
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
}
