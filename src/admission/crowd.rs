//! Fair shares: while demand is above the limit, no visitor and no key takes more permits a second than its share.
//!
//! A share is the level to which all who want more are cut while those who want less have what they want (max-min). Each holder
//! tells which parties ask most, and a sample of those it sees by which the object counts them, each once however many holders
//! it comes to (the least of their hashes: Bar-Yossef and others, Counting Distinct Elements in a Data Stream, 2002); the object
//! tells the level, and each of the many-handed its part of it in that holder.

use serde::{Deserialize, Serialize};

use super::rate::Rate;
use crate::order::{self, Sorted};

/// A party that was not seen for so long counts no more, in milliseconds.
const ACTIVE_MS: u64 = 10_000;
/// Permits that a party may take at once, whatever its share.
const BURST: f64 = 2.0;
/// Parties that are remembered.
const MOST: usize = 1_000;
/// Parties that are told of, and how often each must come, a second.
const TOLD: usize = 8;
const OFTEN: f64 = 0.3;
/// Hashes that are told: up to so many parties worldwide are counted exactly.
const SAMPLE: usize = 24;
/// The part of the limit that each may take however large the crowd is: a key may serve many shoppers.
const LEAST: f64 = 0.02;

/// What a holder tells of its parties.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Crowded {
    /// Those that come most often, with their callers a second.
    pub often: Vec<(u64, f32)>,
    /// The callers a second of the rest.
    pub rest: f32,
    /// The least hashes of all parties, in order.
    pub least: Vec<u32>,
}

/// A party's hash, the same everywhere and evenly spread (the finalizer of MurmurHash3).
fn hash(party: u64) -> u32 {
    let mut h = party ^ (party >> 33);
    h = h.wrapping_mul(0xff51_afd7_ed55_8ccd);
    h ^= h >> 33;
    h = h.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (h >> 32) as u32
}

/// The share of one that has nobody beside it.
const ALONE: f64 = 1e6;

#[derive(Debug, Clone, Copy)]
struct Party {
    credit: f64,
    rate: Rate,
}

impl Default for Party {
    fn default() -> Self {
        Self { credit: BURST, rate: Rate::default() }
    }
}

/// Who came to one isolate.
#[derive(Debug, Clone)]
pub struct Crowd {
    parties: Sorted<u64, Party>,
    share: f64,
    /// Of some parties, what the object said of them.
    own: Sorted<u64, f64>,
}

impl Default for Crowd {
    fn default() -> Self {
        Self { parties: Sorted::default(), share: ALONE, own: Sorted::default() }
    }
}

impl Crowd {
    /// One of a party has come; whether that is beyond its share, as far as shares are kept now.
    pub fn arrive(&mut self, now_ms: u64, party: u64, kept: bool) -> bool {
        if self.parties.len() >= MOST && self.parties.get(&party).is_none() {
            self.parties.retain(|_, p| now_ms < p.rate.last_ms() + ACTIVE_MS);
            // Where even those are too many, those that come often are remembered.
            if self.parties.len() >= MOST {
                self.parties.retain(|_, p| p.rate.now(now_ms) >= 1.0);
            }
            if self.parties.len() >= MOST {
                self.parties = Sorted::default();
            }
            let known = &self.parties;
            self.own.retain(|party, _| known.get(party).is_some());
        }
        let share = self.own.get(&party).copied().unwrap_or(self.share);
        let known = self.parties.get_or_default(party);
        let passed = now_ms.saturating_sub(known.rate.last_ms()) as f64;
        known.credit = (known.credit + share * passed / 1_000.0).min(BURST);
        known.rate.add(now_ms);
        if !kept || share >= ALONE {
            return false;
        }
        let beyond = known.credit < 1.0;
        known.credit -= if beyond { 0.0 } else { 1.0 };
        beyond
    }

    /// What the object should know of those who come.
    pub fn told(&self, now_ms: u64) -> Crowded {
        let active = self.parties.iter().filter(|(_, p)| now_ms < p.rate.last_ms() + ACTIVE_MS);
        let mut told = Crowded::default();
        let mut all = 0.0;
        for (party, known) in active {
            told.least.push(hash(*party));
            let per_second = known.rate.now(now_ms);
            all += per_second as f32;
            if per_second >= OFTEN {
                told.often.push((*party, per_second as f32));
            }
        }
        order::sort_by(&mut told.often, |a, b| b.1.total_cmp(&a.1));
        told.often.truncate(TOLD);
        told.rest = all - told.often.iter().map(|o| o.1).sum::<f32>();
        order::sort_numbers(&mut told.least);
        told.least.truncate(SAMPLE);
        told
    }

    /// What the object said: the share of each party, and of some their own.
    pub fn keep_to(&mut self, share: f64, of: &[(u64, f32)]) {
        self.share = share;
        let known = of.iter().filter(|(party, _)| self.parties.get(party).is_some());
        self.own = known.map(|(party, share)| (*party, f64::from(*share))).collect();
    }
}

