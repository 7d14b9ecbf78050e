//! One call to a model's host, aborted when it is dropped.

use futures::future::LocalBoxFuture;
use futures::stream::{LocalBoxStream, StreamExt};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{js_sys, web_sys};

use super::bindings::{self, Stub, WithBody};
use super::promise;
use crate::world::{Outgoing, Reply, Sent, TransportError};

/// Bodies up to this length are read at once, in bytes.
const READ_AT_ONCE: usize = 64 << 10;

/// Aborts its call when dropped, unless the call has ended.
struct Abort(Option<web_sys::AbortController>);

impl Abort {
    fn ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for Abort {
    fn drop(&mut self) {
        if let Some(controller) = self.0.take() {
            controller.abort();
        }
    }
}

fn broken(error: JsValue) -> TransportError {
    let reason = error.dyn_ref::<js_sys::Error>().map(|e| String::from(e.message())).unwrap_or_default();
    TransportError::Broken(reason)
}

/// Starts a call: from here, or through a lane's object.
pub fn send(call: Outgoing, lane: Option<Stub>) -> LocalBoxFuture<'static, Sent> {
    Box::pin(async move {
        let controller = web_sys::AbortController::new().map_err(broken)?;
        // One text for all that is beside the body: a header at a time would be a crossing each. A redirect would carry
        // the key to another host.
        let mut headers = serde_json::json!({
            "content-type": "application/json",
            "x-request-id": call.request_id,
            "x-madoguchi-invocation": call.invocation.name(),
        });
        if let (Some(key), Some(headers)) = (&call.key, headers.as_object_mut()) {
            headers.insert("authorization".into(), format!("Bearer {key}").into());
        }
        let init = serde_json::json!({ "method": "POST", "redirect": "manual", "headers": headers }).to_string();
        let init: web_sys::RequestInit = js_sys::JSON::parse(&init).map_err(broken)?.unchecked_into();
        init.set_body(&JsValue::from_str(&call.body));
        init.set_signal(Some(&controller.signal()));
        let mut abort = Abort(Some(controller));
        let promise = match &lane {
            Some(stub) => stub.fetch(&call.url, &init),
            None => bindings::fetch(&call.url, &init),
        };
        match promise::settled(promise).await {
            Ok(response) => Ok(Box::new(EdgeReply { response: response.unchecked_into(), abort }) as Box<dyn Reply>),
            Err(error) => {
                abort.ended();
                Err(broken(error))
            }
        }
    })
}

struct EdgeReply {
    response: web_sys::Response,
    abort: Abort,
}

impl Reply for EdgeReply {
    fn status(&self) -> u16 {
        self.response.status()
    }

    fn header(&self, name: &str) -> Option<String> {
        self.response.headers().get(name).ok().flatten()
    }

    fn bytes(mut self: Box<Self>, limit: usize) -> LocalBoxFuture<'static, Result<Vec<u8>, TransportError>> {
        let length = self.header("content-length").and_then(|l| l.parse::<usize>().ok());
        Box::pin(async move {
            if length.is_some_and(|l| l <= READ_AT_ONCE.min(limit)) {
                let bytes =
                    promise::settled(self.response.unchecked_ref::<WithBody>().bytes()).await.map_err(broken)?;
                self.abort.ended();
                return Ok(bytes.unchecked_into::<js_sys::Uint8Array>().to_vec());
            }
            let mut chunks = self.stream();
            let mut body = Vec::new();
            while let Some(chunk) = chunks.next().await {
                body.extend(chunk?);
                if body.len() > limit {
                    return Err(TransportError::TooLarge);
                }
            }
            Ok(body)
        })
    }

    fn stream(self: Box<Self>) -> LocalBoxStream<'static, Result<Vec<u8>, TransportError>> {
        let Self { response, abort } = *self;
        let Some(body) = response.body() else { return futures::stream::empty().boxed_local() };
        let chunks = wasm_streams::ReadableStream::from_raw(body).into_stream();
        futures::stream::unfold((chunks, abort), |(mut chunks, mut abort)| async move {
            match chunks.next().await {
                Some(Ok(chunk)) => {
                    let bytes = chunk.unchecked_into::<js_sys::Uint8Array>().to_vec();
                    Some((Ok(bytes), (chunks, abort)))
                }
                Some(Err(error)) => Some((Err(broken(error)), (chunks, abort))),
                None => {
                    abort.ended();
                    None
                }
            }
        })
        .boxed_local()
    }
}
