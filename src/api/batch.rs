//! `POST /v1/batch`: many prompts at once, each with its own result, in order or as they end.

use std::cell::Cell;
use std::rc::Rc;

use futures::stream::{LocalBoxStream, StreamExt};
use serde_json::{Value, json};

use super::chat_completions::no_upstream;
use super::reply::Answer;
use super::request::Request;
use crate::config::DEFAULT_ROUTE;
use crate::counter::Counter;
use crate::error::ApiError;
use crate::fanout::bounded::{self, Job, Outcome};
use crate::order::Sorted;
use crate::upstream::call::Wait;
use crate::upstream::room::Held;
use crate::upstream::wire::quoted;
use crate::world::World;

/// The most prompts in one batch.
pub const MOST: usize = 1_000;
/// The most calls at once.
pub const WIDEST: usize = 300;

/// Runs the batch.
pub async fn run(counter: &Counter, request: &Request<'_>) -> Result<Answer, ApiError> {
    let wanted = format!("a list of 1 to {MOST} prompts, each a text or {{\"messages\": [...]}}");
    let prompts: Vec<Value> = request.list("prompts", &wanted, MOST)?;
    let model: String =
        request.optional("model", "the name of a model or a route")?.unwrap_or_else(|| DEFAULT_ROUTE.into());
    let width = request.count("max_concurrent", 10, 1, WIDEST)?;
    if counter.config.targets(&model).is_empty() {
        return Err(no_upstream(&model));
    }
    let mut shared = request.fields.clone();
    shared.remove(&["prompts", "max_concurrent", "stream", "stream_options", "model", "messages"]);
    shared.set("model", quoted(&model));
    let mut jobs = Vec::with_capacity(prompts.len());
    for (i, prompt) in prompts.into_iter().enumerate() {
        let messages = match prompt {
            Value::String(text) => json!([{ "role": "user", "content": text }]),
            Value::Object(mut fields) if fields.get("messages").is_some_and(Value::is_array) => {
                let messages = fields.remove("messages").unwrap_or_default();
                // The host checks the rest.
                let fits = |m: &Value| m.get("role").is_some_and(Value::is_string);
                if !messages.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(fits)) {
                    let at = format!("prompts[{i}].messages");
                    let message = format!("{at} must be a list of messages, each an object with a role");
                    return Err(ApiError::field(at, "invalid_value", message));
                }
                messages
            }
            _ => {
                let at = format!("prompts[{i}]");
                let message = format!("{at} does not fit: prompts must be {wanted}");
                return Err(ApiError::field(at, "invalid_value", message));
            }
        };
        let mut fields = shared.clone();
        fields.set("messages", messages.to_string());
        jobs.push(Job {
            model: model.clone(),
            body: fields.text(),
            request_id: request.id.to_owned(),
            wait: Wait::batch(request.party, bounded::PATIENCE_MS),
        });
    }
    let results = bounded::run(counter, jobs, width, request.id);
    Ok(reply(counter, results, request.wants_lines(), result).await)
}

fn result(index: usize, o: &Outcome) -> Value {
    json!({
        "index": index, "ok": o.error.is_none(), "content": o.content, "error": o.error, "model": o.model,
        "usage": o.usage, "attempts": o.attempts, "latency_ms": o.latency_ms,
    })
}

/// What all results of a fan-out came to.
#[derive(Default)]
struct Summary {
    ok: usize,
    failed: usize,
    yen: f64,
}

impl Summary {
    fn add(&mut self, outcome: &Outcome) {
        *(if outcome.error.is_none() { &mut self.ok } else { &mut self.failed }) += 1;
        self.yen += outcome.yen().unwrap_or(0.0);
    }

    /// Whether nothing came of it.
    fn failed(&self) -> bool {
        self.ok == 0
    }

    fn write(&self, elapsed_ms: u64) -> Value {
        let rate = (self.ok + self.failed) as f64 / (elapsed_ms.max(1) as f64 / 1000.0);
        json!({
            "ok": self.ok, "failed": self.failed, "elapsed_ms": elapsed_ms,
            "requests_per_second": (rate * 10.0).round() / 10.0, "cost": (self.yen * 1e9).round() / 1e9,
        })
    }
}

/// So many bytes of results are held back, to be told as one.
const HELD: usize = 1 << 20;

