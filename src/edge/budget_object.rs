//! The Durable Object `Budget` (binding `BUDGET`, SQLite): one exact limit for the whole world, named by what it limits.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use worker::{DurableObject, Env, Request, Response, Result, SqlStorageValue, State, durable_object, js_sys};

use crate::admission::Standing;
use crate::admission::window::{MINUTE_MS, Window};

/// When nothing was asked for this long the object forgets all, in milliseconds.
const IDLE_MS: u64 = 5 * MINUTE_MS;

/// One limit's window, kept in SQLite so that it survives eviction.
#[durable_object(alarm)]
pub struct Budget {
    state: State,
    window: RefCell<Window>,
    cleaned_ms: Cell<u64>,
}

#[derive(serde::Deserialize)]
struct Row {
    at: f64,
    permits: f64,
}

/// Reads a grant as this object writes it: permits, limit, remaining and reset, apart by spaces.
pub fn read_grant(text: &str) -> Option<(u64, Standing)> {
    let mut numbers = text.split(' ').map(|n| n.parse::<u64>().ok());
    let mut next = || numbers.next().flatten();
    Some((next()?, Standing { limit: next()?, remaining: next()?, reset_ms: next()? }))
}

fn number(n: u64) -> SqlStorageValue {
    SqlStorageValue::Float(n as f64)
}

impl Budget {
    fn load(state: &State) -> Result<Window> {
        let sql = state.storage().sql();
        sql.exec("CREATE TABLE IF NOT EXISTS granted (at REAL PRIMARY KEY, permits REAL NOT NULL)", None)?;
        let rows: Vec<Row> = sql.exec("SELECT at, permits FROM granted", None)?.to_array()?;
        Ok(Window::restore(rows.into_iter().map(|r| (r.at as u64, r.permits as u64))))
    }

    async fn keep(&self, now: u64, row: (u64, u64)) -> Result<()> {
        let sql = self.state.storage().sql();
        // The reply is held by the platform until this is durable (the output gate).
        let values = vec![number(row.0), number(row.1)];
        sql.exec(
            "INSERT INTO granted VALUES (?, ?) ON CONFLICT (at) DO UPDATE SET permits = excluded.permits",
            values,
        )?;
        if now >= self.cleaned_ms.get() + MINUTE_MS {
            self.cleaned_ms.set(now);
            sql.exec("DELETE FROM granted WHERE at < ?", vec![number(Window::horizon(now))])?;
            self.state.storage().set_alarm(Duration::from_millis(IDLE_MS)).await?;
        }
        Ok(())
    }
}

impl DurableObject for Budget {
    fn new(state: State, _env: Env) -> Self {
        // Without its rows the object must not grant: a window that is full refuses until it is loaded.
        let window =
            Self::load(&state).unwrap_or_else(|_| Window::restore([(js_sys::Date::now() as u64, u64::MAX / 2)]));
        Self { state, window: RefCell::new(window), cleaned_ms: Cell::new(0) }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let address = request.inner().url();
        let mut numbers = address.rsplit('/').map_while(|part| part.parse::<u64>().ok());
        let (want, limit) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        let now = js_sys::Date::now() as u64;
        let grant = self.window.borrow_mut().take(now, limit, want);
        if grant.permits > 0 {
            self.keep(now, grant.row).await?;
        }
        let s = grant.standing;
        Response::ok(format!("{} {} {} {}", grant.permits, s.limit, s.remaining, s.reset_ms))
    }

    async fn alarm(&self) -> Result<Response> {
        let now = js_sys::Date::now() as u64;
        if self.window.borrow_mut().take(now, 0, 0).standing.remaining == 0 {
            self.state.storage().sql().exec("DELETE FROM granted WHERE at < ?", vec![number(Window::horizon(now))])?;
        }
        Response::empty()
    }
}
