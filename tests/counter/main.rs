//! The counter's decisions in virtual time: deadlines, retries, waits for permits and widths, with no clock but tokio's paused one. This is the
//! simulated world and the calls that are made in it; what is shown of them is in the other files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "what goes wrong in a test must stop it"
)]

mod attempts;
mod fanout;
mod outage;
mod permits;
mod shoppers;
mod targets;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use futures::stream::{LocalBoxStream, StreamExt};
use madoguchi::admission::Budget;
use madoguchi::admission::gate::{self, Hears};
use madoguchi::admission::holder::Caller;
use madoguchi::admission::lessor::Lessor;
use madoguchi::admission::message::{Ask, Kind, Lease};
use madoguchi::config::Config;
use madoguchi::conversation::answering::{Answering, Asked, FromDocuments, Said};
use madoguchi::counter::{Counter, Learned};
use madoguchi::error::ApiError;
use madoguchi::fanout::bounded::{self, Job};
use madoguchi::knowledge::{Document, Index, Lexicon};
use madoguchi::ladder::Rung;
use madoguchi::upstream::call::{self, Call, Told, Wait};
use madoguchi::upstream::stream;
use madoguchi::world::{Invocation, Outgoing, Reply, Sent, TransportError, World};
use tokio::time::{Instant, sleep};

/// An answer of a word, streamed, its end, and a passage's weight.
const WORD: &[u8] = b"data: {\"choices\":[{\"delta\":{\"content\":\"Yes [1].\"},\"finish_reason\":\"stop\"}]}\n\n";
const END: &[u8] = b"data: [DONE]\n\n";
const WEIGHT: &[u8] = br#"{"choices":[{"message":{"content":"{\"relevance\":0.9}"}}]}"#;

