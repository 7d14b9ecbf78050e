//! The object `Knowledge` as this isolate's copy of the documents asks it, and the writes that go there.

use std::rc::Rc;

use futures::future::LocalBoxFuture;
use worker::wasm_bindgen::JsValue;
use worker::{Env, web_sys};

use super::{clock, object, timer};
use crate::error::ApiError;
use crate::knowledge::Document;
use crate::knowledge::shelf::{Shelf, Store};
use crate::knowledge::store::{self, Changes};
use crate::typed;

/// The way to the object, for one request.
pub struct Kept(pub Env);

async fn ask(env: &Env, path: &str, body: Option<&str>) -> Result<web_sys::Response, JsValue> {
    object::send(&object::named(env, "KNOWLEDGE", "shop")?, &format!("https://knowledge/{path}"), body).await
}

impl Store for Kept {
    fn now_ms(&self) -> u64 {
        clock::now_ms()
    }

    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        Box::pin(timer::sleep(ms))
    }

    fn since(&self, version: u64) -> LocalBoxFuture<'static, Result<Changes, String>> {
        let env = self.0.clone();
        Box::pin(async move {
            let told = |e: JsValue| object::reason(&e);
            let response = ask(&env, &version.to_string(), None).await.map_err(told)?;
            match response.status() {
                200 => typed::read(&object::text(&response).await.map_err(told)?).map_err(|e| e.to_string()),
                status => Err(format!("the store answered {status}")),
            }
        })
    }

    fn warn(&self, line: &str) {
        worker::console_warn!("{line}");
    }
}

impl Kept {
    /// Stores documents; this isolate sees them at once.
    pub async fn put(self, shelf: Rc<Shelf>, documents: Vec<Document>) -> Result<(), ApiError> {
        let body = serde_json::to_string(&documents).map_err(|_| store::unavailable())?;
        let response = ask(&self.0, "put", Some(&body)).await.map_err(|_| store::unavailable())?;
        match response.status() {
            200 => {
                shelf.changed(&self).await;
                Ok(())
            }
            413 => {
                let told = object::text(&response).await.unwrap_or_default();
                let mut numbers = told.split(' ').map(|n| n.parse().unwrap_or(0));
                Err(store::full(numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)))
            }
            _ => Err(store::unavailable()),
        }
    }

    /// Removes a document; whether it was there.
    pub async fn remove(self, shelf: Rc<Shelf>, id: String) -> Result<bool, ApiError> {
        let response = ask(&self.0, "remove", Some(&id)).await.map_err(|_| store::unavailable())?;
        match response.status() {
            200 => {
                shelf.changed(&self).await;
                Ok(true)
            }
            404 => Ok(false),
            _ => Err(store::unavailable()),
        }
    }
}
