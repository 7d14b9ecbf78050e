//! The side that grants: one for each budget, worldwide, in a Durable Object.
//!
//! Permits are granted in batches with the time of each, and count as spent when granted, so that a holder that vanishes loses
//! permits and never doubles them. Only two things must be durable before a grant is told: the rows of the book that it touched
//! and what its holder may have in flight. All else is learned anew.

use super::Standing;
use super::book::{Book, FARTHEST_MS, Rules, Slot, TICK_MS, Wish};
use super::capacity::Capacity;
use super::message::{Ask, KINDS, Kind, Lease, Limits};
use crate::order::{self, Sorted};
use crate::upstream::breaker::Breaker;
use crate::upstream::retry::RetryBudget;

/// Asks a second that the object takes from all holders together.
const ASKS_PER_SECOND: u64 = 230;
/// The part of a paced limit that is planned: the rest is for chance on the way, which brings calls of two seconds into one.
const PLANNED: f64 = 0.975;
/// From this limit on a minute is spread; in a smaller one a shop's first batch is worth more than an even flow.
const SPREAD_FROM: u32 = 600;
/// What of the pace first questions may take ahead of time. The rest is kept near, for conversations that run.
const NEW_SHARE: f64 = 0.7;
/// A holder silent for this long has no demand, in milliseconds.
const SILENT_MS: u64 = 10_000;
/// How long a holder may start calls on what it was allowed, in milliseconds.
pub const ALLOWED_MS: u64 = 15_000;

#[derive(Debug, Clone, Default)]
struct Known {
    seen_ms: u64,
    demand: f64,
    /// What it may have in flight at most, whether or not the last answer reached it.
    allowed: u32,
    running: u32,
    credit: f64,
}

/// What must be durable before a lease is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durable {
    /// Rows of the book.
    pub rows: Vec<(u64, String)>,
    /// A holder and what it may have in flight until a time in milliseconds; none where that has not grown.
    pub in_flight: Option<(u64, u32, u64)>,
}

/// One budget's grants.
#[derive(Debug, Clone)]
pub struct Lessor {
    book: Book,
    known: Sorted<u64, Known>,
    /// In flight, from before an eviction: until when it counts.
    restored: Sorted<u64, (u32, u64)>,
    capacity: Capacity,
    breaker: Breaker,
    retries: RetryBudget,
    contended_until: u64,
    contended_since: u64,
    demand: f64,
    active: u64,
    counted_ms: u64,
    asks: f64,
    asked_ms: u64,
}

impl Lessor {
    /// A lessor from what was kept: rows of the book, and holders with what each may have in flight until when.
    pub fn restore(book: Book, in_flight: impl IntoIterator<Item = (u64, u32, u64)>, now_ms: u64) -> Self {
        Self {
            book,
            known: Sorted::default(),
            restored: in_flight.into_iter().map(|(holder, n, until)| (holder, (n, until))).collect(),
            capacity: Capacity::default(),
            breaker: Breaker::default(),
            retries: RetryBudget::new(now_ms),
            contended_until: 0,
            contended_since: 0,
            demand: 0.0,
            active: 1,
            counted_ms: 0,
            asks: 0.0,
            asked_ms: now_ms,
        }
    }

    /// A lessor that has granted nothing.
    pub fn new(now_ms: u64) -> Self {
        Self::restore(Book::default(), [], now_ms)
    }

    fn count_demand(&mut self, now_ms: u64, longest_ms: u64) {
        if now_ms < self.counted_ms + 250 {
            return;
        }
        self.counted_ms = now_ms;
        self.known.retain(|_, k| now_ms < k.seen_ms + ALLOWED_MS + longest_ms + SILENT_MS);
        self.restored.retain(|_, r| now_ms < r.1);
        let active = self.known.values().filter(|k| now_ms < k.seen_ms + SILENT_MS);
        let (n, demand) = active.fold((0, 0.0), |(n, demand), k| (n + 1, demand + k.demand));
        (self.active, self.demand) = (n.max(1), demand);
    }

