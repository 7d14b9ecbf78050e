//! The Durable Object `Lane` (binding `LANE`): six more connections for a fan-out. It keeps nothing, so there is nothing to clean up.
#![allow(unsafe_code, reason = "wasm-bindgen's macro writes it")]

use worker::js_sys::Promise;
use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::*;
use worker::web_sys;

use super::bindings;

/// Makes the call that it is sent, and hands the reply on as it comes.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Lane;

#[wasm_bindgen]
impl Lane {
    /// An object of the platform; its storage and bindings are not needed.
    #[wasm_bindgen(constructor)]
    pub fn new(_state: JsValue, _env: JsValue) -> Self {
        Self
    }

    /// Makes the call; a caller that leaves aborts it (compatibility flag `request_signal_passthrough`).
    pub fn fetch(&self, call: web_sys::Request) -> Result<Promise, JsValue> {
        let init = web_sys::RequestInit::new();
        init.set_redirect(web_sys::RequestRedirect::Manual);
        bindings::fetch_request(&call, &init)
    }
}
