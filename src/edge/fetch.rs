//! One call to a model's host, aborted when it is dropped.

use futures::future::LocalBoxFuture;
use futures::stream::{LocalBoxStream, StreamExt};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::{js_sys, web_sys};

use super::bindings;
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

/// Starts a call.
pub fn send(call: Outgoing) -> LocalBoxFuture<'static, Sent> {
    Box::pin(async move {
        let controller = web_sys::AbortController::new().map_err(broken)?;
        let headers = js_sys::Object::new();
        let set = |name: &str, value: &str| js_sys::Reflect::set(&headers, &name.into(), &value.into()).map(drop);
        set("content-type", "application/json").map_err(broken)?;
        set("x-request-id", &call.request_id).map_err(broken)?;
        set("x-madoguchi-invocation", &call.invocation).map_err(broken)?;
        if let Some(key) = &call.key {
            set("authorization", &format!("Bearer {key}")).map_err(broken)?;
        }
        let init = web_sys::RequestInit::new();
        init.set_method("POST");
        init.set_headers(&headers);
        init.set_body(&JsValue::from_str(&call.body));
        init.set_signal(Some(&controller.signal()));
        // A redirect would carry the key to another host.
        init.set_redirect(web_sys::RequestRedirect::Manual);
        let mut abort = Abort(Some(controller));
        let response = match bindings::fetch(&call.url, &init).map(JsFuture::from) {
            Ok(promise) => promise.await,
            Err(error) => Err(error),
        };
        match response {
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
                let buffer = JsFuture::from(self.response.array_buffer().map_err(broken)?).await.map_err(broken)?;
                self.abort.ended();
                return Ok(js_sys::Uint8Array::new(&buffer).to_vec());
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
