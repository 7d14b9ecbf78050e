//! The Durable Object `Idempotency` (binding `IDEMPOTENCY`, SQLite): what was answered under one idempotency key. The reply is made in it, so
//! it is made to its end when the caller's connection drops; it deletes itself by alarm when the reply has had its life.
#![allow(unsafe_code, reason = "wasm-bindgen's macro writes it")]

use std::rc::Rc;

use worker::js_sys::Promise;
use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::*;
use worker::worker_sys::DurableObjectState;
use worker::{Env, web_sys};

use super::object::{self, Sql, number};
use super::{promise, response, task, world};
use crate::api::idempotency::Keyed;
use crate::api::idempotency::once::{Once, Store};
use crate::api::{self, reply::Answer};
use crate::typed;

/// The key's object, reached from the Worker.
pub async fn send(env: &Env, keyed: &Keyed) -> Result<web_sys::Response, JsValue> {
    let object = object::named(env, "IDEMPOTENCY", &keyed.name)?;
    let written = serde_json::to_string(keyed).map_err(object::thrown)?;
    object::send(&object, "https://idempotency/", Some(&written)).await
}

/// One idempotency key.
#[wasm_bindgen]
pub struct Idempotency(Rc<Key>);

struct Key {
    state: Rc<DurableObjectState>,
    env: Env,
    once: Once,
}

struct Rows(Rc<DurableObjectState>);

impl Rows {
    fn first(&self, query: &str, values: &[JsValue]) -> Result<Option<String>, JsValue> {
        let row = Sql::of(&self.0)?.rows(query, values)?.next();
        Ok(row.and_then(|r| r.text("written")))
    }

    fn kept(&self, place: usize) -> Result<Option<String>, JsValue> {
        // A key that nothing was kept under leaves no table behind.
        let known = "SELECT name AS written FROM sqlite_master WHERE type = 'table' AND name = 'kept'";
        if self.first(known, &[])?.is_none() {
            return Ok(None);
        }
        self.first("SELECT written FROM kept WHERE number = ?", &[number(place as u64)])
    }

    fn keep(&self, place: usize, text: &str) -> Result<(), JsValue> {
        Sql::of(&self.0)?.run("INSERT INTO kept VALUES (?, ?)", &[number(place as u64), JsValue::from_str(text)])
    }

    fn begin(&self) -> Result<(), JsValue> {
        let sql = Sql::of(&self.0)?;
        sql.run("CREATE TABLE IF NOT EXISTS kept (number INTEGER PRIMARY KEY, written TEXT NOT NULL)", &[])?;
        sql.run("DELETE FROM kept", &[])
    }
}

impl Store for Rows {
    fn get(&self, number: usize) -> Result<Option<String>, String> {
        self.kept(number).map_err(|e| object::reason(&e))
    }

    fn put(&self, number: usize, text: &str) -> Result<(), String> {
        self.keep(number, text).map_err(|e| object::reason(&e))
    }

    fn empty(&self) -> Result<(), String> {
        self.begin().map_err(|e| object::reason(&e))
    }

    fn wake_at(&self, ms: u64) {
        if let Ok(storage) = self.0.storage() {
            object::wake_at(&storage, ms);
        }
    }
}

impl Key {
    async fn answer(&self, request: web_sys::Request) -> Result<web_sys::Response, JsValue> {
        let counter = super::counter(&self.env).map_err(object::thrown)?;
        let keyed: Keyed = typed::read(&object::text(&request).await?).map_err(object::thrown)?;
        let (id, fingerprint) = (keyed.request_id.clone(), keyed.fingerprint());
        let run = || -> futures::future::LocalBoxFuture<'static, Answer> {
            Box::pin(async move { api::run(&counter, &keyed).await })
        };
        let (coming, work) = match self.once.ask(&fingerprint, run) {
            Ok(asked) => asked,
            Err(error) => {
                let mut refused = Answer::error(&error, &id);
                refused.header("x-request-id", id);
                return response::write(refused);
            }
        };
        if let Some(work) = work {
            task::start(work);
        }
        let playback = coming.await;
        let headers = serde_json::Value::Object(playback.head.headers).to_string();
        response::write_parts(playback.head.status, &headers, playback.body)
    }

    async fn wake(&self) -> Result<web_sys::Response, JsValue> {
        if self.once.alarm() {
            promise::settled(self.state.storage()?.delete_all()).await?;
        }
        object::reply(200, "")
    }
}

#[wasm_bindgen]
impl Idempotency {
    /// An object of the platform.
    #[wasm_bindgen(constructor)]
    pub fn new(state: DurableObjectState, env: Env) -> Self {
        let state = Rc::new(state);
        let once = Once::new(Rc::new(world::Edge::new(env.clone())), Rc::new(Rows(state.clone())));
        Self(Rc::new(Key { state, env, once }))
    }

    /// Answers, or plays back what was answered.
    pub fn fetch(&self, request: web_sys::Request) -> Promise {
        let key = Rc::clone(&self.0);
        object::answering(async move { key.answer(request).await })
    }

    /// Forgets what has had its life.
    pub fn alarm(&self) -> Promise {
        let key = Rc::clone(&self.0);
        object::answering(async move { key.wake().await })
    }
}
