//! Exact limits, seen from the upstream's side.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::serve::{Reply, Worker};
use crate::storage::Storage;
use crate::upstream::Upstream;

fn ask(worker: &Worker) -> Reply {
    worker.post("/v1/chat/completions", &json!({"model": "m", "messages": [{"role": "user", "content": "q"}]}))
}

fn burst(worker: &Worker, calls: usize) -> Vec<Reply> {
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..20).map(|_| scope.spawn(|| (0..calls / 20).map(|_| ask(worker)).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
    })
}

#[test]
fn the_upstreams_limit_is_exact_under_concurrent_load_and_survives_a_restart() {
    let upstream = Upstream::start("");
    let storage = Storage::new("limits");
    let url = upstream.url();
    let variables =
        [("UPSTREAM_BASE_URL", url.as_str()), ("UPSTREAM_OPEN", "true"), ("UPSTREAM_RPM", "60"), storage.variable()];
    let worker = Worker::start(&variables);
    let replies = burst(&worker, 200);
    let passed = replies.iter().filter(|r| r.status == 200).count();
    assert_eq!((passed, upstream.seen(|s| s.total)), (60, 60));
    // One who comes when all is spent; in the burst some are still on their way to be spent.
    let refused = ask(&worker);
    assert_eq!((refused.status, &refused.error()["type"]), (429, &json!("rate_limit_error")));
    assert_eq!(refused.header("ratelimit-policy"), Some("\"upstream\";q=60;w=60"));
    assert!(refused.header("ratelimit").unwrap().starts_with("\"upstream\";r=0;t="), "{refused:?}");
    assert_eq!(refused.header("x-ratelimit-remaining-requests"), Some("0"));
    drop(worker);
    let again = Worker::start(&variables);
    assert!(burst(&again, 40).iter().all(|r| r.status == 429));
    assert_eq!(upstream.seen(|s| s.total), 60);
}

#[test]
fn four_isolates_with_ten_times_the_limit_never_pass_it_in_any_minute() {
    let upstream = Upstream::start("latency=50 jitter=50");
    let url = upstream.url();
    let variables =
        [("UPSTREAM_BASE_URL", url.as_str()), ("UPSTREAM_OPEN", "true"), ("UPSTREAM_RPM", "3000"), ("ISOLATES", "4")];
    let worker = Worker::start(&variables);
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "q"}]}).to_string();
    let bearer = format!("Bearer {}", crate::serve::KEY);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let ports: Vec<u16> = [worker.port].into_iter().chain(worker.others.iter().copied()).collect();
    assert_eq!(ports.len(), 4);
    // One minute and some more, so that windows lie within, each asker beginning anew as soon as it has a reply.
    let until = Instant::now() + Duration::from_secs(66);
    let replies: Vec<u16> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..240)
            .map(|n| {
                let (worker, body, headers, port) = (&worker, &body, &headers, ports[n % 4]);
                scope.spawn(move || {
                    let mut all = Vec::new();
                    while Instant::now() < until {
                        let body = body.clone().into_bytes();
                        all.push(worker.request_at(port, "POST", "/v1/chat/completions", headers, body).status);
                    }
                    all
                })
            })
            .collect();
        asking.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let passed = replies.iter().filter(|status| **status == 200).count();
    assert!(replies.iter().all(|status| [200, 429].contains(status)), "{passed} of {}", replies.len());
    let (total, most) = upstream.seen(|s| (s.total, s.max_in_window(60_000)));
    println!("{} offered, {passed} passed, {most} in the fullest minute", replies.len());
    assert_eq!(total, passed);
    assert!(most <= 3_000, "{most} in a minute");
    assert!(most >= 2_700, "{most} in a minute: the limit was not used");
}

#[test]
fn one_key_has_its_own_limit() {
    let upstream = Upstream::start("");
    let worker = Worker::start(&[("UPSTREAM_BASE_URL", &upstream.url()), ("UPSTREAM_OPEN", "true"), ("KEY_RPM", "5")]);
    let replies = burst(&worker, 20);
    assert_eq!(replies.iter().filter(|r| r.status == 200).count(), 5);
    let refused = replies.iter().find(|r| r.status == 429).unwrap();
    assert_eq!(refused.error()["code"], "key_rate_limited");
    let body: Value = json!({"model": "m", "messages": [{"role": "user", "content": "q"}]});
    let headers = [("authorization", "Bearer other-key"), ("content-type", "application/json")];
    assert_eq!(worker.request("POST", "/v1/chat/completions", &headers, body.to_string().into_bytes()).status, 200);
}
