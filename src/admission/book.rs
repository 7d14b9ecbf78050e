//! The book of a limit: what was granted for the last minute and what is promised for the next, tick by tick.
//!
//! GCRA (ITU-T I.371) gives each permit the time at which it exists, but with a burst of `limit` it lets almost twice the limit
//! through in one window, and with a small burst it refuses a quiet shop's first batch. A count for each tick is exact for
//! every window, and knows the free times that lie between promised ones.
//!
//! The limits are of all calls together; the pace that one target is learned to bear is of the permits for its calls alone.

use std::collections::VecDeque;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::order::Sorted;

/// A minute, in milliseconds.
pub const MINUTE_MS: u64 = 60_000;
/// How long a permit may be spent after its time, in milliseconds.
pub const LIFE_MS: u64 = 1_000;
/// The grain of time, in milliseconds.
pub const TICK_MS: u64 = 25;
/// Ticks that must not hold more than the limit. A permit is spent within its life, so that a minute at the upstream sees the
/// permits of a minute and a life: an open interval of 61 s, which holds at most so many ticks.
const WINDOW: u64 = (MINUTE_MS + LIFE_MS) / TICK_MS;
/// The farthest that a permit may be promised ahead, in milliseconds. It is less than a window, so that all windows over a
/// promised tick end at or after it and a suffix of them tells its room.
pub const FARTHEST_MS: u64 = MINUTE_MS;
/// Ticks that are kept in one row.
pub const ROW: u64 = 1_000 / TICK_MS;
/// Ticks for which a pace looks back.
const LOOKS_BACK: u64 = 2 * ROW;

/// Permits of one tick, with the tokens reserved for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u32, u32)", into = "(u64, u32, u32)")]
pub struct Slot {
    /// The tick from which they may be spent.
    pub tick: u64,
    /// How many.
    pub permits: u32,
    /// Tokens reserved, all permits together.
    pub tokens: u32,
}

impl From<(u64, u32, u32)> for Slot {
    fn from((tick, permits, tokens): (u64, u32, u32)) -> Self {
        Self { tick, permits, tokens }
    }
}

impl From<Slot> for (u64, u32, u32) {
    fn from(s: Slot) -> Self {
        (s.tick, s.permits, s.tokens)
    }
}

/// What may be booked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Requests in any minute; 0 is none.
    pub permits: u32,
    /// Tokens in any minute; 0 is none.
    pub tokens: u32,
    /// Permits a tick; infinite where a minute may be spent at once.
    pub pace: f64,
    /// The target whose calls they are for.
    pub target: u64,
    /// Permits a tick that this target bears; infinite while nothing speaks against more.
    pub bears: f64,
}

impl Rules {
    /// Permits a tick that all paces come to.
    pub fn least_pace(&self) -> f64 {
        self.pace.min(self.bears)
    }
}

/// Permits that are wished for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wish {
    /// The first tick that will do.
    pub from: u64,
    /// The last.
    pub to: u64,
    /// How many.
    pub permits: u32,
    /// Tokens for each.
    pub tokens: u32,
    /// Ticks over which they are spread; 0 is as early as can be.
    pub over: u64,
    /// The part of the pace that this wish may fill, up to 1.
    pub share: f64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cell {
    permits: u32,
    tokens: u32,
}

/// Ticks in a row.
#[derive(Debug, Clone, Default)]
struct Cells {
    /// The tick of the first cell.
    first: u64,
    cells: VecDeque<Cell>,
}

