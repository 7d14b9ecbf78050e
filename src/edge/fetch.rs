//! One call to another host, aborted when it is dropped.

use futures::future::LocalBoxFuture;
use futures::stream::{LocalBoxStream, StreamExt};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{js_sys, web_sys};

use super::bindings::Stub;
use super::response::{push_header, push_text};
use super::{object, promise};
use crate::conversation::handoff::Posted;
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

/// A call's address and headers, in JSON.
fn head(url: &str, push_headers: impl FnOnce(&mut String)) -> String {
    let mut head = String::with_capacity(512);
    head.push_str("{\"url\":");
    push_text(&mut head, url);
    // A redirect would carry the key, or what a shopper said, to another host.
    head.push_str(",\"init\":{\"method\":\"POST\",\"redirect\":\"manual\",\"headers\":{");
    push_headers(&mut head);
    head.push_str("}}}");
    head
}

fn push_headers(head: &mut String, call: &Outgoing, tells_invocation: bool) {
    push_header(head, "content-type", "application/json");
    // OpenAI's name for a caller's own id; some hosts refuse an `x-request-id` that is no UUID.
    push_header(head, "x-client-request-id", &call.request_id);
    if tells_invocation {
        push_header(head, "x-madoguchi-invocation", call.invocation.name());
    }
    if let Some(key) = &call.key {
        push_header(head, "authorization", &format!("Bearer {key}"));
    }
}

/// Starts a call: from here, or through a lane's object.
pub fn send(call: Outgoing, lane: Option<Stub>, tells_invocation: bool) -> LocalBoxFuture<'static, Sent> {
    Box::pin(async move {
        let lane = lane.map_or(JsValue::UNDEFINED, JsValue::from);
        let head = head(&call.url, |head| push_headers(head, &call, tells_invocation));
        let (controller, reply) = promise::call(&lane, &head, call.body.as_bytes()).map_err(broken)?;
        let mut abort = Abort(Some(controller));
        match reply.await {
            Ok(head) => Ok(Box::new(EdgeReply { head, abort }) as Box<dyn Reply>),
            Err(error) => {
                abort.ended();
                Err(broken(error))
            }
        }
    })
}

/// Posts a letter; the status that came back.
pub fn post(letter: Posted) -> LocalBoxFuture<'static, Result<u16, String>> {
    Box::pin(async move {
        let told = |e: JsValue| object::reason(&e);
        let head = head(&letter.url, |head| letter.headers.iter().for_each(|(n, value)| push_header(head, n, value)));
        let (controller, reply) = promise::call(&JsValue::UNDEFINED, &head, letter.body.as_bytes()).map_err(told)?;
        // The status says whether the letter has arrived: a body that hangs or never ends is cut off unread.
        let _abort = Abort(Some(controller));
        Ok(reply.await.map_err(told)?.status)
    })
}

struct EdgeReply {
    head: promise::Head,
    abort: Abort,
}

impl Reply for EdgeReply {
    fn status(&self) -> u16 {
        self.head.status
    }

    fn header(&self, name: &str) -> Option<String> {
        self.head.response.headers().get(name).ok().flatten()
    }

    fn body(self: Box<Self>) -> LocalBoxStream<'static, Result<Vec<u8>, TransportError>> {
        if self.head.length.is_none_or(|l| l > READ_AT_ONCE) {
            return self.stream();
        }
        let Self { head, mut abort } = *self;
        let bytes = async move {
            let bytes = promise::body(&head.response).await.map_err(broken)?;
            abort.ended();
            Ok(bytes)
        };
        futures::stream::once(bytes).boxed_local()
    }

    fn stream(self: Box<Self>) -> LocalBoxStream<'static, Result<Vec<u8>, TransportError>> {
        let Self { head, abort } = *self;
        let Some(body) = head.response.body() else { return futures::stream::empty().boxed_local() };
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
