//! The storefront's files where the platform does not serve them itself, with the headers that it gives them (`storefront/_headers`).

use super::reply::Answer;
use crate::counter::Counter;

/// Nothing inline, nothing from elsewhere, no markup made from strings.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
trusted-types 'none'";

/// A page of the storefront; none where there is no such file.
pub async fn file(counter: &Counter, method: &str, path: &str) -> Option<Answer> {
    if !matches!(method, "GET" | "HEAD") {
        return None;
    }
    let path = if path == "/" { "/index.html" } else { path };
    let kind = match path.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "ndjson" => "application/x-ndjson",
        "webmanifest" => "application/manifest+json",
        _ => return None,
    };
    let text = counter.world.asset(path.to_owned()).await?;
    let mut headers = vec![
        ("content-type", kind.into()),
        ("content-security-policy", POLICY.into()),
        ("x-content-type-options", "nosniff".into()),
        ("referrer-policy", "strict-origin-when-cross-origin".into()),
        // A shop's own page, on another origin, loads the widget.
        ("cross-origin-resource-policy", "cross-origin".into()),
        ("cache-control", "public, max-age=300".into()),
    ];
    if path == "/widget.js" {
        // With `crossorigin` and an integrity of the shop's own, or as a module.
        headers.push(("access-control-allow-origin", "*".into()));
    }
    Some(Answer { headers, ..Answer::text(text) })
}
