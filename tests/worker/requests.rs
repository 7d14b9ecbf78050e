//! Requests that are wrong, and a Worker with little or wrong configuration.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::serve::{KEY, Worker};
use crate::upstream::Upstream;

const ENDPOINTS: [&str; 4] = ["/v1/chat/completions", "/v1/batch", "/v1/documents/analyze", "/v1/answer"];

/// What is answered to a body that is too long, of which not one byte is sent.
fn refused_unread(worker: &Worker, path: &str) -> String {
    let mut socket = TcpStream::connect(("127.0.0.1", worker.port)).unwrap();
    write!(
        socket,
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        (1 << 20) + 1
    )
    .unwrap();
    let mut reply = [0; 200];
    let n = socket.read(&mut reply).unwrap();
    String::from_utf8_lossy(&reply[..n]).into_owned()
}

#[test]
fn wrong_requests_are_told_the_field_and_the_mend() {
    let upstream = Upstream::start("");
    let worker = Worker::start(&[("UPSTREAM_BASE_URL", &upstream.url()), ("UPSTREAM_OPEN", "true")]);
    let deep = format!(
        "{{\"messages\":{}1{},\"prompts\":[\"a\"],\"documents\":[],\"query\":\"q\"}}",
        "[".repeat(5000),
        "]".repeat(5000)
    );
    for path in ENDPOINTS {
        for (body, status) in [
            (b"".to_vec(), 400),
            (b"{".to_vec(), 400),
            (b"[]".to_vec(), 400),
            (b"\"text\"".to_vec(), 400),
            (b"{\"model\":\"\xff\"}".to_vec(), 400),
            (deep.clone().into_bytes(), 400),
        ] {
            let reply = worker.post_bytes(path, &body);
            assert_eq!(
                reply.status,
                status,
                "{path} {:?}: {reply:?}",
                String::from_utf8_lossy(&body[..body.len().min(40)])
            );
            assert_eq!(reply.error()["type"], "invalid_request_error");
        }
        assert!(refused_unread(&worker, path).starts_with("HTTP/1.1 413 "), "{path}");
        for headers in [vec![], vec![("authorization", "Bearer wrong")], vec![("authorization", "Basic dXNlcjpw")]] {
            let reply = worker.request("POST", path, &headers, b"{}".to_vec());
            assert_eq!((reply.status, reply.error()["type"].as_str()), (401, Some("authentication_error")));
        }
        let bearer = format!("Bearer {KEY}");
        let reply =
            worker.request("POST", path, &[("authorization", &bearer), ("content-type", "text/csv")], b"{}".to_vec());
        assert_eq!(reply.status, 415);
        let reply = worker.request("GET", path, &[("authorization", &bearer)], vec![]);
        assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
    }
    for (path, body, param) in [
        (ENDPOINTS[0], json!({"messages": []}), "model"),
        (ENDPOINTS[0], json!({"model": "m"}), "messages"),
        (ENDPOINTS[0], json!({"model": "m", "messages": "hi"}), "messages"),
        (ENDPOINTS[0], json!({"model": "m", "messages": [{"role": "user"}, {"role": 5}]}), "messages[1]"),
        (ENDPOINTS[0], json!({"model": "m", "messages": ["hi"]}), "messages[0]"),
        (ENDPOINTS[0], json!({"model": 7, "messages": [{"role": "user"}]}), "model"),
        (ENDPOINTS[0], json!({"model": "m", "messages": [{"role": "user"}], "stream": "yes"}), "stream"),
        (ENDPOINTS[1], json!({"prompts": []}), "prompts"),
        (ENDPOINTS[1], json!({"prompts": vec!["p"; 1001]}), "prompts"),
        (ENDPOINTS[1], json!({"prompts": ["a", 5]}), "prompts[1]"),
        (ENDPOINTS[1], json!({"prompts": ["a"], "max_concurrent": 0}), "max_concurrent"),
        (ENDPOINTS[1], json!({"prompts": ["a"], "max_concurrent": 301}), "max_concurrent"),
        (ENDPOINTS[1], json!({"prompts": ["a"], "max_concurrent": "ten"}), "max_concurrent"),
        (ENDPOINTS[1], json!({"prompts": [{"messages": []}]}), "prompts[0].messages"),
        (ENDPOINTS[2], json!({"documents": [{"id": "a"}]}), "documents[0]"),
        (ENDPOINTS[2], json!({"documents": ["c"]}), "documents[0]"),
        (ENDPOINTS[2], json!({"documents": [{"id": "a", "content": "c"}], "query": 5}), "query"),
        (ENDPOINTS[2], json!({"documents": [{"id": "a", "content": "c"}], "max_concurrent": 1.5}), "max_concurrent"),
        (ENDPOINTS[3], json!({"documents": [{"id": "a", "content": "c"}]}), "query"),
        (ENDPOINTS[3], json!({"query": "q", "documents": [{"id": "a", "content": "c"}], "top_k": 0}), "top_k"),
    ] {
        let reply = worker.post(path, &body);
        let error = reply.error();
        assert_eq!((reply.status, error["param"].as_str()), (400, Some(param)), "{path} {body}: {reply:?}");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with(param) && !message.contains("struct "), "in the caller's words: {message}");
    }
    assert_eq!(upstream.seen(|s| s.total), 0, "a wrong request must cost nothing");
    assert_eq!(worker.request("GET", "/nowhere", &[], vec![]).error()["type"], "not_found_error");
    assert_eq!(worker.request("GET", "/healthz", &[], vec![]).status, 200);
}

