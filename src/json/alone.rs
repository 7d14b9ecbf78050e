//! A short reply that is one broken value and nothing else, as most broken replies are: it is mended at once, to what the
//! walk through the reply comes to as well, without looking for other candidates and weighing them.

use serde_json::Value;

use super::chars::{Marks, space};
use super::find::{Asked, Walk};
use super::strict::{Invalid, Tried};
use super::types::{Parsed, ReadAs};
use super::weigh::{Place, is_form};
use super::wrapping::unwrapped;

/// The value of a reply that begins with its bracket and ends with the value or in it, and the steps it took. Where it is more or
/// less than that, what mending came to is left with what was tried.
pub(super) fn alone(text: &str, tried: &mut Option<Tried>) -> Option<(Parsed, u64)> {
    let Some(Tried { at, outcome: Err(Invalid::At(_)), .. }) = tried else { return None };
    let at = *at;
    let open = text.get(at..)?.chars().next().filter(|c| matches!(c, '{' | '['))?;
    let marks = Marks::of(text);
    // Of what begins with a bracket, only these marks tell that it may be wrapped.
    let wrapped = marks.quotes_lines() || marks.escapes() || marks.references();
    if text.len() > super::SHORT || marks.tags() || wrapped && unwrapped(text, marks).is_some() {
        return None;
    }
    let mut walk = Walk::new(text, 0, Asked::default(), &[]);
    let place = Place { head: true, line_begins: true, first: false, fence: None, line_before: "", before: "" };
    if !walk.plausible(at, open, &place) {
        return None;
    }
    let mut read = walk.mended(at, &place)?;
    let sound = match &read.value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => items.len() > read.bare_words,
        _ => false,
    };
    let whole = walk.tail(read.end).trim_start_matches(space).is_empty();
    if !sound || !whole || is_form(&read.value) || walk.begun_again(at, &read).is_some() {
        *tried = tried.take().map(|tried| Tried { mended: Some(Box::new(read)), ..tried });
        return None;
    }
    read.repairs.dedup();
    let parsed = Parsed { value: read.value, read_as: ReadAs::Repaired, repairs: read.repairs };
    Some((parsed, text.len() as u64 + walk.steps))
}
