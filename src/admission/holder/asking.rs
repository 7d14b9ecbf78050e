//! What a holder says to the object and hears from it: when an ask is due, what it wants and gives back, and what an answer gives.

use super::super::Standing;
use super::super::book::{LIFE_MS, Slot, TICK_MS};
use super::super::lessor::SOON_MS;
use super::super::line::{Heard, Waiter};
use super::super::message::{Ask, KINDS, Kind, Lease, Settled, Want};
use super::super::places::ALLOWED_MS;
use super::coming::Expected;
use super::{BATCH_AGAIN_MS, Held, Holder, TELL_MS, TELL_SOON_MS, UNREACHABLE_MS};

/// An ask that was not answered for so long, or for some times a usual trip, is given up; its answer is not used any more. In
/// milliseconds.
const UNANSWERED_MS: u64 = 1_200;
const UNANSWERED_LEAST_MS: u64 = 250;
const UNANSWERED_TRIPS: u64 = 4;
/// A shopper for whom there is nothing is asked for so long after the last ask, in milliseconds.
const UNHEARD_MS: u64 = 500;
/// A line for places in flight that is full is taken to be full for so long, in milliseconds.
const LINE_FULL_MS: u64 = 500;
/// Callers expected in a permit's life from which on permits are asked for ahead while demand is above the limit.
const AHEAD_LEAST: f64 = 1.5;
/// Of the callers expected until the next ask: with permits for so many no more are asked for.
const ENOUGH: f64 = 2.0 / 3.0;
/// A permit is kept for so many callers that are expected in its time.
const LIKELY: f64 = 0.7;
/// Who took it on to tell something and has not so long after has gone, in milliseconds.
const TELLER_MS: u64 = 3_000;
/// A batch that got nothing, where nobody else wants more than there is, asks again after so long, in milliseconds.
const BATCH_SOON_MS: u64 = 150;
/// The longest that a batch waits to ask again, in milliseconds.
const BATCH_LATEST_MS: u64 = 32_000;
/// Asks without an answer whose returns are told again.
const MOST_UNSURE: usize = 8;

impl Holder {
    /// When something should be told with no caller to wait for it, if nobody has taken that on: whoever asks does.
    pub fn take_telling(&mut self, now_ms: u64) -> Option<u64> {
        let at = self.next_tell_ms(now_ms).filter(|_| now_ms >= self.teller_until_ms)?;
        self.teller_until_ms = at.max(now_ms) + TELLER_MS;
        Some(at)
    }

    /// Nobody has the telling on itself any more.
    pub fn end_telling(&mut self) {
        self.teller_until_ms = 0;
    }

    fn coming(&self, now_ms: u64) -> [Expected; KINDS] {
        self.coming.expected(now_ms, self.took_ms, self.allowed != u32::MAX, self.contended)
    }

    /// Callers a second from now on.
    fn demand(&self, now_ms: u64) -> f64 {
        self.coming(now_ms).iter().map(Expected::per_second).sum()
    }

    /// Callers expected of each kind: with permits for the first number or fewer more are asked for, up to the second.
    fn expected(&self, now_ms: u64) -> [(f64, f64); KINDS] {
        let seconds = self.seconds_to_next();
        let ahead = self.ahead_ms as f64 / 1_000.0;
        let enough = if ahead > 0.0 { seconds } else { seconds * ENOUGH };
        self.coming(now_ms).map(|coming| (coming.within(enough), coming.wanted(seconds.max(ahead))))
    }

    /// Until an answer to the next ask may be here, in seconds.
    fn seconds_to_next(&self) -> f64 {
        (self.pause_ms as f64 * 1.3 + self.trip_ms as f64 * 2.5 + 50.0) / 1_000.0
    }

    /// Whether permits are many, nobody waits for one and there is nothing to tell, so that no ask need be thought of.
    fn has_plenty(&self, now_ms: u64) -> bool {
        self.permits as f64 > self.plenty
            && self.line.is_empty()
            && now_ms < self.asked_ms + TELL_MS
            && self.retries_wanted == 0
            && !self.report.is_news()
    }