/// What the simulated host does with a call.
#[derive(Clone, Copy)]
enum Host {
    Answers {
        after_ms: u64,
    },
    Fails {
        status: u16,
        headers: &'static [(&'static str, &'static str)],
    },
    /// Fails every call for this model and answers the others at once.
    FailsFor(&'static str),
    /// Weighs every passage alike, and streams an answer of a word.
    Serves,
    /// Answers every call for this model and fails the others at once.
    AnswersFor(&'static str),
    /// Refuses every call for this model, asks for twenty seconds, and answers the others after a tenth of a second.
    FullFor(&'static str),
    /// Answers after a tenth of a second with as many tokens as the call allows.
    UsesAll,
    /// Takes four seconds to begin for this model and a tenth of a second for the others.
    SlowFor(&'static str),
    /// Answers with these headers.
    States(&'static [(&'static str, &'static str)]),
    /// Answers after a tenth of a second, and every so manieth call after three.
    Tails {
        every: usize,
    },
    /// A 200 whose body is this.
    Says(&'static str),
    /// Headers at once, then a piece a second, and after so many of them the end.
    Trickles {
        status: u16,
        piece: &'static str,
        pieces: usize,
        end: &'static str,
    },
    /// Streams 20 MB, as events or as one, and ends well.
    Floods {
        in_events: bool,
    },
    /// The same in one for all but this model, whose answer of a few hundred bytes comes in two pieces, a second apart.
    FloodsBut(&'static str),
    /// Answers so many calls a second, refuses the others, and breaks every connection from one second to another. A stream's word
    /// comes after so many milliseconds, and its end after as many more.
    BreaksBetween {
        per_second: usize,
        from: u64,
        to: u64,
        every_ms: u64,
    },
    /// Streams a piece each so many milliseconds, and never tells its count.
    Streams {
        every_ms: u64,
    },
}

struct Simulated {
    began: Instant,
    host: Host,
    calls: RefCell<Vec<(u64, String)>>,
    models: RefCell<Vec<String>>,
    running: Rc<Cell<usize>>,
    most: Cell<usize>,
    lessor: RefCell<Lessor>,
    lanes: Cell<usize>,
    freed: RefCell<Vec<Rc<str>>>,
    dropped: Cell<usize>,
    /// How long an ask takes, and whether one may run on with no caller.
    ask_ms: Cell<u64>,
    runs_on: Cell<bool>,
    asks: Cell<usize>,
    /// Permits that the last ask wanted for callers to come.
    ahead: Cell<u32>,
    bits: Cell<u64>,
    /// How much longer an answer takes than the host says.
    slower_ms: Cell<u64>,
}

struct Canned {
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: &'static [u8],
}

/// A piece each so many milliseconds, and after so many of them the end.
struct Streamed {
    status: u16,
    every_ms: u64,
    piece: &'static [u8],
    pieces: usize,
    end: &'static [u8],
}

impl Reply for Streamed {
    fn status(&self) -> u16 {
        self.status
    }
    fn header(&self, _name: &str) -> Option<String> {
        None
    }
    fn stream(self: Box<Self>) -> LocalBoxStream<'static, Result<Vec<u8>, TransportError>> {
        let Self { every_ms, piece, pieces, end, .. } = *self;
        futures::stream::unfold(0, move |told| async move {
            if told > pieces {
                return None;
            }
            sleep(Duration::from_millis(every_ms)).await;
            Some((Ok(if told < pieces { piece } else { end }.to_vec()), told + 1))
        })
        .boxed_local()
    }
}

impl Reply for Canned {
    fn status(&self) -> u16 {
        self.status
    }
    fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|h| h.0 == name).map(|h| h.1.to_owned())
    }
    fn stream(self: Box<Self>) -> LocalBoxStream<'static, Result<Vec<u8>, TransportError>> {
        futures::stream::iter([Ok(self.body.to_vec())]).boxed_local()
    }
}

/// Counts a call as running for as long as its future lives.
struct Running(Rc<Cell<usize>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// A shared handle, since lanes serve the same world.
struct Handle(Rc<Simulated>);

impl World for Handle {
    fn now_ms(&self) -> u64 {
        self.0.began.elapsed().as_millis() as u64
    }
    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        Box::pin(sleep(Duration::from_millis(ms)))
    }
    fn bits(&self) -> u64 {
        // Always the middle, and never twice the same.
        self.0.bits.set(self.0.bits.get() + 1);
        (1 << 63) | self.0.bits.get()
    }
    fn send(&self, call: Outgoing) -> LocalBoxFuture<'static, Sent> {
        let s = &self.0;
        s.calls.borrow_mut().push((self.now_ms(), call.invocation.name().to_owned()));
        s.running.set(s.running.get() + 1);
        s.most.set(s.most.get().max(s.running.get()));
        let sent: serde_json::Value = serde_json::from_str(&call.body).unwrap();
        let named = sent["model"].as_str().unwrap_or_default().to_owned();
        s.models.borrow_mut().push(named.clone());
        let (host, running, nth) = (s.host, Running(s.running.clone()), s.calls.borrow().len());
        let second = self.now_ms() / 1_000;
        let within = s.calls.borrow().iter().rev().take_while(|c| c.0 / 1_000 == second).count();
        let (slower_ms, streams) = (s.slower_ms.get(), sent["stream"] == true);
        Box::pin(async move {
            let _running = running;
            let body = br#"{"choices":[{"message":{"content":"yes"}}],"usage":{"completion_tokens":3}}"#;
            Ok(match host {
                Host::Answers { after_ms } => {
                    sleep(Duration::from_millis(after_ms + slower_ms)).await;
                    Box::new(Canned { status: 200, headers: &[], body }) as Box<dyn Reply>
                }
                Host::Tails { every } => {
                    let ms = if nth.is_multiple_of(every) { 3_000 } else { 100 };
                    sleep(Duration::from_millis(ms)).await;
                    Box::new(Canned { status: 200, headers: &[], body })
                }
                Host::Fails { status, headers } => Box::new(Canned { status, headers, body: b"{}" }),
                Host::FailsFor(model) if named == model => Box::new(Canned { status: 500, headers: &[], body: b"{}" }),
                Host::AnswersFor(model) if named != model => {
                    Box::new(Canned { status: 500, headers: &[], body: b"{}" })
                }
                Host::FailsFor(_) if streams => {
                    Box::new(Streamed { status: 200, every_ms: 200, piece: WORD, pieces: 1, end: END })
                }
                Host::FailsFor(_) | Host::AnswersFor(_) => Box::new(Canned { status: 200, headers: &[], body }),
                Host::UsesAll => {
                    sleep(Duration::from_millis(100)).await;
                    let text = r#"{"choices":[{"message":{"content":"yes"}}],"usage":{"total_tokens":"#;
                    let text = format!("{text}{}}}}}", sent["max_tokens"]);
                    Box::new(Canned { status: 200, headers: &[], body: text.leak().as_bytes() })
                }
                Host::FullFor(model) if named == model => {
                    Box::new(Canned { status: 429, headers: &[("retry-after", "20")], body: b"{}" })
                }
                Host::FullFor(model) | Host::SlowFor(model) => {
                    sleep(Duration::from_millis(if named == model { 4_000 } else { 100 })).await;
                    Box::new(Canned { status: 200, headers: &[], body })
                }
                Host::Serves => {
                    sleep(Duration::from_millis(300)).await;
                    let word = Streamed { status: 200, every_ms: 0, piece: WORD, pieces: 1, end: END };
                    if streams {
                        Box::new(word) as Box<dyn Reply>
                    } else {
                        Box::new(Canned { status: 200, headers: &[], body: WEIGHT })
                    }
                }
                Host::BreaksBetween { from, to, .. } if (from..to).contains(&second) => {
                    return Err(TransportError::Broken("reset".into()));
                }
                Host::BreaksBetween { per_second, .. } if within > per_second => {
                    Box::new(Canned { status: 429, headers: &[("retry-after", "1")], body: b"{}" })
                }
                Host::BreaksBetween { every_ms, .. } if streams => {
                    Box::new(Streamed { status: 200, every_ms, piece: WORD, pieces: 1, end: END })
                }
                Host::BreaksBetween { every_ms, .. } => {
                    sleep(Duration::from_millis(2 * every_ms)).await;
                    Box::new(Canned { status: 200, headers: &[], body: WEIGHT })
                }
                Host::States(headers) => Box::new(Canned { status: 200, headers, body }),
                Host::Says(text) => Box::new(Canned { status: 200, headers: &[], body: text.as_bytes() }),
                Host::Streams { every_ms } => {
                    let piece = b"data: {\"choices\":[{\"delta\":{\"content\":\"word \"}}]}\n\n";
                    Box::new(Streamed { status: 200, every_ms, piece, pieces: usize::MAX, end: b"" })
                }
                Host::Trickles { status, piece, pieces, end } => {
                    let (piece, end) = (piece.as_bytes(), end.as_bytes());
                    Box::new(Streamed { status, every_ms: 1_000, piece, pieces, end })
                }
                Host::FloodsBut(model) if named == model => {
                    let piece = br#"{"choices":[{"message":{"content":"yes"}}],"more":"#;
                    let end = Box::leak(format!("{:?}}}", "x".repeat(300)).into_boxed_str()).as_bytes();
                    Box::new(Streamed { status: 200, every_ms: 1_000, piece, pieces: 1, end })
                }
                Host::Floods { .. } | Host::FloodsBut(_) => {
                    let in_events = matches!(host, Host::Floods { in_events: true });

                    let (word, end) = ("x".repeat(500 << 10), if in_events { "\n\n" } else { "" });
                    let event = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{word}\"}}}}]}}{end}");
                    let piece = Box::leak(event.into_boxed_str()).as_bytes();
                    Box::new(Streamed { status: 200, every_ms: 10, piece, pieces: 40, end: b"data: [DONE]\n\n" })
                }
            })
        })
    }
    fn ask(&self, _budget: &str, ask: &Ask) -> LocalBoxFuture<'static, Option<Lease>> {
        let (own, ask) = (self.0.clone(), ask.clone());
        own.asks.set(own.asks.get() + 1);
        own.ahead.set(ask.wants.iter().map(|w| w.ahead).sum());
        Box::pin(async move {
            let way = Duration::from_millis(own.ask_ms.get() / 2);
            sleep(way).await;
            let now = own.began.elapsed().as_millis() as u64;
            let (lease, _) = own.lessor.borrow_mut().grant(now, &ask);
            sleep(way).await;
            Some(lease)
        })
    }
    fn runs_on(&self) -> bool {
        self.0.runs_on.get()
    }
    fn later(&self, work: LocalBoxFuture<'static, ()>) {
        tokio::task::spawn_local(work);
    }
    fn take_lane(&self) -> Option<Rc<str>> {
        let id = self.0.lanes.get() + 1;
        self.0.lanes.set(id);
        Some(format!("lane-{id}").into())
    }
    fn free_lane(&self, lane: Rc<str>) {
        self.0.freed.borrow_mut().push(lane);
    }
    fn drop_lane(&self, _lane: &str) {
        self.0.dropped.set(self.0.dropped.get() + 1);
    }
    fn knowledge(&self, _fresh: bool) -> LocalBoxFuture<'static, Result<Rc<RefCell<Index>>, ApiError>> {
        let page = |n| Document {
            id: format!("page-{n}"),
            title: Some(format!("Shipping {n}")),
            content: format!("Shipping to region {n} takes {n} days and costs 660 yen."),
            url: None,
            lang: None,
        };
        Box::pin(std::future::ready(Ok(Rc::new(RefCell::new(Index::new(Lexicon::built(), (0..30).map(page)))))))
    }
    fn vocabulary(&self) -> LocalBoxFuture<'static, Arc<Lexicon>> {
        Box::pin(std::future::ready(Lexicon::built()))
    }
}

