//! Bodies that are written as they are read: JavaScript pulls a piece at a time of what Rust streams.
#![allow(unsafe_code, reason = "wasm-bindgen's macro writes it")]

use std::cell::{Cell, RefCell};

use futures::future::{AbortHandle, Abortable};
use futures::stream::{LocalBoxStream, StreamExt};
use worker::js_sys::{Function, Uint8Array};
use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::*;
use worker::web_sys;

use super::numbered::Numbered;
use super::{bindings, task};

enum Source {
    Still(LocalBoxStream<'static, String>),
    /// A piece is being waited for.
    Reading(AbortHandle),
}

thread_local! {
    static SOURCES: RefCell<Numbered<Source>> = RefCell::default();
    static NEXT: Cell<u32> = const { Cell::new(0) };
}

/// A stream for JavaScript of these pieces. They are dropped when it has ended, is cancelled, or a wait for a piece is.
pub fn stream(pieces: LocalBoxStream<'static, String>) -> Result<web_sys::ReadableStream, JsValue> {
    let id = NEXT.get();
    NEXT.set(id.wrapping_add(1));
    SOURCES.with_borrow_mut(|sources| sources.insert(id, Source::Still(pieces)));
    bindings::stream(id)
}

fn tell(next: &Function, piece: &JsValue) {
    // It only resolves a promise.
    let _ = next.call1(&JsValue::UNDEFINED, piece);
}

/// JavaScript wants the next piece of a stream, which `next` is told; nothing where it has ended.
#[wasm_bindgen]
pub fn pulled(id: u32, next: Function) {
    let (handle, registration) = AbortHandle::new_pair();
    let source = SOURCES.with_borrow_mut(|sources| {
        let source = sources.get_mut(&id)?;
        Some(std::mem::replace(source, Source::Reading(handle)))
    });
    let Some(Source::Still(mut pieces)) = source else { return tell(&next, &JsValue::UNDEFINED) };
    let reading = Abortable::new(async move { (pieces.next().await, pieces) }, registration);
    task::start(Box::pin(async move {
        let Ok((piece, pieces)) = reading.await else { return };
        SOURCES.with_borrow_mut(|sources| match piece {
            Some(_) => sources.insert(id, Source::Still(pieces)),
            None => sources.remove(&id),
        });
        let bytes = piece.map_or(JsValue::UNDEFINED, |piece| Uint8Array::from(piece.as_bytes()).into());
        tell(&next, &bytes);
    }));
}

/// JavaScript wants no more of a stream.
#[wasm_bindgen]
pub fn cancelled(id: u32) {
    let source = SOURCES.with_borrow_mut(|sources| sources.remove(&id));
    if let Some(Source::Reading(handle)) = source {
        handle.abort();
    }
}
