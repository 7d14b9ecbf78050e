//! A rush in whose middle the host breaks every connection: how soon it is used again, and how long those wait who come afterwards.

use super::*;

struct Person {
    came: u64,
    took_ms: u128,
    rung: Rung,
}

/// Ten times what the host can do for half a minute, then a fifth of it.
async fn people(counter: &Counter, per_second: u64) -> Vec<Person> {
    let rush = (0..per_second * 10 * 30).map(|n| n * 100 / per_second);
    let after = (0..per_second * 12 / 5).map(|n| 30_000 + n * 5_000 / per_second);
    let one = async |(n, came): (u64, u64)| {
        sleep(Duration::from_millis(came)).await;
        let began = Instant::now();
        let rung = rung(counter, n, asked(n)).await;
        Person { came, took_ms: began.elapsed().as_millis(), rung }
    };
    futures::future::join_all((0..).zip(rush.chain(after)).map(one)).await
}

#[tokio::test(start_paused = true)]
async fn when_a_host_that_broke_every_connection_is_well_again_it_is_used_at_once_and_nobody_stands_in_an_old_line() {
    let host = Host::BreaksBetween { per_second: 10, from: 5, to: 25, every_ms: 200 };
    let (counter, world) = counter(host, &[("UPSTREAM_RPM", "600"), ("SHARE_MS", "0")]);
    world.runs_on.set(true);
    world.ask_ms.set(10);
    let people = tokio::task::LocalSet::new().run_until(people(&counter, 10)).await;
    let calls =
        |from: u64, to: u64| world.calls.borrow().iter().filter(|c| (from * 1_000..to * 1_000).contains(&c.0)).count();
    assert!(calls(8, 25) <= 17 * 4, "{} calls to a host that is dead", calls(8, 25));
    assert!(calls(26, 30) >= 36, "{} calls when it is well", calls(26, 30));
    // The line of a rush that stands is three seconds long.
    let slowest = |from: u64, to: u64| {
        let came = people.iter().filter(|p| (from * 1_000..to * 1_000).contains(&p.came));
        came.map(|p| p.took_ms).max().unwrap()
    };
    assert!(slowest(14, 30) <= 5_000, "{} ms", slowest(14, 30));
    let after: Vec<_> = people.iter().filter(|p| p.came >= 32_000).map(|p| (p.rung, p.took_ms)).collect();
    assert!(after.iter().all(|(rung, ms)| *rung == Rung::Full && *ms < 1_000), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn in_a_rush_a_model_that_is_down_takes_no_permit_from_the_next_one() {
    let routes = r#"{"default":[{"model":"first"},{"model":"second"}]}"#;
    let variables = [("ROUTES", routes), ("UPSTREAM_RPM", "600"), ("SHARE_MS", "0")];
    let (counter, world) = counter(Host::FailsFor("first"), &variables);
    world.runs_on.set(true);
    world.ask_ms.set(10);
    let local = tokio::task::LocalSet::new();
    local.run_until(people(&counter, 5)).await;
    let (calls, models) = (world.calls.borrow(), world.models.borrow());
    let of = |model: &str, from: u64, to: u64| {
        let made = calls.iter().zip(models.iter()).filter(|(call, of)| (from..to).contains(&call.0) && *of == model);
        made.count()
    };
    let made = of("second", 5_000, 30_000);
    // The first is tried again and again.
    assert!(made >= 215 && made + of("first", 5_000, 30_000) >= 240, "{made} of 250");
}
