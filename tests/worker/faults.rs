//! Every fault of an upstream through every endpoint: an answer in the contract's words, in time, and the Worker well afterwards.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::serve::{KEY, Worker};
use crate::upstream::Upstream;
use crate::visitor::{QUESTION, Visitor, text};

const FAULTS: [&str; 27] = [
    "status=400",
    "status=401",
    "status=403",
    "status=404",
    "status=408",
    "status=409",
    "status=413",
    "status=422",
    "status=429 retry-after=1",
    "status=429 retry-after=date",
    "status=500",
    "status=502 html",
    "status=503 should-retry=false",
    "status=529",
    "refuse",
    "reset",
    "reset-body=20",
    "cut=20",
    "silence=60000",
    "latency=60000",
    "malformed",
    "html",
    "empty-choices",
    "empty-content",
    "null-content",
    "invalid-utf8",
    "endless",
];

/// A fault of a plain reply alone.
const OF_PLAIN: &str = "error-body";

fn started(upstream: &Upstream) -> Worker {
    Worker::start(&[
        ("UPSTREAM_BASE_URL", &upstream.url()),
        ("UPSTREAM_API_KEY", "sk-very-secret"),
        ("UPSTREAM_RPM", "0"),
        ("RETRIES", "1"),
        ("FIRST_BYTE_MS", "400"),
        ("SILENCE_MS", "400"),
        ("TOTAL_MS", "2000"),
    ])
}

fn chat(content: &str, stream: bool) -> Value {
    json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": content}]})
}

/// The error of a stream: its envelope as a status, or as an event within.
fn stream_error(text: &str) -> Option<Value> {
    text.lines()
        .filter_map(|l| serde_json::from_str::<Value>(l.strip_prefix("data: ").unwrap_or(l)).ok())
        .find(|v| v["error"].is_object())
}

#[test]
fn every_fault_through_every_endpoint_is_told_in_the_contracts_words_and_the_next_call_is_answered() {
    let upstream = Upstream::start("");
    let worker = started(&upstream);
    for fault in FAULTS.into_iter().chain([OF_PLAIN]) {
        upstream.set(fault);
        let began = Instant::now();
        let plain = worker.post("/v1/chat/completions", &chat("q", false));
        assert!(plain.status >= 400, "{fault}: {plain:?}");
        let error = plain.error();
        let streamed = worker.post("/v1/chat/completions", &chat("q", true));
        assert!(fault == OF_PLAIN || stream_error(&streamed.text).is_some(), "{fault}: {streamed:?}");
        if fault == "malformed" {
            assert_eq!(streamed.error()["message"], error["message"], "{streamed:?}");
        }
        let batch = worker.post("/v1/batch", &json!({"model": "m", "prompts": ["q", "r"]}));
        // An endless body meets the bound of its bytes or of its time, whichever this machine reaches first.
        let told = |kind: &Value| {
            kind == &error["type"] || (fault == "endless" && (kind == "timeout_error" || kind == "upstream_error"))
        };
        for result in batch.json()["results"].as_array().unwrap() {
            assert!(result["ok"] == false && told(&result["error"]["type"]), "{fault}: {batch:?}");
        }
        let documents = json!([{"id": "d", "content": "返品は8日以内です。"}]);
        let analysis = worker.post("/v1/documents/analyze", &json!({"model": "m", "documents": documents}));
        assert!(analysis.json()["results"][0]["error"]["message"].is_string(), "{fault}: {analysis:?}");
        let answer = worker.post("/v1/answer", &json!({"model": "m", "query": "返品", "documents": documents}));
        assert!(told(&answer.error()["type"]), "{fault}: {answer:?}");
        for reply in [&plain, &streamed, &batch, &analysis, &answer] {
            assert!(!reply.text.contains("sk-very-secret"), "{fault} leaks the key: {reply:?}");
        }
        // Five calls, each with a total deadline of two seconds.
        assert!(began.elapsed() < Duration::from_secs(5 * 3), "{fault} took {:?}", began.elapsed());
        upstream.set("");
        let well = worker.post("/v1/chat/completions", &chat("after", false));
        assert_eq!(well.json()["choices"][0]["message"]["content"], "answer to: after", "after {fault}: {well:?}");
    }
}