fn counter(host: Host, variables: &[(&str, &str)]) -> (Counter, Rc<Simulated>) {
    let config = Config::read(&|name| match name {
        "UPSTREAM_API_KEY" => Some("k".to_owned()),
        _ => variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()),
    });
    let simulated = Rc::new(Simulated {
        began: Instant::now(),
        host,
        calls: RefCell::default(),
        models: RefCell::default(),
        running: Rc::default(),
        most: Cell::default(),
        lessor: RefCell::new(Lessor::new(0)),
        lanes: Cell::default(),
        freed: RefCell::default(),
        dropped: Cell::default(),
        ask_ms: Cell::default(),
        runs_on: Cell::default(),
        asks: Cell::default(),
        ahead: Cell::default(),
        bits: Cell::default(),
        slower_ms: Cell::default(),
    });
    let world = Rc::new(Handle(simulated.clone()));
    let counter = Counter { config: Rc::new(config.unwrap()), world, learned: Rc::new(Learned::new(0)) };
    (counter, simulated)
}

/// Another isolate of the same world.
fn another(counter: &Counter) -> Counter {
    Counter { learned: Rc::new(Learned::new(0)), ..counter.clone() }
}

fn call(counter: &Counter) -> Call {
    Call {
        targets: counter.config.targets("gpt-4.1"),
        body: r#"{"model":"gpt-4.1","messages":[]}"#.into(),
        request_id: "r".into(),
        model: "gpt-4.1".into(),
        invocation: Invocation::Here("i".into()),
        wait: Wait::new(Kind::New, 0),
    }
}

