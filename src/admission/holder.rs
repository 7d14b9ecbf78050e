//! The side that spends: one isolate's permits of one budget, and the line of those who wait for them.
//!
//! A permit at hand is spent with no round trip. Its times came on the object's clock; they are kept on this isolate's, its
//! first moment counted from when the answer came and its last from when the ask went, so that no clocks need agree.

mod again;
mod asking;
mod coming;
mod needs;
mod spacing;

use std::collections::VecDeque;

use super::book::{LIFE_MS, Slot, TICK_MS};
use super::crowd::Crowd;
use super::line::{Heard, Line, Waiter};
use super::message::{KINDS, Kind, Limits, Report, Settled};
use super::{Refusal, Standing};
use crate::config::Target;
use crate::upstream::ratelimit::Stated;
use again::Again;
pub use coming::Announced;
use coming::Coming;
use needs::Needs;
use spacing::Spacing;

/// After an ask that failed the next one waits, in milliseconds.
const UNREACHABLE_MS: u64 = 1_000;
/// What was seen is told after so long even with no wish, in milliseconds; refusals sooner.
const TELL_MS: u64 = 5_000;
const TELL_SOON_MS: u64 = 300;
/// In a rush a batch that got nothing asks again after so long, in milliseconds, and then after twice as long.
const BATCH_AGAIN_MS: u64 = 2_000;
/// The longest that a shopper waits to hear whether there is a place, where others are turned away, in milliseconds.
const DARK_MS: u64 = 250;
/// And where the object's answer is late.
const DARK_LATEST_MS: u64 = 800;
/// Headers of replies are read so often, in milliseconds.
const LOOK_MS: u64 = 250;
/// A permit that nobody has come for is anybody's so long before its end, in milliseconds.
const LAST_MS: u64 = 150;
/// So many who wait are a rush, whatever the object says later.
const RUSH: usize = 8;
/// Returns kept for the next ask.
const MOST_UNSPENT: usize = 500;

/// One who wants a permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// How urgent it is.
    pub kind: Kind,
    /// A visitor's or a key's number; 0 where that is not known.
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
        /// Whether it has a permit, whose time is not yet.
        placed: bool,
    },
    /// There is no place within its patience.
    Refused(Refusal),
}

/// How a call ended.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
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
    /// What the host said of its limits.
    pub stated: Option<Stated>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    from_ms: u64,
    until_ms: u64,
    slot: Slot,
    /// Whether it is for one who needs far more tokens than is usual.
    large: bool,
}

/// One isolate's side of one budget, for the calls to one target: what a host bears is learned of each by itself.
#[derive(Debug, Clone)]
pub struct Holder {
    id: u64,
    target: u64,
    limits: Limits,
    slots: VecDeque<Held>,
    permits: usize,
    spacing: Spacing,
    line: Line,
    next_id: u64,
    coming: Coming,
    crowd: Crowd,
    beyond: u32,
    needs: Needs,
    asking: Option<(u64, u64)>,
    asks: u64,
    failures: u32,
    asked_ms: u64,
    next_ask_ms: u64,
    pause_ms: u64,
    ahead_ms: u64,
    /// With more permits than this no ask is due for callers to come.
    plenty: f64,
    trip_ms: u64,
    contended: bool,
    full: bool,
    full_until_ms: [u64; KINDS],
    free_at_ms: [u64; KINDS],
    large_free_at_ms: u64,
    again: Again,
    batch_again_ms: u64,
    batch_wait_ms: u64,
    settled: Settled,
    /// Told in asks that were not answered.
    unsure: Vec<Settled>,
    heard: u64,
    tell_ms: u64,
    allowed: u32,
    allowed_until_ms: u64,
    scarce: bool,
    /// For each kind, the turns of those who wait for a place in flight.
    turns: [Vec<u64>; KINDS],
    running: u32,
    took_ms: f64,
    report: Report,
    retries: u32,
    retries_wanted: u32,
    closed: Vec<(u64, u64)>,
    look_ms: u64,
    teller_until_ms: u64,
    standing: Option<Standing>,
}

