//! The counter's decisions in virtual time: deadlines, retries, waits for permits and widths, with no clock but tokio's paused one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "what goes wrong in a test must stop it"
)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use futures::stream::{LocalBoxStream, StreamExt};
use madoguchi::admission::lessor::Lessor;
use madoguchi::admission::message::{Ask, Kind, Lease};
use madoguchi::config::Config;
use madoguchi::conversation::answering::{Answering, Asked, FromDocuments, Said};
use madoguchi::counter::{Counter, Learned};
use madoguchi::error::ApiError;
use madoguchi::fanout::bounded::{self, Job};
use madoguchi::knowledge::{Document, Index};
use madoguchi::ladder::Rung;
use madoguchi::upstream::call::{self, Call, Told, Wait};
use madoguchi::upstream::stream;
use madoguchi::world::{Invocation, Outgoing, Reply, Sent, TransportError, World};
use tokio::time::{Instant, sleep};

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
    /// How long an ask takes, and whether one may run on with no caller.
    ask_ms: Cell<u64>,
    runs_on: Cell<bool>,
    asks: Cell<usize>,
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
        let body: serde_json::Value = serde_json::from_str(&call.body).unwrap();
        let named = body["model"].as_str().unwrap_or_default().to_owned();
        s.models.borrow_mut().push(named.clone());
        let (host, running, nth) = (s.host, Running(s.running.clone()), s.calls.borrow().len());
        let slower_ms = s.slower_ms.get();
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
                Host::FailsFor(_) => Box::new(Canned { status: 200, headers: &[], body }),
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
                Host::Floods { in_events } => {
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
    fn knowledge(&self, _fresh: bool) -> LocalBoxFuture<'static, Result<Rc<RefCell<Index>>, ApiError>> {
        let page = |n| Document {
            id: format!("page-{n}"),
            title: Some(format!("Shipping {n}")),
            content: format!("Shipping to region {n} takes {n} days and costs 660 yen."),
            url: None,
            lang: None,
        };
        Box::pin(std::future::ready(Ok(Rc::new(RefCell::new(Index::new((0..30).map(page)))))))
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
        ask_ms: Cell::default(),
        runs_on: Cell::default(),
        asks: Cell::default(),
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

#[tokio::test(start_paused = true)]
async fn a_silent_host_is_given_up_at_the_first_byte_deadline_and_its_call_is_dropped() {
    let (counter, world) =
        counter(Host::Answers { after_ms: 3_600_000 }, &[("RETRIES", "0"), ("FIRST_BYTE_MS", "7000")]);
    let began = Instant::now();
    let failed = call::complete(&counter, &call(&counter), false).await.unwrap_err();
    assert_eq!((failed.error.status, began.elapsed().as_millis(), world.running.get()), (504, 7000, 0));
}

#[tokio::test(start_paused = true)]
async fn all_attempts_together_keep_to_the_total_deadline() {
    let variables = [("RETRIES", "10"), ("FIRST_BYTE_MS", "7000"), ("TOTAL_MS", "20000")];
    let (counter, world) = counter(Host::Answers { after_ms: 3_600_000 }, &variables);
    let began = Instant::now();
    call::complete(&counter, &call(&counter), false).await.unwrap_err();
    assert!(began.elapsed() <= Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(world.calls.borrow().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_host_asks_for_is_kept_and_one_past_the_deadline_is_not_begun() {
    let (counter, world) = counter(Host::Fails { status: 429, headers: &[("retry-after", "4")] }, &[("RETRIES", "2")]);
    call::complete(&counter, &call(&counter), false).await.unwrap_err();
    let at: Vec<u64> = world.calls.borrow().iter().map(|c| c.0).collect();
    assert!(at.windows(2).all(|w| (4000..=5000).contains(&(w[1] - w[0]))) && at.len() == 3, "{at:?}");

    let (counter, world) = self::counter(Host::Fails { status: 429, headers: &[("retry-after", "3600")] }, &[]);
    let failed = call::complete(&counter, &call(&counter), false).await.unwrap_err();
    assert_eq!((world.calls.borrow().len(), failed.error.retry_after_seconds()), (1, Some(3600)));
}

#[tokio::test(start_paused = true)]
async fn under_a_dead_host_retries_stay_a_tenth_of_the_traffic() {
    let (counter, world) = counter(Host::Fails { status: 500, headers: &[] }, &[("UPSTREAM_RPM", "0")]);
    // All at once, so that the floor does not fill again meanwhile.
    let each = of_many_models(&counter, 500);
    let calls: Vec<_> = each.iter().map(|one| call::complete(&counter, one, false)).collect();
    assert!(futures::future::join_all(calls).await.iter().all(|c| c.is_err()));
    let made = world.calls.borrow().len();
    assert!((501..=580).contains(&made), "{made} calls for 500");
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

#[tokio::test(start_paused = true)]
async fn a_width_is_kept_exactly_and_the_time_is_the_ideal_one() {
    for width in [1, 6, 7, 20, 50, 299, 300] {
        let (counter, world) = counter(Host::Answers { after_ms: 80 }, &[("UPSTREAM_RPM", "0")]);
        let began = Instant::now();
        let done: Vec<_> = bounded::run(&counter, jobs(600, 0), width, "here").collect().await;
        assert!(done.len() == 600 && done.iter().all(|(_, o)| o.error.is_none()));
        assert_eq!((world.most.get(), world.freed.borrow().len()), (width, world.lanes.get()));
        let ideal = 80 * 600_u64.div_ceil(width as u64);
        // Timers of one turn end within a millisecond of each other.
        let took = began.elapsed().as_millis() as u64;
        assert!((ideal..=ideal + 600 / width as u64 + 1).contains(&took), "{took} ms at width {width}, ideal {ideal}");
        let mut by_invocation = std::collections::HashMap::new();
        for (at, invocation) in world.calls.borrow().iter().filter(|c| c.0 < 80) {
            *by_invocation.entry((at / 80, invocation.clone())).or_insert(0) += 1;
        }
        assert!(by_invocation.values().all(|n| *n <= 6), "{by_invocation:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_past_the_limit_waits_for_its_permits_and_the_minute_is_never_overrun() {
    let (counter, world) = counter(Host::Answers { after_ms: 10 }, &[("UPSTREAM_RPM", "30")]);
    let done: Vec<_> = bounded::run(&counter, jobs(90, 70_000), 10, "here").collect().await;
    assert!(done.iter().all(|(_, o)| o.error.is_none()));
    let at: Vec<u64> = world.calls.borrow().iter().map(|c| c.0).collect();
    for start in &at {
        assert!(at.iter().filter(|t| **t >= *start && **t < start + 60_000).count() <= 30);
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_with_nobody_else_about_uses_the_whole_pace_of_a_limit() {
    let (counter, _) = counter(Host::Answers { after_ms: 50 }, &[("UPSTREAM_RPM", "3000")]);
    let began = Instant::now();
    let done: Vec<_> = bounded::run(&counter, jobs(400, 60_000), 100, "here").collect().await;
    assert!(done.iter().all(|(_, o)| o.error.is_none()));
    // Four hundred at fifty a second.
    let took = began.elapsed().as_secs_f64();
    assert!(took < 8.0 * 1.15, "{took} s");
}

#[tokio::test(start_paused = true)]
async fn dropping_a_fan_out_drops_every_call_of_it() {
    let (counter, world) = counter(Host::Answers { after_ms: 60_000 }, &[("UPSTREAM_RPM", "0")]);
    let mut fan = bounded::run(&counter, jobs(100, 0), 40, "here");
    tokio::select! { _ = fan.next() => panic!("too soon"), () = sleep(Duration::from_millis(500)) => {} }
    assert_eq!(world.running.get(), 40);
    drop(fan);
    assert_eq!((world.running.get(), world.calls.borrow().len()), (0, 40));
    // Its calls were cut off, so their lanes may still hold connections.
    assert_eq!(world.freed.borrow().len(), 0);
}

const TWO: &str = r#"{"two":[{"model":"first"},{"model":"second"}]}"#;

fn of_two(counter: &Counter) -> Call {
    let body = r#"{"model":"two","messages":[]}"#.into();
    Call { targets: counter.config.targets("two"), model: "two".into(), body, ..call(counter) }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_down_elsewhere_is_passed_over_here_and_tried_again_later() {
    let variables = [("ROUTES", TWO), ("RETRIES", "0"), ("UPSTREAM_RPM", "6000")];
    let (here, world) = counter(Host::FailsFor("first"), &variables);
    let there = another(&here);
    let one = of_two(&here);
    for _ in 0..8 {
        let answered = call::complete(&there, &one, false).await.unwrap();
        assert_eq!(answered.rank, 1);
        sleep(Duration::from_millis(400)).await;
    }
    // This isolate hears of it with its first permits.
    for _ in 0..2 {
        call::complete(&here, &one, false).await.unwrap();
        sleep(Duration::from_millis(400)).await;
    }
    world.models.borrow_mut().clear();
    assert_eq!(call::complete(&here, &one, false).await.unwrap().rank, 1);
    assert_eq!(*world.models.borrow(), ["second"], "the first was not even tried");
    sleep(Duration::from_secs(8)).await;
    world.models.borrow_mut().clear();
    call::complete(&here, &one, false).await.unwrap();
    assert_eq!(*world.models.borrow(), ["first", "second"], "its time is over");
}

#[tokio::test(start_paused = true)]
async fn retries_are_a_part_of_the_worlds_traffic_whichever_isolate_makes_them() {
    let variables = [("UPSTREAM_RPM", "60000"), ("RETRIES", "3"), ("QUEUE_MS", "15000")];
    let (first, world) = counter(Host::Fails { status: 500, headers: &[] }, &variables);
    for _ in 0..20 {
        let isolate = another(&first);
        let each = of_many_models(&isolate, 20);
        let calls: Vec<_> = each.iter().map(|one| call::complete(&isolate, one, false)).collect();
        assert!(futures::future::join_all(calls).await.iter().all(|c| c.is_err()));
    }
    // Each isolate has two of its own before it has asked for any.
    let made = world.calls.borrow().len();
    assert!((400..=500).contains(&made), "{made} calls for 400");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_says_it_is_full_is_left_alone_until_its_window_ends() {
    let states = &[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "20s")];
    let (counter, world) = counter(Host::States(states), &[("UPSTREAM_RPM", "6000"), ("QUEUE_MS", "60000")]);
    world.runs_on.set(true);
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let one = Call { wait: Wait { patience_ms: 60_000, ..Wait::new(Kind::New, 0) }, ..call(&counter) };
            call::complete(&counter, &one, false).await.unwrap();
            // It is told within seconds, with no other caller.
            sleep(Duration::from_secs(6)).await;
            call::complete(&another(&counter), &one, false).await.unwrap();
        })
        .await;
    let at: Vec<u64> = world.calls.borrow().iter().map(|c| c.0).collect();
    assert!((20_000..=27_000).contains(&at[1]), "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_the_caller_cuts_counts_as_the_tokens_that_came_and_no_more() {
    let variables = [("UPSTREAM_TPM", "1000"), ("UPSTREAM_RPM", "0"), ("QUEUE_MS", "60000")];
    let (counter, world) = counter(Host::Streams { every_ms: 10 }, &variables);
    world.runs_on.set(true);
    let local = tokio::task::LocalSet::new();
    let waited = local
        .run_until(async {
            let one = Call { wait: Wait { patience_ms: 60_000, ..Wait::new(Kind::New, 0) }, ..call(&counter) };
            // Each reserves 600 and some, so two do not fit into a minute unless the first is settled.
            let mut pieces = stream::open(&counter, &one).await.unwrap().value;
            for _ in 0..20 {
                pieces.next().await.unwrap();
            }
            drop(pieces);
            let began = Instant::now();
            drop(stream::open(&counter, &one).await.unwrap());
            began.elapsed()
        })
        .await;
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    // A long one is charged for all of it: not even when the minute of what it reserved is over does another fit.
    let (counter, world) = self::counter(Host::Streams { every_ms: 10 }, &variables);
    world.runs_on.set(true);
    let local = tokio::task::LocalSet::new();
    let refused = local
        .run_until(async {
            let one = Call { wait: Wait { patience_ms: 60_000, ..Wait::new(Kind::New, 0) }, ..call(&counter) };
            let mut pieces = stream::open(&counter, &one).await.unwrap().value;
            for _ in 0..1_100 {
                pieces.next().await.unwrap();
            }
            drop(pieces);
            stream::open(&counter, &one).await.map(drop).unwrap_err()
        })
        .await;
    assert!((55_000..=62_000).contains(&refused.error.retry_after_ms.unwrap()), "{refused:?}");
}

/// Calls of which each waited for its permit, one each 19 ms, and the asks made while the second half of them came.
async fn waits(runs_on: bool) -> (usize, usize) {
    let (counter, world) = counter(Host::Answers { after_ms: 100 }, &[("UPSTREAM_RPM", "12000")]);
    world.ask_ms.set(60);
    world.runs_on.set(runs_on);
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let one = call(&counter);
            let first_half = Cell::new(0);
            let calls = (0..500).map(|n| {
                let (counter, one, world, first_half) = (&counter, &one, &world, &first_half);
                async move {
                    // Not in step with the asks.
                    sleep(Duration::from_millis(19 * n)).await;
                    if n == 250 {
                        first_half.set(world.asks.get());
                    }
                    let began = Instant::now();
                    call::complete(counter, one, false).await.unwrap();
                    began.elapsed().as_millis() > 105
                }
            });
            // How often callers come is known after two seconds.
            let waited = futures::future::join_all(calls).await.into_iter().skip(100).filter(|w| *w).count();
            (waited, world.asks.get() - first_half.get())
        })
        .await
}

#[tokio::test(start_paused = true)]
async fn an_ask_that_runs_beside_holds_nobody_up() {
    let (alone, asks_alone) = waits(false).await;
    let (beside, asks_beside) = waits(true).await;
    println!("waited {alone} of 400, {asks_alone} asks for 250, and {beside} with {asks_beside} asks beside");
    assert!(beside * 4 <= alone, "{alone} waited, {beside} with asks beside");
}

#[tokio::test(start_paused = true)]
async fn where_there_is_room_a_busy_isolate_asks_for_one_call_in_sixteen() {
    for runs_on in [false, true] {
        let (_, asks) = waits(runs_on).await;
        assert!(asks <= 250 / 16, "{asks} asks for 250 calls");
    }
}

/// How long each of so many calls takes that come one after the other, sorted, in milliseconds.
async fn taken(counter: &Counter, calls: usize) -> Vec<u128> {
    let mut taken = Vec::new();
    for _ in 0..calls {
        let began = Instant::now();
        call::complete(counter, &call(counter), false).await.unwrap();
        taken.push(began.elapsed().as_millis());
    }
    taken.sort_unstable();
    taken
}

#[tokio::test(start_paused = true)]
async fn a_second_call_beside_a_late_one_is_made_only_where_it_is_wanted_and_the_loser_is_ended() {
    let run = async |variables: &[(&str, &str)]| {
        let (counter, world) = counter(Host::Tails { every: 30 }, variables);
        taken(&counter, 100).await;
        let before = world.calls.borrow().len();
        let taken = taken(&counter, 400).await;
        assert_eq!(world.running.get(), 0);
        (taken[395], world.calls.borrow().len() - before)
    };
    let (slow, calls) = run(&[("UPSTREAM_RPM", "0")]).await;
    assert_eq!((slow, calls), (3_000, 400));
    for rpm in ["0", "60000"] {
        let (slow, calls) = run(&[("UPSTREAM_RPM", rpm), ("HEDGE", "true")]).await;
        assert!(slow <= 300 && (401..=440).contains(&calls), "{slow} ms, {calls} calls");
    }
}

#[tokio::test(start_paused = true)]
async fn second_calls_beside_late_ones_stay_a_tenth_of_the_traffic() {
    // Slower and slower, so that each call is later than was usual.
    let (counter, world) = counter(Host::Answers { after_ms: 100 }, &[("UPSTREAM_RPM", "0"), ("HEDGE", "true")]);
    taken(&counter, 100).await;
    world.slower_ms.set(900);
    let one = call(&counter);
    let calls: Vec<_> = (0..500).map(|_| call::complete(&counter, &one, false)).collect();
    assert!(futures::future::join_all(calls).await.iter().all(|c| c.is_ok()));
    let made = world.calls.borrow().len() - 100;
    assert!((501..=580).contains(&made), "{made} calls for 500");
}

const SECRET: &str = "sk-the-shops-own";
const WITH_SECRET: [(&str, &str); 4] = [
    ("ROUTES", r#"{"gpt-4.1":[{"model":"m","key":"SECRET"}]}"#),
    ("SECRET", SECRET),
    ("RETRIES", "0"),
    ("UPSTREAM_RPM", "0"),
];

/// What a caller is told of a stream that does not end well, at its beginning or later.
async fn broken(text: &'static str, variables: &[(&str, &str)]) -> String {
    let (counter, _) = counter(Host::Says(text), variables);
    match stream::open(&counter, &call(&counter)).await {
        Err(failed) => failed.error.message,
        Ok(opened) => match opened.value.collect::<Vec<_>>().await.pop() {
            Some(stream::Piece::Broke(fault)) => fault.to_error(1).message,
            other => panic!("it ended with {other:?}"),
        },
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_its_host_says_in_a_success_never_reaches_the_caller() {
    let plain = r#"{"error":{"message":"Incorrect API key provided: sk-the-shops-own"}}"#;
    let (counter, _) = counter(Host::Says(plain), &WITH_SECRET);
    let told = call::complete(&counter, &call(&counter), false).await.unwrap_err().error.message;
    let first =
        broken("data: {\"error\":{\"message\":\"Incorrect API key provided: sk-the-shops-own\"}}\n\n", &WITH_SECRET);
    let later = broken(
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"error\":\"no: sk-the-shops-own\"}\n\n",
        &WITH_SECRET,
    );
    for message in [told, first.await, later.await] {
        assert!(message.contains("[key]") && !message.contains(SECRET), "{message}");
    }
}

/// How long a shopper waits for the first word of an answer, in milliseconds, and its rung.
async fn first_word(counter: &Counter, party: u64) -> (u128, Rung) {
    let began = Instant::now();
    let desk = FromDocuments { counter: counter.clone(), party };
    let asked = Asked {
        question: format!("How much is shipping to region {party}?"),
        earlier: Vec::new(),
        request_id: format!("shopper-{party}"),
        with_model: true,
        late: false,
    };
    let (mut said, mut first) = (desk.answer(asked), None);
    while let Some(piece) = said.next().await {
        match piece {
            Said::Text(_) => drop(first.get_or_insert(began.elapsed().as_millis())),
            Said::Done { rung } => return (first.unwrap(), rung),
            _ => {}
        }
    }
    panic!("no answer")
}

#[tokio::test(start_paused = true)]
async fn a_host_that_hangs_holds_shoppers_up_for_about_one_first_byte_deadline_and_most_of_them_not_at_all() {
    let (counter, world) = counter(Host::Answers { after_ms: 3_600_000 }, &[("SHARE_MS", "0")]);
    world.runs_on.set(true);
    let local = tokio::task::LocalSet::new();
    let told = local
        .run_until(futures::future::join_all((0..60).map(|n| {
            let counter = &counter;
            async move {
                sleep(Duration::from_millis(4_000 * n)).await;
                first_word(counter, n).await
            }
        })))
        .await;
    // Passages are weighed for 2.5 s first.
    let waited: Vec<u128> = told.iter().map(|t| t.0).collect();
    assert!(told.iter().all(|t| t.1 == Rung::Passages) && waited.iter().all(|ms| *ms <= 15_500), "{told:?}");
    let later = &waited[25..];
    let soon = later.iter().filter(|ms| **ms <= 3_000).count();
    assert!(soon * 2 >= later.len(), "{soon} of {} at once: {waited:?}", later.len());
}

fn of_a_person(call: Call) -> Call {
    Call { wait: Wait { told: Told(Some(Rc::new(|_, _| {}))), ..Wait::new(Kind::New, 0) }, ..call }
}

#[tokio::test(start_paused = true)]
async fn a_person_does_not_wait_for_the_first_word_of_a_host_that_hangs_after_its_first_data() {
    let word = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let empty = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n";
    for (piece, pieces, opens) in [(word, 30, true), (empty, usize::MAX, false)] {
        let host = Host::Trickles { status: 200, piece, pieces, end: "data: [DONE]\n\n" };
        let (counter, _) = counter(host, &[("UPSTREAM_RPM", "0")]);
        let person = of_a_person(call(&counter));
        match stream::open(&counter, &person).await {
            Ok(opened) => assert_eq!(opened.value.collect::<Vec<_>>().await.last(), Some(&stream::Piece::Done)),
            Err(failed) => assert_eq!((failed.error.status, failed.latency_ms, opens), (504, 12_500, false)),
        }
        assert_eq!(stream::open(&counter, &person).await.is_ok(), opens);
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_is_tried_by_one_call_at_a_time_and_by_no_retry() {
    let (counter, world) = counter(Host::Answers { after_ms: 3_600_000 }, &[("ROUTES", TWO), ("UPSTREAM_RPM", "0")]);
    let shopper = of_a_person(of_two(&counter));
    let all = (0..600).map(|n| {
        let (counter, shopper, world) = (&counter, &shopper, &world);
        async move {
            sleep(Duration::from_millis(500 * n)).await;
            let before = world.calls.borrow().len();
            let began = Instant::now();
            stream::open(counter, shopper).await.map(drop).unwrap_err();
            (began.elapsed().as_millis(), world.calls.borrow().len() - before)
        }
    });
    let told = futures::future::join_all(all).await;
    assert!(told.iter().all(|t| t.0 <= 12_500), "{told:?}");
    // From then on each of the two targets is tried for ten seconds of every thirty, the second also after the first.
    let calls = world.calls.borrow().iter().filter(|c| c.0 >= 100_000).count();
    assert!((10..=30).contains(&calls), "{calls} calls in 200 s");
}

const BREAKS: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
const WELL: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n";
const EMPTY: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"\"}}]}\n\ndata: [DONE]\n\n";

#[tokio::test(start_paused = true)]
async fn a_host_whose_streams_all_break_or_are_empty_is_passed_over_here_and_elsewhere() {
    for (text, rpm, goes_to) in
        [(BREAKS, "0", "second"), (BREAKS, "6000", "second"), (EMPTY, "6000", "second"), (WELL, "0", "first")]
    {
        let variables = [("ROUTES", TWO), ("RETRIES", "0"), ("UPSTREAM_RPM", rpm)];
        let (counter, world) = counter(Host::Says(text), &variables);
        // Where there is a limit for the world another isolate hears of it.
        let there = if rpm == "0" { counter.clone() } else { another(&counter) };
        // Neither target is called when the other is: an empty stream of the first is asked of the second too.
        let one = Call { targets: counter.config.targets("two")[..1].to_vec(), ..of_two(&counter) };
        for _ in 0..8 {
            if let Ok(opened) = stream::open(&there, &one).await {
                opened.value.collect::<Vec<_>>().await;
            }
            sleep(Duration::from_millis(250)).await;
        }
        if rpm != "0" {
            let second = Call { targets: counter.config.targets("two")[1..].to_vec(), ..of_two(&counter) };
            let _ = stream::open(&there, &second).await;
            sleep(Duration::from_millis(250)).await;
            let _ = stream::open(&counter, &second).await;
            sleep(Duration::from_millis(250)).await;
        }
        world.models.borrow_mut().clear();
        let _ = stream::open(&counter, &of_two(&counter)).await;
        assert_eq!(world.models.borrow()[0], goes_to, "{text} at {rpm}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_sends_elsewhere_is_given_up_for_the_next_one() {
    let (counter, world) =
        counter(Host::Fails { status: 308, headers: &[] }, &[("ROUTES", TWO), ("UPSTREAM_RPM", "0")]);
    let failed = call::complete(&counter, &of_two(&counter), false).await.unwrap_err();
    assert_eq!((failed.error.status, world.models.borrow().join(" ")), (502, "first second".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn retries_wait_for_their_permits_within_what_is_left_of_the_callers_patience_and_of_the_whole_time() {
    let variables = [("UPSTREAM_RPM", "30"), ("RETRIES", "10"), ("TOTAL_MS", "20000"), ("FIRST_BYTE_MS", "1000")];
    for (patience_ms, longest_ms) in [(2_000, 5_000), (60_000, 22_000)] {
        let (counter, _) = counter(Host::Answers { after_ms: 3_600_000 }, &variables);
        // So many are before it that permits come one by one.
        let _: Vec<_> = bounded::run(&counter, jobs(24, 60_000), 24, "here").collect().await;
        let waits = |one: Call| Call { wait: Wait::batch(0, patience_ms), ..one };
        let each = of_many_models(&counter, 6).into_iter().map(waits).collect::<Vec<_>>();
        let ended = futures::future::join_all(each.iter().map(|one| call::complete(&counter, one, false))).await;
        for failed in ended.into_iter().map(Result::unwrap_err) {
            assert!(failed.latency_ms <= longest_ms, "{failed:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_plain_answer_is_waited_for_as_long_as_bytes_come_and_a_refusals_reason_for_a_second() {
    let answer = r#"{"choices":[{"message":{"content":"yes"}}]}"#;
    let variables = [("RETRIES", "0"), ("UPSTREAM_RPM", "0"), ("SILENCE_MS", "5000")];
    let well = Host::Trickles { status: 200, piece: "\n", pieces: 40, end: answer };
    let (counter, _) = counter(well, &variables);
    let answered = call::complete(&counter, &call(&counter), true).await.unwrap();
    assert_eq!((answered.value.content.as_deref(), answered.latency_ms), (Some("yes"), 41_000));
    let refused = Host::Trickles { status: 500, piece: "\n", pieces: 40, end: "{}" };
    let (counter, _) = self::counter(refused, &variables);
    let failed = call::complete(&counter, &call(&counter), false).await.unwrap_err();
    assert_eq!((failed.error.status, failed.latency_ms), (502, 1_000));
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_comments_is_given_up_at_the_first_byte_deadline() {
    let pings = Host::Trickles { status: 200, piece: ": ping\n\n", pieces: usize::MAX, end: "" };
    let (counter, _) = counter(pings, &[("RETRIES", "0"), ("UPSTREAM_RPM", "0"), ("FIRST_BYTE_MS", "7000")]);
    let failed = stream::open(&counter, &call(&counter)).await.map(drop).unwrap_err();
    assert_eq!((failed.error.status, failed.latency_ms), (504, 7_000));
}

#[tokio::test(start_paused = true)]
async fn a_stream_may_be_as_long_as_it_likes_but_not_one_event_of_it() {
    for in_events in [true, false] {
        let (counter, _) = counter(Host::Floods { in_events }, &[("RETRIES", "0"), ("UPSTREAM_RPM", "0")]);
        let last = match stream::open(&counter, &call(&counter)).await {
            Ok(opened) => opened.value.collect::<Vec<_>>().await.pop(),
            Err(_) => None,
        };
        assert_eq!(last == Some(stream::Piece::Done), in_events);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_named_error_is_one_whatever_is_in_it() {
    let word = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n";
    for (data, told) in [
        (r#"{"error":{"message":"no room"}}"#, "no room"),
        (r#"{"type":"overloaded","message":"no room at sk-the-shops-own"}"#, "no room at [key]"),
        (r#"{"error":null}"#, "an error"),
        ("no room", "no room"),
    ] {
        for before in ["", word] {
            let text = format!("{before}event: error\ndata: {data}\n\ndata: [DONE]\n\n");
            let message = broken(Box::leak(text.into_boxed_str()), &WITH_SECRET).await;
            assert!(message.contains(&format!("within its stream: {told}")), "{data}: {message}");
        }
    }
}