impl Cells {
    fn get(&self, tick: u64) -> Cell {
        let at = tick.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| self.cells.get(at)).copied().unwrap_or_default()
    }

    fn get_mut(&mut self, tick: u64) -> Option<&mut Cell> {
        self.cells.get_mut(usize::try_from(tick.checked_sub(self.first)?).ok()?)
    }

    /// Adds to a tick that is not forgotten; whether it is not.
    fn add(&mut self, tick: u64, more: Cell) -> bool {
        let Some(at) = tick.checked_sub(self.first).and_then(|at| usize::try_from(at).ok()) else { return false };
        if self.cells.len() <= at {
            self.cells.resize(at + 1, Cell::default());
        }
        if let Some(cell) = self.cells.get_mut(at) {
            cell.permits = cell.permits.saturating_add(more.permits);
            cell.tokens = cell.tokens.saturating_add(more.tokens);
        }
        true
    }

    /// Forgets what lies before a tick.
    fn begin_at(&mut self, tick: u64) {
        while self.first < tick && self.cells.pop_front().is_some() {
            self.first += 1;
        }
        self.first = self.first.max(tick);
    }

    /// What may be added to a tick so that no second around it holds more than its pace; nor a second and a tick, since calls a second
    /// apart come to the host a little nearer or farther.
    fn second_room(&self, tick: u64, pace: f64) -> u64 {
        if pace.is_infinite() {
            return u64::MAX;
        }
        let mut near = [0; 2 * ROW as usize + 1];
        for (ahead, permits) in (0..).zip(&mut near) {
            *permits = u64::from(self.get((tick + ahead).wrapping_sub(ROW)).permits);
        }
        let room = |ticks: u64| {
            let (ticks, pace) = (ticks as usize, (pace * ticks as f64).ceil() as u64);
            // The windows that the tick, which lies in the middle, is in.
            let around = near.iter().skip(ROW as usize + 1 - ticks);
            let mut held: u64 = around.clone().take(ticks).sum();
            let mut most = held;
            for (new, old) in around.clone().skip(ticks).zip(around).take(ticks - 1) {
                held = held + new - old;
                most = most.max(held);
            }
            pace.saturating_sub(most)
        };
        room(ROW).min(room(ROW + 1))
    }

    /// What a pace, or a share of it, leaves in a tick.
    fn room(&self, tick: u64, pace: f64, share: f64) -> u64 {
        let room = capacity(tick, pace, share).saturating_sub(self.get(tick).permits.into());
        // The parts of two paces may add up to more than either, where a pace has changed since others were promised.
        if room == 0 { 0 } else { room.min(self.second_room(tick, pace)) }
    }
}

/// What was granted and promised.
#[derive(Debug, Clone, Default)]
pub struct Book {
    all: Cells,
    /// Of it, the permits for each target's calls, for as long as a pace looks back.
    of: Sorted<u64, Cells>,
    now: u64,
    /// The window that ends now.
    permits: u32,
    tokens: u64,
    /// Windows that end at each tick from now on, each the largest of itself and all after it.
    windows: Vec<(u32, u64)>,
}

