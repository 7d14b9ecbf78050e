//! The visitor's way in: sessions, streams that are dropped and taken up again, history, thumbs, hand-off, and what means harm.

use std::time::{Duration, Instant};

use madoguchi::admission::visitor;
use madoguchi::conversation::handoff::ATTEMPT_MS;
use madoguchi::signature;
use serde_json::{Value, json};

use crate::serve::{KEY, Reply, Worker};
use crate::storage::Storage;
use crate::upstream::Upstream;
use crate::visitor::{KIND, QUESTION, SECRET, Visitor, count, start, text};

#[test]
fn a_question_is_streamed_and_the_history_survives_a_restart() {
    let upstream = Upstream::start("say=これはお答えです。とても長いお答えです。");
    let storage = Storage::new("chat");
    let worker = start(&upstream, &[storage.variable()]);
    let visitor = Visitor::new(&worker);
    let events = visitor.ask("m1", QUESTION, None, 99);
    assert_eq!(text(&events), "これはお答えです。とても長いお答えです。");
    assert_eq!((count(&events, "sources"), count(&events, "done")), (1, 1));
    assert_eq!(events.last().unwrap().data["rung"], "full");
    let thumb = visitor
        .post("/chat/feedback", &json!({"message_id": events.last().unwrap().data["message_id"], "value": "down"}));
    assert_eq!((thumb.status, &thumb.json()["value"]), (200, &json!("down")));
    let before = visitor.history();
    assert_eq!((before.len(), &before[0]["text"], &before[1]["feedback"]), (2, &json!(QUESTION), &json!("down")));
    let (token, port) = (visitor.token().to_owned(), worker.port.to_string());
    drop(worker);
    // The same port, since a token is bound to the origin.
    let worker = start(&upstream, &[storage.variable(), ("PORT", &port)]);
    let visitor = Visitor::with(&worker, &token);
    assert_eq!(visitor.history(), before);
    // Even there the message is known, and its answer is told from any place on.
    let again = visitor.ask("m1", QUESTION, Some(&events[1].id), 99);
    assert_eq!(text(&events[..2]) + &text(&again), text(&events));
    assert_eq!((count(&again, "sources"), count(&again, "done"), upstream.seen(|s| s.total)), (0, 1, 1));
    // The next turn tells the model what was said before.
    visitor.ask("m2", "それはいつ？", None, 99);
    let body = upstream.seen(|s| s.calls.back().unwrap().body.clone());
    assert!(body.contains(QUESTION) && body.contains("とても長いお答え"), "{body}");
}

