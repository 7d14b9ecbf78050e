//! The side that spends: one isolate's permits of one budget, and the line of those who wait for them.
//!
//! A permit at hand is spent with no round trip. Its times came on the object's clock; they are kept on this isolate's, its
//! first moment counted from when the answer came and its last from when the ask went, so that no clocks need agree.

use std::collections::VecDeque;

use super::book::{LIFE_MS, Slot, TICK_MS};
use super::lessor::ALLOWED_MS;
use super::line::{Heard, Line, Waiter};
use super::message::{Ask, KINDS, Kind, Lease, Limits, Report, Want};
use super::{Refusal, Standing};

/// An ask that was not answered for so long is given up; its answer is not used any more. In milliseconds.
const UNANSWERED_MS: u64 = 1_200;
/// After an ask that failed the next one waits, in milliseconds.
const UNREACHABLE_MS: u64 = 1_000;
/// What was seen is told after so long even with no wish, in milliseconds; refusals sooner.
const TELL_MS: u64 = 5_000;
const TELL_SOON_MS: u64 = 300;
/// A batch that got nothing, where nobody else wants more than there is, asks again after so long, in milliseconds.
const BATCH_SOON_MS: u64 = 150;
/// In a rush it asks again after so long, in milliseconds, and then after twice as long.
const BATCH_AGAIN_MS: u64 = 2_000;
const BATCH_LATEST_MS: u64 = 32_000;
/// The longest that a shopper waits to hear whether there is a place, where others are turned away, in milliseconds.
const DARK_MS: u64 = 250;
/// Places that one party may ask for at once while demand is above the limit.
const PLACES: u32 = 2;
/// Permits whose time comes so soon want a place in flight, in milliseconds.
const SOON_MS: u64 = 2_000;
/// Arrivals are averaged over so long, in milliseconds.
const MEMORY_MS: f64 = 3_000.0;
/// So many who wait are a rush, whatever the object says later.
const RUSH: usize = 8;
/// Returns kept for the next ask.
const MOST_UNSPENT: usize = 500;

/// One who wants a permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// How urgent it is.
    pub kind: Kind,
    /// A visitor's or a key's number.
    pub party: u64,
    /// Tokens that the call may use.
    pub tokens: u32,
    /// How long it would wait, in milliseconds.
    pub patience_ms: u64,
}

/// A permit that was taken. What becomes of the call must be told with [`Holder::ended`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    /// Its tick and its tokens.
    pub slot: Slot,
}

/// What one who waits does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The call may start now.
    Go(Permit),
    /// Look again after so many milliseconds; the place's time from now, once there is one.
    Wait {
        /// When to look again.
        ms: u64,
        /// In how many milliseconds the call will start.
        eta_ms: Option<u64>,
        /// How many go first here.
        ahead: usize,
    },
    /// There is no place within its patience.
    Refused(Refusal),
}

/// How a call ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ended {
    /// The host refused it with 429.
    pub refused: bool,
    /// It failed by the host's fault.
    pub failed: bool,
    /// The caller went away before it ended, so that it tells nothing of the host.
    pub left: bool,
    /// The wait that the host asked for, in milliseconds.
    pub asked_wait_ms: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// How long its first byte took, in milliseconds.
    pub first_byte_ms: u64,
    /// Tokens used; none where the host did not say, and then what was reserved counts.
    pub tokens: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    from_ms: u64,
    until_ms: u64,
    slot: Slot,
}

/// Arrivals a second, forgetting.
#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    per_second: f64,
    at_ms: u64,
}

impl Rate {
    fn add(&mut self, now_ms: u64) {
        self.per_second = self.now(now_ms) + 1_000.0 / MEMORY_MS;
        self.at_ms = self.at_ms.max(now_ms);
    }

    fn now(&self, now_ms: u64) -> f64 {
        self.per_second * (-(now_ms.saturating_sub(self.at_ms) as f64) / MEMORY_MS).exp()
    }
}

