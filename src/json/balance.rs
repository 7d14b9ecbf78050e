//! The brackets of a text, matched once: which closing ones of the rest close nothing that the rest opens.
//!
//! It tells a bracket that was left out from one too many: what is open must be what the rest closes.

use super::chars::space;

/// More brackets than this are not weighed: the memory stays small.
const MOST: usize = 50_000;

/// The brackets of a text from some offset on.
pub(super) struct Balance {
    /// For each bracket: its place, the first of the closing brackets left over from it on, and how many there are.
    marks: Vec<(usize, u32, u32)>,
    /// The closing brackets left over, each with the next.
    closing: Vec<(char, u32)>,
}

const NONE: u32 = u32::MAX;

impl Balance {
    /// Takes the brackets from an offset on, up to a line that closes a fence. Brackets in quotes do not count; a
    /// quote that is not closed ends with its line.
    pub(super) fn new(text: &str, from: usize) -> Self {
        let mut brackets: Vec<(usize, char)> = Vec::new();
        let mut quoted = false;
        let mut escaped = false;
        let mut line_begins = false;
        let rest = text.get(from..).unwrap_or("");
        for (offset, c) in rest.char_indices() {
            if quoted {
                quoted = escaped || (c != '"' && c != '\n');
                escaped = !escaped && c == '\\';
                continue;
            }
            if line_begins && (c == '`' || c == '~') {
                let fence = rest.get(offset..).unwrap_or("");
                if fence.starts_with("```") || fence.starts_with("~~~") {
                    break;
                }
            }
            line_begins = c == '\n' || (line_begins && space(c));
            match c {
                '"' => quoted = true,
                '{' | '[' | '\u{ff5b}' | '\u{ff3b}' | '}' | ']' | '\u{ff5d}' | '\u{ff3d}' => {
                    if brackets.len() >= MOST {
                        brackets.clear();
                        break;
                    }
                    brackets.push((from + offset, c));
                }
                _ => {}
            }
        }
        let mut marks = Vec::with_capacity(brackets.len());
        let mut closing: Vec<(char, u32)> = Vec::new();
        let (mut head, mut count) = (NONE, 0_u32);
        for (at, c) in brackets.into_iter().rev() {
            if matches!(c, '{' | '[' | '\u{ff5b}' | '\u{ff3b}') {
                if let Some((_, next)) = usize::try_from(head).ok().and_then(|i| closing.get(i)) {
                    head = *next;
                    count -= 1;
                }
            } else {
                closing.push((c, head));
                head = u32::try_from(closing.len() - 1).unwrap_or(NONE);
                count += 1;
            }
            marks.push((at, head, count));
        }
        marks.reverse();
        Self { marks, closing }
    }

    /// The closing brackets from there on that close nothing opened there: their number, and they themselves.
    pub(super) fn after(&self, from: usize) -> (usize, impl Iterator<Item = char> + '_) {
        let index = self.marks.partition_point(|(at, ..)| *at < from);
        let (mut head, count) = self.marks.get(index).map_or((NONE, 0), |(_, head, count)| (*head, *count));
        let rest = std::iter::from_fn(move || {
            let (c, next) = self.closing.get(usize::try_from(head).ok()?)?;
            head = *next;
            Some(*c)
        });
        (usize::try_from(count).unwrap_or(0), rest)
    }
}
