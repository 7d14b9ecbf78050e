//! Exact limits, seen from the upstream's side.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::serve::{Reply, Worker};
use crate::storage::Storage;
use crate::upstream::Upstream;

fn ask(worker: &Worker) -> Reply {
    ask_for(worker, "m", json!(null))
}

fn ask_for(worker: &Worker, model: &str, most_tokens: Value) -> Reply {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "q"}], "max_tokens": most_tokens});
    worker.post("/v1/chat/completions", &body)
}

fn burst(worker: &Worker, calls: usize) -> Vec<Reply> {
    burst_of(calls, || ask(worker))
}

fn burst_of(calls: usize, ask: impl Fn() -> Reply + Sync) -> Vec<Reply> {
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..20).map(|_| scope.spawn(|| (0..calls / 20).map(|_| ask()).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
    })
}

fn passed(replies: &[Reply]) -> usize {
    replies.iter().filter(|r| r.status == 200).count()
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
    assert_eq!((passed(&replies), upstream.seen(|s| s.total)), (60, 60));
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
    assert_eq!(passed(&replies), 5);
    let refused = replies.iter().find(|r| r.status == 429).unwrap();
    assert_eq!(refused.error()["code"], "key_rate_limited");
    let body: Value = json!({"model": "m", "messages": [{"role": "user", "content": "q"}]});
    let headers = [("authorization", "Bearer other-key"), ("content-type", "application/json")];
    assert_eq!(worker.request("POST", "/v1/chat/completions", &headers, body.to_string().into_bytes()).status, 200);
}

/// A Worker whose upstream takes 2,000 tokens a minute and counts 101 for each call.
fn with_tokens() -> (Upstream, Worker) {
    let upstream = Upstream::start(&format!("latency=20 say={}", "x".repeat(400)));
    let worker = Worker::start(&[
        ("UPSTREAM_BASE_URL", &upstream.url()),
        ("UPSTREAM_OPEN", "true"),
        ("UPSTREAM_RPM", "0"),
        ("UPSTREAM_TPM", "2000"),
    ]);
    (upstream, worker)
}

#[test]
fn the_upstreams_tokens_are_kept_under_concurrent_load() {
    let (upstream, worker) = with_tokens();
    // With its question a call may use 124.
    let replies = burst_of(100, || ask_for(&worker, "m", json!(100)));
    assert_eq!(passed(&replies), upstream.seen(|s| s.total));
    assert!((10..=(2_000 - 124) / 101 + 1).contains(&passed(&replies)), "{} passed", passed(&replies));
    for refused in replies.iter().filter(|r| r.status != 200) {
        assert_eq!((refused.status, &refused.error()["code"]), (429, &json!("upstream_budget_spent")), "{refused:?}");
    }
}

#[test]
fn a_call_counts_as_the_tokens_that_its_host_counted_once_it_has_ended() {
    let (upstream, worker) = with_tokens();
    // A call may use 629, so three would be all if each counted as much when it has ended.
    let replies: Vec<Reply> = (0..20).map(|_| ask(&worker)).collect();
    assert_eq!((passed(&replies), upstream.seen(|s| s.total)), (14, 14));
    for (reply, left) in replies.iter().zip((0..14).map(|n| 2_000 - 101 * (n + 1)).chain([2_000 - 101 * 14; 6])) {
        assert_eq!(
            reply.header("ratelimit-policy"),
            Some("\"upstream-tokens\";q=2000;qu=\"tokens\";w=60"),
            "{reply:?}"
        );
        let told = reply.header("ratelimit").unwrap();
        assert!(told.starts_with(&format!("\"upstream-tokens\";r={left};t=")), "{left}: {told}");
        let of_tokens = ["limit", "remaining"].map(|name| reply.header(&format!("x-ratelimit-{name}-tokens")));
        assert_eq!(of_tokens, [Some("2000"), Some(left.to_string().as_str())]);
        let reset: f64 = reply.header("x-ratelimit-reset-tokens").unwrap().strip_suffix('s').unwrap().parse().unwrap();
        assert!(reset > 40.0 && reset <= 61.0, "{reset}");
        assert_eq!(reply.header("x-ratelimit-limit-requests"), None);
    }
    assert!(replies[14..].iter().all(|r| r.status == 429 && r.error()["code"] == "upstream_budget_spent"));
    let largest = ask_for(&worker, "m", json!(5_000));
    assert_eq!((largest.status, &largest.error()["param"]), (413, &json!("max_tokens")), "{largest:?}");
}

#[test]
fn the_limits_count_the_calls_to_all_hosts_of_all_routes_together() {
    let upstream = Upstream::start("");
    let (down, well) = (upstream.url_with("status=503"), upstream.url_with("latency=20"));
    let routes = json!({
        "chain": [{"model": "a", "base_url": down}, {"model": "b", "base_url": well}],
        "other": [{"model": "c", "base_url": well}],
    });
    let worker = Worker::start(&[("ROUTES", &routes.to_string()), ("UPSTREAM_RPM", "60"), ("RETRIES", "1")]);
    let of_chain = burst_of(100, || ask_for(&worker, "chain", Value::Null));
    let of_other = burst_of(100, || ask_for(&worker, "other", Value::Null));
    let (total, at_well) = upstream.seen(|s| (s.total, s.calls.iter().filter(|c| c.path.contains("latency")).count()));
    assert_eq!(passed(&of_chain) + passed(&of_other), at_well);
    assert!((30..=60).contains(&total), "{total} calls");
    assert!(total > at_well && passed(&of_chain) > 0, "{total} calls, {at_well} at the host that is well");
}

#[test]
fn calls_in_flight_are_bounded_for_all_hosts_together_and_a_batch_waits_for_its_places() {
    let upstream = Upstream::start("");
    let hosts = [upstream.url_with("latency=60"), upstream.url_with("latency=90")];
    let routes = json!({"one": [{"model": "a", "base_url": hosts[0]}], "two": [{"model": "b", "base_url": hosts[1]}]});
    let worker =
        Worker::start(&[("ROUTES", &routes.to_string()), ("UPSTREAM_RPM", "0"), ("UPSTREAM_CONCURRENCY", "5")]);
    let prompts: Vec<String> = (0..30).map(|i| format!("q{i}")).collect();
    std::thread::scope(|scope| {
        for route in ["one", "two"] {
            let body = json!({"model": route, "prompts": prompts, "max_concurrent": 20});
            let worker = &worker;
            scope.spawn(move || {
                let reply = worker.post("/v1/batch", &body);
                assert_eq!(reply.json()["summary"]["ok"], 30, "{reply:?}");
            });
        }
    });
    assert_eq!(upstream.seen(|s| (s.total, s.most_in_flight)), (60, 5));
}
