//! Visitors' tokens: who is chatting, told by a signature alone, with nothing kept.
//!
//! A token reads `visitor.expiry.signature`. The origin that it was given to is signed but not written in it: a token that leaves its
//! storefront does not even say where it would work.
//!
//! It lives for an hour or so. One that has run out opens nothing, but for as long as the conversation is kept it can be exchanged for a
//! fresh one of the same visitor, so a shopper who comes back finds what was said, and a token seen in a log is soon worth little.

use crate::error::{ApiError, Kind};
use crate::signature::{equal, sign};

/// The visitor that a token names, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The visitor's id: 32 hexadecimal letters.
    pub id: String,
}

/// What sets a token's signature apart from all else that the same secret may sign.
const PURPOSE: &str = "madoguchi visitor 1";

fn signature(secret: &str, origin: &str, claims: &str) -> String {
    sign(secret, &[PURPOSE, "\n", origin, "\n", claims])
}

/// The error of a Worker that was given no secret.
fn no_secret() -> ApiError {
    ApiError::new(
        Kind::Internal,
        "no_visitor_secret",
        "The chat is not set up: the operator sets the secret VISITOR_SECRET to a long random text (npx wrangler secret put VISITOR_SECRET)",
    )
}

/// Writes a token for a visitor at an origin, signed with the first secret.
pub fn issue(secrets: &[String], visitor: &str, origin: &str, expires_ms: u64) -> Result<String, ApiError> {
    let secret = secrets.first().ok_or_else(no_secret)?;
    let claims = format!("{visitor}.{}", expires_ms / 1000);
    let signed = signature(secret, origin, &claims);
    Ok(format!("{claims}.{signed}"))
}

/// Checks an `Authorization` header: a token for this origin, signed with any of the secrets, not expired.
pub fn check(secrets: &[String], authorization: Option<&str>, origin: &str, now_ms: u64) -> Result<Visitor, ApiError> {
    let (visitor, expires_ms) = read(secrets, authorization, origin)?;
    if expires_ms > now_ms {
        return Ok(visitor);
    }
    denied(
        "expired_token",
        "This visitor's token has expired: send it to POST /chat/session, which gives a fresh one of the same visitor",
    )
}

/// The visitor of a token that may be exchanged for a fresh one: still good, or run out at most `grace_ms` ago.
pub fn renew(
    secrets: &[String],
    authorization: Option<&str>,
    origin: &str,
    now_ms: u64,
    grace_ms: u64,
) -> Option<Visitor> {
    let (visitor, expires_ms) = read(secrets, authorization, origin).ok()?;
    (expires_ms.saturating_add(grace_ms) > now_ms).then_some(visitor)
}

fn denied<T>(code: &'static str, message: &str) -> Result<T, ApiError> {
    Err(ApiError::new(Kind::Authentication, code, message))
}

/// The visitor that a token names and when it runs out, if it was signed for this origin.
fn read(secrets: &[String], authorization: Option<&str>, origin: &str) -> Result<(Visitor, u64), ApiError> {
    if secrets.is_empty() {
        return Err(no_secret());
    }
    let Some(header) = authorization else {
        return denied("missing_token", "Send the visitor's token in the header: Authorization: Bearer <token>");
    };
    let bearer = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((claims, signed)) = bearer.and_then(|(_, token)| token.rsplit_once('.')) else {
        return denied(
            "malformed_token",
            "The Authorization header must read: Bearer <token>, as /chat/session gave it",
        );
    };
    // Both secrets are always tried, so that the time taken does not tell which one signed.
    let known = secrets.iter().fold(false, |known, s| known | equal(&signature(s, origin, claims), signed));
    // What is signed was written here, so it has this shape.
    let parts = claims.split_once('.').and_then(|(id, expiry)| Some((id, expiry.parse::<u64>().ok()?)));
    match parts.filter(|_| known) {
        Some((id, expiry)) => Ok((Visitor { id: id.to_owned() }, expiry.saturating_mul(1000))),
        None => {
            denied("invalid_token", "This visitor's token is not valid here: ask for another at POST /chat/session")
        }
    }
}

