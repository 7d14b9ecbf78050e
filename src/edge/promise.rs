//! What JavaScript tells later (a promise, a timer, an event), as a future.
//!
//! A closure for each would be made and freed across the border and registered with JavaScript's finalizers; at a thousand
//! requests a second that is most of their cost. So there are two functions for all, and each future has a number.
#![allow(unsafe_code, reason = "wasm-bindgen's macro writes it")]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures::future::LocalBoxFuture;
use worker::js_sys::{Function, Promise};
use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::*;

use super::bindings::{self, Bindable, Thenable};
use super::task;

/// What JavaScript gave: a value, or the reason why there is none.
type Told = Result<JsValue, JsValue>;

enum Slot {
    Waiting(Option<Waker>),
    Told(Told),
}

struct Callbacks {
    resolved: Function,
    rejected: Function,
    wait_until: Function,
}

thread_local! {
    static SLOTS: RefCell<HashMap<u32, Slot>> = RefCell::default();
    static NEXT: Cell<u32> = const { Cell::new(0) };
    static CALLBACKS: RefCell<Option<Callbacks>> = const { RefCell::new(None) };
}

/// Takes the two functions through which JavaScript tells, `resolved` and `rejected` of this file, and the platform's `waitUntil`.
#[wasm_bindgen]
pub fn callbacks(resolved: Function, rejected: Function, wait_until: Function) {
    CALLBACKS.with(|c| *c.borrow_mut() = Some(Callbacks { resolved, rejected, wait_until }));
}

/// JavaScript tells a value.
#[wasm_bindgen]
pub fn resolved(id: u32, value: JsValue) {
    tell(id, Ok(value));
}

/// JavaScript tells why there is no value.
#[wasm_bindgen]
pub fn rejected(id: u32, reason: JsValue) {
    tell(id, Err(reason));
}

fn tell(id: u32, told: Told) {
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
    type Output = Told;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Told> {
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

fn with_callbacks<T>(f: impl FnOnce(&Callbacks) -> Result<T, JsValue>) -> Result<T, JsValue> {
    CALLBACKS.with(|c| match c.borrow().as_ref() {
        Some(callbacks) => f(callbacks),
        None => Err(JsValue::from_str("the entry gave no callbacks")),
    })
}

fn bound(function: &Function, id: u32) -> Result<Function, JsValue> {
    function.unchecked_ref::<Bindable>().bind(&JsValue::UNDEFINED, id)
}

/// What a promise comes to; given what a function of the platform gave, an error at once included.
pub async fn settled(promise: Result<Promise, JsValue>) -> Result<JsValue, JsValue> {
    let slot = Slotted::new();
    let promise = promise?;
    with_callbacks(|c| {
        let (resolved, rejected) = (bound(&c.resolved, slot.0)?, bound(&c.rejected, slot.0)?);
        promise.unchecked_ref::<Thenable>().then(&resolved, &rejected)
    })?;
    slot.await
}

/// The same future, which the platform lets end after the reply, for as long as it lets anything.
pub fn held_open(work: LocalBoxFuture<'static, ()>) -> LocalBoxFuture<'static, ()> {
    let mut ended = None;
    let promise = Promise::new(&mut |resolve, _| ended = Some(resolve));
    // Whoever cannot be told to wait does not.
    let _ = with_callbacks(|c| c.wait_until.call1(&JsValue::UNDEFINED, &promise));
    Box::pin(async move {
        work.await;
        if let Some(ended) = ended {
            let _ = ended.call0(&JsValue::UNDEFINED);
        }
    })
}

/// A function that ends the future beside it when JavaScript calls it.
pub fn callback() -> Result<(Function, impl Future<Output = Result<JsValue, JsValue>>), JsValue> {
    let slot = Slotted::new();
    let function = with_callbacks(|c| bound(&c.resolved, slot.0))?;
    Ok((function, slot))
}

/// Ends after so many milliseconds; dropping it forgets the timer.
pub async fn sleep(ms: u64) {
    struct Timer(JsValue);
    impl Drop for Timer {
        fn drop(&mut self) {
            // A timer that has ended is forgotten already.
            let _ = bindings::clear_timeout(&self.0);
        }
    }
    let slot = Slotted::new();
    // JavaScript holds the time as a signed number of 32 bits; past it a timer would end at once.
    let ms = ms.min(i32::MAX as u64) as f64;
    match with_callbacks(|c| bindings::set_timeout(&c.resolved, ms, slot.0)) {
        Ok(timer) => {
            let _timer = Timer(timer);
            let _ = slot.await;
        }
        // Without a timer nothing must end early: the platform's own limits remain.
        Err(_) => std::future::pending().await,
    }
}