/// One isolate's side of one budget.
#[derive(Debug, Clone)]
pub struct Holder {
    id: u64,
    limits: Limits,
    slots: VecDeque<Held>,
    permits: usize,
    line: Line,
    next_id: u64,
    rates: [Rate; KINDS],
    tokens: [f64; KINDS],
    asking: Option<(u64, u64)>,
    asks: u64,
    failures: u32,
    asked_ms: u64,
    next_ask_ms: u64,
    pause_ms: u64,
    trip_ms: u64,
    contended: bool,
    full_until_ms: [u64; KINDS],
    free_at_ms: [u64; KINDS],
    batch_again_ms: u64,
    batch_wait_ms: u64,
    unspent: Vec<Slot>,
    over: u32,
    allowed: u32,
    allowed_until_ms: u64,
    running: u32,
    took_ms: f64,
    report: Report,
    retries: u32,
    retries_wanted: u32,
    closed_until_ms: u64,
    standing: Option<Standing>,
}

impl Holder {
    /// A holder that has nothing yet; `id` is a number of chance.
    pub fn new(id: u64, limits: Limits) -> Self {
        Self {
            id,
            limits,
            slots: VecDeque::new(),
            permits: 0,
            line: Line::default(),
            next_id: 0,
            rates: [Rate::default(); KINDS],
            tokens: [0.0; KINDS],
            asking: None,
            asks: 0,
            failures: 0,
            asked_ms: 0,
            next_ask_ms: 0,
            pause_ms: 20,
            trip_ms: 50,
            contended: false,
            full_until_ms: [0; KINDS],
            free_at_ms: [0; KINDS],
            batch_again_ms: 0,
            batch_wait_ms: BATCH_AGAIN_MS,
            unspent: Vec::new(),
            over: 0,
            allowed: if limits.in_flight > 0 { 0 } else { u32::MAX },
            allowed_until_ms: 0,
            running: 0,
            took_ms: 1_000.0,
            report: Report::default(),
            retries: 2,
            retries_wanted: 0,
            closed_until_ms: 0,
            standing: None,
        }
    }

    /// How the budget stood when last heard of, with what is held here.
    pub fn standing(&self) -> Option<Standing> {
        self.standing
    }

    /// Whether somebody waits or a call runs.
    pub fn is_used(&self) -> bool {
        self.running > 0 || !self.line.is_empty() || self.asking.is_some()
    }

    /// Whether more is asked than there is, as far as is known here: of the limit, or for the moment.
    pub fn is_rushed(&self) -> bool {
        self.contended || self.line.len() > RUSH
    }

    /// Until when the host is passed over, in milliseconds.
    pub fn closed_until_ms(&self) -> u64 {
        self.closed_until_ms
    }

    fn give_up(&mut self, slot: Slot) {
        if slot.permits == 0 && slot.tokens == 0 {
            return;
        }
        let room = self.unspent.len() < MOST_UNSPENT;
        match self.unspent.last_mut() {
            Some(last) if last.tick == slot.tick => {
                last.permits += slot.permits;
                last.tokens += slot.tokens;
            }
            _ if room => self.unspent.push(slot),
            // What is not given back was spent: a loss, never a permit too many.
            _ => {}
        }
    }

    fn expire(&mut self, now_ms: u64) {
        while let Some(held) = self.slots.front().copied().filter(|h| h.until_ms <= now_ms) {
            self.slots.pop_front();
            self.permits -= held.slot.permits as usize;
            self.give_up(held.slot);
        }
    }

    fn find(slots: &VecDeque<Held>, mut place: usize) -> Option<(usize, u64)> {
        for (at, held) in slots.iter().enumerate() {
            let n = held.slot.permits as usize;
            if place < n {
                return Some((at, held.from_ms));
            }
            place -= n;
        }
        None
    }

