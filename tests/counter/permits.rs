//! Waits for permits: whose they are, what they cost, when they come, and what those are told who get none.

use super::*;

#[tokio::test(start_paused = true)]
async fn many_keys_do_not_make_an_isolate_forget_the_upstreams_permits() {
    let (counter, _) = counter(Host::Answers { after_ms: 0 }, &[]);
    call::complete(&counter, &call(&counter), false).await.unwrap();
    let upstream = Budget::upstream(&counter.config).unwrap();
    for n in 0..1_100 {
        let key = Budget::key(&n.to_string(), 60).unwrap();
        counter.learned.with_holder(&key, &*counter.world, |_| ());
    }
    assert!(counter.learned.standing(&upstream).is_some());
}

#[tokio::test(start_paused = true)]
async fn each_permit_that_is_spent_is_one_less_that_remains_whoever_granted_how_many_ahead() {
    let (counter, _) = counter(Host::Answers { after_ms: 20 }, &[("UPSTREAM_RPM", "500")]);
    let upstream = Budget::upstream(&counter.config).unwrap();
    for spent in 1..=100 {
        call::complete(&counter, &call(&counter), false).await.unwrap();
        assert_eq!(counter.learned.standing(&upstream).unwrap().remaining, 500 - spent);
    }
}

#[tokio::test(start_paused = true)]
async fn each_token_that_is_used_is_one_less_that_remains_and_what_was_reserved_beyond_it_is_not() {
    let (counter, _) = counter(Host::UsesAll, &[("UPSTREAM_TPM", "60000"), ("UPSTREAM_RPM", "0")]);
    let upstream = Budget::upstream(&counter.config).unwrap();
    let body = r#"{"model":"gpt-4.1","max_tokens":500,"messages":[]}"#.into();
    let one = Call { body, ..call(&counter) };
    for spent in 1..=40 {
        call::complete(&counter, &one, false).await.unwrap();
        let standing = counter.learned.standing(&upstream).unwrap();
        assert_eq!(standing.tokens.0, 60_000 - spent * 500);
        assert!(standing.tokens.1 > 50_000, "{standing:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn retries_are_a_part_of_the_worlds_traffic_whichever_isolate_makes_them() {
    let variables = [("UPSTREAM_RPM", "60000"), ("RETRIES", "3"), ("QUEUE_MS", "15000")];
    let (first, world) = counter(Host::Fails { status: 500, headers: &[] }, &variables);
    for _ in 0..20 {
        let isolate = another(&first);
        let each = of_many_models(&isolate, 20);
        let calls: Vec<_> = each.iter().map(|one| call::complete(&isolate, one, false)).collect();
        assert!(futures::future::join_all(calls).await.iter().all(|c| c.is_err()));
    }
    // Each isolate has two of its own before it has asked for any.
    let made = world.calls.borrow().len();
    assert!((400..=500).contains(&made), "{made} calls for 400");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_says_it_is_full_is_left_alone_until_its_window_ends() {
    let states = &[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "20s")];
    let (counter, world) = counter(Host::States(states), &[("UPSTREAM_RPM", "6000"), ("QUEUE_MS", "60000")]);
    world.runs_on.set(true);
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let one = Call { wait: Wait { patience_ms: 60_000, ..Wait::new(Kind::New, 0) }, ..call(&counter) };
            call::complete(&counter, &one, false).await.unwrap();
            // It is told within seconds, with no other caller.
            sleep(Duration::from_secs(6)).await;
            call::complete(&another(&counter), &one, false).await.unwrap();
        })
        .await;
    let at: Vec<u64> = world.calls.borrow().iter().map(|c| c.0).collect();
    assert!((20_000..=27_000).contains(&at[1]), "{at:?}");
}

/// Of so many calls, one each so many milliseconds, those that were answered; so many of another come beside each.
async fn answered(counter: &Counter, one: &Call, calls: usize, every_ms: u64, beside: usize, other: &Call) -> usize {
    let all = (0..calls as u64).map(|n| async move {
        sleep(Duration::from_millis(every_ms * n)).await;
        let others = futures::future::join_all((0..beside).map(|_| call::complete(counter, other, false)));
        futures::join!(call::complete(counter, one, false), others).0.is_ok()
    });
    futures::future::join_all(all).await.into_iter().filter(|answered| *answered).count()
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_full_or_slow_takes_nothing_from_another_and_is_left_alone_itself() {
    for host in [Host::FullFor("costly"), Host::SlowFor("costly")] {
        let (counter, world) = counter(host, &[("UPSTREAM_RPM", "6000"), ("RETRIES", "0")]);
        world.runs_on.set(true);
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                let (good, costly) = (of(&counter, "good"), of(&counter, "costly"));
                assert_eq!(answered(&counter, &good, 100, 50, 0, &costly).await, 100);
                let beside = if matches!(host, Host::FullFor(_)) { 4 } else { 1 };
                let well = answered(&counter, &good, 200, 50, beside, &costly).await;
                assert!(well >= 190, "{well} of 200");
                let well = answered(&counter, &good, 100, 50, 0, &costly).await;
                assert!(well >= 95, "{well} of 100 right after it");
            })
            .await;
        // Eight hundred were wanted in ten seconds of the twenty that it asked for.
        let made = world.models.borrow().iter().filter(|model| *model == "costly").count();
        assert!(matches!(host, Host::SlowFor(_)) || made <= 80, "{made} calls to a host that is full");
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_first_target_of_a_chain_is_full_the_next_is_called() {
    let (counter, world) =
        counter(Host::FullFor("first"), &[("ROUTES", TWO), ("UPSTREAM_RPM", "6000"), ("RETRIES", "0")]);
    world.runs_on.set(true);
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let one = of_two(&counter);
            let well = answered(&counter, &one, 200, 50, 0, &one).await;
            assert_eq!(well, 200);
        })
        .await;
    let made = world.models.borrow().iter().filter(|model| *model == "first").count();
    assert!(made <= 20, "{made} calls to a host that is full");
}

