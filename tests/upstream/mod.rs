//! An OpenAI-compatible upstream that misbehaves on demand, and records what it saw.
//!
//! A behaviour is words such as `latency=80 status=503 times=2`, apart by spaces or commas, given as the process's default
//! (command line, [`Upstream::set`] or `PUT /_/behaviour`), in the base path (`/_/status=503/v1`), in the model's name with `+`
//! between them (`status=503+times=2`), or within the last user message between `[[` and `]]`, so that each prompt of a batch can
//! have its own. Later words win. The words are [`behaviour::WORDS`]; `npm run upstream -- --help` prints them, and
//! `GET /v1/models` has a model for each.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a tool of the tests, of which each test uses a part; what goes wrong in it must stop them"
)]

pub mod behaviour;
pub mod reply;
pub mod seen;
mod server;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use behaviour::Behaviour;
use seen::Seen;

pub struct State {
    pub default: Mutex<Behaviour>,
    pub seen: Mutex<Seen>,
    pub changed: std::sync::Condvar,
    pub record: bool,
}

/// A running upstream; it ends when dropped.
pub struct Upstream {
    pub port: u16,
    pub state: Arc<State>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Upstream {
    /// Starts on a port of its own.
    pub fn start(words: &str) -> Self {
        Self::start_on(0, words, true)
    }

    pub fn start_on(port: u16, words: &str, record: bool) -> Self {
        let state = Arc::new(State {
            default: Mutex::new(Behaviour::default().with(words).expect("behaviour")),
            seen: Mutex::default(),
            changed: std::sync::Condvar::new(),
            record,
        });
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let shared = state.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("port");
                tell.send(listener.local_addr().expect("address").port()).expect("told");
                tokio::select! { () = server::accept(listener, shared) => {}, _ = stopped => {} }
            });
        });
        let port = told.recv().expect("started");
        Self { port, state, stop: Some(stop), thread: Some(thread) }
    }

    /// The base address, as a configuration wants it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// A base address whose calls behave so.
    pub fn url_with(&self, words: &str) -> String {
        format!("http://127.0.0.1:{}/_/{}/v1", self.port, words.replace(' ', ","))
    }

    /// Sets the default behaviour and forgets what was seen.
    pub fn set(&self, words: &str) {
        *self.state.default.lock().unwrap() = Behaviour::default().with(words).expect("behaviour");
        *self.state.seen.lock().unwrap() = Seen::default();
    }

    pub fn seen<T>(&self, read: impl FnOnce(&Seen) -> T) -> T {
        read(&self.state.seen.lock().unwrap())
    }

    /// Waits until what was seen fulfils a condition; false after `limit`.
    pub fn wait_until(&self, limit: Duration, condition: impl Fn(&Seen) -> bool) -> bool {
        let seen = self.state.seen.lock().unwrap();
        let (_seen, late) = self.state.changed.wait_timeout_while(seen, limit, |s| !condition(s)).unwrap();
        !late.timed_out()
    }

    /// The base address of a port where nothing listens.
    pub fn nowhere() -> String {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
        format!("http://127.0.0.1:{}/v1", socket.local_addr().expect("address").port())
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
