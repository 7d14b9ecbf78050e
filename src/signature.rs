//! Signatures: HMAC-SHA-256 (RFC 2104) under a secret, and comparing without telling how near a guess was.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Signs parts one after the other; small hexadecimal letters.
pub fn sign(secret: &str, parts: &[&str]) -> String {
    // A key of any length is taken, so there is nothing that can fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    parts.iter().for_each(|part| mac.update(part.as_bytes()));
    hex(&mac.finalize().into_bytes())
}

/// Bytes as small hexadecimal letters.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares in a time that depends on the lengths alone. The empty text equals nothing: no signature is ever empty.
pub fn equal(a: &str, b: &str) -> bool {
    !a.is_empty() && a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0u8, |d, (x, y)| d | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hmac_of_the_standards_test_vectors() {
        // RFC 4231, cases 2 and 6 (a key longer than a block).
        let two = sign("Jefe", &["what do ya want ", "for nothing?"]);
        assert_eq!(two, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let long = "a".repeat(200);
        assert_eq!(sign(&long, &["x"]).len(), 64);
        assert_ne!(sign(&long, &["x"]), sign(&long[..199], &["x"]));
    }

    #[test]
    fn only_the_same_text_is_equal() {
        assert!(equal("abc", "abc"));
        assert!(!equal("abc", "abd") && !equal("abc", "ab") && !equal("", ""));
    }
}
