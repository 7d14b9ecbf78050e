//! How a question becomes an answer: the passages that bear on it, the model over them, and without the model the passages themselves.

use std::collections::HashSet;
use std::rc::Rc;

use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::future::{Either, select};
use futures::stream::{self, LocalBoxStream, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::courtesy;
use super::recall::Earlier;
use super::shared::{self, Question};
use crate::admission::message::Kind as Urgency;
use crate::config::DEFAULT_ROUTE;
use crate::counter::Counter;
use crate::error::{ApiError, Kind};
use crate::knowledge::answering::{self, Event};
use crate::knowledge::find::find;
use crate::knowledge::has_japanese;
use crate::ladder::Rung;
use crate::typed;
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
    /// Whether the question was kept: nobody waits for it any more, and those who do go first.
    pub late: bool,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
        rung: Rung,
    },
    /// There is no answer, or no more of it; not told to another object, for which the answer then breaks off.
    #[serde(skip)]
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

/// The object of a shared question is given up when it says nothing for so long, in milliseconds.
const UNSHARED_MS: u64 = 2_000;

/// Answers from the shop's documents, with the model where there is one.
pub struct FromDocuments {
    /// The isolate's counter.
    pub counter: Counter,
    /// The visitor's number, for fair shares.
    pub party: u64,
}

impl Answering for FromDocuments {
    fn answer(&self, asked: Asked) -> LocalBoxStream<'static, Said> {
        let (counter, party) = (self.counter.clone(), self.party);
        let has_model = !counter.config.targets(DEFAULT_ROUTE).is_empty();
        // Within a conversation a model knows better what to say.
        if let Some(reply) = courtesy::reply(&asked.question).filter(|_| asked.earlier.is_empty() || !has_model) {
            let said = [Said::Sources(Vec::new()), Said::Text(reply.into()), Said::Done { rung: Rung::Full }];
            return stream::iter(said).boxed_local();
        }
        spoken(move |tell| async move {
            let first = asked.earlier.is_empty() && asked.with_model && !asked.late;
            let shares = first && counter.config.share_ms > 0 && has_model;
            if let Some(name) = shared::name(&asked.question).filter(|_| shares)
                && share(&counter, name, &asked, party, &tell).await
            {
                return;
            }
            make(counter, asked, party, tell).await;
        })
    }
}

/// Answers one question by itself, shared with nobody.
pub fn alone(counter: Counter, asked: Asked, party: u64) -> LocalBoxStream<'static, Said> {
    spoken(|tell| make(counter, asked, party, tell))
}

fn spoken<F: Future<Output = ()> + 'static>(
    work: impl FnOnce(UnboundedSender<Said>) -> F,
) -> LocalBoxStream<'static, Said> {
    let (tell, told) = unbounded();
    let work = stream::once(work(tell)).filter_map(|()| async { None });
    stream::select(told, work).boxed_local()
}

/// Joins those who ask the same at this moment, or asked it moments ago; false where that gave nothing and the question is
/// still to be answered.
async fn share(counter: &Counter, name: String, asked: &Asked, party: u64, tell: &UnboundedSender<Said>) -> bool {
    // Whoever listened may be gone; then nothing need be told.
    let say = |said| drop(tell.unbounded_send(said));
    if let Some(said) = counter.learned.remembered.get(&name, counter.world.now_ms()) {
        said.iter().cloned().for_each(say);
        return true;
    }
    let (question, request_id) = (asked.question.clone(), asked.request_id.clone());
    let Ok(question) = serde_json::to_string(&Question { question, request_id, party }) else { return false };
    let reply = match select(counter.world.share(&name, question), counter.world.sleep(UNSHARED_MS)).await {
        Either::Left((Ok(reply), _)) if reply.status() == 200 => reply,
        _ => return false,
    };
    let age_ms = reply.header("x-age-ms").and_then(|age| age.parse().ok()).unwrap_or(0);
    let (mut lines, mut bytes) = (reply.stream(), Vec::new());
    let mut heard = Vec::new();
    while let Some(Ok(piece)) = lines.next().await {
        bytes.extend(piece);
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = bytes.drain(..=end).collect();
            let Ok(said) = typed::read::<Said>(&String::from_utf8_lossy(&line)) else { continue };
            say(said.clone());
            match said {
                Said::Queued { .. } => {}
                Said::Done { rung } => {
                    if rung.is_a_models() {
                        heard.push(Said::Done { rung: Rung::Shared });
                        let now = counter.world.now_ms();
                        let until = now + counter.config.share_ms.saturating_sub(age_ms);
                        counter.learned.remembered.keep(name, heard, until, now);
                    }
                    return true;
                }
                said => heard.push(said),
            }
        }
    }
    // It broke off. What was heard cannot be taken back here, so the turn begins anew.
    if !heard.is_empty() {
        let message = "The answer broke off";
        say(Said::Failed(ApiError::new(Kind::Upstream, "shared_answer_broke", message)));
    }
    !heard.is_empty()
}