#[tokio::test(start_paused = true)]
async fn the_stated_limits_count_the_calls_to_all_targets_together() {
    let (counter, world) = counter(Host::Answers { after_ms: 10 }, &[("UPSTREAM_RPM", "60"), ("RETRIES", "0")]);
    world.runs_on.set(true);
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let models = [of(&counter, "a"), of(&counter, "b"), of(&counter, "c")];
            let calls = (0..150u64).map(|n| {
                let (counter, one) = (&counter, &models[n as usize % 3]);
                async move {
                    sleep(Duration::from_millis(20 * n)).await;
                    call::complete(counter, one, false).await.is_ok()
                }
            });
            let well = futures::future::join_all(calls).await.into_iter().filter(|answered| *answered).count();
            assert!((54..=60).contains(&well), "{well} of a limit of 60");
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_no_minute_allows_is_refused_at_once_and_one_that_leaves_little_does_not_keep_others_out() {
    let (counter, world) = counter(Host::UsesAll, &[("UPSTREAM_TPM", "60000"), ("UPSTREAM_RPM", "0")]);
    world.runs_on.set(true);
    let sized = |tokens: u32| {
        let body = format!(r#"{{"model":"gpt-4.1","max_tokens":{tokens},"messages":[]}}"#);
        Call { body, ..call(&counter) }
    };
    let small = sized(50);
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let refused = call::complete(&counter, &sized(100_000), false).await.unwrap_err().error;
            assert_eq!((refused.status, refused.param.as_deref()), (413, Some("max_tokens")), "{refused:?}");
            assert!(refused.retry_after_ms.is_none() && refused.message.contains("UPSTREAM_TPM"), "{refused:?}");
            // Each beside one that is too large for ever, and beside one that fits into an empty minute alone.
            for tokens in [100_000, 59_950] {
                call::complete(&counter, &small, false).await.unwrap();
                let well = answered(&counter, &small, 60, 250, 1, &sized(tokens)).await;
                assert!(well >= 59, "{well} of 60 beside calls of {tokens} tokens");
                sleep(Duration::from_secs(70)).await;
            }
            // It has its turn when the minute is empty, and when it is not it hears when that is.
            call::complete(&counter, &sized(50_000), false).await.unwrap();
            sleep(Duration::from_secs(70)).await;
            let small = sized(1_000);
            assert_eq!(answered(&counter, &small, 15, 250, 0, &small).await, 15);
            let refused = call::complete(&counter, &sized(50_000), false).await.unwrap_err().error;
            let told = refused.retry_after_ms.unwrap();
            assert!((50_000..=62_000).contains(&told), "{refused:?}");
            sleep(Duration::from_millis(told)).await;
            call::complete(&counter, &sized(50_000), false).await.unwrap();
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn those_who_are_turned_away_in_a_rush_pass_when_they_come_again_at_the_time_they_were_told() {
    for rpm in ["60", "600", "3000"] {
        let (counter, world) = counter(Host::Answers { after_ms: 100 }, &[("UPSTREAM_RPM", rpm)]);
        world.runs_on.set(true);
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                let one = Call { wait: Wait::new(Kind::New, 7), ..call(&counter) };
                // Half a minute's calls in three seconds, all of one key.
                let calls = (rpm.parse::<u64>().unwrap() / 2).max(200);
                let all = (0..calls).map(|n| {
                    let (counter, one) = (&counter, &one);
                    async move {
                        sleep(Duration::from_millis(n * 3_000 / calls)).await;
                        let refused = call::complete(counter, one, false).await.err()?;
                        sleep(Duration::from_secs(refused.error.retry_after_seconds().unwrap())).await;
                        Some(call::complete(counter, one, false).await.is_ok())
                    }
                });
                let again: Vec<bool> = futures::future::join_all(all).await.into_iter().flatten().collect();
                let passed = again.iter().filter(|passed| **passed).count();
                assert!(again.len() > 100 && passed * 10 >= again.len() * 8, "{passed} of {}", again.len());
            })
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lone_caller_that_asks_again_too_early_is_told_the_same_time_each_time_and_passes_then() {
    for (name, every_ms) in [("UPSTREAM_RPM", 250), ("UPSTREAM_RPM", 3_000), ("KEY_RPM", 1_000)] {
        let (counter, world) = counter(Host::Answers { after_ms: 100 }, &[(name, "10"), ("UPSTREAM_RPM", "0")]);
        world.runs_on.set(true);
        world.ask_ms.set(20);
        let key = Budget::key("k", counter.config.key_rpm);
        let caller = Caller { kind: Kind::New, party: 7, tokens: 0, patience_ms: 0 };
        let one = Call { wait: Wait::new(Kind::New, 7), ..call(&counter) };
        let ask = async || {
            let _pass = gate::enter(&counter, key.clone(), caller, Hears::default()).await?;
            call::complete(&counter, &one, false).await.map(drop).map_err(|failed| failed.error)
        };
        let began = Instant::now();
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                for _ in 0..10 {
                    ask().await.unwrap();
                }
                let mut told = Vec::new();
                while let Err(refused) = ask().await {
                    told.push(began.elapsed().as_millis() as u64 + refused.retry_after_ms.unwrap());
                    sleep(Duration::from_millis(every_ms)).await;
                }
                let passed = began.elapsed().as_millis() as u64;
                let untrue = told.iter().filter(|told| told.abs_diff(passed) > every_ms + 1_000).count();
                assert!(told.len() > 15 && untrue == 0, "passed at {passed}, told {told:?}");
            })
            .await;
    }
}

/// A stream that its caller leaves when so many pieces have come.
async fn cut_after(pieces: usize, counter: &Counter, call: &Call) {
    let mut stream = stream::open(counter, call).await.unwrap().value;
    for _ in 0..pieces {
        stream.next().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_the_caller_cuts_counts_as_the_tokens_that_came_and_no_more() {
    let variables = [("UPSTREAM_TPM", "1000"), ("UPSTREAM_RPM", "0"), ("QUEUE_MS", "60000")];
    let (counter, world) = counter(Host::Streams { every_ms: 10 }, &variables);
    world.runs_on.set(true);
    let local = tokio::task::LocalSet::new();
    let waited = local
        .run_until(async {
            let one = Call { wait: Wait { patience_ms: 60_000, ..Wait::new(Kind::New, 0) }, ..call(&counter) };
            // Each reserves 600 and some, so two do not fit into a minute unless the first is settled.
            cut_after(20, &counter, &one).await;
            let began = Instant::now();
            drop(stream::open(&counter, &one).await.unwrap());
            began.elapsed()
        })
        .await;
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    // A long one is charged for all of it: not even when the minute of what it reserved is over does another fit.
    let (counter, world) = self::counter(Host::Streams { every_ms: 10 }, &variables);
    world.runs_on.set(true);
    let local = tokio::task::LocalSet::new();
    let refused = local
        .run_until(async {
            let one = Call { wait: Wait { patience_ms: 60_000, ..Wait::new(Kind::New, 0) }, ..call(&counter) };
            cut_after(1_100, &counter, &one).await;
            stream::open(&counter, &one).await.map(drop).unwrap_err()
        })
        .await;
    assert!((55_000..=62_000).contains(&refused.error.retry_after_ms.unwrap()), "{refused:?}");
}

/// Calls of which each waited for its permit, one each 19 ms, and the asks made while the second half of them came.
async fn waits(runs_on: bool) -> (usize, usize) {
    let (counter, world) = counter(Host::Answers { after_ms: 100 }, &[("UPSTREAM_RPM", "12000")]);
    world.ask_ms.set(60);
    world.runs_on.set(runs_on);
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let one = call(&counter);
            let first_half = Cell::new(0);
            let calls = (0..500).map(|n| {
                let (counter, one, world, first_half) = (&counter, &one, &world, &first_half);
                async move {
                    // Not in step with the asks.
                    sleep(Duration::from_millis(19 * n)).await;
                    if n == 250 {
                        first_half.set(world.asks.get());
                    }
                    let began = Instant::now();
                    call::complete(counter, one, false).await.unwrap();
                    began.elapsed().as_millis() > 105
                }
            });
            // How often callers come is known after two seconds.
            let waited = futures::future::join_all(calls).await.into_iter().skip(100).filter(|w| *w).count();
            (waited, world.asks.get() - first_half.get())
        })
        .await
}

#[tokio::test(start_paused = true)]
async fn an_ask_that_runs_beside_holds_nobody_up() {
    let (alone, asks_alone) = waits(false).await;
    let (beside, asks_beside) = waits(true).await;
    println!("waited {alone} of 400, {asks_alone} asks for 250, and {beside} with {asks_beside} asks beside");
    assert!(beside * 4 <= alone, "{alone} waited, {beside} with asks beside");
}

#[tokio::test(start_paused = true)]
async fn where_there_is_room_a_busy_isolate_asks_for_one_call_in_sixteen() {
    for runs_on in [false, true] {
        let (_, asks) = waits(runs_on).await;
        assert!(asks <= 250 / 16, "{asks} asks for 250 calls");
    }
}
