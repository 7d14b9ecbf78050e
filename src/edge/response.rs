//! A reply on its way out.

use futures::stream::StreamExt;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{js_sys, web_sys};

use crate::api::reply::{Answer, Body};

/// Writes a reply for the fetch event.
pub fn write(answer: Answer) -> Result<web_sys::Response, JsValue> {
    // One text for all that is beside the body: a header at a time would be a crossing each.
    let headers: serde_json::Map<String, serde_json::Value> =
        answer.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let init = js_sys::JSON::parse(&serde_json::json!({ "status": answer.status, "headers": headers }).to_string())?;
    let init: &web_sys::ResponseInit = init.unchecked_ref();
    match answer.body {
        Body::Text(text) => web_sys::Response::new_with_opt_str_and_init(Some(&text), init),
        Body::Stream(pieces) => {
            let chunks = pieces.map(|piece| Ok(js_sys::Uint8Array::from(piece.as_bytes()).into()));
            let stream = wasm_streams::ReadableStream::from_stream(chunks).into_raw();
            web_sys::Response::new_with_opt_readable_stream_and_init(Some(stream.unchecked_ref()), init)
        }
    }
}