    /// Lets a caller in; [`Self::look`] then tells it what to do.
    pub fn arrive(&mut self, now_ms: u64, caller: Caller) -> u64 {
        self.expire(now_ms);
        let id = self.next_id;
        self.next_id += 1;
        let kind = caller.kind as usize;
        if let (Some(rate), Some(tokens)) = (self.rates.get_mut(kind), self.tokens.get_mut(kind)) {
            rate.add(now_ms);
            *tokens = (*tokens * 0.998).max(caller.tokens.into());
        }
        let waiter = Waiter {
            id,
            kind: caller.kind,
            party: caller.party,
            rank: if self.line.is_empty() { 0 } else { self.line.of_party(caller.party) },
            tokens: caller.tokens,
            until_ms: now_ms.saturating_add(caller.patience_ms),
            told_ms: None,
            misfit: false,
            heard: Heard::No,
        };
        let slots = &self.slots;
        self.line.insert(waiter, |place| Self::find(slots, place).map(|(_, from)| from));
        id
    }

    /// What one who waits does next; called again after each wait, until it goes or is refused.
    pub fn look(&mut self, now_ms: u64, id: u64) -> Step {
        self.expire(now_ms);
        let refused =
            |retry_after_ms: u64, standing| Step::Refused(Refusal { retry_after_ms: retry_after_ms.max(1), standing });
        let Some(place) = self.line.position(id) else { return refused(1, None) };
        let found = Self::find(&self.slots, place);
        let held_tokens = found.and_then(|(at, _)| self.slots.get(at)).map_or(0, |h| h.slot.tokens);
        let standing = self.standing;
        let (pause_ms, asking) = (self.next_ask_ms.saturating_sub(now_ms), self.asking.is_some());
        let blocked = self.blocked(now_ms);
        let batch_again = self.batch_again_ms.saturating_sub(now_ms);
        let Some(waiter) = self.line.get_mut(place) else { return refused(1, None) };
        let kind = waiter.kind as usize;
        let patient = now_ms < waiter.until_ms;
        waiter.misfit = found.is_some() && held_tokens < waiter.tokens;
        if let Some((at, from_ms)) = found.filter(|_| !waiter.misfit) {
            if from_ms <= now_ms && !blocked {
                return self.take(place, at);
            }
            // A place must lie within the patience; one that nobody waits long for may be a tick ahead.
            if from_ms <= waiter.until_ms + LIFE_MS && (patient || !blocked) {
                // A batch is told nothing, so that shoppers may still go ahead of it.
                if waiter.kind != Kind::Batch {
                    waiter.told_ms.get_or_insert(from_ms.max(now_ms));
                }
                let eta_ms = from_ms.saturating_sub(now_ms);
                // Others may leave, so that the place comes sooner.
                return Step::Wait { ms: eta_ms.clamp(5, 500), eta_ms: Some(eta_ms), ahead: place };
            }
        }
        let free_at = self.free_at_ms.get(kind).copied().unwrap_or(0);
        let full = self.full_until_ms.get(kind).is_some_and(|until| now_ms < *until) && !asking;
        // In a rush nobody is kept in the dark until the next ask.
        let full = full || (self.contended && !asking && pause_ms > DARK_MS);
        let gone = match waiter.heard {
            Heard::Failed => true,
            // A batch has time: its turn comes when the rush is over.
            _ if waiter.kind == Kind::Batch && patient => false,
            Heard::Answered => true,
            Heard::No => full,
            Heard::Asked => false,
        };
        if gone {
            let failed = waiter.heard == Heard::Failed;
            self.line.remove(place);
            if failed {
                return refused(UNREACHABLE_MS, None);
            }
            return refused(free_at.saturating_sub(now_ms), standing);
        }
        let ms = match waiter.kind {
            Kind::Batch if !asking => pause_ms.max(batch_again).clamp(5, 1_000),
            _ if asking => 10,
            _ => pause_ms.clamp(5, 250),
        };
        Step::Wait { ms, eta_ms: None, ahead: place }
    }

