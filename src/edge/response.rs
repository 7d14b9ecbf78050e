//! A reply on its way out.

use futures::stream::StreamExt;
use serde::{Serialize, Serializer};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{js_sys, web_sys};

use super::bindings;
use crate::api::reply::{Answer, Body};

/// A response's init, in JSON: a header at a time would be a crossing each.
#[derive(Serialize)]
struct Init<H> {
    status: u16,
    headers: H,
}

/// Headers as a map of JSON.
struct Pairs<'a>(&'a [(&'static str, String)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Writes a reply for the fetch event.
///
/// What an object answers is not written here: [`hand_on`] does once it has answered.
pub fn write(answer: Answer) -> Result<web_sys::Response, JsValue> {
    write_parts(answer.status, Pairs(&answer.headers), answer.body)
}

/// Writes a reply whose headers may have any names.
pub fn write_parts(status: u16, headers: impl Serialize, body: Body) -> Result<web_sys::Response, JsValue> {
    let init = serde_json::to_string(&Init { status, headers }).map_err(|e| JsValue::from_str(&e.to_string()))?;
    match body {
        Body::Text(text) => bindings::respond(&init, text.as_bytes()),
        Body::Stream(pieces) => {
            let chunks = pieces.map(|piece| Ok(js_sys::Uint8Array::from(piece.as_bytes()).into()));
            let stream = wasm_streams::ReadableStream::from_stream(chunks).into_raw();
            let init = js_sys::JSON::parse(&init)?;
            web_sys::Response::new_with_opt_readable_stream_and_init(
                Some(stream.unchecked_ref()),
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
