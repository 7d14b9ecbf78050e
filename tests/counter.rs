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
use madoguchi::counter::{Counter, Learned};
use madoguchi::fanout::bounded::{self, Job};
use madoguchi::upstream::call::{self, Call, Wait};
use madoguchi::world::{Invocation, Outgoing, Reply, Sent, TransportError, World};
use tokio::time::{Instant, sleep};

/// What the simulated host does with a call.
#[derive(Clone, Copy)]
enum Host {
    Answers { after_ms: u64 },
    Fails { status: u16, retry_after: Option<&'static str> },
}

struct Simulated {
    began: Instant,
    host: Host,
    calls: RefCell<Vec<(u64, String)>>,
    running: Rc<Cell<usize>>,
    most: Cell<usize>,
    lessor: RefCell<Lessor>,
    lanes: Cell<usize>,
    freed: RefCell<Vec<Rc<str>>>,
}

struct Canned {
    status: u16,
    retry_after: Option<&'static str>,
    body: &'static [u8],
}

impl Reply for Canned {
    fn status(&self) -> u16 {
        self.status
    }
    fn header(&self, name: &str) -> Option<String> {
        self.retry_after.filter(|_| name == "retry-after").map(str::to_owned)
    }
    fn bytes(self: Box<Self>, _limit: usize) -> LocalBoxFuture<'static, Result<Vec<u8>, TransportError>> {
        Box::pin(async move { Ok(self.body.to_vec()) })
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
        1 << 63
    }
    fn send(&self, call: Outgoing) -> LocalBoxFuture<'static, Sent> {
        let s = &self.0;
        s.calls.borrow_mut().push((self.now_ms(), call.invocation.name().to_owned()));
        s.running.set(s.running.get() + 1);
        s.most.set(s.most.get().max(s.running.get()));
        let (host, running) = (s.host, Running(s.running.clone()));
        Box::pin(async move {
            let _running = running;
            let body = br#"{"choices":[{"message":{"content":"yes"}}],"usage":{"completion_tokens":3}}"#;
            Ok(match host {
                Host::Answers { after_ms } => {
                    sleep(Duration::from_millis(after_ms)).await;
                    Box::new(Canned { status: 200, retry_after: None, body }) as Box<dyn Reply>
                }
                Host::Fails { status, retry_after } => Box::new(Canned { status, retry_after, body: b"{}" }),
            })
        })
    }
    fn ask(&self, _budget: &str, ask: &Ask) -> LocalBoxFuture<'static, Option<Lease>> {
        let (lease, _) = self.0.lessor.borrow_mut().grant(self.now_ms(), ask);
        Box::pin(std::future::ready(Some(lease)))
    }
    fn take_lane(&self) -> Option<Rc<str>> {
        let id = self.0.lanes.get() + 1;
        self.0.lanes.set(id);
        Some(format!("lane-{id}").into())
    }
    fn free_lane(&self, lane: Rc<str>) {
        self.0.freed.borrow_mut().push(lane);
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
        running: Rc::default(),
        most: Cell::default(),
        lessor: RefCell::new(Lessor::new(0)),
        lanes: Cell::default(),
        freed: RefCell::default(),
    });
    let world = Rc::new(Handle(simulated.clone()));
    let counter = Counter { config: Rc::new(config.unwrap()), world, learned: Rc::new(Learned::new(0)) };
    (counter, simulated)
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
    let variables = [("RETRIES", "50"), ("FIRST_BYTE_MS", "7000"), ("TOTAL_MS", "20000")];
    let (counter, world) = counter(Host::Answers { after_ms: 3_600_000 }, &variables);
    let began = Instant::now();
    call::complete(&counter, &call(&counter), false).await.unwrap_err();
    assert!(began.elapsed() <= Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(world.calls.borrow().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_host_asks_for_is_kept_and_one_past_the_deadline_is_not_begun() {
    let (counter, world) = counter(Host::Fails { status: 429, retry_after: Some("4") }, &[("RETRIES", "2")]);
    call::complete(&counter, &call(&counter), false).await.unwrap_err();
    let at: Vec<u64> = world.calls.borrow().iter().map(|c| c.0).collect();
    assert!(at.windows(2).all(|w| (4000..=5000).contains(&(w[1] - w[0]))) && at.len() == 3, "{at:?}");

    let (counter, world) = self::counter(Host::Fails { status: 429, retry_after: Some("3600") }, &[]);
    let failed = call::complete(&counter, &call(&counter), false).await.unwrap_err();
    assert_eq!((world.calls.borrow().len(), failed.error.retry_after_seconds()), (1, Some(3600)));
}

#[tokio::test(start_paused = true)]
async fn under_a_dead_host_retries_stay_a_tenth_of_the_traffic() {
    let (counter, world) = counter(Host::Fails { status: 500, retry_after: None }, &[("UPSTREAM_RPM", "0")]);
    // All at once, so that the floor does not fill again meanwhile.
    let one = call(&counter);
    let calls: Vec<_> = (0..500).map(|_| call::complete(&counter, &one, false)).collect();
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
