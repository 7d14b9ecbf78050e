//! The side that grants: one for each budget, worldwide, in a Durable Object.
//!
//! Permits are granted in batches with the time of each, and count as spent when granted, so that a holder that vanishes loses
//! permits and never doubles them. Only two things must be durable before a grant is told: the rows of the book that it touched
//! and what its holder may have in flight. All else is learned anew.
//!
//! The limits are of all calls. What a target bears is learned of it alone and bounds its own calls alone, for one that is full or
//! slow says nothing of another.

use super::Standing;
use super::book::{Book, FARTHEST_MS, ROW, Rules, Slot, TICK_MS, Wish};
use super::capacity::Capacity;
use super::crowd::{Crowded, Shares};
use super::message::{Ask, KINDS, Kind, Lease, Settled};
use super::places::{ALLOWED_MS, HANDED_MS, Placed, Places, Room};
use crate::order::{self, Sorted};
use crate::upstream::breaker::{Breaker, CAREFUL_MS};
use crate::upstream::retry::RetryBudget;

/// Asks a second that the object takes from all holders together.
const ASKS_PER_SECOND: u64 = 230;
/// The part of them from which on holders are held back.
const BUSY_FROM: f64 = 0.7;
/// The part of a paced limit that is planned: the rest is for chance on the way, which brings calls of two seconds into one.
const PLANNED: f64 = 0.975;
/// From this limit on a minute is spread; in a smaller one a shop's first batch is worth more than an even flow.
const SPREAD_FROM: u32 = 600;
/// What of the pace first questions may take ahead of time. The rest is kept near, for conversations that run.
const NEW_SHARE: f64 = 0.7;
/// A rush that has lasted for so long stands, in milliseconds: a longer line then serves nobody more, it only makes all wait longer
/// and outlasts the rush (CoDel, RFC 8289).
const STANDS_AFTER_MS: u64 = 3_000;
/// Nobody asks for a permit to a host that fails, so that a rush is out of sight meanwhile: within this time of the last failure, in
/// milliseconds, what comes back is the same rush.
const HIDDEN_MS: u64 = 30_000;
/// How far ahead shoppers stand in line while it does, in milliseconds; first questions less far, by [`NEW_SHARE`].
const STANDING_MS: u64 = 3_000;
/// Permits that lie so near go to whoever asks, in milliseconds.
const NEAR_MS: u64 = 500;
/// A rush is not over while the first free permit lies further ahead than this, in milliseconds.
const LONG_MS: u64 = 1_000;
/// Batches take no permit that lies further ahead, so that a shopper who comes later has one within a second, in milliseconds.
const BATCH_MS: u64 = 250;
/// Asks a second that are enough for a limit that is spent: so many, and so many for each permit.
const ASKS_LEAST: f64 = 6.0;
const ASKS_PER_PERMIT: f64 = 4.0;
/// The longest pause between a holder's asks, in milliseconds.
const LONGEST_PAUSE_MS: f64 = 12_000.0;
/// What cannot wait is told so often for each call in flight: its place is asked for, and given back.
const URGENT_PER_CALL: f64 = 4.0;
/// What is told before the pause is over comes at least this far apart, in milliseconds.
const TELL_MS: u64 = 50;
/// Permits whose time comes so soon want a place in flight, at most, in milliseconds.
pub const SOON_MS: u64 = 600;
/// A holder silent for this long has no demand, in milliseconds.
const SILENT_MS: u64 = 25_000;
/// Targets of which something is remembered.
const MOST_TARGETS: usize = 64;
/// More calls a second than any budget bears.
const MOST: f64 = 1e6;
/// A holder that waits in line for a place comes for it no oftener, in milliseconds.
const POLL_MS: u64 = 150;
/// Nor more seldom.
const POLL_LATEST_MS: u64 = 1_000;

/// Where all demand is no more than one part in so many of the limits, what a holder keeps ahead is missed by nobody.
const ROOMY: f64 = 3.0;
/// Callers a second from which on a holder keeps permits ahead there, so that it need not ask at each few of them.
const OFTEN: f64 = 20.0;
/// For so long, in milliseconds: the permits are then spent well within their life.
const AHEAD_MS: u64 = 600;

#[derive(Debug, Clone, Default)]
struct Known {
    seen_ms: u64,
    target: u64,
    demand: f64,
    credit: f64,
    crowd: Crowded,
    /// The last ask that was answered, and what it was granted.
    number: u64,
    given: Vec<Slot>,
}