async fn make(counter: Counter, asked: Asked, party: u64, tell: UnboundedSender<Said>) {
    let say = |said| drop(tell.unbounded_send(said));
    let history: Vec<answering::Said> = asked.earlier.into_iter().flat_map(earlier).collect();
    let queue = tell.clone();
    let told = move |eta_ms: u64, ahead: usize| {
        let _ = queue.unbounded_send(Said::Queued { eta_ms, ahead: ahead as u64 });
    };
    let wait = if asked.late {
        Wait::batch(party, counter.config.deadlines.total_ms)
    } else {
        let kind = if history.is_empty() { Urgency::New } else { Urgency::Running };
        Wait { patience_ms: counter.config.queue_ms, told: Told(Some(Rc::new(told))), ..Wait::new(kind, party) }
    };
    let has_model = !counter.config.targets(DEFAULT_ROUTE).is_empty();
    let found = find(&counter, &asked.question, &history, SOURCES, &asked.request_id, party).await;
    let (sources, mut fault) = match found {
        Ok(sources) => (sources, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let mut asked_of_model = answering::Asked {
        question: asked.question,
        history,
        sources,
        model: DEFAULT_ROUTE.into(),
        invocation: Invocation::Here(asked.request_id.as_str().into()),
        request_id: asked.request_id,
        wait,
    };
    if fault.is_none() && has_model && asked.with_model {
        match answering::stream(&counter, &asked_of_model, Fields::default()).await {
            Ok(mut events) => {
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
            Err(error) => fault = Some(error),
        }
    }
    if asked_of_model.sources.is_empty() && has_model && !asked_of_model.history.is_empty() && !asked.with_model {
        fault = fault.or_else(|| Some(ApiError::new(Kind::Upstream, "no_model", "No model answered")));
    }
    if let Some(error) = fault.filter(|_| asked_of_model.sources.is_empty()) {
        if asked.late {
            return say(Said::Failed(error));
        }
        say(Said::Sources(Vec::new()));
        say(Said::Text(kept(&asked_of_model.question).into()));
        return say(Said::Done { rung: Rung::Kept });
    }
    asked_of_model.sources.truncate(QUOTED);
    let lexicon = counter.world.vocabulary().await;
    let text =
        answering::passages(&counter.learned.quoter, &lexicon, &asked_of_model.question, &asked_of_model.sources);
    // Two passages of one page are one link.
    let mut linked = HashSet::new();
    asked_of_model.sources.retain(|source| linked.insert(source.id.clone()));
    say(shown(&asked_of_model.sources));
    say(Said::Text(text));
    say(Said::Done { rung: Rung::Passages });
}

/// The rung `kept`, in the question's language.
fn kept(question: &str) -> &'static str {
    if has_japanese(question) {
        "ただいま大変混み合っており、すぐにお答えできません。ご質問はお預かりしましたので、順番にお答えし、\
         この会話にお届けします。お急ぎの場合は、担当者にもご相談いただけます。"
    } else {
        "We are very busy at this moment and cannot answer at once. Your question is kept and will be answered \
         here, in this conversation. If it is urgent, a person will be glad to help."
    }
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