/// Names an address's budget with no way back to the address. An IPv6 subscriber has 2^64 addresses, so their common part counts.
pub fn address_digest(secrets: &[String], address: &str) -> String {
    let address = address.trim();
    let counted = match address.parse::<std::net::Ipv6Addr>() {
        Ok(six) => match six.to_ipv4_mapped() {
            Some(four) => four.to_string(),
            None => six.segments().iter().take(4).map(|part| format!("{part:x}:")).collect(),
        },
        Err(_) => address.to_owned(),
    };
    let secret = secrets.first().map_or("", String::as_str);
    sign(secret, &["madoguchi address 1\n", &counted]).chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHOP: &str = "https://shop.example";
    const NOW: u64 = 1_800_000_000_000;

    fn secrets(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| (*s).to_owned()).collect()
    }

    fn token(list: &[&str]) -> String {
        issue(&secrets(list), "0123456789abcdef0123456789abcdef", SHOP, NOW + 60_000).unwrap()
    }

    fn code(list: &[&str], token: &str, origin: &str, now: u64) -> &'static str {
        check(&secrets(list), Some(&format!("Bearer {token}")), origin, now).map_or_else(|e| e.code, |_| "ok")
    }

    #[test]
    fn a_token_is_good_at_its_origin_until_it_expires() {
        let t = token(&["one"]);
        assert_eq!(code(&["one"], &t, SHOP, NOW), "ok");
        assert_eq!(code(&["one"], &t, SHOP, NOW + 59_999), "ok");
        assert_eq!(code(&["one"], &t, SHOP, NOW + 60_000), "expired_token");
        assert_eq!(code(&["one"], &t, "https://other.example", NOW), "invalid_token");
        assert_eq!(code(&["two"], &t, SHOP, NOW), "invalid_token");
        // A token that nobody signed is not told that it is late.
        assert_eq!(code(&["two"], &t, SHOP, NOW + 60_000), "invalid_token");
    }

    #[test]
    fn a_token_that_ran_out_is_exchanged_for_the_same_visitors_and_only_within_the_grace() {
        let renewed = |list: &[&str], token: &str, origin, now| {
            renew(&secrets(list), Some(&format!("Bearer {token}")), origin, now, 5_000).map(|v| v.id)
        };
        let t = token(&["one"]);
        let id = Some("0123456789abcdef0123456789abcdef".to_owned());
        assert_eq!(renewed(&["one"], &t, SHOP, NOW), id);
        assert_eq!(renewed(&["new", "one"], &t, SHOP, NOW + 64_999), id);
        assert_eq!(renewed(&["one"], &t, SHOP, NOW + 65_000), None);
        assert_eq!(renewed(&["one"], &t, "https://other.example", NOW), None);
        assert_eq!(renewed(&["two"], &t, SHOP, NOW), None);
        // Neither the visitor nor the expiry can be another than was signed.
        let (claims, signed) = t.rsplit_once('.').unwrap();
        for forged in [claims.replacen('0', "1", 1), format!("{claims}9")] {
            assert_eq!(renewed(&["one"], &format!("{forged}.{signed}"), SHOP, NOW), None);
        }
    }

    #[test]
    fn secrets_change_without_a_shopper_noticing() {
        let old = token(&["old"]);
        assert_eq!(code(&["new", "old"], &old, SHOP, NOW), "ok");
        assert_eq!(code(&["new"], &old, SHOP, NOW), "invalid_token");
        let new = token(&["new", "old"]);
        assert_eq!(code(&["new"], &new, SHOP, NOW), "ok");
    }

    #[test]
    fn what_is_no_token_is_refused_and_a_missing_secret_is_told() {
        let all = secrets(&["one"]);
        for wrong in [
            None,
            Some(""),
            Some("Bearer"),
            Some("Bearer x"),
            Some("Bearer ."),
            Some("Basic a.1.b"),
            Some("Bearer a.b.c.d"),
        ] {
            assert_eq!(check(&all, wrong, SHOP, NOW).unwrap_err().status, 401, "{wrong:?}");
        }
        assert_eq!(check(&[], Some("Bearer a.1."), SHOP, NOW).unwrap_err().code, "no_visitor_secret");
        assert!(issue(&[], "v", SHOP, NOW).unwrap_err().message.contains("VISITOR_SECRET"));
    }

    #[test]
    fn an_address_counts_once_and_a_subscriber_of_ipv6_too() {
        let digest = |address| address_digest(&secrets(&["one"]), address);
        assert_eq!(digest("2001:db8:1:2:3:4:5:6"), digest("2001:db8:1:2:ffff::1"));
        assert_ne!(digest("2001:db8:1:2::1"), digest("2001:db8:1:3::1"));
        assert_eq!(digest("::ffff:192.0.2.1"), digest("192.0.2.1"));
        assert_ne!(digest("192.0.2.1"), digest("192.0.2.2"));
        assert_ne!(digest("192.0.2.1"), address_digest(&secrets(&["two"]), "192.0.2.1"));
    }

    proptest! {
        #[test]
        fn a_token_altered_in_any_byte_is_refused(at in 0usize..108, by in 1u8..=255) {
            let good = token(&["one", "two"]);
            let mut bytes = good.clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= by;
            // Headers hold text; what is none never gets here.
            let altered = String::from_utf8_lossy(&bytes).into_owned();
            prop_assert_ne!(code(&["one", "two"], &altered, SHOP, NOW), "ok");
        }

        #[test]
        fn a_token_cut_or_lengthened_is_refused(cut in 0usize..108, more in "[0-9a-f.]{1,4}") {
            let good = token(&["one"]);
            let cut = cut.min(good.len() - 1);
            prop_assert_ne!(code(&["one"], &good[..cut], SHOP, NOW), "ok");
            prop_assert_ne!(code(&["one"], &format!("{good}{more}"), SHOP, NOW), "ok");
            prop_assert_ne!(code(&["one"], &format!("{more}{good}"), SHOP, NOW), "ok");
        }
    }
}