#[test]
fn the_sources_that_an_answer_does_not_name_are_taken_back_at_its_end() {
    let upstream = Upstream::start("say=Three%20days%20%5B2%5D.");
    let worker = start(&upstream, &[("ROUTES", r#"{"default":[{"model":"m"}]}"#)]);
    let bearer = format!("Bearer {KEY}");
    let page = json!({"title": "Remote islands 離島", "content": "北海道の離島への送料は990円です。"}).to_string();
    worker.request("PUT", "/v1/knowledge/islands", &[("authorization", &bearer), KIND], page.into_bytes());
    let visitor = Visitor::new(&worker);
    let events = visitor.ask("m1", QUESTION, None, 99);
    let told: Vec<&Value> = events.iter().filter(|e| e.name == "sources").map(|e| &e.data).collect();
    let [given, named] = told[..] else { panic!("{told:?}") };
    assert_eq!((given.as_array().unwrap().len(), named.as_array().unwrap().len()), (2, 1), "{told:?}");
    assert_eq!((&given[1], events.last().unwrap().name.as_str()), (&named[0], "done"));
    assert_eq!(&visitor.history()[1]["sources"], named);
    // Whoever lost the line after the text hears them once more, and the end.
    let at = events.iter().rposition(|e| e.name == "delta").unwrap();
    let rest = visitor.ask("m1", QUESTION, Some(&events[at].id), 99);
    assert_eq!(rest.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["sources", "done"]);
}

#[test]
fn a_visitor_may_have_the_conversation_forgotten() {
    let upstream = Upstream::start("");
    let worker = start(&upstream, &[]);
    let (visitor, other) = (Visitor::new(&worker), Visitor::new(&worker));
    visitor.ask("m1", QUESTION, None, 99);
    other.ask("m1", QUESTION, None, 99);
    let gone = worker.request("DELETE", "/chat/history", &[("authorization", &visitor.bearer)], Vec::new());
    assert_eq!((gone.status, gone.text.len()), (204, 0));
    assert_eq!((visitor.history().len(), other.history().len()), (0, 2));
    // A client that takes the message up again does not ask it once more.
    let ended = visitor.ask("m1", QUESTION, None, 99);
    assert_eq!((ended.len(), &ended[0].data["error"]["code"]), (1, &json!("conversation_deleted")));
    assert_eq!(visitor.history().len(), 0);
    visitor.ask("m2", QUESTION, None, 99);
    assert_eq!(visitor.history().len(), 2);
    let strange = worker.request("DELETE", "/chat/history", &[("authorization", "Bearer x")], Vec::new());
    assert_eq!(strange.status, 401);
}

#[test]
fn an_answer_whose_conversation_is_deleted_meanwhile_ends_with_a_word_of_it() {
    let upstream = Upstream::start("say=A silence=4000");
    let worker = start(&upstream, &[]);
    let visitor = Visitor::new(&worker);
    let heard = std::thread::scope(|scope| {
        let hearing = scope.spawn(|| visitor.ask("m1", QUESTION, None, 99));
        assert!(upstream.wait_until(Duration::from_secs(20), |seen| seen.total == 1));
        worker.request("DELETE", "/chat/history", &[("authorization", &visitor.bearer)], Vec::new());
        hearing.join().unwrap()
    });
    let last = heard.last().unwrap();
    assert_eq!(
        (last.name.as_str(), &last.data["error"]["code"]),
        ("error", &json!("conversation_deleted")),
        "{heard:?}"
    );
}

#[test]
fn a_dropped_connection_is_taken_up_where_it_was_and_the_answer_is_made_once() {
    let upstream = Upstream::start("");
    let worker = start(&upstream, &[]);
    let visitor = Visitor::new(&worker);
    let message = "[[silence=1200]] How long does shipping take to Hokkaido, and what does it cost?";
    let mut heard = visitor.ask("m1", message, None, 3);
    assert_eq!(count(&heard, "done"), 0);
    // Dropped three times while the answer goes on.
    for most in [1, 1, 99] {
        let last = heard.last().unwrap().id.clone();
        heard.extend(visitor.ask("m1", message, Some(&last), most));
    }
    let whole = visitor.ask("m1", message, None, 99);
    assert_eq!(text(&heard), text(&whole));
    assert!(text(&whole).contains("Hokkaido"));
    assert_eq!((count(&heard, "sources"), count(&heard, "done")), (1, 1));
    assert_eq!((upstream.seen(|s| s.total), upstream.seen(|s| s.aborted)), (1, 0));
}

#[test]
fn an_answer_goes_on_when_the_shopper_has_left() {
    let upstream = Upstream::start("");
    let worker = start(&upstream, &[]);
    let visitor = Visitor::new(&worker);
    visitor.ask("m1", "[[silence=800]] How long does shipping to Hokkaido take?", None, 2);
    let until = Instant::now() + Duration::from_secs(10);
    while visitor.history().len() < 2 {
        assert!(Instant::now() < until, "{:?}", visitor.history());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!((upstream.seen(|s| s.total), upstream.seen(|s| s.aborted)), (1, 0));
}

#[test]
fn the_same_message_at_once_from_many_is_answered_once_and_other_messages_in_order() {
    let upstream = Upstream::start("latency=100");
    let worker = start(&upstream, &[]);
    let visitor = Visitor::new(&worker);
    std::thread::scope(|scope| {
        let same: Vec<_> = (0..5).map(|_| scope.spawn(|| visitor.ask("m1", QUESTION, None, 99))).collect();
        let all: Vec<_> = same.into_iter().map(|t| t.join().unwrap()).collect();
        assert!(
            all.iter().all(|e| text(e) == text(&all[0]) && e.last().map(|e| &e.data) == all[0].last().map(|e| &e.data)),
            "{all:?}"
        );
        let more: Vec<_> = (0..4)
            .map(|n| {
                scope.spawn({
                    let v = &visitor;
                    move || v.ask(&format!("n{n}"), QUESTION, None, 99)
                })
            })
            .collect();
        assert!(more.into_iter().all(|t| count(&t.join().unwrap(), "done") == 1));
    });
    assert_eq!((upstream.seen(|s| s.total), upstream.seen(|s| s.most_in_flight)), (5, 1));
    let reused = visitor.post("/chat", &json!({"message": "other", "id": "m1"}));
    assert_eq!((reused.status, &reused.error()["param"]), (422, &json!("id")));
}

#[test]
fn tokens_that_are_altered_expired_or_from_elsewhere_open_nothing() {
    let upstream = Upstream::start("");
    let worker = start(&upstream, &[("ALLOWED_ORIGINS", "https://shop.example, https://second.example")]);
    let secrets = [SECRET.to_owned()];
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    let token = |secret: &str, origin: &str, expires: u64| {
        visitor::issue(&[secret.to_owned()], "0123456789abcdef0123456789abcdef", origin, expires).unwrap()
    };
    let read = |token: &str, origin: &str| {
        let bearer = format!("Bearer {token}");
        worker.request("GET", "/chat/history", &[("authorization", &bearer), ("origin", origin)], Vec::new())
    };
    let good = token(SECRET, "https://shop.example", now + 60_000);
    assert!(visitor::check(&secrets, Some(&format!("Bearer {good}")), "https://shop.example", now).is_ok());
    let reply = read(&good, "https://shop.example");
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, Some("https://shop.example")));
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
        let reply = read(&String::from_utf8(bytes).unwrap(), "https://shop.example");
        assert_eq!((reply.status, &reply.error()["type"]), (401, &json!("authentication_error")), "byte {at}");
    }
    assert_eq!(read(&good, "https://second.example").error()["code"], "invalid_token");
    assert_eq!(
        read(&token(SECRET, "https://shop.example", now - 1_000), "https://shop.example").error()["code"],
        "expired_token"
    );
    assert_eq!(
        read(&token("another secret", "https://shop.example", now + 60_000), "https://shop.example").status,
        401
    );
    // An origin that is not listed gets no word that its page could read.
    for origin in ["https://evil.example", "null", "https://shop.example.evil.example"] {
        let reply = read(&good, origin);
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (403, None), "{origin}");
        assert_eq!(reply.error()["code"], "origin_not_allowed");
    }
    let preflight = worker.request(
        "OPTIONS",
        "/chat",
        &[("origin", "https://second.example"), ("access-control-request-method", "POST")],
        Vec::new(),
    );
    assert_eq!(
        (preflight.status, preflight.header("access-control-allow-origin")),
        (204, Some("https://second.example"))
    );
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("last-event-id"));
    assert_eq!(worker.request("OPTIONS", "/chat", &[("origin", "https://evil.example")], Vec::new()).status, 403);
}

