//! Where in the reply is the value?
//!
//! The reply is walked once from left to right, and at each bracket that may begin JSON a value is tried. The choice:
//!
//! 1. What stands after the reasoning counts, what stands in it does not.
//! 2. The first *answer* wins: a value that begins the reply, its line or its fence, whose keys stand in quotes, that
//!    is complete, and that the words before it do not call an example, a format or an input.
//! 3. Where there is no such answer, the heaviest candidate wins, the first of equals: weighed by its form (keys in
//!    quotes, objects in a list), by its place (in a fence for JSON, alone on its lines, after a colon) and by the
//!    words before it.
//! 4. What no careful person would take for JSON (a citation, a placeholder, a link, a set in a formula) is no
//!    candidate at all; a reply without one is refused.

use serde_json::Value;

use super::MAX_DEPTH;
use super::chars::{closes, colon_like, comma, opens, quote, space};
use super::mend::{Fault, Mended, Mender, Setting};
use super::reasoning::{self, Tag, starts_with_ignoring_case};
use super::scalar;
use super::schema::Schema;
use super::strict::{self, Invalid};
use super::types::{ParseError, Parsed, ReadAs, Repair, RepairKind, Wanted};
use super::wrapping::{Unwrapped, unwrapped};

/// Steps allowed for each byte of the reply: the walk ends with what it has when they are spent.
const FUEL: u64 = 100;
/// More than any weight: a correction's.
const CORRECTION: i32 = 1_000;
/// Candidates kept for a schema or a type to choose from.
const MOST: usize = 16;

/// A value that may be the one.
struct Candidate {
    read: Mended,
    start: usize,
    weight: i32,
    answer: bool,
}

/// How a reply is to be read.
#[derive(Clone, Copy, Default)]
pub(super) struct Asked<'s> {
    /// All candidates are wanted, not the first answer alone.
    pub all: bool,
    /// What the reply was asked to be: it settles how an ambiguous text is read.
    pub schema: Option<&'s Schema>,
}

/// Finds and mends: the readings of the reply, best first; and the steps it took.
pub(super) fn read(text: &str, asked: Asked<'_>) -> (Result<Vec<Parsed>, ParseError>, u64) {
    let mut steps = 0;
    let mut layers: Vec<Unwrapped> = Vec::new();
    // Few layers at most: a loop, so that no reply can drive a recursion.
    for _ in 0..3 {
        let current = layers.last().map_or(text, |l| l.text.as_str());
        steps += current.len() as u64;
        let Some(layer) = unwrapped(current) else { break };
        layers.push(layer);
    }
    let current = layers.last().map_or(text, |l| l.text.as_str());
    let (result, more) = find(current, asked);
    let origin = |offset: usize, layers: &[Unwrapped]| layers.iter().rev().fold(offset, |at, layer| layer.origin(at));
    let result = result.map(|mut readings| {
        for reading in &mut readings {
            for repair in &mut reading.repairs {
                repair.at = origin(repair.at, &layers);
            }
            for (i, layer) in layers.iter().enumerate() {
                let at = origin(layer.at, layers.get(..i).unwrap_or_default());
                reading.repairs.push(Repair::new(layer.kind, at));
            }
            reading.repairs.sort_by_key(|r| r.at);
            reading.repairs.dedup();
        }
        readings
    });
    let result = result.map_err(|(wanted, at)| ParseError::new(wanted, text, origin(at, &layers)));
    (result, steps + more)
}

