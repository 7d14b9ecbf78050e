//! What a request under a key gets: the first one's reply where there is one, its place beside a running one, or a run of its own.
//!
//! A reply is kept when the same request would get the same again: a success, or a refusal of the request itself. A failure that may
//! pass is told to all who waited for it and then forgotten, so that the key can be used to try again. What is kept is written only
//! when it is whole: an object that is lost in the middle of a run has kept nothing, and the next request runs anew.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

use futures::future::{Either, LocalBoxFuture, select};
use futures::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};

use super::recording::{Head, Playback, Recording};
use super::{not_kept, reused, unreachable};
use crate::api::reply::{Answer, Body};
use crate::error::ApiError;
use crate::world::World;

/// How long a reply is kept, in milliseconds.
pub const LIFE_MS: u64 = 24 * 60 * 60 * 1000;
/// The longest row of a body, in bytes.
pub const ROW: usize = 512 << 10;
/// While somebody still reads what has had its life it stays, and is looked at again after so long, in milliseconds.
const AGAIN_MS: u64 = 10 * 60 * 1000;
/// A reply too long to be kept waits so long for its slowest listener before it is given up, in milliseconds.
const STALLED_MS: u64 = 60_000;

/// Where the reply is kept: numbered rows, and an alarm. Writes with no wait between them are kept together or not at all.
pub trait Store {
    /// A row.
    fn get(&self, number: usize) -> Result<Option<String>, String>;
    /// Keeps a row.
    fn put(&self, number: usize, text: &str) -> Result<(), String>;
    /// Deletes every row.
    fn empty(&self) -> Result<(), String>;
    /// Asks for an alarm at a time, in place of any other.
    fn wake_at(&self, ms: u64);
}

/// Row 0; the body is in those from 1 on.
#[derive(Serialize, Deserialize)]
struct Kept {
    fingerprint: String,
    until_ms: u64,
    head: Head,
    // None of a body that was too long.
    rows: Option<usize>,
}

struct Inner {
    world: Rc<dyn World>,
    store: Rc<dyn Store>,
    running: RefCell<Option<(String, Rc<Recording>)>>,
    // Held by whoever reads what is kept.
    reading: Rc<()>,
}

/// What one key's requests have in common; cloning is cheap.
#[derive(Clone)]
pub struct Once(Rc<Inner>);

/// A reply that will come.
pub type Coming = LocalBoxFuture<'static, Playback>;
/// The work on it, for the caller to run to its end whether anybody listens or not.
pub type Work = LocalBoxFuture<'static, ()>;

/// Whether the same request would get the same status again: not where it was the time that was wrong.
fn lasts(status: u16) -> bool {
    matches!(status, 200..=299 | 400..=499) && !matches!(status, 408 | 409 | 425 | 429)
}

fn replayed(mut playback: Playback) -> Playback {
    playback.head.headers.insert("idempotency-replayed".to_owned(), "true".into());
    playback
}

impl Once {
    /// A key's requests, with what was kept of them.
    pub fn new(world: Rc<dyn World>, store: Rc<dyn Store>) -> Self {
        Self(Rc::new(Inner { world, store, running: RefCell::default(), reading: Rc::default() }))
    }

    /// What a request with this fingerprint gets; `run` makes the reply if there is none.
    ///
    /// # Errors
    /// The key names another request, or its reply can neither be given nor made again, or what is kept cannot be read.
    pub fn ask(
        &self,
        fingerprint: &str,
        run: impl FnOnce() -> LocalBoxFuture<'static, Answer>,
    ) -> Result<(Coming, Option<Work>), ApiError> {
        if let Some((of, recording)) = &*self.0.running.borrow() {
            if of != fingerprint {
                return Err(reused());
            }
            if recording.is_too_long() {
                return Err(not_kept());
            }
            let listener = recording.listen();
            return Ok((Box::pin(async move { replayed(listener.playback().await) }), None));
        }
        if let Some(kept) = self.kept().map_err(|_| unreachable())?.filter(|k| !self.is_over(k)) {
            if kept.fingerprint != fingerprint {
                return Err(reused());
            }
            let rows = kept.rows.ok_or_else(not_kept)?;
            let body = self.body(rows).map_err(|_| unreachable())?;
            return Ok((Box::pin(std::future::ready(replayed(Playback { head: kept.head, body }))), None));
        }
        let recording = Rc::new(Recording::default());
        *self.0.running.borrow_mut() = Some((fingerprint.to_owned(), Rc::clone(&recording)));
        let listener = recording.listen();
        let (once, run) = (self.clone(), run());
        let work = async move {
            once.record(&recording, run).await;
            *once.0.running.borrow_mut() = None;
            recording.end();
        };
        Ok((Box::pin(listener.playback()), Some(Box::pin(work))))
    }

