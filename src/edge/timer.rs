//! Timers: however many sleep in one task, JavaScript keeps one timer for them.
//!
//! A task's later deadlines mostly lie after its first. So a timer is set only where none ends soon enough, and one that ends
//! looks who is due.
#![allow(unsafe_code, reason = "wasm-bindgen's macro writes it")]

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::*;

use super::clock::now_ms;
use super::numbered::Numbered;
use super::{bindings, task};

/// Those who sleep in one task.
#[derive(Default)]
struct Timers {
    /// When the timer that JavaScript keeps ends, and what forgets it.
    set: Option<(u64, JsValue)>,
    /// Until when each sleeps, its number, its waker. They are as few as the calls of a request.
    sleeping: Vec<(u64, u32, Option<Waker>)>,
    /// The task has ended; what it left may sleep on.
    ended: bool,
}

impl Timers {
    /// Sees to it that a timer ends when the first must wake. One that JavaScript refuses leaves them to the platform's own limits.
    fn set(&mut self, task: u32, now: u64) {
        let Some(first) = self.sleeping.iter().map(|(at, ..)| *at).filter(|at| *at > now).min() else { return };
        if self.set.as_ref().is_some_and(|(at, _)| *at <= first) {
            return;
        }
        self.forget();
        // JavaScript holds the time as a signed number of 32 bits; past it a timer would end at once.
        let ms = first.saturating_sub(now).min(i32::MAX as u64);
        self.set = bindings::tick(task, ms as f64).ok().map(|timer| (now + ms, timer));
    }

    fn forget(&mut self) {
        if let Some((_, timer)) = self.set.take() {
            let _ = bindings::clear_timeout(&timer);
        }
    }
}

#[derive(Default)]
struct All {
    of_task: Numbered<Timers>,
    next: u32,
}

impl All {
    /// Forgets a task that has ended and in which nobody sleeps.
    fn forget(&mut self, task: u32) {
        if self.of_task.get(&task).is_some_and(|t| t.ended && t.sleeping.is_empty())
            && let Some(mut timers) = self.of_task.remove(&task)
        {
            timers.forget();
        }
    }
}

thread_local! {
    static ALL: RefCell<All> = RefCell::default();
}

/// JavaScript tells that a task's timer has ended.
#[wasm_bindgen]
pub fn ticked(task: u32) {
    let now = now_ms();
    let due: Vec<Waker> = ALL.with(|all| {
        let mut all = all.borrow_mut();
        let Some(timers) = all.of_task.get_mut(&task) else { return Vec::new() };
        timers.set = None;
        timers.set(task, now);
        let due = timers.sleeping.iter_mut().filter(|(at, ..)| *at <= now);
        due.filter_map(|(.., waker)| waker.take()).collect()
    });
    task::outermost(|| due.into_iter().for_each(Waker::wake));
}

/// A task has ended. Its timer is forgotten, unless the platform ends what the task's request leaves behind.
pub fn ended(task: u32, with_its_request: bool) {
    ALL.with(|all| {
        let mut all = all.borrow_mut();
        let Some(timers) = all.of_task.get_mut(&task) else { return };
        timers.ended = true;
        if with_its_request && timers.sleeping.is_empty() {
            all.of_task.remove(&task);
        } else {
            all.forget(task);
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
        let until_ms = now.saturating_add(ms);
        let current = task::current();
        // What another executor polls, such as a stream, has a timer for each sleep.
        let task = current.unwrap_or_else(task::number);
        ALL.with(|all| {
            let all = &mut *all.borrow_mut();
            all.next = all.next.wrapping_add(1);
            let number = all.next;
            let alone = || Timers { ended: current.is_none(), ..Timers::default() };
            let timers = all.of_task.entry(task).or_insert_with(alone);
            timers.sleeping.push((until_ms, number, None));
            timers.set(task, now);
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
            let Some(timers) = all.of_task.get_mut(&self.task) else { return };
            if let Some((.., waker)) = timers.sleeping.iter_mut().find(|(_, number, _)| *number == self.number) {
                *waker = Some(cx.waker().clone());
            }
        });
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        // The waker is dropped outside, since it may hold what sleeps too.
        let _waker = ALL.with(|all| {
            let mut all = all.borrow_mut();
            let sleeping = &mut all.of_task.get_mut(&self.task)?.sleeping;
            let at = sleeping.iter().position(|(_, number, _)| *number == self.number)?;
            let (.., waker) = sleeping.swap_remove(at);
            all.forget(self.task);
            waker
        });
    }
}

/// Ends after so many milliseconds.
pub async fn sleep(ms: u64) {
    Sleep::new(ms).await;
}
