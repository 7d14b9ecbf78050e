//! Widths and batches: as many at once as were asked for, all of them served, and none left behind.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_width_is_kept_exactly_and_the_time_is_the_ideal_one() {
    for width in [1, 6, 7, 20, 50, 299, 300] {
        let (counter, world) = counter(Host::Answers { after_ms: 80 }, &[("UPSTREAM_RPM", "0")]);
        let began = Instant::now();
        let done: Vec<_> = bounded::run(&counter, jobs(600, 0), width, "here").collect().await;
        assert!(done.len() == 600 && done.iter().all(|(_, o)| o.error.is_none()));
        assert_eq!((world.most.get(), world.freed.borrow().len()), (width, world.lanes.get()));
        let ideal = 80 * 600_u64.div_ceil(width as u64);
        // Timers of one turn end within a millisecond of each other.
        let took = began.elapsed().as_millis() as u64;
        assert!((ideal..=ideal + 600 / width as u64 + 1).contains(&took), "{took} ms at width {width}, ideal {ideal}");
        let mut by_invocation = std::collections::HashMap::new();
        for (at, invocation) in world.calls.borrow().iter().filter(|c| c.0 < 80) {
            *by_invocation.entry((at / 80, invocation.clone())).or_insert(0) += 1;
        }
        assert!(by_invocation.values().all(|n| *n <= 6), "{by_invocation:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_past_the_limit_waits_for_its_permits_and_the_minute_is_never_overrun() {
    for (limit, calls, width) in [(30, 90, 10), (60, 300, 50), (60, 200, 10)] {
        let rpm = limit.to_string();
        let (counter, world) = counter(Host::Answers { after_ms: 10 }, &[("UPSTREAM_RPM", rpm.as_str())]);
        let done: Vec<_> = bounded::run(&counter, jobs(calls, bounded::PATIENCE_MS), width, "here").collect().await;
        assert!(done.iter().all(|(_, o)| o.error.is_none()));
        let at: Vec<u64> = world.calls.borrow().iter().map(|c| c.0).collect();
        for start in &at {
            assert!(at.iter().filter(|t| **t >= *start && **t < start + 60_000).count() <= limit);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_with_nobody_else_about_uses_the_whole_pace_of_a_limit() {
    let (counter, _) = counter(Host::Answers { after_ms: 50 }, &[("UPSTREAM_RPM", "3000")]);
    let began = Instant::now();
    let done: Vec<_> = bounded::run(&counter, jobs(400, 60_000), 100, "here").collect().await;
    assert!(done.iter().all(|(_, o)| o.error.is_none()));
    // Four hundred at fifty a second.
    let took = began.elapsed().as_secs_f64();
    assert!(took < 8.0 * 1.15, "{took} s");
}

#[tokio::test(start_paused = true)]
async fn dropping_a_fan_out_drops_every_call_of_it() {
    let (counter, world) = counter(Host::Answers { after_ms: 60_000 }, &[("UPSTREAM_RPM", "0")]);
    let mut fan = bounded::run(&counter, jobs(100, 0), 40, "here");
    tokio::select! { _ = fan.next() => panic!("too soon"), () = sleep(Duration::from_millis(500)) => {} }
    assert_eq!(world.running.get(), 40);
    drop(fan);
    assert_eq!((world.running.get(), world.calls.borrow().len()), (0, 40));
    // Its calls were cut off, so their lanes may still hold connections: they are forgotten and not used again.
    assert_eq!((world.freed.borrow().len(), world.dropped.get()), (0, world.lanes.get()));
}

#[tokio::test(start_paused = true)]
async fn a_fan_out_within_its_limits_asks_a_few_times_and_takes_the_ideal_time() {
    for (width, runs_on) in [6, 10, 20, 50].into_iter().flat_map(|width| [(width, false), (width, true)]) {
        let (counter, world) = counter(Host::Answers { after_ms: 80 }, &[("UPSTREAM_RPM", "100000000")]);
        world.ask_ms.set(6);
        world.runs_on.set(runs_on);
        let ideal = 80 * 100_u64.div_ceil(width as u64);
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                // How long a call takes is learned in the first.
                for (most_asks, late_ms) in [(12, ideal / 20 + 30), (5, ideal / 50 + 16), (5, ideal / 50 + 16)] {
                    let (asked, began) = (world.asks.get(), Instant::now());
                    let jobs = jobs(100, bounded::PATIENCE_MS);
                    let done: Vec<_> = bounded::run(&counter, jobs, width, "here").collect().await;
                    assert!(done.iter().all(|(_, o)| o.error.is_none()));
                    let (asks, took) = (world.asks.get() - asked, began.elapsed().as_millis() as u64);
                    println!("{width} {runs_on} {asks} {took}");
                    assert!(asks <= most_asks, "{asks} asks at width {width}");
                    assert!(took <= ideal + late_ms, "{took} ms at width {width}, ideal {ideal}");
                    sleep(Duration::from_millis(1_500)).await;
                }
            })
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_fan_out_told_of_calls_to_come_is_taken_back_when_it_is_dropped() {
    let (counter, world) = counter(Host::Answers { after_ms: 1_000 }, &[("UPSTREAM_RPM", "100000")]);
    let mut fan = bounded::run(&counter, jobs(400, 0), 40, "here");
    tokio::select! { _ = fan.next() => panic!("too soon"), () = sleep(Duration::from_millis(500)) => {} }
    drop(fan);
    // A call much later finds a holder that expects nobody else: nothing is asked for ahead.
    sleep(Duration::from_secs(60)).await;
    let asked = world.asks.get();
    let done: Vec<_> = bounded::run(&counter, jobs(1, 0), 1, "here").collect().await;
    assert!(done.iter().all(|(_, o)| o.error.is_none()));
    assert_eq!((world.asks.get() - asked, world.ahead.get()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_reads_nothing_for_a_while_loses_no_result_and_its_host_is_not_blamed() {
    let end = r#"{"choices":[{"message":{"content":"yes"}}]}"#;
    let variables = [("RETRIES", "0"), ("UPSTREAM_RPM", "0")];
    let (counter, world) = counter(Host::Trickles { status: 200, piece: " ", pieces: 2, end }, &variables);
    let mut results = bounded::run(&counter, jobs(12, 0), 6, "r");
    assert!(futures::poll!(results.next()).is_pending());
    sleep(Duration::from_secs(300)).await;
    let outcomes: Vec<_> = results.collect().await;
    assert!(outcomes.len() == 12 && outcomes.iter().all(|(_, o)| o.error.is_none()), "{outcomes:?}");
    assert_eq!(world.calls.borrow().len(), 12);
}

#[tokio::test(start_paused = true)]
async fn replies_that_find_no_room_are_errors_in_their_places_and_their_neighbours_are_whole() {
    let (counter, world) = counter(Host::FloodsBut("well"), &[("UPSTREAM_RPM", "0"), ("RETRIES", "3")]);
    let mut all = jobs(150, 0);
    for job in all.iter_mut().step_by(5) {
        job.model = "well".into();
        job.body = job.body.replace("gpt-4.1", "well");
    }
    let outcomes: Vec<_> = bounded::run(&counter, all, 150, "r").collect().await;
    for (at, outcome) in &outcomes {
        let told = outcome.error.as_ref().map(|error| error["message"].as_str().unwrap());
        match at % 5 {
            0 => assert_eq!((outcome.content.as_deref(), told), (Some("yes"), None)),
            // One that has all the room is longer than any completion.
            _ => assert!(
                told.is_some_and(|t| t.contains("max_tokens") || t.contains("more than a completion")),
                "{told:?}"
            ),
        }
    }
    // It is no fault of the host: none of them is tried again, but what is too long by itself.
    let again = world.calls.borrow().len() - 150;
    assert!(again <= 12, "{again} calls were made again");
}

#[tokio::test(start_paused = true)]
async fn what_was_handed_on_takes_no_room_any_more() {
    let text = format!(r#"{{"choices":[{{"message":{{"content":"{}"}}}}]}}"#, "x".repeat(1 << 20));
    let (counter, _) = counter(Host::Says(Box::leak(text.into_boxed_str())), &[("UPSTREAM_RPM", "0")]);
    let well = |(_, outcome): &(usize, bounded::Outcome)| outcome.error.is_none();
    let told = bounded::run(&counter, jobs(60, 0), 6, "r").filter(|one| std::future::ready(well(one))).count().await;
    assert_eq!(told, 60);
    let kept: Vec<_> = bounded::run(&counter, jobs(60, 0), 6, "r").collect().await;
    let well = kept.iter().filter(|one| well(one)).count();
    assert!((8..16).contains(&well), "{well} MiB are held");
}
