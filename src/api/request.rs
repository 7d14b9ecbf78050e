//! Reading a request: its body within bounds, its JSON, its fields by name.

use std::borrow::Cow;

use futures::future::LocalBoxFuture;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{ApiError, Kind};
use crate::upstream::wire::{Fields, deeper_than};

/// The longest body of `/v1/*`, in bytes.
pub const LONGEST_BODY: usize = 1 << 20;
/// The deepest nesting of a body.
const DEEPEST: usize = 100;

/// A request as it came in.
pub trait Incoming {
    /// The method, in capitals.
    fn method(&self) -> &str;
    /// The origin that it was sent to, as in `https://shop.example`.
    fn origin(&self) -> String;
    /// The path, without the query.
    fn path(&self) -> &str;
    /// One field of the query, decoded.
    fn query(&self, name: &str) -> Option<String>;
    /// One header.
    fn header(&self, name: &str) -> Option<Cow<'_, str>>;
    /// The body, whose header told so many bytes; none when it is longer than `limit`, in which case the rest is not read.
    fn body(&self, limit: usize, length: Option<u64>) -> LocalBoxFuture<'_, Result<Option<Vec<u8>>, String>>;
}

/// Whether an `Accept` header asks for results line by line.
pub fn wants_lines(accept: Option<&str>) -> bool {
    accept.is_some_and(|a| a.to_ascii_lowercase().contains("application/x-ndjson"))
}

/// What a body must be.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    name: &'static str,
    types: &'static [&'static str],
    longest: usize,
}

/// One JSON value.
pub const JSON: Wanted = Wanted { name: "JSON", types: &["application/json"], longest: LONGEST_BODY };
/// One JSON value of a visitor.
pub const CHAT: Wanted = Wanted { longest: 16 << 10, ..JSON };
/// A JSON value a line.
pub const LINES: Wanted = Wanted {
    name: "JSON lines",
    types: &["application/x-ndjson", "application/jsonl", "application/x-jsonlines", "application/json"],
    longest: LONGEST_BODY,
};

/// Reads the body as text, refusing what is too long, of another type or not UTF-8.
pub async fn read_body(incoming: &dyn Incoming, wanted: Wanted) -> Result<String, ApiError> {
    if let Some(kind) = incoming.header("content-type") {
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !wanted.types.contains(&kind.as_str()) && !kind.ends_with("+json") {
            let message = format!(
                "The body must be {}: send Content-Type: {}, not {:?}",
                wanted.name,
                wanted.types.first().unwrap_or(&""),
                kind.chars().take(80).collect::<String>()
            );
            return Err(ApiError::new(Kind::InvalidRequest, "unsupported_media_type", message).with_status(415));
        }
    }
    let longest = wanted.longest;
    let too_large = || {
        ApiError::new(
            Kind::InvalidRequest,
            "body_too_large",
            format!("The body is longer than {longest} bytes: send less at once"),
        )
        .with_status(413)
    };
    let length = incoming.header("content-length").and_then(|l| l.trim().parse::<u64>().ok());
    if length.is_some_and(|l| l > longest as u64) {
        return Err(too_large());
    }
    let body = incoming
        .body(longest, length)
        .await
        .map_err(|_| ApiError::new(Kind::InvalidRequest, "body_incomplete", "The body broke off: send it again"))?
        .ok_or_else(too_large)?;
    // Some editors begin a file so; a reader of JSON may pass over it (RFC 8259).
    let body = body.strip_prefix("\u{feff}".as_bytes()).map(<[u8]>::to_vec).unwrap_or(body);
    String::from_utf8(body).map_err(|e| {
        ApiError::new(
            Kind::InvalidRequest,
            "invalid_utf8",
            format!("The body is not UTF-8 at byte {}: encode it as UTF-8", e.utf8_error().valid_up_to()),
        )
    })
}

/// Whether there is nothing to be seen in a text.
pub fn is_blank(text: &str) -> bool {
    let unseen = |c| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    text.chars().all(|c| c.is_whitespace() || c.is_control() || unseen(c))
}

/// A request's JSON body.
pub struct Request<'a> {
    /// Its fields as written.
    pub fields: Fields<'a>,
    /// The whole body as written.
    pub text: &'a str,
    /// The request's id.
    pub id: &'a str,
    /// Whose it is: a number of its key's, for fair shares.
    pub party: u64,
    /// The `Accept` header.
    accept: Option<Cow<'a, str>>,
}

