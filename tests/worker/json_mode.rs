//! JSON mode and analysis against a model that writes JSON badly.

use serde_json::{Value, json};

use crate::serve::{Reply, Worker};
use crate::upstream::Upstream;

/// Replies as models write them, each with what a careful person reads.
const REPLIES: [(&str, &str); 8] = [
    (r#"{"kind":"refund","score":0.5}"#, "strict"),
    ("```json\n{\"kind\": \"refund\", \"score\": 0.5}\n```", "repaired"),
    ("<think>maybe {\"kind\":\"other\"}</think>\nHere it is: {'kind': 'refund', 'score': 0.5,}", "repaired"),
    ("回答は次の通りです。\n{「kind」：「refund」、「score」：0.5}", "repaired"),
    ("{\"kind\": \"Refund\", \"score\": \"0.5\"}", "repaired"),
    ("\"kind\": \"refund\", \"score\": 0.5", "repaired"),
    ("{\"kind\": \"refund\", \"score\": 0.5, \"note\": ", "repaired"),
    ("{kind: refund, score: .5} // done", "repaired"),
];

fn encoded(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

fn worker(upstream: &Upstream) -> Worker {
    Worker::start(&[("UPSTREAM_BASE_URL", &upstream.url()), ("UPSTREAM_OPEN", "true"), ("UPSTREAM_RPM", "0")])
}

fn format() -> Value {
    let properties = json!({"kind": {"enum": ["refund", "delivery"]}, "score": {"type": "number"}});
    let schema = json!({"type": "object", "properties": properties, "required": ["kind", "score"]});
    json!({"type": "json_schema", "json_schema": {"name": "triage", "schema": schema}})
}

fn body(stream: bool) -> Value {
    json!({"model": "m", "stream": stream, "response_format": format(), "messages": [{"role": "user", "content": "q"}]})
}

fn streamed_text(reply: &Reply) -> String {
    let data = reply.text.lines().filter_map(|l| l.strip_prefix("data: ")).filter(|d| *d != "[DONE]");
    data.filter_map(|d| {
        serde_json::from_str::<Value>(d).unwrap()["choices"][0]["delta"]["content"].as_str().map(str::to_owned)
    })
    .collect()
}

#[test]
fn broken_json_is_mended_to_fit_plain_and_streamed_and_the_reply_says_how_it_was_read() {
    let upstream = Upstream::start("");
    let worker = worker(&upstream);
    for (said, read_as) in REPLIES {
        upstream.set(&format!("say={}", encoded(said)));
        let plain = worker.post("/v1/chat/completions", &body(false));
        let text = plain.json()["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned();
        let streamed = worker.post("/v1/chat/completions", &body(true));
        assert!(streamed.text.ends_with("data: [DONE]\n\n"), "{said}: {streamed:?}");
        for (text, reply) in [(&text, &plain), (&streamed_text(&streamed), &streamed)] {
            let value: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{said}: {e}: {reply:?}"));
            assert_eq!((&value["kind"], &value["score"]), (&json!("refund"), &json!(0.5)), "{said}");
            assert_eq!(reply.header("x-madoguchi-read-as"), Some(read_as), "{said}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_asked_for_once_more_with_its_fault_and_then_told() {
    let upstream = Upstream::start("");
    let worker = worker(&upstream);
    upstream.set(&format!("say={}", encoded("I am sorry, I cannot do that.")));
    for stream in [false, true] {
        let before = upstream.seen(|s| s.total);
        let reply = worker.post("/v1/chat/completions", &body(stream));
        assert_eq!((reply.status, &reply.error()["code"]), (502, &json!("invalid_json_reply")));
        assert_eq!(upstream.seen(|s| s.total), before + 2);
        let again: Value = upstream.seen(|s| serde_json::from_str(&s.calls.back().unwrap().body).unwrap());
        let messages = again["messages"].as_array().unwrap();
        assert_eq!(messages[1]["content"], "I am sorry, I cannot do that.");
        assert!(messages[2]["content"].as_str().unwrap().contains("no JSON value was found"), "{again}");
    }
    upstream.set(&format!("say={}", encoded(r#"{"kind":"weather","score":1}"#)));
    let misfit = worker.post("/v1/chat/completions", &body(false));
    assert!(misfit.error()["message"].as_str().unwrap().contains("/kind"), "{misfit:?}");
    let bad = json!({"model": "m", "messages": [{"role": "user", "content": "q"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": [1]}}});
    assert_eq!(worker.post("/v1/chat/completions", &bad).error()["param"], "response_format.json_schema.schema");
}

#[test]
fn an_analysis_says_how_each_reply_was_read() {
    let upstream = Upstream::start("");
    let worker = worker(&upstream);
    for (said, read_as, relevance) in [
        (r#"{"relevance":0.8,"summary":"s","key_points":["a"]}"#, "strict", json!(0.8)),
        ("```\n{relevance: '80%', summary: \"s\", key_points: ['a'],}\n```", "repaired", json!(0.8)),
        ("{「relevance」：０．８、「summary」：「s」、「key_points」：［「a」］}", "repaired", json!(0.8)),
        ("It is about returns.", "text", Value::Null),
    ] {
        upstream.set(&format!("say={}", encoded(said)));
        let documents = json!([{"id": "d", "content": "返品は8日以内です。"}]);
        let result =
            worker.post("/v1/documents/analyze", &json!({"documents": documents})).json()["results"][0].clone();
        assert_eq!((&result["read_as"], &result["relevance"]), (&json!(read_as), &relevance), "{said}: {result}");
        if read_as != "text" {
            assert_eq!((&result["summary"], &result["key_points"]), (&json!("s"), &json!(["a"])), "{said}: {result}");
        }
    }
}
