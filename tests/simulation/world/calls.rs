//! The calls: how they begin, what the host does with them, and how they end.

use madoguchi::admission::holder::{Ended, Permit};
use madoguchi::admission::message::Kind;

use super::shoppers::Shopper;
use super::{BEGIN_MS, Event, World};
use crate::host::{Mood, Said};

pub(super) struct Call {
    pub(super) shopper: Shopper,
    pub(super) permit: Permit,
    pub(super) began_ms: u64,
    pub(super) at_host: bool,
}

impl World {
    pub(super) fn start(&mut self, isolate: usize, shopper: Shopper, permit: Permit) {
        let m = &mut self.measures;
        // A batch is told no time.
        if shopper.kind != Kind::Batch
            && let (Some(first), Some(last)) = (shopper.first_told_ms, shopper.last_told_ms)
        {
            let ten = ((self.now - BEGIN_MS) / 10_000) as usize;
            // A host that slows down while somebody waits for one of its places makes every time untrue.
            if self.plan.limits.in_flight == 0 || (m.unwell.get(ten) == 0 && m.unwell.get(ten.saturating_sub(1)) == 0) {
                m.told[0] += 1;
                m.told[1] += u64::from(self.now > first + 2_000);
                m.told[2] += u64::from(self.now + 2_000 < last);
            }
            m.late_ms = m.late_ms.max(self.now.saturating_sub(first));
            m.early_ms = m.early_ms.max(last.saturating_sub(self.now));
        }
        m.longest_ms = m.longest_ms.max(if shopper.kind == Kind::Batch { 0 } else { self.now - shopper.arrived_ms });
        m.admitted += 1;
        if self.plan.in_calm(&shopper) {
            let soon = self.now <= shopper.arrived_ms + 1_000;
            *(if soon { &mut m.calm.0 } else { &mut m.calm.1 }) += 1;
        }
        // Before demand is known to be above the limit, and when it is so no more, there is enough for all.
        let rush = self.now >= BEGIN_MS + 10_000 && self.now + 10_000 < BEGIN_MS + self.plan.seconds * 1_000;
        if self.plan.parties.is_some() && rush && shopper.kept.is_none() {
            *m.by_party.entry(shopper.party).or_default() += 1;
        }
        m.by_kind[shopper.kind as usize].0 += 1;
        m.minute.spend(self.now, 1);
        let ten = self.ten();
        self.measures.spent.add(ten);
        self.measures.places[self.isolates[isolate].place].0 += 1;
        self.running += 1;
        self.measures.most_in_flight = self.measures.most_in_flight.max(self.running);
        self.number += 1;
        let call = self.number;
        let began_ms = self.now;
        self.isolates[isolate].calls.insert(call, Call { shopper, permit, began_ms, at_host: false });
        let life = self.isolates[isolate].life;
        let way = self.chance.within(15.0, 25.0);
        self.after(way, Event::AtHost { isolate, life, call });
    }

    pub(super) fn at_host(&mut self, isolate: usize, number: u64) {
        let said = self.host.call(self.now, &mut self.chance);
        let Some(call) = self.isolates[isolate].calls.get_mut(&number) else { return };
        let tokens = call.permit.slot.tokens;
        let (ended, ms) = match said {
            Said::Answer { first_byte_ms, took_ms } => {
                call.at_host = true;
                self.host.in_flight += 1;
                // Some streams are cut before their usage comes.
                let used =
                    (!self.chance.happens(0.02)).then(|| (f64::from(tokens) * self.chance.within(0.3, 1.0)) as u32);
                let ended = Ended {
                    took_ms: took_ms as u64 + 40,
                    first_byte_ms: first_byte_ms as u64 + 40,
                    tokens: used,
                    ..Ended::default()
                };
                (ended, took_ms)
            }
            Said::Refused { retry_after_ms } => {
                (Ended { refused: true, asked_wait_ms: retry_after_ms, ..Ended::default() }, 1.0)
            }
            Said::Failed { after_ms } => {
                (Ended { failed: true, took_ms: after_ms as u64, ..Ended::default() }, after_ms)
            }
        };
        let life = self.isolates[isolate].life;
        self.after(ms + 20.0, Event::Ended { isolate, life, call: number, ended });
    }

    pub(super) fn ended(&mut self, isolate: usize, number: u64, ended: Ended) {
        let Some(call) = self.isolates[isolate].calls.remove(&number) else { return };
        self.running -= 1;
        self.host.in_flight -= u32::from(call.at_host);
        self.isolates[isolate].holder.ended(call.permit, &ended);
        if self.plan.limits.tokens > 0 {
            let used = if ended.refused { 0 } else { ended.tokens.unwrap_or(call.permit.slot.tokens) };
            self.measures.token_uses.push((call.began_ms, used));
        }
        let shopper = Shopper { first_told_ms: None, last_told_ms: None, ..call.shopper };
        if !ended.refused && !ended.failed {
            self.measures.answered += 1;
            self.measures.kept_answered += u64::from(shopper.kept.is_some());
            self.recovered();
        } else if !shopper.retried && self.isolates[isolate].holder.may_retry() {
            let wait = ended.asked_wait_ms as f64 * self.chance.within(1.0, 1.25) + self.chance.within(0.0, 500.0);
            let shopper = Shopper { retried: true, arrived_ms: self.now + wait as u64, ..shopper };
            self.after(wait, Event::Again { shopper });
        } else {
            self.turned_away(shopper, ended.asked_wait_ms);
        }
        self.drive(isolate, false);
    }

    /// Measures how soon after a host's recovery it is used again.
    fn recovered(&mut self) {
        let Some((since, _)) = self.recovering else { return };
        self.recent += 1;
        if self.now >= self.recent_since + 1_000 {
            let per_second = f64::from(self.recent) * 1_000.0 / (self.now - self.recent_since) as f64;
            let limits = self.plan.limits;
            let places = f64::from(limits.in_flight) * 1_000.0 / (self.plan.took_ms + 250.0);
            let permits = f64::from(limits.permits) / 60.0;
            let could = if limits.in_flight > 0 { permits.min(places) } else { permits };
            let wanted = (self.plan.arrivals)(self.elapsed());
            if wanted < could * 1.2 || could < 5.0 {
                self.recovering = None;
            } else if per_second >= could * 0.8 {
                self.measures.recoveries_ms.push(self.now - since);
                self.recovering = None;
            }
            (self.recent, self.recent_since) = (0, self.now);
        }
    }

    /// The host's mood changes.
    pub(super) fn feels(&mut self, mood: Mood) {
        if self.host.mood != Mood::Well && mood == Mood::Well {
            self.recovering = Some((self.now, self.now));
            (self.recent, self.recent_since) = (0, self.now);
        }
        // The time of a mood, and what its end is followed by.
        let from = if self.host.mood == Mood::Well { self.now } else { self.host.since_ms };
        let until = if mood == Mood::Well { self.now + 15_000 } else { self.now };
        for span in (from - BEGIN_MS) / 10_000..=(until - BEGIN_MS) / 10_000 {
            self.measures.unwell.add(span as usize);
        }
        self.host.mood = mood;
        self.host.since_ms = self.now;
    }
}
