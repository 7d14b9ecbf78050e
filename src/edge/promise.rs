//! What JavaScript tells later (a promise, a body, a reply's head, an event), as a future.
//!
//! A closure for each would be made and freed across the border and registered with JavaScript's finalizers; at a thousand
//! requests a second that is most of their cost. So a few functions serve all, and each future has a number.
#![allow(unsafe_code, reason = "wasm-bindgen's macro writes it")]

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures::future::LocalBoxFuture;
use worker::js_sys::Promise;
use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::*;
use worker::web_sys;

use super::bindings;
use super::numbered::Numbered;
use super::task;

/// What JavaScript gave.
enum Told {
    Value(JsValue),
    Bytes(Vec<u8>),
    Head(Head),
}

/// A reply's head.
pub struct Head {
    /// The reply, its body still to come.
    pub response: web_sys::Response,
    /// Its status.
    pub status: u16,
    /// The length of its body, where its host told it.
    pub length: Option<usize>,
}

enum Slot {
    Waiting(Option<Waker>),
    Told(Result<Told, JsValue>),
}

thread_local! {
    static SLOTS: RefCell<Numbered<Slot>> = RefCell::default();
    static NEXT: Cell<u32> = const { Cell::new(0) };
}

/// Takes the exports of this instance, through which JavaScript tells.
#[wasm_bindgen]
pub fn attach(exports: &JsValue) {
    bindings::attach(exports);
}

/// JavaScript tells a value.
#[wasm_bindgen]
pub fn told(id: u32, value: JsValue) {
    tell(id, Ok(Told::Value(value)));
}

/// JavaScript tells a body.
#[wasm_bindgen]
pub fn heard(id: u32, bytes: Vec<u8>) {
    tell(id, Ok(Told::Bytes(bytes)));
}

/// JavaScript tells a reply's head; a length that is not known is no number.
#[wasm_bindgen]
pub fn replied(id: u32, response: web_sys::Response, status: u16, length: f64) {
    let length = (length >= 0.0).then_some(length as usize);
    tell(id, Ok(Told::Head(Head { response, status, length })));
}

/// JavaScript tells why there is nothing.
#[wasm_bindgen]
pub fn failed(id: u32, reason: JsValue) {
    tell(id, Err(reason));
}

fn tell(id: u32, told: Result<Told, JsValue>) {
    let waker = SLOTS.with(|slots| match slots.borrow_mut().get_mut(&id) {
        // Nobody waits any more.
        None => None,
        Some(slot) => match std::mem::replace(slot, Slot::Told(told)) {
            Slot::Waiting(waker) => waker,
            Slot::Told(_) => None,
        },
    });
    if let Some(waker) = waker {
        task::outermost(|| waker.wake());
    }
}

/// A future that ends when JavaScript tells; dropping it forgets what is told.
struct Slotted(u32);

impl Slotted {
    fn new() -> Self {
        let id = NEXT.with(|next| next.replace(next.get().wrapping_add(1)));
        SLOTS.with(|slots| slots.borrow_mut().insert(id, Slot::Waiting(None)));
        Self(id)
    }
}

impl Future for Slotted {
    type Output = Result<Told, JsValue>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        SLOTS.with(|slots| match slots.borrow_mut().get_mut(&self.0) {
            Some(slot @ Slot::Told(_)) => match std::mem::replace(slot, Slot::Waiting(None)) {
                Slot::Told(told) => Poll::Ready(told),
                Slot::Waiting(_) => Poll::Pending,
            },
            Some(Slot::Waiting(waker)) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            None => Poll::Pending,
        })
    }
}

impl Drop for Slotted {
    fn drop(&mut self) {
        SLOTS.with(|slots| slots.borrow_mut().remove(&self.0));
    }
}

fn another() -> JsValue {
    JsValue::from_str("JavaScript told something else")
}

/// What a promise comes to; given what a function of the platform gave, an error at once included.
pub async fn settled(promise: Result<Promise, JsValue>) -> Result<JsValue, JsValue> {
    let slot = Slotted::new();
    bindings::settle(slot.0, &promise?);
    match slot.await? {
        Told::Value(value) => Ok(value),
        _ => Err(another()),
    }
}

/// The same future, which the platform lets end after the reply, for as long as it lets anything.
pub fn held_open(work: LocalBoxFuture<'static, ()>) -> LocalBoxFuture<'static, ()> {
    // Whoever cannot be told to wait does not.
    let ended = bindings::hold().ok();
    Box::pin(async move {
        work.await;
        if let Some(ended) = ended {
            let _ = ended.call0(&JsValue::UNDEFINED);
        }
    })
}

/// The whole body of a request or a reply.
pub async fn body(message: &JsValue) -> Result<Vec<u8>, JsValue> {
    let slot = Slotted::new();
    bindings::read(slot.0, message)?;
    match slot.await? {
        Told::Bytes(bytes) => Ok(bytes),
        _ => Err(another()),
    }
}

/// Makes a call: what aborts it, and its reply at its head.
pub fn call(
    lane: &JsValue,
    head: &str,
    body: &[u8],
) -> Result<(web_sys::AbortController, impl Future<Output = Result<Head, JsValue>> + use<>), JsValue> {
    let slot = Slotted::new();
    let controller = bindings::send(slot.0, lane, head, body)?;
    let reply = async {
        match slot.await? {
            Told::Head(head) => Ok(head),
            _ => Err(another()),
        }
    };
    Ok((controller, reply))
}

/// Ends when the caller of a request has gone (compatibility flag `enable_request_signal`).
pub async fn gone(request: &web_sys::Request) {
    let slot = Slotted::new();
    match bindings::gone(slot.0, request) {
        Ok(()) => drop(slot.await),
        // A listener that cannot be set leaves the call to run to its deadline.
        Err(_) => std::future::pending().await,
    }
}
