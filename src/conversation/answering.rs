//! How a question becomes an answer: the passages that bear on it, the model over them, and without the model the passages themselves.

use std::cell::RefCell;
use std::rc::Rc;

use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::future::LocalBoxFuture;
use futures::stream::{self, LocalBoxStream, StreamExt};
use serde_json::{Value, json};

use super::recall::Earlier;
use crate::admission::{Budget, Refusal, Standing};
use crate::counter::Counter;
use crate::error::ApiError;
use crate::knowledge::Index;
use crate::knowledge::answering::{self, Event};
use crate::knowledge::find::find;
use crate::upstream::wire::Fields;
use crate::world::{Invocation, Outgoing, Sent, World};

/// A question with what is known beside it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The question.
    pub question: String,
    /// Earlier turns, oldest first.
    pub earlier: Vec<Earlier>,
    /// The id under which hosts log it.
    pub request_id: String,
    /// Whether the model may be asked: not after it broke off in the middle of this answer.
    pub with_model: bool,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A place is waited for.
    Queued {
        /// For so long, in milliseconds.
        eta_ms: u64,
        /// Behind so many.
        ahead: u64,
    },
    /// What the answer rests on; before its text.
    Sources(Vec<Value>),
    /// Text.
    Text(String),
    /// The end of a whole answer.
    Done {
        /// The rung of the ladder.
        rung: &'static str,
    },
    /// There is no answer, or no more of it.
    Failed(ApiError),
}

/// What answers questions.
pub trait Answering {
    /// Answers; dropping the stream stops all that it started.
    fn answer(&self, asked: Asked) -> LocalBoxStream<'static, Said>;
}

/// Passages that a model's answer rests on, at most.
const SOURCES: usize = 5;
/// Passages that are quoted where no model answers: a phone shows no more without much scrolling.
const QUOTED: usize = 2;

/// Answers from the shop's documents, with the model where there is one.
pub struct FromDocuments(pub Counter);

impl Answering for FromDocuments {
    fn answer(&self, asked: Asked) -> LocalBoxStream<'static, Said> {
        let (tell, told) = unbounded();
        let work = answer(self.0.clone(), asked, tell);
        let work = stream::once(work).filter_map(|()| async { None });
        stream::select(told, work).boxed_local()
    }
}

async fn answer(counter: Counter, asked: Asked, tell: UnboundedSender<Said>) {
    // Whoever listened may be gone; then nothing need be told.
    let say = |said| drop(tell.unbounded_send(said));
    let history: Vec<answering::Said> = asked.earlier.into_iter().flat_map(earlier).collect();
    let patience_ms = counter.config.queue_ms;
    let found = find(&counter, &asked.question, &history, SOURCES, &asked.request_id).await;
    let watched = Watched { world: counter.world.clone(), patience_ms, tell: tell.clone() };
    let counter = Counter { world: Rc::new(watched), ..counter };
    let sources = match found {
        Ok(sources) => sources,
        Err(error) => return say(Said::Failed(error)),
    };
    let with_model = asked.with_model && !counter.config.targets("default").is_empty();
    let mut asked_of_model = answering::Asked {
        question: asked.question,
        history,
        sources,
        model: "default".into(),
        invocation: Invocation::Here(asked.request_id.as_str().into()),
        request_id: asked.request_id,
        patience_ms,
    };
    if with_model && let Ok(mut events) = answering::stream(&counter, &asked_of_model, Fields::default()).await {
        while let Some(event) = events.next().await {
            say(match event {
                Event::Sources(sources) => shown(&sources),
                Event::Delta(text) => Said::Text(text),
                Event::Done { rung, .. } => Said::Done { rung },
                Event::Broke(error) => Said::Failed(error),
            });
        }
        return;
    }
    asked_of_model.sources.truncate(QUOTED);
    say(shown(&asked_of_model.sources));
    say(Said::Text(answering::passages(&asked_of_model.question, &asked_of_model.sources)));
    say(Said::Done { rung: "passages" });
}

fn shown(sources: &[answering::Source]) -> Said {
    Said::Sources(sources.iter().map(|s| json!(s)).collect())
}

fn earlier(turn: Earlier) -> [answering::Said; 2] {
    [
        answering::Said { role: "user", content: turn.question },
        answering::Said { role: "assistant", content: turn.answer },
    ]
}

/// A world that tells when a permit must be waited for.
struct Watched {
    world: Rc<dyn World>,
    patience_ms: u64,
    tell: UnboundedSender<Said>,
}

impl World for Watched {
    fn now_ms(&self) -> u64 {
        self.world.now_ms()
    }
    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        self.world.sleep(ms)
    }
    fn random(&self) -> f64 {
        self.world.random()
    }
    fn send(&self, call: Outgoing) -> LocalBoxFuture<'static, Sent> {
        self.world.send(call)
    }
    fn permit(&self, budget: &Budget) -> LocalBoxFuture<'static, Result<Standing, Refusal>> {
        let (permit, patience_ms, tell) = (self.world.permit(budget), self.patience_ms, self.tell.clone());
        Box::pin(async move {
            let permit = permit.await;
            // A wait longer than patience is not begun.
            if let Err(refusal) = &permit
                && refusal.retry_after_ms < patience_ms
            {
                let _ = tell.unbounded_send(Said::Queued { eta_ms: refusal.retry_after_ms, ahead: 0 });
            }
            permit
        })
    }
    fn standing(&self, budget: &Budget) -> Option<Standing> {
        self.world.standing(budget)
    }
    fn take_lane(&self) -> Option<Rc<str>> {
        self.world.take_lane()
    }
    fn free_lane(&self, lane: Rc<str>) {
        self.world.free_lane(lane);
    }
    fn knowledge(&self, fresh: bool) -> LocalBoxFuture<'static, Result<Rc<RefCell<Index>>, ApiError>> {
        self.world.knowledge(fresh)
    }
}
