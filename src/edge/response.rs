//! A reply on its way out.

use futures::stream::StreamExt;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{js_sys, web_sys};

use crate::api::reply::{Answer, Body};

/// Writes a reply for the fetch event.
///
/// A visit is not answered here: its reply is written by [`hand_on`] once the object has answered.
pub fn write(answer: Answer) -> Result<web_sys::Response, JsValue> {
    // One text for all that is beside the body: a header at a time would be a crossing each.
    let headers: serde_json::Map<String, serde_json::Value> =
        answer.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let init = js_sys::JSON::parse(&serde_json::json!({ "status": answer.status, "headers": headers }).to_string())?;
    let init: &web_sys::ResponseInit = init.unchecked_ref();
    match answer.body {
        // A status such as 204 forbids even an empty body.
        Body::Text(text) if text.is_empty() => web_sys::Response::new_with_opt_str_and_init(None, init),
        Body::Text(text) => web_sys::Response::new_with_opt_str_and_init(Some(&text), init),
        Body::Stream(pieces) => {
            let chunks = pieces.map(|piece| Ok(js_sys::Uint8Array::from(piece.as_bytes()).into()));
            let stream = wasm_streams::ReadableStream::from_stream(chunks).into_raw();
            web_sys::Response::new_with_opt_readable_stream_and_init(Some(stream.unchecked_ref()), init)
        }
        Body::Visit(_) => Err(JsValue::from_str("a visit that nobody served")),
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
