//! The Durable Object `Knowledge` (binding `KNOWLEDGE`, SQLite): the shop's documents, and the changes that isolates follow.
//!
//! It does not search. SQLite's FTS5 knows no Japanese word of two characters, and a search here would pass every question of the
//! world through one object; each isolate holds a copy and searches that.

use worker::{DurableObject, Env, Request, Response, Result, SqlStorageValue, State, durable_object};

use crate::knowledge::Document;
use crate::knowledge::store::{self, Change, Changes};

/// Text of one reply's changes, in bytes: the rest comes with the next.
const PAGE_BYTES: usize = 1 << 20;
/// Removals remembered for copies that follow.
const MOST_REMOVALS: u64 = 1_000;

/// The documents, each with the version at which it was last changed; a removed one without its text.
#[durable_object]
pub struct Knowledge {
    state: State,
}

#[derive(serde::Deserialize)]
struct Row {
    id: String,
    version: f64,
    body: Option<String>,
}

#[derive(serde::Deserialize)]
struct Number {
    n: Option<f64>,
}

fn number(n: u64) -> SqlStorageValue {
    SqlStorageValue::Float(n as f64)
}

fn text(t: &str) -> SqlStorageValue {
    SqlStorageValue::String(t.into())
}

impl Knowledge {
    fn one(&self, query: &str) -> Result<u64> {
        let rows: Vec<Number> = self.state.storage().sql().exec(query, None)?.to_array()?;
        Ok(rows.first().and_then(|r| r.n).unwrap_or(0.0) as u64)
    }

    fn version(&self) -> Result<u64> {
        self.one("SELECT MAX(version) AS n FROM documents")
    }

    /// Removals up to this version are forgotten.
    fn forgotten(&self) -> Result<u64> {
        self.one("SELECT MAX(version) AS n FROM forgotten")
    }

    fn put(&self, documents: &[Document]) -> Result<Response> {
        let sql = self.state.storage().sql();
        let mut bytes = self.one("SELECT SUM(bytes) AS n FROM documents")?;
        let mut count = self.one("SELECT COUNT(*) AS n FROM documents WHERE body IS NOT NULL")?;
        let mut sizes = std::collections::HashMap::new();
        for document in documents {
            let rows: Vec<Number> = sql
                .exec("SELECT bytes AS n FROM documents WHERE id = ? AND body IS NOT NULL", vec![text(&document.id)])?
                .to_array()?;
            let new = serde_json::to_string(document)?.len() as u64;
            let old = sizes.insert(document.id.as_str(), new).or(rows.first().and_then(|r| r.n).map(|n| n as u64));
            count += u64::from(old.is_none());
            bytes = bytes + new - old.unwrap_or(0);
        }
        if count > store::MOST_DOCUMENTS || bytes > store::MOST_BYTES {
            return Ok(Response::ok(format!("{count} {bytes}"))?.with_status(413));
        }
        let mut version = self.version()?.max(self.forgotten()?);
        // With no wait between them the writes are one transaction: all are kept or none.
        for document in documents {
            let body = serde_json::to_string(document)?;
            let same = sql.exec(
                "SELECT 1 AS n FROM documents WHERE id = ? AND body = ?",
                vec![text(&document.id), text(&body)],
            )?;
            if !same.to_array::<Number>()?.is_empty() {
                continue;
            }
            version += 1;
            let values = vec![text(&document.id), number(version), text(&body), number(body.len() as u64)];
            sql.exec("INSERT OR REPLACE INTO documents (id, version, body, bytes) VALUES (?, ?, ?, ?)", values)?;
        }
        Response::ok(version.to_string())
    }

    fn remove(&self, id: &str) -> Result<Response> {
        let sql = self.state.storage().sql();
        let version = self.version()?.max(self.forgotten()?) + 1;
        let found: Vec<Number> = sql
            .exec(
                "UPDATE documents SET body = NULL, bytes = 0, version = ? WHERE id = ? AND body IS NOT NULL RETURNING version AS n",
                vec![number(version), text(id)],
            )?
            .to_array()?;
        let removals = self.one("SELECT COUNT(*) AS n FROM documents WHERE body IS NULL")?;
        if removals > MOST_REMOVALS {
            let half = "SELECT version FROM documents WHERE body IS NULL ORDER BY version LIMIT ?";
            let oldest = vec![number(MOST_REMOVALS / 2)];
            sql.exec(&format!("INSERT INTO forgotten SELECT MAX(version) FROM ({half})"), oldest)?;
            sql.exec(
                "DELETE FROM documents WHERE body IS NULL AND version <= (SELECT MAX(version) FROM forgotten)",
                None,
            )?;
        }
        Ok(Response::empty()?.with_status(if found.is_empty() { 404 } else { 200 }))
    }

    fn since(&self, version: u64) -> Result<Response> {
        let forgotten = self.forgotten()?;
        let latest = self.version()?.max(forgotten);
        let anew = version < forgotten || version > latest;
        let from = if anew { 0 } else { version };
        let mut changes = Changes { version: latest, anew, ..Changes::default() };
        let rows = self
            .state
            .storage()
            .sql()
            .exec("SELECT id, version, body FROM documents WHERE version > ? ORDER BY version", vec![number(from)])?;
        let (mut bytes, mut told) = (0, 0);
        for row in rows.next::<Row>() {
            let row = row?;
            // A copy that begins anew is told all at once: its next page would find it too old again.
            if bytes > PAGE_BYTES && !anew {
                (changes.more, changes.version) = (true, told);
                break;
            }
            bytes += row.body.as_ref().map_or(0, String::len);
            told = row.version as u64;
            let document = row.body.map(|body| serde_json::from_str(&body)).transpose()?;
            changes.changes.push(Change { id: row.id, document });
        }
        Response::from_json(&changes)
    }
}

impl DurableObject for Knowledge {
    fn new(state: State, _env: Env) -> Self {
        let sql = state.storage().sql();
        // What fails here fails again, and is told, at the first query.
        let _ = sql.exec(
            "CREATE TABLE IF NOT EXISTS documents (id TEXT PRIMARY KEY, version REAL NOT NULL, body TEXT, bytes REAL NOT NULL)",
            None,
        );
        let _ = sql.exec("CREATE INDEX IF NOT EXISTS by_version ON documents (version)", None);
        let _ = sql.exec("CREATE TABLE IF NOT EXISTS forgotten (version REAL NOT NULL)", None);
        Self { state }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let address = request.inner().url();
        match address.rsplit('/').next().unwrap_or_default() {
            "put" => {
                let documents: Vec<Document> = request.json().await?;
                self.put(&documents)
            }
            "remove" => {
                let id = request.text().await?;
                self.remove(&id)
            }
            version => self.since(version.parse().unwrap_or(0)),
        }
    }
}
