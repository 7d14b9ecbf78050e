//! Permits that an isolate holds: spent here with no round trip, asked for in batches that follow demand.

use std::collections::HashMap;

use super::window::LIFE_MS;
use super::{Budget, Refusal, Standing};

/// The most permits asked for at once.
const MOST: u64 = 2_000;
/// A lease used up faster than this asks for more next time, one that lasts longer for less; in milliseconds.
const BUSY_MS: u64 = 100;

/// What a request does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A permit was here, and is spent.
    Spent(Standing),
    /// None will be granted before a known time.
    Refused(Refusal),
    /// The object must be asked for so many.
    Ask(u64),
}

#[derive(Debug)]
struct Pool {
    permits: u64,
    expires_ms: u64,
    asked_ms: u64,
    want: u64,
    refused_until_ms: u64,
    standing: Standing,
}

/// The permits of one isolate, by budget.
#[derive(Debug, Default)]
pub struct Leases {
    pools: HashMap<String, Pool>,
}

impl Leases {
    /// Spends a permit that is here, or tells what to do.
    pub fn spend(&mut self, budget: &Budget, now_ms: u64) -> Next {
        // Keys are few, but what is remembered must not grow for ever.
        if self.pools.len() > 1_000 {
            self.pools.retain(|_, p| p.expires_ms > now_ms || p.refused_until_ms > now_ms);
        }
        let Some(pool) = self.pools.get_mut(&budget.name).filter(|p| p.standing.limit == budget.limit) else {
            return Next::Ask(1);
        };
        if pool.permits > 0 && now_ms < pool.expires_ms {
            pool.permits -= 1;
            return Next::Spent(pool.standing);
        }
        if now_ms < pool.refused_until_ms {
            let retry_after_ms = pool.refused_until_ms - now_ms;
            return Next::Refused(Refusal { retry_after_ms, standing: Some(pool.standing) });
        }
        if pool.permits > 0 || now_ms > pool.asked_ms + BUSY_MS {
            pool.want = (pool.want / 2).max(1);
        } else {
            pool.want = (pool.want * 2).min(MOST);
        }
        pool.permits = 0;
        Next::Ask(pool.want)
    }

    /// How a budget stood when last heard of.
    pub fn standing(&self, budget: &Budget) -> Option<Standing> {
        self.pools.get(&budget.name).map(|p| p.standing)
    }

    /// Takes in what the object answered to an `Ask` made at `asked_ms`: one permit is the asker's, the rest stay here.
    pub fn receive(
        &mut self,
        budget: &Budget,
        asked_ms: u64,
        now_ms: u64,
        permits: u64,
        standing: Standing,
    ) -> Result<Standing, Refusal> {
        let pool = self.pools.entry(budget.name.clone()).or_insert(Pool {
            permits: 0,
            expires_ms: 0,
            asked_ms,
            want: 1,
            refused_until_ms: 0,
            standing,
        });
        pool.standing = standing;
        let Some(rest) = permits.checked_sub(1) else {
            // Others may not get one sooner either, so they need not ask.
            pool.refused_until_ms = asked_ms + standing.reset_ms;
            return Err(Refusal {
                retry_after_ms: pool.refused_until_ms.saturating_sub(now_ms).max(1),
                standing: Some(standing),
            });
        };
        let expires_ms = asked_ms + LIFE_MS;
        // What is left of an older lease ends with it: two lives are not added up.
        pool.permits =
            if now_ms < pool.expires_ms && pool.expires_ms <= expires_ms { pool.permits + rest } else { rest };
        pool.expires_ms = if pool.permits > rest { pool.expires_ms } else { expires_ms };
        pool.asked_ms = asked_ms;
        if now_ms >= expires_ms {
            pool.permits = 0;
            return Err(Refusal { retry_after_ms: 1, standing: Some(standing) });
        }
        Ok(standing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::window::Window;

    fn budget(limit: u64) -> Budget {
        Budget::upstream(limit).unwrap()
    }

    fn take(leases: &mut Leases, window: &mut Window, b: &Budget, now: u64, trips: &mut u32) -> bool {
        match leases.spend(b, now) {
            Next::Spent(_) => true,
            Next::Refused(_) => false,
            Next::Ask(want) => {
                *trips += 1;
                let g = window.take(now, b.limit, want);
                leases.receive(b, now, now + 2, g.permits, g.standing).is_ok()
            }
        }
    }

    #[test]
    fn a_busy_isolate_asks_seldom_and_a_small_limit_is_spent_whole() {
        let (mut leases, mut window, mut trips) = (Leases::default(), Window::default(), 0);
        let b = budget(10_000_000);
        let passed = (0..20_000).filter(|i| take(&mut leases, &mut window, &b, i / 5, &mut trips)).count();
        assert_eq!(passed, 20_000);
        assert!(trips < 200, "{trips}");

        let (mut leases, mut window) = (Leases::default(), Window::default());
        let b = budget(60);
        let passed = (0..500).filter(|i| take(&mut leases, &mut window, &b, i * 3, &mut 0)).count();
        assert_eq!(passed, 60);
    }

    #[test]
    fn a_permit_not_used_in_time_is_lost() {
        let mut leases = Leases::default();
        let b = budget(1_000_000);
        let s = Standing { limit: b.limit, remaining: 5, reset_ms: 1 };
        leases.receive(&b, 0, 10, 100, s).unwrap();
        assert!(matches!(leases.spend(&b, 999), Next::Spent(_)));
        assert!(matches!(leases.spend(&b, 1000), Next::Ask(_)));
    }

    #[test]
    fn a_refusal_is_remembered_until_its_time() {
        let mut leases = Leases::default();
        let b = budget(60);
        let s = Standing { limit: 60, remaining: 0, reset_ms: 5000 };
        assert_eq!(leases.receive(&b, 0, 0, 0, s).unwrap_err().retry_after_ms, 5000);
        assert!(matches!(leases.spend(&b, 4000), Next::Refused(r) if r.retry_after_ms == 1000));
        assert!(matches!(leases.spend(&b, 5000), Next::Ask(_)));
    }
}