/// What is known of one target, and how its calls stand.
#[derive(Debug, Clone, Default)]
struct Host {
    seen_ms: u64,
    asks: u64,
    capacity: Capacity,
    breaker: Breaker,
    shares: Shares,
    contended_until: u64,
    contended_since: u64,
    hidden_until: u64,
    /// Callers a second, and the holders that they come to.
    demand: f64,
    active: u64,
}

impl Host {
    /// Whether more come than it answers, as far as can be seen.
    fn rushed(&self, now_ms: u64) -> bool {
        now_ms < self.contended_until.max(self.hidden_until)
    }
}

/// What must be durable before a lease is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durable {
    /// Rows of the book.
    pub rows: Vec<(u64, String)>,
    /// Holders and what each may have in flight until a time in milliseconds: the one that asked if it may have more, and with
    /// what is written anyway those that have less than was written.
    pub in_flight: Vec<(u64, u32, u64)>,
}

/// How an ask's wants are booked.
struct Terms {
    rules: Rules,
    /// From this tick on; up to `near` for whoever asks, and past that as many as are fair.
    begin: u64,
    near: u64,
    /// How far ahead shoppers may stand, in milliseconds.
    reach_ms: u64,
    pause_ms: u64,
    fair: f64,
    /// Whether places in flight bind; none where they are not counted.
    by_places: Option<bool>,
    /// The part of the pace that places in flight bear, as far as is known.
    borne: f64,
}

/// What was booked.
#[derive(Default)]
struct Booked {
    slots: Vec<Slot>,
    large: Vec<Slot>,
    far: u32,
    /// Whether there was less than was wanted by shoppers, and by any of a kind.
    short: bool,
    lacking: [bool; KINDS],
}

