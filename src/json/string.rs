//! Strings: where one ends when its quotes cannot be trusted is decided by what follows.

use super::chars::{any_quote, closers, closes, colon, comma, opens, quote, space};
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

impl Mender<'_> {
    /// Reads the string whose opening quote is at the cursor. Nothing when the text ends inside a key.
    pub(super) fn string(&mut self, place: Place) -> Option<String> {
        let open = self.peek()?;
        let ends = closers(open)?;
        let opened_at = self.at;
        if open != '"' {
            self.note(RepairKind::Quote, opened_at);
        }
        self.at += open.len_utf8();
        if matches!(open, '"' | '\'')
            && let Some(text) = self.triple(open)
        {
            return Some(text);
        }
        let symmetric = ends.contains(&open);
        let mut out = String::new();
        let mut from = self.at;
        let mut nested = 0_usize;
        let mut colon_at = None;
        loop {
            let rest = self.text.get(self.at..).unwrap_or("");
            let stop =
                |c: char| c == '\\' || c < ' ' || c == open || ends.contains(&c) || (place == Place::Key && colon(c));
            let Some(found) = rest.find(stop) else {
                self.steps += rest.len() as u64;
                self.at = self.text.len();
                out.push_str(self.text.get(from..).unwrap_or(""));
                return self.unterminated(out, place, colon_at, opened_at);
            };
            self.steps += found as u64 + 1;
            self.at += found;
            let here = self.at;
            let Some(c) = self.peek() else { continue };
            self.at += c.len_utf8();
            if c == '\\' {
                out.push_str(self.text.get(from..here).unwrap_or(""));
                self.escape(&mut out, here);
                from = self.at;
            } else if c < ' ' {
                self.note(RepairKind::ControlCharacter, here);
            } else if ends.contains(&c) {
                if nested > 0 && !symmetric {
                    nested -= 1;
                    continue;
                }
                if self.ends_here(place, c) {
                    out.push_str(self.text.get(from..here).unwrap_or(""));
                    if c != open && symmetric && open != '”' && open != '“' {
                        self.note(RepairKind::Quote, here);
                    }
                    return Some(out);
                }
                if place == Place::Key
                    && let Some((length, at)) = colon_at
                {
                    self.note(RepairKind::Quote, at);
                    self.at = at;
                    out.push_str(self.text.get(from..here).unwrap_or(""));
                    out.truncate(length);
                    return Some(out.trim_end().to_owned());
                }
                if let Some(end) = self.should_have_ended(place, from.max(opened_at + 1), here) {
                    self.note(RepairKind::Quote, end);
                    out.push_str(self.text.get(from..end).unwrap_or(""));
                    self.at = end;
                    return Some(out.trim_end().trim_end_matches(any_quote).to_owned());
                }
                self.note(RepairKind::InnerQuote, here);
            } else if c == open {
                nested += 1;
            } else if colon_at.is_none() {
                colon_at = Some((out.len() + (here - from), here));
            }
        }
    }

    /// A string between triple quotes, after its first quote.
    fn triple(&mut self, open: char) -> Option<String> {
        let mark = if open == '"' { "\"\"" } else { "''" };
        let body = self.text.get(self.at..)?.strip_prefix(mark)?;
        if self.no_triple {
            return None;
        }
        self.steps += body.len() as u64;
        let close = if open == '"' { "\"\"\"" } else { "'''" };
        let Some(end) = body.find(close) else {
            self.no_triple = true;
            return None;
        };
        self.note(RepairKind::Quote, self.at);
        let text = body.get(..end)?.to_owned();
        self.at += 2 + end + 3;
        Some(text)
    }

    /// The text ended inside the string: was only the quote missing, or was it cut off?
    fn unterminated(
        &mut self,
        mut out: String,
        place: Place,
        colon_at: Option<(usize, usize)>,
        opened_at: usize,
    ) -> Option<String> {
        if place == Place::Key {
            let (length, at) = colon_at?;
            self.note(RepairKind::Quote, at);
            self.at = at;
            out.truncate(length);
            return Some(out.trim_end().to_owned());
        }
        let whole = self.text.get(opened_at..).unwrap_or("");
        let body = whole.trim_end_matches(|c: char| space(c) || closes(c));
        let tail = whole.get(body.len()..).unwrap_or("");
        let brackets = tail.chars().filter(|c| closes(*c)).count();
        if brackets > 0 && brackets <= self.depth() && !body.contains(opens) {
            self.note(RepairKind::Quote, opened_at + body.len());
            self.at = opened_at + body.len();
            out.truncate(out.len().saturating_sub(tail.len()));
            if out.ends_with('"') {
                out.pop();
            }
            if out.ends_with('”') && !out.contains('“') {
                out.pop();
            }
            return Some(out);
        }
        self.note(RepairKind::CutOff, self.text.len());
        Some(out)
    }

    /// After the backslash at `here`.
    fn escape(&mut self, out: &mut String, here: usize) {
        let Some(c) = self.peek() else { return };
        self.at += c.len_utf8();
        let plain = match c {
            '"' | '\\' | '/' => Some(c),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            _ => None,
        };
        if let Some(plain) = plain {
            out.push(plain);
            return;
        }
        match c {
            'u' => self.unicode(out, here),
            'x' if self.hex(self.at, 2).is_some() => {
                out.extend(self.hex(self.at, 2).and_then(char::from_u32));
                self.at += 2;
                self.note(RepairKind::Escape, here);
            }
            _ => {
                self.note(RepairKind::Escape, here);
                match c {
                    '\n' => {}
                    '\'' | '`' => out.push(c),
                    _ => {
                        out.push('\\');
                        out.push(c);
                    }
                }
            }
        }
    }

    fn hex(&self, from: usize, digits: usize) -> Option<u32> {
        let text = self.text.get(from..from + digits)?;
        if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        u32::from_str_radix(text, 16).ok()
    }

    fn unicode(&mut self, out: &mut String, here: usize) {
        if let Some(unit) = self.hex(self.at, 4) {
            self.at += 4;
            if let Some(c) = char::from_u32(unit) {
                out.push(c);
                return;
            }
            let low = self.text.get(self.at..).filter(|t| t.starts_with("\\u")).and_then(|_| self.hex(self.at + 2, 4));
            if let Some(low) = low.filter(|l| (0xdc00..0xe000).contains(l) && unit < 0xdc00) {
                self.at += 6;
                out.extend(char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)));
                return;
            }
            self.note(RepairKind::Escape, here);
            out.push('\u{fffd}');
            return;
        }
        self.note(RepairKind::Escape, here);
        let rest = self.text.get(self.at..).unwrap_or("");
        if rest.len() < 4 && rest.bytes().all(|b| b.is_ascii_hexdigit()) {
            self.at = self.text.len();
            return;
        }
        if let Some((digits, _)) = rest.strip_prefix('{').and_then(|r| r.get(..r.len().min(8))?.split_once('}'))
            && let Some(c) = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)
        {
            out.push(c);
            self.at += digits.len() + 2;
            return;
        }
        out.push_str("\\u");
    }

    /// The first character that is not white space, from there on.
    pub(super) fn next_from(&mut self, from: usize) -> (usize, Option<char>) {
        let rest = self.text.get(from..).unwrap_or("");
        for (at, c) in rest.char_indices() {
            self.steps += 1;
            if !space(c) {
                return (from + at, Some(c));
            }
        }
        (self.text.len(), None)
    }

    /// Whether the quote just passed ends the string, by what follows it.
    fn ends_here(&mut self, place: Place, mark: char) -> bool {
        let after = self.at;
        let (at, Some(next)) = self.next_from(after) else { return true };
        let apart = at > after;
        if self.fence_at(at) || self.comment_at(at) {
            return true;
        }
        let value_start = next.is_ascii_digit() || quote(next) || opens(next) || next == '-';
        match place {
            Place::Key => colon(next) || comma(next) || closes(next) || value_start || (apart && self.word_literal(at)),
            _ if closes(next) => {
                let (then_at, then) = self.next_from(at + next.len_utf8());
                match then {
                    None => true,
                    Some(c) if comma(c) || closes(c) => true,
                    Some(c) if c == mark => false,
                    Some(_) => {
                        self.depth() == 1
                            || self.fence_at(then_at)
                            || self.text.get(at..then_at).is_some_and(|t| t.contains('\n'))
                            || self.key_like(then_at)
                            || self.comment_at(then_at)
                    }
                }
            }
            _ if comma(next) => {
                let behind = at + next.len_utf8();
                let (then_at, Some(then)) = self.next_from(behind) else { return true };
                let line_ends = self.text.get(behind..then_at).is_some_and(|t| t.contains('\n'));
                if closes(then) || comma(then) || line_ends || self.comment_at(then_at) || self.ellipsis_at(then_at) {
                    return true;
                }
                match place {
                    Place::InObject => self.key_like(then_at) || (opens(then) && self.depth() > 1),
                    _ => quote(then) || then.is_ascii_digit() || then == '-' || opens(then) || self.short_word(then_at),
                }
            }
            _ if next == '+' => true,
            Place::InObject => (apart || quote(next)) && self.key_like(at),
            Place::InList => colon(next) || quote(next) || opens(next) || (apart && next.is_ascii_digit()),
        }
    }

    /// When a quote inside the string opens the next key or item: where the string should have ended.
    fn should_have_ended(&mut self, place: Place, from: usize, here: usize) -> Option<usize> {
        let before = self.text.get(from..here)?;
        let trimmed = before.trim_end();
        let last = trimmed.chars().next_back()?;
        let gap = before.get(trimmed.len()..)?;
        self.steps += gap.len() as u64;
        let end = if comma(last) {
            from + trimmed.len() - last.len_utf8()
        } else if gap.contains('\n') {
            from + trimmed.len()
        } else {
            return None;
        };
        let opens_next = match place {
            Place::Key => false,
            Place::InObject => self.key_like(here),
            Place::InList => {
                let mark = self.text.get(here..)?.chars().next()?;
                let body = here + mark.len_utf8();
                let close = self.text.get(body..)?.char_indices().take(KEY_REACH).find(|(_, c)| *c == mark)?.0;
                let (at, next) = self.next_from(body + close + mark.len_utf8());
                match next {
                    Some(c) if closes(c) => true,
                    Some(c) if comma(c) => {
                        let (_, then) = self.next_from(at + c.len_utf8());
                        then.is_some_and(|c| quote(c) || closes(c))
                    }
                    _ => false,
                }
            }
        };
        opens_next.then_some(end)
    }

    /// Whether a key stands there: in quotes, or a short bare word, with its colon (or the value right after it).
    pub(super) fn key_like(&mut self, at: usize) -> bool {
        let (at, Some(first)) = self.next_from(at) else { return false };
        let rest = self.text.get(at..).unwrap_or("");
        if let Some(ends) = closers(first) {
            let body = at + first.len_utf8();
            let inner = self.text.get(body..).unwrap_or("");
            let mut escaped = false;
            for (offset, c) in inner.char_indices().take(KEY_REACH) {
                self.steps += 1;
                if escaped || c == '\\' {
                    escaped = !escaped;
                    continue;
                }
                if c == '\n' {
                    return false;
                }
                if ends.contains(&c) {
                    let behind = body + offset + c.len_utf8();
                    let (next_at, next) = self.next_from(behind);
                    return next.is_some_and(|n| {
                        colon(n) || n.is_ascii_digit() || n == '{' || n == '[' || self.word_literal(next_at)
                    }) || next.is_none();
                }
            }
            return false;
        }
        if !(first.is_alphabetic() || first == '_' || first == '$') {
            return false;
        }
        for (offset, c) in rest.char_indices().take(KEY_REACH / 2) {
            self.steps += 1;
            if colon(c) {
                return !rest.get(offset..).unwrap_or("").starts_with("://");
            }
            if any_quote(c) && offset > 0 {
                let (_, next) = self.next_from(at + offset + c.len_utf8());
                return next.is_some_and(colon);
            }
            if !(c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '.' | ' ')) {
                return false;
            }
        }
        false
    }

    fn word_literal(&self, at: usize) -> bool {
        let rest = self.text.get(at..).unwrap_or("");
        ["true", "false", "null", "True", "False", "None"]
            .iter()
            .any(|w| rest.strip_prefix(w).is_some_and(|r| !r.starts_with(|c: char| c.is_alphanumeric())))
    }

    /// A bare word with a comma or bracket soon after it.
    fn short_word(&mut self, at: usize) -> bool {
        let rest = self.text.get(at..).unwrap_or("");
        for c in rest.chars().take(KEY_REACH / 2) {
            self.steps += 1;
            if comma(c) || closes(c) {
                return true;
            }
            if any_quote(c) || c == ' ' {
                return false;
            }
        }
        false
    }
}
