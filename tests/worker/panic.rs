//! A panic takes down its request and nothing else: the instance is made anew, and what is durable holds.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::serve::{KEY, Worker};
use crate::upstream::Upstream;

#[test]
fn after_a_panic_anywhere_the_next_request_is_answered_and_no_limit_is_passed() {
    let upstream = Upstream::start("");
    let worker = Worker::start(&[
        ("UPSTREAM_BASE_URL", &upstream.url()),
        ("UPSTREAM_OPEN", "true"),
        ("UPSTREAM_RPM", "40"),
        ("KEY_RPM", "0"),
        ("ENTRY", "tests/worker/trap.mjs"),
    ]);
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "q"}]}).to_string();
    let bearer = format!("Bearer {KEY}");
    let send = |trap: &str| {
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json"), ("x-trap", trap)];
        worker.request("POST", "/v1/chat/completions", &headers, body.clone().into_bytes())
    };
    let ask = |trap: &str| send(trap).status;
    assert_eq!(ask("0"), 200);
    let mut broken = 0;
    for n in 1..=12 {
        let began = Instant::now();
        let reply = send(&n.to_string());
        if reply.status != 200 {
            assert_eq!((reply.status, &reply.error()["type"]), (500, &json!("internal_error")), "{reply:?}");
            broken += 1;
        }
        // Long before the deadline of its call.
        assert!(began.elapsed() < Duration::from_secs(20), "the {n}th");
        assert_eq!(ask("0"), 200, "after a panic at the {n}th look at the clock");
    }
    assert!(broken > 3, "only {broken} requests met their trap");
    // Who is waiting in the same instance is told at once too.
    upstream.set("latency=40000");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| send("0"));
        assert!(upstream.wait_until(Duration::from_secs(10), |s| s.in_flight > 0));
        let began = Instant::now();
        assert_eq!((ask("1"), waiting.join().unwrap().error()["code"].clone()), (500, json!("panic")));
        assert!(began.elapsed() < Duration::from_secs(20));
    });
    upstream.set("");
    let passed = (0..60).filter(|_| ask("0") == 200).count();
    assert!(passed > 0, "nothing is left of the limit");
    let calls = upstream.seen(|s| s.total);
    assert!(calls <= 40, "{calls} calls of 40");
}
