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

mod chance;
mod host;
mod measure;
mod world;

use std::f64::consts::PI;

use chance::Chance;
use host::Mood;
use madoguchi::admission::message::Limits;
use measure::Measures;
use world::{Plan, World};

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
    let top = m.asks_by_second.0.iter().max().copied().unwrap_or(0);
    format!(
        "{name}: permits {plan_permits}/min, arrived {}, admitted {}, turned away {}, left {}, kept {}/{}, most in a minute {}, \
         tokens {}, in flight {}, asks {} ({:.3} each admitted, most {top}/s), late {} ms, early {} ms, notice p99 {} ms, \
         longest {} ms, used {used:.3?}, running {:?} new {:?} batch {:?}, recoveries {:?}",
        m.arrived, m.admitted, m.turned_away, m.left, m.kept_answered, m.kept, m.minute.most, m.tokens.most, m.most_in_flight,
        m.asks, m.asks as f64 / m.admitted.max(1) as f64, m.late_ms, m.early_ms, notice, m.longest_ms,
        m.by_kind[0], m.by_kind[1], m.by_kind[2], m.recoveries_ms
    )
}

#[test]
fn a_weekend() {
    for seed in seeds(6) {
        let plan = day(seed);
        let limits = plan.limits;
        let began = std::time::Instant::now();
        let mut m = World::new(plan).run();
        println!("{} in {:?}", tell(&format!("seed {seed}"), limits.permits, &mut m), began.elapsed());
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
        by_seconds: std::env::var("BS").is_ok(),
        moods: Vec::new(),
        isolate_life: 3_600.0,
        object_life: 3_600.0,
        lost: 0.002,
    }
}

#[test]
fn steady_loads() {
    for (permits, in_flight, tokens, arrivals, isolates) in
        [(3_000, 0, 0, 500.0, 30), (3_000, 0, 0, 500.0, 300), (3_000, 0, 0, 60.0, 30), (3_000, 150, 0, 500.0, 30), (3_000, 60, 0, 500.0, 30), (3_000, 60, 0, 500.0, 6), (3_000, 0, 2_000_000, 500.0, 30)]
    {
        let mut m = World::new(steady(1, permits, in_flight, tokens, arrivals, isolates)).run();
        println!("{in_flight} {tokens} {isolates} {}\n{:?}\n", tell("steady", permits, &mut m), m.spent.0);
    }
}
