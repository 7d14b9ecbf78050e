//! Fan-outs: exact widths, six unanswered calls an invocation, neighbours that do not suffer, callers that leave.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::serve::{KEY, Worker};
use crate::upstream::Upstream;

fn started(upstream: &Upstream) -> Worker {
    Worker::start(&[
        ("UPSTREAM_BASE_URL", &upstream.url()),
        ("UPSTREAM_OPEN", "true"),
        ("UPSTREAM_RPM", "0"),
        ("RETRIES", "0"),
    ])
}

#[test]
fn a_width_is_honoured_exactly_with_six_unanswered_calls_an_invocation() {
    let upstream = Upstream::start("");
    let worker = started(&upstream);
    for width in [1, 6, 7, 50, 300] {
        upstream.set("latency=300");
        let prompts: Vec<String> = (0..width * 2).map(|i| format!("q{i}")).collect();
        let reply = worker.post("/v1/batch", &json!({"model": "m", "prompts": prompts, "max_concurrent": width}));
        assert_eq!(reply.json()["summary"]["ok"], json!(width * 2), "{reply:?}");
        let (most, unanswered) = upstream.seen(|s| (s.most_in_flight, s.most_unanswered));
        assert_eq!(most, width, "in flight at width {width}");
        assert!(unanswered <= 6, "{unanswered} unanswered calls of one invocation at width {width}");
    }
}

#[test]
fn long_replies_with_pauses_are_all_there_and_in_order() {
    let long = "long ".repeat(60_000);
    let upstream = Upstream::start(&format!("silence=300 say={}", long.replace(' ', "%20")));
    let worker = started(&upstream);
    let prompts: Vec<String> = (0..40).map(|i| format!("q{i} [[latency={}]]", 400 - i * 10)).collect();
    let reply = worker.post("/v1/batch", &json!({"model": "m", "prompts": prompts, "max_concurrent": 20}));
    let (head, reply) = (reply.headers.clone(), reply.json());
    assert_eq!(head["content-type"], "application/json");
    assert_eq!(reply["summary"]["ok"], 40);
    for (i, result) in reply["results"].as_array().unwrap().iter().enumerate() {
        assert!(result["index"] == i && result["content"] == long, "{i}");
    }
}

