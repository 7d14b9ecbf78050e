//! The real world: the Worker's clock, timers and chance, its fetches and its Durable Objects.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use futures::future::LocalBoxFuture;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Env, js_sys};

use super::bindings::{Namespace, Stub};
use super::shelf::Shelf;
use super::{fetch, promise};
use crate::admission::lease::{Leases, Next};
use crate::admission::{Budget, Refusal, Standing};
use crate::error::ApiError;
use crate::knowledge::{Document, Index};
use crate::world::{Invocation, Outgoing, Sent, World};

/// What the object could not be asked for this long is asked again, in milliseconds.
const UNREACHABLE_MS: u64 = 1_000;
/// Lanes kept for the next fan-out of this isolate.
const MOST_LANES: usize = 64;

/// The edge as decisions see it.
pub struct Edge {
    env: Env,
    leases: Rc<RefCell<Leases>>,
    lanes: RefCell<Lanes>,
    shelf: Rc<Shelf>,
}

/// Lanes by their names. A lane's id is known to this isolate alone, so a free one has all its six connections free.
#[derive(Default)]
struct Lanes {
    made: u64,
    free: Vec<(Rc<str>, JsValue)>,
    // A stub serves the request that asked for it and no other.
    taken: HashMap<Rc<str>, (JsValue, Stub)>,
}

impl Edge {
    /// The world of an isolate.
    pub fn new(env: Env) -> Self {
        Self { env, leases: Rc::default(), lanes: RefCell::default(), shelf: Rc::default() }
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
        Box::pin(promise::sleep(ms))
    }

    fn random(&self) -> f64 {
        js_sys::Math::random()
    }

    fn send(&self, call: Outgoing) -> LocalBoxFuture<'static, Sent> {
        let lane = match &call.invocation {
            Invocation::Here(_) => None,
            Invocation::Lane(name) => self.lanes.borrow().taken.get(name).map(|(_, stub)| stub.clone()),
        };
        fetch::send(call, lane)
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

    fn take_lane(&self) -> Option<Rc<str>> {
        let namespace: Namespace = js_sys::Reflect::get(&self.env, &"LANE".into()).ok()?.unchecked_into();
        let mut lanes = self.lanes.borrow_mut();
        let (name, id) = match lanes.free.pop() {
            Some(kept) => kept,
            None => {
                lanes.made += 1;
                // Unlike the id, which tells nothing, the number tells lanes of one isolate apart in a host's log.
                let id = namespace.new_unique_id().ok()?;
                (format!("lane-{}-{:08x}", lanes.made, (self.random() * f64::from(u32::MAX)) as u32).into(), id)
            }
        };
        let stub = namespace.get(&id).ok()?;
        lanes.taken.insert(Rc::clone(&name), (id, stub));
        Some(name)
    }

    fn free_lane(&self, lane: Rc<str>) {
        let mut lanes = self.lanes.borrow_mut();
        if let Some((id, _)) = lanes.taken.remove(&lane)
            && lanes.free.len() < MOST_LANES
        {
            lanes.free.push((lane, id));
        }
    }

    fn knowledge(&self, fresh: bool) -> LocalBoxFuture<'static, Result<Rc<RefCell<Index>>, ApiError>> {
        Box::pin(Rc::clone(&self.shelf).index(self.env.clone(), fresh))
    }

    fn put_documents(&self, documents: Vec<Document>) -> LocalBoxFuture<'static, Result<(), ApiError>> {
        Box::pin(Rc::clone(&self.shelf).put(self.env.clone(), documents))
    }

    fn remove_document(&self, id: String) -> LocalBoxFuture<'static, Result<bool, ApiError>> {
        Box::pin(Rc::clone(&self.shelf).remove(self.env.clone(), id))
    }

    fn asset(&self, path: String) -> LocalBoxFuture<'static, Option<String>> {
        let env = self.env.clone();
        Box::pin(async move {
            let files: worker::Fetcher = env.service("ASSETS").ok()?;
            let mut response = files.fetch(format!("https://storefront{path}"), None).await.ok()?;
            if response.status_code() == 200 { response.text().await.ok() } else { None }
        })
    }
}
