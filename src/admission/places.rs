//! Places in flight: which holder may have how many calls running, and who waits for a place, first come first served.
//!
//! A holder is counted with the most that it may keep to, whichever answers reached it. While places are scarce each goes to
//! the first of those who wait, worldwide; the line's length over the pace at which calls end tells everyone's time.

use std::collections::VecDeque;

use super::message::{Ask, KINDS, Kind};
use crate::order::Sorted;

/// How long a holder may start calls on what it was allowed, in milliseconds.
pub const ALLOWED_MS: u64 = 15_000;
/// The part of the places in use from which on each is given back at once.
const SCARCE: f64 = 0.7;
/// And for so long after, in milliseconds: who was told otherwise a moment before would keep what its next call leaves.
const SCARCE_MS: u64 = 10_000;
/// Of the line's length: what first questions may fill; the rest is kept for conversations that run.
const NEW_SHARE: f64 = 0.7;
/// Batches join a line that is shorter than this, in milliseconds.
const BATCH_MS: f64 = 500.0;
/// Those who stand so near their turn may take a place before others who have not come for it yet, in milliseconds.
const NEAR_MS: f64 = 250.0;
/// One who was passed so long ago is passed no more, in milliseconds.
const PASSED_MS: u64 = 1_000;
/// From the end of a call until its place is used again, with the ways to the object and back, in milliseconds.
pub const HANDED_MS: f64 = 150.0;
/// Of the even pace at which calls end, what is counted on where they take longer than was known.
const OVERDUE: f64 = 0.7;
/// The pace at which places are handed on is seen over so long, and not told before so long, in milliseconds.
const FLOW_MS: f64 = 10_000.0;
const FLOW_LEAST_MS: f64 = 4_000.0;
/// How far ahead shoppers stand in line before that pace has been seen, in milliseconds and in calls, whichever is more, and how many
/// times as far as for how long it has been: what is told further ahead would be a guess.
const UNSEEN_MS: f64 = 3_000.0;
const UNSEEN_CALLS: f64 = 3.0;
const SEEN: f64 = 2.0;
/// A holder that waits and is not heard of for so long past its time has gone, in milliseconds.
const GONE_MS: u64 = 3_000;

/// One who waits for places, at one point of the line.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    holder: u64,
    kind: Kind,
    count: u32,
    /// It comes for its place by then.
    until_ms: u64,
    /// When somebody behind it first took a place.
    passed_ms: Option<u64>,
}

/// Those who stand before one: first those who may be passed no more.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    firm: u32,
    others: u32,
}

impl Before {
    fn all(self) -> u32 {
        self.firm + self.others
    }

    /// What is left of so many free places.
    fn leaves(self, free: u32, near: u32) -> u32 {
        free.saturating_sub(self.firm + self.others.saturating_sub(near))
    }
}

/// What is known of one holder's calls.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    target: u64,
    allowed: u32,
    running: u32,
    until_ms: u64,
    /// What was kept durably, and until when.
    kept: (u32, u64),
    /// Whether it is among those that have less than was kept.
    shrunk: bool,
    /// The places of its last answer.
    last: [u32; KINDS],
    /// What it keeps to if that answer is lost.
    own: u32,
}

/// What there is for a holder that asks.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Calls that may be in flight, worldwide.
    pub limit: u32,
    /// How long a call takes, in milliseconds.
    pub took_ms: f64,
    /// The holder's part of a fair share.
    pub part: f64,
    /// How far ahead shoppers may stand in line, in milliseconds.
    pub reach_ms: u64,
    /// Whether others than those who stand in line are looked at.
    pub fresh: bool,
}

/// What a holder is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placed {
    /// Calls in flight that it may have.
    pub allowed: u32,
    /// Callers of each kind that have a place now and need a permit.
    pub now: [u32; KINDS],
    /// Of those that it may have, the ones for callers who are expected.
    pub ahead: u32,
    /// Callers that wait in line, by kind, with the milliseconds until the turn of each.
    pub line: [Vec<u32>; KINDS],
    /// Whether places are given back at once.
    pub scarce: bool,
    /// Whether somebody of a kind got no place and none in line.
    pub short: [bool; KINDS],
    /// When it comes again for its places, in milliseconds; none where it does not wait in line.
    pub again_ms: Option<u64>,
    /// How long somebody who came now would wait, in milliseconds.
    pub free_ms: u64,
    /// A number of calls in flight and until when it counts, where that must be durable.
    pub durable: Option<(u32, u64)>,
}

