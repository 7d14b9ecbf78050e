//! The Durable Object `Idempotency` (binding `IDEMPOTENCY`, SQLite): what was answered under one idempotency key. The reply is made in it, so
//! it is made to its end when the caller's connection drops; it deletes itself by alarm when the reply has had its life.

use std::rc::Rc;

use worker::{
    DurableObject, Env, Request, Response, Result, SqlStorage, SqlStorageValue, State, durable_object, web_sys,
};

use super::{promise, response, task, world};
use crate::api::idempotency::Keyed;
use crate::api::idempotency::once::{Once, Store};
use crate::api::{self, reply::Answer};

/// The key's object, reached from the Worker.
pub async fn send(env: &Env, keyed: &Keyed) -> Result<web_sys::Response> {
    super::ask_object(env, "IDEMPOTENCY", &keyed.name, &serde_json::to_string(keyed)?).await
}

/// One idempotency key.
#[durable_object(alarm)]
pub struct Idempotency {
    state: Rc<State>,
    env: Env,
    once: Once,
}

struct Rows(Rc<State>);

#[derive(serde::Deserialize)]
struct Row {
    written: String,
}

impl Rows {
    fn sql(&self) -> SqlStorage {
        self.0.storage().sql()
    }

    fn rows(&self, query: &str, values: Vec<SqlStorageValue>) -> std::result::Result<Option<String>, String> {
        let rows = self.sql().exec(query, values).and_then(|cursor| cursor.to_array::<Row>());
        Ok(rows.map_err(|e| e.to_string())?.pop().map(|row| row.written))
    }
}

impl Store for Rows {
    fn get(&self, number: usize) -> std::result::Result<Option<String>, String> {
        // A key that nothing was kept under leaves no table behind.
        let known = "SELECT name AS written FROM sqlite_master WHERE type = 'table' AND name = 'kept'";
        if self.rows(known, Vec::new())?.is_none() {
            return Ok(None);
        }
        self.rows("SELECT written FROM kept WHERE number = ?", vec![(number as f64).into()])
    }

    fn put(&self, number: usize, text: &str) -> std::result::Result<(), String> {
        let values: Vec<SqlStorageValue> = vec![(number as f64).into(), text.into()];
        self.sql().exec("INSERT INTO kept VALUES (?, ?)", values).map(|_| ()).map_err(|e| e.to_string())
    }

    fn empty(&self) -> std::result::Result<(), String> {
        let sql = self.sql();
        sql.exec("CREATE TABLE IF NOT EXISTS kept (number REAL PRIMARY KEY, written TEXT NOT NULL)", None)
            .and_then(|_| sql.exec("DELETE FROM kept", None))
            .map(|_| ())
            .map_err(|e| e.to_string())
    }

    fn wake_at(&self, ms: u64) {
        super::wake_at(self.0.storage(), ms);
    }
}

impl DurableObject for Idempotency {
    fn new(state: State, env: Env) -> Self {
        let state = Rc::new(state);
        let once = Once::new(Rc::new(world::Edge::new(env.clone())), Rc::new(Rows(state.clone())));
        Self { state, env, once }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let counter = super::counter(&self.env).map_err(|e| worker::Error::RustError(e.to_string()))?;
        let keyed: Keyed = serde_json::from_slice(&promise::body(request.inner()).await?)?;
        let (id, fingerprint) = (keyed.request_id.clone(), keyed.fingerprint());
        let run = || -> futures::future::LocalBoxFuture<'static, Answer> {
            Box::pin(async move { api::run(&counter, &keyed).await })
        };
        let (coming, work) = match self.once.ask(&fingerprint, run) {
            Ok(asked) => asked,
            Err(error) => {
                let mut refused = Answer::error(&error, &id);
                refused.header("x-request-id", id);
                return Ok(response::write(refused)?.into());
            }
        };
        if let Some(work) = work {
            task::start(work);
        }
        let playback = coming.await;
        Ok(response::write_parts(playback.head.status, playback.head.headers, playback.body)?.into())
    }

    async fn alarm(&self) -> Result<Response> {
        if self.once.alarm() {
            self.state.storage().delete_all().await?;
        }
        Response::empty()
    }
}
