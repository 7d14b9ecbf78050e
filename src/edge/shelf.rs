//! The object `Knowledge` as this isolate's copy of the documents asks it, the writes that go there, and the vocabulary's file.

use std::rc::Rc;
use std::sync::Arc;

use futures::future::LocalBoxFuture;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Env, web_sys};

use super::object::Service;
use super::{clock, object, promise, timer};
use crate::error::ApiError;
use crate::knowledge::lexicon::FILE;
use crate::knowledge::loading::Loader;
use crate::knowledge::shelf::{Shelf, Store};
use crate::knowledge::store::{self, Changes};
use crate::knowledge::vocabulary::{Source, Vocabulary};
use crate::knowledge::{Document, Lexicon};
use crate::typed;

/// The way to the object and to the files, for one request.
#[derive(Clone)]
pub struct Kept {
    env: Env,
    vocabulary: Rc<Vocabulary>,
}

/// A file of the storefront, whole, by its path.
pub async fn file(env: &Env, path: &str) -> Result<web_sys::Response, String> {
    let files: Service = object::binding(env, "ASSETS").ok_or("the binding ASSETS is missing")?.unchecked_into();
    let response = object::send(&files, &format!("https://storefront{path}"), None).await;
    let response = response.map_err(|e| object::reason(&e))?;
    match response.status() {
        200 => Ok(response),
        status => Err(format!("{path} was answered with {status}")),
    }
}

impl Loader for Kept {
    fn now_ms(&self) -> u64 {
        clock::now_ms()
    }

    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        Box::pin(timer::sleep(ms))
    }

    fn warn(&self, line: &str) {
        worker::console_warn!("{line}");
    }
}

impl Source for Kept {
    fn file(&self) -> LocalBoxFuture<'static, Result<Vec<u8>, String>> {
        let env = self.env.clone();
        Box::pin(async move {
            let response = file(&env, FILE).await?;
            promise::body(&response).await.map_err(|e| object::reason(&e))
        })
    }
}

async fn ask(env: &Env, path: &str, body: Option<&str>) -> Result<web_sys::Response, JsValue> {
    object::send(&object::named(env, "KNOWLEDGE", "shop")?, &format!("https://knowledge/{path}"), body).await
}

impl Store for Kept {
    fn since(&self, version: u64) -> LocalBoxFuture<'static, Result<Changes, String>> {
        let env = self.env.clone();
        Box::pin(async move {
            let told = |e: JsValue| object::reason(&e);
            let response = ask(&env, &version.to_string(), None).await.map_err(told)?;
            match response.status() {
                200 => typed::read(&object::text(&response).await.map_err(told)?).map_err(|e| e.to_string()),
                status => Err(format!("the store answered {status}")),
            }
        })
    }

    fn vocabulary(&self) -> LocalBoxFuture<'static, Arc<Lexicon>> {
        let kept = self.clone();
        Box::pin(async move { kept.vocabulary.get(&kept).await })
    }
}

impl Kept {
    /// The way from a request to the object, and to the vocabulary where this isolate has not loaded it yet.
    pub fn new(env: Env, vocabulary: Rc<Vocabulary>) -> Self {
        Self { env, vocabulary }
    }

    /// Stores documents; this isolate sees them at once.
    pub async fn put(self, shelf: Rc<Shelf>, documents: Vec<Document>) -> Result<(), ApiError> {
        let body = serde_json::to_string(&documents).map_err(|_| store::unavailable())?;
        let response = ask(&self.env, "put", Some(&body)).await.map_err(|_| store::unavailable())?;
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
        let response = ask(&self.env, "remove", Some(&id)).await.map_err(|_| store::unavailable())?;
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