/// All places of one budget.
#[derive(Debug, Clone, Default)]
pub struct Places {
    held: Sorted<u64, Held>,
    allowed: u32,
    /// Holders that may have less than was kept.
    shrunk: Vec<u64>,
    line: VecDeque<Waiting>,
    /// When places were last given, the oldest first, with how many: about as many as there are.
    given: VecDeque<(u64, u32)>,
    given_places: u32,
    /// Places given while somebody waited, and for how long that was, both fading.
    flow: (f64, f64),
    flowed_ms: u64,
    scarce_until_ms: u64,
    swept_ms: u64,
}

impl Places {
    /// Places from what was kept: holders with what each may have in flight until when.
    pub fn restore(kept: impl IntoIterator<Item = (u64, u32, u64)>) -> Self {
        let mut places = Self::default();
        for (holder, allowed, until_ms) in kept {
            places.allowed = places.allowed.saturating_add(allowed);
            places.held.insert(holder, Held { allowed, until_ms, kept: (allowed, until_ms), ..Held::default() });
        }
        places
    }

    /// Calls to a target in flight, as last heard.
    pub fn running(&self, target: u64) -> u32 {
        self.held.values().filter(|h| h.target == target).map(|h| h.running).sum()
    }

    fn give(&mut self, now_ms: u64, places: u32, limit: u32) {
        let since_ms = if self.flowed_ms == 0 { now_ms } else { self.flowed_ms };
        let passed = now_ms.saturating_sub(since_ms) as f64;
        let fade = (-passed / FLOW_MS).exp();
        self.flow = (self.flow.0 * fade, self.flow.1 * fade);
        if !self.line.is_empty() {
            self.flow = (self.flow.0 + f64::from(places), self.flow.1 + passed);
        }
        self.flowed_ms = now_ms;
        if places > 0 {
            self.given.push_back((now_ms, places));
            self.given_places += places;
        }
        while let Some((_, oldest)) = self.given.front().copied().filter(|g| self.given_places - g.1 >= limit) {
            self.given.pop_front();
            self.given_places -= oldest;
        }
    }

    fn sweep(&mut self, now_ms: u64) {
        if now_ms < self.swept_ms + 250 {
            return;
        }
        self.swept_ms = now_ms;
        self.held.retain(|_, h| now_ms < h.until_ms);
        self.allowed = self.held.values().map(|h| h.allowed).sum();
        self.line.retain(|w| now_ms < w.until_ms);
    }

    /// Takes in what a holder tells of its calls; `unheard` where it did not use the last answer.
    pub fn hear(&mut self, now_ms: u64, ask: &Ask, unheard: bool) {
        self.sweep(now_ms);
        let held = self.held.get_or_default(ask.holder);
        // One without a limit in flight keeps to none, so that only what runs counts.
        let allowed = if ask.allowed == u32::MAX { 0 } else { ask.allowed };
        let (allowed, running) = (allowed.max(ask.running), ask.running);
        self.allowed = (self.allowed + allowed).saturating_sub(held.allowed);
        (held.target, held.allowed, held.running) = (ask.target, allowed, running);
        held.until_ms = now_ms + ALLOWED_MS + u64::from(ask.limits.longest_ms);
        if allowed < held.kept.0 && !std::mem::replace(&mut held.shrunk, true) {
            self.shrunk.push(ask.holder);
        }
        // Those whose turn it was stay first.
        let again = std::mem::take(&mut held.last).map(|n| if unheard { n } else { 0 });
        for (kind, count) in Kind::ALL.into_iter().zip(again).filter(|a| a.1 > 0) {
            self.line.push_front(Waiting {
                holder: ask.holder,
                kind,
                count,
                until_ms: now_ms + GONE_MS,
                passed_ms: Some(0),
            });
        }
    }

