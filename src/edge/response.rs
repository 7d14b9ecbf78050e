//! A reply on its way out.

use futures::stream::StreamExt;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{js_sys, web_sys};

use crate::api::reply::{Answer, Body};

/// Writes a reply for the fetch event.
///
/// What an object answers is not written here: [`hand_on`] does once it has answered.
pub fn write(answer: Answer) -> Result<web_sys::Response, JsValue> {
    let headers = answer.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    write_parts(answer.status, headers, answer.body)
}

/// Writes a reply whose headers may have any names.
pub fn write_parts(
    status: u16,
    headers: serde_json::Map<String, serde_json::Value>,
    body: Body,
) -> Result<web_sys::Response, JsValue> {
    // One text for all that is beside the body: a header at a time would be a crossing each.
    let init = js_sys::JSON::parse(&serde_json::json!({ "status": status, "headers": headers }).to_string())?;
    let init: &web_sys::ResponseInit = init.unchecked_ref();
    match body {
        // A status such as 204 forbids even an empty body.
        Body::Text(text) if text.is_empty() => web_sys::Response::new_with_opt_str_and_init(None, init),
        Body::Text(text) => web_sys::Response::new_with_opt_str_and_init(Some(&text), init),
        Body::Stream(pieces) => {
            let chunks = pieces.map(|piece| Ok(js_sys::Uint8Array::from(piece.as_bytes()).into()));
            let stream = wasm_streams::ReadableStream::from_stream(chunks).into_raw();
            web_sys::Response::new_with_opt_readable_stream_and_init(Some(stream.unchecked_ref()), init)
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