    /// Tells of those who wait, asked in their order, whether there is no permit here for each.
    fn unplaced(&self) -> impl FnMut(&Waiter) -> bool + use<> {
        let (mut permits, mut large) = (self.permits, self.slots.iter().filter(|h| h.large).count());
        move |waiter| {
            let left = if waiter.large { &mut large } else { &mut permits };
            let none = *left == 0;
            *left = left.saturating_sub(1);
            none
        }
    }

    /// Whether one who waits wants a permit, now that it is asked for.
    fn is_wanted(&self, now_ms: u64, waiter: &Waiter) -> bool {
        let later = waiter.kind == Kind::Batch && now_ms < self.batch_again_ms;
        waiter.heard != Heard::Failed && !later && (!self.contended || !waiter.beyond)
    }

    /// What those want who need far more tokens than is usual: the first of them, and such as need no more.
    fn wants_large(&self, now_ms: u64) -> Option<Want> {
        if !self.line.has_large() {
            return None;
        }
        let mut unplaced = self.unplaced();
        let mut large = self.line.iter().filter(|w| w.large && unplaced(w) && self.is_wanted(now_ms, w));
        let first = large.next()?;
        // A batch takes what lies near.
        let patience_ms = if first.kind == Kind::Batch { 250 } else { first.until_ms.saturating_sub(now_ms) };
        Some(Want {
            waiting: 1 + large.filter(|w| w.kind == first.kind && w.tokens <= first.tokens).count() as u32,
            ahead: 0,
            tokens: first.tokens,
            patience_ms: u32::try_from(patience_ms).unwrap_or(u32::MAX),
        })
    }

    fn wants(&self, now_ms: u64) -> [Want; KINDS] {
        let mut wants = [Want::default(); KINDS];
        let mut unplaced = self.unplaced();
        for waiter in self.line.iter().filter(|w| !w.large && (unplaced(w) || w.misfit)) {
            let Some(want) = wants.get_mut(waiter.kind as usize) else { continue };
            if self.is_wanted(now_ms, waiter) {
                want.waiting += 1;
                want.tokens = want.tokens.max(waiter.tokens);
                let patience = u32::try_from(waiter.until_ms.saturating_sub(now_ms)).unwrap_or(u32::MAX);
                want.patience_ms = want.patience_ms.max(patience);
            }
        }
        // A permit ahead that nobody comes for in its life is lost, and missed where demand is above the limit.
        let rare = self.contended && self.demand(now_ms) * LIFE_MS as f64 / 1_000.0 < AHEAD_LEAST;
        let mut free = self.permits.saturating_sub(self.line.len()) as f64;
        let longest = wants.iter().map(|w| w.patience_ms).max().unwrap_or(0);
        for ((want, expected), tokens) in wants.iter_mut().zip(self.expected(now_ms)).zip(self.needs.usual()) {
            let (least, most) = expected;
            let missing = most - free;
            let lacking = free <= least;
            free = (free - most).max(0.0);
            if !rare && most >= 1.0 && missing > 0.0 && lacking {
                want.ahead = missing.ceil().min(50_000.0) as u32;
                want.tokens = want.tokens.max(tokens as u32);
            }
            want.patience_ms = want.patience_ms.max(if want.ahead > 0 { longest } else { 0 });
        }
        wants
    }

    /// While others wait elsewhere, what nobody here is likely to come for goes back at once, the latest first.
    fn give_up_spare(&mut self, now_ms: u64) {
        if !self.contended {
            return;
        }
        let per_second = self.demand(now_ms);
        while let Some(spare) = self.permits.checked_sub(self.line.len()).filter(|n| *n > 0) {
            let Some(at) = self.slots.iter().rposition(|h| !h.large) else { return };
            let Some(held) = self.slots.get_mut(at) else { return };
            let seconds = held.until_ms.saturating_sub(now_ms) as f64 / 1_000.0;
            if per_second * seconds >= spare as f64 * LIKELY {
                return;
            }
            let tokens = held.slot.tokens / held.slot.permits.max(1);
            let one = Slot { tick: held.slot.tick, permits: 1, tokens };
            held.slot.permits -= 1;
            held.slot.tokens -= tokens;
            if held.slot.permits == 0 {
                self.slots.remove(at);
            }
            self.permits -= 1;
            self.give_up(one);
        }
    }

