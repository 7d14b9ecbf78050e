//! Text that was wrapped as a whole: lines quoted with `>` or numbered, JSON inside a JSON string, escaped quotes.
//!
//! Each layer is taken off with a map back, so that a repair is told where it stands in the reply itself.

use super::chars::{Marks, space};
use super::types::RepairKind;

/// The text without its wrapping.
pub(super) struct Unwrapped {
    pub text: String,
    pub kind: RepairKind,
    /// Where the wrapping began.
    pub at: usize,
    /// From this offset of the text on, its offset in what it was unwrapped from; in order.
    map: Vec<(usize, usize)>,
}

impl Unwrapped {
    fn new(kind: RepairKind, at: usize, size: usize) -> Self {
        Self { text: String::with_capacity(size), kind, at, map: Vec::new() }
    }

    fn push(&mut self, part: &str, from: usize) {
        let here = self.text.len();
        if self.map.last().is_none_or(|(out, before)| before + (here - out) != from) {
            self.map.push((here, from));
        }
        self.text.push_str(part);
    }

    /// An offset of the text as one of what it was unwrapped from.
    pub(super) fn origin(&self, offset: usize) -> usize {
        let behind = self.map.partition_point(|(out, _)| *out <= offset);
        match behind.checked_sub(1).and_then(|i| self.map.get(i)) {
            Some((out, from)) => from + (offset - out),
            None => offset,
        }
    }
}

/// The text without one layer of wrapping, when it stands in one.
pub(super) fn unwrapped(text: &str, marks: Marks) -> Option<Unwrapped> {
    // What each begins with, or holds somewhere, is known before it is looked for.
    let first = text.chars().find(|c| !space(*c));
    let begins = |with: &[char]| first.is_some_and(|c| with.contains(&c));
    let quoted = if marks.quotes_lines() { quoted_lines(text) } else { None };
    quoted
        .or_else(|| if first?.is_ascii_digit() { numbered_lines(text) } else { None })
        .or_else(|| if begins(&['/', '#', '+', '|']) { marked_lines(text) } else { None })
        .or_else(|| if begins(&['"']) { quotes_doubled(text) } else { None })
        .or_else(|| if begins(&['"', '`']) { json_in_a_string(text) } else { None })
        .or_else(|| if marks.escapes() { escaped_throughout(text) } else { None })
        .or_else(|| if marks.references() { character_references(text) } else { None })
}

fn quoted_lines(text: &str) -> Option<Unwrapped> {
    let mut quoted = 0;
    let mut begins = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some(inner) = line.trim_start().strip_prefix('>') {
            quoted += 1;
            let inner = inner.trim_start_matches('>').trim_start();
            if begins.is_none() && inner.starts_with(['{', '[', '`', '~', '"', '\u{ff5b}']) {
                begins = Some(at + (line.len() - line.trim_start().len()));
            }
        }
        at += line.len();
    }
    let begins = begins.filter(|_| quoted > 1)?;
    let mut out = Unwrapped::new(RepairKind::QuotedLines, begins, text.len());
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let inner = match line.trim_start().strip_prefix('>') {
            Some(inner) => inner.strip_prefix(' ').unwrap_or(inner),
            None => line,
        };
        out.push(inner, at + (line.len() - inner.len()));
        at += line.len();
    }
    Some(out)
}

/// `1 | {`: lines with their numbers, as a listing shows them.
fn numbered_lines(text: &str) -> Option<Unwrapped> {
    let number = |line: &str| -> Option<(u32, usize)> {
        let start = line.trim_start_matches([' ', '\t']);
        let digits = start.find(|c: char| !c.is_ascii_digit()).filter(|d| (1..=5).contains(d))?;
        let rest = start.get(digits..)?.trim_start_matches([' ', '\t']);
        let inner = rest.strip_prefix(['|', ':', '│', '→'])?;
        Some((start.get(..digits)?.parse().ok()?, line.len() - inner.len()))
    };
    let first = text.lines().find(|l| !l.trim().is_empty())?;
    let mut expected = number(first)?.0;
    let mut out = Unwrapped::new(RepairKind::QuotedLines, 0, text.len());
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim().is_empty() {
            let (here, skip) = number(line)?;
            if here != expected {
                return None;
            }
            expected += 1;
            out.push(line.get(skip..)?, at + skip);
        }
        at += line.len();
    }
    Some(out)
}

/// Every line begins with the same mark: a comment's, a diff's, a table's.
fn marked_lines(text: &str) -> Option<Unwrapped> {
    let mut lines = text.lines().map(str::trim_start).filter(|l| !l.is_empty());
    let first = lines.next()?;
    let mark = ["//", "#", "+", "|"].into_iter().find(|mark| first.starts_with(mark))?;
    let inner = first.strip_prefix(mark)?.trim_start();
    let mut more = 0;
    let all = lines.all(|line| {
        more += 1;
        line.strip_prefix(mark).is_some_and(|l| l.is_empty() || l.starts_with([' ', '\t']))
    });
    if !all || more == 0 || !inner.starts_with(['{', '[', '`', '~', '\u{ff5b}']) {
        return None;
    }
    let mut out = Unwrapped::new(RepairKind::QuotedLines, text.find(mark)?, text.len());
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let inner = line.trim_start_matches([' ', '\t']).strip_prefix(mark).unwrap_or(line);
        out.push(inner, at + (line.len() - inner.len()));
        at += line.len();
    }
    Some(out)
}