/// One budget's grants.
#[derive(Debug, Clone)]
pub struct Lessor {
    book: Book,
    known: Sorted<u64, Known>,
    places: Places,
    hosts: Sorted<u64, Host>,
    retries: RetryBudget,
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
            places: Places::restore(in_flight),
            hosts: Sorted::default(),
            retries: RetryBudget::new(now_ms),
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
        let active = self.known.values().filter(|k| now_ms < k.seen_ms + SILENT_MS);
        let (n, demand) = active.fold((0, 0.0), |(n, demand), k| (n + 1, demand + k.demand));
        (self.active, self.demand) = (n.max(1), demand);
        for (target, host) in self.hosts.iter_mut() {
            (host.active, host.demand) = (0, 0.0);
            let active = self.known.values().filter(|k| k.target == *target && now_ms < k.seen_ms + SILENT_MS);
            host.shares.count(active.map(|k| {
                host.active += 1;
                host.demand += k.demand;
                &k.crowd
            }));
        }
    }

    /// What is known of a target. Models are named by callers, so what is remembered must not grow with their inventions, nor may these
    /// drive out what is in use: one is forgotten that calls are not kept from and that is silent, or was asked for the least often.
    fn host(&mut self, target: u64) -> &mut Host {
        if self.hosts.len() >= MOST_TARGETS && self.hosts.get(&target).is_none() {
            let now_ms = self.asked_ms;
            let worth = |h: &Host| (h.breaker.open_for_ms(now_ms) > 0, now_ms < h.seen_ms + SILENT_MS, h.asks);
            if let Some(least) = self.hosts.iter().min_by_key(|(_, h)| worth(h)).map(|(target, _)| *target) {
                self.hosts.remove(&least);
            }
        }
        self.hosts.get_or_default(target)
    }

    /// Since when more come than are answered, as far as can be seen. Who finds one target failing goes to the next one: the same
    /// people, and the same rush.
    fn rush_since(&self, now_ms: u64, host: &Host) -> Option<u64> {
        if now_ms < host.contended_until {
            return Some(host.contended_since);
        }
        let rushes = self.hosts.values().chain([host]).filter(|h| h.rushed(now_ms));
        rushes.map(|h| h.contended_since).min()
    }

    /// The pause at which all holders together ask as often as the object will bear.
    fn evenly_ms(&self) -> u64 {
        self.active * 1_000 / ASKS_PER_SECOND
    }

    /// The least pause that an object under load asks for: none while there is room for more asks, at the bound such that all
    /// holders together keep to it.
    fn busy_ms(&self) -> u64 {
        let load = self.asks / ASKS_PER_SECOND as f64;
        (self.evenly_ms() as f64 * ((load - BUSY_FROM) / (1.0 - BUSY_FROM)).clamp(0.0, 1.0)) as u64
    }

    /// The least pause before what cannot wait is told. Where calls in flight are counted that is some times for each call: while calls
    /// are few the object bears all of it, and what else is asked is held back for it.
    fn urgent_ms(&self, per_second: f64, counted: bool) -> u64 {
        let load = per_second * URGENT_PER_CALL / ASKS_PER_SECOND as f64;
        let held_back = if counted { (load - 1.0).clamp(0.0, 1.0) } else { 1.0 };
        (self.busy_ms() as f64 * held_back) as u64
    }

    fn pause_ms(&self, now_ms: u64, host: &Host, per_second: f64) -> u64 {
        let evenly = self.evenly_ms();
        if now_ms < host.contended_until {
            // Nobody need ask much oftener than there are permits to be had.
            let enough = host.active.max(1) as f64 * 1_000.0 / (ASKS_LEAST + per_second * ASKS_PER_PERMIT);
            return (evenly.max(200) * 2).max(enough.min(LONGEST_PAUSE_MS) as u64);
        }
        // A quiet object answers whoever asks.
        if self.asks < ASKS_PER_SECOND as f64 * 0.4 { 20 } else { evenly.max(20) }
    }

    /// How long ahead a holder with so many callers a second keeps permits. Places in flight are not kept for callers to come.
    fn ahead_ms(&self, demand: f64, per_second: f64, in_flight: Option<u32>) -> u64 {
        let roomy = self.demand.max(demand) * ROOMY <= per_second;
        if in_flight.is_none() && roomy && demand >= OFTEN { AHEAD_MS } else { 0 }
    }

    fn rules(now_ms: u64, ask: &Ask, capacity: &Capacity) -> Rules {
        let limits = &ask.limits;
        let stated = if limits.paced && limits.permits >= SPREAD_FROM {
            f64::from(limits.permits) / 60.0 * PLANNED
        } else {
            f64::INFINITY
        };
        let a_tick = TICK_MS as f64 / 1_000.0;
        Rules {
            permits: limits.permits,
            tokens: limits.tokens,
            pace: stated * a_tick,
            target: ask.target,
            // What was learned bounds the pace, where calls in flight are counted too: places that a refusal has made few are handed on
            // as they come free, and calls that wait for them come in bunches, which brings the next refusal.
            bears: capacity.per_second().min(capacity.stated(now_ms)) * a_tick,
        }
    }

    /// Calls a second that all limits together come to, each call reserving so many tokens: for this part of all callers, and for
    /// those of one target no more than it bears.
    fn per_second(rules: &Rules, running: f64, tokens: u32, part: f64) -> f64 {
        let of_minute =
            |limit: u32, each: u32| if limit == 0 { MOST } else { f64::from(limit) / 60.0 / f64::from(each.max(1)) };
        let a_second = 1_000.0 / TICK_MS as f64;
        let shared = (rules.pace * a_second).min(of_minute(rules.permits, 1)).min(of_minute(rules.tokens, tokens));
        (shared * part).min(rules.bears * a_second).min(running)
    }

    /// Takes in what a holder tells; whether it was overtaken by a later ask, and the milliseconds since the last one.
    fn take_in(&mut self, now_ms: u64, ask: &Ask, touched: &mut Vec<u64>) -> (bool, u64) {
        let longest_ms = u64::from(ask.limits.longest_ms);
        let gap = now_ms.saturating_sub(self.asked_ms) as f64 / 1_000.0;
        self.asks = self.asks * (-gap).exp() + 1.0;
        self.asked_ms = self.asked_ms.max(now_ms);
        let fresh = u64::from(self.known.get(&ask.holder).is_none());
        let host = self.host(ask.target);
        (host.seen_ms, host.active, host.asks) = (now_ms, host.active + fresh, host.asks + 1);
        self.active += fresh;
        let fresh = fresh > 0;
        let known = self.known.get_or_default(ask.holder);
        // One that went another way round and comes after a later one: what it told came with that.
        let overtaken = ask.number <= known.number;
        // An answer that the holder did not use and never will.
        let unheard = ask.heard < known.number && !overtaken;
        let unused = if unheard { std::mem::take(&mut known.given) } else { Vec::new() };
        let told = |s: &&Settled| !overtaken && (s.number == ask.number || (!fresh && s.number > known.number));
        let settled = ask.settled.iter().filter(told);
        let over: u32 = settled.clone().map(|s| s.over).fold(0, u32::saturating_add);
        for slot in settled.flat_map(|s| &s.unspent).chain(&unused) {
            self.book.give_back(ask.target, *slot);
            touched.push(slot.tick / ROW);
        }
        if over > 0 {
            self.book.charge(over);
            touched.push(now_ms / TICK_MS / ROW);
        }
        known.number = known.number.max(ask.number);
        let elapsed = now_ms.saturating_sub(known.seen_ms).min(SILENT_MS);
        (known.seen_ms, known.target) = (now_ms, ask.target);
        known.demand = ask.demand.max(0.0).into();
        known.crowd.clone_from(&ask.crowd);
        self.count_demand(now_ms, longest_ms);
        if !overtaken {
            self.places.hear(now_ms, ask, unheard);
        }
        self.judge(now_ms, ask);
        (overtaken, elapsed)
    }

    /// Books what is wanted, the urgent first: near permits for whoever asks, far ones as far as the share goes.
    fn book_wants(&mut self, now: u64, ask: &Ask, placed: &Placed, terms: &Terms) -> Booked {
        let mut booked = Booked::default();
        for (kind, want) in Kind::ALL.into_iter().zip(&ask.wants) {
            let patience_ms = u64::from(want.patience_ms).min(FARTHEST_MS);
            let to = now + patience_ms / TICK_MS;
            let within = |reach_ms: u64| to.min(terms.begin + reach_ms / TICK_MS);
            let (share, until) = match kind {
                Kind::Running => (1.0, within(terms.reach_ms)),
                Kind::New => (NEW_SHARE, within((terms.reach_ms as f64 * NEW_SHARE) as u64)),
                // Batches take what nobody else has taken when its time is near.
                Kind::Batch => (1.0, within(BATCH_MS)),
            };
            let waiting = match terms.by_places {
                Some(true) => placed.now.get(kind as usize).copied().unwrap_or(0),
                Some(false) => want.waiting.saturating_sub(placed.line.get(kind as usize).map_or(0, Vec::len) as u32),
                None => want.waiting,
            };
            let ahead = if placed.scarce { 0 } else { want.ahead };
            for (permits, over) in [(waiting, 0), (ahead, terms.pause_ms / TICK_MS)] {
                // Who has not come yet stands less far ahead than who waits.
                let until = if over > 0 { until.min(terms.begin + terms.reach_ms / 2 / TICK_MS) } else { until };
                let wish = Wish {
                    from: terms.begin,
                    to: until.min(terms.near),
                    permits,
                    tokens: want.tokens,
                    over,
                    // Permits that come faster than places do not let anybody start sooner.
                    share: if terms.by_places == Some(false) { terms.borne } else { 1.0 },
                };
                let mut got = self.book.book(&terms.rules, &wish);
                let mut left = permits - count(&got);
                if left > 0 && until > terms.near {
                    let allowed = left.min((terms.fair - f64::from(booked.far)).max(0.0) as u32);
                    let wish = Wish {
                        from: terms.near + 1,
                        to: until,
                        permits: allowed,
                        over: 0,
                        share: share * terms.borne,
                        ..wish
                    };
                    let more = self.book.book(&terms.rules, &wish);
                    booked.far += count(&more);
                    left -= count(&more);
                    got.extend(more);
                }
                // A batch has time, and that it waits is no rush.
                booked.short |= left > 0 && kind != Kind::Batch;
                if let Some(lacking) = booked.lacking.get_mut(kind as usize) {
                    *lacking |= left > 0;
                }
                booked.slots.append(&mut got);
            }
        }
        if let Some(want) = ask.large {
            let to = now + u64::from(want.patience_ms).min(FARTHEST_MS) / TICK_MS;
            let reach_ms = (terms.reach_ms as f64 * NEW_SHARE) as u64;
            let wish = Wish {
                from: terms.begin,
                to: to.min(terms.begin + reach_ms / TICK_MS),
                permits: want.waiting,
                tokens: want.tokens,
                over: 0,
                share: NEW_SHARE,
            };
            booked.large = self.book.book(&terms.rules, &wish);
        }
        booked
    }

    /// Answers an ask. What the second value holds must be durable before the first is sent.
    pub fn grant(&mut self, now_ms: u64, ask: &Ask) -> (Lease, Durable) {
        let now = self.book.advance(now_ms);
        let mut touched = Vec::new();
        let (overtaken, elapsed) = self.take_in(now_ms, ask, &mut touched);
        // It is put back at the end.
        let mut host = std::mem::take(self.hosts.get_or_default(ask.target));
        let rules = Self::rules(now_ms, ask, &host.capacity);
        let demand = self.known.get(&ask.holder).map_or(0.0, |k| k.demand);
        let part = demand / host.demand.max(demand).max(0.001);
        let of_all = if self.demand > host.demand { host.demand.max(demand) / self.demand.max(demand) } else { 1.0 };
        let in_flight = Some(ask.limits.in_flight).filter(|limit| *limit > 0);
        let begin = now.max(host.capacity.paused_until_ms() / TICK_MS);
        // Where permits lie far ahead they bind and tell the times; a place is found when a permit's time is near.
        let tokens = ask.wants.iter().map(|w| w.tokens).max().unwrap_or(0);
        let contended = now_ms < host.contended_until;
        let since = self.rush_since(now_ms, &host);
        let stands = since.is_some_and(|since| now_ms >= since + STANDS_AFTER_MS);
        let reach_ms = if stands { STANDING_MS } else { FARTHEST_MS };
        let long = contended || in_flight.is_some();
        let free = if long { self.book.free_in_ms(&rules, begin, tokens, 1.0) } else { 0 };
        let by_places = in_flight.is_some() && free <= SOON_MS;
        let placed = in_flight.filter(|_| !overtaken).map(|limit| {
            let room = Room { limit, took_ms: host.capacity.took_ms(), part, reach_ms, fresh: by_places };
            self.places.place(now_ms, ask, &room)
        });
        let running = in_flight.map_or(MOST, |limit| f64::from(limit) * 1_000.0 / host.capacity.took_ms());
        let per_second = Self::per_second(&rules, running, tokens, of_all);
        let pause_ms = match placed.as_ref().and_then(|p| p.again_ms) {
            Some(again_ms) => again_ms.clamp(POLL_MS, POLL_LATEST_MS).max(self.busy_ms()),
            None => self.pause_ms(now_ms, &host, per_second),
        };
        let placed = placed
            .unwrap_or_else(|| Placed { allowed: if in_flight.is_some() { 0 } else { u32::MAX }, ..Placed::default() });
        // What is nearest would be lost if nobody took it.
        let near_ms = if stands { NEAR_MS } else { 2 * pause_ms + NEAR_MS };
        let near = begin + near_ms / TICK_MS;
        let fair = {
            let known = self.known.get_or_default(ask.holder);
            let share = per_second * part * 1.1;
            known.credit = (known.credit + share * elapsed as f64 / 1_000.0).min((share * 5.0).max(1.0));
            match contended {
                // A short line need not be shared out.
                true if free <= LONG_MS => known.credit.max(1.0),
                true => known.credit,
                false => f64::INFINITY,
            }
        };
        let paced = rules.least_pace() * 1_000.0 / TICK_MS as f64;
        let borne = in_flight.map_or(1.0, |n| f64::from(n) * 1_000.0 / (host.capacity.took_ms() + HANDED_MS) / paced);
        let borne = if paced.is_finite() { borne.min(1.0) } else { 1.0 };
        let terms =
            Terms { rules, begin, near, reach_ms, pause_ms, fair, by_places: in_flight.map(|_| by_places), borne };
        let Booked { slots, large, far, short, lacking } =
            if overtaken { Booked::default() } else { self.book_wants(now, ask, &placed, &terms) };
        let urgent = |kind: Kind| placed.short.get(kind as usize).is_some_and(|s| *s);
        // As long as shares hold somebody back, or the line is long, there is more demand than permits.
        let short = short || urgent(Kind::Running) || urgent(Kind::New);
        let short = short || (contended && (ask.beyond > 0 || free > LONG_MS));
        let granted = || slots.iter().chain(&large);
        touched.extend(granted().map(|s| s.tick / ROW));
        if let Some(known) = self.known.get_mut(&ask.holder) {
            known.credit -= f64::from(far);
            if !overtaken {
                known.given = granted().copied().collect();
            }
        }
        if short {
            if !contended {
                host.contended_since = since.unwrap_or(now_ms);
            }
            host.contended_until = now_ms + 2 * pause_ms.max(400) + 1_000;
        }
        let large_free_ms = match ask.large {
            Some(want) if count(&large) < want.waiting => self.book.free_in_ms(&rules, begin, want.tokens, 1.0).max(1),
            _ => 0,
        };
        let mut free_ms = [0; KINDS];
        if lacking.contains(&true) || slots.is_empty() {
            free_ms = [self.book.free_in_ms(&rules, begin, tokens, 1.0); KINDS];
            if contended && let Some(free) = free_ms.get_mut(Kind::New as usize) {
                *free = self.book.free_in_ms(&rules, begin, tokens, NEW_SHARE);
            }
            // A batch looks less far ahead than shoppers, whose kinds are not full because it found nothing.
            let shoppers = free_ms.iter_mut().zip(lacking).take(Kind::Batch as usize);
            shoppers.filter(|(free, lacking)| !lacking && **free <= reach_ms / 2).for_each(|(free, _)| *free = 0);
        }
        let placed_now: u32 = placed.now.iter().sum();
        let permits_now = slots.iter().filter(|s| s.tick * TICK_MS < now_ms + SOON_MS).map(|s| s.permits).sum();
        // A place for a caller who is expected is of use with a permit alone, and in a rush others would miss it until its time.
        let permits = if short || contended { permits_now } else { count(&slots) };
        let idle_ahead = placed.ahead.saturating_sub(permits.saturating_sub(placed_now));
        let idle = if in_flight.is_some() { placed_now.saturating_sub(permits_now) + idle_ahead } else { 0 };
        self.places.take_back(ask.holder, idle);
        if by_places {
            let times = free_ms.iter_mut().zip(placed.short);
            times.for_each(|(free, short)| *free = if short { placed.free_ms.max(*free).max(1) } else { 0 });
        }
        let (remaining, reset_ms) = self.book.standing(ask.limits.permits);
        let tokens = self.book.standing_of_tokens(ask.limits.tokens);
        let mut retries = 0;
        while retries < ask.retries.min(10) && self.retries.withdraw(now_ms) {
            retries += 1;
        }
        let share = host.shares.level(per_second);
        let lease = Lease {
            now_ms,
            slots,
            large,
            large_free_ms,
            standing: Standing { limit: ask.limits.permits.into(), remaining, reset_ms, tokens },
            free_ms,
            per_second: (per_second * part) as f32,
            allowed: placed.allowed.saturating_sub(idle),
            scarce: placed.scarce,
            line: placed.line,
            pause_ms,
            tell_ms: self.urgent_ms(per_second, in_flight.is_some()).max(TELL_MS),
            ahead_ms: if short || contended { 0 } else { self.ahead_ms(demand, per_second, in_flight) },
            contended: short || contended,
            full: begin > now || rules.bears < rules.pace,
            share: share as f32,
            shares: host.shares.of(share, &ask.crowd.often),
            retries,
            closed: Vec::new(),
        };
        *self.hosts.get_or_default(ask.target) = host;
        let lease = Lease { closed: self.closed(now_ms), ..lease };
        order::sort_and_dedup(&mut touched);
        let rows: Vec<_> = touched.into_iter().map(|row| self.book.row(row * ROW)).collect();
        let mut in_flight = Vec::from_iter(placed.durable.map(|(n, until)| (ask.holder, n, until)));
        if !rows.is_empty() || !in_flight.is_empty() {
            in_flight.extend(self.places.take_shrunk());
        }
        (lease, Durable { rows, in_flight })
    }

    /// Takes in how the calls to a target ended.
    fn judge(&mut self, now_ms: u64, ask: &Ask) {
        let r = &ask.report;
        for _ in 0..r.firsts.min(1_000) {
            self.retries.deposit();
        }
        let running = self.places.running(ask.target);
        let host = self.host(ask.target);
        host.capacity.learn(now_ms, r, running);
        if r.ended > r.refused + r.failed {
            host.breaker.succeeded();
            return;
        }
        if r.failed > 0 && host.rushed(now_ms) {
            host.hidden_until = now_ms + HIDDEN_MS;
        }
        for _ in 0..r.failed.min(10) {
            // A failure after the open time is a trial's. Those who have not seen it themselves hear of it with their leases, which
            // takes time.
            host.breaker.admits(now_ms);
            host.breaker.failed(now_ms, r.failed_ms, CAREFUL_MS);
        }
    }

    fn closed(&self, now_ms: u64) -> Vec<(u64, u64)> {
        let open = self.hosts.iter().map(|(target, host)| (*target, host.breaker.open_for_ms(now_ms)));
        open.filter(|(_, ms)| *ms > 0).collect()
    }
}

fn count(slots: &[Slot]) -> u32 {
    slots.iter().map(|s| s.permits).sum()
}
