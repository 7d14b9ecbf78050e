//! The Durable Object `Lane` (binding `LANE`): six more connections for a fan-out. It keeps nothing, so there is nothing to clean up.

use futures::stream::StreamExt;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use crate::fanout::lane;
use crate::world::TransportError;

/// Makes the calls whose lines come in, and sends each outcome back as it ends.
#[durable_object(fetch)]
pub struct Lane {
    state: State,
    env: Env,
}

impl DurableObject for Lane {
    fn new(state: State, env: Env) -> Self {
        Self { state, env }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let counter = super::counter(&self.env).map_err(|e| worker::Error::RustError(e.to_string()))?;
        let jobs =
            request.stream()?.map(|chunk| chunk.map_err(|e| TransportError::Broken(e.to_string()))).boxed_local();
        let lines = lane::serve(counter, self.state.id().to_string(), jobs);
        Response::from_stream(lines.map(|line| Ok::<_, worker::Error>(line.into_bytes())))
    }
}
