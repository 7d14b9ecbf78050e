//! The real world: the Worker's clock, timers and chance, its fetches and its Durable Objects.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::channel::mpsc;
use futures::future::LocalBoxFuture;
use futures::stream::{LocalBoxStream, StreamExt};
use worker::wasm_bindgen::JsCast;
use worker::{Delay, Env, Method, Request, RequestInit, js_sys};

use super::fetch;
use crate::admission::lease::{Leases, Next};
use crate::admission::{Budget, Refusal, Standing};
use crate::fanout::lane::Lines;
use crate::world::{LaneEnds, Outgoing, Sent, TransportError, World};

/// What the object could not be asked for this long is asked again, in milliseconds.
const UNREACHABLE_MS: u64 = 1_000;
/// Lanes kept for the next fan-out of this isolate.
const MOST_LANES: usize = 64;

/// The edge as decisions see it.
pub struct Edge {
    env: Env,
    leases: Rc<RefCell<Leases>>,
    // A lane's id is known to this isolate alone, so a free one has all its six connections free.
    lanes: Rc<RefCell<Vec<String>>>,
}

impl Edge {
    /// The world of an isolate.
    pub fn new(env: Env) -> Self {
        Self { env, leases: Rc::default(), lanes: Rc::default() }
    }
}

fn now_ms() -> u64 {
    js_sys::Date::now() as u64
}

async fn ask(env: &Env, budget: &Budget, want: u64) -> worker::Result<(u64, Standing)> {
    let stub = env.durable_object("BUDGET")?.get_by_name(&budget.name)?;
    let url = format!("https://budget/{}/{want}", budget.limit);
    let text = stub.fetch_with_str(&url).await?.text().await?;
    super::budget_object::read_grant(&text)
        .ok_or_else(|| worker::Error::RustError("a grant that cannot be read".into()))
}

impl World for Edge {
    fn now_ms(&self) -> u64 {
        now_ms()
    }

    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        Box::pin(Delay::from(Duration::from_millis(ms)))
    }

    fn random(&self) -> f64 {
        js_sys::Math::random()
    }

    fn send(&self, call: Outgoing) -> LocalBoxFuture<'static, Sent> {
        fetch::send(call)
    }

    fn permit(&self, budget: &Budget) -> LocalBoxFuture<'static, Result<Standing, Refusal>> {
        let asked_ms = now_ms();
        let want = match self.leases.borrow_mut().spend(budget, asked_ms) {
            Next::Spent(standing) => return Box::pin(std::future::ready(Ok(standing))),
            Next::Refused(refusal) => return Box::pin(std::future::ready(Err(refusal))),
            Next::Ask(want) => want,
        };
        let (env, budget, leases) = (self.env.clone(), budget.clone(), self.leases.clone());
        Box::pin(async move {
            match ask(&env, &budget, want).await {
                Ok((permits, standing)) => leases.borrow_mut().receive(&budget, asked_ms, now_ms(), permits, standing),
                Err(_) => Err(Refusal { retry_after_ms: UNREACHABLE_MS, standing: None }),
            }
        })
    }

    fn standing(&self, budget: &Budget) -> Option<Standing> {
        self.leases.borrow().standing(budget)
    }

    fn lane(&self) -> Result<LaneEnds, TransportError> {
        let broken = |e: worker::Error| TransportError::Broken(e.to_string());
        let namespace = self.env.durable_object("LANE").map_err(broken)?;
        let kept = self.lanes.borrow_mut().pop();
        let id = match kept {
            Some(id) => id,
            None => namespace.unique_id().map_err(broken)?.to_string(),
        };
        let stub = namespace.id_from_string(&id).and_then(|i| i.get_stub()).map_err(broken)?;

        let (sender, jobs) = mpsc::unbounded::<String>();
        let chunks = jobs.map(|line| Ok(js_sys::Uint8Array::from(line.as_bytes()).into()));
        let mut init = RequestInit::new();
        init.with_method(Method::Post);
        init.with_body(Some(wasm_streams::ReadableStream::from_stream(chunks).into_raw().unchecked_into()));
        let request = Request::new_with_init("https://lane/", &init).map_err(broken)?;

        let running = Rc::new(Cell::new(0usize));
        let started = running.clone();
        let free = FreeLane { id, running: running.clone(), lanes: self.lanes.clone() };
        let reply = async move {
            let mut response = stub.fetch_with_request(request).await.map_err(broken)?;
            response.stream().map_err(broken)
        };
        let lines = futures::stream::once(reply).flat_map(lines_of).map(move |line| {
            let _ = &free;
            running.set(running.get().saturating_sub(1));
            line
        });
        let jobs = move |line: String| {
            started.set(started.get() + 1);
            sender.unbounded_send(line).map_err(|_| TransportError::Broken("the lane is gone".into()))
        };
        Ok(LaneEnds { jobs: Box::new(jobs), outcomes: lines.boxed_local() })
    }
}

/// Gives a lane back when its fan-out has ended with nothing of it still running.
struct FreeLane {
    id: String,
    running: Rc<Cell<usize>>,
    lanes: Rc<RefCell<Vec<String>>>,
}

impl Drop for FreeLane {
    fn drop(&mut self) {
        let mut lanes = self.lanes.borrow_mut();
        if self.running.get() == 0 && lanes.len() < MOST_LANES {
            lanes.push(std::mem::take(&mut self.id));
        }
    }
}

fn lines_of(
    bytes: Result<worker::ByteStream, TransportError>,
) -> LocalBoxStream<'static, Result<String, TransportError>> {
    match bytes {
        Err(error) => futures::stream::iter([Err(error)]).boxed_local(),
        Ok(bytes) => {
            let mut lines = Lines::default();
            bytes
                .flat_map(move |chunk| {
                    let cut = match chunk {
                        Ok(chunk) => lines.push(&chunk).into_iter().map(Ok).collect(),
                        Err(error) => vec![Err(TransportError::Broken(error.to_string()))],
                    };
                    futures::stream::iter(cut)
                })
                .boxed_local()
        }
    }
}
