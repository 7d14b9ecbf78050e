//! Reads JSON that a model wrote: finds the value in the reply, mends what is broken, and says what it mended.
//!
//! Valid JSON is read by `strict`, as `serde_json` reads it, and is never changed: order of keys, numbers as written,
//! escapes. Anything else goes through `find` (where in the reply is the value?) and `mend` (what does this broken text
//! mean?). All are loops over the text with an explicit stack: no reply can drive a recursion, and a count of steps
//! keeps the work linear in the length of the reply.
//!
//! # Which value is the answer
//!
//! What stands in reasoning is never the answer. Of the rest, **the first complete answer wins**: a value that begins
//! the reply, its line or its fence, whose keys stand in quotes, and that the words before it do not call an example, a
//! format, a draft or an input. Models put the answer first and talk about it afterwards, so what follows it cannot
//! take its place; and because that is so, a [`Reader`] may show an answer while it is still being written. Where
//! nothing stands out as an answer, candidates are weighed by form, place and the words before them, and the first of
//! the heaviest wins. A schema or a type that was asked for settles it where it can: the best candidate that fits.
//!
//! A reply that holds no JSON (an apology, a page of HTML, nothing but reasoning) is refused: never turned into a string.

mod ahead;
mod alone;
mod balance;
mod bare;
mod brackets;
mod chars;
mod coerce;
mod escape;
mod fence;
mod find;
mod gaps;
mod keys;
mod lenient;
mod lone;
mod mend;
mod plain;
mod plausible;
mod reader;
mod reasoning;
mod scalar;
mod schema;
mod strict;
mod string;
mod string_end;
mod types;
mod weigh;
mod wrapping;

use find::Asked;
use serde::de::DeserializeOwned;
use serde_json::Value;
use strict::{Invalid, Tried};

pub use reader::Reader;
pub use schema::{Misfit, Schema, SchemaError};
pub use types::{ParseError, Parsed, ReadAs, Repair, RepairKind, Wanted};

/// Nesting deeper than this is refused, as `serde_json` refuses it.
pub const MAX_DEPTH: usize = 127;

/// A text no longer than this is looked over before it is read strictly: its fault, if it has one, is never far from its
/// end, so that a strict reading would most often be for nothing. A longer one shows its fault early.
const SHORT: usize = 512;

/// Reads the JSON value in a model's reply.
///
/// # Errors
/// When the reply holds no JSON value, or one nested deeper than [`MAX_DEPTH`].
pub fn parse(text: &str) -> Result<Parsed, ParseError> {
    parse_counting_steps(text).0
}

/// As [`parse`], with the number of steps the mending took: the work is shown linear by counting it, not by a clock.
#[doc(hidden)]
pub fn parse_counting_steps(text: &str) -> (Result<Parsed, ParseError>, u64) {
    let (strict, mut tried) = match strictly(text) {
        Ok(parsed) if !holds_json(&parsed.value) => return (Ok(parsed), 0),
        Ok(parsed) => (Some(parsed), None),
        Err(tried) => (None, tried),
    };
    if let Some((parsed, steps)) = alone::alone(text, &mut tried) {
        return (Ok(parsed), steps);
    }
    let (found, steps) = find::read(text, Asked::default(), tried);
    match (strict, found.map(|readings| readings.best.parsed)) {
        (Some(strict), Ok(inner)) if !is_answer(&inner) => (Ok(strict), steps),
        (_, Ok(parsed)) => (Ok(parsed), steps),
        (Some(strict), Err(_)) => (Ok(strict), steps),
        (None, Err(fault)) => (Err(fault), steps),
    }
}

/// The whole text as valid JSON.
fn strictly(text: &str) -> Result<Parsed, Option<Tried>> {
    let within = text.trim_matches([' ', '\n', '\t', '\r']);
    if text.len() <= SHORT && within.starts_with(['{', '[']) && !strict::may_be_valid(within, 0) {
        let at = text.len() - text.trim_start_matches([' ', '\n', '\t', '\r']).len();
        return Err(Some(Tried { at, outcome: Err(Invalid::At(at)), mended: None }));
    }
    if within.starts_with('{') && !within.ends_with('}') || within.starts_with('[') && !within.ends_with(']') {
        return Err(None);
    }
    let strict::Valid { value, twice, .. } = strict::whole(text)?;
    let repairs = twice.into_iter().map(|at| Repair::new(RepairKind::DuplicateKey, at)).collect();
    Ok(Parsed { value, read_as: ReadAs::Strict, repairs })
}

/// A string that may hold the JSON that was meant.
fn holds_json(value: &Value) -> bool {
    value.as_str().is_some_and(|s| s.trim_start_matches(chars::space).starts_with(['{', '[', '`', '"']))
}

