//! A reply as it comes, for any number of listeners: each hears it from its beginning, as fast as it likes.
//!
//! Up to [`LONGEST`] all of it stays here, for who comes later and to be kept. Past that only what some listener has still to hear.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use futures::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};

use crate::api::reply::Body;

/// The longest reply that is kept, in bytes.
pub const LONGEST: usize = 10 << 20;

/// A reply's status and headers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: serde_json::Map<String, serde_json::Value>,
}

/// A reply that was recorded, or is being.
pub struct Playback {
    /// Its status and headers.
    pub head: Head,
    /// Its body.
    pub body: Body,
}

#[derive(Default)]
struct State {
    head: Option<Head>,
    pieces: VecDeque<Rc<str>>,
    // Pieces that every listener had heard when they were let go.
    gone: usize,
    bytes: usize,
    too_long: bool,
    ended: bool,
    // How many pieces each has heard.
    listeners: Vec<Weak<Cell<usize>>>,
    waiting: Vec<Waker>,
}

impl State {
    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        self.waiting.push(cx.waker().clone());
        Poll::Pending
    }
}

/// A reply on its way.
#[derive(Default)]
pub struct Recording(RefCell<State>);

impl Recording {
    /// Does something to the state, then wakes all who wait.
    fn change(&self, act: impl FnOnce(&mut State)) {
        let mut state = self.0.borrow_mut();
        act(&mut state);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// The status and the headers have come.
    pub fn begin(&self, head: Head) {
        self.change(|state| state.head = Some(head));
    }

    /// A piece of the body has come.
    pub fn push(&self, piece: String) {
        self.change(|state| {
            state.bytes += piece.len();
            state.too_long |= state.bytes > LONGEST;
            state.pieces.push_back(piece.into());
        });
    }

    /// Nothing more will come.
    pub fn end(&self) {
        self.change(|state| state.ended = true);
    }

    /// Whether it has become too long to be kept.
    pub fn is_too_long(&self) -> bool {
        self.0.borrow().too_long
    }

    /// All pieces, of a recording that is not too long.
    pub fn pieces(&self) -> Vec<Rc<str>> {
        self.0.borrow().pieces.iter().cloned().collect()
    }

    /// Lets go of what every listener has heard, and ends when the rest is within bounds: whether anybody still listens.
    pub async fn caught_up(&self) -> bool {
        std::future::poll_fn(|cx| {
            let mut state = self.0.borrow_mut();
            state.listeners.retain(|at| at.strong_count() > 0);
            let Some(slowest) = state.listeners.iter().filter_map(|at| Some(at.upgrade()?.get())).min() else {
                return Poll::Ready(false);
            };
            while state.gone < slowest
                && let Some(piece) = state.pieces.pop_front()
            {
                state.gone += 1;
                state.bytes -= piece.len();
            }
            if state.bytes <= LONGEST { Poll::Ready(true) } else { state.wait(cx) }
        })
        .await
    }

    /// Listens from the beginning, to a recording that is not too long.
    pub fn listen(self: &Rc<Self>) -> Listener {
        let at = Rc::new(Cell::new(0));
        self.0.borrow_mut().listeners.push(Rc::downgrade(&at));
        Listener { recording: Rc::clone(self), at: Some(at) }
    }
}

/// One who listens. Dropping it leaves.
pub struct Listener {
    recording: Rc<Recording>,
    at: Option<Rc<Cell<usize>>>,
}

impl Listener {
    /// What it hears, given once the status and the headers have come.
    pub async fn playback(self) -> Playback {
        let head = std::future::poll_fn(|cx| {
            let mut state = self.recording.0.borrow_mut();
            match state.head.clone() {
                Some(head) => Poll::Ready(head),
                None => state.wait(cx),
            }
        })
        .await;
        let state = self.recording.0.borrow();
        if state.ended && state.gone == 0 {
            let whole = state.pieces.iter().map(|piece| &**piece).collect();
            return Playback { head, body: Body::Text(whole) };
        }
        drop(state);
        let body = stream::poll_fn(move |cx| self.next(cx)).boxed_local();
        Playback { head, body: Body::Stream(body) }
    }

    fn next(&self, cx: &Context<'_>) -> Poll<Option<String>> {
        let Some(at) = &self.at else { return Poll::Ready(None) };
        let mut state = self.recording.0.borrow_mut();
        match state.pieces.get(at.get().saturating_sub(state.gone)).cloned() {
            Some(piece) => {
                at.set(at.get() + 1);
                drop(state);
                // Whoever makes the reply may be waiting for this.
                if self.recording.is_too_long() {
                    self.recording.change(|_| {});
                }
                Poll::Ready(Some(piece.to_string()))
            }
            None if state.ended => Poll::Ready(None),
            None => state.wait(cx),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.at = None;
        self.recording.change(|_| {});
    }
}
