//! The Durable Object `Knowledge` (binding `KNOWLEDGE`, SQLite): the shop's documents, and the changes that isolates follow.
//!
//! It does not search. SQLite's FTS5 knows no Japanese word of two characters, and a search here would pass every question of the
//! world through one object; each isolate holds a copy and searches that.
#![allow(unsafe_code, reason = "wasm-bindgen's macro writes it")]

use std::rc::Rc;

use worker::js_sys::Promise;
use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::*;
use worker::web_sys;
use worker::worker_sys::DurableObjectState;

use super::object::{self, Sql, number};
use crate::knowledge::Document;
use crate::knowledge::store::{self, Change, Changes};
use crate::typed;

/// Text of one reply's changes, in bytes: the rest comes with the next.
const PAGE_BYTES: usize = 1 << 20;
/// Removals remembered for copies that follow.
const MOST_REMOVALS: u64 = 1_000;

/// The documents, each with the version at which it was last changed; a removed one without its text.
#[wasm_bindgen]
pub struct Knowledge(Rc<Documents>);

struct Documents(DurableObjectState);

fn text(t: &str) -> JsValue {
    JsValue::from_str(t)
}

impl Documents {
    fn sql(&self) -> Result<Sql, JsValue> {
        Sql::of(&self.0)
    }

    fn one(&self, query: &str) -> Result<u64, JsValue> {
        let row = self.sql()?.rows(query, &[])?.next();
        Ok(row.and_then(|r| r.number("n")).unwrap_or(0.0) as u64)
    }

    fn version(&self) -> Result<u64, JsValue> {
        self.one("SELECT MAX(version) AS n FROM documents")
    }

    /// Removals up to this version are forgotten.
    fn forgotten(&self) -> Result<u64, JsValue> {
        self.one("SELECT MAX(version) AS n FROM forgotten")
    }

    fn put(&self, documents: &[Document]) -> Result<web_sys::Response, JsValue> {
        let sql = self.sql()?;
        let mut bytes = self.one("SELECT SUM(bytes) AS n FROM documents")?;
        let mut count = self.one("SELECT COUNT(*) AS n FROM documents WHERE body IS NOT NULL")?;
        let mut sizes = std::collections::HashMap::new();
        for document in documents {
            let kept = sql
                .rows("SELECT bytes AS n FROM documents WHERE id = ? AND body IS NOT NULL", &[text(&document.id)])?
                .next();
            let new = written(document)?.len() as u64;
            let old = sizes.insert(document.id.as_str(), new).or(kept.and_then(|r| r.number("n")).map(|n| n as u64));
            count += u64::from(old.is_none());
            bytes = bytes + new - old.unwrap_or(0);
        }
        if count > store::MOST_DOCUMENTS || bytes > store::MOST_BYTES {
            return object::reply(413, &format!("{count} {bytes}"));
        }
        let mut version = self.version()?.max(self.forgotten()?);
        // With no wait between them the writes are one transaction: all are kept or none.
        for document in documents {
            let body = written(document)?;
            let same = sql
                .rows("SELECT 1 FROM documents WHERE id = ? AND body = ?", &[text(&document.id), text(&body)])?
                .next();
            if same.is_some() {
                continue;
            }
            version += 1;
            let values = [text(&document.id), number(version), text(&body), number(body.len() as u64)];
            sql.run("INSERT OR REPLACE INTO documents (id, version, body, bytes) VALUES (?, ?, ?, ?)", &values)?;
        }
        object::reply(200, &version.to_string())
    }

    fn remove(&self, id: &str) -> Result<web_sys::Response, JsValue> {
        let sql = self.sql()?;
        let version = self.version()?.max(self.forgotten()?) + 1;
        let found = sql
            .rows(
                "UPDATE documents SET body = NULL, bytes = 0, version = ? WHERE id = ? AND body IS NOT NULL RETURNING version",
                &[number(version), text(id)],
            )?
            .next();
        let removals = self.one("SELECT COUNT(*) AS n FROM documents WHERE body IS NULL")?;
        if removals > MOST_REMOVALS {
            let half = "SELECT version FROM documents WHERE body IS NULL ORDER BY version LIMIT ?";
            let oldest = [number(MOST_REMOVALS / 2)];
            sql.run(&format!("INSERT INTO forgotten SELECT MAX(version) FROM ({half})"), &oldest)?;
            sql.run(
                "DELETE FROM documents WHERE body IS NULL AND version <= (SELECT MAX(version) FROM forgotten)",
                &[],
            )?;
        }
        object::reply(if found.is_none() { 404 } else { 200 }, "")
    }

    fn since(&self, version: u64) -> Result<web_sys::Response, JsValue> {
        let forgotten = self.forgotten()?;
        let latest = self.version()?.max(forgotten);
        let anew = version < forgotten || version > latest;
        let from = if anew { 0 } else { version };
        let mut changes = Changes { version: latest, anew, ..Changes::default() };
        let query = "SELECT id, version, body FROM documents WHERE version > ? ORDER BY version";
        let (mut bytes, mut told) = (0, 0);
        for row in self.sql()?.rows(query, &[number(from)])? {
            // A copy that begins anew is told all at once: its next page would find it too old again.
            if bytes > PAGE_BYTES && !anew {
                (changes.more, changes.version) = (true, told);
                break;
            }
            let body = row.text("body");
            bytes += body.as_ref().map_or(0, String::len);
            told = row.number("version").unwrap_or(0.0) as u64;
            let document = body.map(|body| typed::read(&body)).transpose().map_err(object::thrown)?;
            changes.changes.push(Change { id: row.text("id").unwrap_or_default(), document });
        }
        object::reply(200, &serde_json::to_string(&changes).map_err(object::thrown)?)
    }

    async fn answer(&self, request: web_sys::Request) -> Result<web_sys::Response, JsValue> {
        let address = request.url();
        match address.rsplit('/').next().unwrap_or_default() {
            "put" => {
                let documents: Vec<Document> = typed::read(&object::text(&request).await?).map_err(object::thrown)?;
                self.put(&documents)
            }
            "remove" => {
                let id = object::text(&request).await?;
                self.remove(&id)
            }
            version => self.since(version.parse().unwrap_or(0)),
        }
    }

    fn make(&self) -> Result<(), JsValue> {
        let sql = self.sql()?;
        sql.run(
            "CREATE TABLE IF NOT EXISTS documents (id TEXT PRIMARY KEY, version REAL NOT NULL, body TEXT, bytes REAL NOT NULL)",
            &[],
        )?;
        sql.run("CREATE INDEX IF NOT EXISTS by_version ON documents (version)", &[])?;
        sql.run("CREATE TABLE IF NOT EXISTS forgotten (version REAL NOT NULL)", &[])
    }
}

fn written(document: &Document) -> Result<String, JsValue> {
    serde_json::to_string(document).map_err(object::thrown)
}

#[wasm_bindgen]
impl Knowledge {
    /// An object of the platform.
    #[wasm_bindgen(constructor)]
    pub fn new(state: DurableObjectState, _env: JsValue) -> Self {
        let documents = Documents(state);
        // What fails here fails again, and is told, at the first query.
        let _ = documents.make();
        Self(Rc::new(documents))
    }

    /// Puts, removes, or tells what has changed.
    pub fn fetch(&self, request: web_sys::Request) -> Promise {
        let documents = Rc::clone(&self.0);
        object::answering(async move { documents.answer(request).await })
    }
}
