//! A reply on its way out.

use futures::stream::StreamExt;
use serde::{Serialize, Serializer};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{js_sys, web_sys};

use super::bindings;
use crate::api::reply::{Answer, Body};

/// A response's init, in JSON: a header at a time would be a crossing each.
#[derive(Serialize)]
struct Init {
    status: u16,
    #[serde(serialize_with = "as_map")]
    headers: Vec<(&'static str, String)>,
}

fn as_map<S: Serializer>(headers: &[(&'static str, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.iter().map(|(name, value)| (name, value)))
}

/// Writes a reply for the fetch event.
///
/// A visit is not answered here: its reply is written by [`hand_on`] once the object has answered.
pub fn write(answer: Answer) -> Result<web_sys::Response, JsValue> {
    let init = serde_json::to_string(&Init { status: answer.status, headers: answer.headers })
        .map_err(|e| JsValue::from_str(&e.to_string()))?;
    match answer.body {
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
