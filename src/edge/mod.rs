//! The edge: the Worker's fetch event, and one isolate's counter.

mod bindings;
mod budget_object;
mod fetch;
mod gone;
mod lane_object;
mod request;
mod response;
mod world;

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

use futures::future::{Either, select};
use worker::{Context, Env, event, web_sys};

use crate::api;
use crate::api::reply::Answer;
use crate::config::{Config, ConfigError};
use crate::counter::{Counter, Learned};
use crate::error::{ApiError, Kind};
use crate::world::World;

thread_local! {
    static COUNTER: RefCell<Option<Result<Counter, ConfigError>>> = const { RefCell::new(None) };
}

/// This isolate's counter, made at its first request.
fn counter(env: &Env) -> Result<Counter, ConfigError> {
    COUNTER.with(|slot| {
        slot.borrow_mut()
            .get_or_insert_with(|| {
                let config = Config::read(&|name| env.var(name).ok().map(|v| v.to_string()))?;
                let world = Rc::new(world::Edge::new(env.clone()));
                let learned = Rc::new(Learned::new(world.now_ms()));
                Ok(Counter { config: Rc::new(config), world, learned })
            })
            .clone()
    })
}

fn misconfigured(error: &ConfigError) -> Answer {
    let error = ApiError::new(Kind::Internal, "invalid_configuration", error.to_string());
    Answer::error(&error, "none")
}

#[event(fetch)]
async fn fetch(incoming: web_sys::Request, env: Env, _context: Context) -> worker::Result<web_sys::Response> {
    let counter = match counter(&env) {
        Ok(counter) => counter,
        Err(error) => return response::write(misconfigured(&error)),
    };
    let mut gone = gone::Gone::of(&incoming);
    let request = request::EdgeRequest::new(incoming);
    let answer = {
        let handled = pin!(api::handle(&counter, &request));
        match select(handled, pin!(gone.wait())).await {
            Either::Left((answer, _)) => answer,
            // Nobody reads this; what matters is that the work was dropped, and with it its calls.
            Either::Right(_) => Answer::text(String::new()),
        }
    };
    response::write(answer)
}
