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
use super::chars::{Marks, closes, comma, line_before, quote, space};
use super::fence::{Fence, Language};
use super::lone::lone_scalar;
use super::mend::{Fault, Mended, Mender, Setting};
use super::reasoning::{self, Tag, starts_with_ignoring_case};
use super::schema::Schema;
use super::strict::{self, Invalid, Tried};
use super::types::{ParseError, Parsed, ReadAs, Repair, RepairKind, Wanted};
use super::weigh::{Place, corrects_itself};
use super::wrapping::{Unwrapped, unwrapped};
use crate::order::sort_by_key;

/// Steps allowed for each byte of the reply: the walk ends with what it has when they are spent.
const FUEL: u64 = 40;
/// More than any weight: a correction's.
pub(super) const CORRECTION: i32 = 1_000;
/// Candidates kept for a schema or a type to choose from.
const MOST: usize = 16;

/// A value that may be the one.
pub(super) struct Candidate {
    pub(super) read: Mended,
    pub(super) start: usize,
    pub(super) weight: i32,
    pub(super) answer: bool,
}

/// How a reply is to be read.
#[derive(Clone, Copy, Default)]
pub(super) struct Asked<'s> {
    /// All candidates are wanted, not the first answer alone.
    pub all: bool,
    /// What the reply was asked to be: it settles how an ambiguous text is read.
    pub schema: Option<&'s Schema>,
    /// Bare words are texts, numbers too: a type that wants a number takes it from the text.
    pub words: bool,
    /// The text may go on: what stands in a parenthesis that is open is not said yet.
    pub streaming: bool,
}

/// A reading of the reply, and how sure it is.
pub(super) struct Reading {
    pub parsed: Parsed,
    /// It is the answer by its form and place; it is not only the heaviest candidate.
    pub answer: bool,
    /// It was closed: it cannot go on.
    pub complete: bool,
    /// How much of the string in which the text ended is sure to be of it.
    pub doubt: Option<usize>,
}

/// The readings of a reply: most often there is one alone, which needs no list.
pub(super) struct Readings {
    pub best: Reading,
    /// The others, best first.
    pub others: Vec<Reading>,
}

/// Finds and mends: the readings of the reply, and the steps it took. `tried` is what strict reading of the reply's
/// beginning came to.
pub(super) fn read(text: &str, asked: Asked<'_>, mut tried: Option<Tried>) -> (Result<Readings, ParseError>, u64) {
    let mut steps = text.len() as u64;
    let mut layers: Vec<Unwrapped> = Vec::new();
    let mut marks = Marks::of(text);
    // Few layers at most: a loop, so that no reply can drive a recursion.
    for _ in 0..3 {
        let current = layers.last().map_or(text, |l| l.text.as_str());
        let Some(layer) = unwrapped(current, marks) else { break };
        steps += layer.text.len() as u64;
        marks = Marks::of(&layer.text);
        tried = None;
        layers.push(layer);
    }
    let current = layers.last().map_or(text, |l| l.text.as_str());
    let (result, more) = find(current, marks, asked, tried);
    let origin = |offset: usize, layers: &[Unwrapped]| layers.iter().rev().fold(offset, |at, layer| layer.origin(at));
    let result = result.map(|mut readings| {
        for Reading { parsed: reading, .. } in std::iter::once(&mut readings.best).chain(&mut readings.others) {
            for repair in &mut reading.repairs {
                repair.at = origin(repair.at, &layers);
            }
            for (i, layer) in layers.iter().enumerate() {
                let at = origin(layer.at, layers.get(..i).unwrap_or_default());
                reading.repairs.push(Repair::new(layer.kind, at));
            }
            sort_by_key(&mut reading.repairs, |r| r.at);
            reading.repairs.dedup();
        }
        readings
    });
    let result = result.map_err(|(wanted, at)| ParseError::new(wanted, text, origin(at, &layers)));
    (result, steps + more)
}