    /// Gives places, or places in line.
    pub fn place(&mut self, now_ms: u64, ask: &Ask, there: &Room) -> Placed {
        let Room { limit, took_ms, part, reach_ms, fresh } = *there;
        let mut placed = Placed::default();
        let own = self.held.get(&ask.holder).map_or(0, |h| h.allowed);
        let others = self.allowed.saturating_sub(own);
        let mut room = limit.saturating_sub(others);
        // Calls that run and permits that are held have theirs, as far as they were allowed.
        let used = ask.could_run.max(ask.running).min(room);
        room -= used;
        placed.allowed = used;
        // How long a place is in use for one call, its way to the next one included.
        let (given, for_ms) = self.flow;
        let took_ms = if for_ms < FLOW_LEAST_MS {
            took_ms + HANDED_MS
        } else {
            (f64::from(limit) * for_ms / given.max(1.0)).clamp(took_ms * 0.8, took_ms * 3.0 + HANDED_MS)
        };
        let per_ms = f64::from(limit) / took_ms;
        let seen_ms = UNSEEN_MS.max(UNSEEN_CALLS * took_ms) + SEEN * for_ms;
        let mut turns = Turns::new(now_ms, took_ms, limit, &self.given, self.given_places);
        let near = (per_ms * NEAR_MS).ceil() as u32;
        let in_use = f64::from(others + used) >= f64::from(limit) * SCARCE;

        // The line in order: who is before this holder keeps what is free, but for those who are near.
        let mut wanted = ask.wants.map(|w| w.waiting);
        let (mut before, mut first) = (Before::default(), None);
        let (mut free, mut at, mut passed) = (room, 0, 0);
        for waiting in &mut self.line {
            at += 1;
            if waiting.holder != ask.holder {
                let firm = waiting.passed_ms.is_some_and(|passed| now_ms > passed + PASSED_MS);
                *(if firm { &mut before.firm } else { &mut before.others }) += waiting.count;
                continue;
            }
            let (Some(wanted), Some(now), Some(line)) = (
                wanted.get_mut(waiting.kind as usize),
                placed.now.get_mut(waiting.kind as usize),
                placed.line.get_mut(waiting.kind as usize),
            ) else {
                continue;
            };
            waiting.count = waiting.count.min(*wanted);
            *wanted -= waiting.count;
            let taken = waiting.count.min(free.min(before.leaves(room, near)));
            free -= taken;
            *now += taken;
            waiting.count -= taken;
            passed = if taken > 0 { at } else { passed };
            for _ in 0..waiting.count {
                first.get_or_insert(before.all());
                line.push(turns.at(before.all().saturating_sub(free)));
                before.others += 1;
            }
        }
        let before_all = before.all();
        let wanted = wanted.map(|n| if fresh { n } else { 0 });
        for ((kind, wanted), want) in Kind::ALL.into_iter().zip(wanted).zip(&ask.wants) {
            let (Some(now), Some(line)) = (placed.now.get_mut(kind as usize), placed.line.get_mut(kind as usize))
            else {
                continue;
            };
            let taken = wanted.min(free.min(before.leaves(room, near)));
            free -= taken;
            *now += taken;
            passed = if taken > 0 { at } else { passed };
            let patience = f64::from(want.patience_ms).min(reach_ms as f64).min(seen_ms);
            let longest = match kind {
                Kind::Running => patience,
                Kind::New => patience * NEW_SHARE,
                Kind::Batch => patience.min(BATCH_MS),
            };
            let whole = (longest * per_ms) as u32;
            let fair = ((f64::from(whole) * part * 1.2).ceil() as u32).max(1);
            let mine = self.line.iter().filter(|w| w.holder == ask.holder).map(|w| w.count).sum::<u32>();
            let room_in_line = whole.saturating_sub(before.all()).min(fair.saturating_sub(mine));
            let count = (wanted - taken).min(room_in_line);
            if let Some(short) = placed.short.get_mut(kind as usize) {
                *short = count + taken < wanted;
            }
            if count > 0 {
                for n in 0..count {
                    first.get_or_insert(before.all() + n);
                    line.push(turns.at((before.all() + n).saturating_sub(free)));
                }
                before.others += count;
                self.line.push_back(Waiting { holder: ask.holder, kind, count, until_ms: 0, passed_ms: None });
            }
        }
        for waiting in self.line.iter_mut().take(passed).filter(|w| w.holder != ask.holder) {
            waiting.passed_ms.get_or_insert(now_ms);
        }
        self.line.retain(|w| w.count > 0);
        let taken: u32 = placed.now.iter().sum();
        self.give(now_ms, taken, limit);
        placed.allowed += taken;
        if in_use || !self.line.is_empty() {
            self.scarce_until_ms = now_ms + SCARCE_MS;
        }
        placed.scarce = now_ms < self.scarce_until_ms;
        if !placed.scarce {
            // For those who are expected.
            let ahead: u32 = ask.wants.iter().map(|w| w.ahead).sum();
            placed.ahead = ahead.min(free);
            placed.allowed += placed.ahead;
        }
        placed.free_ms = (f64::from(before_all.saturating_sub(free)) / per_ms) as u64;
        placed.again_ms = first.map(|first| (f64::from(first.saturating_sub(near + free)) / per_ms * 0.8) as u64);
        if let Some(again_ms) = placed.again_ms {
            let until_ms = now_ms + again_ms + GONE_MS;
            self.line.iter_mut().filter(|w| w.holder == ask.holder).for_each(|w| w.until_ms = until_ms);
        }
        if let Some(held) = self.held.get_mut(&ask.holder) {
            // What was told before may still be kept to, if this answer is lost.
            held.own = own.max(ask.running);
            let most = held.own.max(placed.allowed);
            self.allowed = (self.allowed + most).saturating_sub(held.allowed);
            held.allowed = most;
            held.last = placed.now;
            if most > held.kept.0 || (most > 0 && held.kept.1 < held.until_ms) {
                held.kept = (most, held.until_ms + ALLOWED_MS / 2);
                placed.durable = Some(held.kept);
            }
        }
        placed
    }