#[test]
fn a_fault_in_the_middle_of_a_stream_is_told_in_it_whoever_asked_for_it() {
    let upstream = Upstream::start("");
    let worker = started(&upstream);
    for fault in ["cut=300", "reset-body=300", "silence=60000", "sse-error", "bad-frame"] {
        upstream.set(fault);
        let asked = "a question that is long enough for its answer to be in many pieces when it comes as a stream";
        let streamed = worker.post("/v1/chat/completions", &chat(asked, true));
        assert!(stream_error(&streamed.text).is_some(), "{fault}: {streamed:?}");
        let documents = json!([{"id": "d", "content": "返品は8日以内です。"}]);
        let answer = json!({"model": "m", "query": "返品", "documents": documents, "stream": true});
        let answer = worker.post("/v1/answer", &answer);
        assert!(stream_error(&answer.text).is_some(), "{fault}: {answer:?}");
        upstream.set("");
    }
    upstream.set("status=500");
    let batch = json!({"model": "m", "prompts": ["q", "r"]}).to_string();
    let bearer = format!("Bearer {KEY}");
    let headers =
        [("authorization", bearer.as_str()), ("content-type", "application/json"), ("accept", "application/x-ndjson")];
    let lines = worker.request("POST", "/v1/batch", &headers, batch.into_bytes());
    let failed = lines.text.lines().filter(|l| l.contains("\"ok\":false") && l.contains("upstream_error")).count();
    assert_eq!(failed, 2, "{lines:?}");
}

#[test]
fn whatever_the_upstream_does_a_shopper_is_answered_with_the_shops_passages() {
    let upstream = Upstream::start("");
    let worker = crate::visitor::start(
        &upstream,
        &[
            ("UPSTREAM_RPM", "0"),
            ("RETRIES", "1"),
            ("FIRST_BYTE_MS", "400"),
            ("SILENCE_MS", "400"),
            ("TOTAL_MS", "2000"),
        ],
    );
    for fault in FAULTS.into_iter().chain(["sse-error", "bad-frame"]) {
        upstream.set(fault);
        let visitor = Visitor::new(&worker);
        let events = visitor.ask("m1", QUESTION, None, 999);
        let end = events.last().unwrap();
        assert_eq!((end.name.as_str(), &end.data["rung"]), ("done", &json!("passages")), "{fault}: {events:?}");
        assert!(text(&events).contains("660円"), "{fault}: {events:?}");
    }
    upstream.set("");
}

#[test]
fn faults_map_to_the_statuses_of_the_contract() {
    let upstream = Upstream::start("");
    let worker = started(&upstream);
    for (fault, status) in [
        ("status=400", 400),
        ("status=401", 502),
        ("status=404", 404),
        ("status=422", 422),
        ("status=429", 429),
        ("status=500", 502),
        ("latency=60000", 504),
        ("html", 502),
        ("empty-choices", 502),
        ("null-content", 502),
    ] {
        upstream.set(fault);
        assert_eq!(worker.post("/v1/chat/completions", &chat("q", false)).status, status, "{fault}");
    }
}

#[test]
fn a_fault_that_passes_is_retried_and_the_caller_never_knows() {
    let upstream = Upstream::start("");
    let worker = started(&upstream);
    for fault in [
        "status=503 times=1",
        "reset times=1",
        "malformed times=1",
        "empty-content times=1",
        "status=429 retry-after-ms=50 times=1",
    ] {
        upstream.set(fault);
        for stream in [false, true] {
            let asked = format!("q {stream}");
            let reply = worker.post("/v1/chat/completions", &chat(&asked, stream));
            assert_eq!(reply.status, 200, "{fault}: {reply:?}");
            assert!(stream_error(&reply.text).is_none(), "{fault}: {reply:?}");
        }
        assert_eq!(upstream.seen(|s| s.total), 4, "{fault}");
    }
    upstream.set("status=503 should-retry=false");
    worker.post("/v1/chat/completions", &chat("q", false));
    assert_eq!(upstream.seen(|s| s.total), 1);
}

