//! A reply on its way out.

use std::borrow::Cow;

use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{js_sys, web_sys};

use super::{bindings, pulled};
use crate::api::reply::{Answer, Body};
use crate::upstream::wire::quoted;

/// Writes a text in JSON.
pub fn push_text(out: &mut String, text: &str) {
    if text.bytes().any(|b| b < b' ' || b == b'"' || b == b'\\') {
        return out.push_str(&quoted(text));
    }
    out.push('"');
    out.push_str(text);
    out.push('"');
}

/// Writes a header into a map of JSON after others, its name as it is: to set headers one at a time would be a crossing each.
pub fn push_header(out: &mut String, name: &'static str, value: &str) {
    out.push_str(if out.ends_with('{') { "\"" } else { ",\"" });
    out.push_str(name);
    out.push_str("\":");
    push_text(out, value);
}

/// Writes a reply for the fetch event.
///
/// What an object answers is not written here: [`hand_on`] does once it has answered.
pub fn write(answer: Answer) -> Result<web_sys::Response, JsValue> {
    let mut init = String::with_capacity(1 << 10);
    begin(&mut init, answer.status);
    init.push('{');
    answer.headers.iter().for_each(|(name, value)| push_header(&mut init, name, value));
    init.push_str("}}");
    with_init(&init, answer.body)
}

/// Writes a reply whose headers are a map of JSON.
pub fn write_parts(status: u16, headers: &str, body: Body) -> Result<web_sys::Response, JsValue> {
    let mut init = String::new();
    begin(&mut init, status);
    init.extend([headers, "}"]);
    with_init(&init, body)
}

fn begin(init: &mut String, status: u16) {
    init.push_str("{\"status\":");
    init.push_str(&status.to_string());
    init.push_str(",\"headers\":");
}

fn with_init(init: &str, body: Body) -> Result<web_sys::Response, JsValue> {
    match body {
        Body::Text(text) => bindings::respond(init, text.as_bytes()),
        Body::Stream(pieces) => {
            let init = js_sys::JSON::parse(init)?;
            web_sys::Response::new_with_opt_readable_stream_and_init(
                Some(&pulled::stream(pieces)?),
                init.unchecked_ref::<web_sys::ResponseInit>(),
            )
        }
        Body::Visit(_) | Body::Keyed(_) => Err(JsValue::from_str("an object that nobody asked")),
    }
}

/// An object's reply with more headers. Its body goes through as it comes, without passing Rust.
pub fn hand_on(
    reply: &web_sys::Response,
    headers: Vec<(&'static str, Cow<'static, str>)>,
) -> Result<web_sys::Response, JsValue> {
    let init = web_sys::ResponseInit::new();
    init.set_status(reply.status());
    let all = web_sys::Headers::new_with_headers(&reply.headers())?;
    headers.iter().try_for_each(|(name, value)| all.set(name, value))?;
    init.set_headers(&all);
    web_sys::Response::new_with_opt_readable_stream_and_init(reply.body().as_ref(), &init)
}
