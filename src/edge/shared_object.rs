//! The Durable Object `Shared` (binding `SHARED`): one first question that many ask, named by its words. It keeps nothing past its life in
//! memory, so there is nothing to clean up.

use futures::stream::StreamExt;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::{promise, response, task};
use crate::api::reply::Answer;
use crate::conversation::answering::{self, Asked};
use crate::conversation::shared;

/// One question's answer.
#[durable_object(fetch)]
pub struct Shared {
    env: Env,
    shared: shared::Shared,
}

impl DurableObject for Shared {
    fn new(_state: State, env: Env) -> Self {
        Self { env, shared: shared::Shared::default() }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let told = |error: String| worker::Error::RustError(error);
        let counter = super::counter(&self.env).map_err(|e| told(e.to_string()))?;
        let body = promise::body(request.inner()).await?;
        let question: shared::Question = serde_json::from_slice(&body).map_err(|e| told(e.to_string()))?;
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
        Ok(response::write(answer)?.into())
    }
}
