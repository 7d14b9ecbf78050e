//! The edge: the Worker's fetch event, and one isolate's counter.
#![allow(unsafe_code, reason = "wasm-bindgen's macro writes it")]

mod bindings;
mod budget_object;
mod clock;
mod conversation_object;
mod fetch;
mod idempotency_object;
mod knowledge_object;
mod numbered;
mod object;
mod promise;
mod pulled;
mod request;
mod response;
mod shared_object;
mod shelf;
mod task;
mod timer;
mod world;

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

use futures::future::{Either, select};
use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::*;
use worker::{Env, js_sys, web_sys};

use crate::api::reply::{Answer, Body};
use crate::api::{self, idempotency};
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
                let config = Config::read(&|name| object::binding(env, name).and_then(|v| v.as_string()))?;
                let world = Rc::new(world::Edge::new(env.clone()));
                let learned = Rc::new(Learned::new(world.now_ms()));
                Ok(Counter { config: Rc::new(config), world, learned })
            })
            .clone()
    })
}

fn misconfigured(error: &ConfigError, env: &Env) -> Answer {
    let id = api::request_id(&world::Edge::new(env.clone()));
    let error = ApiError::new(Kind::Internal, "invalid_configuration", error.to_string());
    let mut answer = Answer::error(&error, &id);
    answer.header("x-request-id", id);
    answer
}

/// Answers a request by calling `answer` with the response.
#[wasm_bindgen]
pub fn fetch(incoming: web_sys::Request, env: Env, answer: js_sys::Function) {
    task::start_request(Box::pin(async move {
        let response = match respond(request::EdgeRequest::new(incoming), &env).await {
            Ok(response) => response,
            // Only a reply that the platform will not write ends here.
            Err(_) => match web_sys::Response::new_with_opt_str(Some("this reply could not be written")) {
                Ok(response) => response,
                Err(_) => return,
            },
        };
        let _ = answer.call1(&JsValue::UNDEFINED, &response);
    }));
}

async fn respond(request: request::EdgeRequest, env: &Env) -> Result<web_sys::Response, JsValue> {
    let counter = match counter(env) {
        Ok(counter) => counter,
        Err(error) => return response::write(misconfigured(&error, env)),
    };
    let answer = match select(pin!(api::handle(&counter, &request)), pin!(request.gone())).await {
        Either::Left((answer, _)) => answer,
        // Nobody reads this; what matters is that the work was dropped, and with it its calls.
        Either::Right(_) => Answer::text(String::new()),
    };
    let (asked, mut failed) = match &answer.body {
        Body::Visit(visit) => {
            let error = ApiError::new(
                Kind::Overloaded,
                "conversation_unreachable",
                "The conversation cannot be reached at this moment; try again in 2 s",
            );
            let failed = Answer::error(&error.retry_after(2_000), &visit.request_id);
            (conversation_object::visit(env, visit).await, failed)
        }
        Body::Keyed(keyed) => {
            let mut failed = Answer::error(&idempotency::unreachable(), &keyed.request_id);
            failed.header("x-request-id", keyed.request_id.clone());
            (idempotency_object::send(env, keyed).await, failed)
        }
        _ => return response::write(answer),
    };
    match asked {
        Ok(reply) => response::hand_on(&reply, answer.headers),
        Err(_) => {
            failed.headers.extend(answer.headers);
            response::write(failed)
        }
    }
}
