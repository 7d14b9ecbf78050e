//! A visitor's desk in virtual time: order, dropped listeners, evictions in the middle of an answer, letters that must arrive.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "what goes wrong in a test must stop it"
)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use futures::stream::{self, LocalBoxStream, StreamExt};
use madoguchi::admission::message::{Ask, Lease};
use madoguchi::config::Handoff;
use madoguchi::conversation::answering::{Answering, Asked, Said};
use madoguchi::conversation::desk::{Cabinet, Desk, Surroundings};
use madoguchi::conversation::handoff::Posted;
use madoguchi::conversation::record::{Row, Rules};
use madoguchi::error::{ApiError, Kind};
use madoguchi::ladder::Rung;
use madoguchi::signature;
use madoguchi::world::{Outgoing, Sent, World};
use serde_json::{Value, json};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::{Instant, sleep};

struct Clock(Instant);

impl World for Clock {
    fn now_ms(&self) -> u64 {
        self.0.elapsed().as_millis() as u64
    }
    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        Box::pin(sleep(Duration::from_millis(ms)))
    }
    fn bits(&self) -> u64 {
        thread_local! { static SEED: Cell<u64> = const { Cell::new(7) }; }
        SEED.with(|seed| {
            seed.set(seed.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
            seed.get()
        })
    }
    fn send(&self, _: Outgoing) -> LocalBoxFuture<'static, Sent> {
        unreachable!("the desk calls no model itself")
    }
    fn ask(&self, _: &str, _: &Ask) -> LocalBoxFuture<'static, Option<Lease>> {
        unreachable!()
    }
    fn take_lane(&self) -> Option<Rc<str>> {
        None
    }
    fn free_lane(&self, _: Rc<str>) {}
}

/// The object's storage, alarm and network, which outlive the object.
#[derive(Default)]
struct Disk {
    rows: RefCell<BTreeMap<(&'static str, u64), String>>,
    alarm: Cell<Option<u64>>,
    writes: Cell<u32>,
    posted: RefCell<Vec<Posted>>,
    statuses: RefCell<Vec<u16>>,
    full: Cell<bool>,
    warned: RefCell<Vec<String>>,
}

impl Cabinet for Disk {
    fn keep(&self, (kind, number, text): &Row) -> Result<(), String> {
        if self.full.get() {
            return Err("the disk is full".into());
        }
        self.writes.set(self.writes.get() + 1);
        self.rows.borrow_mut().insert((kind, *number), text.clone());
        Ok(())
    }
    fn delete(&self, rows: &[(&'static str, u64)]) -> Result<(), String> {
        rows.iter().for_each(|row| drop(self.rows.borrow_mut().remove(row)));
        Ok(())
    }
    fn clear(&self) {
        self.rows.borrow_mut().clear();
        self.alarm.set(None);
    }
    fn wake_at(&self, ms: u64) {
        self.alarm.set(Some(ms));
    }
    fn warn(&self, line: &str) {
        self.warned.borrow_mut().push(line.to_owned());
    }
    fn post(&self, letter: Posted) -> LocalBoxFuture<'static, Result<u16, String>> {
        self.posted.borrow_mut().push(letter);
        let status = self.statuses.borrow_mut().pop();
        Box::pin(std::future::ready(status.ok_or_else(|| "no connection".to_owned())))
    }
}

/// Says an answer word by word, 100 ms each; what a question holds tells how it goes wrong.
#[derive(Default)]
struct Scribe {
    asked: RefCell<Vec<Asked>>,
    busy: Cell<bool>,
    running: Rc<Cell<usize>>,
    most: Rc<Cell<usize>>,
}

struct Running(Rc<Cell<usize>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Answering for Scribe {
    fn answer(&self, asked: Asked) -> LocalBoxStream<'static, Said> {
        self.running.set(self.running.get() + 1);
        self.most.set(self.most.get().max(self.running.get()));
        let running = Running(self.running.clone());
        let mut said = vec![Said::Queued { eta_ms: 100, ahead: 2 }, Said::Sources(vec![json!({"id": "d"})])];
        let words = if asked.with_model { "答えは五つの語です" } else { "お店の案内より" };
        said.extend(words.chars().map(|c| Said::Text(c.to_string())));
        said.push(match (asked.question.as_str(), asked.with_model) {
            ("breaks", true) | ("fails", _) => Said::Failed(ApiError::new(Kind::Upstream, "broke", "it broke")),
            (_, true) => Said::Done { rung: Rung::Full },
            (_, false) => Said::Done { rung: Rung::Passages },
        });
        if asked.question == "kept" && self.busy.get() {
            said.pop();
            said.push(match asked.late {
                true => Said::Failed(ApiError::new(Kind::RateLimit, "upstream_budget_spent", "no place")),
                false => Said::Done { rung: Rung::Kept },
            });
        }
        if asked.question == "hangs" {
            said.truncate(1);
        }
        let hangs = asked.question == "hangs";
        self.asked.borrow_mut().push(asked);
        let said = stream::iter(said).then(|piece| async move {
            sleep(Duration::from_millis(100)).await;
            piece
        });
        let said = said.map(move |piece| {
            let _ = &running;
            piece
        });
        if hangs { said.chain(stream::pending()).boxed_local() } else { said.boxed_local() }
    }
}

struct Object {
    disk: Rc<Disk>,
    scribe: Rc<Scribe>,
    clock: Rc<Clock>,
    desk: Desk,
    tasks: Vec<JoinHandle<()>>,
}

const RULES: Rules = Rules { rpm: 0, history_days: 30 };

impl Object {
    fn new(handoff: Option<&str>) -> Self {
        let (disk, scribe) = (Rc::<Disk>::default(), Rc::<Scribe>::default());
        let clock = Rc::new(Clock(Instant::now()));
        Self::with(disk, scribe, clock, handoff)
    }

