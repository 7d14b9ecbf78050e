//! Runs futures: a task is polled in the very call with which JavaScript tells what it waited for.
//!
//! wasm-bindgen's own executor asks for a microtask at each wake, which on the platform costs as much as a header.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use futures::future::LocalBoxFuture;

struct Task {
    // Away while it is polled.
    future: Option<LocalBoxFuture<'static, ()>>,
    waker: Waker,
    queued: bool,
}

#[derive(Default)]
struct Tasks {
    all: HashMap<u64, Task>,
    ready: VecDeque<u64>,
    next: u64,
}

thread_local! {
    static TASKS: RefCell<Tasks> = RefCell::default();
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

struct Woken(u64);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        queue(self.0);
        if !RUNNING.with(Cell::get) {
            outermost(|| {});
        }
    }
}

fn queue(id: u64) {
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
    let id = TASKS.with(|tasks| {
        let tasks = &mut *tasks.borrow_mut();
        let id = tasks.next;
        tasks.next += 1;
        let waker = Waker::from(Arc::new(Woken(id)));
        tasks.all.insert(id, Task { future: Some(future), waker, queued: false });
        id
    });
    outermost(|| queue(id));
}

/// Does what an event of JavaScript brings, then runs whatever that woke.
///
/// An error thrown through a poll leaves `RUNNING` set; events therefore run what is ready whatever it says.
pub fn outermost(event: impl FnOnce()) {
    RUNNING.with(|r| r.set(true));
    event();
    while let Some((id, mut future, waker)) = next() {
        let ended = future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        // An ended future is dropped outside, since what it drops may wake others.
        let _ended = TASKS.with(|tasks| {
            let tasks = &mut *tasks.borrow_mut();
            if ended {
                tasks.all.remove(&id);
                return Some(future);
            }
            match tasks.all.get_mut(&id) {
                Some(task) => task.future.replace(future),
                None => Some(future),
            }
        });
    }
    RUNNING.with(|r| r.set(false));
}

fn next() -> Option<(u64, LocalBoxFuture<'static, ()>, Waker)> {
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
