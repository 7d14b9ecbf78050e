//! A world of isolates around one object, event by event in virtual time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use madoguchi::admission::book::Book;
use madoguchi::admission::holder::{Caller, Ended, Holder, Permit, Step};
use madoguchi::admission::kept::Kept;
use madoguchi::admission::lessor::Lessor;
use madoguchi::admission::message::{Ask, Kind, Lease, Limits};

use crate::chance::Chance;
use crate::host::{Host, Mood, Said};
use crate::measure::Measures;

/// Virtual time begins here: any moment will do.
pub const BEGIN_MS: u64 = 1_795_000_000_000;
const PLACES: usize = 30;

pub struct Plan {
    pub seed: u64,
    pub isolates: usize,
    pub limits: Limits,
    pub queue_ms: u64,
    pub seconds: u64,
    /// Arrivals a second at a time in seconds.
    pub arrivals: Box<dyn Fn(f64) -> f64>,
    pub took_ms: f64,
    pub by_seconds: bool,
    /// Moods with the seconds at which they begin.
    pub moods: Vec<(f64, Mood)>,
    /// Mean lives, in seconds.
    pub isolate_life: f64,
    pub object_life: f64,
    /// The part of messages that is lost.
    pub lost: f64,
    /// So many parties come again and again, the first of them so many times as often as each other; none come as single visitors.
    pub parties: Option<(u64, u64)>,
    /// From when on shoppers should start within a second, in milliseconds.
    pub calm_from: Option<u64>,
}

impl Plan {
    /// Whether a shopper should start at once. A kept question is asked when the rush has passed; a batch waits by its nature.
    fn in_calm(&self, shopper: &Shopper) -> bool {
        let asks_now = shopper.kept.is_none() && shopper.kind != Kind::Batch;
        asks_now && self.calm_from.is_some_and(|at| shopper.arrived_ms >= at)
    }
}

enum Event {
    Arrive,
    Wake { isolate: usize, life: u32 },
    Asked { isolate: usize, life: u32, number: u64, ask: Box<Ask> },
    Leased { isolate: usize, life: u32, number: u64, lease: Box<Lease> },
    AtHost { isolate: usize, life: u32, call: u64 },
    Ended { isolate: usize, life: u32, call: u64, ended: Ended },
    Leave { isolate: usize, life: u32, id: u64 },
    Again { shopper: Shopper },
    IsolateGone { isolate: usize },
    ObjectGone,
    Mood(Mood),
}

#[derive(Clone, Copy)]
struct Shopper {
    kind: Kind,
    party: u64,
    tokens: u32,
    arrived_ms: u64,
    first_told_ms: Option<u64>,
    last_told_ms: Option<u64>,
    retried: bool,
    kept: Option<Kept>,
    noticed: bool,
}

impl Shopper {
    fn in_the_dark(&self) -> bool {
        !self.noticed && self.kind != Kind::Batch
    }
}

struct Call {
    shopper: Shopper,
    permit: Permit,
    began_ms: u64,
    at_host: bool,
}

struct Isolate {
    place: usize,
    life: u32,
    skew_ms: i64,
    holder: Holder,
    waiting: BTreeMap<u64, Shopper>,
    calls: BTreeMap<u64, Call>,
    wake_ms: u64,
}

pub struct World {
    plan: Plan,
    chance: Chance,
    now: u64,
    events: BinaryHeap<Reverse<(u64, u64, usize)>>,
    bodies: Vec<Option<Event>>,
    free: Vec<usize>,
    number: u64,
    isolates: Vec<Isolate>,
    /// One-way times to the object, by place.
    ways: Vec<f64>,
    weights: Vec<f64>,
    lessor: Lessor,
    rows: BTreeMap<u64, String>,
    in_flight: BTreeMap<u64, (u32, u64)>,
    object_away_until: u64,
    object_skew_ms: i64,
    host: Host,
    running: u32,
    recovering: Option<(u64, u64)>,
    recent: u32,
    recent_since: u64,
    pub measures: Measures,
}

