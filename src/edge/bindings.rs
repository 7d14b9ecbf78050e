//! Functions of the platform that no crate binds as they are needed here.
#![allow(unsafe_code, reason = "wasm-bindgen's macro writes it")]

use worker::js_sys::{Function, Promise};
use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::*;
use worker::web_sys;

#[wasm_bindgen]
extern "C" {
    /// The global `fetch`.
    #[wasm_bindgen(js_name = fetch, catch)]
    pub fn fetch(url: &str, init: &web_sys::RequestInit) -> Result<Promise, JsValue>;

    /// The global `fetch` of a whole request.
    #[wasm_bindgen(js_name = fetch, catch)]
    pub fn fetch_request(request: &web_sys::Request, init: &web_sys::RequestInit) -> Result<Promise, JsValue>;

    /// Calls `callback` with `argument` after so many milliseconds; gives what `clearTimeout` takes.
    #[wasm_bindgen(js_name = setTimeout, catch)]
    pub fn set_timeout(callback: &Function, ms: f64, argument: u32) -> Result<JsValue, JsValue>;

    /// Forgets a timer.
    #[wasm_bindgen(js_name = clearTimeout, catch)]
    pub fn clear_timeout(timer: &JsValue) -> Result<(), JsValue>;

    /// Fills the bytes with chance fit for secrets; at most 65,536 of them.
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    pub fn get_random_values(bytes: &mut [u8]) -> JsValue;

    /// A function with its first argument given.
    pub type Bindable;

    /// `Function.prototype.bind`.
    #[wasm_bindgen(method, catch, js_name = bind)]
    pub fn bind(this: &Bindable, context: &JsValue, first: u32) -> Result<Function, JsValue>;

    /// A promise as it is, whatever it promises.
    pub type Thenable;

    /// `Promise.prototype.then`.
    #[wasm_bindgen(method, catch, js_name = then)]
    pub fn then(this: &Thenable, resolved: &Function, rejected: &Function) -> Result<JsValue, JsValue>;

    /// A request or a response: what has a body.
    pub type WithBody;

    /// The whole body.
    #[wasm_bindgen(method, catch)]
    pub fn bytes(this: &WithBody) -> Result<Promise, JsValue>;

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

    /// Sends the object a request.
    #[wasm_bindgen(method, catch)]
    pub fn fetch(this: &Stub, url: &str, init: &web_sys::RequestInit) -> Result<Promise, JsValue>;
}