    fn pause_ms(&self, now_ms: u64) -> u64 {
        let evenly = self.active * 1_000 / ASKS_PER_SECOND;
        if now_ms < self.contended_until {
            return evenly.max(200) * 2;
        }
        // A quiet object answers whoever asks.
        if self.asks < ASKS_PER_SECOND as f64 * 0.4 { 20 } else { evenly.max(20) }
    }

    fn rules(&self, limits: &Limits) -> Rules {
        let stated = if limits.paced && limits.permits >= SPREAD_FROM {
            f64::from(limits.permits) / 60.0 * PLANNED
        } else {
            f64::INFINITY
        };
        let per_second = stated.min(self.capacity.per_second(limits.in_flight));
        let pace = per_second * TICK_MS as f64 / 1_000.0;
        Rules { permits: limits.permits, tokens: limits.tokens, pace }
    }

    /// Answers an ask. What the second value holds must be durable before the first is sent.
    pub fn grant(&mut self, now_ms: u64, ask: &Ask) -> (Lease, Durable) {
        let longest_ms = u64::from(ask.limits.longest_ms);
        let gap = now_ms.saturating_sub(self.asked_ms) as f64 / 1_000.0;
        self.asks = self.asks * (-gap).exp() + 1.0;
        self.asked_ms = self.asked_ms.max(now_ms);
        let now = self.book.advance(now_ms);
        let mut touched: Vec<u64> = Vec::new();
        for slot in &ask.unspent {
            self.book.give_back(*slot);
            touched.push(slot.tick / 40);
        }
        if ask.over > 0 {
            self.book.charge(ask.over);
            touched.push(now / 40);
        }
        if self.known.get(&ask.holder).is_none() {
            self.active += 1;
        }
        let known = self.known.get_or_default(ask.holder);
        let elapsed = now_ms.saturating_sub(known.seen_ms).min(SILENT_MS);
        known.seen_ms = now_ms;
        known.demand = ask.demand.max(0.0).into();
        known.allowed = ask.allowed.max(ask.running);
        known.running = ask.running;
        self.restored.remove(&ask.holder);
        self.count_demand(now_ms, longest_ms);
        let running = self.known.values().map(|k| k.running).sum();
        self.capacity.learn(now_ms, &ask.report, running);
        self.judge_host(now_ms, ask);

        let pause_ms = self.pause_ms(now_ms);
        let rules = self.rules(&ask.limits);
        let begin = now.max(self.capacity.paused_until_ms() / TICK_MS);
        let near = begin + (2 * pause_ms + 500) / TICK_MS;
        let contended = now_ms < self.contended_until;
        let fair = {
            let known = self.known.get_or_default(ask.holder);
            let part = known.demand / self.demand.max(known.demand).max(0.001);
            let per_second = (rules.pace * 1_000.0 / TICK_MS as f64).min(f64::from(rules.permits.max(1)) / 60.0);
            let share = per_second * part * 1.1;
            known.credit = (known.credit + share * elapsed as f64 / 1_000.0).min((share * 5.0).max(1.0));
            if contended { known.credit } else { f64::INFINITY }
        };
        let mut slots: Vec<Slot> = Vec::new();
        let (mut short, mut lacking, mut far) = (false, false, 0);
        for (kind, want) in Kind::ALL.into_iter().zip(&ask.wants) {
            let to = now + (u64::from(want.patience_ms).min(FARTHEST_MS)) / TICK_MS;
            let (share, until) = match kind {
                Kind::Running => (1.0, to),
                Kind::New => (NEW_SHARE, to),
                // Batches take what nobody else has taken when its time is near.
                Kind::Batch => (1.0, to.min(begin + (pause_ms + 250) / TICK_MS)),
            };
            for (permits, over) in [(want.waiting, 0), (want.ahead, pause_ms / TICK_MS)] {
                let wish = Wish { from: begin, to: until.min(near), permits, tokens: want.tokens, over, share: 1.0 };
                let mut got = self.book.book(&rules, &wish);
                let mut left = permits - count(&got);
                if left > 0 && until > near {
                    let allowed = left.min((fair - f64::from(far)).max(0.0) as u32);
                    let wish = Wish { from: near + 1, to: until, permits: allowed, over: 0, share, ..wish };
                    let more = self.book.book(&rules, &wish);
                    far += count(&more);
                    left -= count(&more);
                    got.extend(more);
                }
                // A batch has time, and that it waits is no rush.
                short |= left > 0 && kind != Kind::Batch;
                lacking |= left > 0;
                touched.extend(got.iter().map(|s| s.tick / 40));
                slots.append(&mut got);
            }
        }
        if let Some(known) = self.known.get_mut(&ask.holder) {
            known.credit -= f64::from(far);
        }
        if short {
            if !contended {
                self.contended_since = now_ms;
            }
            self.contended_until = now_ms + 2 * pause_ms.max(400) + 1_000;
        }
        let mut free_ms = [0; KINDS];
        if lacking || slots.is_empty() {
            let tokens = ask.wants.iter().map(|w| w.tokens).max().unwrap_or(0);
            free_ms = [self.book.free_in_ms(&rules, begin, tokens, 1.0); KINDS];
            if contended && let Some(free) = free_ms.get_mut(Kind::New as usize) {
                *free = self.book.free_in_ms(&rules, begin, tokens, NEW_SHARE);
            }
        }
        let (allowed, in_flight) = self.allow(now_ms, ask, longest_ms);
        let (remaining, reset_ms) = self.book.standing(ask.limits.permits);
        let mut retries = 0;
        while retries < ask.retries.min(10) && self.retries.withdraw(now_ms) {
            retries += 1;
        }
        let lease = Lease {
            now_ms,
            slots,
            standing: Standing { limit: ask.limits.permits.into(), remaining, reset_ms },
            free_ms,
            allowed,
            pause_ms,
            contended: short || contended,
            retries,
            closed_ms: self.breaker.open_for_ms(now_ms),
        };
        order::sort_and_dedup(&mut touched);
        let rows = touched.into_iter().map(|row| self.book.row(row * 40)).collect();
        (lease, Durable { rows, in_flight })
    }