#[test]
fn whatever_goes_wrong_under_chat_a_page_of_the_shop_can_read_it_and_no_other_page() {
    let upstream = Upstream::start("");
    let shop = "https://shop.example";
    let worker = start(&upstream, &[("ALLOWED_ORIGINS", shop)]);
    let wrong = [
        ("PUT", "/chat", 405, "method_not_allowed"),
        ("GET", "/chat", 405, "method_not_allowed"),
        ("POST", "/chat/history/", 405, "method_not_allowed"),
        ("DELETE", "/chat/session", 405, "method_not_allowed"),
        ("GET", "/chat/nowhere", 404, "unknown_address"),
        ("GET", "/chat/history", 401, "missing_token"),
        ("POST", "/chat/handoff", 401, "missing_token"),
    ];
    for (method, path, status, code) in wrong {
        let body = if method == "GET" { Vec::new() } else { b"{}".to_vec() };
        let reply = worker.request(method, path, &[("origin", shop), KIND], body.clone());
        assert_eq!((reply.status, &reply.error()["code"]), (status, &json!(code)), "{method} {path}");
        assert_eq!(reply.header("access-control-allow-origin"), Some(shop), "{method} {path}");
        assert!(reply.header("access-control-expose-headers").unwrap().contains("x-request-id"));
        assert_eq!(reply.header("allow").is_some(), status == 405);
        let stranger = worker.request(method, path, &[("origin", "https://evil.example"), KIND], body);
        assert!([403, status].contains(&stranger.status), "{stranger:?}");
        assert_eq!(stranger.header("access-control-allow-origin"), None, "{method} {path}");
        assert_eq!(stranger.header("vary"), Some("Origin"));
    }
    // What only begins like it is none of the visitor's.
    let other = worker.request("GET", "/chatter", &[("origin", shop)], Vec::new());
    assert_eq!((other.status, other.header("access-control-allow-origin")), (404, None));
}

