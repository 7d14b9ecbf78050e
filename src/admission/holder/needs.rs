//! How many tokens callers need: what those to come may, and who needs far more than is usual.

use super::super::message::{KINDS, Kind};

/// So many times as many tokens as modest callers need are far more than is usual.
const LARGE: f64 = 6.0;
/// Modest is what one in ten needs: it rises by this when one needs more and falls by this when one needs less, so that nine of ten
/// may need far more and the tenth is not counted as one of them.
const RISES: f64 = 1.05;
const FALLS: f64 = 0.64;
/// The first caller is no measure where it needs more than one part in so many of the limit.
const MODEST: u32 = 50;
/// What those to come may need falls to this part of itself with each who needs less.
const FADES: f64 = 0.998;

/// What callers of each kind need, in tokens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Needs([Need; KINDS]);

#[derive(Debug, Clone, Copy, Default)]
struct Need {
    usual: f64,
    modest: f64,
}

impl Needs {
    /// One has come that needs so many, of a limit of so many a minute.
    pub fn came(&mut self, kind: Kind, tokens: u32, limit: u32) {
        let Some(Need { usual, modest }) = self.0.get_mut(kind as usize) else { return };
        let needs = f64::from(tokens);
        *modest = match *modest {
            0.0 => needs.min((limit / MODEST).into()),
            modest if needs > modest => needs.min(modest * RISES),
            modest => needs.max(modest * FALLS),
        };
        if needs <= *modest * LARGE {
            *usual = (*usual * FADES).max(needs);
        }
    }

    /// What one to come may need, for each kind.
    pub fn usual(&self) -> [f64; KINDS] {
        self.0.map(|need| need.usual)
    }

    /// Whether so many are far more than is usual.
    pub fn is_large(&self, kind: Kind, tokens: u32) -> bool {
        f64::from(tokens) > self.0.get(kind as usize).map_or(0.0, |need| need.modest) * LARGE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rare_long_call_is_large_and_no_measure_of_those_to_come() {
        let mut needs = Needs::default();
        for n in 0..100 {
            needs.came(Kind::New, if n % 20 == 19 { 9_000 } else { 500 + n }, 100_000);
        }
        assert!(needs.is_large(Kind::New, 9_000) && !needs.is_large(Kind::New, 1_000));
        let usual = needs.usual()[Kind::New as usize];
        assert!((500.0..700.0).contains(&usual), "{usual}");
    }

    #[test]
    fn where_all_calls_are_long_none_is_large() {
        let mut needs = Needs::default();
        (0..100).for_each(|_| needs.came(Kind::New, 9_000, 100_000));
        assert!(!needs.is_large(Kind::New, 9_000));
    }
}