impl Holder {
    /// A holder that has nothing yet; `id` is a number of chance.
    pub fn new(id: u64, limits: Limits) -> Self {
        Self {
            id,
            target: 0,
            limits,
            slots: VecDeque::new(),
            permits: 0,
            spacing: Spacing::default(),
            line: Line::default(),
            next_id: 0,
            coming: Coming::default(),
            crowd: Crowd::default(),
            beyond: 0,
            needs: Needs::default(),
            asking: None,
            asks: 0,
            failures: 0,
            asked_ms: 0,
            next_ask_ms: 0,
            pause_ms: 20,
            ahead_ms: 0,
            plenty: f64::INFINITY,
            trip_ms: 50,
            contended: false,
            full: false,
            full_until_ms: [0; KINDS],
            free_at_ms: [0; KINDS],
            large_free_at_ms: 0,
            again: Again::default(),
            batch_again_ms: 0,
            batch_wait_ms: BATCH_AGAIN_MS,
            settled: Settled::default(),
            unsure: Vec::new(),
            heard: 0,
            tell_ms: TELL_SOON_MS,
            allowed: if limits.in_flight > 0 { 0 } else { u32::MAX },
            allowed_until_ms: 0,
            scarce: false,
            turns: Default::default(),
            running: 0,
            took_ms: 1_000.0,
            report: Report::default(),
            retries: 2,
            retries_wanted: 0,
            closed: Vec::new(),
            look_ms: 0,
            teller_until_ms: 0,
            standing: None,
        }
    }

    /// The same for the calls to the target of this number.
    pub fn of(self, target: u64) -> Self {
        Self { target, ..self }
    }

    /// Whether the target bears no more at this moment, while the limits would allow it.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// When it asked last, in milliseconds.
    pub fn asked_ms(&self) -> u64 {
        self.asked_ms
    }

    /// How the budget stood when last heard of, less what was spent here since and what those in line will spend.
    pub fn standing(&self) -> Option<Standing> {
        let waiting = self.line.len() as u64;
        let tokens = self.line.iter().map(|w| u64::from(w.tokens)).sum();
        let less = |s: Standing| Standing {
            remaining: s.remaining.saturating_sub(waiting),
            tokens: (s.tokens.0.saturating_sub(tokens), s.tokens.1),
            ..s
        };
        self.standing.map(less)
    }

    /// Whether somebody waits or a call runs, or there is news that others must hear.
    pub fn is_used(&self) -> bool {
        self.running > 0 || !self.line.is_empty() || self.asking.is_some() || self.report.is_news()
    }

    /// Whether more is asked than there is, as far as is known here: of the limit, or for the moment.
    pub fn is_rushed(&self) -> bool {
        self.contended || self.line.len() > RUSH
    }

    /// Until when a target is passed over, as the world knows, in milliseconds.
    pub fn closed_until_ms(&self, target: u64) -> u64 {
        self.closed.iter().find(|c| c.0 == target).map_or(0, |c| c.1)
    }

    /// A call to a target ended well here, whatever the world knows.
    pub fn opens(&mut self, target: u64) {
        self.closed.retain(|c| c.0 != target);
    }

    /// Whether a target is passed over at this moment, as the world knows.
    pub fn closes(&self, target: &Target, now_ms: u64) -> bool {
        // Mostly none is, and its number need not be found.
        !self.closed.is_empty() && now_ms < self.closed_until_ms(target.number())
    }

    /// Whether a reply's headers should be read for what the host says of its limits: not each time, since that has its cost.
    pub fn looks(&mut self, now_ms: u64) -> bool {
        let due = now_ms >= self.look_ms;
        if due {
            self.look_ms = now_ms + LOOK_MS;
        }
        due
    }

    fn give_up(&mut self, slot: Slot) {
        if slot.permits == 0 && slot.tokens == 0 {
            return;
        }
        let unspent = &mut self.settled.unspent;
        let room = unspent.len() < MOST_UNSPENT;
        match unspent.last_mut() {
            Some(last) if last.tick == slot.tick => {
                last.permits += slot.permits;
                last.tokens += slot.tokens;
            }
            _ if room => unspent.push(slot),
            // What is not given back was spent: a loss, never a permit too many.
            _ => {}
        }
    }

    fn expire(&mut self, now_ms: u64) {
        while let Some(held) = self.slots.front().copied().filter(|h| h.until_ms <= now_ms) {
            self.slots.pop_front();
            self.permits -= if held.large { 0 } else { held.slot.permits as usize };
            self.give_up(held.slot);
        }
    }

    fn find(slots: &VecDeque<Held>, mut place: usize) -> Option<(usize, u64)> {
        for (at, held) in slots.iter().enumerate().filter(|(_, held)| !held.large) {
            let n = held.slot.permits as usize;
            if place < n {
                return Some((at, held.from_ms));
            }
            place -= n;
        }
        None
    }

    /// The permit of a place, or a later one where that holds too few tokens for it.
    fn fitting(&self, waiter: &Waiter, found: (usize, u64)) -> (usize, u64) {
        let fits = |held: &Held| !held.large && held.slot.tokens >= waiter.tokens;
        let later = self.slots.iter().enumerate().skip(found.0).find(|(_, held)| fits(held));
        later.map_or(found, |(at, held)| (at, held.from_ms))
    }