    /// Holders that have less than was kept, with what they have and until when it counts. It need not be durable, but if it is not,
    /// these places are nobody's for a while once the object is made anew.
    pub fn take_shrunk(&mut self) -> Vec<(u64, u32, u64)> {
        let shrunk = std::mem::take(&mut self.shrunk).into_iter();
        let less = shrunk.filter_map(|holder| {
            let it = self.held.get_mut(&holder)?;
            it.shrunk = false;
            let less = it.allowed < it.kept.0;
            it.kept.0 = it.kept.0.min(it.allowed);
            less.then_some((holder, it.allowed, it.kept.1))
        });
        less.collect()
    }

    /// Takes back places that were given and for which there was no permit.
    pub fn take_back(&mut self, holder: u64, places: u32) {
        if let Some(held) = self.held.get_mut(&holder) {
            let less = places.min(held.allowed.saturating_sub(held.own));
            held.allowed -= less;
            self.allowed = self.allowed.saturating_sub(less);
        }
    }
}

/// The times at which places become free, told from when they were given: after the time that a call takes, in that order.
struct Turns {
    now_ms: u64,
    took_ms: f64,
    limit: u32,
    given: std::iter::Peekable<std::vec::IntoIter<(u64, u32)>>,
    passed: u32,
}

impl Turns {
    fn new(now_ms: u64, took_ms: f64, limit: u32, given: &VecDeque<(u64, u32)>, places: u32) -> Self {
        // Places that were not given lately have no time; those that were are the last to become free.
        let given: Vec<(u64, u32)> = given.iter().copied().collect();
        Self {
            now_ms,
            took_ms,
            limit: limit.max(1),
            given: given.into_iter().peekable(),
            passed: limit.saturating_sub(places),
        }
    }

    /// Milliseconds until the turn of the one that so many stand before; called with growing numbers.
    fn at(&mut self, before: u32) -> u32 {
        let (rounds, at) = (before / self.limit, before % self.limit);
        let evenly = f64::from(before + 1) * self.took_ms / f64::from(self.limit);
        if rounds > 0 {
            return evenly as u32;
        }
        while let Some((_, n)) = self.given.peek().copied().filter(|g| self.passed + g.1 <= at) {
            self.passed += n;
            self.given.next();
        }
        let due = self.given.peek().map_or(0.0, |g| g.0 as f64 + self.took_ms - self.now_ms as f64);
        // Calls that are overdue end at some time.
        due.max(evenly * OVERDUE) as u32
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "what goes wrong in a test must stop it")]
mod tests {
    use std::collections::BTreeMap;

    use super::super::book::Book;
    use super::super::holder::{Caller, Ended, Holder, Permit, Step};
    use super::super::lessor::Lessor;
    use super::super::message::{Limits, Want};
    use super::*;

