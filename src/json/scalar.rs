//! What a bare word means: a literal of some language, a number written in some way, or a string.

use std::borrow::Cow;

use serde_json::{Number, Value};

use super::chars::narrow;
use super::types::RepairKind;

/// The value of a bare word, and what had to be mended to read it so. `cut` says that the text ended right after it.
pub(super) fn read(word: &str, cut: bool) -> (Value, Option<RepairKind>) {
    match word {
        "true" => return (Value::Bool(true), None),
        "false" => return (Value::Bool(false), None),
        "null" => return (Value::Null, None),
        _ => {}
    }
    if let Some(number) = plain_number(word) {
        return (Value::Number(number), None);
    }
    if let Some(value) = literal(word) {
        return (value, Some(RepairKind::Literal));
    }
    if cut && let Some(value) = completed(word) {
        return (value, Some(RepairKind::CutOff));
    }
    match number(word) {
        Some(value) => (value, Some(RepairKind::Number)),
        None => (Value::String(word.to_owned()), Some(RepairKind::BareString)),
    }
}

/// Whether the word says that there is no value.
pub(super) fn is_null(word: &str) -> bool {
    literal(word).is_some_and(|v| v.is_null())
}

/// Whether the word is whole as a literal or number, so that what follows white space is something else.
pub(super) fn whole(word: &str) -> bool {
    word.len() <= 40 && (is_plain_number(word) || literal(word).is_some() || number(word).is_some())
}

/// Digits, perhaps with a sign before them and a point among them, as most numbers are.
fn is_plain_number(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word).as_bytes();
    let mut points = 0;
    digits.first().is_some_and(u8::is_ascii_digit)
        && digits.last().is_some_and(u8::is_ascii_digit)
        && digits.iter().all(|b| {
            points += usize::from(*b == b'.');
            b.is_ascii_digit() || *b == b'.'
        })
        && points < 2
}

/// Digits, as most numbers are.
fn digits_alone(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
}

/// A number as JSON writes it.
fn plain_number(word: &str) -> Option<Number> {
    let word = word.trim_end_matches([' ', '\t', '\r']);
    let part = |b: u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
    let begins = word.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    if !begins || !word.ends_with(|c: char| c.is_ascii_digit()) || !word.bytes().all(part) {
        return None;
    }
    if digits_alone(word) && word.len() < 18 && (!word.starts_with('0') || word.len() == 1) {
        return word.parse::<u64>().ok().map(Number::from);
    }
    word.parse().ok()
}

fn literal(word: &str) -> Option<Value> {
    const NULLS: [&str; 13] = [
        "null",
        "none",
        "undefined",
        "nil",
        "nan",
        "infinity",
        "+infinity",
        "-infinity",
        "inf",
        "+inf",
        "-inf",
        "-nan",
        "+nan",
    ];
    let ascii = word.is_ascii();
    let is = |name: &str| {
        if ascii {
            return word.eq_ignore_ascii_case(name);
        }
        let mut letters = word.chars().map(|c| narrow(c).to_ascii_lowercase());
        name.chars().all(|c| letters.next() == Some(c)) && letters.next().is_none()
    };
    // Few words begin as a literal does, in any width.
    match narrow(word.chars().next()?).to_ascii_lowercase() {
        't' => is("true").then_some(Value::Bool(true)),
        'f' => is("false").then_some(Value::Bool(false)),
        'n' | 'u' | 'i' | '+' | '-' => NULLS.into_iter().any(is).then_some(Value::Null),
        _ => None,
    }
}

/// A literal cut short that can only be one thing.
fn completed(word: &str) -> Option<Value> {
    let mut left = ["true", "false", "null", "none", "nan", "undefined", "infinity"].into_iter();
    let word = word.to_lowercase();
    match left.find(|whole| whole.starts_with(&word))? {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        _ => Some(Value::Null),
    }
}