fn find(text: &str, asked: Asked<'_>) -> (Result<Vec<Parsed>, (Wanted, usize)>, u64) {
    let head = text.trim_start_matches(space);
    let tags = reasoning::tags(text);
    let mut steps = text.len() as u64;
    if is_page(head) {
        return (Err((Wanted::Value, text.len())), steps);
    }
    let mut walk = Walk::new(text, 0, asked, &tags);
    if let Some(last) = tags.iter().rev().find(|t| !t.opens && !t.perhaps) {
        // After the last of the reasoning, unless the reply begins with its answer, in which the tag is text.
        walk.head_only();
        if walk.found.iter().any(|c| c.answer && c.read.complete) {
            steps += walk.steps;
            return (Ok(walk.readings()), steps);
        }
        steps += walk.steps;
        let mut after = Walk::new(text, last.end, asked, &tags);
        after.run(false);
        steps += after.steps;
        if !after.found.is_empty() || after.scalar.is_some() {
            return (Ok(after.readings()), steps);
        }
        walk = Walk::new(text, 0, asked, &tags);
    }
    walk.run(true);
    if walk.found.is_empty() && walk.scalar.is_none() && tags.iter().any(|t| t.perhaps) {
        steps += walk.steps;
        let sure: Vec<Tag> = tags.iter().copied().filter(|t| !t.perhaps).collect();
        let mut again = Walk::new(text, 0, asked, &sure);
        again.run(true);
        steps += again.steps;
        if !again.found.is_empty() {
            return (Ok(again.readings()), steps);
        }
    }
    steps += walk.steps;
    if walk.found.is_empty() && walk.scalar.is_none() {
        let fault = match walk.deep {
            Some(at) => (Wanted::Shallower, at),
            None if walk.reasoned => (Wanted::Answer, text.len()),
            None => (Wanted::Value, text.len()),
        };
        return (Err(fault), steps);
    }
    (Ok(walk.readings()), steps)
}

/// An HTML page is no answer, whatever its scripts hold.
fn is_page(mut head: &str) -> bool {
    while let Some(rest) = head
        .strip_prefix("<!--")
        .and_then(|r| r.split_once("-->"))
        .or_else(|| head.strip_prefix("<?xml").and_then(|r| r.split_once("?>")))
    {
        head = rest.1.trim_start();
    }
    ["<!doctype html", "<html", "<head>", "<body"].iter().any(|mark| starts_with_ignoring_case(head, mark))
}

/// What a fence says it holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Json,
    Unsaid,
    Code,
    Other,
}

fn language(info: &str) -> Language {
    let name: String = info.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>().to_lowercase();
    match name.as_str() {
        "json" | "jsonc" | "json5" | "jsonl" | "ndjson" | "json_object" | "geojson" | "hjson" => Language::Json,
        "" | "text" | "txt" | "plaintext" | "plain" | "markdown" | "md" | "output" | "response" | "answer" => {
            Language::Unsaid
        }
        "javascript" | "js" | "typescript" | "ts" | "jsx" | "tsx" | "python" | "py" | "python3" | "ruby" | "rb"
        | "php" | "java" | "kotlin" | "swift" | "go" | "rust" | "c" | "cpp" | "csharp" | "cs" | "tool_code"
        | "tool_call" => Language::Code,
        "bash" | "sh" | "shell" | "zsh" | "console" | "powershell" | "css" | "scss" | "html" | "xml" | "svg"
        | "yaml" | "yml" | "toml" | "ini" | "sql" | "diff" | "dockerfile" | "graphql" | "mermaid" | "latex" | "tex" => {
            Language::Other
        }
        _ => Language::Unsaid,
    }
}

#[derive(Clone, Copy)]
struct Fence {
    mark: char,
    length: usize,
    language: Language,
    /// Where its content begins.
    begin: usize,
}

struct Walk<'t, 's> {
    text: &'t str,
    begin: usize,
    asked: Asked<'s>,
    tags: &'t [Tag],
    steps: u64,
    fuel: u64,
    found: Vec<Candidate>,
    scalar: Option<Parsed>,
    deep: Option<usize>,
    reasoned: bool,
    fence: Option<Fence>,
    /// Where the last candidate ended.
    passed: usize,
    /// Bytes of strict attempts that failed.
    wasted: usize,
}

impl<'t, 's> Walk<'t, 's> {
    const fn new(text: &'t str, begin: usize, asked: Asked<'s>, tags: &'t [Tag]) -> Self {
        Self {
            text,
            begin,
            asked,
            tags,
            steps: 0,
            fuel: FUEL * text.len() as u64 + 1024,
            found: Vec::new(),
            scalar: None,
            deep: None,
            reasoned: false,
            fence: None,
            passed: begin,
            wasted: 0,
        }
    }

