//! How the requests of an isolate share the loading of something: one of them loads, and after a failure none does for a while.
//!
//! A request must not wait for what another one started, and one that loads may be given up at any moment; what is here is known to
//! all of them and waits for nothing.

use std::cell::Cell;

use futures::future::LocalBoxFuture;

/// What loading asks of the world.
pub trait Loader {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;
    /// Ends after `ms` milliseconds.
    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()>;
    /// Writes a line into the log.
    fn warn(&self, line: &str);
}

/// Whether a request loads, and when one last failed.
#[derive(Default)]
pub struct Loading {
    runs: Cell<bool>,
    failed_ms: Cell<Option<u64>>,
}

/// A request that loads; one that is given up loads no longer.
pub struct Turn<'a>(&'a Cell<bool>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl Loading {
    /// The caller loads from now on, until it drops what it is given.
    pub fn begin(&self) -> Turn<'_> {
        self.runs.set(true);
        Turn(&self.runs)
    }

    /// Whether a request loads.
    pub fn runs(&self) -> bool {
        self.runs.get()
    }

    /// It failed, and is left alone for a while.
    pub fn failed(&self, now_ms: u64) {
        self.failed_ms.set(Some(now_ms));
    }

    /// It went well.
    pub fn succeeded(&self) {
        self.failed_ms.set(None);
    }

    /// Whether it failed less than `rest_ms` milliseconds ago.
    pub fn rests(&self, now_ms: u64, rest_ms: u64) -> bool {
        self.failed_ms.get().is_some_and(|at| now_ms < at + rest_ms)
    }
}