    /// The permit of one who waits, and its time.
    fn found(&self, place: usize) -> Option<(usize, u64)> {
        let waiter = self.line.get(place)?;
        if waiter.large {
            let fits = |held: &Held| held.large && held.slot.tokens >= waiter.tokens;
            return self.slots.iter().enumerate().find(|(_, h)| fits(h)).map(|(at, h)| (at, h.from_ms));
        }
        Self::find(&self.slots, self.line.before(place)).map(|found| self.fitting(waiter, found))
    }

    /// A permit at hand, where nobody waits; whoever gets none here [arrives](Self::arrive).
    pub fn pass(&mut self, now_ms: u64, caller: Caller) -> Option<Permit> {
        self.expire(now_ms);
        let free = self.line.is_empty() && !self.contended && !self.blocked(now_ms);
        let fits = |held: &&Held| held.from_ms <= now_ms && held.slot.tokens >= caller.tokens;
        self.slots.front().filter(|_| free).filter(fits)?;
        self.count(now_ms, caller);
        self.spend(0, caller.tokens)
    }

    /// What a fan-out told of its calls to come is now something else.
    pub fn announce(&mut self, old: Announced, new: Announced) {
        self.coming.announce(old, new);
    }

    /// Counts one who has come; whether it is beyond its party's share.
    fn count(&mut self, now_ms: u64, caller: Caller) -> bool {
        if self.running as usize + self.line.len() > 0 {
            self.again.together(now_ms);
        }
        let beyond = self.crowd.arrive(now_ms, caller.party, self.is_rushed());
        if beyond {
            // It is no demand that others' permits should be held for.
            self.beyond += u32::from(caller.kind != Kind::Batch);
        } else {
            self.coming.came(now_ms, caller.kind);
            self.needs.came(caller.kind, caller.tokens, self.limits.tokens);
        }
        beyond
    }

