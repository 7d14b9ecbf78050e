//! The key as the header gives it: a string of the structured fields (RFC 9651) as the draft wants, or the bare text that most clients send.

use super::HEADER;
use crate::error::ApiError;

/// The longest key, in characters.
const LONGEST: usize = 255;

/// Reads the header's value. A quoted key and the same one bare are one key.
///
/// # Errors
/// Names the header and what it must be.
pub fn read(header: &str) -> Result<String, ApiError> {
    let text = header.trim();
    let key = match text.strip_prefix('"') {
        None => Some(text.to_owned()).filter(|bare| !bare.contains('"')),
        Some(rest) => rest.strip_suffix('"').and_then(unquoted),
    };
    key.filter(|k| (1..=LONGEST).contains(&k.len()) && k.bytes().all(|b| (0x20..0x7f).contains(&b))).ok_or_else(|| {
        let message = format!(
            "The header {HEADER} must be 1 to {LONGEST} printable ASCII characters, bare or between double quotes, such as \
             \"8e03978e-40d5-43dd-bc93-6894a57f9324\""
        );
        ApiError::field(HEADER, "invalid_idempotency_key", message)
    })
}

/// What stands between the quotes; none where a quote or a backslash stands there that is not escaped.
fn unquoted(text: &str) -> Option<String> {
    let mut key = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        key.push(match c {
            '"' => return None,
            '\\' => chars.next().filter(|c| matches!(c, '"' | '\\'))?,
            c => c,
        });
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_bare_and_quoted_and_is_the_same() {
        for (header, key) in [
            ("order-1001", "order-1001"),
            ("\"order-1001\"", "order-1001"),
            ("  \"a b\" ", "a b"),
            (r#""say \"hi\" \\""#, r#"say "hi" \"#),
            ("a\\b", "a\\b"),
            (&"k".repeat(255), &"k".repeat(255)),
        ] {
            assert_eq!(read(header).as_deref(), Ok(key), "{header:?}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_by_the_headers_name() {
        let long = "k".repeat(256);
        for header in
            ["", " ", "\"\"", "\"", "\"open", "open\"", "\"a\"b\"", "\"a\\n\"", "\"a\\", "注文", "a\tb", &long]
        {
            let error = read(header).unwrap_err();
            assert_eq!((error.status, error.param.as_deref()), (400, Some("Idempotency-Key")), "{header:?}");
        }
    }
}