    fn with(disk: Rc<Disk>, scribe: Rc<Scribe>, clock: Rc<Clock>, handoff: Option<&str>) -> Self {
        let given = Surroundings {
            world: clock.clone(),
            cabinet: disk.clone(),
            answering: scribe.clone(),
            rules: RULES,
            longest_ms: 60_000,
            handoff: Handoff { url: handoff.map(str::to_owned), secret: Some("s".into()), ..Handoff::default() },
        };
        let rows: Vec<_> = disk.rows.borrow().iter().map(|(k, text)| (k.0.to_owned(), text.clone())).collect();
        Self { desk: Desk::new(given, rows), disk, scribe, clock, tasks: Vec::new() }
    }

    /// The object goes without a word, and another takes its place.
    fn evict(self, handoff: Option<&str>) -> Self {
        self.tasks.iter().for_each(JoinHandle::abort);
        Self::with(self.disk, self.scribe, self.clock, handoff)
    }

    fn work(&mut self) {
        let work = self.desk.work();
        self.tasks.extend(work.into_iter().map(spawn_local));
    }

    fn alarm(&mut self) {
        self.disk.alarm.set(None);
        let work = self.desk.alarm();
        self.tasks.extend(work.into_iter().map(spawn_local));
    }

    fn ask(&mut self, id: &str, question: &str, last: Option<&str>) -> LocalBoxStream<'static, String> {
        let events = self.desk.ask(Some(id), question, last).unwrap();
        self.work();
        events
    }

