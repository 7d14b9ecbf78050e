//! A weekend in virtual time: 300 isolates in 30 places, one object, one host, and everything that goes wrong.
//!
//! The state machines are the Worker's own. One seed number gives one run, the same each time: `MADOGUCHI_SEED=7` runs that one
//! alone and tells its figures, `MADOGUCHI_SEEDS=1000` runs so many, otherwise a few that fit in a minute.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "what goes wrong in a test must stop it"
)]

mod calendar;
mod chance;
mod host;
mod measure;
mod world;

use std::f64::consts::PI;

use chance::Chance;
use host::Mood;
use madoguchi::admission::message::Limits;
use measure::Measures;
use world::{BEGIN_MS, Plan, World};

fn seeds(few: u64) -> Vec<u64> {
    let number = |name| std::env::var(name).ok().map(|v| v.parse::<u64>().expect("a number"));
    match (number("MADOGUCHI_SEED"), number("MADOGUCHI_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, Some(n)) => (0..n).collect(),
        (None, None) => (0..few).collect(),
    }
}

/// A weekend day's curve: quiet at night, a hump at noon, the rush in the evening, and short spikes.
fn weekend(seed: u64, base: f64, peak: f64) -> Box<dyn Fn(f64) -> f64> {
    let mut chance = Chance::new(seed ^ 0xfeed);
    let spikes: Vec<(f64, f64)> = (0..6).map(|_| (chance.within(0.0, 86_400.0), chance.within(20.0, 300.0))).collect();
    Box::new(move |t| {
        let hour = (t / 3_600.0) % 24.0;
        let hump = |at: f64, wide: f64| (-((hour - at) / wide).powi(2)).exp();
        let day = 0.5 - 0.5 * (2.0 * PI * hour / 24.0).cos();
        let spike = spikes.iter().any(|(at, long)| t >= *at && t < at + long);
        base * (0.1 + day) + peak * (0.5 * hump(12.5, 1.0) + hump(20.5, 1.2)) + if spike { peak } else { 0.0 }
    })
}

fn day(seed: u64) -> Plan {
    let mut chance = Chance::new(seed);
    let permits = (60.0 * chance.within(0.0, 2.9).exp()) as u32;
    let permits = if chance.happens(0.1) { permits * 3 } else { permits };
    let per_second = f64::from(permits) / 60.0;
    let took_ms = chance.within(800.0, 4_000.0);
    let tokens = if chance.happens(0.3) { (f64::from(permits) * chance.within(700.0, 2_000.0)) as u32 } else { 0 };
    let in_flight = if chance.happens(0.3) { (per_second * took_ms / 1_000.0 * 1.6).ceil() as u32 + 4 } else { 0 };
    let mut moods = Vec::new();
    let mut at = chance.within(1_000.0, 10_000.0);
    while at < 80_000.0 {
        let mood = match chance.under(4) {
            0 => Mood::Slow(chance.within(2.0, 5.0)),
            1 => Mood::Short(chance.within(0.3, 0.8)),
            2 => Mood::Silent,
            _ => Mood::Down,
        };
        moods.push((at, mood));
        at += chance.within(10.0, 120.0);
        moods.push((at, Mood::Well));
        at += chance.wait(10_000.0);
    }
    Plan {
        seed,
        isolates: 300,
        limits: Limits { permits, tokens, in_flight, paced: true, longest_ms: 60_000 },
        queue_ms: 15_000,
        seconds: 86_400,
        arrivals: weekend(seed, per_second * 0.3, per_second * chance.within(1.5, 10.0)),
        took_ms,
        by_seconds: permits >= 600 && chance.happens(0.5),
        moods,
        isolate_life: chance.within(1_800.0, 7_200.0),
        object_life: chance.within(600.0, 7_200.0),
        lost: chance.within(0.0, 0.005),
        parties: None,
        calm_from: None,
    }
}

/// Spans of ten seconds in which people were turned away for want of permits throughout, the host being well, and the part of
/// the limit that was used in them.
fn use_under_demand(m: &Measures, permits: u32) -> Option<(usize, f64)> {
    let n = m.spent.0.len();
    let busy = |at: usize| m.short.get(at) > 0 && m.unwell.get(at) == 0;
    let spans: Vec<usize> = (4..n.saturating_sub(2)).filter(|at| (at - 3..=at + 1).all(busy)).collect();
    let spent: u32 = spans.iter().map(|at| m.spent.get(*at)).sum();
    (spans.len() >= 8).then(|| (spans.len(), f64::from(spent) / (spans.len() as f64 * f64::from(permits) / 6.0)))
}

fn tell(name: &str, plan_permits: u32, m: &mut Measures) -> String {
    let used = use_under_demand(m, plan_permits);
    let notice = m.notice_p99();
    let tokens = m.most_tokens();
    let top = m.asks_by_second.0.iter().max().copied().unwrap_or(0);
    format!(
        "{name}: permits {plan_permits}/min, arrived {}, admitted {}, turned away {}, left {}, kept {}/{}, most in a minute {}, \
         tokens {tokens}, in flight {}, asks {} ({:.3} each admitted, most {top}/s), late {} ms, early {} ms, notice p99 {} ms, \
         told {:?}, longest {} ms, used {used:.3?}, running {:?} new {:?} batch {:?}, recoveries {:?}",
        m.arrived,
        m.admitted,
        m.turned_away,
        m.left,
        m.kept_answered,
        m.kept,
        m.minute.most,
        m.most_in_flight,
        m.asks,
        m.asks as f64 / m.admitted.max(1) as f64,
        m.late_ms,
        m.early_ms,
        notice,
        m.told,
        m.longest_ms,
        m.by_kind[0],
        m.by_kind[1],
        m.by_kind[2],
        m.recoveries_ms
    )
}

/// What must hold in any run whatever happens in it.
fn check(name: &str, limits: Limits, m: &mut Measures) {
    let told = tell(name, limits.permits, m);
    println!("{told}");
    assert!(m.minute.most <= u64::from(limits.permits), "a minute over the limit: {told}");
    assert!(limits.tokens == 0 || m.most_tokens() <= u64::from(limits.tokens), "a minute over the tokens: {told}");
    assert!(limits.in_flight == 0 || m.most_in_flight <= limits.in_flight, "too many in flight: {told}");
    assert_eq!(m.kept, m.kept_answered, "a kept question was lost: {told}");
    // The queue's time, and what an object that is away for three seconds may add.
    assert!(m.longest_ms <= 15_000 + 5_000, "somebody waited for ever: {told}");
    let parts: Vec<f64> = m.places.iter().map(|p| p.0 as f64 / p.1.max(1) as f64).collect();
    let least = parts.iter().copied().fold(f64::MAX, f64::min);
    let mean = parts.iter().sum::<f64>() / parts.len() as f64;
    let few = m.places.iter().any(|p| p.0 < 100);
    assert!(few || least > mean * 0.4, "a place was starved: {parts:.2?} {told}");
    assert!(m.notice_p99() <= 1_000, "no word within a second: {told}");
}

#[test]
fn a_weekend() {
    for seed in seeds(3) {
        let plan = day(seed);
        let limits = plan.limits;
        let mut m = World::new(plan).run();
        check(&format!("weekend {seed}"), limits, &mut m);
        let used = use_under_demand(&m, limits.permits);
        assert!(used.is_none_or(|(_, part)| part >= 0.95), "seed {seed}: {used:?}");
    }
}

#[test]
fn ten_thousand_shoppers_a_second() {
    for seed in seeds(1) {
        let plan = Plan { by_seconds: false, ..steady(seed, 480_000, 0, 0, 10_000.0, 300) };
        let limits = plan.limits;
        let mut m = World::new(Plan { seconds: 40, ..plan }).run();
        check(&format!("full load {seed}"), limits, &mut m);
        let asks = &m.asks_by_second.0;
        let most = asks.iter().skip(3).max().copied().unwrap_or(0);
        assert!(most <= 300, "seed {seed}: {most} asks in a second");
        assert!(m.asks as f64 <= 0.05 * m.admitted as f64, "seed {seed}: {} asks for {}", m.asks, m.admitted);
        let spans = 1..4;
        let used: u32 = spans.clone().map(|s| m.spent.get(s)).sum();
        let part = f64::from(used) / (spans.len() as f64 * 80_000.0);
        assert!(part >= 0.95, "seed {seed}: {part}");
    }
}

fn steady(seed: u64, permits: u32, in_flight: u32, tokens: u32, arrivals: f64, isolates: usize) -> Plan {
    Plan {
        seed,
        isolates,
        limits: Limits { permits, tokens, in_flight, paced: true, longest_ms: 60_000 },
        queue_ms: 15_000,
        seconds: 120,
        arrivals: Box::new(move |_| arrivals),
        took_ms: 2_000.0,
        by_seconds: permits >= 600,
        moods: Vec::new(),
        isolate_life: 3_600.0,
        object_life: 3_600.0,
        lost: 0.002,
        parties: None,
        calm_from: None,
    }
}

#[test]
fn ten_times_the_capacity() {
    for seed in seeds(1) {
        for (isolates, by_seconds) in [(300, false), (30, false), (30, true), (4, true)] {
            let plan = Plan { by_seconds, ..steady(seed, 3_000, 0, 0, 500.0, isolates) };
            let limits = plan.limits;
            let mut m = World::new(plan).run();
            let name = format!("ten times {seed} isolates {isolates} seconds {by_seconds}");
            check(&name, limits, &mut m);
            let used: u32 = (1..12).map(|s| m.spent.get(s)).sum();
            let part = f64::from(used) / (11.0 * 500.0);
            println!("{name}: used {part:.3}");
            assert!(part >= 0.95, "{name}: {part}");
            assert!(m.late_ms <= 2_000, "{name}: {} ms late", m.late_ms);
            let served = |kind: (u64, u64)| kind.0 as f64 / (kind.0 + kind.1) as f64;
            assert!(served(m.by_kind[0]) >= served(m.by_kind[1]), "{name}: a conversation that runs goes first");
        }
    }
}

#[test]
fn tokens_and_calls_in_flight() {
    for seed in seeds(1) {
        for (in_flight, tokens, isolates) in
            [(60, 0, 6), (60, 0, 30), (150, 0, 30), (0, 2_000_000, 30), (80, 1_500_000, 12)]
        {
            // The places of an isolate that vanishes are nobody's until its calls must have ended.
            let plan = Plan { isolate_life: 1e6, ..steady(seed, 3_000, in_flight, tokens, 500.0, isolates) };
            let plan = Plan { by_seconds: false, ..plan };
            let limits = plan.limits;
            let mut m = World::new(plan).run();
            let name = format!("three limits {seed} {in_flight} {tokens} {isolates}");
            check(&name, limits, &mut m);
            let per_second = f64::from((2..12).map(|s| m.spent.get(s)).sum::<u32>()) / 100.0;
            let of_tokens = m.tokens_between(BEGIN_MS + 60_000, BEGIN_MS + 120_000) as f64 / f64::from(tokens.max(1));
            let of_places = per_second * 2.04 / f64::from(in_flight);
            let parts = [per_second / 50.0, of_tokens, of_places].map(|part| if part.is_finite() { part } else { 0.0 });
            println!("{name}: permits, tokens and places used {parts:.3?}");
            // A place is on its way from one isolate to another, across the world, for a tenth of the time that a call takes.
            let binding = parts.into_iter().fold(0.0, f64::max);
            assert!(binding >= 0.88, "{name}: none of the limits is used up: {parts:.3?}");
        }
    }
}

#[test]
fn counting_calls_in_flight_costs_nothing_where_they_do_not_bind() {
    for seed in seeds(1) {
        let plan = Plan { took_ms: 3_800.0, ..steady(seed, 1_488, 157, 0, 100.0, 300) };
        let limits = plan.limits;
        let mut m = World::new(Plan { by_seconds: false, ..plan }).run();
        check(&format!("places to spare {seed}"), limits, &mut m);
        let part = f64::from((2..12).map(|s| m.spent.get(s)).sum::<u32>()) / (100.0 * 24.8);
        println!("places to spare {seed}: used {part:.3}");
        assert!(part >= 0.95, "seed {seed}: {part}");
    }
}

#[test]
fn an_object_that_is_made_anew_again_and_again_goes_on_giving_places() {
    for seed in seeds(1) {
        let plan = Plan { took_ms: 2_900.0, object_life: 60.0, ..steady(seed, 641, 54, 0, 43.0, 300) };
        let limits = plan.limits;
        let mut m = World::new(Plan { by_seconds: false, seconds: 300, ..plan }).run();
        check(&format!("object anew {seed}"), limits, &mut m);
        let part = f64::from((4..30).map(|s| m.spent.get(s)).sum::<u32>()) / (260.0 * 641.0 / 60.0);
        println!("object anew {seed}: used {part:.3}");
        assert!(part >= 0.9, "seed {seed}: {part}");
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let run = || World::new(Plan { seconds: 20, ..steady(7, 3_000, 100, 2_000_000, 300.0, 30) }).run();
    let (a, b) = (run(), run());
    assert_eq!((a.admitted, a.asks, a.answered), (b.admitted, b.asks, b.answered));
}

#[test]
fn one_that_sends_a_hundred_times_as_much_gets_no_more_than_a_fair_share() {
    for seed in seeds(1) {
        for isolates in [2, 30] {
            let plan = Plan { parties: Some((21, 100)), ..steady(seed, 3_000, 0, 0, 600.0, isolates) };
            let limits = plan.limits;
            let mut m = World::new(plan).run();
            let name = format!("greedy {seed} isolates {isolates}");
            check(&name, limits, &mut m);
            let greedy = m.by_party.get(&0).copied().unwrap_or(0);
            let others: u64 = m.by_party.iter().filter(|p| *p.0 != 0).map(|p| p.1).sum();
            println!("{name}: {:?}", m.by_party);
            let mean = others as f64 / 20.0;
            assert!((greedy as f64) <= mean * 2.0, "{name}: {greedy} and {mean:.0}");
        }
    }
}

#[test]
fn a_host_that_recovers_is_used_again_within_ten_seconds() {
    for seed in seeds(1) {
        for (permits, in_flight) in [(600, 0), (3_000, 0), (30_000, 0)] {
            let all = [Mood::Short(0.4), Mood::Down, Mood::Silent, Mood::Slow(4.0)];
            let moods = all.iter().enumerate().flat_map(|(n, mood)| {
                let at = 30.0 + 70.0 * n as f64;
                [(at, *mood), (at + 30.0, Mood::Well)]
            });
            let demand = f64::from(permits) / 60.0 * 3.0;
            let plan =
                Plan { moods: moods.collect(), seconds: 310, ..steady(seed, permits, in_flight, 0, demand, 100) };
            let limits = plan.limits;
            let mut m = World::new(plan).run();
            let name = format!("recovery {seed} permits {permits} in flight {in_flight}");
            check(&name, limits, &mut m);
            assert_eq!(m.recoveries_ms.len(), 4, "{name}: {:?}", m.recoveries_ms);
            assert!(m.recoveries_ms.iter().all(|ms| *ms <= 10_000), "{name}: {:?}", m.recoveries_ms);
        }
    }
}

#[test]
fn after_a_spike_the_counter_is_back_to_normal_within_five_seconds() {
    for seed in seeds(1) {
        for (isolates, permits) in [(4, 600), (4, 3_000), (100, 3_000)] {
            // No message, isolate or object is lost, so that what is seen is the rush alone.
            let per_second = f64::from(permits) / 60.0;
            let arrivals = move |t: f64| per_second * if (10.0..40.0).contains(&t) { 10.0 } else { 0.2 };
            let plan = steady(seed, permits, 0, 0, 0.0, isolates);
            let plan = Plan {
                arrivals: Box::new(arrivals),
                seconds: 70,
                calm_from: Some(BEGIN_MS + 45_000),
                lost: 0.0,
                isolate_life: 1e6,
                object_life: 1e6,
                ..plan
            };
            let limits = plan.limits;
            let mut m = World::new(plan).run();
            let name = format!("spike {seed} isolates {isolates} permits {permits}");
            check(&name, limits, &mut m);
            let (soon, late) = m.calm;
            println!("{name}: of those who came five seconds after it, {soon} started within a second, {late} did not");
            // A message in a hundred is slow on the way by itself.
            assert!(soon > 20 && late * 50 <= soon, "{name}: {soon} and {late}");
        }
    }
}