    const LIMITS: Limits = Limits { permits: 3_000, tokens: 0, in_flight: 4, paced: true, longest_ms: 60_000 };

    /// What a lessor made durable: each holder's calls and until when they count.
    #[derive(Default)]
    struct Kept(BTreeMap<u64, (u32, u64)>);

    impl Kept {
        /// The next ask and its answer, and when that was.
        fn ask(&mut self, lessor: &mut Lessor, holder: &mut Holder, now_ms: u64) -> u64 {
            let due = (now_ms..now_ms + 20_000).find_map(|at| holder.ask(at, 15_000).map(|ask| (at, ask)));
            let (now_ms, ask) = due.unwrap();
            let (lease, durable) = lessor.grant(now_ms, &ask);
            self.0.extend(durable.in_flight.into_iter().map(|(holder, calls, until)| (holder, (calls, until))));
            holder.receive(holder.ask_number(), now_ms, &lease);
            now_ms
        }
    }

    /// A holder whose one caller has begun a call.
    fn begun(lessor: &mut Lessor, kept: &mut Kept, id: u64, now_ms: u64) -> (Holder, Permit) {
        let mut holder = Holder::new(id, LIMITS);
        let caller = Caller { kind: Kind::Running, party: id, tokens: 0, patience_ms: 15_000 };
        let waiter = holder.arrive(now_ms, caller);
        kept.ask(lessor, &mut holder, now_ms);
        let permit = (now_ms..now_ms + 500).find_map(|at| match holder.look(at, waiter) {
            Step::Go(permit) => Some(permit),
            _ => None,
        });
        (holder, permit.unwrap())
    }

    /// A call of each holder in turn, one after the other has ended.
    fn calls(lessor: &mut Lessor, kept: &mut Kept, holders: std::ops::Range<u64>, mut now_ms: u64) -> u64 {
        for id in holders {
            let (mut holder, permit) = begun(lessor, kept, id, now_ms);
            holder.ended(permit, &Ended { took_ms: 200, first_byte_ms: 50, ..Ended::default() });
            now_ms = kept.ask(lessor, &mut holder, now_ms + 500);
        }
        now_ms
    }

    #[test]
    fn places_given_back_are_free_at_once_for_an_object_made_anew() {
        let (mut lessor, mut kept) = (Lessor::new(1_000_000), Kept::default());
        // More holders had a place, one after the other, than there are places.
        let now_ms = calls(&mut lessor, &mut kept, 1..21, 1_000_000);
        let held: u32 = kept.0.values().map(|(calls, _)| calls).sum();
        assert!(held <= 1, "{:?}", kept.0);
        let in_flight = kept.0.iter().map(|(holder, (calls, until))| (*holder, *calls, *until));
        let mut anew = Lessor::restore(Book::default(), in_flight, now_ms);
        calls(&mut anew, &mut kept, 30..31, now_ms);
    }

    #[test]
    fn no_place_is_kept_for_one_who_is_expected_and_can_have_no_permit() {
        let limits = Limits { permits: 6, in_flight: 40, ..LIMITS };
        let (mut lessor, now_ms) = (Lessor::new(1_000_000), 1_000_000);
        let lease = |lessor: &mut Lessor, id, waiting, ahead| {
            let mut holder = Holder::new(id, limits);
            holder.arrive(now_ms, Caller { kind: Kind::Running, party: id, tokens: 0, patience_ms: 15_000 });
            let mut ask = holder.ask(now_ms, 15_000).unwrap();
            ask.wants = [Want { waiting, ahead, tokens: 0, patience_ms: 15_000 }, Want::default(), Want::default()];
            lessor.grant(now_ms, &ask).0
        };
        assert_eq!(lease(&mut lessor, 1, 2, 2).allowed, 4);
        assert_eq!(lease(&mut lessor, 2, 2, 20).allowed, 2);
        assert_eq!(lease(&mut lessor, 3, 0, 20).allowed, 0);
    }

