//! The misbehaving upstream does what it is told: tests that stand on it may trust it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "what goes wrong in a test must stop it"
)]

mod upstream;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use upstream::Upstream;
use upstream::behaviour::{Behaviour, WORDS, in_model};

fn ask(port: u16, path: &str, content: &str, stream: bool) -> String {
    ask_model(port, path, "m", content, stream)
}

fn ask_model(port: u16, path: &str, model: &str, content: &str, stream: bool) -> String {
    let body =
        serde_json::json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": content}]})
            .to_string();
    send(port, &format!("POST {path}/chat/completions"), &body)
}

fn send(port: u16, line: &str, body: &str) -> String {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let head = format!("{line} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    socket.write_all((head + body).as_bytes()).unwrap();
    let mut reply = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(n) = socket.read(&mut piece) {
        reply.extend_from_slice(&piece[..n]);
        let text = String::from_utf8_lossy(&reply);
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse().ok());
            length.is_some_and(|l: usize| body.len() >= l)
        });
        if n == 0 || whole {
            break;
        }
    }
    String::from_utf8_lossy(&reply).into_owned()
}

#[test]
fn words_are_taken_from_the_default_the_path_and_the_message() {
    let up = Upstream::start("say=one");
    assert!(ask(up.port, "/v1", "x", false).contains("one"));
    assert!(ask(up.port, "/_/say=two/v1", "x", false).contains("two"));
    assert!(ask(up.port, "/_/say=two/v1", "[[status=503 retry-after=7]]", false).contains("retry-after: 7"));
    assert!(ask(up.port, "/v1", "[[statu=503]]", false).contains("is no behaviour"));
    assert_eq!(up.seen(|s| s.total), 3);
}

#[test]
fn it_misbehaves_so_many_times_and_then_well() {
    let up = Upstream::start("status=500 times=2");
    let replies: Vec<bool> = (0..3).map(|_| ask(up.port, "/v1", "x", false).contains("200 x")).collect();
    assert_eq!(replies, [false, false, true]);
}

#[test]
fn one_call_in_twenty_five_is_of_the_tail() {
    let up = Upstream::start("tail=600000");
    let one = || std::thread::spawn(move || ask(up.port, "/v1", "x", false));
    let replies: Vec<bool> = (0..24).map(|_| one().join().unwrap().contains("200 x")).collect();
    assert!(replies.iter().all(|whole| *whole), "{replies:?}");
    assert!(up.wait_until(Duration::from_secs(5), |s| s.answered == 24));
    // The next one is not answered while anybody waits.
    let mut socket = TcpStream::connect(("127.0.0.1", up.port)).unwrap();
    socket.write_all(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}").unwrap();
    assert!(up.wait_until(Duration::from_secs(5), |s| s.total == 25));
    assert_eq!(up.seen(|s| (s.answered, s.in_flight)), (24, 1));
}

#[test]
fn a_models_name_is_a_behaviour_and_any_other_name_is_a_model() {
    let up = Upstream::start("say=one");
    let ask = |model: &str| ask_model(up.port, "/v1", model, "x", false);
    for model in ["gpt-4.1", "deepseek-ai/DeepSeek-V3", "command-r+", ""] {
        assert!(ask(model).contains("200 x"), "{model}");
    }
    assert!(ask("status=503").contains("503 x"));
    assert!(ask("gpt-4.1+say=two").contains("two"));
    assert!(ask("html").contains("<!doctype html>"));
    assert_eq!(ask("refuse"), "");
    let counted = |model: &str| -> Vec<bool> { (0..4).map(|_| ask(model).contains("200 x")).collect() };
    assert_eq!(counted("status=429+times=2"), [false, false, true, true]);
    assert_eq!(counted("status=429+after=3"), [true, true, true, false]);
    assert_eq!(counted("status=500+after=1+times=2"), [true, false, false, true]);
    for wrong in ["statu=503", "gpt-4.1+htlm", "latency=soon"] {
        assert!(ask(wrong).contains("is no behaviour"), "{wrong}");
    }
    assert!(ask_model(up.port, "/v1", "say=two", "[[say=three]]", false).contains("three"));
}

#[test]
fn every_word_has_a_model_that_is_understood() {
    let up = Upstream::start("");
    for path in ["/v1", "/_/status=503/v1"] {
        let reply = send(up.port, &format!("GET {path}/models"), "");
        let listed: serde_json::Value = serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap();
        let ids: Vec<&str> = listed["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
        for word in &WORDS {
            assert!(ids.contains(&word.model), "{}", word.name);
            let told = Behaviour::default().with(&in_model(word.model)).unwrap();
            assert!(told.has(word.name), "{}", word.name);
        }
    }
    assert_eq!(up.seen(|s| s.total), 0);
}

#[test]
fn a_rate_is_kept_and_the_most_in_a_window_is_counted() {
    let up = Upstream::start("rate=3 window=60000");
    let refused = (0..5).filter(|_| ask(up.port, "/v1", "x", false).contains("429 x")).count();
    assert_eq!((refused, up.seen(|s| s.max_in_window(60_000))), (2, 5));
}

#[test]
fn streams_end_with_done_and_break_when_told() {
    let up = Upstream::start("");
    assert!(ask(up.port, "/v1", "x", true).ends_with("data: [DONE]\n\n"));
    assert!(ask(up.port, "/v1", "[[ping crlf]]", true).contains(": ping\r\n\r\n"));
    assert!(ask(up.port, "/v1", "[[sse-error]]", true).contains("went wrong in the middle"));
    assert!(!ask(up.port, "/v1", "[[cut=40]]", false).contains("finish_reason"));
    assert_eq!(ask(up.port, "/v1", "[[reset]]", false), "");
}

#[test]
fn a_caller_that_leaves_is_counted() {
    let up = Upstream::start("latency=60000");
    let body = r#"{"messages":[]}"#;
    let mut socket = TcpStream::connect(("127.0.0.1", up.port)).unwrap();
    write!(socket, "POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    assert!(up.wait_until(Duration::from_secs(5), |s| s.total == 1) || up.seen(|s| s.total) == 1);
    drop(socket);
    assert!(up.wait_until(Duration::from_secs(5), |s| s.aborted == 1));
}