#[test]
fn a_host_is_asked_again_when_it_said_and_not_where_that_is_too_late() {
    let upstream = Upstream::start("");
    let worker = Worker::start(&[
        ("UPSTREAM_BASE_URL", &upstream.url()),
        ("UPSTREAM_OPEN", "true"),
        ("UPSTREAM_RPM", "0"),
        ("RETRIES", "1"),
        ("TOTAL_MS", "10000"),
    ]);
    // When the second call came, after a first one that came so.
    let second = |fault: &str| {
        upstream.set(&format!("{fault} times=1"));
        let reply = worker.post("/v1/chat/completions", &chat("q", false));
        let arrivals = upstream.seen(|s| s.arrivals.clone());
        assert_eq!((reply.status, arrivals.len()), (200, 2), "{fault}: {reply:?}");
        // A timer may end within the millisecond before its time.
        (arrivals[0], arrivals[1] + 1)
    };
    for (fault, ms) in [
        ("status=429 retry-after-ms=400", 400),
        ("status=429 retry-after-ms=400 retry-after=30", 400),
        ("status=429 retry-after=1", 1_000),
        ("status=503 retry-after=1.5", 1_500),
        ("status=400 should-retry=true", 0),
    ] {
        let (first, second) = second(fault);
        assert!(second >= first + ms, "{fault}: {} ms", second - first);
    }
    // A date is of whole seconds: the upstream names the one that ends within the second after its reply.
    let (first, second) = second("status=429 retry-after=date");
    assert!(second >= (first / 1_000 + 1) * 1_000, "{first} {second}");
    for (fault, status) in [("status=429 retry-after=30", 429), ("status=503 retry-after=30", 502)] {
        upstream.set(fault);
        let reply = worker.post("/v1/chat/completions", &chat("q", false));
        assert_eq!((reply.status, upstream.seen(|s| s.total)), (status, 1), "{fault}: {reply:?}");
        assert!(status != 429 || reply.header("retry-after") == Some("30"), "{reply:?}");
    }
}

#[test]
fn a_host_that_refuses_everybody_is_asked_again_for_a_tenth_of_the_calls_and_a_few() {
    const CALLS: usize = 100;
    let upstream = Upstream::start("status=429 retry-after-ms=1");
    let worker =
        Worker::start(&[("UPSTREAM_BASE_URL", &upstream.url()), ("UPSTREAM_OPEN", "true"), ("UPSTREAM_RPM", "0")]);
    let began = Instant::now();
    for _ in 0..CALLS {
        assert_eq!(worker.post("/v1/chat/completions", &chat("q", false)).status, 429);
    }
    let again = upstream.seen(|s| s.total) - CALLS;
    // Ten at hand, of which one comes back each second, and a tenth of the calls.
    let most = 10 + CALLS / 10 + began.elapsed().as_secs() as usize + 1;
    assert!((10..=most).contains(&again), "{again} calls were made again");
}

#[test]
fn a_host_that_cannot_be_reached_is_a_fault_of_its_own_and_the_next_one_is_called() {
    let upstream = Upstream::start("");
    let nowhere = Upstream::nowhere();
    let routes = json!({
        "dead": [{"model": "a", "base_url": nowhere}],
        "chain": [{"model": "a", "base_url": nowhere}, {"model": "b", "base_url": upstream.url()}],
    });
    let worker = Worker::start(&[("ROUTES", &routes.to_string()), ("RETRIES", "1")]);
    let body = |model: &str, stream: bool| json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "q"}]});
    for stream in [false, true] {
        let dead = worker.post("/v1/chat/completions", &body("dead", stream));
        assert_eq!((dead.status, &dead.error()["code"]), (502, &json!("upstream_unreachable")), "{dead:?}");
        let reply = worker.post("/v1/chat/completions", &body("chain", stream));
        assert!(reply.status == 200 && reply.text.contains("answer"), "{reply:?}");
    }
    let batch = worker.post("/v1/batch", &json!({"model": "dead", "prompts": ["q"]})).json();
    assert_eq!(batch["results"][0]["error"]["type"], "upstream_error", "{batch}");
}