    /// Sleeps to the alarm and rings it.
    async fn ring(&mut self) {
        let at = self.disk.alarm.get().expect("an alarm");
        sleep(Duration::from_millis(at.saturating_sub(self.clock.now_ms()))).await;
        self.alarm();
        sleep(Duration::from_millis(10)).await;
    }
}

#[derive(Debug, Default, PartialEq)]
struct Heard {
    last: Option<String>,
    text: String,
    names: Vec<String>,
    end: Value,
}

impl Heard {
    /// Hears at most so many events.
    async fn hear(&mut self, events: &mut LocalBoxStream<'static, String>, most: usize) {
        let mut heard = 0;
        while heard < most {
            let Some(event) = events.next().await else { return };
            let field = |name: &str| event.lines().find_map(|l| l.strip_prefix(name)).map(str::to_owned);
            let Some(name) = field("event: ") else { continue };
            heard += 1;
            self.last = field("id: ").or(self.last.take());
            let data: Value = serde_json::from_str(&field("data: ").unwrap()).unwrap();
            match name.as_str() {
                "delta" => self.text += data["text"].as_str().unwrap(),
                "done" | "error" => self.end = data,
                _ => {}
            }
            if self.names.last() != Some(&name) {
                self.names.push(name);
            }
        }
    }
}

async fn local<F: Future<Output = ()>>(test: F) {
    LocalSet::new().run_until(test).await;
}

const WHOLE: &str = "答えは五つの語です";

#[tokio::test(start_paused = true)]
async fn turns_are_answered_one_at_a_time_in_order_and_each_knows_those_before_it() {
    local(async {
        let mut object = Object::new(None);
        let mut streams: Vec<_> = ["一", "二", "三"].iter().map(|q| object.ask(q, q, None)).collect();
        for events in &mut streams {
            let mut heard = Heard::default();
            heard.hear(events, 99).await;
            assert_eq!((heard.text.as_str(), heard.end["rung"].as_str()), (WHOLE, Some("full")));
            assert_eq!(heard.names, ["queued", "sources", "delta", "done"]);
        }
        assert_eq!(object.scribe.most.get(), 1);
        let asked = object.scribe.asked.borrow();
        assert_eq!(asked.iter().map(|a| a.question.as_str()).collect::<Vec<_>>(), ["一", "二", "三"]);
        assert_eq!(asked[2].earlier.iter().map(|e| e.question.as_str()).collect::<Vec<_>>(), ["一", "二"]);
        assert_eq!(object.desk.history()["messages"].as_array().unwrap().len(), 6);
        // Each turn is written when it is accepted and when it has ended, and no more.
        assert_eq!(object.disk.writes.get(), 6);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_message_sent_twice_is_answered_once_while_it_runs_and_after() {
    local(async {
        let mut object = Object::new(None);
        let (mut one, mut two) = (Heard::default(), Heard::default());
        let mut first = object.ask("a", "q", None);
        one.hear(&mut first, 4).await;
        let mut second = object.ask("a", "q", None);
        two.hear(&mut second, 99).await;
        one.hear(&mut first, 99).await;
        let mut three = Heard::default();
        three.hear(&mut object.ask("a", "q", None), 99).await;
        assert_eq!((one.text.as_str(), two.text.as_str(), three.text.as_str()), (WHOLE, WHOLE, WHOLE));
        assert_eq!(one.end, three.end);
        assert_eq!(object.scribe.asked.borrow().len(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_goes_on_with_nobody_listening_and_is_taken_up_where_it_was_left() {
    local(async {
        for cut in 0..14 {
            let mut object = Object::new(None);
            let mut heard = Heard::default();
            heard.hear(&mut object.ask("a", "q", None), cut).await;
            sleep(Duration::from_secs(5)).await;
            assert_eq!(object.scribe.running.get(), 0);
            // Even by another object: the answer is whole, and is told from the place on.
            let mut object = object.evict(None);
            let last = heard.last.clone();
            heard.hear(&mut object.ask("a", "q", last.as_deref()), 99).await;
            assert_eq!((heard.text.as_str(), heard.end["rung"].as_str()), (WHOLE, Some("full")), "cut at {cut}");
            assert_eq!(object.scribe.asked.borrow().len(), 1);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_eviction_in_the_middle_of_an_answer_is_followed_by_a_whole_answer() {
    local(async {
        let mut object = Object::new(None);
        let mut heard = Heard::default();
        heard.hear(&mut object.ask("a", "質問", None), 6).await;
        let before = heard.text.clone();
        assert!(!before.is_empty());
        let mut object = object.evict(None);
        let last = heard.last.clone();
        heard.hear(&mut object.ask("a", "質問", last.as_deref()), 99).await;
        let note = "\n\n（お答えが途中で切れたため、初めからお答えし直します。）\n\n";
        assert_eq!(heard.text, format!("{before}{note}{WHOLE}"));
        assert_eq!(object.desk.history()["messages"][1]["text"], WHOLE);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_question_whose_shopper_left_is_answered_by_the_alarm_after_an_eviction() {
    local(async {
        let mut object = Object::new(None);
        drop(object.ask("a", "q", None));
        sleep(Duration::from_millis(450)).await;
        let mut object = object.evict(None);
        object.ring().await;
        sleep(Duration::from_secs(3)).await;
        assert_eq!(object.desk.history()["messages"][1]["text"], WHOLE);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_evicted_again_and_again_ends_the_turn_plainly() {
    local(async {
        let mut object = Object::new(None);
        let mut heard = Heard::default();
        for _ in 0..6 {
            let last = heard.last.clone();
            let mut events = object.ask("a", "q", last.as_deref());
            heard.hear(&mut events, 3).await;
            object = object.evict(None);
        }
        let last = heard.last.clone();
        heard.hear(&mut object.ask("a", "q", last.as_deref()), 99).await;
        assert_eq!(heard.end["error"]["code"], "answer_cut_off");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_model_that_breaks_off_is_followed_by_the_shops_own_passages() {
    local(async {
        let mut object = Object::new(None);
        let mut heard = Heard::default();
        heard.hear(&mut object.ask("a", "breaks", None), 99).await;
        assert!(heard.text.starts_with(WHOLE) && heard.text.ends_with("お店の案内より"), "{heard:?}");
        assert_eq!(heard.end["rung"], "passages");
        let mut heard = Heard::default();
        heard.hear(&mut object.ask("b", "fails", None), 99).await;
        assert_eq!(heard.end["error"]["code"], "broke");
        // It is told by the id under which the hosts log it.
        assert_eq!(heard.end["error"]["request_id"], object.scribe.asked.borrow().last().unwrap().request_id);
        // The next question is not held up.
        let mut heard = Heard::default();
        heard.hear(&mut object.ask("c", "q", None), 99).await;
        assert_eq!(heard.end["rung"], "full");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_kept_question_is_answered_when_the_rush_has_passed_however_often_its_object_is_evicted() {
    local(async {
        let mut object = Object::new(None);
        object.scribe.busy.set(true);
        let mut heard = Heard::default();
        heard.hear(&mut object.ask("a", "kept", None), 99).await;
        assert_eq!(heard.end["rung"], "kept");
        for n in 1..=4 {
            // Evicted with nothing under way, and in the middle of a try.
            object = object.evict(None);
            object.ring().await;
            object = object.evict(None);
            object.ring().await;
            sleep(Duration::from_secs(5)).await;
            assert_eq!(object.desk.history()["messages"][1]["rung"], "kept", "try {n}");
        }
        // What was promised is not told to the model as an answer.
        heard.hear(&mut object.ask("b", "q", None), 99).await;
        assert!(object.scribe.asked.borrow().last().unwrap().earlier.is_empty());
        object.scribe.busy.set(false);
        object = object.evict(None);
        // The first alarm looks after the question that was asked meanwhile.
        object.ring().await;
        object.ring().await;
        sleep(Duration::from_secs(5)).await;
        let history = object.desk.history();
        let answer = &history["messages"][1];
        assert_eq!((answer["text"].as_str(), answer["rung"].as_str()), (Some(WHOLE), Some("full")), "{history}");
        // Its tries came ever later, and there are no more.
        let tries = object.scribe.asked.borrow().iter().filter(|a| a.late).count();
        assert!((9..=10).contains(&tries), "{tries}");
        let next = object.disk.alarm.get().unwrap() - object.clock.now_ms();
        assert!(next > 24 * 3_600_000, "{next}");
        // Whoever asks again for the same message hears the answer.
        let mut again = Heard::default();
        again.hear(&mut object.ask("a", "kept", None), 99).await;
        assert_eq!((again.text.as_str(), again.end["rung"].as_str()), (WHOLE, Some("full")));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_answer_ends_and_its_listener_is_not_taken_for_dead_meanwhile() {
    local(async {
        let mut object = Object::new(None);
        let began = Instant::now();
        let all: Vec<String> = object.ask("a", "hangs", None).collect().await;
        assert!(all.iter().filter(|e| e.starts_with(':')).count() >= 3, "{all:?}");
        assert!(all.last().unwrap().contains("event: error"));
        assert!(began.elapsed() <= Duration::from_secs(200), "{:?}", began.elapsed());
        assert_eq!(object.scribe.running.get(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_kept_is_refused_and_can_be_sent_again() {
    local(async {
        let mut object = Object::new(None);
        object.disk.full.set(true);
        let Err(refused) = object.desk.ask(Some("a"), "q", None) else { panic!("accepted") };
        assert_eq!((refused.status, refused.code), (503, "not_kept"));
        object.disk.full.set(false);
        let mut heard = Heard::default();
        heard.hear(&mut object.ask("a", "q", None), 99).await;
        assert_eq!(heard.text, WHOLE);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_hand_off_is_posted_until_it_is_accepted_through_evictions_and_its_signature_checks() {
    local(async {
        let url = Some("https://desk.example/in");
        let mut object = Object::new(url);
        let mut heard = Heard::default();
        heard.hear(&mut object.ask("a", "割れていました", None), 99).await;
        // Statuses are taken from the end; a 302 and a 404 are no acceptance either.
        *object.disk.statuses.borrow_mut() = vec![202, 404, 302, 500];
        let id = object.desk.hand_off("v", "急ぎ", "a@b.example").unwrap().unwrap();
        assert_eq!(object.desk.hand_off("v", "急ぎ", "a@b.example"), Ok(Some(id.clone())));
        assert_eq!(object.desk.history()["messages"][2]["id"], json!(id));
        object.work();
        sleep(Duration::from_millis(10)).await;
        for attempt in 1..=3 {
            assert_eq!(object.disk.posted.borrow().len(), attempt);
            if attempt == 2 {
                object = object.evict(url);
            }
            object.ring().await;
        }
        assert_eq!(object.disk.posted.borrow().len(), 4);
        for _ in 0..3 {
            object.alarm();
            sleep(Duration::from_secs(7200)).await;
        }
        let posted = object.disk.posted.borrow();
        assert_eq!(posted.len(), 4);
        // The operator hears of each attempt that failed.
        let warned = object.disk.warned.borrow();
        assert!(warned.len() == 3 && warned.iter().all(|line| line.contains("HANDOFF_URL")), "{warned:?}");
        for letter in posted.iter() {
            let header = |name: &str| letter.headers.iter().find(|h| h.0 == name).unwrap().1.clone();
            let signed = format!("{}.{}", header("x-madoguchi-timestamp"), letter.body);
            assert_eq!(header("x-madoguchi-signature"), format!("v1={}", signature::sign("s", &[&signed])));
            assert_eq!(header("idempotency-key"), posted[0].headers[1].1);
        }
        let body: Value = serde_json::from_str(&posted[3].body).unwrap();
        assert_eq!(
            (&body["note"], &body["contact"], &body["visitor"]),
            (&json!("急ぎ"), &json!("a@b.example"), &json!("v"))
        );
        assert_eq!(body["transcript"][0]["text"], "割れていました");
        assert_eq!(body["transcript"][1]["text"], WHOLE);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_its_visitor_ends_in_the_middle_of_an_answer_is_gone_and_can_begin_anew() {
    local(async {
        let mut object = Object::new(None);
        let mut heard = Heard::default();
        let mut events = object.ask("a", "q", None);
        heard.hear(&mut events, 3).await;
        object.desk.forget().unwrap();
        heard.hear(&mut events, 99).await;
        assert_eq!(heard.end["error"]["code"], "conversation_deleted");
        // Nothing that was said is kept, and after an hour nothing at all.
        let kept: Vec<String> = object.disk.rows.borrow().values().cloned().collect();
        assert_eq!(kept, [r#"{"ids":["a"],"at_ms":300}"#]);
        assert_eq!(object.desk.history()["messages"], json!([]));
        while object.disk.alarm.get().is_some() {
            object.ring().await;
        }
        assert!(object.disk.rows.borrow().is_empty());
        assert!((3_600_000..3_700_000).contains(&object.clock.now_ms()), "{}", object.clock.now_ms());
        let mut anew = Heard::default();
        anew.hear(&mut object.ask("b", "q", None), 99).await;
        assert_eq!(object.desk.history()["messages"].as_array().unwrap().len(), 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_message_that_is_taken_up_again_ends_and_is_not_asked_until_it_is_sent_anew() {
    local(async {
        for cut in [0, 3, 99] {
            let mut object = Object::new(None);
            let mut heard = Heard::default();
            heard.hear(&mut object.ask("a", "q", None), cut).await;
            object.desk.forget().unwrap();
            for evicted in [false, true] {
                if evicted {
                    object = object.evict(None);
                }
                let mut again = Heard { last: heard.last.clone(), ..Heard::default() };
                again.hear(&mut object.ask("a", "q", heard.last.as_deref()), 99).await;
                assert_eq!(
                    (again.names.as_slice(), &again.end["error"]["code"]),
                    (&["error".into()][..], &json!("conversation_deleted"))
                );
            }
            sleep(Duration::from_secs(60)).await;
            assert!(object.scribe.asked.borrow().len() <= 1);
            assert_eq!(object.desk.history()["messages"], json!([]));
            let mut anew = Heard::default();
            anew.hear(&mut object.ask("b", "q", None), 99).await;
            assert_eq!(anew.text, WHOLE);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_was_being_answered_when_it_was_forgotten_is_no_answer_to_the_next_question_nor_waited_for() {
    for forgotten in ["q", "hangs"] {
        local(async {
            let mut object = Object::new(None);
            let mut heard = Heard::default();
            let mut events = object.ask("a", forgotten, None);
            heard.hear(&mut events, 1).await;
            object.desk.forget().unwrap();
            let began = object.clock.now_ms();
            let mut next = Heard::default();
            next.hear(&mut object.ask("b", "the next", None), 99).await;
            assert!(object.clock.now_ms() - began < 2_000);
            assert_eq!(next.text, WHOLE);
            let asked: Vec<String> = object.scribe.asked.borrow().iter().map(|a| a.question.clone()).collect();
            assert_eq!(asked, [forgotten, "the next"]);
            assert_eq!(object.scribe.running.get(), 0);
            assert_eq!(object.desk.history()["messages"].as_array().unwrap().len(), 2);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_kept_question_that_is_forgotten_while_it_is_answered_late_leaves_the_next_ones_alone() {
    local(async {
        let mut object = Object::new(None);
        object.scribe.busy.set(true);
        Heard::default().hear(&mut object.ask("a", "kept", None), 99).await;
        object.scribe.busy.set(false);
        sleep(Duration::from_millis(object.disk.alarm.get().unwrap() - object.clock.now_ms())).await;
        object.alarm();
        sleep(Duration::from_millis(250)).await;
        object.desk.forget().unwrap();
        let mut next = Heard::default();
        next.hear(&mut object.ask("b", "q", None), 99).await;
        sleep(Duration::from_secs(60)).await;
        assert_eq!(next.text, WHOLE);
        let history = object.desk.history();
        assert_eq!(
            (&history["messages"][1]["text"], history["messages"].as_array().unwrap().len()),
            (&json!(WHOLE), 2)
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_letter_is_another_one_once_something_was_said_since_and_after_all_was_forgotten() {
    local(async {
        let mut object = Object::new(Some("https://desk.example"));
        let mut events = object.ask("a", "q", None);
        Heard::default().hear(&mut events, 3).await;
        let hand_off = |object: &mut Object| {
            assert!(object.desk.hand_off("v", "", "me@x.example").unwrap().is_some());
            object.work();
        };
        // While it is being answered, twice; then with the answer; then of a new conversation, whose first turn is the first again.
        hand_off(&mut object);
        hand_off(&mut object);
        Heard::default().hear(&mut events, 99).await;
        sleep(Duration::from_millis(10)).await;
        hand_off(&mut object);
        object.desk.forget().unwrap();
        let mut object = object.evict(Some("https://desk.example"));
        Heard::default().hear(&mut object.ask("b", "broken", None), 99).await;
        sleep(Duration::from_millis(10)).await;
        hand_off(&mut object);
        sleep(Duration::from_millis(10)).await;
        let posted = object.disk.posted.borrow();
        let mut letters: Vec<Value> = posted.iter().map(|p| serde_json::from_str(&p.body).unwrap()).collect();
        letters.dedup_by_key(|l| l["id"].clone());
        let said: Vec<usize> = letters.iter().map(|l| l["transcript"].as_array().unwrap().len()).collect();
        assert_eq!(said.iter().collect::<std::collections::BTreeSet<_>>().len(), 2, "{said:?}");
        assert!(letters.iter().any(|l| l["transcript"][0]["text"] == "broken"), "{letters:?}");
        assert!(letters.iter().any(|l| l["transcript"][1]["text"] == WHOLE && l["transcript"][0]["text"] == "q"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_conversation_deletes_itself_when_it_has_been_kept_long_enough() {
    local(async {
        let mut object = Object::new(None);
        let mut heard = Heard::default();
        heard.hear(&mut object.ask("a", "q", None), 99).await;
        let mut rings = 0;
        while object.disk.alarm.get().is_some() {
            object.ring().await;
            rings += 1;
        }
        assert!(object.disk.rows.borrow().is_empty());
        assert!(rings <= 3, "{rings} alarms");
        assert!(object.clock.now_ms() >= 30 * 86_400_000);
        assert_eq!(object.desk.history()["messages"], json!([]));
    })
    .await;
}
