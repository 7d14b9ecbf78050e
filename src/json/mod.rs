//! Reads JSON that a model wrote: finds the value in the reply, mends what is broken, and says what it mended.
//!
//! Valid JSON goes straight through `serde_json` and is never changed. Anything else goes through `find` (where in
//! the reply is the value?) and `mend` (what does this broken text mean?). Both are loops over the text with an
//! explicit stack: no reply can drive a recursion, and a fuel count keeps the work linear in the length of the reply.
//!
//! A reply that holds no JSON (an apology, a page of HTML, nothing but reasoning) is refused: never turned into a string.

mod chars;
mod coerce;
mod find;
mod mend;
mod reader;
mod scalar;
mod schema;
mod strict;
mod string;
mod types;

use serde::de::DeserializeOwned;

pub use reader::Reader;
pub use schema::{Misfit, Schema, SchemaError};
pub use types::{ParseError, Parsed, ReadAs, Repair, RepairKind, Wanted};

/// Nesting deeper than this is refused, as `serde_json` refuses it.
pub const MAX_DEPTH: usize = 127;

/// Reads the JSON value in a model's reply.
///
/// # Errors
/// When the reply holds no JSON value, or one nested deeper than [`MAX_DEPTH`].
pub fn parse(text: &str) -> Result<Parsed, ParseError> {
    if let Some(parsed) = strict::read(text) {
        return Ok(parsed);
    }
    find::read(text).0
}

/// As [`parse`], with the number of steps the mending took: the work is shown linear by counting it, not by a clock.
#[doc(hidden)]
pub fn parse_counting_steps(text: &str) -> (Result<Parsed, ParseError>, u64) {
    match strict::read(text) {
        Some(parsed) => (Ok(parsed), 0),
        None => find::read(text),
    }
}

/// Reads the JSON value in a model's reply as a `T`.
///
/// # Errors
/// When there is no value to read, or it does not fit `T`.
pub fn parse_as<T: DeserializeOwned>(text: &str) -> Result<T, ParseError> {
    let parsed = parse(text)?;
    T::deserialize(&parsed.value).map_err(|fault| ParseError::misfit(text, fault.to_string()))
}

/// Reads the JSON value in a model's reply and makes it fit the schema: harmless differences (a number in quotes, an
/// enum's case) are coerced and reported among the repairs.
///
/// # Errors
/// When there is no value to read, or it does not fit the schema even so.
pub fn parse_with_schema(text: &str, schema: &Schema) -> Result<Parsed, ParseError> {
    let mut parsed = parse(text)?;
    if schema.check(&parsed.value).is_ok() {
        return Ok(parsed);
    }
    let coerced = coerce::fit(&mut parsed.value, schema);
    schema.check(&parsed.value).map_err(|misfit| ParseError::misfit(text, misfit.to_string()))?;
    if coerced > 0 {
        parsed.read_as = ReadAs::Repaired;
        parsed.repairs.extend((0..coerced).map(|_| Repair::new(RepairKind::Coerced, 0)));
    }
    Ok(parsed)
}
