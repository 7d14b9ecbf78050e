//! Functions of the platform and of `bridge.js` that no crate binds.
#![allow(unsafe_code, reason = "wasm-bindgen's macro writes it")]

use worker::js_sys::{Function, Promise};
use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::*;
use worker::web_sys;

#[wasm_bindgen]
extern "C" {
    /// Forgets a timer.
    #[wasm_bindgen(js_name = clearTimeout, catch)]
    pub fn clear_timeout(timer: &JsValue) -> Result<(), JsValue>;

    /// Fills the bytes with chance fit for secrets; at most 65,536 of them.
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    pub fn get_random_values(bytes: &mut [u8]) -> JsValue;

    /// Durable Objects of one class.
    pub type Namespace;

    /// A new object's id.
    #[wasm_bindgen(method, catch, js_name = newUniqueId)]
    pub fn new_unique_id(this: &Namespace) -> Result<JsValue, JsValue>;

    /// A way to an object, for the request that asks for it and no other.
    #[wasm_bindgen(method, catch)]
    pub fn get(this: &Namespace, id: &JsValue) -> Result<Stub, JsValue>;

    /// A way to the object of a name.
    #[wasm_bindgen(method, catch, js_name = getByName)]
    pub fn get_by_name(this: &Namespace, name: &str) -> Result<Stub, JsValue>;

    /// A way to an object.
    #[derive(Clone)]
    pub type Stub;
}

#[wasm_bindgen(module = "/src/edge/bridge.js")]
extern "C" {
    /// Gives the bridge this instance's exports.
    pub fn attach(exports: &JsValue);

    /// Tells what a promise comes to.
    pub fn settle(id: u32, promise: &Promise);

    /// Tells the whole body of a request or a reply.
    #[wasm_bindgen(catch)]
    pub fn read(id: u32, message: &JsValue) -> Result<(), JsValue>;

    /// Makes a call, through a lane's stub where one is given, and tells its reply's head; `head` is its address and init in JSON.
    #[wasm_bindgen(catch)]
    pub fn send(id: u32, lane: &JsValue, head: &str, body: &[u8]) -> Result<web_sys::AbortController, JsValue>;

    /// Lets the platform run on after the reply until the function that this gives is called.
    #[wasm_bindgen(catch)]
    pub fn hold() -> Result<Function, JsValue>;

    /// A stream of what a number stands for; it breaks with the wasm instance that writes it.
    #[wasm_bindgen(catch)]
    pub fn stream(id: u32) -> Result<web_sys::ReadableStream, JsValue>;

    /// Tells when the caller of a request has gone.
    #[wasm_bindgen(catch)]
    pub fn gone(id: u32, request: &web_sys::Request) -> Result<(), JsValue>;

    /// Tells a task after so many milliseconds; gives what `clearTimeout` takes.
    #[wasm_bindgen(catch)]
    pub fn tick(task: u32, ms: f64) -> Result<JsValue, JsValue>;

    /// A request's method, address and those of its headers that are there, a line each.
    pub fn head(request: &web_sys::Request, names: &JsValue) -> String;

    /// A response with a whole body; `init` is the response's in JSON.
    #[wasm_bindgen(catch)]
    pub fn respond(init: &str, body: &[u8]) -> Result<web_sys::Response, JsValue>;
}