fn find(text: &str, marks: Marks, asked: Asked<'_>, tried: Option<Tried>) -> (Result<Readings, (Wanted, usize)>, u64) {
    let tags = if marks.tags() { reasoning::tags(text) } else { Vec::new() };
    let mut steps = text.len() as u64;
    if is_page(text.trim_start_matches(space)) {
        return (Err((Wanted::Value, text.len())), steps);
    }
    let mut walk = Walk::new(text, 0, asked, &tags);
    walk.tried = tried;
    if let Some(last) = tags.iter().rev().find(|t| !t.opens && !t.perhaps) {
        // After the last of the reasoning, unless the reply begins with its answer, in which the tag is text.
        walk.head_only();
        steps += walk.steps;
        if walk.found.iter().any(|c| c.answer && c.read.complete)
            && let Some(readings) = walk.readings()
        {
            return (Ok(readings), steps);
        }
        let mut after = Walk::new(text, last.end, asked, &tags);
        after.run(false);
        steps += after.steps;
        if let Some(readings) = after.readings() {
            return (Ok(readings), steps);
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
        again.scalar = None;
        if let Some(readings) = again.readings() {
            return (Ok(readings), steps);
        }
    }
    steps += walk.steps;
    let fault = match walk.deep {
        Some(at) => (Wanted::Shallower, at),
        None if walk.reasoned => (Wanted::Answer, text.len()),
        None => (Wanted::Value, text.len()),
    };
    (walk.readings().ok_or(fault), steps)
}

/// An HTML page is no answer, whatever its scripts hold.
fn is_page(mut head: &str) -> bool {
    if !head.starts_with('<') {
        return false;
    }
    while let Some(rest) = head
        .strip_prefix("<!--")
        .and_then(|r| r.split_once("-->"))
        .or_else(|| head.strip_prefix("<?xml").and_then(|r| r.split_once("?>")))
    {
        head = rest.1.trim_start();
    }
    ["<!doctype html", "<html", "<head>", "<body"].iter().any(|mark| starts_with_ignoring_case(head, mark))
}

pub(super) struct Walk<'t, 's> {
    pub(super) text: &'t str,
    pub(super) begin: usize,
    pub(super) asked: Asked<'s>,
    pub(super) tags: &'t [Tag],
    pub(super) steps: u64,
    pub(super) fuel: u64,
    pub(super) found: Vec<Candidate>,
    pub(super) scalar: Option<Parsed>,
    pub(super) deep: Option<usize>,
    pub(super) reasoned: bool,
    pub(super) fence: Option<Fence>,
    /// A beginning and where its content begins.
    head_at: Option<(usize, usize)>,
    /// Where the last candidate ended.
    pub(super) passed: usize,
    /// Bytes of strict attempts that failed.
    pub(super) wasted: usize,
    tried: Option<Tried>,
    /// Bytes looked through before strict attempts.
    skimmed: usize,
}

impl<'t, 's> Walk<'t, 's> {
    pub(super) const fn new(text: &'t str, begin: usize, asked: Asked<'s>, tags: &'t [Tag]) -> Self {
        Self {
            text,
            begin,
            asked,
            tags,
            steps: 0,
            fuel: FUEL * text.len() as u64 + 20_000,
            found: Vec::new(),
            scalar: None,
            deep: None,
            reasoned: false,
            fence: None,
            passed: begin,
            head_at: None,
            wasted: 0,
            tried: None,
            skimmed: 0,
        }
    }

    pub(super) fn tail(&self, at: usize) -> &'t str {
        self.text.get(at..).unwrap_or("")
    }

    /// Where the content begins: after white space, a fence's opening, a label, tags that are no reasoning.
    pub(super) fn head(&self) -> usize {
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

    /// As `head`, found once for each beginning.
    fn head_once(&mut self) -> usize {
        match self.head_at {
            Some((begin, head)) if begin == self.begin => head,
            _ => {
                let head = self.head();
                self.steps += (head - self.begin) as u64;
                self.head_at = Some((self.begin, head));
                head
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
        // The bytes that brackets, fences and tags begin with, also the wide ones.
        let interesting = |b: u8| matches!(b, b'<' | b'`' | b'~' | b'{' | b'[' | 0xe2 | 0xef);
        while self.steps < self.fuel {
            let Some(found) = self.tail(at).bytes().position(interesting) else { break };
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
            if answered && !self.asked.all {
                self.steps += 500;
                if !corrects_itself(self.tail(self.passed)) {
                    return;
                }
            }
            at = end.unwrap_or(at + c.len_utf8());
        }
        let _ = at;
        self.without_braces();
        if self.found.is_empty() {
            self.scalar = lone_scalar(self.tail(self.begin), self.begin);
        }
    }

    /// A bracket: the end of the candidate that begins there, if one does.
    fn bracket(&mut self, at: usize, c: char) -> Option<usize> {
        let head = at == self.begin || at == self.head_once();
        let fence = self.fence;
        let language = fence.map(|f| f.language);
        if language == Some(Language::Other) {
            return None;
        }
        let before = self.text.get(self.begin..at).unwrap_or("");
        let line_before = line_before(before);
        let line_begins = line_before.is_empty()
            || line_before.trim_matches(|c: char| space(c) || matches!(c, '*' | '-' | '•' | '|' | '`')).is_empty()
            || line_before.trim_end_matches(['.', ' ']).bytes().all(|b| b.is_ascii_digit() || b == b' ');
        let first = fence.is_some_and(|f| {
            let between = self.text.get(f.begin..at);
            between.is_some_and(|t| t.len() < 4_096 && t.trim_start_matches(space).is_empty())
        });
        let place = Place { head, line_begins, first, fence: language, line_before: line_before.trim(), before };
        if !self.plausible(at, c, &place) {
            return None;
        }
        let read = self.value(at, &place)?;
        if let Some(again) = self.begun_again(at, &read) {
            return Some(again);
        }
        let end = read.end.max(at + c.len_utf8());
        let argument = before.ends_with('(');
        let (read, end) = if argument { (read, end) } else { self.followed_by_more(read, at, end) };
        self.steps += 64;
        let (weight, answer) = self.weigh(at, &read, &place)?;
        self.passed = end;
        if self.found.len() < MOST || answer {
            self.found.push(Candidate { read, start: at, weight, answer });
        }
        Some(end)
    }

    /// Whether the value there is surely not valid, as far as it may be looked.
    fn surely_broken(&mut self, at: usize) -> bool {
        if self.skimmed > self.text.len() {
            return false;
        }
        self.skimmed += self.text.len() - at;
        !strict::may_be_valid(self.text, at)
    }

    pub(super) fn value(&mut self, at: usize, place: &Place<'_>) -> Option<Mended> {
        // A text of many failures is not read again and again from each of its brackets.
        if self.wasted <= 4 * self.text.len() {
            let outcome = match self.tried.take_if(|tried| tried.at == at) {
                Some(Tried { mended: Some(read), .. }) => return Some(*read),
                Some(tried) => tried.outcome,
                None if self.surely_broken(at) => Err(Invalid::At(at)),
                None => strict::value_at(self.text, at),
            };
            match outcome {
                Ok(valid) => {
                    self.steps += (valid.end - at) as u64 / 8;
                    if let Some(read) = self.valid(valid) {
                        return Some(read);
                    }
                }
                Err(Invalid::At(failed) | Invalid::Deep(failed)) => self.wasted += failed - at,
            }
        }
        self.mended(at, place)
    }

    /// The value there, mended.
    pub(super) fn mended(&mut self, at: usize, place: &Place<'_>) -> Option<Mended> {
        let fenced = place.fence.is_some() || place.head;
        let mut mender = Mender::new(
            self.text,
            at,
            Setting {
                fenced,
                braceless: false,
                wanted: self.asked.schema,
                words: self.asked.words,
                streaming: self.asked.streaming,
            },
        );
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
        Some(Mended { value, end, repairs, complete: true, quoted_keys, bare_words: 0, doubt: None })
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

    /// The readings, if there are any.
    fn readings(&mut self) -> Option<Readings> {
        let text = self.text;
        let scalar = self.scalar.take();
        if scalar.is_none() && self.found.len() < 2 {
            return self.found.pop().map(|c| Readings { best: reading(text, c), others: Vec::new() });
        }
        let mut found = std::mem::take(&mut self.found);
        // The complete answers in their order, then those that were cut off, then the rest by weight.
        sort_by_key(&mut found, |c| match (c.answer, c.read.complete) {
            (true, true) if c.weight >= CORRECTION => -300 - i64::try_from(c.start).unwrap_or(0),
            (true, true) => -200,
            (true, false) => -100,
            _ => -i64::from(c.weight.clamp(-50, 50)),
        });
        found.truncate(MOST);
        let scalar = scalar.map(|parsed| Reading { parsed, answer: false, complete: true, doubt: None });
        let mut readings = found.into_iter().map(|c| reading(text, c)).chain(scalar);
        Some(Readings { best: readings.next()?, others: readings.collect() })
    }
}

fn reading(text: &str, candidate: Candidate) -> Reading {
    let Candidate { read, start, answer, .. } = candidate;
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
    let parsed = Parsed { value: read.value, read_as: ReadAs::Repaired, repairs };
    let closed = text.get(start..read.end).is_some_and(|t| t.trim_end_matches(space).ends_with(closes));
    Reading { parsed, answer, complete: read.complete && closed, doubt: read.doubt }
}

const _: () = assert!(MAX_DEPTH < 128, "as serde_json's");
