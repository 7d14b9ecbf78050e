//! API keys: who is asking, told without a hint of how near a guess was.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::error::{ApiError, Kind};

/// Checks an `Authorization` header against the keys; gives a digest of the key that names its budget.
pub fn check(authorization: Option<&str>, keys: &[String]) -> Result<String, ApiError> {
    let denied = |code, message: &str| Err(ApiError::new(Kind::Authentication, code, message));
    if keys.is_empty() {
        return denied(
            "no_keys_configured",
            "No API key is configured: the operator sets the secret API_KEYS (npx wrangler secret put API_KEYS)",
        );
    }
    let Some(header) = authorization else {
        return denied("missing_key", "Send your key in the header: Authorization: Bearer <key>");
    };
    let Some((scheme, key)) = header.trim().split_once(' ').filter(|(s, _)| s.eq_ignore_ascii_case("bearer")) else {
        return denied("malformed_authorization", "The Authorization header must read: Bearer <key>");
    };
    // Every key is compared, so that the time taken tells nothing of which was near.
    let found = keys.iter().fold(None, |found, known| if same(known, key.trim()) { Some(known) } else { found });
    let _ = scheme;
    match found {
        Some(known) => Ok(digest(known)),
        None => denied("invalid_key", "This API key is not known: check the header Authorization: Bearer <key>"),
    }
}

/// Compares in a time that depends on the lengths alone.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0u8, |d, (x, y)| d | (x ^ y)) == 0
}

/// Names a key's budget. It tells keys of one shop apart; it is not a secret's hash and is never shown.
fn digest(key: &str) -> String {
    let mut h = DefaultHasher::new();
    key.hash(&mut h);
    format!("{:016x}", h.finish())
}

/// A number for the one whose key has this digest, for fair shares.
pub fn party(digest: &str) -> u64 {
    u64::from_str_radix(digest, 16).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_bearer_key_passes_and_nothing_else_does() {
        let keys = ["aaa".to_owned(), "bbb".to_owned()];
        assert!(check(Some("Bearer bbb"), &keys).is_ok());
        assert!(check(Some("bearer aaa"), &keys).is_ok());
        for wrong in [
            None,
            Some(""),
            Some("Bearer"),
            Some("Bearer "),
            Some("Basic aaa"),
            Some("Bearer aab"),
            Some("Bearer aaaa"),
        ] {
            assert_eq!(check(wrong, &keys).unwrap_err().status, 401, "{wrong:?}");
        }
        assert_eq!(check(Some("Bearer "), &[]).unwrap_err().code, "no_keys_configured");
    }
}
