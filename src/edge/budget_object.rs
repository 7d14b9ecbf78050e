//! The Durable Object `Budget` (binding `BUDGET`, SQLite): the limits of one host or key for the whole world, named by what it limits.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use worker::{DurableObject, Env, Request, Response, Result, SqlStorageValue, State, durable_object, js_sys};

use crate::admission::book::{Book, MINUTE_MS};
use crate::admission::lessor::{Durable, Lessor};
use crate::admission::message::Ask;

/// When nothing was asked for this long the object forgets all, in milliseconds.
const IDLE_MS: u64 = 5 * MINUTE_MS;

/// One budget's grants, kept in SQLite so that they survive eviction.
#[durable_object(alarm)]
pub struct Budget {
    state: State,
    // None where what was kept could not be read: the object then grants nothing.
    lessor: RefCell<Option<Lessor>>,
    cleaned_ms: Cell<u64>,
}

#[derive(serde::Deserialize)]
struct Row {
    row: f64,
    cells: String,
}

#[derive(serde::Deserialize)]
struct InFlight {
    holder: String,
    calls: f64,
    until: f64,
}

fn now_ms() -> u64 {
    js_sys::Date::now() as u64
}

fn number(n: u64) -> SqlStorageValue {
    SqlStorageValue::Float(n as f64)
}

impl Budget {
    fn load(state: &State) -> Result<Lessor> {
        let sql = state.storage().sql();
        sql.exec("CREATE TABLE IF NOT EXISTS booked (row REAL PRIMARY KEY, cells TEXT NOT NULL)", None)?;
        sql.exec(
            "CREATE TABLE IF NOT EXISTS in_flight (holder TEXT PRIMARY KEY, calls REAL NOT NULL, until REAL NOT NULL)",
            None,
        )?;
        let rows: Vec<Row> = sql.exec("SELECT row, cells FROM booked", None)?.to_array()?;
        let held: Vec<InFlight> = sql.exec("SELECT holder, calls, until FROM in_flight", None)?.to_array()?;
        let book = Book::restore(rows.iter().map(|r| (r.row as u64, r.cells.as_str())));
        let held = held.iter().filter_map(|h| Some((h.holder.parse().ok()?, h.calls as u32, h.until as u64)));
        Ok(Lessor::restore(book, held, now_ms()))
    }

    /// Writes what must be kept. The reply is held by the platform until it is durable (the output gate).
    async fn keep(&self, now: u64, durable: Durable) -> Result<()> {
        let sql = self.state.storage().sql();
        for (row, cells) in durable.rows {
            let values = vec![number(row), cells.into()];
            sql.exec(
                "INSERT INTO booked VALUES (?, ?) ON CONFLICT (row) DO UPDATE SET cells = excluded.cells",
                values,
            )?;
        }
        if let Some((holder, calls, until)) = durable.in_flight {
            let values = vec![holder.to_string().into(), number(calls.into()), number(until)];
            sql.exec(
                "INSERT INTO in_flight VALUES (?, ?, ?) ON CONFLICT (holder) DO UPDATE SET calls = excluded.calls, until = excluded.until",
                values,
            )?;
        }
        if now >= self.cleaned_ms.get() + MINUTE_MS {
            self.cleaned_ms.set(now);
            self.clean(now)?;
            self.state.storage().set_alarm(Duration::from_millis(IDLE_MS)).await?;
        }
        Ok(())
    }

    fn clean(&self, now: u64) -> Result<()> {
        let sql = self.state.storage().sql();
        sql.exec("DELETE FROM booked WHERE row < ?", vec![number(Book::horizon(now))])?;
        sql.exec("DELETE FROM in_flight WHERE until < ?", vec![number(now)])?;
        Ok(())
    }
}

impl DurableObject for Budget {
    fn new(state: State, _env: Env) -> Self {
        let lessor = Self::load(&state).ok();
        Self { state, lessor: RefCell::new(lessor), cleaned_ms: Cell::new(0) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let Ok(ask) = serde_json::from_str::<Ask>(&request.text().await?) else {
            return Response::error("an ask that cannot be read", 400);
        };
        let now = now_ms();
        let Some((lease, durable)) = self.lessor.borrow_mut().as_mut().map(|l| l.grant(now, &ask)) else {
            return Response::error("what was granted cannot be read", 503);
        };
        self.keep(now, durable).await?;
        Response::ok(serde_json::to_string(&lease)?)
    }

    async fn alarm(&self) -> Result<Response> {
        self.clean(now_ms())?;
        Response::empty()
    }
}
