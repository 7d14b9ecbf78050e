//! What requests under one key get, with a simulated store and in virtual time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::future::LocalBoxFuture;
use futures::stream::StreamExt;
use tokio::task::{LocalSet, spawn_local, yield_now};

use super::once::{LIFE_MS, Once, ROW, Store, Work};
use super::recording::{LONGEST, Playback};
use crate::admission::message::{Ask, Lease};
use crate::api::reply::{Answer, Body};
use crate::error::{ApiError, Kind};
use crate::world::{Outgoing, Sent, World};

struct Clock(tokio::time::Instant);

impl World for Clock {
    fn now_ms(&self) -> u64 {
        1_000_000 + self.0.elapsed().as_millis() as u64
    }
    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(ms)))
    }
    fn random(&self) -> f64 {
        0.5
    }
    fn bits(&self) -> u64 {
        1
    }
    fn send(&self, _: Outgoing) -> LocalBoxFuture<'static, Sent> {
        panic!("nothing here calls a host")
    }
    fn ask(&self, _: &str, _: &Ask) -> LocalBoxFuture<'static, Option<Lease>> {
        panic!("nothing here needs a permit")
    }
    fn take_lane(&self) -> Option<Rc<str>> {
        None
    }
    fn free_lane(&self, _: Rc<str>) {}
}

/// An object's storage.
#[derive(Default)]
struct Disk {
    rows: RefCell<BTreeMap<usize, String>>,
    alarm: Cell<Option<u64>>,
    // The row from which on nothing can be written.
    full_at: Cell<Option<usize>>,
}

impl Store for Disk {
    fn get(&self, number: usize) -> Result<Option<String>, String> {
        Ok(self.rows.borrow().get(&number).cloned())
    }
    fn put(&self, number: usize, text: &str) -> Result<(), String> {
        if self.full_at.get().is_some_and(|full| number >= full) {
            return Err("the disk is full".to_owned());
        }
        assert!(number == 0 || text.len() <= ROW, "a row of {} bytes", text.len());
        assert!(self.rows.borrow_mut().insert(number, text.to_owned()).is_none(), "row {number} is there already");
        Ok(())
    }
    fn empty(&self) -> Result<(), String> {
        self.rows.borrow_mut().clear();
        Ok(())
    }
    fn wake_at(&self, ms: u64) {
        self.alarm.set(Some(ms));
    }
}

/// A key's object as long as it is in memory, and how often its request was run.
struct Object {
    clock: Rc<Clock>,
    disk: Rc<Disk>,
    once: Once,
    runs: Rc<Cell<usize>>,
}