    fn tail(&self, at: usize) -> &'t str {
        self.text.get(at..).unwrap_or("")
    }

    /// Where the content begins: after white space, a fence's opening, a label, tags that are no reasoning.
    fn head(&self) -> usize {
        let mut rest = self.tail(self.begin);
        loop {
            let before = rest.len();
            rest = rest.trim_start_matches(|c: char| space(c) || matches!(c, '`' | '~' | '*'));
            if starts_with_ignoring_case(rest, "json") {
                let word = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
                rest = rest.get(word..).unwrap_or("").trim_start_matches(':');
            } else if rest.starts_with('<')
                && let Some(end) = rest.find(['>', '\n', '{', '[']).filter(|end| *end < 80)
                && rest.get(end..).is_some_and(|r| r.starts_with('>'))
                && !self.tags.iter().any(|t| t.at == self.text.len() - rest.len())
            {
                rest = rest.get(end + 1..).unwrap_or("");
            }
            if rest.len() == before {
                return self.text.len() - rest.len();
            }
        }
    }

    fn head_only(&mut self) {
        let head = self.head();
        if let Some(c) = self.tail(head).chars().next().filter(|c| matches!(c, '{' | '[' | '\u{ff5b}' | '\u{ff3b}')) {
            self.bracket(head, c);
        }
    }

    /// Walks the text from its beginning. `closing`: a lone closing tag discards what stands before it.
    fn run(&mut self, closing: bool) {
        let mut at = self.begin;
        let mut tag = self.tags.partition_point(|t| t.at < at);
        let interesting = |c: char| matches!(c, '<' | '`' | '~' | '{' | '[' | '\u{ff5b}' | '\u{ff3b}' | '◁');
        while self.steps < self.fuel {
            let Some(found) = self.tail(at).find(interesting) else { break };
            self.steps += found as u64 + 1;
            at += found;
            let Some(c) = self.tail(at).chars().next() else { break };
            while self.tags.get(tag).is_some_and(|t| t.at < at) {
                tag += 1;
            }
            if let Some(here) = self.tags.get(tag).filter(|t| t.at == at && closing) {
                self.reasoned = true;
                let close = if here.opens {
                    self.tags.iter().enumerate().skip(tag + 1).find(|(_, t)| !t.opens).map(|(i, t)| (i, t.end))
                } else {
                    Some((tag, here.end))
                };
                let Some((index, end)) = close else {
                    // Reasoning that never ends.
                    if !here.perhaps {
                        self.begin = self.text.len();
                    }
                    at = self.text.len();
                    break;
                };
                if !here.opens {
                    self.found.clear();
                }
                tag = index + 1;
                at = end;
                self.begin = at;
                self.passed = at;
                continue;
            }
            if matches!(c, '`' | '~') {
                at = self.fence_mark(at, c);
                continue;
            }
            if !matches!(c, '{' | '[' | '\u{ff5b}' | '\u{ff3b}') {
                at += c.len_utf8();
                continue;
            }
            let end = self.bracket(at, c);
            if self.deep.is_some() {
                break;
            }
            let answered = self.found.last().is_some_and(|c| c.answer && c.read.complete);
            if answered && !self.asked.all && !corrects_itself(self.tail(self.passed)) {
                return;
            }
            at = end.unwrap_or(at + c.len_utf8());
        }
        let _ = at;
        self.without_braces();
        if self.found.is_empty() {
            self.scalar = lone_scalar(self.tail(self.begin), self.begin);
        }
    }

    /// A run of fence marks: a fence opens or closes.
    fn fence_mark(&mut self, at: usize, mark: char) -> usize {
        let rest = self.tail(at);
        let inner = rest.trim_start_matches(mark);
        let length = rest.len() - inner.len();
        self.steps += length as u64;
        let behind = at + length;
        if length < 3 {
            return behind;
        }
        let line = inner.split('\n').next().unwrap_or("");
        let info = line.trim();
        match self.fence {
            // A fence that says a language opens one, also within another.
            Some(open) if open.mark == mark && length >= open.length && info.is_empty() => self.fence = None,
            Some(open) if open.mark != mark && info.is_empty() => {}
            _ => {
                let mut said = language(info);
                let mut begin = behind;
                if info.is_empty()
                    && let Some(next) = inner.trim_start().split('\n').next()
                    && starts_with_ignoring_case(next, "json")
                    && next.trim().len() <= 5
                {
                    said = Language::Json;
                    begin = self.text.len() - inner.trim_start().len() + next.len();
                } else if !info.contains(['{', '[']) {
                    begin = behind + line.len();
                } else {
                    begin += line.find(['{', '[']).unwrap_or(0);
                }
                self.fence = Some(Fence { mark, length, language: said, begin });
            }
        }
        behind
    }

    /// A bracket: the end of the candidate that begins there, if one does.
    fn bracket(&mut self, at: usize, c: char) -> Option<usize> {
        let head = at == self.head();
        let fence = self.fence;
        let language = fence.map(|f| f.language);
        if language == Some(Language::Other) {
            return None;
        }
        let before = self.text.get(self.begin..at).unwrap_or("");
        let line_before = before.rsplit('\n').next().unwrap_or("");
        let line_begins =
            line_before.trim_matches(|c: char| space(c) || matches!(c, '*' | '-' | '•' | '|' | '`')).is_empty()
                || line_before.trim_end_matches(['.', ' ']).bytes().all(|b| b.is_ascii_digit() || b == b' ');
        let first = fence.is_some_and(|f| self.text.get(f.begin..at).is_some_and(|t| t.trim_matches(space).is_empty()));
        let place = Place { head, line_begins, first, fence: language, line_before: line_before.trim(), before };
        if !self.plausible(at, c, &place) {
            return None;
        }
        let read = self.value(at, &place)?;
        let end = read.end.max(at + c.len_utf8());
        let (read, end) = self.followed_by_more(read, at, end);
        self.steps += 64;
        let (weight, answer) = self.weigh(at, &read, &place)?;
        self.passed = end;
        if self.found.len() < MOST || answer {
            self.found.push(Candidate { read, start: at, weight, answer });
        }
        Some(end)
    }

    /// Whether what follows the bracket may be JSON: the check that spares prose the mending.
    fn plausible(&mut self, at: usize, c: char, place: &Place<'_>) -> bool {
        let before = place.line_before.chars().next_back();
        let touching = !self.text.get(..at).unwrap_or("").ends_with(space);
        if touching && before == Some('$') {
            return false;
        }
        let mut probe = Mender::new(self.text, at, Setting::default());
        let (then_at, then) = probe.next_from(at + c.len_utf8());
        let standing = place.head || place.first || place.line_begins;
        let Some(then) = then else {
            return standing && (place.head || place.first || place.before.trim_end().ends_with(colon_like));
        };
        let plausible = if opens_object(c) {
            quote(then)
                || (then == '}' && (standing || introduced(place)))
                || probe.key_like(then_at)
                || (matches!(then, 'u' | 'b' | 'r' | 'f') && self.tail(then_at + 1).starts_with(['\'', '"']))
                || (opens_object(then) && probe_doubled(&mut probe, then_at))
                || (standing
                    && (comma(then)
                        || probe.comment_at(then_at)
                        || probe.ellipsis_at(then_at)
                        || matches!(then, '*' | '-' | '\\' | '•' | '[' | '\u{ff3b}' | ':')
                        || (then == '\u{ff5d}')))
                || (place.head && then.is_alphabetic() && !self.tail(then_at).contains('}'))
        } else {
            let index = touching && before.is_some_and(|b| b.is_alphanumeric() || matches!(b, ']' | ')' | '_'));
            let link = index
                || (then == 'x' && self.tail(then_at).starts_with("x]"))
                || (then == ']' && !place.head && !place.first && !introduced(place));
            !link
                && (quote(then)
                    || opens(then)
                    || then.is_numeric()
                    || matches!(then, '-' | '+' | ']' | '.' | '\u{ff0d}')
                    || probe.word_literal(then_at)
                    || ((place.head || place.first)
                        && (then.is_alphabetic() || comma(then) || probe.comment_at(then_at) || then == '…'))
                    || (introduced(place) && (then.is_alphabetic() || probe.comment_at(then_at))))
        };
        self.steps += probe.steps;
        plausible
    }

    fn value(&mut self, at: usize, place: &Place<'_>) -> Option<Mended> {
        // A text of many failures is not read again and again from each of its brackets.
        if self.wasted <= 4 * self.text.len() {
            match strict::value_at(self.text, at) {
                Ok(valid) => {
                    if let Some(read) = self.valid(valid) {
                        return Some(read);
                    }
                }
                Err(Invalid::At(failed) | Invalid::Deep(failed)) => self.wasted += failed - at,
            }
        }
        let fenced = place.fence.is_some() || place.head;
        let mut mender = Mender::new(self.text, at, Setting { fenced, braceless: false, wanted: self.asked.schema });
        let read = mender.read();
        self.steps += mender.steps;
        match read {
            Ok(read) => Some(read),
            Err(Fault::Deep(offset)) => {
                self.deep.get_or_insert(offset);
                None
            }
            Err(Fault::Nothing) => None,
        }
    }

    /// A valid value, unless it was closed too early and goes on.
    fn valid(&self, valid: strict::Valid) -> Option<Mended> {
        let strict::Valid { value, end, twice } = valid;
        let rest = self.tail(end).trim_start_matches(space);
        let more = rest.strip_prefix(comma).map(|r| r.trim_start_matches(space));
        let key = |rest: &str| {
            let at = self.text.len() - rest.len();
            rest.starts_with(quote) && Mender::new(self.text, at, Setting::default()).quoted_key_at(at)
        };
        if value.is_object() && (more.is_some_and(key) || key(rest)) {
            return None;
        }
        if value.is_array() && more.is_some_and(|m| m.starts_with(|c: char| quote(c) || c.is_ascii_digit())) {
            return None;
        }
        let quoted_keys = match &value {
            Value::Object(map) => map.len(),
            Value::Array(items) => items.iter().filter(|i| i.as_object().is_some_and(|o| !o.is_empty())).count(),
            _ => 0,
        };
        let repairs = twice.into_iter().map(|at| Repair::new(RepairKind::DuplicateKey, at)).collect();
        Some(Mended { value, end, repairs, complete: true, quoted_keys, bare_words: 0 })
    }

    /// Objects with commas between them are a list without its brackets.
    fn followed_by_more(&mut self, mut read: Mended, at: usize, mut end: usize) -> (Mended, usize) {
        if !read.value.is_object() || !read.complete {
            return (read, end);
        }
        let mut items = Vec::new();
        while self.steps < self.fuel {
            let rest = self.tail(end).trim_start_matches(space);
            let Some(more) = rest.strip_prefix(comma).map(|r| r.trim_start_matches(space)) else { break };
            if !more.starts_with(['{', '\u{ff5b}']) {
                break;
            }
            let next = self.text.len() - more.len();
            let place =
                Place { head: false, line_begins: true, first: false, fence: None, line_before: "", before: "" };
            let Some(mut item) = self.value(next, &place) else { break };
            if !item.value.is_object() {
                break;
            }
            end = item.end.max(next + 1);
            read.repairs.append(&mut item.repairs);
            read.quoted_keys += item.quoted_keys;
            read.bare_words += item.bare_words;
            read.complete = item.complete;
            items.push(item.value);
        }
        if !items.is_empty() {
            items.insert(0, read.value);
            read.value = Value::Array(items);
            read.repairs.insert(0, Repair::new(RepairKind::Bracket, at));
            let rest = self.tail(end).trim_start_matches(space);
            if rest.starts_with([']', '\u{ff3d}']) {
                end = self.text.len() - rest.len() + rest.chars().next().map_or(0, char::len_utf8);
            }
            read.end = end;
        }
        (read, end)
    }

    /// How much a candidate looks like the answer, and whether it is one for sure; nothing when it is not JSON at all.
    fn weigh(&self, start: usize, read: &Mended, place: &Place<'_>) -> Option<(i32, bool)> {
        let after = self.tail(read.end);
        let line_after = after.split('\n').next().unwrap_or("").trim();
        let ends_line = line_after
            .trim_start_matches(|c: char| {
                closes(c) || matches!(c, ',' | ';' | '`' | '*' | '|' | '.' | '。') || space(c)
            })
            .is_empty();
        let alone = place.line_begins && ends_line;
        let introduced = introduced(place);
        let fenced = place.fence.is_some();
        let standing = place.head || fenced || alone || introduced || (place.line_begins && read.quoted_keys > 0);
        let mut weight = 0;
        let mut sound = read.quoted_keys > 0;
        match &read.value {
            Value::Object(map) if map.is_empty() => {
                let text = self.text.get(start..read.end).unwrap_or("");
                let written = text.chars().all(|c| space(c) || opens(c) || closes(c));
                if !(written && standing) && !(place.head && !read.complete) && !(standing && text.contains("...")) {
                    let cut_key = !read.complete && after.is_empty() && (place.head || place.first || introduced);
                    if !cut_key {
                        return None;
                    }
                }
                weight -= 4;
                sound = place.head || place.first;
            }
            Value::Object(map) => {
                let bare = read.quoted_keys == 0;
                if bare && !standing && (read.bare_words >= map.len() || !read.complete) {
                    return None;
                }
                if bare && place.fence == Some(Language::Code) && !place.first && !introduced {
                    return None;
                }
                if place.fence == Some(Language::Code) && read.bare_words > 0 && !place.first && !introduced {
                    return None;
                }
                weight += if bare { 2 } else { 6 };
                sound |= place.head || place.first;
            }
            Value::Array(items) => {
                let nested = items.iter().any(|i| i.is_object() || i.is_array());
                let link = line_after.starts_with('(') && items.len() == 1;
                let all_bare = read.bare_words >= items.len() && read.quoted_keys == 0;
                let numbers = !items.is_empty() && items.iter().all(Value::is_number);
                let head = place.head && (alone || !read.complete);
                if link
                    || (all_bare && !items.is_empty() && !(fenced || head || (introduced && read.complete)))
                    || (numbers && !(introduced || place.first || head || (alone && items.len() > 1)))
                    || (items.is_empty() && !(standing || place.head))
                    || (place.fence == Some(Language::Code) && !(place.first || introduced || nested))
                {
                    return None;
                }
                weight += if nested { 5 } else { 2 };
                sound |= (place.head || place.first) && !all_bare;
                sound |= place.head && alone;
            }
            _ => return None,
        }
        if !read.complete && !standing && read.quoted_keys == 0 {
            return None;
        }
        weight += match place.fence {
            Some(Language::Json) => 4,
            Some(Language::Unsaid) => 3,
            Some(_) => 1,
            None => 0,
        };
        weight += i32::from(alone) * 2 + i32::from(introduced) + i32::from(read.complete) * 3;
        let said = self.said_before(start);
        weight += match said {
            Said::Example => -8,
            Said::Correction | Said::Answer => 3,
            Said::Nothing => 0,
        };
        let stands = place.head || place.first || (place.line_begins && (fenced || read.quoted_keys > 0));
        let answer = stands && sound && place.fence != Some(Language::Code) && said != Said::Example;
        if answer && read.complete && said == Said::Correction {
            // The model takes back what it said before.
            return Some((weight + CORRECTION, answer));
        }
        Some((weight, answer))
    }

    /// What the words before a candidate call it.
    fn said_before(&self, start: usize) -> Said {
        const EXAMPLE: [&str; 27] = [
            "example",
            "e.g.",
            "for instance",
            "format",
            "schema",
            "template",
            "draft",
            "sample",
            "input",
            "request",
            "would be",
            "could be",
            "looks like",
            "instead of",
            "wrong",
            "例えば",
            "たとえば",
            "例:",
            "例\u{ff1a}",
            "の例",
            "形式",
            "サンプル",
            "入力",
            "雛形",
            "ひな形",
            "テンプレート",
            "下書き",
        ];
        const ANSWER: [&str; 24] = [
            "answer",
            "final",
            "result",
            "output",
            "corrected",
            "correct one",
            "here is",
            "here's",
            "here are",
            "response",
            "答えは",
            "答え:",
            "答え\u{ff1a}",
            "回答",
            "結果",
            "最終",
            "出力",
            "修正後",
            "正しく",
            "返答",
            "以下が",
            "以下に",
            "次のとおり",
            "解答",
        ];
        let mut from = start.saturating_sub(120).max(self.passed).max(self.begin);
        while !self.text.is_char_boundary(from) {
            from += 1;
        }
        let near = self.text.get(from..start).unwrap_or("").to_lowercase();
        let last = |words: &[&str]| words.iter().filter_map(|w| near.rfind(w)).max();
        if self.found.iter().any(|c| c.answer) && corrects_itself(&near) {
            return Said::Correction;
        }
        match (last(&EXAMPLE), last(&ANSWER)) {
            (Some(example), Some(answer)) if answer > example => Said::Answer,
            (Some(_), _) => Said::Example,
            (None, Some(_)) => Said::Answer,
            (None, None) => Said::Nothing,
        }
    }

    /// An object's pairs without their brace: a line begins with a key in quotes and a value that is no prose.
    fn without_braces(&mut self) {
        let first = self.found.iter().map(|c| c.start).min().unwrap_or(self.text.len());
        let mut at = self.begin;
        let mut lines = 0;
        let start = loop {
            let rest = self.tail(at);
            let inner = rest.trim_start_matches(|c: char| matches!(c, ' ' | '\t' | '\r' | '\u{feff}' | '\u{3000}'));
            let key_at = self.text.len() - inner.len();
            if key_at >= first || lines > 500 {
                return;
            }
            if inner.starts_with(quote) {
                let mut probe = Mender::new(self.text, key_at, Setting::default());
                if probe.quoted_key_at(key_at) && probe.string(super::string::Place::Key).is_some() {
                    let (colon_at, c) = probe.next_from(probe.at);
                    let (value_at, value) = probe.next_from(colon_at + c.map_or(0, char::len_utf8));
                    self.steps += probe.steps;
                    if c.is_some_and(colon_like)
                        && value.is_none_or(|v| quote(v) || opens(v) || v.is_numeric() || v == '-')
                        || probe.word_literal(value_at)
                    {
                        break key_at;
                    }
                }
                self.steps += probe.steps;
            }
            self.steps += 8;
            lines += 1;
            match inner.find('\n') {
                Some(end) => at = key_at + end + 1,
                None => return,
            }
        };
        let setting = Setting { fenced: true, braceless: true, wanted: self.asked.schema };
        let mut mender = Mender::new(self.text, start, setting);
        let read = mender.read();
        self.steps += mender.steps;
        let Ok(read) = read else { return };
        if matches!(&read.value, Value::Object(map) if !map.is_empty()) {
            self.found.retain(|c| c.start >= read.end);
            self.found.insert(0, Candidate { read, start, weight: 8, answer: true });
        }
    }

    /// The readings, best first.
    fn readings(self) -> Vec<Parsed> {
        let Self { text, mut found, scalar, begin, .. } = self;
        // The complete answers in their order, then those that were cut off, then the rest by weight.
        found.sort_by_key(|c| match (c.answer, c.read.complete) {
            (true, true) if c.weight >= CORRECTION => -300 - i64::try_from(c.start).unwrap_or(0),
            (true, true) => -200,
            (true, false) => -100,
            _ => -i64::from(c.weight.clamp(-50, 50)),
        });
        found.truncate(MOST);
        found.into_iter().map(|c| parsed(text, begin, c)).chain(scalar).collect()
    }
}