#[test]
fn one_visitor_sees_nothing_of_another_and_secrets_rotate() {
    let upstream = Upstream::start("");
    let worker = start(&upstream, &[]);
    let (one, two) = (Visitor::new(&worker), Visitor::new(&worker));
    let events = one.ask("m1", "shipping to Hokkaido for order 1234", None, 99);
    assert!(two.history().is_empty());
    let thumb =
        two.post("/chat/feedback", &json!({"message_id": events.last().unwrap().data["message_id"], "value": "up"}));
    assert_eq!((thumb.status, &thumb.error()["code"]), (404, &json!("unknown_message")));
    // The other's message id is this visitor's own, and is answered anew.
    assert!(text(&two.ask("m1", "shipping to Hokkaido", Some(&events[1].id), 99)).starts_with("answer to:"));
    // The id in another's token cannot be put into one's own.
    let (mine, theirs) = (two.token().split('.').collect::<Vec<_>>(), one.token().split('.').collect::<Vec<_>>());
    let forged = Visitor::with(&worker, &[theirs[0], mine[1], mine[2]].join("."));
    assert_eq!(worker.request("GET", "/chat/history", &[("authorization", &forged.bearer)], Vec::new()).status, 401);
    // A session renewed with a good token is the same visitor's.
    let renewed = one.post("/chat/session", &json!({}));
    assert_eq!(Visitor::with(&worker, renewed.json()["token"].as_str().unwrap()).history().len(), 2);
}

#[test]
fn a_token_that_ran_out_is_renewed_for_the_same_visitor_and_never_for_another() {
    let upstream = Upstream::start("");
    let shop = "https://shop.example";
    let variables = [
        ("ALLOWED_ORIGINS", "https://shop.example, https://second.example"),
        ("TOKEN_MINUTES", "30"),
        ("HISTORY_DAYS", "2"),
        ("ADDRESS_RPM", "1"),
    ];
    let worker = start(&upstream, &variables);
    let from = ("cf-connecting-ip", "192.0.2.9");
    let session = |token: &str, origin: &str| {
        let bearer = format!("Bearer {token}");
        worker.request(
            "POST",
            "/chat/session",
            &[("authorization", &bearer), ("origin", origin), KIND, from],
            b"{}".to_vec(),
        )
    };
    let history = |token: &str, origin: &str| {
        let bearer = format!("Bearer {token}");
        worker.request("GET", "/chat/history", &[("authorization", &bearer), ("origin", origin)], Vec::new())
    };
    let id = "0123456789abcdef0123456789abcdef";
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    let token = |ago_ms: u64| visitor::issue(&[SECRET.to_owned()], id, shop, now - ago_ms).unwrap();
    let day = 86_400_000;
    let good = visitor::issue(&[SECRET.to_owned()], id, shop, now + 600_000).unwrap();
    let bearer = format!("Bearer {good}");
    let asked = worker.request(
        "POST",
        "/chat",
        &[("authorization", &bearer), ("origin", shop), KIND],
        json!({"message": QUESTION, "id": "m1"}).to_string().into_bytes(),
    );
    assert!(asked.text.contains("event: done"), "{asked:?}");
    // What has run out opens nothing.
    let late = token(day);
    assert_eq!(history(&late, shop).error()["code"], "expired_token");
    // It is exchanged, any number of times: who is known is no new session of the address.
    for token in [&good, &late, &late, &token(2 * day - 60_000)] {
        let reply = session(token, shop);
        assert_eq!((reply.status, &reply.json()["renewed"]), (200, &json!(true)), "{reply:?}");
        let fresh = reply.json()["token"].as_str().unwrap().to_owned();
        let expires: u64 = fresh.split('.').nth(1).unwrap().parse().unwrap();
        assert!((1_700..=1_960).contains(&(expires - now / 1000)), "{expires}");
        assert_eq!(history(&fresh, shop).json()["messages"][0]["text"], QUESTION);
    }
    // Whatever else is shown begins a conversation of its own, and this address may begin one a minute.
    let stranger = session("", shop);
    let fresh = stranger.json()["token"].as_str().unwrap().to_owned();
    assert_eq!((stranger.status, &stranger.json()["renewed"]), (200, &json!(false)));
    assert_eq!(history(&fresh, shop).json()["messages"], json!([]));
    let (claims, signed) = late.rsplit_once('.').unwrap();
    let theirs = fresh.rsplit_once('.').unwrap().1;
    for (wrong, origin) in [
        (token(2 * day + 60_000), shop),
        (good.clone(), "https://second.example"),
        (format!("{claims}0.{signed}"), shop),
        (format!("{id}.{}.{theirs}", now / 1000 + 600), shop),
        (visitor::issue(&["another secret".to_owned()], id, shop, now).unwrap(), shop),
    ] {
        assert_eq!(session(&wrong, origin).error()["code"], "address_rate_limited", "{wrong} at {origin}");
    }
}