fn number(word: &str) -> Option<Value> {
    // What begins otherwise has no digits before its letters.
    let begins = |c: char| {
        let c = narrow(c);
        c.is_whitespace() || c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | '$' | '¥' | '€' | '£' | '￥')
    };
    if word.len() > 400 || !word.starts_with(begins) {
        return None;
    }
    let plain = if word.is_ascii() { Cow::Borrowed(word) } else { word.chars().map(narrow).collect() };
    let mut rest = plain.trim();
    let mut minus = false;
    if let Some(after) = rest.strip_prefix(['-', '+']) {
        minus = rest.starts_with('-');
        rest = after.trim_start();
    }
    rest = rest.strip_prefix(['$', '\u{a5}', '\u{20ac}', '\u{a3}', '\u{ffe5}']).unwrap_or(rest).trim_start();
    for (prefix, radix) in [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)] {
        if let Some(digits) = rest.strip_prefix(prefix) {
            let value = u64::from_str_radix(&digits.replace('_', ""), radix).ok()?;
            return match (minus, i64::try_from(value)) {
                (true, Ok(value)) => Some(Value::from(-value)),
                (true, Err(_)) => None,
                (false, _) => Some(Value::from(value)),
            };
        }
    }
    let (digits, unit) = split_unit(rest);
    if !unit_fits(unit) {
        return None;
    }
    let digits = ungrouped(digits)?;
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => (digits.get(..at)?, digits.get(at..)?),
        None => (digits.as_ref(), ""),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let mut text = String::new();
    if minus {
        text.push('-');
    }
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    if exponent.len() > 1 && !exponent.ends_with(['+', '-']) {
        text.push_str(exponent);
    }
    // Only a number past every bound fails here: an infinity.
    Some(serde_json::from_str::<Number>(&text).map_or(Value::Null, Value::Number))
}

/// Digits, points, groups and an exponent; then the rest.
fn split_unit(text: &str) -> (&str, &str) {
    let mut end = 0;
    let mut exponent = false;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let takes = c.is_ascii_digit()
            || (!exponent && matches!(c, '.' | ',' | '_'))
            || (!exponent && matches!(c, 'e' | 'E') && (before.is_ascii_digit() || before == '.') && {
                let next = text.get(at + 1..).unwrap_or("");
                next.is_empty() || next.starts_with(|c: char| c.is_ascii_digit() || c == '+' || c == '-')
            })
            || (matches!(c, '+' | '-') && matches!(before, 'e' | 'E'));
        if !takes {
            break;
        }
        exponent |= matches!(c, 'e' | 'E');
        before = c;
        end = at + 1;
    }
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// A unit is a short word or sign; an ordinal is not.
fn unit_fits(unit: &str) -> bool {
    let word = unit.trim_start();
    word.is_empty()
        || (unit.len() - word.len() <= 1
            && word.chars().count() <= 6
            && literal(word).is_none()
            && word.chars().all(|c| c.is_alphabetic() || matches!(c, '%' | '°' | '$' | '€' | '℃'))
            && !matches!(
                word,
                "st" | "nd" | "rd" | "th" | "年" | "月" | "日" | "時" | "分" | "am" | "pm" | "AM" | "PM"
            ))
}

/// Without its separators, if they stand where separators stand and there is at most one point.
fn ungrouped(digits: &str) -> Option<Cow<'_, str>> {
    if !digits.contains(|c: char| c.is_ascii_digit()) || digits.matches('.').count() > 1 {
        return None;
    }
    let whole = digits.split(['.', 'e', 'E']).next().unwrap_or("");
    if digits.contains(',') {
        let mut groups = whole.split(',');
        let first = groups.next().unwrap_or("");
        let grouped = (1..=3).contains(&first.len()) && groups.all(|g| g.len() == 3);
        if !grouped || whole.matches(',').count() != digits.matches(',').count() {
            return None;
        }
    }
    if digits.starts_with('_') || digits.contains("__") {
        return None;
    }
    Some(if digits.contains([',', '_']) { digits.replace([',', '_'], "").into() } else { digits.into() })
}

/// A word that says yes or no, where that is asked.
pub(super) fn yes_or_no(word: &str) -> Option<Value> {
    match word.to_lowercase().as_str() {
        "yes" | "はい" => Some(Value::Bool(true)),
        "no" | "いいえ" => Some(Value::Bool(false)),
        _ => None,
    }
}
