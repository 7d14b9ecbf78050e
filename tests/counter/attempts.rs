//! Attempts of one call: their deadlines, retries, second calls, and what is read of a reply.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_silent_host_is_given_up_at_the_first_byte_deadline_and_its_call_is_dropped() {
    let (counter, world) =
        counter(Host::Answers { after_ms: 3_600_000 }, &[("RETRIES", "0"), ("FIRST_BYTE_MS", "7000")]);
    let began = Instant::now();
    let failed = call::complete(&counter, &call(&counter), false).await.unwrap_err();
    assert_eq!((failed.error.status, began.elapsed().as_millis(), world.running.get()), (504, 7000, 0));
}

#[tokio::test(start_paused = true)]
async fn all_attempts_together_keep_to_the_total_deadline() {
    let variables = [("RETRIES", "10"), ("FIRST_BYTE_MS", "7000"), ("TOTAL_MS", "20000")];
    let (counter, world) = counter(Host::Answers { after_ms: 3_600_000 }, &variables);
    let began = Instant::now();
    call::complete(&counter, &call(&counter), false).await.unwrap_err();
    assert!(began.elapsed() <= Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(world.calls.borrow().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_host_asks_for_is_kept_and_one_past_the_deadline_is_not_begun() {
    let (counter, world) = counter(Host::Fails { status: 429, headers: &[("retry-after", "4")] }, &[("RETRIES", "2")]);
    call::complete(&counter, &call(&counter), false).await.unwrap_err();
    let at: Vec<u64> = world.calls.borrow().iter().map(|c| c.0).collect();
    assert!(at.windows(2).all(|w| (4000..=5000).contains(&(w[1] - w[0]))) && at.len() == 3, "{at:?}");

    let (counter, world) = self::counter(Host::Fails { status: 429, headers: &[("retry-after", "3600")] }, &[]);
    let failed = call::complete(&counter, &call(&counter), false).await.unwrap_err();
    assert_eq!((world.calls.borrow().len(), failed.error.retry_after_seconds()), (1, Some(3600)));
}

#[tokio::test(start_paused = true)]
async fn under_a_dead_host_retries_stay_a_tenth_of_the_traffic() {
    let (counter, world) = counter(Host::Fails { status: 500, headers: &[] }, &[("UPSTREAM_RPM", "0")]);
    // All at once, so that the floor does not fill again meanwhile.
    let each = of_many_models(&counter, 500);
    let calls: Vec<_> = each.iter().map(|one| call::complete(&counter, one, false)).collect();
    assert!(futures::future::join_all(calls).await.iter().all(|c| c.is_err()));
    let made = world.calls.borrow().len();
    assert!((501..=580).contains(&made), "{made} calls for 500");
}

/// How long each of so many calls takes that come one after the other, sorted, in milliseconds.
async fn taken(counter: &Counter, calls: usize) -> Vec<u128> {
    let mut taken = Vec::new();
    for _ in 0..calls {
        let began = Instant::now();
        call::complete(counter, &call(counter), false).await.unwrap();
        taken.push(began.elapsed().as_millis());
    }
    taken.sort_unstable();
    taken
}

#[tokio::test(start_paused = true)]
async fn a_second_call_beside_a_late_one_is_made_only_where_it_is_wanted_and_the_loser_is_ended() {
    let run = async |variables: &[(&str, &str)]| {
        let (counter, world) = counter(Host::Tails { every: 30 }, variables);
        taken(&counter, 100).await;
        let before = world.calls.borrow().len();
        let taken = taken(&counter, 400).await;
        assert_eq!(world.running.get(), 0);
        (taken[395], world.calls.borrow().len() - before)
    };
    let (slow, calls) = run(&[("UPSTREAM_RPM", "0")]).await;
    assert_eq!((slow, calls), (3_000, 400));
    for rpm in ["0", "60000"] {
        let (slow, calls) = run(&[("UPSTREAM_RPM", rpm), ("HEDGE", "true")]).await;
        assert!(slow <= 300 && (401..=440).contains(&calls), "{slow} ms, {calls} calls");
    }
}

#[tokio::test(start_paused = true)]
async fn second_calls_beside_late_ones_stay_a_tenth_of_the_traffic() {
    // Slower and slower, so that each call is later than was usual.
    let (counter, world) = counter(Host::Answers { after_ms: 100 }, &[("UPSTREAM_RPM", "0"), ("HEDGE", "true")]);
    taken(&counter, 100).await;
    world.slower_ms.set(900);
    let one = call(&counter);
    let calls: Vec<_> = (0..500).map(|_| call::complete(&counter, &one, false)).collect();
    assert!(futures::future::join_all(calls).await.iter().all(|c| c.is_ok()));
    let made = world.calls.borrow().len() - 100;
    assert!((501..=580).contains(&made), "{made} calls for 500");
}

const SECRET: &str = "sk-the-shops-own";
const WITH_SECRET: [(&str, &str); 4] = [
    ("ROUTES", r#"{"gpt-4.1":[{"model":"m","key":"SECRET"}]}"#),
    ("SECRET", SECRET),
    ("RETRIES", "0"),
    ("UPSTREAM_RPM", "0"),
];

/// What a caller is told of a stream that does not end well, at its beginning or later.
async fn broken(text: &'static str, variables: &[(&str, &str)]) -> String {
    let (counter, _) = counter(Host::Says(text), variables);
    match stream::open(&counter, &call(&counter)).await {
        Err(failed) => failed.error.message,
        Ok(opened) => match opened.value.collect::<Vec<_>>().await.pop() {
            Some(stream::Piece::Broke(fault)) => fault.to_error(1).message,
            other => panic!("it ended with {other:?}"),
        },
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_its_host_says_in_a_success_never_reaches_the_caller() {
    let plain = r#"{"error":{"message":"Incorrect API key provided: sk-the-shops-own"}}"#;
    let (counter, _) = counter(Host::Says(plain), &WITH_SECRET);
    let told = call::complete(&counter, &call(&counter), false).await.unwrap_err().error.message;
    let first =
        broken("data: {\"error\":{\"message\":\"Incorrect API key provided: sk-the-shops-own\"}}\n\n", &WITH_SECRET);
    let later = broken(
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"error\":\"no: sk-the-shops-own\"}\n\n",
        &WITH_SECRET,
    );
    for message in [told, first.await, later.await] {
        assert!(message.contains("[key]") && !message.contains(SECRET), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn retries_wait_for_their_permits_within_what_is_left_of_the_callers_patience_and_of_the_whole_time() {
    let variables = [("UPSTREAM_RPM", "30"), ("RETRIES", "10"), ("TOTAL_MS", "20000"), ("FIRST_BYTE_MS", "1000")];
    for (patience_ms, longest_ms) in [(2_000, 5_000), (60_000, 22_000)] {
        let (counter, _) = counter(Host::Answers { after_ms: 3_600_000 }, &variables);
        // So many are before it that permits come one by one.
        let _: Vec<_> = bounded::run(&counter, jobs(24, 60_000), 24, "here").collect().await;
        let waits = |one: Call| Call { wait: Wait::batch(0, patience_ms), ..one };
        let each = of_many_models(&counter, 6).into_iter().map(waits).collect::<Vec<_>>();
        let ended = futures::future::join_all(each.iter().map(|one| call::complete(&counter, one, false))).await;
        for failed in ended.into_iter().map(Result::unwrap_err) {
            assert!(failed.latency_ms <= longest_ms, "{failed:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_plain_answer_is_waited_for_as_long_as_bytes_come_and_a_refusals_reason_for_a_second() {
    let answer = r#"{"choices":[{"message":{"content":"yes"}}]}"#;
    let variables = [("RETRIES", "0"), ("UPSTREAM_RPM", "0"), ("SILENCE_MS", "5000")];
    let well = Host::Trickles { status: 200, piece: "\n", pieces: 40, end: answer };
    let (counter, _) = counter(well, &variables);
    let answered = call::complete(&counter, &call(&counter), true).await.unwrap();
    assert_eq!((answered.value.content.as_deref(), answered.latency_ms), (Some("yes"), 41_000));
    let refused = Host::Trickles { status: 500, piece: "\n", pieces: 40, end: "{}" };
    let (counter, _) = self::counter(refused, &variables);
    let failed = call::complete(&counter, &call(&counter), false).await.unwrap_err();
    assert_eq!((failed.error.status, failed.latency_ms), (502, 1_000));
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_comments_is_given_up_at_the_first_byte_deadline() {
    let pings = Host::Trickles { status: 200, piece: ": ping\n\n", pieces: usize::MAX, end: "" };
    let (counter, _) = counter(pings, &[("RETRIES", "0"), ("UPSTREAM_RPM", "0"), ("FIRST_BYTE_MS", "7000")]);
    let failed = stream::open(&counter, &call(&counter)).await.map(drop).unwrap_err();
    assert_eq!((failed.error.status, failed.latency_ms), (504, 7_000));
}

#[tokio::test(start_paused = true)]
async fn a_stream_may_be_as_long_as_it_likes_but_not_one_event_of_it() {
    for in_events in [true, false] {
        let (counter, _) = counter(Host::Floods { in_events }, &[("RETRIES", "0"), ("UPSTREAM_RPM", "0")]);
        let last = match stream::open(&counter, &call(&counter)).await {
            Ok(opened) => opened.value.collect::<Vec<_>>().await.pop(),
            Err(_) => None,
        };
        assert_eq!(last == Some(stream::Piece::Done), in_events);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_named_error_is_one_whatever_is_in_it() {
    let word = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n";
    for (data, told) in [
        (r#"{"error":{"message":"no room"}}"#, "no room"),
        (r#"{"type":"overloaded","message":"no room at sk-the-shops-own"}"#, "no room at [key]"),
        (r#"{"error":null}"#, "an error"),
        ("no room", "no room"),
    ] {
        for before in ["", word] {
            let text = format!("{before}event: error\ndata: {data}\n\ndata: [DONE]\n\n");
            let message = broken(Box::leak(text.into_boxed_str()), &WITH_SECRET).await;
            assert!(message.contains(&format!("within its stream: {told}")), "{data}: {message}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_plain_reply_in_place_of_a_stream_is_told_as_what_it_is() {
    for (text, told) in [
        (r#"{"choices":[{"message":{"content":"half"#, "answered with JSON that cannot be read"),
        (r#"{"choices":[{"message":{"content":"yes"}}]}"#, "answered with a whole completion in place of a stream"),
        ("\n{\n\n\"choices\":[]\n}\n", "answered without an answer"),
        (r#"{"error":{"message":"no room at sk-the-shops-own"}}"#, "no room at [key]"),
        ("", "could not be reached, or broke the connection"),
        ("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n", "broke the connection"),
    ] {
        let message = broken(text, &WITH_SECRET).await;
        assert!(message.contains(told), "{text}: {message}");
    }
}
