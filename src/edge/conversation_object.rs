//! The Durable Object `Conversation` (binding `CONVERSATION`, SQLite): one visitor's record. Answers are made in it, so they go on when the
//! visitor's connection drops; it deletes itself by alarm when it has been kept long enough.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use futures::future::LocalBoxFuture;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{DurableObject, Env, Request, Response, Result, SqlStorageValue, State, durable_object, js_sys, web_sys};

use super::{bindings, promise, response, task};
use crate::api::visit::{self, Visit};
use crate::conversation::answering::FromDocuments;
use crate::conversation::desk::{Cabinet, Desk, Surroundings};
use crate::conversation::handoff::Posted;
use crate::conversation::record::{Row, Rules};
use crate::counter::Counter;

/// The visitor's object, reached from the Worker.
pub async fn visit(env: &Env, visit: &Visit) -> Result<web_sys::Response> {
    super::ask_object(env, "CONVERSATION", &visit.visitor, &serde_json::to_string(visit)?).await
}

/// One visitor's conversation.
#[durable_object(alarm)]
pub struct Conversation {
    cabinet: Rc<Storage>,
    env: Env,
    desk: OnceCell<Desk>,
}

struct Storage {
    state: State,
    made: Cell<bool>,
}

#[derive(serde::Deserialize)]
struct Kept {
    kind: String,
    written: String,
}

impl Storage {
    /// Every row; a visitor who only looks in leaves no table behind.
    fn load(&self) -> Result<Vec<(String, String)>> {
        let sql = self.state.storage().sql();
        let known = "SELECT name AS kind, name AS written FROM sqlite_master WHERE type = 'table' AND name = 'kept'";
        if sql.exec(known, None)?.to_array::<Kept>()?.is_empty() {
            return Ok(Vec::new());
        }
        self.made.set(true);
        let rows: Vec<Kept> = sql.exec("SELECT kind, written FROM kept", None)?.to_array()?;
        Ok(rows.into_iter().map(|r| (r.kind, r.written)).collect())
    }
}

impl Cabinet for Storage {
    fn keep(&self, (kind, number, text): &Row) -> std::result::Result<(), String> {
        let sql = self.state.storage().sql();
        let told = |e: worker::Error| e.to_string();
        if !self.made.replace(true) {
            let table = "CREATE TABLE IF NOT EXISTS kept (kind TEXT, number REAL, written TEXT NOT NULL, PRIMARY KEY (kind, number))";
            sql.exec(table, None).map_err(told)?;
        }
        let values: Vec<SqlStorageValue> = vec![(*kind).into(), (*number as f64).into(), text.as_str().into()];
        let write =
            "INSERT INTO kept VALUES (?, ?, ?) ON CONFLICT (kind, number) DO UPDATE SET written = excluded.written";
        sql.exec(write, values).map(|_| ()).map_err(told)
    }

    fn delete(&self, rows: &[(&'static str, u64)]) -> std::result::Result<(), String> {
        let sql = self.state.storage().sql();
        rows.iter().try_for_each(|(kind, number)| {
            let values: Vec<SqlStorageValue> = vec![(*kind).into(), (*number as f64).into()];
            sql.exec("DELETE FROM kept WHERE kind = ? AND number = ?", values).map(|_| ()).map_err(|e| e.to_string())
        })
    }

    fn clear(&self) {
        self.made.set(false);
        let storage = self.state.storage();
        task::start(Box::pin(async move {
            // What could not be deleted is looked at again by nobody, and harms nobody.
            let _ = storage.delete_alarm().await;
            let _ = storage.delete_all().await;
        }));
    }

    fn wake_at(&self, ms: u64) {
        super::wake_at(self.state.storage(), ms);
    }

    fn post(&self, letter: Posted) -> LocalBoxFuture<'static, std::result::Result<u16, String>> {
        Box::pin(async move {
            let told = |e: JsValue| format!("{e:?}");
            let headers: serde_json::Map<String, serde_json::Value> =
                letter.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            // A redirect would carry what a shopper said to another host.
            let init = serde_json::json!({ "method": "POST", "redirect": "manual", "headers": headers }).to_string();
            let init: web_sys::RequestInit = js_sys::JSON::parse(&init).map_err(told)?.unchecked_into();
            init.set_body(&JsValue::from_str(&letter.body));
            let reply = promise::settled(bindings::fetch(&letter.url, &init)).await.map_err(told)?;
            let reply: web_sys::Response = reply.unchecked_into();
            // A body that is not read would hold its connection.
            let _ = promise::body(&reply).await;
            Ok(reply.status())
        })
    }
}

impl Conversation {
    fn desk(&self, counter: &Counter) -> Result<&Desk> {
        if let Some(desk) = self.desk.get() {
            return Ok(desk);
        }
        let config = &counter.config;
        let given = Surroundings {
            world: counter.world.clone(),
            cabinet: self.cabinet.clone(),
            answering: Rc::new(FromDocuments { counter: counter.clone(), party: counter.world.bits() >> 11 }),
            rules: Rules { rpm: config.visitor_rpm, history_days: config.history_days },
            longest_ms: config.queue_ms + 2 * config.deadlines.total_ms,
            handoff: config.handoff.clone(),
        };
        let rows = self.cabinet.load()?;
        Ok(self.desk.get_or_init(|| Desk::new(given, rows)))
    }

    fn counter(&self) -> Result<Counter> {
        super::counter(&self.env).map_err(|e| worker::Error::RustError(e.to_string()))
    }
}

impl DurableObject for Conversation {
    fn new(state: State, env: Env) -> Self {
        let cabinet = Storage { state, made: Cell::new(false) };
        Self { cabinet: Rc::new(cabinet), env, desk: OnceCell::new() }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let counter = self.counter()?;
        let visit: Visit = serde_json::from_slice(&promise::body(request.inner()).await?)?;
        let desk = self.desk(&counter)?;
        let answer = visit::serve(&counter.config, desk, &visit);
        desk.work().into_iter().for_each(task::start);
        Ok(response::write(answer)?.into())
    }

    async fn alarm(&self) -> Result<Response> {
        let counter = self.counter()?;
        self.desk(&counter)?.alarm().into_iter().for_each(task::start);
        Response::empty()
    }
}
