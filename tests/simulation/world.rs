//! A world of isolates around one object, event by event in virtual time.

mod calls;
mod shoppers;

use std::collections::BTreeMap;

use madoguchi::admission::book::Book;
use madoguchi::admission::holder::{Ended, Holder};
use madoguchi::admission::lessor::Lessor;
use madoguchi::admission::message::{Ask, Lease, Limits};

use crate::calendar::Calendar;
use crate::chance::Chance;
use crate::host::{Host, Mood};
use crate::measure::Measures;
use calls::Call;
use shoppers::Shopper;

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
    events: Calendar<Event>,
    /// Counts all that was entered: what is named by it has a name of its own.
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
            events: Calendar::new(BEGIN_MS),
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
        self.events.add(self.now + ms.max(0.0).round() as u64, event);
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
        while let Some((at, event)) = self.events.next() {
            self.now = at;
            if at > last || (at > end && self.measures.kept == self.measures.kept_answered) {
                break;
            }
            self.happen(event, at <= end);
        }
        self.measures
    }

    fn happen(&mut self, event: Event, open: bool) {
        match event {
            Event::Arrive if open => self.arrive(),
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
            Event::Mood(mood) => self.feels(mood),
            _ => {}
        }
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