impl Book {
    /// A book from rows that were kept, in any order.
    pub fn restore<'a>(rows: impl IntoIterator<Item = (u64, &'a str)>) -> Self {
        let mut rows: Vec<(u64, Vec<Cell>)> = rows.into_iter().map(|(row, text)| (row, read_row(text))).collect();
        crate::order::sort_by_key(&mut rows, |r| r.0);
        let mut book = Self::default();
        book.all.first = rows.first().map_or(0, |r| r.0 * ROW);
        book.now = book.all.first;
        for (row, cells) in rows {
            for (at, cell) in (row * ROW..).zip(cells) {
                book.add(at, cell);
            }
        }
        book
    }

    /// The row of a tick, as it must be kept: its number and its text.
    pub fn row(&self, tick: u64) -> (u64, String) {
        let row = tick / ROW;
        let mut text = String::with_capacity(6 * ROW as usize);
        for at in row * ROW..(row + 1) * ROW {
            match self.all.get(at) {
                Cell { permits: 0, tokens: 0 } => text.push('-'),
                // Writing to a text cannot fail.
                Cell { permits, tokens } => drop(write!(text, "{permits}:{tokens}")),
            }
            text.push(' ');
        }
        (row, text)
    }

    /// The first row that still counts.
    pub fn horizon(now_ms: u64) -> u64 {
        (now_ms / TICK_MS).saturating_sub(WINDOW) / ROW
    }

    /// The tick of now. A clock that went back does not move the book.
    pub fn advance(&mut self, now_ms: u64) -> u64 {
        let now = now_ms / TICK_MS;
        if now >= self.all.first + self.all.cells.len() as u64 + WINDOW {
            self.all.cells.clear();
            (self.all.first, self.permits, self.tokens) = (now.max(self.now), 0, 0);
            self.now = self.all.first;
        }
        while self.now < now {
            self.now += 1;
            let (new, old) = (self.all.get(self.now), self.all.get(self.now.wrapping_sub(WINDOW)));
            self.permits = (self.permits + new.permits).saturating_sub(old.permits);
            self.tokens = (self.tokens + u64::from(new.tokens)).saturating_sub(old.tokens.into());
        }
        self.all.begin_at(self.now.saturating_sub(WINDOW));
        let from = self.now.saturating_sub(LOOKS_BACK);
        self.of.values_mut().for_each(|cells| cells.begin_at(from));
        self.of.retain(|_, cells| !cells.cells.is_empty());
        self.now
    }

    fn counts(&self, tick: u64) -> bool {
        tick <= self.now && tick + WINDOW > self.now
    }

    fn add(&mut self, tick: u64, more: Cell) {
        if more == Cell::default() {
            return;
        }
        if self.all.add(tick, more) && self.counts(tick) {
            self.permits = self.permits.saturating_add(more.permits);
            self.tokens += u64::from(more.tokens);
        }
    }

    /// Takes back what was granted for a target's calls and surely not spent.
    pub fn give_back(&mut self, target: u64, slot: Slot) {
        let Some(cell) = self.all.get_mut(slot.tick) else { return };
        let less = Cell { permits: slot.permits.min(cell.permits), tokens: slot.tokens.min(cell.tokens) };
        cell.permits -= less.permits;
        cell.tokens -= less.tokens;
        if self.counts(slot.tick) {
            self.permits = self.permits.saturating_sub(less.permits);
            self.tokens = self.tokens.saturating_sub(less.tokens.into());
        }
        if let Some(cell) = self.of.get_mut(&target).and_then(|cells| cells.get_mut(slot.tick)) {
            cell.permits = cell.permits.saturating_sub(less.permits);
        }
    }

    /// Counts tokens that were used beyond what was reserved, whatever room there is.
    pub fn charge(&mut self, tokens: u32) {
        self.add(self.now, Cell { permits: 0, tokens });
    }

    /// Reads the windows from now to the last cell, and makes each the largest of all from it on.
    fn read_windows(&mut self) {
        let last = self.all.first + self.all.cells.len() as u64;
        let (mut permits, mut tokens) = (self.permits, self.tokens);
        self.windows.clear();
        self.windows.push((permits, tokens));
        for at in self.now + 1..last {
            let (new, old) = (self.all.get(at), self.all.get(at.wrapping_sub(WINDOW)));
            permits = (permits + new.permits).saturating_sub(old.permits);
            tokens = (tokens + u64::from(new.tokens)).saturating_sub(old.tokens.into());
            self.windows.push((permits, tokens));
        }
        let mut most = (0, 0);
        for window in self.windows.iter_mut().rev() {
            most = (most.0.max(window.0), most.1.max(window.1));
            *window = most;
        }
    }

    /// Books as many of the wished permits as there is room for, earliest first.
    pub fn book(&mut self, rules: &Rules, wish: &Wish) -> Vec<Slot> {
        let mut slots = Vec::new();
        let from = wish.from.max(self.now);
        let to = wish.to.min(self.now + FARTHEST_MS / TICK_MS);
        if wish.permits == 0 || from > to {
            return slots;
        }
        self.read_windows();
        let (mut left, mut permits, mut tokens) = (wish.permits, 0u32, 0u64);
        let (mut at, mut beyond) = (from, *self.windows.last().unwrap_or(&(0, 0)));
        let end = self.now + self.windows.len() as u64;
        for gap in end..from {
            let old = self.all.get(gap.wrapping_sub(WINDOW));
            beyond = (beyond.0.saturating_sub(old.permits), beyond.1.saturating_sub(old.tokens.into()));
        }
        while left > 0 && at <= to {
            // Past the last cell windows only lose what leaves them.
            let window = self.windows.get((at - self.now) as usize).copied().unwrap_or_else(|| {
                let old = self.all.get(at.wrapping_sub(WINDOW));
                beyond = (beyond.0.saturating_sub(old.permits), beyond.1.saturating_sub(old.tokens.into()));
                beyond
            });
            // Every window over this tick holds what this wish has booked before it.
            let room = |limit: u64, held: u64| if limit == 0 { u64::MAX } else { limit.saturating_sub(held) };
            let by_permits = room(rules.permits.into(), u64::from(window.0) + u64::from(permits));
            let by_tokens = room(rules.tokens.into(), window.1 + tokens) / u64::from(wish.tokens.max(1));
            let by_pace = self.pace_room(rules, at, wish.share);
            // A spread wish fills a tick up to what is due by then.
            let due = match wish.over {
                0 => left,
                over => {
                    let due = (u64::from(wish.permits) * (at - from + 1)).div_ceil(over);
                    u32::try_from(due).unwrap_or(u32::MAX).saturating_sub(wish.permits - left).min(left)
                }
            };
            let n = u64::from(due).min(by_permits).min(by_tokens).min(by_pace) as u32;
            if n > 0 {
                let slot = Slot { tick: at, permits: n, tokens: n.saturating_mul(wish.tokens) };
                self.add(at, Cell { permits: n, tokens: slot.tokens });
                let of = self.of.get_or_default(rules.target);
                of.begin_at(self.now.saturating_sub(LOOKS_BACK));
                of.add(at, Cell { permits: n, tokens: 0 });
                permits += n;
                tokens += u64::from(slot.tokens);
                left -= n;
                slots.push(slot);
            }
            at += 1;
        }
        slots
    }

    /// What all paces together leave in a tick.
    fn pace_room(&self, rules: &Rules, tick: u64, share: f64) -> u64 {
        if rules.bears >= rules.pace {
            return self.all.room(tick, rules.pace, share);
        }
        let room = match self.of.get(&rules.target) {
            Some(cells) => cells.room(tick, rules.bears, share),
            None => capacity(tick, rules.bears, share),
        };
        // Two paces that are kept tick by tick would rarely meet; the wider one is kept by the second.
        if room == 0 { 0 } else { room.min(self.all.second_room(tick, rules.pace)) }
    }

    /// Milliseconds until a permit is free that lies at or past `from`.
    pub fn free_in_ms(&mut self, rules: &Rules, from: u64, tokens: u32, share: f64) -> u64 {
        self.read_windows();
        let mut beyond = *self.windows.last().unwrap_or(&(0, 0));
        let room = |limit: u32, held: u64, n: u64| limit == 0 || held + n <= u64::from(limit);
        for at in self.now..self.now + 2 * WINDOW {
            let window = self.windows.get((at - self.now) as usize).copied().unwrap_or_else(|| {
                let old = self.all.get(at.wrapping_sub(WINDOW));
                beyond = (beyond.0.saturating_sub(old.permits), beyond.1.saturating_sub(old.tokens.into()));
                beyond
            });
            if at >= from
                && room(rules.permits, window.0.into(), 1)
                && room(rules.tokens, window.1, tokens.into())
                && self.pace_room(rules, at, share) > 0
            {
                return (at - self.now) * TICK_MS;
            }
        }
        2 * MINUTE_MS
    }

    /// Permits of `limit` that are neither spent nor promised in the window that ends now, and milliseconds until the first of
    /// them comes back.
    pub fn standing(&self, limit: u32) -> (u64, u64) {
        self.left(limit, self.permits.into(), |cell| cell.permits)
    }

    /// The same of tokens.
    pub fn standing_of_tokens(&self, limit: u32) -> (u64, u64) {
        self.left(limit, self.tokens, |cell| cell.tokens)
    }

    fn left(&self, limit: u32, spent: u64, of: fn(&Cell) -> u32) -> (u64, u64) {
        let oldest = self.all.cells.iter().position(|cell| of(cell) > 0).map(|at| self.all.first + at as u64);
        let reset =
            oldest.filter(|at| *at <= self.now).map_or(0, |at| (at + WINDOW).saturating_sub(self.now) * TICK_MS);
        (u64::from(limit).saturating_sub(spent), reset)
    }
}