/// The shares of all, worldwide.
#[derive(Debug, Clone, Default)]
pub struct Shares {
    /// Those that come often: arrivals a second, and how many holders tell of them.
    often: Sorted<u64, (f64, u32)>,
    parties: f64,
    rest: f64,
}

impl Shares {
    /// Counts all anew, from what each holder told.
    pub fn count<'a>(&mut self, told: impl Iterator<Item = &'a Crowded>) {
        self.rest = 0.0;
        let (mut often, mut least) = (Vec::new(), Vec::new());
        for told in told {
            self.rest += f64::from(told.rest);
            often.extend_from_slice(&told.often);
            for hash in &told.least {
                // Those that follow are larger yet.
                if least.get(SAMPLE - 1).is_some_and(|last| hash > last) {
                    break;
                }
                match least.binary_search(hash) {
                    Ok(_) => {}
                    Err(at) => least.insert(at, *hash),
                }
                least.truncate(SAMPLE);
            }
        }
        // In order each new one is the map's last.
        order::sort_by_key(&mut often, |(party, _)| *party);
        self.often = Sorted::default();
        for (party, per_second) in often {
            let sum = self.often.get_or_default(party);
            *sum = (sum.0 + f64::from(per_second), sum.1 + 1);
        }
        // So many hashes lie below the last of the sample; evenly spread, that many more lie above as there is more room.
        self.parties = match least.get(SAMPLE - 1) {
            Some(last) => (SAMPLE - 1) as f64 * 2f64.powi(32) / f64::from(*last).max(1.0),
            None => least.len() as f64,
        };
    }

    /// The most permits a second that one party may have, where there are `per_second` in all; one that is alone has all.
    pub fn level(&self, per_second: f64) -> f64 {
        if self.parties <= 1.0 {
            return ALONE;
        }
        let evenly = per_second / self.parties;
        let few = || self.often.values().map(|o| o.0).filter(|d| *d <= evenly);
        let many = self.often.len() - few().count();
        let left = per_second - self.rest - few().sum::<f64>();
        evenly.max(left / many.max(1) as f64).max(per_second * LEAST)
    }

    /// What those of one holder that come often may have there.
    pub fn of(&self, level: f64, told: &[(u64, f32)]) -> Vec<(u64, f32)> {
        let part = |(party, here): &(u64, f32)| {
            let (all, holders) = self.often.get(party)?;
            let part = (f64::from(*here) / all.max(0.001)).min(1.0);
            (*holders > 1).then_some((*party, (level * part) as f32))
        };
        told.iter().filter_map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greedy_are_cut_to_the_level_that_leaves_the_modest_what_they_want() {
        let mut shares = Shares::default();
        let greedy = vec![(1, 40.0)];
        let told = |rest, parties: &[u64]| {
            let mut least: Vec<u32> = parties.iter().map(|p| hash(*p)).collect();
            least.sort_unstable();
            Crowded { often: greedy.clone(), rest, least }
        };
        shares.count([&told(5.0, &[1, 2, 3, 4, 5, 6]), &told(0.0, &[1])].into_iter());
        // Six parties: five want one each, and one wants eighty of twenty.
        let level = shares.level(20.0);
        assert!((level - 15.0).abs() < 0.01, "{level}");
        let here = shares.of(level, &greedy);
        assert!(here.len() == 1 && (here[0].1 - 7.5).abs() < 0.01, "{here:?}");
    }

    #[test]
    fn parties_are_counted_once_however_many_holders_see_them() {
        for parties in [3, 20, 400, 30_000] {
            let mut holders: Vec<Crowd> = (0..10).map(|_| Crowd::default()).collect();
            for party in 0..parties {
                for holder in holders.iter_mut().skip(party as usize % 3).step_by(3) {
                    holder.arrive(1_000, party, false);
                }
            }
            let told: Vec<Crowded> = holders.iter().map(|h| h.told(1_000)).collect();
            let mut shares = Shares::default();
            shares.count(told.iter());
            // A holder remembers a thousand at most.
            let seen = (parties as f64).min(3_000.0);
            assert!((shares.parties / seen - 1.0).abs() < 0.5, "{} of {seen}", shares.parties);
        }
    }

    #[test]
    fn a_party_gets_its_share_over_time_and_a_little_at_once() {
        let mut crowd = Crowd::default();
        crowd.keep_to(1.0, &[]);
        let taken = (0..1_000).filter(|n| !crowd.arrive(n * 10, 7, true)).count();
        assert!((11..=13).contains(&taken), "{taken}");
        assert!(!crowd.arrive(10_000, 8, true), "another has its own");
        assert!(!crowd.arrive(10_000, 7, false), "nothing is kept from anybody while there is enough");
    }
}