    #[test]
    fn a_place_comes_back_at_once_while_places_were_scarce_a_moment_ago() {
        let (mut lessor, mut kept, mut now_ms) = (Lessor::new(1_000_000), Kept::default(), 1_000_000);
        let ended = Ended { took_ms: 900, first_byte_ms: 50, ..Ended::default() };
        for (mut holder, permit) in [1, 2, 3, 4].map(|id| begun(&mut lessor, &mut kept, id, now_ms)) {
            holder.ended(permit, &ended);
            now_ms = kept.ask(&mut lessor, &mut holder, now_ms + 1_000);
        }
        let told_after = |lessor: &mut Lessor, kept: &mut Kept, id, now_ms| {
            let (mut holder, permit) = begun(lessor, kept, id, now_ms);
            holder.ended(permit, &ended);
            kept.ask(lessor, &mut holder, now_ms + 1_000) - (now_ms + 1_000)
        };
        assert!(told_after(&mut lessor, &mut kept, 5, now_ms + 1_000) <= 300);
        assert!(told_after(&mut lessor, &mut kept, 6, now_ms + 20_000) > 3_000);
    }

    #[test]
    fn a_busy_object_holds_back_what_cannot_wait_only_where_calls_are_many() {
        let tell_ms = |limits| {
            let mut lessor = Lessor::new(1_000_000);
            let asks = (0..900).map(|n| {
                let (id, now_ms) = (n % 300, 1_000_000 + n * 3);
                let mut holder = Holder::new(id, limits);
                holder.arrive(now_ms, Caller { kind: Kind::Running, party: id, tokens: 0, patience_ms: 15_000 });
                let ask = Ask { number: n, ..holder.ask(now_ms, 15_000).unwrap() };
                lessor.grant(now_ms, &ask).0.tell_ms
            });
            asks.last().unwrap()
        };
        let few = Limits { permits: 2_400, in_flight: 150, ..LIMITS };
        assert_eq!(tell_ms(few), 50);
        assert!(tell_ms(Limits { permits: 480_000, in_flight: 20_000, ..LIMITS }) > 500);
        assert!(tell_ms(Limits { in_flight: 0, ..few }) > 500);
    }

    #[test]
    fn one_whose_permit_went_to_somebody_more_urgent_is_asked_for_again() {
        let (mut lessor, mut kept, mut holder) = (Lessor::new(1_000_000), Kept::default(), Holder::new(7, LIMITS));
        let arrive = |holder: &mut Holder, kind, party| {
            holder.arrive(1_000_000, Caller { kind, party, tokens: 0, patience_ms: 15_000 })
        };
        let first = arrive(&mut holder, Kind::New, 1);
        let ask = holder.ask(1_000_000, 15_000).unwrap();
        let urgent = arrive(&mut holder, Kind::Running, 2);
        let (lease, _) = lessor.grant(1_000_000, &ask);
        holder.receive(holder.ask_number(), 1_000_050, &lease);
        assert!(matches!(holder.look(1_000_050, urgent), Step::Go(_)));
        assert!(matches!(holder.look(1_000_050, first), Step::Wait { .. }));
        let now_ms = kept.ask(&mut lessor, &mut holder, 1_000_050);
        assert!((now_ms..now_ms + 500).any(|at| matches!(holder.look(at, first), Step::Go(_))));
    }

    #[test]
    fn one_whose_ask_was_lost_waits_on_where_places_are_scarce_and_nobody_lacks_one() {
        let (mut lessor, mut kept) = (Lessor::new(1_000_000), Kept::default());
        let others = [1, 2, 3].map(|id| begun(&mut lessor, &mut kept, id, 1_000_000));
        let (mut holder, permit) = begun(&mut lessor, &mut kept, 4, 1_000_000);
        holder.ended(permit, &Ended { took_ms: 900, first_byte_ms: 50, ..Ended::default() });
        let mut now_ms = 1_001_000;
        for (mut other, permit) in others {
            other.ended(permit, &Ended { took_ms: 900, first_byte_ms: 50, ..Ended::default() });
            now_ms = kept.ask(&mut lessor, &mut other, now_ms);
        }
        let now_ms = kept.ask(&mut lessor, &mut holder, now_ms);
        let caller = Caller { kind: Kind::Running, party: 9, tokens: 0, patience_ms: 15_000 };
        let waiter = holder.arrive(now_ms + 1, caller);
        let asked_ms = (now_ms..now_ms + 500).find(|at| holder.ask(*at, 15_000).is_some()).unwrap();
        assert!((asked_ms..asked_ms + 1_150).all(|at| matches!(holder.look(at, waiter), Step::Wait { .. })));
        holder.unreachable(holder.ask_number(), asked_ms + 1_150);
        let now_ms = kept.ask(&mut lessor, &mut holder, asked_ms + 1_150);
        assert!((now_ms..now_ms + 500).any(|at| matches!(holder.look(at, waiter), Step::Go(_))));
    }