    fn judge_host(&mut self, now_ms: u64, ask: &Ask) {
        let r = &ask.report;
        for _ in 0..r.firsts.min(1_000) {
            self.retries.deposit();
        }
        if r.ended > r.failed + r.refused {
            self.breaker.succeeded();
        } else {
            for _ in 0..r.failed.min(10) {
                // A failure after the open time is a trial's.
                self.breaker.admits(now_ms);
                self.breaker.failed(now_ms);
            }
        }
    }

    /// What a holder may have in flight. A holder is counted with the most that it may keep to, whichever answers reached it.
    fn allow(&mut self, now_ms: u64, ask: &Ask, longest_ms: u64) -> (u32, Option<(u64, u32, u64)>) {
        // What was learned bounds the pace; calls in flight are handed out one by one only where a limit is stated.
        if ask.limits.in_flight == 0 {
            return (u32::MAX, None);
        }
        let limit = self.capacity.in_flight(ask.limits.in_flight).unwrap_or(u32::MAX);
        let most = |k: &Known| k.allowed;
        let others: u32 = self.known.iter().filter(|(id, _)| **id != ask.holder).map(|(_, k)| most(k)).sum();
        let others = others.saturating_add(self.restored.values().map(|r| r.0).sum());
        let Some(known) = self.known.get_mut(&ask.holder) else { return (0, None) };
        let part = known.demand / self.demand.max(known.demand).max(0.001);
        let fair = (f64::from(limit) * part * 1.2).ceil() as u32;
        let room = limit.saturating_sub(others);
        let scarce = u64::from(others) + u64::from(ask.could_run) > u64::from(limit) * 9 / 10;
        let want = ask.could_run.max(ask.running);
        let wanted = if scarce { want.min(fair.max(1)) } else { want };
        let allowed = wanted.min(room);
        let before = most(known).max(ask.running);
        known.allowed = before.max(allowed);
        let durable = (allowed > 0).then_some((ask.holder, known.allowed, now_ms + ALLOWED_MS + longest_ms));
        (allowed, durable)
    }

    /// Since when and until when demand is above the limit.
    pub fn contended(&self) -> (u64, u64) {
        (self.contended_since, self.contended_until)
    }
}

fn count(slots: &[Slot]) -> u32 {
    slots.iter().map(|s| s.permits).sum()
}