/// Whether words after an answer take it back: only then can another take its place.
fn corrects_itself(text: &str) -> bool {
    const WORDS: [&str; 9] = ["correct", "mistake", "wait,", "actually", "fixed", "訂正", "修正", "正しくは", "間違"];
    let mut end = text.len().min(4_000);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let near = text.get(..end).unwrap_or("").to_lowercase();
    WORDS.iter().any(|word| near.contains(word))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Example,
    Answer,
    /// The model takes back the answer before.
    Correction,
    Nothing,
}

/// How a bracket stands in the text.
struct Place<'t> {
    /// It begins the reply.
    head: bool,
    /// It begins its line.
    line_begins: bool,
    /// It begins its fence.
    first: bool,
    fence: Option<Language>,
    line_before: &'t str,
    before: &'t str,
}

/// Whether what stands before the bracket on its line leads to it.
fn introduced(place: &Place<'_>) -> bool {
    let line = place.line_before.trim_end_matches(|c: char| space(c) || c == '*' || c == '`');
    line.ends_with(|c: char| colon_like(c) || matches!(c, '(' | '>' | '"' | '\'' | '\u{3001}' | 'は' | '→'))
        || ["return", "default", "->", "is", "are"].iter().any(|word| line.ends_with(word))
        || (line.is_empty() && place.before.trim_end().ends_with(colon_like))
}

