//! Idempotency keys on `/v1`: one call for many requests under one key, seen from the upstream's side.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::serve::{KEY, Reply, Worker};
use crate::storage::Storage;
use crate::upstream::Upstream;

const CHAT: &str = "/v1/chat/completions";

fn chat(message: &str) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": message}]})
}

fn streamed(message: &str) -> Value {
    json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": message}]})
}

fn started(upstream: &Upstream, more: &[(&str, &str)]) -> Worker {
    let url = upstream.url();
    Worker::start(&[&[("UPSTREAM_BASE_URL", url.as_str()), ("UPSTREAM_OPEN", "true"), ("RETRIES", "0")], more].concat())
}

fn post(worker: &Worker, key: &str, path: &str, body: &Value) -> Reply {
    post_as(worker, KEY, key, path, &[("content-type", "application/json")], body.to_string().into_bytes())
}

fn post_as(worker: &Worker, bearer: &str, key: &str, path: &str, more: &[(&str, &str)], body: Vec<u8>) -> Reply {
    let bearer = format!("Bearer {bearer}");
    let headers = [&[("authorization", bearer.as_str()), ("idempotency-key", key)], more].concat();
    worker.request("POST", path, &headers, body)
}

/// Sends a request over a connection of its own, of which the test disposes.
fn send_raw(worker: &Worker, key: &str, body: &Value) -> TcpStream {
    let mut socket = TcpStream::connect(("127.0.0.1", worker.port)).unwrap();
    let body = body.to_string();
    write!(
        socket,
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nidempotency-key: {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    socket
}

/// Status, body and every header that does not tell of this moment.
fn same(a: &Reply, b: &Reply) {
    assert_eq!((a.status, &a.text), (b.status, &b.text));
    for name in ["content-type", "content-security-policy", "x-content-type-options", "cache-control", "x-request-id"] {
        assert_eq!(a.header(name), b.header(name), "{name}");
    }
}

fn replayed(reply: &Reply) -> bool {
    reply.header("idempotency-replayed") == Some("true")
}

#[test]
fn a_repeated_request_gets_the_first_reply_and_a_restart_changes_nothing() {
    let upstream = Upstream::start("");
    let storage = Storage::new("repeat");
    let worker = started(&upstream, &[storage.variable()]);
    let plain = worker.post(CHAT, &chat("q"));
    assert_eq!((plain.header("idempotency-replayed"), storage.objects("Idempotency")), (None, 0), "no key, no object");
    let first = post(&worker, "order-1", CHAT, &chat("q"));
    assert_eq!((first.status, first.header("idempotency-replayed")), (200, None), "{first:?}");
    assert!(first.header("ratelimit-policy").is_some(), "{first:?}");
    // Quoted as the draft wants it, it is the same key.
    for key in ["order-1", "\"order-1\""] {
        let again = post(&worker, key, CHAT, &chat("q"));
        assert!(replayed(&again) && again.header("ratelimit-policy").is_some(), "{again:?}");
        same(&first, &again);
    }
    drop(worker);
    let worker = started(&upstream, &[storage.variable()]);
    let again = post(&worker, "order-1", CHAT, &chat("q"));
    assert!(replayed(&again));
    same(&first, &again);
    assert_eq!((upstream.seen(|s| s.total), storage.objects("Idempotency")), (2, 1));
}

#[test]
fn ten_at_once_are_one_call() {
    let upstream = Upstream::start("latency=500");
    let worker = started(&upstream, &[]);
    let replies: Vec<Reply> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..10).map(|_| scope.spawn(|| post(&worker, "k", CHAT, &chat("q")))).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    replies.iter().for_each(|reply| same(reply, &replies[0]));
    assert_eq!(replies[0].status, 200, "{replies:?}");
    assert_eq!((upstream.seen(|s| s.total), replies.iter().filter(|r| replayed(r)).count()), (1, 9));
}

#[test]
fn another_body_is_refused_and_another_key_path_or_caller_is_another_request() {
    let upstream = Upstream::start("");
    let worker = started(&upstream, &[]);
    assert_eq!(post(&worker, "k", CHAT, &chat("q")).status, 200);
    let refused = post(&worker, "k", CHAT, &chat("r"));
    assert_eq!((refused.status, &refused.error()["code"]), (422, &json!("idempotency_key_reused")));
    assert_eq!(refused.error()["param"], "Idempotency-Key");
    assert_eq!(upstream.seen(|s| s.total), 1);
    let batch = json!({"model": "m", "prompts": ["q"]});
    assert_eq!(post(&worker, "k", "/v1/batch", &batch).json()["summary"]["ok"], 1);
    let other = post_as(&worker, "other-key", "k", CHAT, &[], chat("r").to_string().into_bytes());
    assert_eq!((other.status, replayed(&other)), (200, false));
    assert!(!replayed(&post(&worker, "K", CHAT, &chat("r"))));
    assert_eq!(upstream.seen(|s| s.total), 4);
    // The form that is asked for is a part of the request.
    let lines = [("content-type", "application/json"), ("accept", "application/x-ndjson")];
    let refused = post_as(&worker, KEY, "k", "/v1/batch", &lines, batch.to_string().into_bytes());
    assert_eq!((refused.status, &refused.error()["code"]), (422, &json!("idempotency_key_reused")));
}

#[test]
fn what_is_no_key_is_told_by_the_headers_name() {
    let upstream = Upstream::start("");
    let worker = started(&upstream, &[]);
    for key in ["", "\"open", &"k".repeat(256)] {
        let refused = post(&worker, key, CHAT, &chat("q"));
        assert_eq!((refused.status, &refused.error()["code"]), (400, &json!("invalid_idempotency_key")), "{key:?}");
        assert!(refused.error()["message"].as_str().unwrap().contains("Idempotency-Key"));
    }
    assert_eq!(upstream.seen(|s| s.total), 0);
    // What is wrong with the request itself is told as ever, and told again.
    for replay in [false, true] {
        let wrong = post(&worker, "k", CHAT, &json!({"model": "m"}));
        assert_eq!((wrong.status, &wrong.error()["param"], replayed(&wrong)), (400, &json!("messages"), replay));
    }
    let denied = post_as(&worker, "wrong", "k", CHAT, &[], b"{}".to_vec());
    assert_eq!((denied.status, replayed(&denied)), (401, false));
}

#[test]
fn failures_are_not_kept_so_a_retry_under_the_key_tries_again() {
    let upstream = Upstream::start("");
    let worker = started(&upstream, &[]);
    for fault in ["status=500", "status=429 retry-after=1", "empty-choices", "cut=20"] {
        upstream.set(fault);
        let failed = post(&worker, fault, CHAT, &chat("q"));
        assert!([502, 429].contains(&failed.status) && !replayed(&failed), "{fault}: {failed:?}");
        failed.error();
        upstream.set("");
        let well = post(&worker, fault, CHAT, &chat("q"));
        assert_eq!((well.status, replayed(&well), upstream.seen(|s| s.total)), (200, false, 1), "{fault}: {well:?}");
        assert!(replayed(&post(&worker, fault, CHAT, &chat("q"))));
    }
    // A stream that broke has the status of a success; so has a batch of which nothing came.
    upstream.set("cut=600");
    let body = streamed("a question long enough to be cut in the middle of it");
    let broken = post(&worker, "stream", CHAT, &body);
    assert!(broken.status == 200 && !broken.text.contains("[DONE]"), "{broken:?}");
    upstream.set("");
    let well = post(&worker, "stream", CHAT, &body);
    assert!(well.text.ends_with("data: [DONE]\n\n") && !replayed(&well), "{well:?}");
    let documents = json!([{"id": "d", "content": "返品は8日以内です。"}]);
    for stream in [false, true] {
        let body = json!({"model": "m", "query": "返品", "documents": documents, "ladder": true, "stream": stream});
        let key = format!("answer {stream}");
        for (fault, rung) in [("status=500", "passages"), ("", "full")] {
            upstream.set(fault);
            let reply = post(&worker, &key, "/v1/answer", &body);
            assert!(reply.text.contains(&format!("\"rung\":\"{rung}\"")) && !replayed(&reply), "{fault}: {reply:?}");
        }
        assert!(replayed(&post(&worker, &key, "/v1/answer", &body)));
    }
    let batch = json!({"model": "m", "prompts": ["q", "r"]});
    upstream.set("status=500");
    assert_eq!(post(&worker, "batch", "/v1/batch", &batch).json()["summary"]["failed"], 2);
    upstream.set("");
    let well = post(&worker, "batch", "/v1/batch", &batch);
    assert_eq!((&well.json()["summary"]["ok"], replayed(&well)), (&json!(2), false));
}

/// The lines of a stream under a key, as they come.
fn open(worker: &Worker, key: &str, body: &Value) -> impl Iterator<Item = String> + use<> {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let response = agent
        .post(format!("http://127.0.0.1:{}{CHAT}", worker.port))
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .send(body.to_string())
        .unwrap();
    assert_eq!(response.status(), 200);
    BufReader::new(response.into_body().into_reader()).lines().map_while(Result::ok)
}

#[test]
fn a_repeat_of_a_running_stream_hears_what_was_said_and_then_the_rest_live() {
    let upstream = Upstream::start("");
    let worker = started(&upstream, &[]);
    let body = streamed("[[silence=4000]] a question of some words, so that there is something to say");
    let mut first = open(&worker, "k", &body);
    let begun = first.next().unwrap();
    let mut second = open(&worker, "k", &body);
    assert_eq!(second.next().as_ref(), Some(&begun));
    assert_eq!(upstream.seen(|s| (s.total, s.in_flight)), (1, 1), "the repeat must hear it while it runs");
    let rest: Vec<String> = first.collect();
    assert!(rest.iter().any(|line| line == "data: [DONE]"), "{rest:?}");
    assert_eq!(second.collect::<Vec<_>>(), rest);
    let again = post(&worker, "k", CHAT, &body);
    assert_eq!(
        again.text.lines().collect::<Vec<_>>(),
        [vec![begun.as_str()], rest.iter().map(|l| &**l).collect()].concat()
    );
    assert!(replayed(&again) && again.header("content-type").unwrap().starts_with("text/event-stream"));
    assert_eq!((upstream.seen(|s| s.total), upstream.seen(|s| s.aborted)), (1, 0));
}

#[test]
fn a_caller_that_leaves_gets_its_reply_when_it_comes_back() {
    let upstream = Upstream::start("");
    let worker = started(&upstream, &[]);
    for (key, body, end) in [
        ("whole", chat("[[latency=1500]] q"), "}"),
        ("stream", streamed("[[silence=1500]] a longer question"), "data: [DONE]\n\n"),
    ] {
        upstream.set("");
        let socket = send_raw(&worker, key, &body);
        assert!(upstream.wait_until(Duration::from_secs(20), |s| s.total == 1), "{key}");
        drop(socket);
        let back = post(&worker, key, CHAT, &body);
        assert!(back.status == 200 && replayed(&back) && back.text.ends_with(end), "{back:?}");
        assert_eq!((upstream.seen(|s| s.total), upstream.seen(|s| s.aborted)), (1, 0), "{key}");
    }
    // Without a key a caller that leaves aborts its call, as ever.
    upstream.set("latency=20000");
    let mut socket = TcpStream::connect(("127.0.0.1", worker.port)).unwrap();
    let body = chat("q").to_string();
    write!(
        socket,
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    assert!(upstream.wait_until(Duration::from_secs(20), |s| s.total == 1));
    drop(socket);
    assert!(upstream.wait_until(Duration::from_secs(20), |s| s.aborted == 1));
}

#[test]
fn a_run_that_was_lost_with_its_object_runs_anew() {
    let upstream = Upstream::start("");
    let storage = Storage::new("lost");
    let worker = started(&upstream, &[storage.variable()]);
    let body = streamed("[[silence=20000 times=1]] a question of some words, of which half is said");
    let mut first = open(&worker, "k", &body);
    assert!(first.next().is_some());
    worker.fail();
    drop(first);
    let worker = started(&upstream, &[storage.variable()]);
    let again = post(&worker, "k", CHAT, &body);
    assert!(again.text.ends_with("data: [DONE]\n\n") && !replayed(&again), "{again:?}");
    assert_eq!(upstream.seen(|s| s.total), 2);
    same(&post(&worker, "k", CHAT, &body), &again);
}

#[test]
fn batches_analyses_answers_and_loads_take_keys_too_within_the_six_connections() {
    let upstream = Upstream::start("latency=50");
    // With a limit a minute, calls are spread over it and are never so many at once.
    let worker = started(&upstream, &[("UPSTREAM_RPM", "0")]);
    let prompts: Vec<String> = (0..40).map(|n| format!("問い{n}")).collect();
    let batch = json!({"model": "m", "prompts": prompts, "max_concurrent": 40});
    let documents = json!([{"id": "d", "content": "返品は8日以内です。"}]);
    let json = ("content-type", "application/json");
    let lines = ("accept", "application/x-ndjson");
    let load = "{\"id\":\"a\",\"content\":\"送料は550円です。\"}\n{\"id\":\"b\"}\n";
    for (key, path, headers, body) in [
        ("whole", "/v1/batch", vec![json], batch.to_string()),
        ("lines", "/v1/batch", vec![json, lines], batch.to_string()),
        ("k", "/v1/documents/analyze", vec![json], json!({"model": "m", "documents": documents}).to_string()),
        ("whole", "/v1/answer", vec![json], json!({"model": "m", "query": "返品", "documents": documents}).to_string()),
        (
            "stream",
            "/v1/answer",
            vec![json],
            json!({"model": "m", "query": "返品", "documents": documents, "stream": true}).to_string(),
        ),
        ("k", "/v1/knowledge", vec![("content-type", "application/x-ndjson")], load.to_owned()),
    ] {
        let first = post_as(&worker, KEY, key, path, &headers, body.clone().into_bytes());
        assert!(first.status == 200 && !replayed(&first), "{path}: {first:?}");
        let calls = upstream.seen(|s| s.total);
        let again = post_as(&worker, KEY, key, path, &headers, body.into_bytes());
        assert!(replayed(&again), "{path}: {again:?}");
        same(&first, &again);
        assert_eq!(upstream.seen(|s| s.total), calls, "{path}");
    }
    assert!(upstream.seen(|s| s.most_unanswered <= 6 && s.most_in_flight > 6), "{}", upstream.seen(|s| s.to_json()));
}

#[test]
fn a_long_reply_comes_back_whole_and_one_past_the_bound_is_told_once() {
    let say = "%E7%AA%93".repeat(100_000);
    let upstream = Upstream::start("");
    let worker = started(&upstream, &[]);
    let batch = |n: usize, width: usize| json!({"model": "m", "prompts": vec!["q"; n], "max_concurrent": width});
    upstream.set(&format!("say={say}"));
    let first = post(&worker, "long", "/v1/batch", &batch(10, 5));
    assert!(first.text.len() > 3_000_000 && first.json()["summary"]["ok"] == 10);
    let again = post(&worker, "long", "/v1/batch", &batch(10, 5));
    assert!(replayed(&again) && again.text == first.text);
    let headers = [("content-type", "application/json"), ("accept", "application/x-ndjson")];
    let body = batch(40, 4).to_string().into_bytes();
    let over = post_as(&worker, KEY, "over", "/v1/batch", &headers, body.clone());
    assert!(over.text.len() > 12_000_000 && over.text.lines().count() == 41, "{} bytes", over.text.len());
    let refused = post_as(&worker, KEY, "over", "/v1/batch", &headers, body);
    assert_eq!((refused.status, &refused.error()["code"]), (422, &json!("idempotency_reply_not_kept")));
    assert_eq!(upstream.seen(|s| s.total), 50);
}

#[test]
fn a_repeat_takes_a_permit_of_the_keys_and_none_of_the_upstreams() {
    let upstream = Upstream::start("");
    let worker = started(&upstream, &[("KEY_RPM", "3"), ("UPSTREAM_RPM", "1")]);
    let replies: Vec<Reply> = (0..4).map(|_| post(&worker, "k", CHAT, &chat("q"))).collect();
    assert_eq!(replies.iter().map(|r| r.status).collect::<Vec<_>>(), [200, 200, 200, 429]);
    assert_eq!((&replies[3].error()["code"], upstream.seen(|s| s.total)), (&json!("key_rate_limited"), 1));
}
