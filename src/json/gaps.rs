//! What stands between the marks and means nothing: white space, comments, ellipses, remarks.

use super::chars::{any_quote, closes, closes_round, comma, line_from, opens_list, opens_object, quote, space};
use super::mend::{Mender, Next};
use super::types::RepairKind;

impl Mender<'_, '_> {
    /// The first character from there on that is no white space, and its place.
    #[inline]
    pub(super) fn next_from(&mut self, from: usize) -> (usize, Option<char>) {
        match self.text.as_bytes().get(from) {
            Some(b) if b.is_ascii_graphic() => (from, Some(char::from(*b))),
            _ => self.next_behind_space(from),
        }
    }

    fn next_behind_space(&mut self, from: usize) -> (usize, Option<char>) {
        if let Some([b' ', b, ..]) = self.text.as_bytes().get(from..)
            && b.is_ascii_graphic()
        {
            self.steps += 1;
            return (from + 1, Some(char::from(*b)));
        }
        let mut at = from;
        if self.run.0 <= from && from < self.run.1 {
            at = self.run.1;
        }
        let next = loop {
            let rest = self.text.as_bytes().get(at..).unwrap_or_default();
            let plain = rest.iter().take_while(|b| matches!(b, b' ' | b'\n')).count();
            at += plain;
            match self.char_at(at) {
                Some(c) if space(c) => at += c.len_utf8(),
                next => break next,
            }
        };
        self.steps += (at - from) as u64;
        if at > from + 8 {
            self.run = (from, at);
        }
        (at, next)
    }

    pub(super) fn ends_line(&self, at: usize) -> bool {
        self.tail(at).chars().find(|c| !matches!(c, ' ' | '\t' | '\r')).is_some_and(|c| c == '\n')
    }

    /// After an item and an empty line, words that nothing separates: the value was never closed, and prose goes on.
    pub(super) fn prose_at(&self, at: usize, c: char) -> bool {
        let before = self.text.get(..at).unwrap_or("");
        let gap = before.trim_end_matches(space);
        c.is_alphabetic() && before.get(gap.len()..).is_some_and(|g| g.matches('\n').count() > 1)
    }

    /// A remark in parentheses or angle brackets after a value.
    pub(super) fn skip_remark(&mut self) {
        let at = self.at;
        let line = line_from(self.tail(at));
        let end = line.find(|c: char| if line.starts_with('<') { c == '>' } else { closes_round(c) });
        self.steps += end.unwrap_or(line.len()) as u64;
        self.note(RepairKind::Stray, at);
        let mark = self.peek().map_or(0, char::len_utf8);
        self.at += match end {
            Some(end) => end + self.char_at(at + end).map_or(0, char::len_utf8),
            None => mark,
        };
    }

    /// Crosses white space and comments: the character behind them.
    pub(super) fn skip_space(&mut self) -> Option<char> {
        loop {
            let (at, c) = self.next_from(self.at);
            self.at = at;
            let begins = |c: char| matches!(c, '#' | '/' | '<') || !c.is_ascii();
            if !c.is_some_and(begins) || !self.comment_at(at) {
                return c;
            }
            if c == Some('#') && self.next == Next::Value && self.in_object() && !self.remark_at(at) {
                return c;
            }
            if c == Some('/') && self.next == Next::Value && self.unopened(at).is_some() {
                return c;
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

    /// A bullet or a number before an item in quotes, as a list on a page has it: its length.
    pub(super) fn bullet_at(&mut self, at: usize) -> Option<usize> {
        let rest = self.tail(at);
        let digits = rest.bytes().take(4).take_while(u8::is_ascii_digit).count();
        let mark = rest.get(digits..)?.chars().next()?;
        let circled = matches!(mark, '①'..='⑳');
        let bullet =
            if digits == 0 { circled || matches!(mark, '-' | '•' | '・' | '*') } else { matches!(mark, '.' | ')') };
        if !bullet {
            return None;
        }
        let behind = at + digits + mark.len_utf8();
        let (then_at, then) = self.next_from(behind);
        ((then_at > behind || circled) && then.is_some_and(quote)).then_some(behind - at)
    }

    /// A `#` where a value should stand: a remark has a space after it, a colour or a tag has not.
    pub(super) fn remark_at(&self, at: usize) -> bool {
        !self.char_at(at + 1).is_some_and(char::is_alphanumeric)
    }

    pub(super) fn comment_at(&self, at: usize) -> bool {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        matches!(rest, [b'/', b'/' | b'*', ..] | [b'#', ..] | [b'<', b'!', b'-', b'-', ..])
            || self.remark_to_the_end(at)
    }

    /// A mark that begins a remark in Japanese typing, and nothing else on its line that could be JSON.
    fn remark_to_the_end(&self, at: usize) -> bool {
        let wide = self.text.as_bytes().get(at).is_some_and(|b| *b >= 0xe2);
        wide && {
            let rest = self.tail(at);
            ["←", "※", "／／"].iter().any(|mark| rest.starts_with(mark))
                && !line_from(rest).contains(|c: char| any_quote(c) || (closes(c) && !closes_round(c)))
        }
    }

    pub(super) fn ellipsis_at(&self, at: usize) -> bool {
        let rest = self.tail(at);
        rest.starts_with("...") || rest.starts_with('…')
    }

    /// Words or dots in brackets that say that items were left out, `[...]`, `（以下省略）`: their length.
    pub(super) fn omission_at(&mut self, at: usize) -> Option<usize> {
        const WORDS: [&str; 6] = ["省略", "中略", "以下略", "以下同様", "omitted", "truncated"];
        let said_at = |rest: &str| WORDS.iter().any(|word| rest.starts_with(word));
        let open = self.char_at(at).filter(|c| opens_list(*c))?;
        let inner = self.tail(at + open.len_utf8());
        if inner.starts_with('"') {
            return None;
        }
        let length = inner.char_indices().take(24).find(|(_, c)| closes(*c)).map(|(length, _)| length)?;
        self.steps += 24;
        let words = inner.get(..length)?.trim();
        let dots = !words.is_empty() && words.chars().all(|c| matches!(c, '.' | '…'));
        let begins = |(at, c)| matches!(c, '省' | '中' | '以' | 'o' | 't') && said_at(words.get(at..).unwrap_or(""));
        let said = words.char_indices().any(begins) && !words.contains(any_quote);
        let close = inner.get(length..)?.chars().next()?;
        (dots || said).then_some(open.len_utf8() + length + close.len_utf8())
    }

    pub(super) fn skip_ellipsis(&mut self) {
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