#[test]
fn a_chain_tries_its_next_host_and_keys_stay_with_their_host() {
    let (first, second) = (Upstream::start("status=500"), Upstream::start(""));
    let routes =
        json!({"chain": [{"model": "a"}, {"model": "b", "base_url": second.url(), "key": "SECOND_KEY"}]}).to_string();
    let worker = Worker::start(&[
        ("UPSTREAM_BASE_URL", &first.url()),
        ("UPSTREAM_API_KEY", "sk-first"),
        ("SECOND_KEY", "sk-second"),
        ("RETRIES", "1"),
        ("ROUTES", &routes),
    ]);
    let body = br#"{"model":"chain","x_unknown":{"n":1.50},"messages":[{"role":"user","content":"q"}]}"#;
    let reply = worker.post_bytes("/v1/chat/completions", body);
    assert_eq!(reply.json()["model"], "b", "{reply:?}");
    let (calls, key) = first.seen(|s| (s.total, s.calls[0].header("authorization").map(str::to_owned)));
    assert_eq!((calls, key.as_deref()), (2, Some("Bearer sk-first")));
    second.seen(|s| {
        assert_eq!(s.calls[0].header("authorization"), Some("Bearer sk-second"));
        assert!(s.calls[0].body.contains(r#""x_unknown":{"n":1.50}"#), "{}", s.calls[0].body);
    });
}

#[test]
fn streams_are_read_by_the_standard_and_passed_on_whole() {
    let upstream = Upstream::start("");
    let worker = started(&upstream);
    for words in ["", "ping", "crlf", "split", "no-done", "ping crlf split", "no-usage"] {
        upstream.set(words);
        let mut body = chat("日本語の質問 and English", true);
        body["stream_options"] = json!({"include_usage": true});
        let reply = worker.post("/v1/chat/completions", &body);
        let chunks: Vec<Value> =
            reply.text.lines().filter_map(|l| serde_json::from_str(l.strip_prefix("data: ")?).ok()).collect();
        let said: String = chunks.iter().filter_map(|c| c["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(said, "answer to: 日本語の質問 and English", "{words}");
        assert_eq!(chunks.iter().any(|c| c["usage"].is_object()), !words.contains("no-usage"), "{words}");
        assert!(reply.text.ends_with("data: [DONE]\n\n"), "{words}");
    }
    for words in ["sse-error", "bad-frame", "silence=60000", "cut=600"] {
        upstream.set(words);
        let reply =
            worker.post("/v1/chat/completions", &chat("a question long enough to be cut in the middle of it", true));
        assert!(stream_error(&reply.text).is_some() && !reply.text.contains("[DONE]"), "{words}: {reply:?}");
    }
}

#[test]
fn a_key_that_its_host_says_in_an_error_never_leaves_the_worker() {
    let upstream = Upstream::start("");
    let worker = started(&upstream);
    for fault in ["status=400", "status=401", "status=500", "error-body", "sse-error"] {
        upstream.set(&format!("{fault} echo-key"));
        for stream in [false, true] {
            let reply = worker.post("/v1/chat/completions", &chat("a question of some length", stream));
            assert!(fault == "sse-error" || reply.status >= 400, "{fault}: {reply:?}");
            assert!(!reply.text.contains("sk-very-secret"), "{fault}: {reply:?}");
            let says = ["status=400", "status=500", "error-body"].contains(&fault) || (fault == "sse-error" && stream);
            assert_eq!(reply.text.contains("[key]"), says, "{fault} is to say why: {reply:?}");
        }
    }
}

#[test]
fn a_client_is_not_told_to_come_back_to_a_worker_without_a_host() {
    let worker = Worker::start(&[]);
    for stream in [false, true] {
        let reply = worker.post("/v1/chat/completions", &chat("q", stream));
        assert_eq!((reply.status, reply.error()["code"].as_str()), (503, Some("no_upstream")), "{reply:?}");
        let told = (reply.header("x-should-retry"), reply.header("retry-after"));
        assert_eq!(told, (Some("false"), None), "{reply:?}");
    }
}

#[test]
fn a_worker_that_is_wrongly_configured_says_so_under_an_id_of_each_request() {
    let worker = Worker::start(&[("RETRIES", "many")]);
    let ids = [(); 2].map(|()| {
        let reply = worker.post("/v1/chat/completions", &chat("q", false));
        let error = reply.error();
        assert!(reply.status == 500 && error["message"].as_str().unwrap().contains("RETRIES"), "{reply:?}");
        assert_eq!(reply.header("x-should-retry"), Some("false"));
        error["request_id"].as_str().unwrap().to_owned()
    });
    assert!(ids[0].starts_with("req_") && ids[0] != ids[1], "{ids:?}");
}

#[test]
fn a_host_is_told_nothing_of_the_workers_own_inside() {
    let upstream = Upstream::start("");
    // As an operator would: a variable that is empty is not there.
    let worker =
        Worker::start(&[("UPSTREAM_BASE_URL", &upstream.url()), ("UPSTREAM_OPEN", "true"), ("TELL_INVOCATION", "")]);
    assert_eq!(worker.post("/v1/chat/completions", &chat("q", false)).status, 200);
    upstream.seen(|s| {
        let own: Vec<_> = s.calls[0].headers.iter().filter(|(name, _)| name.contains("madoguchi")).collect();
        assert!(own.is_empty(), "{own:?}");
    });
}