    fn take(&mut self, place: usize, at: usize) -> Step {
        let Some(waiter) = self.line.remove(place) else {
            return Step::Wait { ms: 5, eta_ms: None, ahead: 0 };
        };
        let Some(held) = self.slots.get_mut(at) else {
            return Step::Wait { ms: 5, eta_ms: None, ahead: 0 };
        };
        let tick = held.slot.tick;
        // Tokens are reserved for each permit alike; a longer call takes several permits' and gives the permits back.
        let each = held.slot.tokens / held.slot.permits.max(1);
        let taken = if each == 0 { 1 } else { waiter.tokens.div_ceil(each).clamp(1, held.slot.permits) };
        let tokens = each * taken;
        held.slot.permits -= taken;
        held.slot.tokens -= tokens;
        let rest = held.slot;
        if rest.permits == 0 {
            self.slots.remove(at);
        }
        self.permits -= taken as usize;
        let need = waiter.tokens.min(tokens);
        let left = if rest.permits == 0 { rest.tokens } else { 0 };
        self.give_up(Slot { tick, permits: taken - 1, tokens: tokens - need + left });
        self.running += 1;
        self.report.firsts += 1;
        if let Some(s) = &mut self.standing {
            s.remaining = s.remaining.min(s.limit);
        }
        Step::Go(Permit { slot: Slot { tick, permits: 1, tokens: need } })
    }

    /// One who waited has gone away; its place is the next one's.
    pub fn leave(&mut self, id: u64) {
        if let Some(place) = self.line.position(id) {
            self.line.remove(place);
        }
    }

    /// Those who wait, the first first.
    pub fn waiting(&self) -> impl Iterator<Item = u64> {
        self.line.iter().map(|w| w.id)
    }

    /// A call has ended, however it did.
    pub fn ended(&mut self, permit: Permit, ended: &Ended) {
        self.running = self.running.saturating_sub(1);
        self.report.ended += u32::from(!ended.left);
        self.report.refused += u32::from(ended.refused);
        self.report.failed += u32::from(ended.failed);
        let asked = u32::try_from(ended.asked_wait_ms).unwrap_or(u32::MAX);
        self.report.asked_wait_ms = self.report.asked_wait_ms.max(asked);
        if !ended.refused && !ended.failed && !ended.left {
            self.report.took_ms += ended.took_ms;
            self.report.first_byte_ms += ended.first_byte_ms;
            self.took_ms = self.took_ms * 0.9 + ended.took_ms as f64 * 0.1;
        }
        if self.limits.tokens > 0
            && let Some(used) = if ended.refused { Some(0) } else { ended.tokens }
        {
            let reserved = permit.slot.tokens;
            self.over = self.over.saturating_add(used.saturating_sub(reserved));
            self.give_up(Slot { permits: 0, tokens: reserved.saturating_sub(used), ..permit.slot });
        }
    }

    /// Whether a retry may be made; takes it out of what the object lets this isolate have.
    pub fn may_retry(&mut self) -> bool {
        let has = self.retries > 0;
        self.retries -= u32::from(has);
        self.retries_wanted += 1;
        has
    }

    fn expected(&self, now_ms: u64) -> [f64; KINDS] {
        let seconds = (self.pause_ms as f64 * 1.3 + self.trip_ms as f64 * 1.5 + 50.0) / 1_000.0;
        self.rates.map(|rate| rate.now(now_ms) * seconds)
    }

    fn wants(&self, now_ms: u64) -> [Want; KINDS] {
        let mut wants = [Want::default(); KINDS];
        let unplaced = self.line.iter().enumerate().filter(|(place, w)| *place >= self.permits || w.misfit);
        for (_, waiter) in unplaced {
            let Some(want) = wants.get_mut(waiter.kind as usize) else { continue };
            let later = waiter.kind == Kind::Batch && now_ms < self.batch_again_ms;
            if waiter.heard != Heard::Failed && !later && (!self.contended || waiter.rank < PLACES) {
                want.waiting += 1;
                want.tokens = want.tokens.max(waiter.tokens);
                let patience = u32::try_from(waiter.until_ms.saturating_sub(now_ms)).unwrap_or(u32::MAX);
                want.patience_ms = want.patience_ms.max(patience);
            }
        }
        let mut free = self.permits.saturating_sub(self.line.len()) as f64;
        let longest = wants.iter().map(|w| w.patience_ms).max().unwrap_or(0);
        for ((want, expected), tokens) in wants.iter_mut().zip(self.expected(now_ms)).zip(self.tokens) {
            let missing = expected - free;
            free = (free - expected).max(0.0);
            // Less than one would mostly be lost, unless demand is so high that somebody will come.
            let least = if self.contended { 0.3 } else { 1.0 };
            if expected >= least && missing > 0.0 && missing >= expected / 2.0 {
                want.ahead = missing.ceil().min(50_000.0) as u32;
                want.tokens = want.tokens.max(tokens as u32);
            }
            want.patience_ms = want.patience_ms.max(if want.ahead > 0 { longest } else { 0 });
        }
        wants
    }

