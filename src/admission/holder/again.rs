//! When those who are turned away are told to come again: not all at the first free permit, but each at the next one.

use super::super::book::MINUTE_MS;

/// The part of the permits that is counted on for those who come again; new callers take the rest.
const FOR_AGAIN: f64 = 0.9;
/// No longer after the first free permit is anybody told to come again, in milliseconds: most never do.
const LATEST_MS: f64 = 180_000.0;

/// What those who were turned away have been told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Again {
    /// Permits a second that come free for them.
    per_second: f64,
    /// When the last of them is to come, in milliseconds, and whose it was.
    last_ms: f64,
    last: u64,
    /// Until when callers are taken to be many: two were here at once, or others were told a time.
    many_until_ms: f64,
}

impl Again {
    /// So many permits a second come free for those who come again; in no rush, what they were told is forgotten.
    pub fn heard(&mut self, per_second: f64, rush: bool) {
        self.per_second = per_second;
        if !rush {
            self.last_ms = 0.0;
        }
    }

    /// Two callers are here at once.
    pub fn together(&mut self, now_ms: u64) {
        self.many_until_ms = self.many_until_ms.max((now_ms + MINUTE_MS) as f64);
    }

    /// In how many milliseconds a caller of this party is to come, where a permit is free at `free_at_ms`.
    ///
    /// Nothing tells one caller that asks again and again from as many who share its key, but that it is never here twice at once. Where
    /// all were so for a minute, each asks in the place of the one before, and is told the first free permit; others who come so seldom
    /// do each other little harm.
    pub fn in_ms(&mut self, now_ms: u64, free_at_ms: u64, party: u64) -> u64 {
        let (now, free_ms) = (now_ms as f64, free_at_ms.max(now_ms) as f64);
        let another = party == 0 || (party != self.last && self.last_ms > now);
        let mut again_ms = free_ms;
        if another || now < self.many_until_ms {
            let next_ms = self.last_ms + 1_000.0 / (self.per_second * FOR_AGAIN).max(0.001);
            again_ms = next_ms.clamp(free_ms, free_ms + LATEST_MS);
            self.many_until_ms = self.many_until_ms.max(again_ms);
        }
        (self.last_ms, self.last) = (again_ms, party);
        (again_ms - now) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_is_told_the_first_free_permit_each_time_and_many_are_told_one_after_the_other() {
        let mut again = Again::default();
        again.heard(1.0, true);
        let told: Vec<u64> = (0..3).map(|_| again.in_ms(1_000, 3_000, 7)).collect();
        assert_eq!(told, [2_000; 3]);
        again.together(1_000);
        let told: Vec<u64> = (0..3).map(|_| again.in_ms(1_000, 3_000, 7)).collect();
        assert_eq!(told, [3_111, 4_222, 5_333]);
        // Another party's caller, who is here while the last is still to come, makes them many too.
        let mut again = Again::default();
        again.heard(1.0, true);
        assert_eq!((again.in_ms(1_000, 3_000, 7), again.in_ms(1_000, 3_000, 8)), (2_000, 3_111));
    }

    #[test]
    fn nobody_is_told_to_come_long_after_a_permit_is_free() {
        let mut again = Again::default();
        again.heard(0.0, true);
        again.together(0);
        assert_eq!((0..9).map(|_| again.in_ms(0, 500, 0)).max(), Some(180_500));
    }
}
