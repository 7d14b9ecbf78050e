//! Which pages may call `/chat*`: the browser says where a page is from, and only the shop's own storefronts are answered.

use crate::error::{ApiError, Kind};

/// An origin as browsers write it (scheme, host, port unless it is the scheme's own); none for what is no origin.
pub fn normal(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('/').to_ascii_lowercase();
    let (scheme, host) = text.split_once("://")?;
    let own_port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let host = host.strip_suffix(own_port).unwrap_or(host);
    let wrong = |c: char| {
        c.is_whitespace() || c.is_control() || !c.is_ascii() || matches!(c, '/' | '?' | '#' | '@' | '*' | '"' | ',')
    };
    (!host.is_empty() && !host.contains(wrong)).then(|| format!("{scheme}://{host}"))
}

/// The origin that a request is from. Browsers leave the header out when a page reads from its own origin, so a request without one
/// counts as the Worker's own; from any other origin they always send it.
pub fn of_request(header: Option<&str>, own: &str, allowed: &[String]) -> Result<String, ApiError> {
    let origin = match header {
        None => Some(own.to_owned()),
        Some(text) => normal(text),
    };
    let listed = |o: &String| if allowed.is_empty() { o == own } else { allowed.contains(o) };
    origin.filter(listed).ok_or_else(|| {
        ApiError::new(
            Kind::Permission,
            "origin_not_allowed",
            "This page may not use the chat: the operator lists the storefront's origin in ALLOWED_ORIGINS, as in https://shop.example",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_origins_that_are_listed_pass_and_to_the_letter() {
        let allowed = ["https://shop.example".to_owned()];
        let pass = |header| of_request(header, "https://worker.example", &allowed).is_ok();
        assert!(pass(Some("https://shop.example")));
        for other in [
            "http://shop.example",
            "https://shop.example:8443",
            "https://www.shop.example",
            "https://shop.example.evil.example",
            "https://evil.example/https://shop.example",
            "https://shop.example@evil.example",
            "https://worker.example",
            "null",
            "*",
            "",
        ] {
            assert!(!pass(Some(other)), "{other}");
        }
        assert!(!pass(None));
    }

    #[test]
    fn without_a_list_it_is_the_workers_own_and_a_page_of_it_need_not_say_so() {
        let pass = |header| of_request(header, "http://127.0.0.1:8788", &[]).is_ok();
        assert!(pass(None) && pass(Some("http://127.0.0.1:8788")));
        assert!(!pass(Some("http://127.0.0.1:8789")) && !pass(Some("null")));
    }

    #[test]
    fn an_origin_is_compared_as_browsers_write_it() {
        assert_eq!(normal("HTTPS://Shop.Example:443/").as_deref(), Some("https://shop.example"));
        assert_eq!(normal("http://[::1]:8080").as_deref(), Some("http://[::1]:8080"));
        for wrong in [
            "https://日本.example",
            "shop.example",
            "https://",
            "https://shop.example/path",
            "https://*.example",
            "ftp://shop.example",
        ] {
            assert_eq!(normal(wrong), None, "{wrong}");
        }
    }
}
