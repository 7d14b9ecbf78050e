//! The Durable Object `Shared` (binding `SHARED`): one first question that many ask, named by its words. It keeps nothing past its life in
//! memory, so there is nothing to clean up.
#![allow(unsafe_code, reason = "wasm-bindgen's macro writes it")]

use std::rc::Rc;

use futures::stream::StreamExt;
use worker::js_sys::Promise;
use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::*;
use worker::{Env, web_sys};

use super::{object, response, task};
use crate::api::reply::Answer;
use crate::conversation::answering::{self, Asked};
use crate::conversation::shared;
use crate::typed;

/// One question's answer.
#[wasm_bindgen]
pub struct Shared(Rc<Question>);

struct Question {
    env: Env,
    shared: shared::Shared,
}

impl Question {
    async fn answer(&self, request: web_sys::Request) -> Result<web_sys::Response, JsValue> {
        let counter = super::counter(&self.env).map_err(object::thrown)?;
        let question: shared::Question = typed::read(&object::text(&request).await?).map_err(object::thrown)?;
        let world = counter.world.clone();
        let life_ms = counter.config.share_ms;
        let asked = Asked {
            question: question.question,
            earlier: Vec::new(),
            request_id: question.request_id,
            with_model: true,
            late: false,
        };
        let joined =
            self.shared.join(life_ms, move || world.now_ms(), || answering::alone(counter, asked, question.party));
        let lines =
            joined.said.filter_map(|said| async move { serde_json::to_string(&said).ok().map(|line| line + "\n") });
        let mut answer = Answer::lines(lines.boxed_local());
        answer.header("x-age-ms", joined.age_ms.to_string());
        joined.work.into_iter().for_each(task::start);
        response::write(answer)
    }
}

#[wasm_bindgen]
impl Shared {
    /// An object of the platform; it has no use for its storage.
    #[wasm_bindgen(constructor)]
    pub fn new(_state: JsValue, env: Env) -> Self {
        Self(Rc::new(Question { env, shared: shared::Shared::default() }))
    }

    /// Tells the answer as it comes.
    pub fn fetch(&self, request: web_sys::Request) -> Promise {
        let question = Rc::clone(&self.0);
        object::answering(async move { question.answer(request).await })
    }
}
