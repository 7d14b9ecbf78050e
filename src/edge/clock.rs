//! The time, asked of JavaScript once for each event: on the platform it stands still while an event is handled.

use std::cell::Cell;

use worker::js_sys;

use super::task;

thread_local! {
    static NOW: Cell<Option<u64>> = const { Cell::new(None) };
}

/// An event has begun.
pub fn event() {
    NOW.with(|now| now.set(None));
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    let asked = || js_sys::Date::now() as u64;
    // What runs outside the tasks, such as a stream, has no event to tell that the time has moved.
    if !task::running() {
        return asked();
    }
    NOW.with(|now| {
        let at = now.get().unwrap_or_else(asked);
        now.set(Some(at));
        at
    })
}
