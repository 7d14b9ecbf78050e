//! The Durable Object `Budget` (binding `BUDGET`, SQLite): the limits of one host or key for the whole world, named by what it limits.
#![allow(unsafe_code, reason = "wasm-bindgen's macro writes it")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use worker::js_sys::{Date, Object, Promise};
use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::*;
use worker::web_sys;
use worker::worker_sys::DurableObjectState;

use super::object::{self, Sql, number};
use super::promise;
use crate::admission::book::{Book, MINUTE_MS};
use crate::admission::lessor::{Durable, Lessor};
use crate::admission::message::Ask;
use crate::typed;

/// When nothing was asked for this long the object forgets all, and is itself forgotten, in milliseconds.
const IDLE_MS: u64 = 5 * MINUTE_MS;

/// One budget's grants, kept in SQLite so that they survive eviction.
#[wasm_bindgen]
pub struct Budget(Rc<Grants>);

struct Grants {
    state: DurableObjectState,
    // None where what was kept could not be read: the object then grants nothing.
    lessor: RefCell<Option<Lessor>>,
    cleaned_ms: Cell<u64>,
    /// Whether its tables are there.
    made: Cell<bool>,
}

fn now_ms() -> u64 {
    Date::now() as u64
}

impl Grants {
    /// Keys that are the table itself: an index beside it would be written, and charged for, as one more row.
    fn make_tables(sql: &Sql) -> Result<(), JsValue> {
        sql.run("CREATE TABLE IF NOT EXISTS booked (row INTEGER PRIMARY KEY, cells TEXT NOT NULL)", &[])?;
        sql.run(
            "CREATE TABLE IF NOT EXISTS in_flight (holder TEXT PRIMARY KEY, calls REAL NOT NULL, until REAL NOT NULL) WITHOUT ROWID",
            &[],
        )
    }

    fn load(state: &DurableObjectState) -> Result<Lessor, JsValue> {
        let sql = Sql::of(state)?;
        Self::make_tables(&sql)?;
        let rows = sql.rows("SELECT row, cells FROM booked", &[])?;
        let rows: Vec<(u64, String)> = rows.filter_map(|r| Some((r.number("row")? as u64, r.text("cells")?))).collect();
        let book = Book::restore(rows.iter().map(|(row, cells)| (*row, cells.as_str())));
        let held = sql.rows("SELECT holder, calls, until FROM in_flight", &[])?.filter_map(|h| {
            Some((h.text("holder")?.parse().ok()?, h.number("calls")? as u32, h.number("until")? as u64))
        });
        Ok(Lessor::restore(book, held, now_ms()))
    }

    /// Writes what must be kept. The reply is held by the platform until it is durable (the output gate).
    async fn keep(&self, now: u64, durable: Durable) -> Result<(), JsValue> {
        let sql = Sql::of(&self.state)?;
        if !self.made.replace(true) {
            Self::make_tables(&sql)?;
        }
        for (row, cells) in durable.rows {
            sql.run(
                "INSERT INTO booked VALUES (?, ?) ON CONFLICT (row) DO UPDATE SET cells = excluded.cells",
                &[number(row), JsValue::from_str(&cells)],
            )?;
        }
        for (holder, calls, until) in durable.in_flight {
            sql.run(
                "INSERT INTO in_flight VALUES (?, ?, ?) ON CONFLICT (holder) DO UPDATE SET calls = excluded.calls, until = excluded.until",
                &[JsValue::from_str(&holder.to_string()), number(calls.into()), number(until)],
            )?;
        }
        if now >= self.cleaned_ms.get() + MINUTE_MS {
            self.cleaned_ms.set(now);
            self.clean(now)?;
            self.wake_at(now + IDLE_MS).await?;
        }
        Ok(())
    }

    async fn wake_at(&self, ms: u64) -> Result<(), JsValue> {
        let at = Date::new(&number(ms));
        promise::settled(self.state.storage()?.set_alarm(at, Object::new())).await.map(drop)
    }

    /// Forgets what no longer counts. One in which nothing counts leaves no database behind: there is one for each address that ever came.
    async fn wake(&self, now: u64) -> Result<web_sys::Response, JsValue> {
        self.clean(now)?;
        let kept =
            Sql::of(&self.state)?.rows("SELECT 1 FROM booked UNION ALL SELECT 1 FROM in_flight LIMIT 1", &[])?.next();
        if kept.is_some() {
            self.wake_at(now + IDLE_MS).await?;
        } else {
            self.made.set(false);
            promise::settled(self.state.storage()?.delete_all()).await?;
        }
        object::reply(200, "")
    }

    fn clean(&self, now: u64) -> Result<(), JsValue> {
        let sql = Sql::of(&self.state)?;
        sql.run("DELETE FROM booked WHERE row < ?", &[number(Book::horizon(now))])?;
        sql.run("DELETE FROM in_flight WHERE until < ?", &[number(now)])
    }

    async fn answer(&self, request: web_sys::Request) -> Result<web_sys::Response, JsValue> {
        let Ok(ask) = typed::read::<Ask>(&object::text(&request).await?) else {
            return object::reply(400, "an ask that cannot be read");
        };
        let now = now_ms();
        let Some((lease, durable)) = self.lessor.borrow_mut().as_mut().map(|l| l.grant(now, &ask)) else {
            return object::reply(503, "what was granted cannot be read");
        };
        self.keep(now, durable).await?;
        object::reply(200, &serde_json::to_string(&lease).map_err(object::thrown)?)
    }
}

#[wasm_bindgen]
impl Budget {
    /// An object of the platform.
    #[wasm_bindgen(constructor)]
    pub fn new(state: DurableObjectState, _env: JsValue) -> Self {
        let lessor = Grants::load(&state).ok();
        Self(Rc::new(Grants { state, lessor: RefCell::new(lessor), cleaned_ms: Cell::new(0), made: Cell::new(true) }))
    }

    /// Grants what is asked for.
    pub fn fetch(&self, request: web_sys::Request) -> Promise {
        let grants = Rc::clone(&self.0);
        object::answering(async move { grants.answer(request).await })
    }

    /// Forgets what no longer counts.
    pub fn alarm(&self) -> Promise {
        let grants = Rc::clone(&self.0);
        object::answering(async move { grants.wake(now_ms()).await })
    }
}