/// Calls for a model each, so that no breaker opens.
fn of_many_models(counter: &Counter, calls: usize) -> Vec<Call> {
    let named = |n| {
        let model = format!("model-{n}");
        let body = format!(r#"{{"model":"{model}","messages":[]}}"#);
        Call { targets: counter.config.targets(&model), model, body, ..call(counter) }
    };
    (0..calls).map(named).collect()
}

const TWO: &str = r#"{"two":[{"model":"first"},{"model":"second"}]}"#;

fn of_two(counter: &Counter) -> Call {
    let body = r#"{"model":"two","messages":[]}"#.into();
    Call { targets: counter.config.targets("two"), model: "two".into(), body, ..call(counter) }
}

/// A call of a model by its name.
fn of(counter: &Counter, model: &str) -> Call {
    let body = format!(r#"{{"model":"{model}","messages":[]}}"#);
    Call { targets: counter.config.targets(model), model: model.into(), body, ..call(counter) }
}

fn of_a_person(call: Call) -> Call {
    Call { wait: Wait { told: Told(Some(Rc::new(|_, _| {}))), ..Wait::new(Kind::New, 0) }, ..call }
}

/// A first question of its own.
fn asked(n: u64) -> Asked {
    Asked {
        question: format!("How much is shipping to region {n}?"),
        earlier: Vec::new(),
        request_id: format!("r{n}"),
        with_model: true,
        late: false,
    }
}

/// The rung on which a shopper's question ends.
async fn rung(counter: &Counter, party: u64, asked: Asked) -> Rung {
    let said: Vec<Said> = FromDocuments { counter: counter.clone(), party }.answer(asked).collect().await;
    let Some(Said::Done { rung }) = said.last() else { panic!("{said:?}") };
    *rung
}

fn jobs(n: usize, patience_ms: u64) -> Vec<Job> {
    let job = |_| Job {
        model: "gpt-4.1".into(),
        body: r#"{"model":"gpt-4.1","messages":[]}"#.into(),
        request_id: "r".into(),
        wait: Wait::batch(0, patience_ms),
    };
    (0..n).map(job).collect()
}
