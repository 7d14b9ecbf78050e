//! The real world: the Worker's clock, timers and chance, its fetches and its Durable Objects.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use futures::future::LocalBoxFuture;
use worker::Env;
use worker::wasm_bindgen::{JsCast, JsValue};

use super::bindings::{self, Namespace, Stub};
use super::object;
use super::shelf::{self, Kept};
use super::{clock, fetch, promise, task, timer};
use crate::admission::message::{Ask, Lease};
use crate::error::ApiError;
use crate::knowledge::shelf::{Shelf, Store};
use crate::knowledge::vocabulary::Vocabulary;
use crate::knowledge::{Document, Index, Lexicon};
use crate::pool::{self, Pool};
use crate::typed;
use crate::world::{Invocation, Outgoing, Sent, TransportError, World};

/// Lanes kept for the next fan-out of this isolate.
const MOST_LANES: usize = 64;

/// The edge as decisions see it.
pub struct Edge {
    env: Env,
    // Tests count the calls of an invocation at the host; no other host is told.
    tells_invocation: bool,
    lanes: RefCell<Lanes>,
    pool: RefCell<Pool>,
    shelf: Rc<Shelf>,
    vocabulary: Rc<Vocabulary>,
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
        let tells_invocation = object::binding(&env, "TELL_INVOCATION").is_some_and(|told| told.is_truthy());
        Self {
            env,
            tells_invocation,
            lanes: RefCell::default(),
            pool: RefCell::default(),
            shelf: Rc::default(),
            vocabulary: Rc::default(),
        }
    }

    fn kept(&self) -> Kept {
        Kept::new(self.env.clone(), Rc::clone(&self.vocabulary))
    }
}

fn namespace(env: &Env, binding: &str) -> Option<Namespace> {
    object::binding(env, binding).map(JsCast::unchecked_into)
}

async fn ask(env: &Env, budget: &str, ask: &str) -> Result<String, JsValue> {
    let reply = object::send(&object::named(env, "BUDGET", budget)?, "https://budget/", Some(ask)).await?;
    object::text(&reply).await
}

impl World for Edge {
    fn now_ms(&self) -> u64 {
        clock::now_ms()
    }

    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        Box::pin(timer::sleep(ms))
    }

    fn bits(&self) -> u64 {
        let drawn = self.pool.borrow_mut().take();
        drawn.unwrap_or_else(|| {
            let mut bytes = [0; pool::BYTES];
            // What the platform throws here ends the request: an id that could be guessed would be worse. Nothing is borrowed then.
            bindings::get_random_values(&mut bytes);
            self.pool.borrow_mut().fill(&bytes)
        })
    }

    fn runs_on(&self) -> bool {
        true
    }

    fn later(&self, work: LocalBoxFuture<'static, ()>) {
        // Where the platform will not let it end after the reply, it runs as long as it may.
        task::start(promise::held_open(work));
    }

    fn send(&self, call: Outgoing) -> LocalBoxFuture<'static, Sent> {
        let lane = match &call.invocation {
            Invocation::Here(_) => None,
            Invocation::Lane(name) => self.lanes.borrow().taken.get(name).map(|(_, stub)| stub.clone()),
        };
        fetch::send(call, lane, self.tells_invocation)
    }

    fn ask(&self, budget: &str, wish: &Ask) -> LocalBoxFuture<'static, Option<Lease>> {
        let (env, budget, wish) = (self.env.clone(), budget.to_owned(), serde_json::to_string(wish));
        Box::pin(async move {
            let text = ask(&env, &budget, &wish.ok()?).await.ok()?;
            typed::read(&text).ok()
        })
    }

    fn share(&self, name: &str, question: String) -> LocalBoxFuture<'static, Sent> {
        let stub = namespace(&self.env, "SHARED").and_then(|n| n.get_by_name(name).ok());
        let Some(stub) = stub else {
            return Box::pin(std::future::ready(Err(TransportError::Broken("the binding SHARED is missing".into()))));
        };
        let here = Invocation::Here(name.into());
        let call = Outgoing {
            url: "https://shared/".into(),
            key: None,
            body: question,
            request_id: String::new(),
            invocation: here,
        };
        fetch::send(call, Some(stub), false)
    }

    fn take_lane(&self) -> Option<Rc<str>> {
        let namespace = namespace(&self.env, "LANE")?;
        let mut lanes = self.lanes.borrow_mut();
        let (name, id) = match lanes.free.pop() {
            Some(kept) => kept,
            None => {
                lanes.made += 1;
                // Unlike the id, which tells nothing, the number tells lanes of one isolate apart in a host's log.
                let id = namespace.new_unique_id().ok()?;
                (format!("lane-{}-{:08x}", lanes.made, self.bits() >> 32).into(), id)
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

    fn drop_lane(&self, lane: &str) {
        self.lanes.borrow_mut().taken.remove(lane);
    }

    fn knowledge(&self, fresh: bool) -> LocalBoxFuture<'static, Result<Rc<RefCell<Index>>, ApiError>> {
        let (shelf, kept) = (Rc::clone(&self.shelf), self.kept());
        Box::pin(async move { shelf.index(&kept, fresh).await })
    }

    fn put_documents(&self, documents: Vec<Document>) -> LocalBoxFuture<'static, Result<(), ApiError>> {
        Box::pin(self.kept().put(Rc::clone(&self.shelf), documents))
    }

    fn remove_document(&self, id: String) -> LocalBoxFuture<'static, Result<bool, ApiError>> {
        Box::pin(self.kept().remove(Rc::clone(&self.shelf), id))
    }

    fn vocabulary(&self) -> LocalBoxFuture<'static, Arc<Lexicon>> {
        self.kept().vocabulary()
    }

    fn asset(&self, path: String) -> LocalBoxFuture<'static, Option<String>> {
        let env = self.env.clone();
        Box::pin(async move {
            let response = shelf::file(&env, &path).await.ok()?;
            object::text(&response).await.ok()
        })
    }
}
