//! How many tokens a call may use, told before it is made.

use serde::Deserialize;

use crate::error::ApiError;

/// What an answer may use where the caller sets no bound.
const ANSWER: u64 = 600;

#[derive(Deserialize, Default)]
struct Bounds {
    #[serde(default)]
    max_tokens: Option<u64>,
    #[serde(default)]
    max_completion_tokens: Option<u64>,
}

/// Tokens of a chat completion's body and its answer, rather too many than too few.
///
/// A token is about four bytes of English and about three, one character, of Japanese.
pub fn tokens(body: &str) -> u32 {
    let bounds: Bounds = serde_json::from_str(body).unwrap_or_default();
    let answer = bounds.max_completion_tokens.or(bounds.max_tokens).unwrap_or(ANSWER);
    prompt(body).saturating_add(u32::try_from(answer).unwrap_or(u32::MAX))
}

/// What is wrong with a call that may use so many tokens, where no minute allows as many; waiting cannot mend that.
pub fn too_large(body: &str, tokens: u32, a_minute: u64) -> Option<ApiError> {
    if u64::from(tokens) <= a_minute || a_minute == 0 {
        return None;
    }
    let (param, mend) = if u64::from(prompt(body)) < a_minute {
        ("max_tokens", "set a smaller max_tokens")
    } else {
        ("messages", "send fewer or shorter messages")
    };
    let message = format!("The call may use {tokens} tokens, and UPSTREAM_TPM allows {a_minute} in any minute: {mend}");
    Some(ApiError::field(param, "too_many_tokens", message).with_status(413))
}

/// Tokens of a chat completion's body alone.
pub fn prompt(body: &str) -> u32 {
    of_bytes(body.len())
}

/// Tokens of so many bytes of text.
pub fn of_bytes(bytes: usize) -> u32 {
    u32::try_from(bytes / 3).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_own_bound_counts_before_the_usual_answer() {
        let body = |rest: &str| {
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"返品はできますか"}}]{rest}}}"#)
        };
        let plain = tokens(&body(""));
        assert!((600..700).contains(&plain), "{plain}");
        assert!(tokens(&body(r#","max_tokens":50"#)) < 150);
        assert!(tokens(&body(r#","max_tokens":50,"max_completion_tokens":5000"#)) > 5000);
    }
}
