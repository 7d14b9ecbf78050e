//! A reply on its way out.

use futures::stream::StreamExt;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{js_sys, web_sys};

use crate::api::reply::{Answer, Body};

/// Writes a reply for the fetch event.
pub fn write(answer: Answer) -> worker::Result<web_sys::Response> {
    let headers = js_sys::Object::new();
    for (name, value) in &answer.headers {
        js_sys::Reflect::set(&headers, &JsValue::from_str(name), &JsValue::from_str(value))?;
    }
    let init = web_sys::ResponseInit::new();
    init.set_status(answer.status);
    init.set_headers(&headers);
    Ok(match answer.body {
        Body::Text(text) => web_sys::Response::new_with_opt_str_and_init(Some(&text), &init)?,
        Body::Stream(pieces) => {
            let chunks = pieces.map(|piece| Ok(js_sys::Uint8Array::from(piece.as_bytes()).into()));
            let stream = wasm_streams::ReadableStream::from_stream(chunks).into_raw();
            web_sys::Response::new_with_opt_readable_stream_and_init(Some(stream.unchecked_ref()), &init)?
        }
    })
}
