//! The shoppers: how they come, wait and look, leave, and come again.

use madoguchi::admission::holder::{Caller, Step};
use madoguchi::admission::kept::Kept;
use madoguchi::admission::message::Kind;

use super::{Event, PLACES, Plan, World};

#[derive(Clone, Copy)]
pub(super) struct Shopper {
    pub(super) kind: Kind,
    pub(super) party: u64,
    pub(super) tokens: u32,
    pub(super) arrived_ms: u64,
    pub(super) first_told_ms: Option<u64>,
    pub(super) last_told_ms: Option<u64>,
    pub(super) retried: bool,
    pub(super) kept: Option<Kept>,
    pub(super) noticed: bool,
}

impl Shopper {
    pub(super) fn in_the_dark(&self) -> bool {
        !self.noticed && self.kind != Kind::Batch
    }
}

impl Plan {
    /// Whether a shopper should start at once. A kept question is asked when the rush has passed; a batch waits by its nature.
    pub(super) fn in_calm(&self, shopper: &Shopper) -> bool {
        let asks_now = shopper.kept.is_none() && shopper.kind != Kind::Batch;
        asks_now && self.calm_from.is_some_and(|at| shopper.arrived_ms >= at)
    }
}

impl World {
    pub(super) fn arrive(&mut self) {
        let rate = (self.plan.arrivals)(self.elapsed()).max(1e-4);
        let wait = self.chance.wait(1_000.0 / rate);
        // Several may come in one millisecond; the rest of the wait is kept by rounding with chance.
        let wait = (wait + self.chance.part()).floor();
        self.after(wait, Event::Arrive);
        let kind = match self.chance.part() {
            p if p < 0.55 => Kind::Running,
            p if p < 0.9 => Kind::New,
            _ => Kind::Batch,
        };
        let party = match self.plan.parties {
            Some((n, times)) => (self.chance.next() % (n - 1 + times)).saturating_sub(times - 1),
            None if kind == Kind::Batch => self.chance.next() % 3,
            None => self.chance.next(),
        };
        let shopper = Shopper {
            kind,
            party,
            tokens: if self.plan.limits.tokens > 0 { self.chance.within(300.0, 1_500.0) as u32 } else { 0 },
            arrived_ms: self.now,
            first_told_ms: None,
            last_told_ms: None,
            retried: false,
            kept: None,
            noticed: false,
        };
        self.measures.arrived += 1;
        self.enter(shopper);
    }

    /// A shopper whose isolate vanished comes again through the widget; a kept question has its alarm.
    pub(super) fn lost(&mut self, shopper: Shopper) {
        let shopper = Shopper { first_told_ms: None, last_told_ms: None, ..shopper };
        match shopper.kept {
            Some(_) => self.keep(shopper, 0),
            None => self.after(1_000.0, Event::Again { shopper: Shopper { arrived_ms: self.now + 1_000, ..shopper } }),
        }
    }

    pub(super) fn enter(&mut self, shopper: Shopper) {
        let total: f64 = self.weights.iter().sum();
        let mut at = self.chance.part() * total;
        let place = self.weights.iter().position(|w| {
            at -= w;
            at < 0.0
        });
        let place = place.unwrap_or(0).min(self.plan.isolates - 1);
        let here = self.plan.isolates.div_ceil(PLACES);
        let isolate = (place + PLACES * self.chance.under(here)).min(self.plan.isolates - 1);
        self.measures.places[self.isolates[isolate].place].1 += 1;
        let now = self.local(isolate);
        if self.isolates[isolate].holder.closed_until_ms(0) > now && self.chance.happens(0.95) {
            return self.turned_away(shopper, 1_000);
        }
        let patience_ms = match shopper.kind {
            _ if shopper.kept.is_some() => 2_000,
            Kind::Batch => 60_000,
            _ => self.plan.queue_ms,
        };
        let caller = Caller { kind: shopper.kind, party: shopper.party, tokens: shopper.tokens, patience_ms };
        let id = self.isolates[isolate].holder.arrive(now, caller);
        self.isolates[isolate].waiting.insert(id, shopper);
        self.look(isolate, id);
        if self.isolates[isolate].waiting.contains_key(&id) && self.chance.happens(0.05) {
            let life = self.isolates[isolate].life;
            let wait = self.chance.within(0.0, patience_ms as f64);
            if shopper.kept.is_none() {
                self.after(wait, Event::Leave { isolate, life, id });
            }
        }
        self.drive(isolate, false);
    }

    /// One who waits looks; true while it waits on with a place.
    pub(super) fn look(&mut self, isolate: usize, id: u64) -> bool {
        let now = self.local(isolate);
        let step = self.isolates[isolate].holder.look(now, id);
        let real = self.now;
        let Some(shopper) = self.isolates[isolate].waiting.get_mut(&id) else { return false };
        let told = !matches!(step, Step::Wait { eta_ms: None, .. });
        if told && !shopper.noticed {
            shopper.noticed = true;
            if shopper.kind != Kind::Batch {
                self.measures.notices.push((real - shopper.arrived_ms) as u32);
            }
        }
        match step {
            Step::Wait { eta_ms, .. } => {
                if let Some(eta) = eta_ms {
                    shopper.first_told_ms.get_or_insert(real + eta);
                    shopper.last_told_ms = Some(real + eta);
                }
                eta_ms.is_some()
            }
            Step::Refused(refusal) => {
                if let Some(shopper) = self.isolates[isolate].waiting.remove(&id) {
                    self.turned_away(shopper, refusal.retry_after_ms);
                }
                false
            }
            Step::Go(permit) => {
                if let Some(shopper) = self.isolates[isolate].waiting.remove(&id) {
                    self.start(isolate, shopper, permit);
                }
                false
            }
        }
    }

    pub(super) fn turned_away(&mut self, shopper: Shopper, retry_after_ms: u64) {
        let ten = self.ten();
        self.measures.short.add(ten);
        if shopper.kept.is_some() {
            return self.keep(shopper, retry_after_ms);
        }
        self.measures.turned_away += 1;
        self.measures.calm.1 += u64::from(self.plan.in_calm(&shopper));
        self.measures.by_kind[shopper.kind as usize].1 += 1;
        // Most are served by the shop's own pages; what those do not answer is kept.
        if shopper.kind != Kind::Batch && self.chance.happens(0.1) {
            self.measures.kept += 1;
            self.keep(Shopper { kept: None, ..shopper }, retry_after_ms);
        }
    }

    fn keep(&mut self, shopper: Shopper, retry_after_ms: u64) {
        let random = self.chance.part();
        let kept = match shopper.kept {
            None => Kept::new(self.now, random),
            Some(kept) => kept.failed(self.now, retry_after_ms, random),
        };
        let shopper = Shopper {
            kind: Kind::Batch,
            kept: Some(kept),
            first_told_ms: None,
            last_told_ms: None,
            retried: true,
            arrived_ms: kept.due_ms,
            ..shopper
        };
        self.after((kept.due_ms - self.now) as f64, Event::Again { shopper });
    }
}
