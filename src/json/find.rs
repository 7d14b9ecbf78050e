//! Where in the reply is the value?
//!
//! The reply is walked once from left to right. Reasoning is passed over (a lone closing tag discards all before it).
//! At each bracket a value is tried; each is weighed by how it stands (in a fence, on lines of its own, at the end of
//! an assignment), by its form (keys in quotes) and by what introduces it (an example weighs less, an answer more).
//! The heaviest wins, the first of equals. One that no careful person would take for JSON is not weighed at all.

use super::chars::{closers, closes, colon, opens, quote, space};
use super::mend::{Fault, Mended, Mender};
use super::scalar;
use super::string::Place;
use super::types::{ParseError, Parsed, ReadAs, Repair, RepairKind, Wanted};
use serde_json::Value;

/// Steps allowed for each byte of the reply: the walk ends with what it has when they are spent.
const FUEL: u64 = 200;

const REASONING: [(&str, &str); 9] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<analysis>", "</analysis>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
];

/// A candidate, with its weight.
struct Candidate {
    read: Mended,
    start: usize,
    weight: i32,
}

/// The places of the duplicate keys in a valid text.
pub(super) fn duplicates(text: &str) -> Vec<Repair> {
    let mut mender = Mender::new(text, text.find(['{', '[']).unwrap_or(0));
    let mut repairs = mender.read(false).map(|read| read.repairs).unwrap_or_default();
    repairs.retain(|r| r.kind == RepairKind::DuplicateKey);
    repairs
}

/// Finds and mends the value; the steps it took.
pub(super) fn read(text: &str) -> (Result<Parsed, ParseError>, u64) {
    let mut steps = 0;
    let mut rewritten: Option<(String, RepairKind)> = None;
    // Two layers of quoting or escaping at most: a loop, so that no reply can drive a recursion.
    for _ in 0..3 {
        let current = rewritten.as_ref().map_or(text, |(t, _)| t.as_str());
        if let Some((plain, kind)) = unwrapped(current) {
            steps += current.len() as u64;
            rewritten = Some((plain, kind));
            continue;
        }
        break;
    }
    let current = rewritten.as_ref().map_or(text, |(t, _)| t.as_str());
    let (mut result, more) = walk(current);
    if let (Ok(parsed), Some((_, kind))) = (&mut result, &rewritten) {
        let found = Repair::new(*kind, 0);
        parsed.repairs.retain(|r| r.kind != RepairKind::Surroundings);
        parsed.repairs.iter_mut().for_each(|r| r.at = 0);
        parsed.repairs.insert(0, found);
    }
    (result, steps + more)
}

/// The text without one layer of line quoting, or of escaping, when it stands under one.
fn unwrapped(text: &str) -> Option<(String, RepairKind)> {
    let quoted = |line: &str| line.trim_start().starts_with('>');
    let begins = |line: &str| {
        let inner = line.trim_start().trim_start_matches('>').trim_start();
        quoted(line) && inner.starts_with(['{', '[', '`', '~'])
    };
    if text.contains('>') && text.lines().any(begins) && text.lines().filter(|l| quoted(l)).count() > 1 {
        let lines: Vec<&str> = text
            .lines()
            .map(|l| match l.trim_start().strip_prefix('>') {
                Some(inner) => inner.strip_prefix(' ').unwrap_or(inner),
                None => l,
            })
            .collect();
        return Some((lines.join("\n"), RepairKind::QuotedLines));
    }
    let trimmed = text.trim_matches(space);
    if trimmed.starts_with('"')
        && let Ok(inner) = serde_json::from_str::<String>(trimmed)
        && inner.trim_start().starts_with(['{', '[', '`'])
    {
        return Some((inner, RepairKind::EscapedText));
    }
    let first = text.find(['{', '['])?;
    let behind = text.get(first + 1..)?;
    let inner = behind.trim_start_matches(|c| space(c) || c == '{' || c == '[');
    let newline = inner.strip_prefix("\\n").map(|r| r.trim_start().trim_start_matches("\\n").trim_start());
    let escaped = newline.unwrap_or(inner).starts_with("\\\"") || newline.is_some_and(|r| r.starts_with('"'));
    escaped.then(|| (unescaped(text), RepairKind::EscapedText))
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some(c @ ('"' | '\\' | '/')) => out.push(c),
            Some(c) => out.extend(['\\', c]),
            None => {}
        }
    }
    out
}

fn starts_with_ignoring_case(text: &str, what: &str) -> bool {
    text.as_bytes().get(..what.len()).is_some_and(|t| t.eq_ignore_ascii_case(what.as_bytes()))
}

/// Finds text in any case, from an offset on.
fn find_ignoring_case(text: &str, from: usize, what: &str) -> Option<usize> {
    let rest = text.as_bytes().get(from..)?;
    rest.windows(what.len()).position(|w| w.eq_ignore_ascii_case(what.as_bytes())).map(|at| from + at)
}