    /// The ask to send now, if one is due.
    pub fn ask(&mut self, now_ms: u64, queue_ms: u32) -> Option<Ask> {
        self.expire(now_ms);
        if self.asking.is_some_and(|(_, since)| now_ms < since + UNANSWERED_MS) || now_ms < self.next_ask_ms {
            return None;
        }
        if self.asking.is_some() {
            self.unreachable(self.asks, now_ms);
            return None;
        }
        let mut wants = self.wants(now_ms);
        let since = now_ms.saturating_sub(self.asked_ms);
        let told = self.report.refused + self.report.failed > 0;
        let bounded = self.allowed != u32::MAX;
        let soon = self.slots.iter().take_while(|h| h.from_ms <= now_ms + SOON_MS).map(|h| h.slot.permits).sum::<u32>();
        let could_run = self.running + soon + u32::from(!self.line.is_empty());
        let due = wants.iter().any(|w| w.waiting + w.ahead > 0)
            || (told && since >= TELL_SOON_MS)
            || (self.report.ended > 0 && since >= TELL_MS)
            || (self.retries_wanted > 0 && since >= TELL_SOON_MS)
            || (bounded && !self.line.is_empty() && (self.running >= self.allowed || now_ms >= self.allowed_until_ms))
            || (bounded && could_run > 0 && now_ms + ALLOWED_MS / 2 >= self.allowed_until_ms)
            || (bounded && could_run < self.allowed && since >= TELL_SOON_MS);
        if !due {
            return None;
        }
        for (kind, want) in Kind::ALL.into_iter().zip(wants.iter_mut()) {
            if want.ahead > 0 && kind != Kind::Batch {
                want.patience_ms = want.patience_ms.max(queue_ms);
            }
        }
        let permits = self.permits;
        for (place, waiter) in self.line.iter_mut().enumerate() {
            if place >= permits || waiter.misfit {
                waiter.heard = Heard::Asked;
            }
        }
        self.asks += 1;
        self.asking = Some((self.asks, now_ms));
        self.asked_ms = now_ms;
        Some(Ask {
            holder: self.id,
            limits: self.limits,
            wants,
            unspent: std::mem::take(&mut self.unspent),
            over: std::mem::take(&mut self.over),
            demand: self.rates.iter().map(|r| r.now(now_ms)).sum::<f64>() as f32,
            allowed: self.allowed,
            running: self.running,
            could_run,
            retries: self.retries_wanted.saturating_sub(self.retries).min(5),
            report: std::mem::take(&mut self.report),
        })
    }

    /// The number of the ask that was made last; an answer is given with it.
    pub fn ask_number(&self) -> u64 {
        self.asks
    }

    /// When the first of those who wait should look again, if anybody waits.
    pub fn next_look_ms(&self, now_ms: u64) -> Option<u64> {
        if self.line.is_empty() {
            return None;
        }
        let blocked = self.blocked(now_ms);
        let permit = self.slots.front().filter(|_| !blocked).map(|h| h.from_ms);
        let ask = self.asking.map_or(self.next_ask_ms, |(_, since)| since + UNANSWERED_MS);
        let kinds = self.line.iter().skip(if blocked { 0 } else { self.permits }).map(|w| w.kind);
        let wish = kinds.min().map(|kind| if kind == Kind::Batch { ask.max(self.batch_again_ms) } else { ask });
        permit.into_iter().chain(wish).min().map(|at| at.max(now_ms + 5))
    }

