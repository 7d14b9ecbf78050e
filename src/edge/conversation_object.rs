//! The Durable Object `Conversation` (binding `CONVERSATION`, SQLite): one visitor's record. Answers are made in it, so they go on when the
//! visitor's connection drops; it deletes itself by alarm when it has been kept long enough.
#![allow(unsafe_code, reason = "wasm-bindgen's macro writes it")]

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use futures::future::LocalBoxFuture;
use worker::js_sys::{Object, Promise};
use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::*;
use worker::worker_sys::DurableObjectState;
use worker::{Env, web_sys};

use super::object::{self, Sql, number};
use super::{fetch, promise, response, task};
use crate::api::visit::{self, Visit};
use crate::conversation::answering::FromDocuments;
use crate::conversation::desk::{Cabinet, Desk, Surroundings};
use crate::conversation::handoff::Posted;
use crate::conversation::record::{Row, Rules};
use crate::counter::Counter;
use crate::typed;

/// The visitor's object, reached from the Worker.
pub async fn visit(env: &Env, visit: &Visit) -> Result<web_sys::Response, JsValue> {
    let object = object::named(env, "CONVERSATION", &visit.visitor)?;
    let written = serde_json::to_string(visit).map_err(object::thrown)?;
    object::send(&object, "https://conversation/", Some(&written)).await
}

/// One visitor's conversation.
#[wasm_bindgen]
pub struct Conversation(Rc<Kept>);

struct Kept {
    cabinet: Rc<Storage>,
    env: Env,
    desk: OnceCell<Desk>,
}

struct Storage {
    state: DurableObjectState,
    made: Cell<bool>,
}

impl Storage {
    /// Every row; a visitor who only looks in leaves no table behind.
    fn load(&self) -> Result<Vec<(String, String)>, JsValue> {
        let sql = Sql::of(&self.state)?;
        let known = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'kept'";
        if sql.rows(known, &[])?.next().is_none() {
            return Ok(Vec::new());
        }
        self.made.set(true);
        let rows = sql.rows("SELECT kind, written FROM kept", &[])?;
        Ok(rows.filter_map(|r| Some((r.text("kind")?, r.text("written")?))).collect())
    }

    fn write(&self, (kind, at, text): &Row) -> Result<(), JsValue> {
        let sql = Sql::of(&self.state)?;
        if !self.made.replace(true) {
            // An index beside the table would be written, and charged for, as one more row.
            let table = "CREATE TABLE IF NOT EXISTS kept (kind TEXT, number REAL, written TEXT NOT NULL, PRIMARY KEY (kind, number)) WITHOUT ROWID";
            sql.run(table, &[])?;
        }
        let write =
            "INSERT INTO kept VALUES (?, ?, ?) ON CONFLICT (kind, number) DO UPDATE SET written = excluded.written";
        sql.run(write, &[JsValue::from_str(kind), number(*at), JsValue::from_str(text)])
    }
}

impl Cabinet for Storage {
    fn keep(&self, row: &Row) -> Result<(), String> {
        self.write(row).map_err(|e| object::reason(&e))
    }

    fn delete(&self, rows: &[(&'static str, u64)]) -> Result<(), String> {
        let told = |e: JsValue| object::reason(&e);
        let sql = Sql::of(&self.state).map_err(told)?;
        rows.iter().try_for_each(|(kind, at)| {
            let values = [JsValue::from_str(kind), number(*at)];
            sql.run("DELETE FROM kept WHERE kind = ? AND number = ?", &values).map_err(told)
        })
    }

    fn clear(&self) {
        self.made.set(false);
        if let Ok(storage) = self.state.storage() {
            task::start(Box::pin(async move {
                // What could not be deleted is looked at again by nobody, and harms nobody.
                let _ = promise::settled(storage.delete_alarm(Object::new())).await;
                let _ = promise::settled(storage.delete_all()).await;
            }));
        }
    }

    fn wake_at(&self, ms: u64) {
        if let Ok(storage) = self.state.storage() {
            object::wake_at(&storage, ms);
        }
    }

    fn warn(&self, line: &str) {
        worker::console_warn!("{line}");
    }

    fn post(&self, letter: Posted) -> LocalBoxFuture<'static, Result<u16, String>> {
        fetch::post(letter)
    }
}

impl Kept {
    fn desk(&self, counter: &Counter) -> Result<&Desk, JsValue> {
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

    fn counter(&self) -> Result<Counter, JsValue> {
        super::counter(&self.env).map_err(object::thrown)
    }

    async fn answer(&self, request: web_sys::Request) -> Result<web_sys::Response, JsValue> {
        let counter = self.counter()?;
        let visit: Visit = typed::read(&object::text(&request).await?).map_err(object::thrown)?;
        let desk = self.desk(&counter)?;
        let answer = visit::serve(&counter.config, desk, &visit);
        desk.work().into_iter().for_each(task::start);
        response::write(answer)
    }

    fn wake(&self) -> Result<web_sys::Response, JsValue> {
        let counter = self.counter()?;
        self.desk(&counter)?.alarm().into_iter().for_each(task::start);
        object::reply(200, "")
    }
}

#[wasm_bindgen]
impl Conversation {
    /// An object of the platform.
    #[wasm_bindgen(constructor)]
    pub fn new(state: DurableObjectState, env: Env) -> Self {
        let cabinet = Rc::new(Storage { state, made: Cell::new(false) });
        Self(Rc::new(Kept { cabinet, env, desk: OnceCell::new() }))
    }

    /// Serves a visit.
    pub fn fetch(&self, request: web_sys::Request) -> Promise {
        let kept = Rc::clone(&self.0);
        object::answering(async move { kept.answer(request).await })
    }

    /// Does what is due.
    pub fn alarm(&self) -> Promise {
        let kept = Rc::clone(&self.0);
        object::answering(async move { kept.wake() })
    }
}
