//! Runs futures: a task is polled in the very call with which JavaScript tells what it waited for.
//!
//! wasm-bindgen's own executor asks for a microtask at each wake, which on the platform costs as much as a header.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use futures::future::LocalBoxFuture;

use super::numbered::Numbered;
use super::{clock, timer};

struct Task {
    // Away while it is polled.
    future: Option<LocalBoxFuture<'static, ()>>,
    waker: Waker,
    queued: bool,
    of_request: bool,
}

#[derive(Default)]
struct Tasks {
    all: Numbered<Task>,
    ready: VecDeque<u32>,
    next: u32,
}

thread_local! {
    static TASKS: RefCell<Tasks> = RefCell::default();
    static RUNNING: Cell<bool> = const { Cell::new(false) };
    static CURRENT: Cell<Option<u32>> = const { Cell::new(None) };
}

struct Woken(u32);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        queue(self.0);
        if !RUNNING.with(Cell::get) {
            outermost(|| {});
        }
    }
}

fn queue(id: u32) {
    TASKS.with(|tasks| {
        let tasks = &mut *tasks.borrow_mut();
        if let Some(task) = tasks.all.get_mut(&id)
            && !std::mem::replace(&mut task.queued, true)
        {
            tasks.ready.push_back(id);
        }
    });
}

/// Starts a future, and polls it before this returns.
pub fn start(future: LocalBoxFuture<'static, ()>) {
    begin(future, false);
}

/// Starts the future that answers a request of the fetch event; the platform ends with it what it leaves behind.
pub fn start_request(future: LocalBoxFuture<'static, ()>) {
    begin(future, true);
}

fn begin(future: LocalBoxFuture<'static, ()>, of_request: bool) {
    let id = number();
    TASKS.with(|tasks| {
        let waker = Waker::from(Arc::new(Woken(id)));
        tasks.borrow_mut().all.insert(id, Task { future: Some(future), waker, queued: false, of_request });
    });
    outermost(|| queue(id));
}

/// A number that no task has.
pub fn number() -> u32 {
    TASKS.with(|tasks| {
        let tasks = &mut *tasks.borrow_mut();
        tasks.next = tasks.next.wrapping_add(1);
        tasks.next
    })
}

/// Whether an event is being handled.
pub fn running() -> bool {
    RUNNING.with(Cell::get)
}

/// The task that is polled at this moment; none where another executor polls.
pub fn current() -> Option<u32> {
    CURRENT.with(Cell::get)
}

/// Does what an event of JavaScript brings, then runs whatever that woke.
///
/// An error thrown through a poll leaves `RUNNING` set; events therefore run what is ready whatever it says.
pub fn outermost(event: impl FnOnce()) {
    RUNNING.with(|r| r.set(true));
    clock::event();
    event();
    while let Some((id, mut future, waker)) = next() {
        CURRENT.with(|c| c.set(Some(id)));
        let ended = future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        CURRENT.with(|c| c.set(None));
        if ended {
            let task = TASKS.with(|tasks| tasks.borrow_mut().all.remove(&id));
            // It is dropped outside, since what it drops may wake others.
            drop(future);
            timer::ended(id, task.is_some_and(|t| t.of_request));
        } else {
            TASKS.with(|tasks| {
                if let Some(task) = tasks.borrow_mut().all.get_mut(&id) {
                    task.future = Some(future);
                }
            });
        }
    }
    RUNNING.with(|r| r.set(false));
}

fn next() -> Option<(u32, LocalBoxFuture<'static, ()>, Waker)> {
    TASKS.with(|tasks| {
        let tasks = &mut *tasks.borrow_mut();
        // A task woken while it is polled further up the stack waits for its turn after that.
        for _ in 0..tasks.ready.len() {
            let id = tasks.ready.pop_front()?;
            let Some(task) = tasks.all.get_mut(&id) else { continue };
            match task.future.take() {
                Some(future) => {
                    task.queued = false;
                    return Some((id, future, task.waker.clone()));
                }
                None => tasks.ready.push_back(id),
            }
        }
        None
    })
}