#[test]
fn results_are_in_order_or_as_they_end_and_one_failure_spoils_no_neighbour() {
    let upstream = Upstream::start("");
    let worker = started(&upstream);
    let prompts: Vec<Value> = (0..40)
        .map(|i| match i % 4 {
            0 => json!(format!("q{i} [[latency={}]]", 400 - i * 10)),
            1 => json!(format!("q{i} [[status=500]]")),
            2 => {
                json!({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": format!("q{i}")}]})
            }
            _ => json!(format!("q{i} [[reset]]")),
        })
        .collect();
    for width in [5, 20] {
        let body = json!({"model": "m", "prompts": prompts, "max_concurrent": width, "temperature": 0.5});
        let check = |r: &Value| {
            let i = r["index"].as_u64().unwrap();
            assert_eq!(r["ok"], json!(i.is_multiple_of(2)), "{r}");
            assert!(
                !r["ok"].as_bool().unwrap() || r["content"].as_str().unwrap().starts_with(&format!("answer to: q{i}"))
            );
        };
        let reply = worker.post("/v1/batch", &body).json();
        let results = reply["results"].as_array().unwrap();
        assert_eq!(
            results.iter().map(|r| r["index"].as_u64().unwrap()).collect::<Vec<_>>(),
            (0..40).collect::<Vec<_>>()
        );
        results.iter().for_each(check);
        let lines = worker.post_lines("/v1/batch", &body);
        assert_eq!(lines.len(), 41);
        lines[..40].iter().for_each(check);
        assert_eq!((&lines[40]["summary"]["ok"], &lines[40]["summary"]["failed"]), (&json!(20), &json!(20)));
        assert_ne!(lines[0]["index"], 0, "the slowest comes last, not first");
    }
    assert!(upstream.seen(|s| s.calls.iter().all(|c| c.body.contains(r#""temperature":0.5"#))));
}

#[test]
fn documents_are_analysed_and_say_how_they_were_read() {
    let upstream = Upstream::start("");
    let worker = started(&upstream);
    let say = |text: &str| text.bytes().map(|b| format!("%{b:02x}")).collect::<String>();
    let json = r#"{"relevance":0.9,"summary":"返品の案内","key_points":["8日以内"]}"#;
    for (said, read_as) in [
        (json.to_owned(), "strict"),
        (format!("はい。\n```json\n{json}\n```"), "repaired"),
        ("It is about returns.".into(), "text"),
    ] {
        upstream.set(&format!("say={}", say(&said)));
        let reply = worker.post(
            "/v1/documents/analyze",
            &json!({"model": "m", "query": "返品", "documents": [{"id": "r", "content": "返品は8日以内です。"}]}),
        );
        let result = reply.json()["results"][0].clone();
        assert_eq!(
            (&result["id"], &result["read_as"], &result["error"]),
            (&json!("r"), &json!(read_as), &Value::Null),
            "{reply:?}"
        );
        if read_as != "text" {
            assert_eq!((&result["relevance"], &result["key_points"]), (&json!(0.9), &json!(["8日以内"])));
        }
    }
}

#[test]
fn replies_that_never_end_leave_their_neighbours_room_and_are_told_what_mends_it() {
    let upstream = Upstream::start("");
    let worker = started(&upstream);
    let prompts: Vec<String> =
        (0..150).map(|i| format!("q{i}{}", if i % 5 == 0 { " [[latency=1500]]" } else { " [[endless]]" })).collect();
    let documents: Vec<Value> = prompts.iter().map(|p| json!({"id": p, "content": p})).collect();
    let batch = json!({"model": "m", "prompts": prompts, "max_concurrent": 150});
    let analysis = json!({"model": "m", "documents": documents, "max_concurrent": 150});
    let mut replies = worker.post_lines("/v1/batch", &batch);
    replies.truncate(150);
    replies.sort_by_key(|result| result["index"].as_u64());
    let whole = [worker.post("/v1/batch", &batch), worker.post("/v1/documents/analyze", &analysis)];
    let whole = whole.map(|reply| reply.json()["results"].as_array().unwrap().clone());
    for results in [&replies, &whole[0], &whole[1]] {
        assert_eq!(results.len(), 150);
        for (i, result) in results.iter().enumerate() {
            assert_eq!(result["error"].is_null(), i % 5 == 0, "{i}: {result}");
        }
        let told = results.iter().filter(|r| r["error"]["message"].as_str().is_some_and(|m| m.contains("max_tokens")));
        assert!(told.count() > 100);
    }
}

/// A request whose caller leaves.
struct Leaving {
    path: &'static str,
    accept: &'static str,
    /// What the upstream does, so that the calls are still in flight.
    behaviour: &'static str,
    body: Value,
    /// How many calls it has at once.
    calls: usize,
    /// Whether its reply begins before the caller leaves.
    begins: bool,
}

/// Starts a request and leaves when the upstream has got its calls.
fn leave(worker: &Worker, upstream: &Upstream, leaving: &Leaving) {
    let Leaving { path, accept, body, .. } = leaving;
    let body = body.to_string();
    let mut socket = TcpStream::connect(("127.0.0.1", worker.port)).unwrap();
    write!(
        socket,
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\naccept: {accept}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    if leaving.begins {
        let mut first = [0; 16];
        socket.read_exact(&mut first).unwrap();
    }
    while upstream.seen(|s| s.in_flight) < leaving.calls {
        std::thread::yield_now();
    }
    // A bare workerd hears of a reset at once, of a quiet close only when it next writes.
    socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
}

#[test]
fn a_caller_that_leaves_aborts_all_its_calls() {
    const LATE: &str = "latency=50000";
    const HALF: &str = "silence=50000";
    let upstream = Upstream::start("");
    let worker = started(&upstream);
    let long = "a long question, cut in its middle";
    let chat = |more: Value| {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": long}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let format = json!({"type": "json_object"});
    let prompts: Vec<String> = (0..40).map(|i| format!("q{i}")).collect();
    let batch = json!({"model": "m", "prompts": prompts, "max_concurrent": 20});
    let documents: Vec<Value> = prompts.iter().map(|id| json!({"id": id, "content": "返品は8日以内です。"})).collect();
    let analysis = json!({"model": "m", "documents": documents, "max_concurrent": 20});
    // One document: of more, a model would be asked which bear on the question.
    let answer =
        |stream: bool| json!({"model": "m", "query": "返品できますか", "documents": documents[..1], "stream": stream});
    let leaving =
        |path, accept, behaviour, body, calls, begins| Leaving { path, accept, behaviour, body, calls, begins };
    for case in [
        leaving("/v1/chat/completions", "*/*", LATE, chat(json!({})), 1, false),
        leaving("/v1/chat/completions", "*/*", HALF, chat(json!({})), 1, false),
        leaving("/v1/chat/completions", "*/*", LATE, chat(json!({"stream": true})), 1, false),
        leaving("/v1/chat/completions", "*/*", HALF, chat(json!({"stream": true})), 1, true),
        leaving("/v1/chat/completions", "*/*", HALF, chat(json!({"response_format": format})), 1, false),
        leaving(
            "/v1/chat/completions",
            "*/*",
            HALF,
            chat(json!({"response_format": format, "stream": true})),
            1,
            false,
        ),
        leaving("/v1/batch", "*/*", LATE, batch.clone(), 20, false),
        leaving("/v1/batch", "application/x-ndjson", LATE, batch, 20, false),
        leaving("/v1/documents/analyze", "*/*", LATE, analysis.clone(), 20, false),
        leaving("/v1/documents/analyze", "application/x-ndjson", HALF, analysis, 20, false),
        leaving("/v1/answer", "*/*", LATE, answer(false), 1, false),
        leaving("/v1/answer", "*/*", LATE, answer(true), 1, false),
        leaving("/v1/answer", "*/*", HALF, answer(true), 1, true),
    ] {
        let Leaving { path, accept, behaviour, body, calls, .. } = &case;
        upstream.set(behaviour);
        leave(&worker, &upstream, &case);
        let ended = upstream.wait_until(Duration::from_secs(8), |s| s.in_flight == 0);
        assert!(ended, "{path} {accept} {body}: {} still in flight", upstream.seen(|s| s.in_flight));
        let (total, aborted) = upstream.seen(|s| (s.total, s.aborted));
        assert_eq!(total, *calls, "{path} {accept} {body}: calls were begun for a caller that had left");
        assert_eq!(aborted, *calls, "{path} {accept} {body}");
    }
    upstream.set("");
    assert_eq!(worker.post("/v1/batch", &json!({"model": "m", "prompts": ["q"]})).json()["summary"]["ok"], 1);
}