    /// Lets a caller in; [`Self::look`] then tells it what to do.
    pub fn arrive(&mut self, now_ms: u64, caller: Caller) -> u64 {
        self.expire(now_ms);
        let id = self.next_id;
        self.next_id += 1;
        let beyond = self.count(now_ms, caller);
        let waiter = Waiter {
            id,
            kind: caller.kind,
            party: caller.party,
            beyond,
            tokens: caller.tokens,
            large: self.needs.is_large(caller.kind, caller.tokens),
            came_ms: now_ms,
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
        // While demand is above the limit, permits at hand are for those who are expected and have a share left; another has what
        // would be lost.
        let kept = |at: &(usize, u64)| self.slots.get(at.0).is_some_and(|h| h.until_ms > now_ms + LAST_MS);
        let beyond = self.contended && self.line.get(place).is_some_and(|w| w.beyond);
        let found = self.found(place).filter(|at| !beyond || !kept(at)).map(|(at, _)| (at, self.due_ms(at)));
        let held_tokens = found.and_then(|(at, _)| self.slots.get(at)).map_or(0, |h| h.slot.tokens);
        let standing = self.standing;
        let (pause_ms, asking) = (self.next_ask_ms.saturating_sub(now_ms), self.asking.is_some());
        let blocked = self.blocked(now_ms);
        let batch_again = self.batch_again_ms.saturating_sub(now_ms);
        let turn = if found.is_none() { self.turn(place) } else { None };
        let Some(waiter) = self.line.get_mut(place) else { return refused(1, None) };
        let kind = waiter.kind as usize;
        let patient = now_ms < waiter.until_ms;
        waiter.misfit = found.is_some() && held_tokens < waiter.tokens;
        if let Some((at, from_ms)) = found.filter(|_| !waiter.misfit) {
            if from_ms <= now_ms && !blocked {
                return self.take(now_ms, place, at);
            }
            // A place must lie within the patience; one that nobody waits long for may be a tick ahead.
            if from_ms <= waiter.until_ms + LIFE_MS && (patient || !blocked) {
                // A batch is told nothing, so that shoppers may still go ahead of it.
                if waiter.kind != Kind::Batch {
                    waiter.told_ms.get_or_insert(from_ms.max(now_ms));
                }
                let eta_ms = from_ms.saturating_sub(now_ms);
                // Others may leave and nearer permits come, so that the place comes sooner; the first have it soonest.
                let soon_ms = (25 + 10 * place as u64).min(500);
                return Step::Wait { ms: eta_ms.clamp(5, soon_ms), eta_ms: Some(eta_ms), ahead: place, placed: true };
            }
        }
        // One that is overdue has its place as soon as one is free.
        if let Some(turn_ms) = turn.map(|t| t.max(now_ms)).filter(|t| *t <= waiter.until_ms + LIFE_MS) {
            if waiter.kind != Kind::Batch {
                waiter.told_ms.get_or_insert(turn_ms);
            }
            let eta_ms = turn_ms - now_ms;
            let ms = if asking { 10 } else { pause_ms.clamp(5, 500) };
            return Step::Wait { ms, eta_ms: Some(eta_ms), ahead: place, placed: false };
        }
        let waiter = *waiter;
        let free_at = match waiter.large {
            true => self.large_free_at_ms,
            false => self.free_at_ms.get(kind).copied().unwrap_or(0),
        };
        let full = self.full_until_ms.get(kind).is_some_and(|until| now_ms < *until) && (!asking || self.scarce);
        // In a rush nobody is kept in the dark until the next ask where nothing was to be had, nor by an answer that is late.
        let rush = self.contended;
        let dark = || self.unheard_ms().map_or(pause_ms, |at| at.saturating_sub(now_ms).min(pause_ms)) > DARK_MS;
        let full = full || (rush && free_at > now_ms && !asking && dark());
        let late = rush && now_ms >= waiter.came_ms + DARK_LATEST_MS;
        let gone = match waiter.heard {
            Heard::Failed => true,
            _ if now_ms > waiter.until_ms + LIFE_MS => true,
            // A batch has time: its turn comes when the rush is over.
            _ if waiter.kind == Kind::Batch && patient => false,
            Heard::Answered => true,
            Heard::No => full || late,
            Heard::Asked => late,
        };
        if gone {
            let (failed, batch) = (waiter.heard == Heard::Failed, waiter.kind == Kind::Batch);
            self.line.remove(place);
            if failed {
                return refused(UNREACHABLE_MS, None);
            }
            // What is kept for later and a batch come again after waits of their own.
            let again_ms =
                if batch { free_at.saturating_sub(now_ms) } else { self.again.in_ms(now_ms, free_at, waiter.party) };
            return refused(again_ms, standing);
        }
        let ms = match waiter.kind {
            Kind::Batch if !asking => pause_ms.max(batch_again).clamp(5, 1_000),
            _ if asking => 10,
            _ => pause_ms.clamp(5, 250),
        };
        Step::Wait { ms, eta_ms: None, ahead: place, placed: false }
    }

    /// The turn of one who waits for a place in flight.
    fn turn(&self, place: usize) -> Option<u64> {
        if self.turns.iter().all(Vec::is_empty) {
            return None;
        }
        let kind = self.line.iter().nth(place)?.kind;
        let before = self.line.iter().take(place).skip(self.permits).filter(|w| w.kind == kind).count();
        self.turns.get(kind as usize)?.get(before).copied()
    }

    /// When a call with this permit may begin.
    fn due_ms(&self, at: usize) -> u64 {
        let Some(held) = self.slots.get(at) else { return u64::MAX };
        if !self.contended {
            return held.from_ms;
        }
        // In any case while it lives.
        let last_ms = held.until_ms.saturating_sub(TICK_MS).max(held.from_ms);
        self.spacing.due_ms(held.slot.tick, held.from_ms).min(last_ms)
    }

    fn take(&mut self, now_ms: u64, place: usize, at: usize) -> Step {
        let waiter = self.line.get(place).filter(|w| w.came_ms < now_ms);
        if let Some((waiter, held)) = waiter.zip(self.slots.get(at)) {
            // Who was told of no time was not late for it.
            let due_ms = if waiter.told_ms.is_some() { self.due_ms(at) } else { now_ms };
            self.spacing.begins(held.slot.tick, due_ms, now_ms);
        }
        let spent = self.line.remove(place).and_then(|waiter| self.spend(at, waiter.tokens));
        spent.map_or(Step::Wait { ms: 5, eta_ms: None, ahead: 0, placed: false }, Step::Go)
    }

    /// Spends a permit for a call of so many tokens.
    fn spend(&mut self, at: usize, needs: u32) -> Option<Permit> {
        let held = self.slots.get_mut(at)?;
        let tick = held.slot.tick;
        // Tokens are reserved for each permit alike; a longer call takes several permits' and gives the permits back.
        let each = held.slot.tokens / held.slot.permits.max(1);
        let taken = if each == 0 { 1 } else { needs.div_ceil(each).clamp(1, held.slot.permits) };
        let tokens = each * taken;
        held.slot.permits -= taken;
        held.slot.tokens -= tokens;
        let (rest, large) = (held.slot, held.large);
        if rest.permits == 0 {
            self.slots.remove(at);
        }
        self.permits -= if large { 0 } else { taken as usize };
        let need = needs.min(tokens);
        let left = if rest.permits == 0 { rest.tokens } else { 0 };
        self.give_up(Slot { tick, permits: taken - 1, tokens: tokens - need + left });
        self.count_running(1);
        if let Some(standing) = &mut self.standing {
            standing.remaining = standing.remaining.saturating_sub(1);
            standing.tokens.0 = standing.tokens.0.saturating_sub(need.into());
        }
        Some(Permit { slot: Slot { tick, permits: 1, tokens: need } })
    }

    /// A call begins with a permit of this part, or with one that another part of the budget has given it (1); or it gives one (-1).
    pub fn count_running(&mut self, calls: i32) {
        self.running = self.running.saturating_add_signed(calls);
        self.report.firsts = self.report.firsts.saturating_add_signed(calls);
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
        self.report.failed_ms = self.report.failed_ms.max(if ended.failed { ended.took_ms } else { 0 });
        self.report.stated = Stated::least(self.report.stated, ended.stated);
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
            if let Some(standing) = &mut self.standing {
                standing.tokens.0 = (standing.tokens.0 + u64::from(reserved)).saturating_sub(used.into());
            }
            self.settled.over = self.settled.over.saturating_add(used.saturating_sub(reserved));
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

    fn blocked(&self, now_ms: u64) -> bool {
        self.running >= self.allowed || (self.allowed != u32::MAX && now_ms >= self.allowed_until_ms)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "what goes wrong in a test must stop it")]
mod tests {
    use super::super::lessor::Lessor;
    use super::super::message::Lease;
    use super::*;

    /// A holder that heard, a tenth of a second before the time given, that others wait and when the next permit is free.
    fn rushed(now_ms: u64, free_ms: u64) -> Holder {
        let limits = Limits { permits: 600, tokens: 0, in_flight: 0, paced: true, longest_ms: 60_000 };
        let mut holder = Holder::new(1, limits);
        holder.arrive(now_ms - 100, caller());
        let ask = holder.ask(now_ms - 100, 15_000).unwrap();
        let (lease, _) = Lessor::new(now_ms - 95).grant(now_ms - 95, &ask);
        let left: Vec<u64> = holder.waiting().collect();
        left.into_iter().for_each(|id| holder.leave(id));
        let lease = Lease { slots: Vec::new(), contended: true, pause_ms: 2_000, free_ms: [free_ms; KINDS], ..lease };
        holder.receive(holder.ask_number(), now_ms - 90, &lease);
        holder
    }

    fn caller() -> Caller {
        Caller { kind: Kind::New, party: 7, tokens: 0, patience_ms: 15_000 }
    }

    #[test]
    fn in_a_rush_one_is_turned_away_at_once_where_nothing_was_to_be_had_and_else_the_object_is_asked_first() {
        let now_ms = 1_000_000;
        let mut holder = rushed(now_ms, 4_000);
        let id = holder.arrive(now_ms, caller());
        assert!(matches!(holder.look(now_ms, id), Step::Refused(refusal) if refusal.retry_after_ms > 2_000));
        let mut holder = rushed(now_ms, 0);
        let id = holder.arrive(now_ms, caller());
        let Step::Wait { eta_ms: None, placed: false, .. } = holder.look(now_ms, id) else {
            panic!("a permit may be free, and nobody has asked")
        };
        let asked_ms = (now_ms..).find(|at| holder.ask(*at, 15_000).is_some()).unwrap();
        assert!(asked_ms <= now_ms + 500, "{asked_ms}");
    }

    #[test]
    fn what_those_in_line_will_spend_is_not_told_as_remaining() {
        let (now_ms, mut lessor) = (1_000_000, Lessor::new(1_000_000));
        let limits = Limits { permits: 3, tokens: 0, in_flight: 0, paced: false, longest_ms: 60_000 };
        let mut holder = Holder::new(1, limits);
        let [first, _, last] = [(); 3].map(|()| holder.arrive(now_ms, caller()));
        let ask = holder.ask(now_ms, 15_000).unwrap();
        holder.receive(holder.ask_number(), now_ms, &lessor.grant(now_ms, &ask).0);
        assert_eq!(holder.standing().map(|s| s.remaining), Some(0));
        holder.leave(last);
        assert_eq!(holder.standing().map(|s| s.remaining), Some(1));
        assert!(matches!(holder.look(now_ms, first), Step::Go(_)));
        assert_eq!(holder.standing().map(|s| s.remaining), Some(1));
    }
}