impl World {
    pub fn new(plan: Plan) -> Self {
        let mut chance = Chance::new(plan.seed);
        // One-way times seen between the object's place and others: from its own city to the other side of the world.
        let ways: Vec<f64> = (0..PLACES).map(|p| 1.0 + (p as f64 / PLACES as f64).powf(1.3) * 140.0).collect();
        let weights: Vec<f64> = (0..PLACES).map(|_| chance.within(0.3, 3.0)).collect();
        let per_second = f64::from(plan.limits.permits) / 60.0;
        let host = Host::new(per_second, plan.by_seconds, plan.took_ms, plan.limits.in_flight);
        let mut world = Self {
            now: BEGIN_MS,
            events: BinaryHeap::new(),
            bodies: Vec::new(),
            free: Vec::new(),
            number: 0,
            isolates: Vec::new(),
            ways,
            weights,
            lessor: Lessor::new(BEGIN_MS),
            rows: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            object_away_until: 0,
            object_skew_ms: chance.within(-2_000.0, 2_000.0) as i64,
            host,
            running: 0,
            recovering: None,
            recent: 0,
            recent_since: 0,
            measures: Measures { places: vec![(0, 0); PLACES.min(plan.isolates)], ..Measures::default() },
            chance,
            plan,
        };
        for i in 0..world.plan.isolates {
            let isolate = world.isolate(i % PLACES);
            world.isolates.push(isolate);
            let life = world.chance.wait(world.plan.isolate_life * 1_000.0);
            world.after(life, Event::IsolateGone { isolate: i });
        }
        for (at, mood) in world.plan.moods.clone() {
            world.after(at * 1_000.0, Event::Mood(mood));
        }
        let life = world.chance.wait(world.plan.object_life * 1_000.0);
        world.after(life, Event::ObjectGone);
        world.after(0.0, Event::Arrive);
        world
    }

    fn isolate(&mut self, place: usize) -> Isolate {
        Isolate {
            place,
            life: self.number as u32,
            skew_ms: self.chance.within(-2_000.0, 2_000.0) as i64,
            holder: Holder::new(self.chance.next(), self.plan.limits),
            waiting: BTreeMap::new(),
            calls: BTreeMap::new(),
            wake_ms: u64::MAX,
        }
    }

    fn after(&mut self, ms: f64, event: Event) {
        self.number += 1;
        let body = self.free.pop().unwrap_or_else(|| {
            self.bodies.push(None);
            self.bodies.len() - 1
        });
        self.bodies[body] = Some(event);
        self.events.push(Reverse((self.now + ms.max(0.0).round() as u64, self.number, body)));
    }

    fn elapsed(&self) -> f64 {
        (self.now - BEGIN_MS) as f64 / 1_000.0
    }

    fn local(&self, isolate: usize) -> u64 {
        self.now.saturating_add_signed(self.isolates[isolate].skew_ms)
    }

    fn object_now(&self) -> u64 {
        self.now.saturating_add_signed(self.object_skew_ms)
    }

    fn ten(&self) -> usize {
        ((self.now - BEGIN_MS) / 10_000) as usize
    }

    /// Runs the plan's time, and then as long as kept questions wait.
    pub fn run(mut self) -> Measures {
        let end = BEGIN_MS + self.plan.seconds * 1_000;
        let last = end + 6 * 3_600_000;
        while let Some(Reverse((at, _, body))) = self.events.pop() {
            self.now = at;
            if at > last || (at > end && self.measures.kept == self.measures.kept_answered) {
                break;
            }
            self.free.push(body);
            if let Some(event) = self.bodies[body].take() {
                self.happen(event, at <= end);
            }
        }
        self.measures
    }

