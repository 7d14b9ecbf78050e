//! How a question becomes an answer: the passages that bear on it, the model over them, and without the model the passages themselves.

use std::rc::Rc;

use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::stream::{self, LocalBoxStream, StreamExt};
use serde_json::{Value, json};

use super::recall::Earlier;
use crate::admission::message::Kind as Urgency;
use crate::counter::Counter;
use crate::error::ApiError;
use crate::knowledge::answering::{self, Event};
use crate::knowledge::find::find;
use crate::upstream::call::{Told, Wait};
use crate::upstream::wire::Fields;
use crate::world::Invocation;

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
pub struct FromDocuments {
    /// The isolate's counter.
    pub counter: Counter,
    /// The visitor's number, for fair shares.
    pub party: u64,
}

impl Answering for FromDocuments {
    fn answer(&self, asked: Asked) -> LocalBoxStream<'static, Said> {
        let (tell, told) = unbounded();
        let work = answer(self.counter.clone(), asked, self.party, tell);
        let work = stream::once(work).filter_map(|()| async { None });
        stream::select(told, work).boxed_local()
    }
}

async fn answer(counter: Counter, asked: Asked, party: u64, tell: UnboundedSender<Said>) {
    // Whoever listened may be gone; then nothing need be told.
    let say = |said| drop(tell.unbounded_send(said));
    let history: Vec<answering::Said> = asked.earlier.into_iter().flat_map(earlier).collect();
    let kind = if history.is_empty() { Urgency::New } else { Urgency::Running };
    let queue = tell.clone();
    let told = move |eta_ms: u64, ahead: usize| {
        let _ = queue.unbounded_send(Said::Queued { eta_ms, ahead: ahead as u64 });
    };
    let wait = Wait { patience_ms: counter.config.queue_ms, kind, party, told: Told(Some(Rc::new(told))) };
    let found = find(&counter, &asked.question, &history, SOURCES, &asked.request_id, party).await;
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
        wait,
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
