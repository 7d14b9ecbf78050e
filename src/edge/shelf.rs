//! This isolate's copy of the shop's documents, kept up to date from the object `Knowledge`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use worker::wasm_bindgen::JsValue;
use worker::{Env, js_sys, web_sys};

use super::object;
use crate::error::ApiError;
use crate::knowledge::store::{self, Changes, STALE_MS};
use crate::knowledge::{Document, Index};
use crate::typed;

/// The copy; nothing in it is lost when the isolate is.
#[derive(Default)]
pub struct Shelf {
    index: Rc<RefCell<Index>>,
    version: Cell<u64>,
    /// When it was last known to be up to date; none before it was first loaded.
    checked_ms: Cell<Option<u64>>,
}

async fn ask(env: &Env, path: &str, body: Option<&str>) -> Result<web_sys::Response, JsValue> {
    object::send(&object::named(env, "KNOWLEDGE", "shop")?, &format!("https://knowledge/{path}"), body).await
}

fn now_ms() -> u64 {
    js_sys::Date::now() as u64
}

impl Shelf {
    /// The copy, brought up to date when it is older than allowed, or at once when `fresh`.
    pub async fn index(self: Rc<Self>, env: Env, fresh: bool) -> Result<Rc<RefCell<Index>>, ApiError> {
        let now = now_ms();
        let checked = self.checked_ms.get();
        if fresh || checked.is_none_or(|at| now >= at + STALE_MS) {
            // One request asks; those beside it take the copy as it is.
            if checked.is_some() {
                self.checked_ms.set(Some(now));
            }
            match self.follow(&env).await {
                Ok(()) => self.checked_ms.set(Some(now)),
                // A copy that is old answers better than none.
                Err(_) if checked.is_some() && !fresh => {}
                Err(_) => return Err(store::unavailable()),
            }
        }
        Ok(Rc::clone(&self.index))
    }

    async fn follow(&self, env: &Env) -> Result<(), JsValue> {
        loop {
            let from = self.version.get();
            let response = ask(env, &from.to_string(), None).await?;
            let changes: Changes = typed::read(&object::text(&response).await?).map_err(object::thrown)?;
            // Another request may have brought the copy further meanwhile.
            if self.version.get() != from {
                continue;
            }
            let more = changes.more;
            self.version.set(changes.version);
            changes.apply(&mut self.index.borrow_mut());
            if !more {
                return Ok(());
            }
        }
    }

    /// Stores documents; this isolate sees them at once.
    pub async fn put(self: Rc<Self>, env: Env, documents: Vec<Document>) -> Result<(), ApiError> {
        let body = serde_json::to_string(&documents).map_err(|_| store::unavailable())?;
        let response = ask(&env, "put", Some(&body)).await.map_err(|_| store::unavailable())?;
        match response.status() {
            200 => self.follow(&env).await.map_err(|_| store::unavailable()),
            413 => {
                let told = object::text(&response).await.unwrap_or_default();
                let mut numbers = told.split(' ').map(|n| n.parse().unwrap_or(0));
                Err(store::full(numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)))
            }
            _ => Err(store::unavailable()),
        }
    }

    /// Removes a document; whether it was there.
    pub async fn remove(self: Rc<Self>, env: Env, id: String) -> Result<bool, ApiError> {
        let response = ask(&env, "remove", Some(&id)).await.map_err(|_| store::unavailable())?;
        if response.status() == 404 {
            return Ok(false);
        }
        self.follow(&env).await.map_err(|_| store::unavailable())?;
        Ok(true)
    }
}