    fn happen(&mut self, event: Event, open: bool) {
        match event {
            Event::Arrive if open => {
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
            Event::Arrive => {}
            Event::Again { shopper } => self.enter(shopper),
            // One that an earlier one replaced is of no use.
            Event::Wake { isolate, life }
                if self.isolates[isolate].life == life && self.isolates[isolate].wake_ms == self.now =>
            {
                self.isolates[isolate].wake_ms = u64::MAX;
                let dark = self.isolates[isolate].waiting.values().any(|s| s.in_the_dark());
                self.drive(isolate, dark);
            }
            Event::Leave { isolate, life, id } => {
                let it = &mut self.isolates[isolate];
                if it.life == life && it.waiting.remove(&id).is_some() {
                    it.holder.leave(id);
                    self.measures.left += 1;
                    self.drive(isolate, true);
                }
            }
            Event::Asked { isolate, life, number, ask } => self.asked(isolate, life, number, &ask),
            Event::Leased { isolate, life, number, lease } if self.isolates[isolate].life == life => {
                let now = self.local(isolate);
                self.isolates[isolate].holder.receive(number, now, &lease);
                self.drive(isolate, true);
            }
            Event::AtHost { isolate, life, call } if self.isolates[isolate].life == life => {
                self.at_host(isolate, call);
            }
            Event::Ended { isolate, life, call, ended } if self.isolates[isolate].life == life => {
                self.ended(isolate, call, ended);
            }
            Event::IsolateGone { isolate } => {
                let place = self.isolates[isolate].place;
                let fresh = self.isolate(place);
                let gone = std::mem::replace(&mut self.isolates[isolate], fresh);
                for call in gone.calls.into_values() {
                    self.running -= 1;
                    self.host.in_flight -= u32::from(call.at_host);
                    self.lost(call.shopper);
                }
                gone.waiting.into_values().for_each(|shopper| self.lost(shopper));
                let life = self.chance.wait(self.plan.isolate_life * 1_000.0);
                self.after(life, Event::IsolateGone { isolate });
            }
            Event::ObjectGone => {
                let rows = self.rows.iter().map(|(row, text)| (*row, text.as_str()));
                let held = self.in_flight.iter().map(|(holder, (n, until))| (*holder, *n, *until));
                self.lessor = Lessor::restore(Book::restore(rows), held, self.object_now());
                self.object_away_until = self.now + self.chance.within(100.0, 3_000.0) as u64;
                let life = self.chance.wait(self.plan.object_life * 1_000.0);
                self.after(life, Event::ObjectGone);
            }
            Event::Mood(mood) => {
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
            _ => {}
        }
    }

    /// A shopper whose isolate vanished comes again through the widget; a kept question has its alarm.
    fn lost(&mut self, shopper: Shopper) {
        let shopper = Shopper { first_told_ms: None, last_told_ms: None, ..shopper };
        match shopper.kept {
            Some(_) => self.keep(shopper, 0),
            None => self.after(1_000.0, Event::Again { shopper: Shopper { arrived_ms: self.now + 1_000, ..shopper } }),
        }
    }

    fn enter(&mut self, shopper: Shopper) {
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
    fn look(&mut self, isolate: usize, id: u64) -> bool {
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

    fn start(&mut self, isolate: usize, shopper: Shopper, permit: Permit) {
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

    fn at_host(&mut self, isolate: usize, number: u64) {
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

    fn ended(&mut self, isolate: usize, number: u64, ended: Ended) {
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

    fn turned_away(&mut self, shopper: Shopper, retry_after_ms: u64) {
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

    /// Lets an isolate do what is due; with `all`, everyone who waits in it looks.
    fn drive(&mut self, isolate: usize, all: bool) {
        if all {
            let ids: Vec<u64> = self.isolates[isolate].holder.waiting().collect();
            for id in ids {
                self.look(isolate, id);
            }
        } else {
            loop {
                let first = self.isolates[isolate].holder.waiting().next();
                let Some(id) = first else { break };
                let before = self.isolates[isolate].waiting.len();
                self.look(isolate, id);
                if self.isolates[isolate].waiting.len() == before {
                    break;
                }
            }
        }
        let now = self.local(isolate);
        let queue_ms = self.plan.queue_ms as u32;
        if let Some(ask) = self.isolates[isolate].holder.ask(now, queue_ms) {
            let number = self.isolates[isolate].holder.ask_number();
            self.measures.asks += 1;
            if !self.chance.happens(self.plan.lost) {
                let way = self.way(isolate);
                let life = self.isolates[isolate].life;
                self.after(way, Event::Asked { isolate, life, number, ask: Box::new(ask) });
            }
        }
        let it = &self.isolates[isolate];
        let next = it.holder.next_look_ms(now).map(|at| at.saturating_add_signed(-it.skew_ms).max(self.now));
        // Who has heard nothing yet looks by itself.
        let dark = it.waiting.values().any(|s| s.in_the_dark()).then_some(self.now + 250);
        let Some(at) = next.into_iter().chain(dark).min() else { return };
        if at < it.wake_ms {
            let life = it.life;
            self.isolates[isolate].wake_ms = at;
            self.after((at - self.now) as f64, Event::Wake { isolate, life });
        }
    }

    fn way(&mut self, isolate: usize) -> f64 {
        let base = self.ways[self.isolates[isolate].place];
        let tail = if self.chance.happens(0.01) { self.chance.wait(200.0) } else { 0.0 };
        base * self.chance.within(1.0, 1.3) + tail
    }

    fn asked(&mut self, isolate: usize, life: u32, number: u64, ask: &Ask) {
        if self.now < self.object_away_until {
            return;
        }
        let second = ((self.now - BEGIN_MS) / 1_000) as usize;
        self.measures.asks_by_second.add(second);
        let now = self.object_now();
        let (lease, durable) = self.lessor.grant(now, ask);
        self.rows.extend(durable.rows);
        self.in_flight.extend(durable.in_flight.into_iter().map(|(holder, n, until)| (holder, (n, until))));
        if self.rows.len() > 400 {
            self.rows = self.rows.split_off(&Book::horizon(now));
        }
        if !self.chance.happens(self.plan.lost) {
            let way = self.way(isolate);
            self.after(way, Event::Leased { isolate, life, number, lease: Box::new(lease) });
        }
    }
}