/// Writes the results of a fan-out: one JSON in order, or a line each as they end and the summary last.
pub(super) async fn reply(
    counter: &Counter,
    results: LocalBoxStream<'static, (usize, Outcome)>,
    lines: bool,
    write: impl Fn(usize, &Outcome) -> Value + 'static,
) -> Answer {
    let began = counter.world.now_ms();
    let world = counter.world.clone();
    let failed = Rc::new(Cell::new(false));
    if lines {
        let failing = Rc::clone(&failed);
        let state = Some((results, Summary::default(), write));
        let stream = futures::stream::unfold(state, move |state| {
            let (world, failing) = (world.clone(), Rc::clone(&failing));
            async move {
                let (mut results, mut summary, write) = state?;
                let (line, state) = match results.next().await {
                    Some((index, outcome)) => {
                        summary.add(&outcome);
                        (write(index, &outcome), Some((results, summary, write)))
                    }
                    None => {
                        failing.set(summary.failed());
                        (json!({ "summary": summary.write(world.now_ms().saturating_sub(began)) }), None)
                    }
                };
                Some((line.to_string() + "\n", state))
            }
        });
        return Answer::lines(stream.boxed_local()).failing(failed);
    }
    let (summary, text) = (Summary::default(), InOrder::default());
    let mut telling = Telling { results, write, summary, text, world, began, failed: Rc::clone(&failed) };
    while telling.text.bytes < HELD {
        if !telling.take().await {
            return Answer::json(telling.text.ready).failing(failed);
        }
    }
    // What is large is told as it comes: a thousand long answers would not fit into an isolate's memory twice.
    let stream = futures::stream::unfold(Some(telling), |telling| async {
        let (mut telling, mut more) = (telling?, true);
        while more && telling.text.ready.is_empty() {
            more = telling.take().await;
        }
        Some((std::mem::take(&mut telling.text.ready), more.then_some(telling)))
    });
    Answer::json_as_it_comes(stream.boxed_local()).failing(failed)
}

/// A fan-out that is told as one JSON.
struct Telling<W> {
    results: LocalBoxStream<'static, (usize, Outcome)>,
    write: W,
    summary: Summary,
    text: InOrder,
    world: Rc<dyn World>,
    began: u64,
    failed: Rc<Cell<bool>>,
}

impl<W: Fn(usize, &Outcome) -> Value> Telling<W> {
    /// Takes the next result in, or the end; whether there may be more.
    async fn take(&mut self) -> bool {
        let Some((index, outcome)) = self.results.next().await else {
            self.failed.set(self.summary.failed());
            self.text.end(&self.summary.write(self.world.now_ms().saturating_sub(self.began)));
            return false;
        };
        self.summary.add(&outcome);
        self.text.add(index, (self.write)(index, &outcome).to_string(), outcome.held);
        true
    }
}

/// Results as one JSON in their order: what of it can be told, and what waits for a result before it.
struct InOrder {
    next: usize,
    /// Each with the room that it holds until it can be told.
    waiting: Sorted<usize, (String, Option<Rc<Held>>)>,
    ready: String,
    /// Of all results so far.
    bytes: usize,
}

impl Default for InOrder {
    fn default() -> Self {
        Self { next: 0, waiting: Sorted::default(), ready: "{\"results\":[".into(), bytes: 0 }
    }
}

impl InOrder {
    fn add(&mut self, index: usize, result: String, held: Option<Rc<Held>>) {
        self.bytes += result.len();
        self.waiting.insert(index, (result, held));
        while let Some((result, _)) = self.waiting.remove(&self.next) {
            if self.next > 0 {
                self.ready.push(',');
            }
            self.ready.push_str(&result);
            self.next += 1;
        }
    }

    fn end(&mut self, summary: &Value) {
        self.ready.push_str(&format!("],\"summary\":{summary}}}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn results_that_end_in_any_order_are_told_in_theirs(order in Just((0..40_usize).collect::<Vec<_>>()).prop_shuffle(), takes in any::<u64>()) {
            let (mut text, mut told) = (InOrder::default(), String::new());
            for index in order {
                text.add(index, json!({ "index": index }).to_string(), None);
                // Told as it comes at some of the places, and at others later.
                if takes >> index & 1 == 1 {
                    told += &std::mem::take(&mut text.ready);
                }
            }
            text.end(&json!({ "ok": 40 }));
            told += &text.ready;
            let all: Vec<Value> = (0..40).map(|index| json!({ "index": index })).collect();
            prop_assert_eq!(serde_json::from_str::<Value>(&told).unwrap(), json!({ "results": all, "summary": { "ok": 40 } }));
        }
    }
}
