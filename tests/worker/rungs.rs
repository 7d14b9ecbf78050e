//! The rungs of the ladder as a shopper meets them: a place in the line, an answer shared, passages quoted, a question kept.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::serve::Worker;
use crate::upstream::Upstream;
use crate::visitor::{Event, QUESTION, Visitor, count, empty, start, text};

#[test]
fn without_a_model_and_with_one_that_is_down_the_shopper_still_gets_a_rung() {
    let upstream = Upstream::start("status=500");
    for variables in [vec![("RETRIES", "0")], vec![("UPSTREAM_OPEN", "false")]] {
        let worker = start(&upstream, &variables);
        let events = Visitor::new(&worker).ask("m1", QUESTION, None, 99);
        assert_eq!(
            (events.last().unwrap().name.as_str(), &events.last().unwrap().data["rung"]),
            ("done", &json!("passages"))
        );
        assert!(text(&events).contains("660円"), "{events:?}");
    }
}

/// Asks for every visitor at once; what each heard.
fn ask_at_once(worker: &Worker, visitors: usize, question: impl Fn(usize) -> String + Sync) -> Vec<Vec<Event>> {
    let visitors: Vec<Visitor<'_>> = (0..visitors).map(|_| Visitor::new(worker)).collect();
    std::thread::scope(|scope| {
        let question = &question;
        let asking: Vec<_> = visitors
            .iter()
            .enumerate()
            .map(|(n, visitor)| scope.spawn(move || visitor.ask("m1", &question(n), None, 99)))
            .collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn rung(events: &[Event]) -> String {
    events.last().unwrap().data["rung"].as_str().unwrap_or("none").to_owned()
}

#[test]
fn a_wait_for_a_place_is_told_with_its_time() {
    let upstream = Upstream::start("");
    let many = |n: usize| format!("{QUESTION} {n}");
    // Ten a second, and forty who ask at once.
    let worker = start(&upstream, &[("UPSTREAM_RPM", "600"), ("ADDRESS_RPM", "0"), ("QUEUE_MS", "30000")]);
    let all = ask_at_once(&worker, 40, many);
    assert!(all.iter().all(|events| rung(events) == "full"), "{all:?}");
    let mut waited = 0;
    for events in &all {
        let Some(told) = events.iter().find(|e| e.name == "queued") else { continue };
        let began = events.iter().find(|e| e.name == "sources").unwrap().at.duration_since(told.at);
        let eta = told.data["eta_ms"].as_u64().unwrap();
        let off = (began.as_millis() as u64).abs_diff(eta);
        assert!(off < 2_000, "told {eta} ms, began after {began:?}");
        waited += u64::from(eta > 500);
    }
    assert!(waited >= 20, "{waited} waited");
    let impatient = start(&upstream, &[("UPSTREAM_RPM", "600"), ("ADDRESS_RPM", "0"), ("QUEUE_MS", "500")]);
    let all = ask_at_once(&impatient, 60, many);
    let on = |name: &str| all.iter().filter(|events| rung(events) == name).count();
    assert_eq!(on("full") + on("passages"), 60);
    assert!(on("passages") >= 20, "{} passages", on("passages"));
}

#[test]
fn courtesy_is_answered_with_courtesy_before_and_after_a_question_without_a_model() {
    let upstream = Upstream::start("");
    let worker = start(&upstream, &[("UPSTREAM_OPEN", "false")]);
    let visitor = Visitor::new(&worker);
    let greeted = visitor.ask("m1", "こんにちは！", None, 99);
    assert!(text(&greeted).contains("ご用件"), "{greeted:?}");
    assert!(text(&visitor.ask("m2", QUESTION, None, 99)).contains("660円"));
    let thanked = visitor.ask("m3", "ありがとうございました", None, 99);
    assert!(text(&thanked).contains("幸い"), "{thanked:?}");
    assert_eq!(thanked.iter().find(|e| e.name == "sources").unwrap().data, json!([]));
}

#[test]
fn a_hundred_who_ask_the_same_first_question_at_once_share_one_call_and_a_conversation_shares_none() {
    let upstream = Upstream::start("latency=300");
    let worker = start(&upstream, &[("ADDRESS_RPM", "0")]);
    let all = ask_at_once(&worker, 100, |n| if n % 2 == 0 { QUESTION.into() } else { format!("{QUESTION}？ ") });
    assert_eq!(upstream.seen(|s| s.total), 1);
    let full = all.iter().filter(|events| rung(events) == "full").count();
    let shared = all.iter().filter(|events| rung(events) == "shared").count();
    assert_eq!((full, shared), (1, 99));
    let answer = text(&all[0]);
    assert!(!answer.is_empty() && all.iter().all(|events| text(events) == answer && count(events, "sources") >= 1));
    // Moments later, too.
    let late = Visitor::new(&worker);
    assert_eq!((rung(&late.ask("m1", QUESTION, None, 99)).as_str(), upstream.seen(|s| s.total)), ("shared", 1));
    // In a conversation the same words may mean something else.
    assert_eq!((rung(&late.ask("m2", QUESTION, None, 99)).as_str(), upstream.seen(|s| s.total)), ("full", 2));
    // What may be a shopper's own is nobody else's.
    for _ in 0..2 {
        let own = Visitor::new(&worker).ask("m1", "注文番号123456の北海道への送料はいくらですか", None, 99);
        assert_eq!(rung(&own), "full");
    }
    assert_eq!(upstream.seen(|s| s.total), 4);
    // With sharing off everybody is answered alone.
    let alone = start(&upstream, &[("SHARE_MS", "0")]);
    let all = ask_at_once(&alone, 5, |_| QUESTION.into());
    assert!(all.iter().all(|events| rung(events) == "full"));
}

#[test]
fn a_question_that_nothing_can_answer_now_is_kept_and_answered_when_the_model_is_back() {
    let upstream = Upstream::start("");
    let worker = empty(&upstream, &[("RETRIES", "0")]);
    let visitor = Visitor::new(&worker);
    visitor.ask("m1", "こんにちは", None, 99);
    upstream.set("status=500");
    let events = visitor.ask("m2", "ワニは飼えますか", None, 99);
    assert_eq!(rung(&events), "kept", "{events:?}");
    assert!(text(&events).contains("お預かりしました"));
    upstream.set("say=はい、飼えます。");
    let began = Instant::now();
    loop {
        let history = visitor.history();
        let answer = history.last().unwrap();
        if answer["rung"] == "full" {
            assert_eq!(answer["text"], "はい、飼えます。");
            break;
        }
        assert_eq!(answer["rung"], "kept");
        assert!(began.elapsed() < Duration::from_secs(60), "{history:?}");
        std::thread::sleep(Duration::from_millis(500));
    }
}