impl<'a> Request<'a> {
    /// Reads the body's fields; their values are read when asked for.
    pub fn new(text: &'a str, id: &'a str, accept: Option<Cow<'a, str>>) -> Result<Self, ApiError> {
        let fields: Fields<'a> = serde_json::from_str(text).map_err(|e| {
            let what = if text.trim().is_empty() { "is empty".to_owned() } else { format!("cannot be read: {e}") };
            ApiError::new(Kind::InvalidRequest, "invalid_json", format!("The body {what}; send one JSON object"))
        })?;
        if let Some((name, _)) = fields.iter().find(|(_, value)| deeper_than(value, DEEPEST)) {
            let message = format!("{name} is nested deeper than {DEEPEST} levels: send it flatter");
            return Err(ApiError::field(name, "too_deep", message));
        }
        Ok(Self { fields, text, id, party: 0, accept })
    }

    /// The same, known to be a party's.
    pub fn of(self, party: u64) -> Self {
        Self { party, ..self }
    }

    /// A field's value; none where it is absent or null.
    pub fn optional<'s, T: Deserialize<'s>>(&'s self, name: &str, wanted: &str) -> Result<Option<T>, ApiError> {
        match self.fields.get(name) {
            None | Some("null") => Ok(None),
            Some(text) => serde_json::from_str(text).map(Some).map_err(|e| {
                ApiError::field(name, "invalid_value", format!("{name} must be {wanted} ({})", reason(&e)))
            }),
        }
    }

    /// A field's value, which must be there.
    pub fn required<'s, T: Deserialize<'s>>(&'s self, name: &str, wanted: &str) -> Result<T, ApiError> {
        self.optional(name, wanted)?
            .ok_or_else(|| ApiError::field(name, "missing_field", format!("{name} is missing: it must be {wanted}")))
    }

    /// A whole number within bounds, or its default.
    pub fn count(&self, name: &str, default: usize, least: usize, most: usize) -> Result<usize, ApiError> {
        let wanted = format!("a whole number from {least} to {most}");
        let n = self.optional::<usize>(name, &wanted)?.unwrap_or(default);
        if (least..=most).contains(&n) {
            return Ok(n);
        }
        Err(ApiError::field(name, "out_of_range", format!("{name} is {n}: it must be {wanted}")))
    }

    /// Whether the caller wants results line by line.
    pub fn wants_lines(&self) -> bool {
        wants_lines(self.accept.as_deref())
    }

    /// A list of 1 to `most` items.
    pub fn list<'s, T: Deserialize<'s>>(&'s self, name: &str, wanted: &str, most: usize) -> Result<Vec<T>, ApiError> {
        let items: Vec<&RawValue> = self.required(name, wanted)?;
        if items.is_empty() || items.len() > most {
            return Err(ApiError::field(
                name,
                "out_of_range",
                format!("{name} has {} items: it must be {wanted}", items.len()),
            ));
        }
        items
            .into_iter()
            .enumerate()
            .map(|(i, item)| {
                serde_json::from_str(item.get()).map_err(|e| {
                    ApiError::field(
                        format!("{name}[{i}]"),
                        "invalid_value",
                        format!("{name}[{i}] does not fit ({}): {name} must be {wanted}", reason(&e)),
                    )
                })
            })
            .collect()
    }
}

/// A reading error without its place, which would be one within the field alone.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    half_a_letter(text).map_or_else(|| text.chars().take(200).collect(), str::to_owned)
}

/// What is wrong, and the mend, where serde_json found one surrogate without the other. Of four digits that are hexadecimal it has
/// nothing else to say.
pub fn half_a_letter(reason: &str) -> Option<&'static str> {
    reason.contains("hex escape").then_some(
        "it holds half a letter, a surrogate such as \\ud83d without its other half: cut a text between letters, not within one",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_letter_is_refused_with_the_mend_wherever_it_stands() {
        for half in [r"\ud83d", r"\ud83d!", r"\ude00", r"\ud83d\ud83d", r"\ud83d\n"] {
            let body = format!(r#"{{"message":"はい{half}","prompts":["{half}"]}}"#);
            let request = Request::new(&body, "r", None).unwrap();
            let alone = request.required::<String>("message", "a text").unwrap_err();
            let listed = request.list::<String>("prompts", "texts", 9).unwrap_err();
            for (error, param) in [(alone, "message"), (listed, "prompts[0]")] {
                assert_eq!((error.status, error.param.as_deref()), (400, Some(param)), "{half}");
                assert!(error.message.contains("cut a text between letters"), "{half}: {}", error.message);
            }
        }
        // What is no text at all is told as before.
        let request = Request::new(r#"{"message":3}"#, "r", None).unwrap();
        let error = request.required::<String>("message", "a text").unwrap_err();
        assert_eq!(error.message, "message must be a text (invalid type: integer `3`, expected a string)");
    }

    #[test]
    fn what_cannot_be_seen_is_blank() {
        for blank in ["", " \n\u{3000}", "\u{200b}\u{feff}", "\u{202e}", "\0"] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for text in ["?", "\u{200b}返品", "👍\u{200d}"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }
}
