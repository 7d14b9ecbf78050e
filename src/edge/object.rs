//! What Durable Objects share: how one is reached and asked, how it answers, its SQLite.
//!
//! `worker`'s own wrappers of these bring forty kilobytes of serializers and of futures, compiled anew for every object.
#![allow(unsafe_code, reason = "wasm-bindgen's macro writes it")]

use futures::future::LocalBoxFuture;
use worker::js_sys::{Array, Date, Object, Promise, Reflect};
use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::*;
use worker::worker_sys::{DurableObjectState, DurableObjectStorage, SqlStorage};
use worker::{Env, wasm_bindgen_futures, web_sys};

use super::bindings::Namespace;
use super::{promise, task};

#[wasm_bindgen]
extern "C" {
    /// What takes requests: an object's stub, a service.
    pub type Service;

    /// Sends a request.
    #[wasm_bindgen(method, catch)]
    pub fn fetch(this: &Service, url: &str, init: &web_sys::RequestInit) -> Result<Promise, JsValue>;

    /// A request or a response.
    type Message;

    #[wasm_bindgen(method, catch)]
    fn text(this: &Message) -> Result<Promise, JsValue>;
}

/// A binding by its name; none where it is missing.
pub fn binding(env: &Env, name: &str) -> Option<JsValue> {
    Reflect::get(env, &name.into()).ok().filter(|binding| !binding.is_undefined())
}

/// The object of a name.
pub fn named(env: &Env, class: &str, name: &str) -> Result<Service, JsValue> {
    let class = binding(env, class).ok_or_else(|| JsValue::from_str("a binding is missing"))?;
    Ok(class.unchecked_into::<Namespace>().get_by_name(name)?.unchecked_into())
}

/// Sends a request, with a body by POST, and gives the response at its head.
pub async fn send(service: &Service, url: &str, body: Option<&str>) -> Result<web_sys::Response, JsValue> {
    let init = web_sys::RequestInit::new();
    if let Some(body) = body {
        init.set_method("POST");
        init.set_body(&JsValue::from_str(body));
    }
    Ok(promise::settled(service.fetch(url, &init)).await?.unchecked_into())
}

/// Sets an object's alarm. It is set in this very event, with whatever the event keeps.
pub fn wake_at(storage: &DurableObjectStorage, ms: u64) {
    let set = storage.set_alarm(Date::new(&number(ms)), Object::new());
    task::start(Box::pin(async move {
        // What cannot be set now is set again with the next that is kept.
        let _ = promise::settled(set).await;
    }));
}

/// The body of a request or a response, as text.
pub async fn text(message: &JsValue) -> Result<String, JsValue> {
    let text = promise::settled(message.unchecked_ref::<Message>().text()).await?;
    Ok(text.as_string().unwrap_or_default())
}

/// An answer, as the platform awaits it. It is boxed so that one task of the executor serves all.
pub fn answering(answer: impl Future<Output = Result<web_sys::Response, JsValue>> + 'static) -> Promise {
    let answer: LocalBoxFuture<'static, Result<JsValue, JsValue>> = Box::pin(async move { Ok(answer.await?.into()) });
    wasm_bindgen_futures::future_to_promise(answer)
}

/// An answer of some text.
pub fn reply(status: u16, text: &str) -> Result<web_sys::Response, JsValue> {
    let init = web_sys::ResponseInit::new();
    init.set_status(status);
    web_sys::Response::new_with_opt_str_and_init(Some(text), &init)
}

/// A reason, as JavaScript throws it.
pub fn thrown(reason: impl std::fmt::Display) -> JsValue {
    worker::js_sys::Error::new(&reason.to_string()).into()
}

/// A reason that JavaScript threw, for a log.
pub fn reason(thrown: &JsValue) -> String {
    thrown.dyn_ref::<worker::js_sys::Error>().map(|e| e.message().into()).unwrap_or_default()
}

/// An object's database.
pub struct Sql(SqlStorage);

impl Sql {
    /// The database of an object.
    pub fn of(state: &DurableObjectState) -> Result<Self, JsValue> {
        Ok(Self(state.storage()?.sql()))
    }

    /// Runs a statement; its rows are read as they are asked for.
    pub fn rows(&self, query: &str, values: &[JsValue]) -> Result<impl Iterator<Item = Row> + use<>, JsValue> {
        let cursor = self.0.exec(query, values.iter().collect::<Array>())?;
        Ok(std::iter::from_fn(move || {
            let next = cursor.next();
            let done = Reflect::get(&next, &"done".into()).is_ok_and(|done| done.is_truthy());
            if done { None } else { Reflect::get(&next, &"value".into()).ok().map(Row) }
        }))
    }

    /// Runs a statement that has no rows, or whose rows are of no interest.
    pub fn run(&self, query: &str, values: &[JsValue]) -> Result<(), JsValue> {
        self.rows(query, values).map(drop)
    }
}

/// A number as SQLite keeps it here: JavaScript has no integers of 64 bits.
pub fn number(n: u64) -> JsValue {
    JsValue::from_f64(n as f64)
}

/// One row.
pub struct Row(JsValue);

impl Row {
    /// A column's text; none where it is NULL.
    pub fn text(&self, column: &str) -> Option<String> {
        Reflect::get(&self.0, &column.into()).ok()?.as_string()
    }

    /// A column's number; none where it is NULL.
    pub fn number(&self, column: &str) -> Option<f64> {
        Reflect::get(&self.0, &column.into()).ok()?.as_f64()
    }
}