/// Whether what was read in a string is the JSON that was meant, and not a string that only begins like it.
fn is_answer(inner: &Parsed) -> bool {
    let whole = !inner.repairs.iter().any(|r| matches!(r.kind, RepairKind::CutOff | RepairKind::Bracket));
    match &inner.value {
        Value::Object(map) => whole && !(map.is_empty() && inner.repairs.len() > 1),
        Value::Array(_) => whole,
        _ => false,
    }
}

/// All readings of the reply that come into question, best first.
fn readings(text: &str, asked: Asked<'_>) -> Result<Vec<Parsed>, ParseError> {
    let (strict, tried) = match strictly(text) {
        Ok(parsed) if !holds_json(&parsed.value) => return Ok(vec![parsed]),
        Ok(parsed) => (Some(parsed), None),
        Err(tried) => (None, tried),
    };
    let found = find::read(text, Asked { all: true, ..asked }, tried).0;
    let found = found.map(|f| std::iter::once(f.best).chain(f.others).map(|r| r.parsed));
    match (strict, found) {
        (Some(strict), Ok(found)) => Ok(found.filter(is_answer).chain([strict]).collect()),
        (Some(strict), Err(_)) => Ok(vec![strict]),
        (None, found) => found.map(Iterator::collect),
    }
}

/// Reads the JSON value in a model's reply as a `T`.
///
/// The first reading that is a `T` as it stands is taken: of several candidates the one that fits, of a bare word the
/// text or the number that is asked for. Where none is, harmless differences are overlooked: a number in quotes, one
/// item where a list is wanted, the case of a key or of an enum's variant.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Reply {
///     score: f64,
///     tags: Vec<String>,
///     zip: String,
/// }
///
/// let reply: Reply = madoguchi::json::parse_as("{Score: '0.8', tags: \"late\", zip: 0600001}").unwrap();
/// assert_eq!((reply.score, reply.tags, reply.zip), (0.8, vec!["late".to_owned()], "0600001".to_owned()));
/// ```
///
/// # Errors
/// When there is no value to read, or none is a `T` even so.
pub fn parse_as<T: DeserializeOwned>(text: &str) -> Result<T, ParseError> {
    let best = parse(text)?.value;
    let fault = match T::deserialize(&best) {
        Ok(read) => return Ok(read),
        Err(fault) => fault,
    };
    let all = readings(text, Asked::default()).unwrap_or_default();
    if let Some(read) = all.iter().find_map(|p| T::deserialize(&p.value).ok()) {
        return Ok(read);
    }
    let texts = readings(text, Asked { words: true, ..Asked::default() }).unwrap_or_default();
    let lenient = texts.iter().chain(&all).find_map(|p| T::deserialize(lenient::Lenient(&p.value)).ok());
    lenient.ok_or_else(|| ParseError::misfit(text, fault.to_string()))
}

/// Reads the JSON value in a model's reply and makes it fit the schema.
///
/// A reading that fits as it stands is taken, the best one first; an ambiguous text (a bare word, a candidate among
/// several) is read as what the schema asks for. Where none fits, harmless differences are coerced and told among the
/// repairs, each at its key: a number in quotes, one item where a list is wanted, the case of an enum or of a key, an
/// optional that is missing or null, an object wrapped in another.
///
/// # Errors
/// When there is no value to read, or none fits the schema even so: what did not fit, and where.
pub fn parse_with_schema(text: &str, schema: &Schema) -> Result<Parsed, ParseError> {
    let best = parse(text)?;
    if schema.check(&best.value).is_ok() {
        return Ok(best);
    }
    let mut all = readings(text, Asked { schema: Some(schema), ..Asked::default() }).unwrap_or_default();
    if let Some(at) = all.iter().position(|p| schema.check(&p.value).is_ok()) {
        return Ok(all.swap_remove(at));
    }
    all.push(best);
    let mut first = None;
    for mut parsed in all {
        let coerced = coerce::fit(&mut parsed.value, schema);
        match schema.check(&parsed.value) {
            Ok(()) => {
                parsed.read_as = ReadAs::Repaired;
                let places = coerced.iter().map(|path| Repair::new(RepairKind::Coerced, place(text, path)));
                parsed.repairs.extend(places);
                crate::order::sort_by_key(&mut parsed.repairs, |r| r.at);
                return Ok(parsed);
            }
            Err(misfit) => {
                first.get_or_insert(misfit);
            }
        }
    }
    let what = first.map(|misfit| misfit.to_string()).unwrap_or_default();
    Err(ParseError::misfit(text, what))
}

/// Where in the reply the key at the end of a path stands, as near as its name tells.
fn place(text: &str, path: &[String]) -> usize {
    path.iter().fold(0, |at, key| text.get(at..).and_then(|rest| rest.find(key.as_str())).map_or(at, |i| at + i))
}