type Asked = Result<(LocalBoxFuture<'static, Playback>, Option<Work>), ApiError>;

impl Object {
    fn new() -> Self {
        let clock = Rc::new(Clock(tokio::time::Instant::now()));
        let disk = Rc::new(Disk::default());
        Self { once: Once::new(clock.clone(), disk.clone()), clock, disk, runs: Rc::default() }
    }

    /// The same storage after everything in memory was lost.
    fn restarted(&self) -> Self {
        let (clock, disk) = (self.clock.clone(), self.disk.clone());
        Self { once: Once::new(clock.clone(), disk.clone()), clock, disk, runs: self.runs.clone() }
    }

    /// Asks without running the work.
    fn ask_with(&self, fingerprint: &str, run: impl Future<Output = Answer> + 'static) -> Asked {
        let runs = self.runs.clone();
        self.once.ask(fingerprint, move || {
            runs.set(runs.get() + 1);
            Box::pin(run)
        })
    }

    /// Asks, and runs the work in the background.
    fn start(&self, fingerprint: &str, run: impl Future<Output = Answer> + 'static) -> LocalBoxFuture<'static, Heard> {
        let (coming, work) = self.ask_with(fingerprint, run).unwrap_or_else(|e| panic!("{e}"));
        if let Some(work) = work {
            spawn_local(work);
        }
        Box::pin(async move { heard(coming.await).await })
    }

    fn refusal(&self, fingerprint: &str) -> ApiError {
        match self.ask_with(fingerprint, async { panic!("a refused request must not run") }) {
            Ok(_) => panic!("not refused"),
            Err(error) => error,
        }
    }

    fn now(&self) -> u64 {
        self.clock.now_ms()
    }
}

#[derive(Debug, PartialEq)]
struct Heard {
    status: u16,
    id: String,
    replayed: bool,
    body: String,
}

async fn heard(playback: Playback) -> Heard {
    let header = |name: &str| playback.head.headers.get(name).and_then(|v| v.as_str()).map(str::to_owned);
    let body = match playback.body {
        Body::Text(text) => text,
        Body::Stream(pieces) => pieces.collect().await,
        Body::Visit(_) | Body::Keyed(_) => panic!("no body"),
    };
    Heard {
        status: playback.head.status,
        id: header("x-request-id").unwrap_or_default(),
        replayed: header("idempotency-replayed").as_deref() == Some("true"),
        body,
    }
}

fn plain(status: u16, body: &str) -> Answer {
    let mut answer = Answer::json(body.to_owned());
    answer.status = status;
    answer.header("x-request-id", "req_first");
    answer
}

/// An answer whose pieces the test sends.
fn streamed() -> (UnboundedSender<String>, Rc<Cell<bool>>, impl Future<Output = Answer>) {
    let (send, pieces) = unbounded();
    let failed = Rc::new(Cell::new(false));
    let answer = Answer::events(pieces.boxed_local()).failing(failed.clone());
    (send, failed, std::future::ready(answer))
}

async fn never() -> Answer {
    panic!("it must not run again")
}

/// Runs a test in virtual time.
fn simulate(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

#[test]
fn a_repeat_gets_the_first_reply_whole_even_from_an_object_that_was_restarted() {
    simulate(async {
        let object = Object::new();
        let body = "{ \"a\": \"窓口\",\n\"b\":1.50 }";
        let first = object.start("f", async move { plain(200, body) }).await;
        let wanted = |replayed| Heard { status: 200, id: "req_first".into(), replayed, body: body.into() };
        assert_eq!(first, wanted(false));
        assert_eq!(object.start("f", never()).await, wanted(true));
        assert_eq!(object.restarted().start("f", never()).await, wanted(true));
        assert_eq!(object.runs.get(), 1);
    });
}

#[test]
fn ten_at_once_are_one_run_and_all_hear_it() {
    simulate(async {
        let object = Object::new();
        let slow = || async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            plain(200, "answer")
        };
        let all: Vec<_> = (0..10).map(|_| object.start("f", slow())).collect();
        let all = futures::future::join_all(all).await;
        assert!(all.iter().all(|h| h.body == "answer" && h.id == "req_first"), "{all:?}");
        assert_eq!((object.runs.get(), all.iter().filter(|h| h.replayed).count()), (1, 9));
    });
}

#[test]
fn another_request_under_the_key_is_refused_while_the_first_runs_and_afterwards() {
    simulate(async {
        let object = Object::new();
        let (send, _, run) = streamed();
        let first = object.start("f", run);
        assert_eq!(object.refusal("g").code, "idempotency_key_reused");
        drop(send);
        first.await;
        for object in [&object, &object.restarted()] {
            let refused = object.refusal("g");
            assert_eq!((refused.status, refused.param.as_deref()), (422, Some("Idempotency-Key")));
            assert!(refused.message.contains("new key"), "{refused}");
        }
    });
}

#[test]
fn a_failure_that_may_pass_is_told_to_all_who_waited_and_then_forgotten() {
    simulate(async {
        for status in [408, 409, 425, 429, 500, 502, 503, 504] {
            let object = Object::new();
            let failing = async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                plain(status, "failed")
            };
            let (first, second) = (object.start("f", failing), object.start("f", never()));
            assert_eq!((first.await.status, second.await.status), (status, status));
            assert!(object.disk.rows.borrow().is_empty() && object.disk.alarm.get().is_none(), "{status} leaves rows");
            // The key is free: even for another body, since nothing came of the first.
            assert_eq!(object.start("g", async { plain(200, "well") }).await.body, "well");
            assert_eq!(object.runs.get(), 2);
        }
    });
}

#[test]
fn a_refusal_of_the_request_itself_is_kept() {
    simulate(async {
        for status in [400, 404, 413, 422] {
            let object = Object::new();
            object.start("f", async move { plain(status, "wrong") }).await;
            assert_eq!(object.start("f", never()).await.status, status);
        }
    });
}

#[test]
fn a_body_that_tells_of_a_failure_is_not_kept_though_its_status_is_a_success() {
    simulate(async {
        let object = Object::new();
        let (send, failed, run) = streamed();
        let first = object.start("f", run);
        send.unbounded_send("data: half".into()).unwrap();
        failed.set(true);
        drop(send);
        assert_eq!(first.await.body, "data: half");
        assert_eq!(object.start("f", async { plain(200, "whole") }).await.body, "whole");
        assert_eq!(object.runs.get(), 2);
    });
}

#[test]
fn who_joins_a_running_stream_hears_it_from_its_beginning_and_then_live() {
    simulate(async {
        let object = Object::new();
        let (send, _, run) = streamed();
        let (coming, work) = object.ask_with("f", run).unwrap_or_else(|e| panic!("{e}"));
        spawn_local(work.unwrap());
        send.unbounded_send("one ".into()).unwrap();
        let Body::Stream(mut first) = coming.await.body else { panic!("a stream that runs is told as a stream") };
        assert_eq!(first.next().await.as_deref(), Some("one "));
        let (coming, work) = object.ask_with("f", never()).unwrap_or_else(|e| panic!("{e}"));
        assert!(work.is_none());
        let Body::Stream(mut second) = coming.await.body else { panic!("so is a repeat") };
        assert_eq!(second.next().await.as_deref(), Some("one "));
        send.unbounded_send("two".into()).unwrap();
        assert_eq!((first.next().await.as_deref(), second.next().await.as_deref()), (Some("two"), Some("two")));
        drop(send);
        assert_eq!((first.next().await, second.next().await), (None, None));
        assert_eq!(object.start("f", never()).await.body, "one two");
    });
}

#[test]
fn a_long_body_comes_back_from_its_rows_as_it_was() {
    simulate(async {
        for (piece, times) in [("窓口で", 400_000), ("x", 3 * ROW), ("", 1)] {
            let object = Object::new();
            let whole = piece.repeat(times);
            let copy = whole.clone();
            object.start("f", async move { plain(200, &copy) }).await;
            assert_eq!(object.disk.rows.borrow().len() - 1, whole.len().div_ceil(ROW), "of {} bytes", whole.len());
            assert!(object.restarted().start("f", never()).await.body == whole, "{piece} is not what it was");
        }
        let object = Object::new();
        let (send, _, run) = streamed();
        let pieces: Vec<String> = (0..200).map(|n| format!("{n} {}\n", "日".repeat(n * 20))).collect();
        pieces.iter().for_each(|piece| send.unbounded_send(piece.clone()).unwrap());
        drop(send);
        object.start("f", run).await;
        assert!(object.disk.rows.borrow().len() > 2);
        assert!(object.start("f", never()).await.body == pieces.concat());
    });
}

#[test]
fn a_caller_that_leaves_takes_nothing_with_it() {
    simulate(async {
        let object = Object::new();
        let (send, _, run) = streamed();
        let (coming, work) = object.ask_with("f", run).unwrap_or_else(|e| panic!("{e}"));
        spawn_local(work.unwrap());
        send.unbounded_send("one ".into()).unwrap();
        drop(coming.await);
        let second = object.start("f", never());
        send.unbounded_send("two".into()).unwrap();
        drop(send);
        assert_eq!(second.await.body, "one two");
        assert_eq!(object.runs.get(), 1);
    });
}

#[test]
fn an_object_lost_in_the_middle_of_a_run_runs_anew_and_replays_nothing_half() {
    simulate(async {
        let object = Object::new();
        let (send, _, run) = streamed();
        let (coming, work) = object.ask_with("f", run).unwrap_or_else(|e| panic!("{e}"));
        let lost = spawn_local(work.unwrap());
        send.unbounded_send("half".into()).unwrap();
        drop(coming.await);
        lost.abort();
        yield_now().await;
        let again = object.restarted();
        assert_eq!(again.start("f", async { plain(200, "whole") }).await.body, "whole");
        assert_eq!((object.runs.get(), again.start("f", never()).await.body.as_str()), (2, "whole"));
    });
}

#[test]
fn a_reply_is_kept_for_a_day_and_then_nothing_is_left_of_it() {
    simulate(async {
        let object = Object::new();
        object.start("f", async { plain(200, "old") }).await;
        let until = object.now() + LIFE_MS;
        assert_eq!(object.disk.alarm.get(), Some(until));
        tokio::time::sleep(Duration::from_millis(LIFE_MS - 1)).await;
        assert_eq!(object.start("f", never()).await.body, "old");
        assert!(!object.once.alarm(), "an alarm that rings early deletes nothing");
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(object.restarted().once.alarm());
        // An alarm that is late lets no old reply through, and the new one has a whole life.
        assert_eq!(object.start("g", async { plain(200, "new") }).await.body, "new");
        assert!(!object.once.alarm() && object.disk.alarm.get() == Some(until + LIFE_MS));
    });
}

#[test]
fn what_somebody_reads_is_not_deleted_under_him() {
    simulate(async {
        let object = Object::new();
        let whole = "x".repeat(3 * ROW);
        let copy = whole.clone();
        object.start("f", async move { plain(200, &copy) }).await;
        let (coming, _) = object.ask_with("f", never()).unwrap_or_else(|e| panic!("{e}"));
        let reading = coming.await;
        tokio::time::sleep(Duration::from_millis(LIFE_MS + 1)).await;
        assert!(!object.once.alarm() && object.disk.alarm.get().unwrap() > object.now());
        assert!(heard(reading).await.body == whole);
        assert!(object.once.alarm());
    });
}

#[test]
fn a_reply_too_long_to_be_kept_is_told_whole_in_bounded_memory_and_never_made_twice() {
    simulate(async {
        let object = Object::new();
        let (made, told) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let counted = made.clone();
        let pieces = futures::stream::iter(0..30).map(move |n| {
            counted.set(n + 1);
            format!("{n:>2}").repeat(LONGEST / 20)
        });
        let run = async move { Answer::lines(pieces.boxed_local()) };
        let (coming, work) = object.ask_with("f", run).unwrap_or_else(|e| panic!("{e}"));
        let work = spawn_local(work.unwrap());
        let Body::Stream(mut body) = coming.await.body else { panic!("a stream") };
        while let Some(piece) = body.next().await {
            assert!(piece.starts_with(&format!("{:>2}", told.get())), "piece {} is another", told.get());
            told.set(told.get() + 1);
            yield_now().await;
            assert!(made.get() <= told.get() + 12, "{} made, {} told", made.get(), told.get());
            if made.get() > 11 && told.get() < 30 {
                assert_eq!(object.refusal("f").code, "idempotency_reply_not_kept");
            }
        }
        work.await.unwrap();
        assert_eq!((told.get(), object.disk.rows.borrow().len()), (30, 1));
        let refused = object.restarted().refusal("f");
        assert_eq!((refused.status, refused.code), (422, "idempotency_reply_not_kept"));
        assert!(refused.message.contains("10 MiB") && refused.message.contains("new key"), "{refused}");
        assert_eq!(object.refusal("g").code, "idempotency_key_reused");
    });
}

#[test]
fn a_reply_too_long_to_be_kept_is_given_up_when_nobody_reads_it() {
    simulate(async {
        for leaves in [true, false] {
            let object = Object::new();
            let endless = || async { Answer::lines(futures::stream::repeat("x".repeat(1 << 20)).boxed_local()) };
            let (coming, work) = object.ask_with("f", endless()).unwrap_or_else(|e| panic!("{e}"));
            // Either it is dropped, or it is held and never read.
            let held = Some(coming).filter(|_| !leaves);
            let began = object.now();
            work.unwrap().await;
            assert_eq!(object.now() - began, if leaves { 0 } else { 60_000 });
            assert!(object.disk.rows.borrow().is_empty());
            assert!(object.ask_with("f", endless()).is_ok(), "nothing came of it, so it may be tried again");
            drop(held);
        }
    });
}

#[test]
fn a_reply_that_cannot_be_written_is_told_all_the_same_and_not_kept() {
    simulate(async {
        for full_at in [0, 2] {
            let object = Object::new();
            object.disk.full_at.set(Some(full_at));
            let whole = "x".repeat(2 * ROW);
            let copy = whole.clone();
            assert!(object.start("f", async move { plain(200, &copy) }).await.body == whole);
            assert!(object.disk.rows.borrow().is_empty());
        }
    });
}

#[test]
fn what_cannot_be_read_is_refused_rather_than_made_again() {
    simulate(async {
        let object = Object::new();
        object.disk.rows.borrow_mut().insert(0, "no JSON".into());
        let refused = object.refusal("f");
        assert_eq!((refused.kind, refused.status), (Kind::Overloaded, 503));
        assert!(refused.retry_after_ms.is_some());
    });
}