fn walk(text: &str) -> (Result<Parsed, ParseError>, u64) {
    let fuel = FUEL * text.len() as u64 + 1024;
    let mut steps = 0_u64;
    let mut best: Option<Candidate> = None;
    let mut deep = None;
    let mut reasoned = false;
    let mut at = 0;
    let mut strict_fuel = 16 * text.len() as i64;
    let mut fence = false;
    let head = text.trim_start_matches(space);
    let page = starts_with_ignoring_case(head, "<!doctype html") || starts_with_ignoring_case(head, "<html");
    let mut begin = 0;
    while !page && steps < fuel {
        let rest = text.get(at..).unwrap_or("");
        let interesting = |c: char| matches!(c, '<' | '`' | '~' | '{' | '[' | '\u{ff5b}' | '\u{ff3b}' | '◁');
        let Some(found) = rest.find(interesting) else { break };
        steps += found as u64 + 1;
        at += found;
        let rest = text.get(at..).unwrap_or("");
        let Some(c) = rest.chars().next() else { break };
        if let Some((_, close)) = REASONING.iter().find(|(open, _)| starts_with_ignoring_case(rest, open)) {
            reasoned = true;
            at = find_ignoring_case(text, at, close).map_or(text.len(), |end| end + close.len());
            begin = at;
            steps += (at.min(text.len()) - (text.len() - rest.len())) as u64;
            best = None;
            continue;
        }
        if let Some((_, close)) = REASONING.iter().find(|(_, close)| starts_with_ignoring_case(rest, close)) {
            reasoned = true;
            at += close.len();
            begin = at;
            best = None;
            continue;
        }
        if rest.starts_with("```") || rest.starts_with("~~~") {
            at += rest.len() - rest.trim_start_matches(c).len();
            fence = !fence;
            continue;
        }
        if !matches!(c, '{' | '[' | '\u{ff5b}' | '\u{ff3b}') {
            at += c.len_utf8();
            continue;
        }
        let valid = if strict_fuel > 0 { valid_at(text, at) } else { None };
        let read = match valid {
            Some(valid) => Ok(valid),
            None => {
                // Where serde_json stopped is not told: the failure is charged with all it could have read.
                strict_fuel -= rest.len() as i64;
                let mut mender = Mender::new(text, at);
                let read = mender.read(false);
                steps += mender.steps;
                read
            }
        };
        match read {
            Ok(read) => {
                let end = read.end.max(at + c.len_utf8());
                match weigh(text, begin, at, &read, fence) {
                    Some(weight) => {
                        if best.as_ref().is_none_or(|b| weight > b.weight) {
                            best = Some(Candidate { read, start: at, weight });
                        }
                        at = end;
                    }
                    None => at += c.len_utf8(),
                }
            }
            Err(Fault::Deep(offset)) => {
                deep.get_or_insert(offset);
                break;
            }
            Err(Fault::Nothing) => at += c.len_utf8(),
        }
    }
    if !page
        && let Some(braceless) = without_braces(text, begin, &mut steps)
        && best.as_ref().is_none_or(|b| b.start > braceless.start)
    {
        best = Some(braceless);
    }
    let result = match best {
        Some(candidate) => Ok(parsed(text, candidate)),
        None => lone_scalar(text.get(begin..).unwrap_or(""), begin).ok_or_else(|| match deep {
            Some(offset) => ParseError::new(Wanted::Shallower, text, offset),
            None if reasoned => ParseError::new(Wanted::Answer, text, text.len()),
            None => ParseError::new(Wanted::Value, text, text.len()),
        }),
    };
    (result, steps)
}

/// A valid value there, with nothing to mend: not one of its strings is looked at twice.
fn valid_at(text: &str, at: usize) -> Option<Mended> {
    let mut values = serde_json::Deserializer::from_str(text.get(at..)?).into_iter::<super::strict::Single>();
    let value = values.next()?.ok()?.0;
    let quoted_keys = match &value {
        Value::Object(map) => map.len(),
        Value::Array(items) => items.iter().filter(|i| i.is_object()).count(),
        _ => 0,
    };
    let end = at + values.byte_offset();
    let (next, rest) = (text.get(end..)?.trim_start(), text.get(end + 1..).unwrap_or(""));
    // An object closed too early goes on: the mender reads on past the bracket.
    if next.starts_with(',') && value.is_object() && rest.trim_start_matches([',', ' ', '\n']).starts_with('"') {
        return None;
    }
    Some(Mended { value, end, repairs: Vec::new(), complete: true, quoted_keys, bare_words: 0 })
}

fn parsed(text: &str, candidate: Candidate) -> Parsed {
    let Candidate { read, start, .. } = candidate;
    let mut repairs = read.repairs;
    let before = text.get(..start).unwrap_or("");
    let after = text.get(read.end..).unwrap_or("").trim_start_matches(space);
    if after.starts_with(closes) {
        repairs.push(Repair::new(RepairKind::Bracket, text.len() - after.len()));
    }
    if before.contains(|c: char| !c.is_whitespace()) {
        repairs.insert(0, Repair::new(RepairKind::Surroundings, 0));
    } else if after.contains(|c: char| !space(c) && !closes(c)) {
        repairs.push(Repair::new(RepairKind::Surroundings, read.end));
    }
    Parsed { value: read.value, read_as: ReadAs::Repaired, repairs }
}