#[test]
fn sixteen_kib_is_the_end_and_odd_bodies_are_told_what_is_wrong() {
    let upstream = Upstream::start("");
    let worker = start(&upstream, &[]);
    let visitor = Visitor::new(&worker);
    let over = visitor.post("/chat", &json!({"message": "👩‍👩‍👧‍👦🇯🇵🫶🏽".repeat(400), "id": "big"}));
    assert_eq!((over.status, &over.error()["code"]), (413, &json!("body_too_large")));
    let emoji: String = "🫶".chars().cycle().take(3_900).chain(QUESTION.chars()).collect();
    let events = visitor.ask("emoji", &emoji, None, 999);
    assert!(text(&events).contains(&emoji[..400]));
    assert_eq!(visitor.history()[0]["text"], json!(emoji));
    for (body, status, param) in [
        (json!({}), 400, "message"),
        (json!({"message": "  \n"}), 400, "message"),
        (json!({"message": 5}), 400, "message"),
        (json!({"message": "a".repeat(4_001)}), 413, "message"),
        (json!({"message": "a", "id": ""}), 400, "id"),
        (json!({"message": "a", "id": "x".repeat(101)}), 400, "id"),
    ] {
        let reply = visitor.post("/chat", &body);
        assert_eq!((reply.status, &reply.error()["param"]), (status, &json!(param)), "{body}");
    }
    let thumb = visitor.post("/chat/feedback", &json!({"message_id": "x", "value": "sideways"}));
    assert_eq!((thumb.status, &thumb.error()["param"]), (400, &json!("value")));
    assert_eq!(visitor.post("/chat/history", &json!({})).status, 405);
    // A message needs no id of its own.
    assert_eq!(visitor.post("/chat", &json!({"message": QUESTION})).status, 200);
    assert_eq!(worker.request("POST", "/chat", &[KIND], b"{}".to_vec()).error()["code"], "missing_token");
}

#[test]
fn a_visitor_and_an_address_have_limits_that_are_exact() {
    let upstream = Upstream::start("");
    let worker = start(&upstream, &[("VISITOR_RPM", "3"), ("ADDRESS_RPM", "4")]);
    let visitor = Visitor::new(&worker);
    let replies: Vec<Reply> =
        (0..5).map(|n| visitor.post("/chat", &json!({"message": "q", "id": format!("m{n}")}))).collect();
    assert_eq!(replies.iter().map(|r| r.status).collect::<Vec<_>>(), [200, 200, 200, 429, 429]);
    assert_eq!(replies[3].error()["code"], "visitor_rate_limited");
    for (at, left) in [(0, "2"), (2, "0"), (3, "0")] {
        assert_eq!(replies[at].header("ratelimit-policy"), Some("\"visitor\";q=3;w=60"));
        assert!(replies[at].header("ratelimit").unwrap().starts_with(&format!("\"visitor\";r={left};t=")));
        assert_eq!(replies[at].header("x-ratelimit-remaining-requests"), Some(left));
    }
    // What was answered is still told.
    assert_eq!(visitor.post("/chat", &json!({"message": "q", "id": "m0"})).status, 200);
    let from = |address: &str| {
        let reply = worker.request("POST", "/chat/session", &[KIND, ("cf-connecting-ip", address)], b"{}".to_vec());
        assert_eq!(reply.header("ratelimit-policy"), Some("\"address\";q=4;w=60"), "{reply:?}");
        reply.status
    };
    let passed = (0..10).filter(|_| from("192.0.2.7") == 200).count();
    assert_eq!((passed, from("192.0.2.8"), from("192.0.2.7")), (4, 200, 429));
    // Where the platform tells no address there is no such limit.
    assert!((0..10).all(|_| worker.request("POST", "/chat/session", &[KIND], b"{}".to_vec()).status == 200));
}