    #[test]
    fn where_calls_take_long_the_next_few_stand_in_line_though_the_pace_has_not_been_seen() {
        let limits = Limits { in_flight: 1, ..LIMITS };
        let (mut lessor, mut kept, mut now_ms) = (Lessor::new(1_000_000), Kept::default(), 1_000_000);
        let mut holder = Holder::new(7, limits);
        let caller = Caller { kind: Kind::New, party: 0, tokens: 0, patience_ms: 20_000 };
        for _ in 0..3 {
            let waiter = holder.arrive(now_ms, caller);
            now_ms = kept.ask(&mut lessor, &mut holder, now_ms);
            let going = (now_ms..now_ms + 500).find_map(|at| match holder.look(at, waiter) {
                Step::Go(permit) => Some((at, permit)),
                _ => None,
            });
            let (at, permit) = going.unwrap();
            holder.ended(permit, &Ended { took_ms: 2_500, first_byte_ms: 50, ..Ended::default() });
            now_ms = kept.ask(&mut lessor, &mut holder, at + 2_500) + 1_000;
        }
        let waiting = [(); 3].map(|()| holder.arrive(now_ms, caller));
        now_ms = kept.ask(&mut lessor, &mut holder, now_ms);
        let steps = waiting.map(|id| holder.look(now_ms + 1, id));
        let told = steps.iter().filter(|s| matches!(s, Step::Go(_) | Step::Wait { eta_ms: Some(_), .. })).count();
        assert!(told >= 2, "{steps:?}");
    }

    #[test]
    fn what_a_holder_may_have_is_durable_before_it_is_told() {
        let (mut lessor, mut kept) = (Lessor::new(1_000_000), Kept::default());
        let mut holder = Holder::new(7, LIMITS);
        let caller = Caller { kind: Kind::Running, party: 1, tokens: 0, patience_ms: 15_000 };
        let [first, second] = [(); 2].map(|()| holder.arrive(1_000_000, caller));
        kept.ask(&mut lessor, &mut holder, 1_000_000);
        let going =
            [first, second].map(|id| (1_000_000..1_000_500).any(|at| matches!(holder.look(at, id), Step::Go(_))));
        assert_eq!((going, kept.0.get(&7).map(|k| k.0)), ([true; 2], Some(2)));
    }

    #[test]
    fn a_host_that_refuses_makes_the_pace_slower_and_no_place_fewer() {
        let limits = Limits { in_flight: 40, ..LIMITS };
        let (mut lessor, mut holder, mut now_ms) = (Lessor::new(1_000_000), Holder::new(7, limits), 1_000_000);
        let caller = Caller { kind: Kind::Running, party: 1, tokens: 0, patience_ms: 15_000 };
        let mut lease = None;
        for _ in 0..3 {
            let waiting: Vec<u64> = (0..30).map(|_| holder.arrive(now_ms, caller)).collect();
            let mut running = Vec::new();
            for at in now_ms..now_ms + 2_000 {
                if let Some(ask) = holder.ask(at, 15_000) {
                    let (granted, _) = lessor.grant(at, &ask);
                    holder.receive(holder.ask_number(), at, &granted);
                    lease = Some(granted);
                }
                running.extend(waiting.iter().filter_map(|id| match holder.look(at, *id) {
                    Step::Go(permit) => Some(permit),
                    _ => None,
                }));
            }
            for (n, permit) in running.into_iter().enumerate() {
                let took_ms = if n % 3 == 0 { 0 } else { 900 };
                holder
                    .ended(permit, &Ended { refused: n % 3 == 0, took_ms, first_byte_ms: took_ms, ..Ended::default() });
            }
            now_ms += 2_000;
        }
        let lease = lease.unwrap();
        assert!(lease.full && lease.per_second < 40.0, "{lease:?}");
        assert!(lease.allowed >= 25, "{lease:?}");
    }
}