/// How much a candidate looks like the answer; nothing when it does not look like JSON at all.
fn weigh(text: &str, begin: usize, start: usize, read: &Mended, fence: bool) -> Option<i32> {
    let before = text.get(begin..start).unwrap_or("");
    let after = text.get(read.end..).unwrap_or("");
    let line_before = before.rsplit('\n').next().unwrap_or("").trim();
    let line_after = after.split('\n').next().unwrap_or("").trim();
    let first = before.trim_matches(space).is_empty();
    let alone =
        line_before.is_empty() && line_after.trim_start_matches(|c| closes(c) || c == ',' || c == ';').is_empty();
    let introduced = line_before.ends_with(|c: char| colon(c) || matches!(c, '(' | '>' | '`' | '"'));
    let standing = fence || alone || introduced || (line_before.is_empty() && read.quoted_keys > 0);
    let mut weight = 0;
    match &read.value {
        Value::Object(map) if map.is_empty() => {
            let written =
                text.get(start..read.end).is_some_and(|t| t.chars().all(|c| space(c) || opens(c) || closes(c)));
            if !(written && (standing || first)) && !(first && !read.complete && after.is_empty()) {
                return None;
            }
            weight -= 4;
        }
        Value::Object(map) => {
            let bare = read.quoted_keys == 0;
            if bare && !standing && !first && (read.bare_words >= map.len() || !read.complete) {
                return None;
            }
            weight += if bare { 2 } else { 6 };
        }
        Value::Array(items) => {
            let objects = items.iter().any(|i| i.is_object() || i.is_array());
            let markdown = line_after.starts_with('(') && items.len() == 1;
            let all_bare = read.bare_words >= items.len() && read.quoted_keys == 0;
            let citation = items.len() == 1 && items.iter().all(Value::is_number) && !(introduced || fence);
            if markdown || (!fence && all_bare && !(first && alone)) || (citation && !(first && alone)) {
                return None;
            }
            if items.is_empty() && !standing && !first {
                return None;
            }
            weight += if objects { 5 } else { 2 };
        }
        _ => return None,
    }
    if !read.complete && !standing && !first && read.quoted_keys == 0 {
        return None;
    }
    weight += i32::from(fence) * 4 + i32::from(alone) * 2 + i32::from(introduced) + i32::from(read.complete) * 3;
    let mut from = before.len().saturating_sub(60);
    while !before.is_char_boundary(from) {
        from += 1;
    }
    let near = before.get(from..).unwrap_or("").to_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| near.contains(w));
    if has(&[
        "example",
        "e.g.",
        "for instance",
        "format",
        "schema",
        "template",
        "draft",
        "例えば",
        "たとえば",
        "例:",
        "例\u{ff1a}",
        "形式",
        "サンプル",
        "input",
    ]) {
        weight -= 5;
    }
    if has(&["answer", "final", "result", "output", "corrected", "答え", "回答", "結果", "最終", "出力", "修正"])
    {
        weight += 3;
    }
    Some(weight)
}

/// An object's pairs without their braces: the reply (or its fence) begins with a key in quotes.
fn without_braces(text: &str, begin: usize, steps: &mut u64) -> Option<Candidate> {
    let mut start = begin;
    let mut rest = text.get(start..)?.trim_start_matches(space);
    if let Some(fenced) = rest.strip_prefix("```") {
        rest = fenced.trim_start_matches(|c: char| c.is_ascii_alphanumeric()).trim_start_matches(space);
    }
    start = start.max(text.len() - rest.len());
    let open = rest.chars().next().filter(|c| quote(*c))?;
    closers(open)?;
    let mut probe = Mender::new(text, start);
    probe.string(Place::Key)?;
    *steps += probe.steps;
    let (_, next) = probe.next_from(probe.at);
    if !next.is_some_and(colon) {
        return None;
    }
    let mut mender = Mender::new(text, start);
    let read = mender.read(true).ok();
    *steps += mender.steps;
    let read = read?;
    let filled = matches!(&read.value, Value::Object(map) if !map.is_empty());
    filled.then_some(Candidate { read, start, weight: 0 })
}

/// A whole reply that is one literal or number, perhaps in a fence.
fn lone_scalar(text: &str, begin: usize) -> Option<Parsed> {
    let trimmed = text.trim_matches(space);
    let inner = match trimmed.strip_prefix("```") {
        Some(fenced) => fenced.trim_end_matches('`').split_once('\n')?.1.trim_matches(space),
        None => trimmed,
    };
    let value =
        if scalar::whole(inner) { Some(scalar::read(inner, false).0) } else { serde_json::from_str(inner).ok() }?;
    let repairs = vec![Repair::new(RepairKind::Literal, begin)];
    Some(Parsed { value, read_as: ReadAs::Repaired, repairs })
}
