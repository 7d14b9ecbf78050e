//! A short spike: many times what the upstream can do arrives, and the upstream is never asked for more than it can, nor anybody
//! left without an answer, whatever else goes wrong meanwhile.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::serve::{KEY, Worker};
use crate::upstream::Upstream;
use crate::visitor::{Event, QUESTION, Visitor, start};

/// What the upstream can do in a second.
const CAPACITY: usize = 10;
const PEOPLE: usize = 240;
/// Between two who come, in milliseconds: six times the capacity.
const GAP_MS: u64 = 1_000 / (CAPACITY as u64 * 6);
/// How the upstream behaves when it is well.
const WELL: &str = "rate=10 window=1000 latency=200 jitter=100 retry-after=1";

fn counter(upstream: &Upstream, more: &[(&str, &str)]) -> Worker {
    let mut variables = vec![("UPSTREAM_RPM", "600"), ("ADDRESS_RPM", "0"), ("VISITOR_RPM", "0")];
    variables.extend_from_slice(more);
    start(upstream, &variables)
}

/// The rungs on which people end who come one after the other, each with a question of their own; `meanwhile` runs beside them. As the
/// widget does, a person whose connection broke asks again with the same id and the last event that was heard.
fn rush(worker: &Worker, meanwhile: impl FnOnce() + Send) -> BTreeMap<String, usize> {
    let visitors: Vec<Visitor<'_>> = (0..PEOPLE).map(|_| Visitor::new(worker)).collect();
    let began = Instant::now();
    let ends: Vec<String> = std::thread::scope(|scope| {
        let people: Vec<_> = visitors
            .iter()
            .enumerate()
            .map(|(n, visitor)| {
                scope.spawn(move || {
                    let at = Duration::from_millis(n as u64 * GAP_MS);
                    std::thread::sleep(at.saturating_sub(began.elapsed()));
                    stay(visitor, &format!("{QUESTION} {n}"))
                })
            })
            .collect();
        scope.spawn(meanwhile);
        people.into_iter().map(|person| person.join().unwrap()).collect()
    });
    let mut rungs = BTreeMap::new();
    ends.into_iter().for_each(|rung| *rungs.entry(rung).or_default() += 1);
    rungs
}

fn stay(visitor: &Visitor<'_>, question: &str) -> String {
    let until = Instant::now() + Duration::from_secs(60);
    let mut last: Option<Event> = None;
    while Instant::now() < until {
        let heard = visitor.try_ask("m1", question, last.as_ref().map(|e| e.id.as_str()), 999);
        last = heard.into_iter().last().or(last);
        if let Some(end) = last.as_ref().filter(|e| e.name == "done") {
            return end.data["rung"].as_str().unwrap_or("none").to_owned();
        }
        if last.as_ref().is_some_and(|e| e.name == "error") {
            break;
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    "no answer".to_owned()
}

/// However late a busy machine lets calls come, they are no more than the limit gives in the time in which they came and the second
/// that a permit lives. How little the upstream refuses is the bench's to tell, for it hangs on the clock; of those who keep to no limit
/// it refuses five times as many as it takes.
fn within_the_limit(upstream: &Upstream) {
    let (calls, first, last) = upstream.seen(|s| (s.total, s.arrivals[0], s.arrivals[s.arrivals.len() - 1]));
    let (taken, refused) = upstream.seen(|s| (s.taken.len(), s.refused));
    assert!(refused * 2 <= taken, "{refused} refused, {taken} taken");
    let most = CAPACITY as f64 * ((last - first) as f64 / 1_000.0 + 2.0);
    assert!(calls as f64 <= most, "{calls} calls in {} ms", last - first);
}

fn all_answered(rungs: &BTreeMap<String, usize>) {
    let answered = ["full", "fallback_model", "shared", "passages", "kept"];
    assert!(rungs.keys().all(|rung| answered.contains(&rung.as_str())), "{rungs:?}");
    assert_eq!(rungs.values().sum::<usize>(), PEOPLE);
}

#[test]
fn everybody_has_an_answer_and_the_upstream_is_asked_no_more_than_it_can() {
    let upstream = Upstream::start(WELL);
    let worker = counter(&upstream, &[]);
    let rungs = rush(&worker, || ());
    all_answered(&rungs);
    assert!(rungs.get("full").is_some_and(|n| *n >= 60), "{rungs:?}");
    within_the_limit(&upstream);
}

#[test]
fn a_host_that_refuses_or_is_dead_for_a_while_leaves_nobody_without_an_answer() {
    for fault in ["status=429 retry-after=1", "refuse"] {
        let upstream = Upstream::start(WELL);
        let worker = counter(&upstream, &[]);
        let rungs = rush(&worker, || {
            std::thread::sleep(Duration::from_secs(1));
            upstream.set(fault);
            std::thread::sleep(Duration::from_secs(2));
            upstream.set(WELL);
        });
        all_answered(&rungs);
    }
}

#[test]
fn a_panic_or_a_budget_that_is_evicted_within_it_costs_nobody_the_answer() {
    for trap in ["x-trap", "x-evict"] {
        let upstream = Upstream::start(WELL);
        let worker = counter(&upstream, &[("ENTRY", "tests/worker/trap.mjs")]);
        let bearer = format!("Bearer {KEY}");
        let rungs = rush(&worker, || {
            std::thread::sleep(Duration::from_secs(2));
            let headers = [("authorization", bearer.as_str()), ("content-type", "application/json"), (trap, "1")];
            let body = json!({"model": "m", "messages": [{"role": "user", "content": "q"}]}).to_string();
            worker.request("POST", "/v1/chat/completions", &headers, body.into_bytes());
        });
        all_answered(&rungs);
        within_the_limit(&upstream);
    }
}
