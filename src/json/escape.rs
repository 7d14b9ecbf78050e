//! Escapes inside a string: JSON's own, those of other languages, and backslashes that are none.

use super::mend::Mender;
use super::types::RepairKind;

impl Mender<'_, '_> {
    /// Reads the escape whose backslash stands at `here`; the cursor is behind the backslash.
    pub(super) fn escape(&mut self, out: &mut String, here: usize) {
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
        if c == 'u' {
            self.unicode(out, here);
            return;
        }
        self.note(RepairKind::Escape, here);
        let (digits, marks) = match c {
            'x' => (2, 1),
            'U' => (8, 1),
            _ => (0, 0),
        };
        if let Some(c) = self.hex(self.at, digits).filter(|_| marks == 1).and_then(char::from_u32) {
            out.push(c);
            self.at += digits;
            return;
        }
        match c {
            // A line that goes on.
            '\n' => {}
            '\r' if self.peek() == Some('\n') => self.at += 1,
            '0' if !self.peek().is_some_and(|d| d.is_ascii_digit()) => out.push('\0'),
            // What Markdown and shells escape, and quotes of other kinds.
            '\'' | '`' | '_' | '*' | '[' | ']' | '#' | '$' | '&' | '~' | '>' | '<' | '!' | '“' | '”' | '「' | '」' =>
            {
                out.push(c);
            }
            _ => out.extend(['\\', c]),
        }
    }

    fn hex(&self, from: usize, digits: usize) -> Option<u32> {
        let text = self.text.get(from..from + digits)?;
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        u32::from_str_radix(text, 16).ok()
    }

    fn unicode(&mut self, out: &mut String, here: usize) {
        let rest = self.tail(self.at);
        if rest.len() < 4 && rest.bytes().all(|b| b.is_ascii_hexdigit()) {
            // Cut off in the escape.
            self.at = self.text.len();
            return;
        }
        if let Some(unit) = self.hex(self.at, 4) {
            self.at += 4;
            if let Some(c) = char::from_u32(unit) {
                out.push(c);
                return;
            }
            let rest = self.tail(self.at);
            let low = rest.strip_prefix("\\u").and_then(|_| self.hex(self.at + 2, 4));
            if let Some(low) = low.filter(|l| (0xdc00..0xe000).contains(l) && unit < 0xdc00) {
                self.at += 6;
                out.extend(char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)));
                return;
            }
            if unit < 0xdc00 && rest.len() < 6 && "\\uXXXX".get(..rest.len().min(2)) == rest.get(..rest.len().min(2)) {
                // Cut off between the two halves.
                self.at = self.text.len();
                return;
            }
            self.note(RepairKind::Escape, here);
            out.push('\u{fffd}');
            return;
        }
        self.note(RepairKind::Escape, here);
        if let Some((digits, _)) = rest.strip_prefix('{').and_then(|r| r.get(..r.len().min(8))?.split_once('}'))
            && let Some(c) = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)
        {
            out.push(c);
            self.at += digits.len() + 2;
            return;
        }
        out.push_str("\\u");
    }
}
