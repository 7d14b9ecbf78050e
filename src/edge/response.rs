//! A reply on its way out.

use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{js_sys, web_sys};

use super::{bindings, pulled};
use crate::api::reply::{Answer, Body};
use crate::upstream::wire::quoted;

fn push_text(out: &mut String, text: &str) {
    if text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\') {
        out.extend(["\"", text, "\""]);
    } else {
        out.push_str(&quoted(text));
    }
}

/// A map of texts, in JSON: to set headers one at a time would be a crossing each.
pub fn map(pairs: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(64 * pairs.len() + 2);
    out.push('{');
    for (i, (name, value)) in pairs.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        push_text(&mut out, name);
        out.push(':');
        push_text(&mut out, value);
    }
    out.push('}');
    out
}

/// Writes a reply for the fetch event.
///
/// What an object answers is not written here: [`hand_on`] does once it has answered.
pub fn write(answer: Answer) -> Result<web_sys::Response, JsValue> {
    let headers: Vec<_> = answer.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    write_parts(answer.status, &map(&headers), answer.body)
}

/// Writes a reply whose headers are a map of JSON.
pub fn write_parts(status: u16, headers: &str, body: Body) -> Result<web_sys::Response, JsValue> {
    let init = format!("{{\"status\":{status},\"headers\":{headers}}}");
    match body {
        Body::Text(text) => bindings::respond(&init, text.as_bytes()),
        Body::Stream(pieces) => {
            let init = js_sys::JSON::parse(&init)?;
            web_sys::Response::new_with_opt_readable_stream_and_init(
                Some(&pulled::stream(pieces)?),
                init.unchecked_ref::<web_sys::ResponseInit>(),
            )
        }
        Body::Visit(_) | Body::Keyed(_) => Err(JsValue::from_str("an object that nobody asked")),
    }
}

/// An object's reply with more headers. Its body goes through as it comes, without passing Rust.
pub fn hand_on(reply: &web_sys::Response, headers: Vec<(&'static str, String)>) -> Result<web_sys::Response, JsValue> {
    let init = web_sys::ResponseInit::new();
    init.set_status(reply.status());
    let all = web_sys::Headers::new_with_headers(&reply.headers())?;
    headers.iter().try_for_each(|(name, value)| all.set(name, value))?;
    init.set_headers(&all);
    web_sys::Response::new_with_opt_readable_stream_and_init(reply.body().as_ref(), &init)
}