    fn blocked(&self, now_ms: u64) -> bool {
        self.running >= self.allowed || (self.allowed != u32::MAX && now_ms >= self.allowed_until_ms)
    }

    /// Takes in the answer to an ask. One that was given up is not used: what it granted is lost.
    pub fn receive(&mut self, ask: u64, now_ms: u64, lease: &Lease) {
        let Some((_, asked_ms)) = self.asking.filter(|(number, _)| *number == ask) else { return };
        self.asking = None;
        self.failures = 0;
        let trip = now_ms.saturating_sub(asked_ms);
        self.trip_ms = (self.trip_ms * 3 + trip) / 4;
        self.pause_ms = lease.pause_ms;
        self.next_ask_ms = now_ms.max(asked_ms + lease.pause_ms);
        self.contended = lease.contended;
        self.retries = (self.retries + lease.retries).min(10);
        self.retries_wanted = 0;
        self.closed_until_ms = now_ms + lease.closed_ms;
        self.allowed = lease.allowed;
        self.allowed_until_ms = asked_ms + ALLOWED_MS;
        self.standing = Some(lease.standing);
        for slot in &lease.slots {
            let ahead = (slot.tick * TICK_MS).saturating_sub(lease.now_ms);
            let behind = lease.now_ms.saturating_sub(slot.tick * TICK_MS);
            let until_ms = (asked_ms + ahead + LIFE_MS).saturating_sub(behind);
            // An answer that took as long as a permit lives is of no use.
            if until_ms <= now_ms + ahead + TICK_MS {
                self.give_up(*slot);
                continue;
            }
            self.permits += slot.permits as usize;
            self.slots.push_back(Held { from_ms: now_ms + ahead, until_ms, slot: *slot });
        }
        crate::order::sort_by_key(self.slots.make_contiguous(), |h| h.from_ms);
        self.expire(now_ms);
        for (full, (at, free)) in self.full_until_ms.iter_mut().zip(self.free_at_ms.iter_mut().zip(lease.free_ms)) {
            *at = now_ms + free;
            // Until a permit is free, or until others may have left, there is no use in asking.
            *full = if free > 0 { now_ms + free.min(lease.pause_ms.max(20)) } else { 0 };
        }
        let free = lease.free_ms.last().copied().unwrap_or(0);
        if free > 0 && lease.slots.is_empty() {
            if lease.contended {
                self.batch_again_ms = now_ms + free.max(self.batch_wait_ms);
                self.batch_wait_ms = (self.batch_wait_ms * 2).min(BATCH_LATEST_MS);
            } else {
                self.batch_again_ms = now_ms + free.max(BATCH_SOON_MS);
            }
        } else {
            (self.batch_again_ms, self.batch_wait_ms) = (0, BATCH_AGAIN_MS);
        }
        for waiter in self.line.iter_mut() {
            if waiter.heard == Heard::Asked {
                waiter.heard = Heard::Answered;
            }
        }
        if let Some(least) = lease.free_ms.iter().min().filter(|f| **f > 0 && self.limits.permits > 0) {
            // A small limit that is spent is known to be spent until then.
            if lease.slots.is_empty() && *least > lease.pause_ms && !self.limits.paced {
                self.next_ask_ms = now_ms + *least;
                self.full_until_ms = self.free_at_ms;
            }
        }
    }

    /// The object could not be reached, or its answer was not understood: nothing is granted.
    pub fn unreachable(&mut self, ask: u64, now_ms: u64) {
        if self.asking.take_if(|(number, _)| *number == ask).is_none() {
            return;
        }
        // One message may be lost; when a second is too, the object is away.
        self.failures += 1;
        self.next_ask_ms = if self.failures < 2 { now_ms } else { now_ms + UNREACHABLE_MS };
        for waiter in self.line.iter_mut() {
            if waiter.heard == Heard::Asked {
                waiter.heard = if self.failures < 2 { Heard::No } else { Heard::Failed };
            }
        }
    }
}