    /// The alarm rang: whether all that is kept may be deleted; if not, another alarm is set.
    pub fn alarm(&self) -> bool {
        match self.kept() {
            Ok(Some(kept)) if !self.is_over(&kept) => {
                self.0.store.wake_at(kept.until_ms.max(self.0.world.now_ms() + AGAIN_MS));
                false
            }
            _ => true,
        }
    }

    fn kept(&self) -> Result<Option<Kept>, String> {
        self.0.store.get(0)?.map(|row| crate::typed::read(&row).map_err(|e| e.to_string())).transpose()
    }

    /// Whether it has had its life, and nobody is reading it.
    fn is_over(&self, kept: &Kept) -> bool {
        kept.until_ms <= self.0.world.now_ms() && Rc::strong_count(&self.0.reading) == 1
    }

    /// A body of so many rows. One of several is read as it is sent.
    fn body(&self, rows: usize) -> Result<Body, String> {
        if rows <= 1 {
            let row = if rows == 0 { Some(String::new()) } else { self.0.store.get(1)? };
            return row.map(Body::Text).ok_or_else(|| "the body is not there".to_owned());
        }
        let (store, reading) = (Rc::clone(&self.0.store), Rc::clone(&self.0.reading));
        let read = move |number| {
            let _reading = &reading;
            store.get(number).ok().flatten()
        };
        Ok(Body::Stream(stream::iter((1..=rows).map_while(read)).boxed_local()))
    }

    /// Records the reply as it comes, and keeps it if it lasts.
    async fn record(&self, recording: &Recording, run: LocalBoxFuture<'static, Answer>) {
        let answer = run.await;
        let failed = answer.failed.clone();
        let headers = answer.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let head = Head { status: answer.status, headers };
        recording.begin(head.clone());
        match answer.body {
            Body::Text(text) => recording.push(text),
            Body::Stream(mut pieces) => {
                while let Some(piece) = pieces.next().await {
                    recording.push(piece);
                    if recording.is_too_long() && !self.still_wanted(recording).await {
                        return;
                    }
                }
            }
            // A run answers by itself; it asks no other object to.
            Body::Visit(_) | Body::Keyed(_) => {}
        }
        if lasts(head.status) && !failed.is_some_and(|f| f.get()) && self.keep(recording, head).is_err() {
            // The reply is told all the same; half a body must not be taken for one.
            let _ = self.0.store.empty();
        }
    }

    /// A reply that nobody could get a second time is made only for those who listen, and only as fast as they do.
    async fn still_wanted(&self, recording: &Recording) -> bool {
        match select(pin!(recording.caught_up()), self.0.world.sleep(STALLED_MS)).await {
            Either::Left((wanted, _)) => wanted,
            Either::Right(_) => false,
        }
    }

    fn keep(&self, recording: &Recording, head: Head) -> Result<(), String> {
        let (store, running) = (&self.0.store, self.0.running.borrow());
        let Some((fingerprint, _)) = &*running else { return Ok(()) };
        store.empty()?;
        let rows = if recording.is_too_long() { None } else { Some(self.put_rows(&recording.pieces())?) };
        let until_ms = self.0.world.now_ms() + LIFE_MS;
        let kept = Kept { fingerprint: fingerprint.clone(), until_ms, head, rows };
        store.put(0, &serde_json::to_string(&kept).map_err(|e| e.to_string())?)?;
        store.wake_at(until_ms);
        Ok(())
    }

    /// Writes a body in rows; how many.
    fn put_rows(&self, pieces: &[Rc<str>]) -> Result<usize, String> {
        let (mut rows, mut row) = (0, String::new());
        let mut put = |row: &mut String| {
            rows += 1;
            let put = self.0.store.put(rows, row);
            row.clear();
            put
        };
        for piece in pieces {
            let mut rest = &**piece;
            while row.len() + rest.len() > ROW {
                let (now, later) = rest.split_at(rest.floor_char_boundary(ROW - row.len()));
                row.push_str(now);
                put(&mut row)?;
                rest = later;
            }
            row.push_str(rest);
        }
        if !row.is_empty() {
            put(&mut row)?;
        }
        Ok(rows)
    }
}