    /// The ask to send now, if one is due.
    pub fn ask(&mut self, now_ms: u64, queue_ms: u32) -> Option<Ask> {
        self.expire(now_ms);
        if self.asking.is_some_and(|(_, since)| now_ms < since + self.unanswered_ms()) {
            return None;
        }
        if self.asking.is_some() {
            self.unreachable(self.asks, now_ms);
            return None;
        }
        if self.has_plenty(now_ms) {
            return None;
        }
        self.give_up_spare(now_ms);
        let since = now_ms.saturating_sub(self.asked_ms);
        let urgent = self.is_urgent(now_ms);
        let sooner = self.failures == 0
            && ((urgent && since >= self.tell_ms) || self.unheard_ms().is_some_and(|at| now_ms >= at));
        if now_ms < self.next_ask_ms && !sooner {
            return None;
        }
        let mut wants = self.wants(now_ms);
        let large = self.wants_large(now_ms);
        let (bounded, could_run, idle) = (self.allowed != u32::MAX, self.could_run(now_ms), self.idle(now_ms));
        let due = wants.iter().any(|w| w.waiting + w.ahead > 0)
            || large.is_some()
            || (urgent && since >= self.tell_ms)
            || (!self.settled.is_empty() && since >= TELL_MS)
            || (self.report.ended > 0 && since >= TELL_MS)
            || (self.retries_wanted > 0 && since >= TELL_SOON_MS)
            || self.lacks(now_ms)
            || (bounded && could_run > 0 && now_ms + ALLOWED_MS / 2 >= self.allowed_until_ms)
            || (idle && since >= TELL_MS);
        if !due {
            return None;
        }
        for (kind, want) in Kind::ALL.into_iter().zip(wants.iter_mut()) {
            if want.ahead > 0 && kind != Kind::Batch {
                want.patience_ms = want.patience_ms.max(queue_ms);
            }
        }
        let mut unplaced = self.unplaced();
        for waiter in self.line.iter_mut() {
            let asked = unplaced(waiter) && (!waiter.large || large.is_some_and(|l| waiter.tokens <= l.tokens));
            if asked || waiter.misfit {
                waiter.heard = Heard::Asked;
            }
        }
        let crowd = self.crowd.told(now_ms);
        self.asks += 1;
        self.asking = Some((self.asks, now_ms));
        self.asked_ms = now_ms;
        if bounded {
            // What is not used is given back; the answer may give it anew.
            self.allowed = self.allowed.min(could_run);
        }
        let settled = Settled { number: self.asks, ..std::mem::take(&mut self.settled) };
        if !settled.is_empty() {
            self.unsure.push(settled);
        }
        // What is never given back was spent: a loss, never a permit too many.
        let old = self.unsure.len().saturating_sub(MOST_UNSURE);
        self.unsure.drain(..old);
        Some(Ask {
            holder: self.id,
            number: self.asks,
            heard: self.heard,
            limits: self.limits,
            target: self.target,
            wants,
            large,
            settled: self.unsure.clone(),
            demand: self.demand(now_ms) as f32,
            crowd,
            beyond: std::mem::take(&mut self.beyond),
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
        let blocked = self.blocked(now_ms);
        if self.line.is_empty() {
            return self.next_tell_ms(now_ms).map(|at| at.max(now_ms + 5));
        }
        let permit = self.slots.front().filter(|_| !blocked).map(|_| self.due_ms(0));
        let ask = self.asking.map_or(self.next_ask_ms, |(_, since)| since + self.unanswered_ms());
        let ask = self.unheard_ms().map_or(ask, |at| at.min(ask));
        let mut unplaced = self.unplaced();
        let kinds = self.line.iter().filter(|w| unplaced(w)).map(|w| w.kind);
        let wish = kinds.min().map(|kind| if kind == Kind::Batch { ask.max(self.batch_again_ms) } else { ask });
        let soon_ms = self.soon_ms();
        let place = self.slots.iter().find(|h| h.from_ms > now_ms + soon_ms).map(|h| h.from_ms - soon_ms);
        let place = place.filter(|_| self.allowed != u32::MAX);
        let news = permit.into_iter().chain(wish).chain(place).chain(self.next_place_ms(now_ms, blocked));
        news.min().map(|at| at.max(now_ms + 5))
    }

    /// Where somebody has a permit and no place in flight: when that is asked for, or it is too late for it.
    fn next_place_ms(&self, now_ms: u64, blocked: bool) -> Option<u64> {
        let urgent = self.failures == 0 && self.lacks(now_ms);
        if !urgent && !blocked {
            return None;
        }
        let ask = match self.asking {
            Some((_, since)) => since + self.unanswered_ms(),
            None if urgent => self.next_ask_ms.min(self.asked_ms + self.tell_ms),
            None => self.next_ask_ms.max(self.allowed_until_ms.saturating_sub(ALLOWED_MS / 2)),
        };
        let asks = urgent || self.could_run(now_ms) > 0;
        let patience = self.line.iter().take(1).flat_map(|w| [w.until_ms + 1, w.until_ms + LIFE_MS + 1]);
        let ends = patience.chain(self.slots.front().map(|h| h.until_ms)).filter(|at| blocked && *at > now_ms);
        ends.chain(asks.then_some(ask)).min()
    }

    /// When something should be told with nobody waiting: news of the host, what is given back, or will be when its time is over.
    pub fn next_tell_ms(&self, now_ms: u64) -> Option<u64> {
        let told = !self.settled.is_empty() || self.idle(now_ms) || self.report.is_news();
        let at = if let Some((_, since)) = self.asking {
            // Where the ask that is under way is lost.
            since + self.unanswered_ms()
        } else if self.is_urgent(now_ms) && self.failures == 0 {
            self.asked_ms + self.tell_ms
        } else {
            self.next_ask_ms.max(self.asked_ms + TELL_MS)
        };
        let told = told.then_some(at);
        told.into_iter().chain(self.slots.front().map(|h| h.until_ms)).min()
    }

    /// When a shopper who has just come, and for whom there is nothing here, is asked for, whatever the pause.
    pub(super) fn unheard_ms(&self) -> Option<u64> {
        let mut unplaced = self.unplaced();
        let mut line = self.line.iter();
        let unheard = line.any(|w| unplaced(w) && w.kind != Kind::Batch && w.heard == Heard::No && !w.beyond);
        (unheard && self.asking.is_none()).then_some(self.asked_ms + UNHEARD_MS)
    }

    /// How long before a permit's time its place in flight is asked for.
    fn soon_ms(&self) -> u64 {
        (self.trip_ms * 3 / 2 + 50).min(SOON_MS)
    }

    fn unanswered_ms(&self) -> u64 {
        (UNANSWERED_LEAST_MS + self.trip_ms * UNANSWERED_TRIPS).min(UNANSWERED_MS)
    }

    /// Calls that run with those whose permit's time is near.
    fn could_run(&self, now_ms: u64) -> u32 {
        let soon = self.slots.iter().take_while(|h| h.from_ms <= now_ms + self.soon_ms());
        self.running + soon.map(|h| h.slot.permits).sum::<u32>()
    }

    /// Whether it holds places in flight that it does not use.
    fn idle(&self, now_ms: u64) -> bool {
        self.allowed != u32::MAX && self.could_run(now_ms) < self.allowed
    }

    /// Whether an ask is due before the pause is over: bad news of the host, what others wait for, a place that is needed.
    fn is_urgent(&self, now_ms: u64) -> bool {
        self.report.is_news()
            || (self.contended && !self.settled.unspent.is_empty())
            || (self.scarce && self.idle(now_ms))
            || self.lacks(now_ms)
    }

    /// Whether a permit's time is near and there is no place in flight for it.
    fn lacks(&self, now_ms: u64) -> bool {
        self.allowed != u32::MAX && self.could_run(now_ms) > self.allowed
    }

    /// Takes in the answer to an ask. One that was given up is not used: what it granted is lost.
    pub fn receive(&mut self, ask: u64, now_ms: u64, lease: &Lease) {
        let Some((_, asked_ms)) = self.asking.filter(|(number, _)| *number == ask) else { return };
        self.asking = None;
        self.failures = 0;
        self.heard = ask;
        self.unsure.clear();
        self.tell_ms = lease.tell_ms;
        let trip = now_ms.saturating_sub(asked_ms);
        self.trip_ms = (self.trip_ms * 3 + trip) / 4;
        self.pause_ms = lease.pause_ms;
        self.ahead_ms = lease.ahead_ms;
        // Twice what is needed until the next answer, since more may come than came.
        let needed = self.demand(now_ms) * self.seconds_to_next();
        self.plenty = if lease.ahead_ms > 0 { needed * 2.0 } else { f64::INFINITY };
        self.next_ask_ms = now_ms.max(asked_ms + lease.pause_ms);
        (self.contended, self.full) = (lease.contended, lease.full);
        self.crowd.keep_to(lease.share.into(), &lease.shares);
        self.retries = (self.retries + lease.retries).min(10);
        self.retries_wanted = 0;
        self.closed = lease.closed.iter().map(|(target, ms)| (*target, now_ms + ms)).collect();
        self.allowed = lease.allowed;
        self.allowed_until_ms = asked_ms + ALLOWED_MS;
        self.scarce = lease.scarce;
        for (turns, line) in self.turns.iter_mut().zip(&lease.line) {
            *turns = line.iter().map(|ms| now_ms + u64::from(*ms)).collect();
        }
        self.again.heard(lease.per_second.into(), lease.contended);
        let slots = lease.slots.iter().map(|slot| (slot, false)).chain(lease.large.iter().map(|slot| (slot, true)));
        for (slot, large) in slots {
            let ahead = (slot.tick * TICK_MS).saturating_sub(lease.now_ms);
            let behind = lease.now_ms.saturating_sub(slot.tick * TICK_MS);
            let until_ms = (asked_ms + ahead + LIFE_MS).saturating_sub(behind);
            // An answer that took as long as a permit lives is of no use.
            if until_ms <= now_ms + ahead + TICK_MS {
                self.give_up(*slot);
                continue;
            }
            self.permits += if large { 0 } else { slot.permits as usize };
            self.slots.push_back(Held { from_ms: now_ms + ahead, until_ms, slot: *slot, large });
        }
        crate::order::sort_by_key(self.slots.make_contiguous(), |h| h.from_ms);
        self.expire(now_ms);
        // What is held here is not spent yet.
        let held = self.slots.iter().take_while(|h| h.from_ms <= now_ms);
        let (permits, tokens) =
            held.fold((0, 0), |(p, t), h| (p + u64::from(h.slot.permits), t + u64::from(h.slot.tokens)));
        let told = lease.standing;
        self.standing = Some(Standing {
            remaining: (told.remaining + permits).min(told.limit),
            tokens: ((told.tokens.0 + tokens).min(self.limits.tokens.into()), told.tokens.1),
            ..told
        });
        for (full, (at, free)) in self.full_until_ms.iter_mut().zip(self.free_at_ms.iter_mut().zip(lease.free_ms)) {
            *at = now_ms + free;
            // Until a permit is free, or until others may have left, there is no use in asking.
            let least = if lease.scarce { LINE_FULL_MS } else { 20 };
            *full = if free > 0 { now_ms + free.min(lease.pause_ms.max(least)) } else { 0 };
        }
        self.large_free_at_ms = now_ms + lease.large_free_ms;
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
                // Where nothing was lacking another went ahead of it meanwhile, and it asks again.
                let free_ms =
                    if waiter.large { Some(&lease.large_free_ms) } else { lease.free_ms.get(waiter.kind as usize) };
                let lacking = free_ms.is_some_and(|free| *free > 0);
                waiter.heard = if lacking { Heard::Answered } else { Heard::No };
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