/// Permits that a pace gives to one tick, or a share of them: the difference of whole numbers, so that no fraction is lost or given
/// twice. A share takes some of the pace's own permits, so that both together come as evenly as the pace alone.
fn capacity(tick: u64, pace: f64, share: f64) -> u64 {
    if pace.is_infinite() {
        return u64::MAX;
    }
    let upto = |tick: u64| ((tick as f64 * pace).floor() * share) as u64;
    upto(tick + 1) - upto(tick)
}

fn read_row(text: &str) -> Vec<Cell> {
    let cell = |word: &str| {
        let (permits, tokens) = word.split_once(':')?;
        Some(Cell { permits: permits.parse().ok()?, tokens: tokens.parse().ok()? })
    };
    text.split(' ').map(|word| cell(word).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wish(permits: u32, to: u64) -> Wish {
        Wish { from: 0, to, permits, tokens: 0, over: 0, share: 1.0 }
    }

    fn at_once(limit: u32) -> Rules {
        Rules { permits: limit, tokens: 0, pace: f64::INFINITY, target: 0, bears: f64::INFINITY }
    }

    fn count(slots: &[Slot]) -> u32 {
        slots.iter().map(|s| s.permits).sum()
    }

    #[test]
    fn a_quiet_shop_may_spend_its_whole_minute_at_once_and_not_one_more() {
        let mut book = Book::default();
        let now = book.advance(1_000_000);
        assert_eq!(count(&book.book(&at_once(60), &wish(100, now))), 60);
        let now = book.advance(1_030_000);
        assert_eq!(count(&book.book(&at_once(60), &wish(1, now))), 0);
        let (remaining, reset) = book.standing(60);
        assert_eq!((remaining, reset), (0, 31_000));
        assert_eq!(book.free_in_ms(&at_once(60), now, 0, 1.0), 31_000);
        let now = book.advance(1_061_000);
        assert_eq!(count(&book.book(&at_once(60), &wish(100, now))), 60);
    }

    #[test]
    fn a_pace_spreads_permits_over_the_time_ahead() {
        let mut book = Book::default();
        let now = book.advance(1_000_000);
        let rules = Rules { pace: 48.0 * TICK_MS as f64 / 1000.0, ..at_once(3_000) };
        let slots = book.book(&rules, &wish(96, u64::MAX));
        assert_eq!(count(&slots), 96);
        let last = slots.last().unwrap().tick - now;
        assert!((78..=82).contains(&last), "{last}");
        assert_eq!(count(&book.book(&rules, &wish(1, now + 70))), 0);
    }

    #[test]
    fn tokens_bound_what_permits_alone_would_allow_and_what_is_given_back_is_free_again() {
        let mut book = Book::default();
        let now = book.advance(1_000_000);
        let rules = Rules { tokens: 1_000, ..at_once(0) };
        let many = Wish { tokens: 300, ..wish(10, now) };
        let slots = book.book(&rules, &many);
        assert_eq!(count(&slots), 3);
        book.give_back(0, Slot { tick: slots[0].tick, permits: 0, tokens: 250 });
        assert_eq!(count(&book.book(&rules, &many)), 1);
        book.charge(500);
        book.give_back(0, Slot { tick: slots[0].tick, permits: 0, tokens: 300 });
        assert_eq!(count(&book.book(&rules, &many)), 0);
    }

    #[test]
    fn an_eviction_forgets_nothing() {
        let mut book = Book::default();
        let mut rows = std::collections::BTreeMap::new();
        for i in 0..50 {
            let now = book.advance(1_000_000 + i * 130);
            let far = Wish { from: now + i * 7, tokens: 3, ..wish(1, u64::MAX) };
            for slot in book.book(&at_once(60), &far) {
                let (row, text) = book.row(slot.tick);
                rows.insert(row, text);
            }
        }
        let mut back = Book::restore(rows.iter().map(|(row, text)| (*row, text.as_str())));
        for at in [1_010_000, 1_030_000, 1_062_000, 1_070_000] {
            book.advance(at);
            back.advance(at);
            assert_eq!(book.standing(60), back.standing(60), "{at}");
        }
    }

    #[test]
    fn an_old_row_does_not_make_a_restored_book_forget_a_new_one() {
        let mut book = Book::default();
        let mut rows = Vec::new();
        for at in [1_000_000, 1_600_000] {
            let now = book.advance(at);
            book.book(&at_once(60), &wish(60, now));
            rows.push(book.row(now));
        }
        let mut back = Book::restore(rows.iter().map(|(row, text)| (*row, text.as_str())));
        back.advance(1_600_500);
        assert_eq!(back.standing(60).0, 0);
    }

    proptest! {
        #[test]
        fn no_minute_ever_holds_more_than_the_limit(
            steps in prop::collection::vec((0u64..4000, 1u32..40, 0u64..2_000, 0u64..400, any::<bool>()), 1..200), limit in 1u32..50
        ) {
            let (mut book, mut now_ms, mut granted) = (Book::default(), 1_000_000, Vec::new());
            let rules = Rules { tokens: limit * 10, ..at_once(limit) };
            for (gap, permits, from, length, spread) in steps {
                now_ms += gap;
                let now = book.advance(now_ms);
                let wish = Wish { from: now + from, to: now + from + length, permits, tokens: 13, over: if spread { length } else { 0 }, share: 1.0 };
                let slots = book.book(&rules, &wish);
                granted.extend(slots.iter().copied());
                // A part comes back, as from a holder that did not need it.
                if let Some(slot) = slots.first().filter(|_| gap % 3 == 0) {
                    book.give_back(0, Slot { permits: 1, tokens: 13, ..*slot });
                    granted.iter_mut().rev().find(|s| s.tick == slot.tick).unwrap().permits -= 1;
                }
            }
            for start in &granted {
                // A minute that begins in the life of this permit, as early as can be.
                let (begin, end) = (start.tick * TICK_MS, start.tick * TICK_MS + MINUTE_MS);
                let held: u32 = granted.iter().filter(|s| s.tick * TICK_MS + LIFE_MS > begin && s.tick * TICK_MS < end).map(|s| s.permits).sum();
                prop_assert!(held <= limit && held * 13 <= limit * 10);
            }
        }
    }
}
