//! Targets that fail: when they are passed over, by whom, and what is called instead.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_target_that_is_down_elsewhere_is_passed_over_here_and_tried_again_later() {
    let variables = [("ROUTES", TWO), ("RETRIES", "0"), ("UPSTREAM_RPM", "6000")];
    let (here, world) = counter(Host::FailsFor("first"), &variables);
    let there = another(&here);
    let one = of_two(&here);
    for _ in 0..8 {
        let answered = call::complete(&there, &one, false).await.unwrap();
        assert_eq!(answered.rank, 1);
        sleep(Duration::from_millis(400)).await;
    }
    // This isolate hears of it with its first permits.
    for _ in 0..2 {
        call::complete(&here, &one, false).await.unwrap();
        sleep(Duration::from_millis(400)).await;
    }
    world.models.borrow_mut().clear();
    assert_eq!(call::complete(&here, &one, false).await.unwrap().rank, 1);
    assert_eq!(*world.models.borrow(), ["second"], "the first was not even tried");
    sleep(Duration::from_secs(8)).await;
    world.models.borrow_mut().clear();
    call::complete(&here, &one, false).await.unwrap();
    assert_eq!(*world.models.borrow(), ["first", "second"], "its time is over");
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_is_tried_by_one_call_at_a_time_and_by_no_retry() {
    let (counter, world) = counter(Host::Answers { after_ms: 3_600_000 }, &[("ROUTES", TWO), ("UPSTREAM_RPM", "0")]);
    let shopper = of_a_person(of_two(&counter));
    let all = (0..600).map(|n| {
        let (counter, shopper, world) = (&counter, &shopper, &world);
        async move {
            sleep(Duration::from_millis(500 * n)).await;
            let before = world.calls.borrow().len();
            let began = Instant::now();
            stream::open(counter, shopper).await.map(drop).unwrap_err();
            (began.elapsed().as_millis(), world.calls.borrow().len() - before)
        }
    });
    let told = futures::future::join_all(all).await;
    assert!(told.iter().all(|t| t.0 <= 12_500), "{told:?}");
    // From then on each of the two targets is tried for ten seconds of every thirty, the second also after the first.
    let calls = world.calls.borrow().iter().filter(|c| c.0 >= 100_000).count();
    assert!((10..=30).contains(&calls), "{calls} calls in 200 s");
}

const BREAKS: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
const WELL: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n";
const EMPTY: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"\"}}]}\n\ndata: [DONE]\n\n";

#[tokio::test(start_paused = true)]
async fn a_host_whose_streams_all_break_or_are_empty_is_passed_over_here_and_elsewhere() {
    for (text, rpm, goes_to) in
        [(BREAKS, "0", "second"), (BREAKS, "6000", "second"), (EMPTY, "6000", "second"), (WELL, "0", "first")]
    {
        let variables = [("ROUTES", TWO), ("RETRIES", "0"), ("UPSTREAM_RPM", rpm)];
        let (counter, world) = counter(Host::Says(text), &variables);
        // Where there is a limit for the world another isolate hears of it.
        let there = if rpm == "0" { counter.clone() } else { another(&counter) };
        // Neither target is called when the other is: an empty stream of the first is asked of the second too.
        let one = Call { targets: counter.config.targets("two")[..1].to_vec(), ..of_two(&counter) };
        for _ in 0..8 {
            if let Ok(opened) = stream::open(&there, &one).await {
                opened.value.collect::<Vec<_>>().await;
            }
            sleep(Duration::from_millis(100)).await;
        }
        if rpm != "0" {
            let second = Call { targets: counter.config.targets("two")[1..].to_vec(), ..of_two(&counter) };
            let _ = stream::open(&there, &second).await;
            sleep(Duration::from_millis(100)).await;
            let _ = stream::open(&counter, &second).await;
            sleep(Duration::from_millis(100)).await;
        }
        world.models.borrow_mut().clear();
        let _ = stream::open(&counter, &of_two(&counter)).await;
        assert_eq!(world.models.borrow()[0], goes_to, "{text} at {rpm}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_sends_elsewhere_is_given_up_for_the_next_one() {
    let (counter, world) =
        counter(Host::Fails { status: 308, headers: &[] }, &[("ROUTES", TWO), ("UPSTREAM_RPM", "0")]);
    let failed = call::complete(&counter, &of_two(&counter), false).await.unwrap_err();
    assert_eq!((failed.error.status, world.models.borrow().join(" ")), (502, "first second".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn invented_models_that_fail_do_not_open_what_is_closed_here_or_elsewhere() {
    let variables = [("ROUTES", TWO), ("RETRIES", "0"), ("UPSTREAM_RPM", "600000")];
    let (there, world) = counter(Host::AnswersFor("second"), &variables);
    world.runs_on.set(true);
    let here = another(&there);
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let one = of_two(&there);
            for _ in 0..5 {
                assert_eq!(call::complete(&there, &one, false).await.unwrap().rank, 1);
            }
            for n in 0..300 {
                call::complete(&there, &of(&there, &format!("invented-{n}")), false).await.unwrap_err();
            }
            sleep(Duration::from_millis(500)).await;
            // The first call here hears of it with its permit.
            call::complete(&here, &one, false).await.unwrap();
            assert!(world.began.elapsed() < Duration::from_millis(2_500));
            for (isolate, name) in [(&there, "there"), (&here, "here")] {
                world.models.borrow_mut().clear();
                call::complete(isolate, &one, false).await.unwrap();
                assert_eq!(*world.models.borrow(), ["second"], "{name} at {:?}", world.began.elapsed());
            }
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_target_is_well_again_when_an_answer_has_begun_and_not_only_when_it_has_ended() {
    let host = Host::BreaksBetween { per_second: 100, from: 0, to: 3, every_ms: 4_000 };
    let (counter, world) = counter(host, &[("UPSTREAM_RPM", "0"), ("RETRIES", "0")]);
    let body = r#"{"model":"gpt-4.1","messages":[],"stream":true}"#.into();
    let person = of_a_person(Call { body, ..call(&counter) });
    let all = (0..60).map(|n| {
        let (counter, person) = (&counter, &person);
        async move {
            sleep(Duration::from_millis(200 * n)).await;
            if let Ok(opened) = stream::open(counter, person).await {
                opened.value.collect::<Vec<_>>().await;
            }
        }
    });
    futures::future::join_all(all).await;
    let calls = |from, to| world.calls.borrow().iter().filter(|c| (from..to).contains(&c.0)).count();
    assert_eq!((calls(3_000, 7_000), calls(8_000, 12_000)), (1, 20));
}
