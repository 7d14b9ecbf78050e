//! What shoppers hear, when the host hangs and when the limit is small.

use super::*;

/// How long a shopper waits for the first word of an answer, in milliseconds, and its rung.
async fn first_word(counter: &Counter, party: u64) -> (u128, Rung) {
    let began = Instant::now();
    let desk = FromDocuments { counter: counter.clone(), party };
    let (mut said, mut first) = (desk.answer(asked(party)), None);
    while let Some(piece) = said.next().await {
        match piece {
            Said::Text(_) => drop(first.get_or_insert(began.elapsed().as_millis())),
            Said::Done { rung } => return (first.unwrap(), rung),
            _ => {}
        }
    }
    panic!("no answer")
}

#[tokio::test(start_paused = true)]
async fn a_host_that_hangs_holds_shoppers_up_for_about_one_first_byte_deadline_and_most_of_them_not_at_all() {
    let (counter, world) = counter(Host::Answers { after_ms: 3_600_000 }, &[("SHARE_MS", "0")]);
    world.runs_on.set(true);
    let local = tokio::task::LocalSet::new();
    let told = local
        .run_until(futures::future::join_all((0..60).map(|n| {
            let counter = &counter;
            async move {
                sleep(Duration::from_millis(4_000 * n)).await;
                first_word(counter, n).await
            }
        })))
        .await;
    // Passages are weighed for 2.5 s first.
    let waited: Vec<u128> = told.iter().map(|t| t.0).collect();
    assert!(told.iter().all(|t| t.1 == Rung::Passages) && waited.iter().all(|ms| *ms <= 15_500), "{told:?}");
    let later = &waited[25..];
    let soon = later.iter().filter(|ms| **ms <= 3_000).count();
    assert!(soon * 2 >= later.len(), "{soon} of {} at once: {waited:?}", later.len());
}

#[tokio::test(start_paused = true)]
async fn a_person_does_not_wait_for_the_first_word_of_a_host_that_hangs_after_its_first_data() {
    let word = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let empty = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n";
    for (piece, pieces, opens) in [(word, 30, true), (empty, usize::MAX, false)] {
        let host = Host::Trickles { status: 200, piece, pieces, end: "data: [DONE]\n\n" };
        let (counter, _) = counter(host, &[("UPSTREAM_RPM", "0")]);
        let person = of_a_person(call(&counter));
        match stream::open(&counter, &person).await {
            Ok(opened) => assert_eq!(opened.value.collect::<Vec<_>>().await.last(), Some(&stream::Piece::Done)),
            Err(failed) => assert_eq!((failed.error.status, failed.latency_ms, opens), (504, 12_500, false)),
        }
        assert_eq!(stream::open(&counter, &person).await.is_ok(), opens);
    }
}

/// Shoppers who come one after the other, so many in a minute, each with a question of her own: the rungs they end on.
async fn shoppers(counter: &Counter, people: u64) -> Vec<Rung> {
    let one = async |n: u64| {
        sleep(Duration::from_millis(60_000 / people * n)).await;
        rung(counter, n, Asked { request_id: format!("r{n}"), ..asked(n % 30) }).await
    };
    futures::future::join_all((0..people).map(one)).await
}

#[tokio::test(start_paused = true)]
async fn without_a_route_that_weighs_no_passage_is_weighed() {
    let routes = r#"{"default":[{"model":"gpt-4.1"}]}"#;
    let (counter, world) = counter(Host::Serves, &[("ROUTES", routes), ("SHARE_MS", "0")]);
    world.runs_on.set(true);
    tokio::task::LocalSet::new().run_until(shoppers(&counter, 10)).await;
    assert_eq!(*world.models.borrow(), ["gpt-4.1"; 10]);
}

#[tokio::test(start_paused = true)]
async fn weighing_passages_leaves_a_small_limit_to_the_answers() {
    for rpm in ["60", "120", "300"] {
        let (counter, world) = counter(Host::Serves, &[("UPSTREAM_RPM", rpm), ("SHARE_MS", "0")]);
        world.runs_on.set(true);
        let ends = tokio::task::LocalSet::new().run_until(shoppers(&counter, 40)).await;
        let full = ends.iter().filter(|rung| **rung == Rung::Full).count();
        let weighed = world.models.borrow().iter().filter(|m| *m == "deepseek-v3.2").count();
        assert!(full == 40 && weighed >= 10, "{rpm}: {full} full, {weighed} weighed");
    }
}