#[test]
fn without_an_upstream_answers_come_from_the_passages_and_the_rest_says_what_to_configure() {
    let worker = Worker::start(&[]);
    let documents = json!([
        {"id": "ship", "content": "配送料は全国一律550円です。"},
        {"id": "ret", "title": "返品について", "url": "https://shop.example/returns", "content": "返品は商品到着後8日以内に承ります。"},
    ]);
    let reply = worker.post("/v1/answer", &json!({"query": "返品はできますか", "documents": documents})).json();
    assert_eq!((&reply["rung"], &reply["sources"][0]["id"]), (&json!("passages"), &json!("ret")), "{reply}");
    assert!(reply["answer"].as_str().unwrap().contains("返品は商品到着後8日以内に承ります。"));
    // Given documents are searched as the shop's own are: by what is meant, in any spelling. Two of one id are two.
    for query in ["へんぴんしたい", "ﾍﾝﾋﾟﾝ", "送り返せますか"] {
        let reply = worker.post("/v1/answer", &json!({"query": query, "documents": documents})).json();
        assert_eq!(reply["sources"][0]["id"], "ret", "{query}: {reply}");
    }
    let twice = json!([{"id": "a", "content": "配送料は550円です。"}, {"id": "a", "content": "返品は8日以内です。"}]);
    let reply = worker.post("/v1/answer", &json!({"query": "返品できますか", "documents": twice})).json();
    assert_eq!(
        (&reply["sources"][0]["id"], &reply["sources"][0]["passage"]),
        (&json!("a"), &json!("返品は8日以内です。"))
    );
    let nothing = worker.post("/v1/answer", &json!({"query": "zzz", "documents": documents})).json();
    assert_eq!(nothing["sources"], json!([]));
    for (path, body) in [
        (ENDPOINTS[0], json!({"model": "gpt-4.1", "messages": [{"role": "user", "content": "q"}]})),
        (ENDPOINTS[1], json!({"prompts": ["q"]})),
        (ENDPOINTS[2], json!({"documents": documents})),
    ] {
        let reply = worker.post(path, &body);
        assert_eq!(reply.status, 503, "{reply:?}");
        assert!(reply.error()["message"].as_str().unwrap().contains("UPSTREAM_API_KEY"), "{reply:?}");
    }
    let bearer = format!("Bearer {KEY}");
    let models = worker.request("GET", "/v1/models", &[("authorization", &bearer)], vec![]).json();
    assert_eq!(
        (&models["data"][0]["id"], &models["data"][0]["price"]["output_usd_per_million_tokens"]),
        (&json!("gpt-4.1"), &json!(8.0))
    );
}

#[test]
fn a_configuration_that_cannot_be_read_is_told_at_the_first_request() {
    let worker = Worker::start(&[("RETRIES", "many")]);
    let reply = worker.request("GET", "/healthz", &[], vec![]);
    assert_eq!(reply.status, 500);
    assert!(reply.json()["error"]["message"].as_str().unwrap().contains("RETRIES"), "{reply:?}");
}