/// `"{""a"": 1}"`: a cell of a table, in which a quote is written twice.
fn quotes_doubled(text: &str) -> Option<Unwrapped> {
    let trimmed = text.trim_matches(space);
    let inner = trimmed.strip_prefix('"')?.strip_suffix('"')?;
    let begins = inner.trim_start_matches(|c: char| space(c) || matches!(c, '{' | '['));
    if begins.len() == inner.len() || !begins.starts_with("\"\"") || begins.starts_with("\"\"\"") {
        return None;
    }
    let begin = text.len() - text.trim_start_matches(space).len();
    let mut out = Unwrapped::new(RepairKind::EscapedText, begin, inner.len());
    let mut at = 0;
    while let Some(found) = inner.get(at..).and_then(|rest| rest.find("\"\"")) {
        out.push(inner.get(at..=at + found)?, begin + 1 + at);
        at += found + 2;
    }
    out.push(inner.get(at..)?, begin + 1 + at);
    Some(out)
}

/// What stands in the fence around a whole reply; else the reply.
fn in_its_fence(text: &str) -> &str {
    let trimmed = text.trim_matches(space);
    let inner = trimmed.strip_prefix("```").and_then(|t| t.trim_end_matches('`').split_once('\n'));
    inner.map_or(trimmed, |(_, inner)| inner.trim_matches(space))
}

/// A reply that is one JSON string, perhaps in a fence, with JSON in it.
fn json_in_a_string(text: &str) -> Option<Unwrapped> {
    let trimmed = in_its_fence(text);
    let inner = trimmed.strip_prefix('"')?.strip_suffix('"')?;
    let start = inner.trim_start_matches(|c: char| space(c) || c == '\\' || c == 'n');
    if !start.starts_with(['{', '[', '`', '"'])
        || serde_json::from_str::<&serde_json::value::RawValue>(trimmed).is_err()
    {
        return None;
    }
    let begin = text.find(trimmed)?;
    Some(unescaped(inner, begin, begin + 1))
}

/// The first bracket with a quote after it has an escaped one.
fn escaped_throughout(text: &str) -> Option<Unwrapped> {
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find(['{', '['])) {
        let at = from + found;
        let rest = text.get(at..)?;
        let mut inner = rest.trim_start_matches(|c: char| space(c) || c == '{' || c == '[');
        let mut newlines = false;
        while let Some(more) = inner.strip_prefix("\\n").or_else(|| inner.strip_prefix("\\t")) {
            newlines = true;
            inner = more.trim_start_matches(|c: char| space(c) || c == '{' || c == '[');
        }
        // One layer is taken off at a time, however many backslashes stand before the quote.
        if inner.starts_with('\\') && inner.trim_start_matches('\\').starts_with('"')
            || (newlines && inner.starts_with('"'))
        {
            return Some(unescaped(text, at, 0));
        }
        if inner.starts_with('"') {
            return None;
        }
        from = text.len() - inner.len();
        from = from.max(at + 1);
        if !text.is_char_boundary(from) {
            return None;
        }
    }
    None
}

/// One layer of escapes less; those that a string inside will read are left to it.
fn unescaped(text: &str, at: usize, base: usize) -> Unwrapped {
    let mut out = Unwrapped::new(RepairKind::EscapedText, at, text.len());
    let mut from = 0;
    let mut here = 0;
    while let Some(found) = text.get(here..).and_then(|rest| rest.find('\\')) {
        let slash = here + found;
        let next = text.get(slash + 1..).and_then(|rest| rest.chars().next());
        let plain = match next {
            Some('n') => "\n",
            Some('t') => "\t",
            Some('r') => "\r",
            Some('"') => "\"",
            Some('\\') => "\\",
            Some('/') => "/",
            _ => {
                here = slash + 1;
                continue;
            }
        };
        out.push(text.get(from..slash).unwrap_or(""), base + from);
        out.push(plain, base + slash);
        from = slash + 2;
        here = from;
    }
    out.push(text.get(from..).unwrap_or(""), base + from);
    out
}

/// `{&quot;a&quot;: 1}`: what a page shows as quotes.
fn character_references(text: &str) -> Option<Unwrapped> {
    const MARKS: [(&str, &str); 8] = [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#x22;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    let mark = text.find("&quot;").or_else(|| text.find("&#34;"))?;
    let before = text.get(..mark)?.trim_end_matches(space);
    if !before.ends_with(['{', '[']) {
        return None;
    }
    let mut out = Unwrapped::new(RepairKind::EscapedText, before.len() - 1, text.len());
    let mut from = 0;
    let mut here = 0;
    while let Some(found) = text.get(here..).and_then(|rest| rest.find('&')) {
        let at = here + found;
        let rest = text.get(at..).unwrap_or("");
        here = at + 1;
        if let Some((name, plain)) = MARKS.iter().find(|(name, _)| rest.starts_with(name)) {
            out.push(text.get(from..at).unwrap_or(""), from);
            out.push(plain, at);
            from = at + name.len();
            here = from;
        }
    }
    out.push(text.get(from..).unwrap_or(""), from);
    Some(out)
}