#[test]
fn a_hand_off_is_posted_until_it_is_accepted_and_its_signature_checks() {
    let upstream = Upstream::start("");
    let desk = Upstream::start("status=503 times=2");
    let url = format!("{}/chat/completions", desk.url());
    let worker = start(&upstream, &[("HANDOFF_URL", &url), ("HANDOFF_SECRET", "between us")]);
    let visitor = Visitor::new(&worker);
    visitor.ask("m1", "器が割れていました", None, 99);
    let body = json!({"note": "飯碗が2つ", "contact": "hanako@shopper.example"});
    for _ in 0..2 {
        let reply = visitor.post("/chat/handoff", &body);
        let letter = visitor.history().pop().unwrap();
        assert_eq!((reply.status, reply.json()), (200, json!({"status": "sent", "id": letter["id"]})));
        assert_eq!((&letter["role"], visitor.history().len()), (&json!("handoff"), 3));
    }
    assert!(
        desk.wait_until(Duration::from_secs(20), |s| s.total >= 3 && s.in_flight == 0),
        "{}",
        desk.seen(|s| s.total)
    );
    std::thread::sleep(Duration::from_millis(2_500));
    let calls = desk.seen(|s| s.calls.clone());
    assert_eq!(calls.len(), 3);
    for call in &calls {
        let signed = format!("{}.{}", call.header("x-madoguchi-timestamp").unwrap(), call.body);
        assert_eq!(
            call.header("x-madoguchi-signature"),
            Some(format!("v1={}", signature::sign("between us", &[&signed])).as_str())
        );
        assert_eq!(call.header("idempotency-key"), calls[0].header("idempotency-key"));
    }
    let posted: Value = serde_json::from_str(&calls[2].body).unwrap();
    assert_eq!((&posted["note"], &posted["contact"]), (&body["note"], &body["contact"]));
    assert_eq!(posted["transcript"][0]["text"], "器が割れていました");
}

#[test]
fn a_letter_that_is_answered_2xx_has_arrived_and_nobody_reads_what_comes_after_the_status() {
    let (upstream, desk) = (Upstream::start(""), Upstream::start(""));
    let url = format!("{}/chat/completions", desk.url());
    let worker = start(&upstream, &[("HANDOFF_URL", &url)]);
    for body in ["endless", "silence=60000"] {
        desk.set(body);
        let reply = Visitor::new(&worker).post("/chat/handoff", &json!({"note": "飯碗が2つ"}));
        assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("sent")));
        assert!(desk.wait_until(Duration::from_secs(5), |s| s.aborted == 1), "{body}: the call goes on");
        // Whatever is posted again is so within two seconds.
        std::thread::sleep(Duration::from_millis(2_500));
        assert_eq!(desk.seen(|s| s.total), 1, "{body}");
    }
}

#[test]
fn a_letter_that_is_not_answered_in_time_is_called_back_and_posted_again() {
    let (upstream, desk) = (Upstream::start(""), Upstream::start("latency=60000"));
    let url = format!("{}/chat/completions", desk.url());
    let worker = start(&upstream, &[("HANDOFF_URL", &url)]);
    Visitor::new(&worker).post("/chat/handoff", &json!({"note": "飯碗が2つ"}));
    let attempt = Duration::from_millis(ATTEMPT_MS);
    assert!(desk.wait_until(attempt + Duration::from_secs(5), |s| s.aborted == 1), "the call goes on");
    desk.set("");
    assert!(desk.wait_until(Duration::from_secs(10), |s| s.answered == 1));
}

#[test]
fn without_an_address_for_letters_the_shops_contact_is_shown_and_without_a_secret_its_name_is() {
    let upstream = Upstream::start("");
    let contact = r#"{"email":"help@shop.example","hours":"10-17"}"#;
    let worker = start(&upstream, &[("SHOP_CONTACT", contact)]);
    let known = json!({"email": "help@shop.example", "hours": "10-17"});
    let reply = Visitor::new(&worker).post("/chat/handoff", &json!({}));
    assert_eq!(reply.json(), json!({"status": "contact", "contact": known}));
    // It is told from the beginning, so that nobody writes a letter in vain.
    let session = |worker: &Worker| worker.request("POST", "/chat/session", &[KIND], b"{}".to_vec()).json();
    assert_eq!(session(&worker)["contact"], known);
    let letters = [("SHOP_CONTACT", contact), ("HANDOFF_URL", "http://127.0.0.1:9/")];
    let taking = start(&upstream, &letters);
    assert_eq!(session(&taking).get("contact"), None);
    let empty = Visitor::new(&taking).post("/chat/handoff", &json!({}));
    assert_eq!((empty.status, &empty.error()["code"]), (400, &json!("empty_letter")));
    let worker = start(&upstream, &[("VISITOR_SECRET", "")]);
    let reply = worker.request("POST", "/chat/session", &[KIND], b"{}".to_vec());
    assert_eq!(reply.status, 500);
    assert!(reply.error()["message"].as_str().unwrap().contains("VISITOR_SECRET"));
}
