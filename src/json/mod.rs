//! Reads JSON that a model wrote: as it stands, else from a fence, else the first balanced value in the text.

mod find;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a reply was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadAs {
    /// The whole text is JSON.
    Strict,
    /// JSON was found within the text.
    Repaired,
}

/// A value and how it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The value.
    pub value: Value,
    /// How it was read.
    pub read_as: ReadAs,
}

/// A text that holds no JSON that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What was looked for and not found.
    pub expected: &'static str,
    /// The byte where the search gave up.
    pub at: usize,
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "expected {} at byte {}", self.expected, self.at)
    }
}

impl std::error::Error for ParseError {}

/// Reads the JSON value in a model's reply. Nothing within the value is changed.
pub fn parse(text: &str) -> Result<Parsed, ParseError> {
    let strict = text.trim_start_matches('\u{feff}');
    if let Ok(value) = serde_json::from_str(strict) {
        return Ok(Parsed { value, read_as: ReadAs::Strict });
    }
    find::candidates(text)
        .find_map(|candidate| serde_json::from_str(candidate).ok())
        .map(|value| Parsed { value, read_as: ReadAs::Repaired })
        .ok_or(ParseError { expected: "a JSON object or array", at: text.find(['{', '[']).unwrap_or(text.len()) })
}

/// Reads the JSON value in a model's reply as a type.
pub fn parse_as<T: DeserializeOwned>(text: &str) -> Result<T, ParseError> {
    let parsed = parse(text)?;
    serde_json::from_value(parsed.value).map_err(|_| ParseError { expected: "a value of the wanted shape", at: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn json_is_found_as_it_stands_in_a_fence_and_in_prose() {
        for (text, read_as) in [
            (r#"{"a":[1,"}"]}"#, ReadAs::Strict),
            ("```json\n{\"a\":[1,\"}\"]}\n```", ReadAs::Repaired),
            ("はい。\n```\n{\"a\":[1,\"}\"]}\n```\nどうぞ", ReadAs::Repaired),
            ("Sure {as asked}: {\"a\":[1,\"}\"]} there.", ReadAs::Repaired),
        ] {
            let parsed = parse(text).unwrap();
            assert_eq!((parsed.value, parsed.read_as), (json!({"a":[1,"}"]}), read_as), "{text}");
        }
    }

    #[test]
    fn a_reply_without_json_is_refused() {
        for text in ["", "申し訳ありません。", "use {curly} braces", "<html></html>", "[", "{\"a\":"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn two_hundred_thousand_open_brackets_are_refused_in_linear_steps() {
        assert!(parse(&"[".repeat(200_000)).is_err());
        assert!(parse(&"{\"a\":".repeat(200_000)).is_err());
    }

    proptest! {
        #[test]
        fn whatever_serde_json_reads_is_read_the_same(text in r#"[\[\]{}",:0-9a \\n`]{0,40}"#) {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                prop_assert_eq!(parse(&text).unwrap(), Parsed { value, read_as: ReadAs::Strict });
            } else {
                let _ = parse(&text);
            }
        }
    }
}