const fn opens_object(c: char) -> bool {
    super::chars::opens_object(c)
}

/// `{{"a": 1}}`: a template's doubled brace before a key.
fn probe_doubled(probe: &mut Mender<'_, '_>, at: usize) -> bool {
    let (key_at, c) = probe.next_from(at + 1);
    c.is_some_and(|c| quote(c) && probe.quoted_key_at(key_at))
}

fn parsed(text: &str, begin: usize, candidate: Candidate) -> Parsed {
    let Candidate { read, start, .. } = candidate;
    let _ = begin;
    let mut repairs = read.repairs;
    let before = text.get(..start).unwrap_or("");
    let after = text.get(read.end..).unwrap_or("").trim_start_matches(space);
    let rest = after.trim_start_matches(|c: char| space(c) || closes(c));
    let more = after.len() - rest.len();
    if after.starts_with(closes) && (rest.is_empty() || more > 1) && !before.ends_with('(') {
        repairs.push(Repair::new(RepairKind::Bracket, text.len() - after.len()));
    }
    if before.contains(|c: char| !space(c) || c == '\u{feff}') {
        repairs.insert(0, Repair::new(RepairKind::Surroundings, 0));
    } else if rest.contains(|c: char| !space(c)) {
        repairs.push(Repair::new(RepairKind::Surroundings, text.len() - rest.len()));
    }
    Parsed { value: read.value, read_as: ReadAs::Repaired, repairs }
}

/// A whole reply that is one literal or number, perhaps in a fence; or a string in a fence.
fn lone_scalar(text: &str, begin: usize) -> Option<Parsed> {
    let trimmed = text.trim_matches(space);
    let (inner, fenced) = match trimmed.strip_prefix("```") {
        Some(fenced) => (fenced.trim_end_matches('`').split_once('\n')?.1.trim_matches(space), true),
        None => (trimmed, false),
    };
    if let Ok(valid) = strict::whole(inner) {
        let repairs = vec![Repair::new(RepairKind::Surroundings, begin)];
        return (fenced || !valid.value.is_string()).then_some(Parsed {
            value: valid.value,
            read_as: ReadAs::Repaired,
            repairs,
        });
    }
    if !scalar::whole(inner) {
        return None;
    }
    let (value, kind) = scalar::read(inner, false);
    let at = text.find(inner).unwrap_or(0) + begin;
    Some(Parsed {
        value,
        read_as: ReadAs::Repaired,
        repairs: vec![Repair::new(kind.unwrap_or(RepairKind::Literal), at)],
    })
}

const _: () = assert!(MAX_DEPTH < 128, "as serde_json's");
