//! Timers: however many sleep in one task, JavaScript keeps one timer for them.
//!
//! To set a timer and to forget it are crossings that cost as much as ten headers, and a task's later deadlines mostly lie
//! after its first. So a timer is set only where none ends soon enough, and one that ends looks who is due.
#![allow(unsafe_code, reason = "wasm-bindgen's macro writes it")]

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::*;

use super::bindings;
use super::clock::now_ms;
use super::numbered::Numbered;
use super::task;

#[derive(Default)]
struct Timers {
    /// When the timer that JavaScript keeps ends, and what forgets it.
    set: Option<(u64, JsValue)>,
    /// Who sleeps: until when, its number, its waker. They are as few as the calls of a request.
    sleeping: Vec<(u64, u32, Option<Waker>)>,
    /// The task has ended; what it left, such as the stream of its answer, may sleep on.
    ended: bool,
}

#[derive(Default)]
struct All {
    of: Numbered<Timers>,
    next: u32,
}

thread_local! {
    static ALL: RefCell<All> = RefCell::default();
}

/// Sets the timer of those who sleep in a task; a timer that JavaScript refuses leaves them to the platform's own limits.
fn set(task: u32, timers: &mut Timers, now: u64) {
    let Some(first) = timers.sleeping.iter().map(|(at, ..)| *at).filter(|at| *at > now).min() else { return };
    if timers.set.as_ref().is_some_and(|(at, _)| *at <= first) {
        return;
    }
    // JavaScript holds the time as a signed number of 32 bits; past it a timer would end at once.
    let ms = first.saturating_sub(now).min(i32::MAX as u64);
    let replaced = bindings::tick(task, ms as f64).ok().and_then(|timer| timers.set.replace((now + ms, timer)));
    if let Some((_, timer)) = replaced {
        let _ = bindings::clear_timeout(&timer);
    }
}

/// JavaScript tells that a task's timer has ended.
#[wasm_bindgen]
pub fn ticked(task: u32) {
    let now = now_ms();
    let due: Vec<Waker> = ALL.with(|all| {
        let mut all = all.borrow_mut();
        let Some(timers) = all.of.get_mut(&task) else { return Vec::new() };
        timers.set = None;
        set(task, timers, now);
        let due = timers.sleeping.iter_mut().filter(|(at, ..)| *at <= now);
        due.filter_map(|(.., waker)| waker.take()).collect()
    });
    task::outermost(|| due.into_iter().for_each(Waker::wake));
}

/// A task has ended. Its timer is forgotten, unless the platform ends what the task's request leaves behind.
pub fn ended(task: u32, with_its_request: bool) {
    ALL.with(|all| {
        let mut all = all.borrow_mut();
        let Some(timers) = all.of.get_mut(&task) else { return };
        timers.ended = true;
        if timers.sleeping.is_empty() {
            let gone = all.of.remove(&task);
            if let Some((_, timer)) = gone.and_then(|t| t.set).filter(|_| !with_its_request) {
                let _ = bindings::clear_timeout(&timer);
            }
        }
    });
}

struct Sleep {
    task: u32,
    until_ms: u64,
    number: u32,
}

impl Sleep {
    fn new(ms: u64) -> Self {
        let now = now_ms();
        let current = task::current();
        // What another executor polls, such as a stream, has a timer for each sleep.
        let task = current.unwrap_or_else(task::number);
        ALL.with(|all| {
            let all = &mut *all.borrow_mut();
            all.next = all.next.wrapping_add(1);
            let (until_ms, number) = (now.saturating_add(ms), all.next);
            let timers = all.of.entry(task).or_insert_with(|| Timers { ended: current.is_none(), ..Timers::default() });
            timers.sleeping.push((until_ms, number, None));
            set(task, timers, now);
            Self { task, until_ms, number }
        })
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if now_ms() >= self.until_ms {
            return Poll::Ready(());
        }
        ALL.with(|all| {
            let mut all = all.borrow_mut();
            let Some(timers) = all.of.get_mut(&self.task) else { return };
            if let Some((.., waker)) = timers.sleeping.iter_mut().find(|(_, number, _)| *number == self.number) {
                *waker = Some(cx.waker().clone());
            }
        });
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        ALL.with(|all| {
            let mut all = all.borrow_mut();
            let Some(timers) = all.of.get_mut(&self.task) else { return };
            timers.sleeping.retain(|(_, number, _)| *number != self.number);
            if timers.ended && timers.sleeping.is_empty() {
                all.of.remove(&self.task);
            }
        });
    }
}

/// Ends after so many milliseconds.
pub async fn sleep(ms: u64) {
    Sleep::new(ms).await;
}
