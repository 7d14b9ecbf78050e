//! How the limits stand, as a reply's headers: draft-ietf-httpapi-ratelimit-headers, and OpenAI's own for the tightest.

use std::cell::RefCell;

use super::{Budget, Standing};

/// Headers, names in small letters.
pub type Headers = Vec<(&'static str, String)>;

/// A budget's kind, its requests a minute, and how it stands where that is known.
type State = (&'static str, u32, Option<Standing>);

/// The headers as last written. How a limit stands is heard with a lease, so that many replies in a row tell the same.
#[derive(Debug, Default)]
pub struct Written(RefCell<(Vec<State>, Headers)>);

impl Written {
    /// The headers of some budgets.
    pub fn of<'a>(&self, budgets: impl Iterator<Item = (&'a Budget, Option<Standing>)>) -> Headers {
        let states: Vec<State> = budgets
            .filter(|(budget, _)| budget.limits.permits > 0)
            .map(|(budget, standing)| (budget.kind, budget.limits.permits, standing))
            .collect();
        let mut last = self.0.borrow_mut();
        if last.0 != states {
            let headers = write(&states);
            *last = (states, headers);
        }
        last.1.clone()
    }
}

fn write(states: &[State]) -> Headers {
    let mut headers = Headers::new();
    if states.is_empty() {
        return headers;
    }
    let policies: Vec<String> = states.iter().map(|(kind, limit, _)| format!("\"{kind}\";q={limit};w=60")).collect();
    headers.push(("ratelimit-policy", policies.join(", ")));
    let known = || states.iter().filter_map(|(kind, _, standing)| Some((kind, (*standing)?)));
    if let Some((_, tightest)) = known().min_by_key(|(_, s)| s.remaining) {
        let told =
            |(kind, s): (&&str, Standing)| format!("\"{kind}\";r={};t={}", s.remaining, s.reset_ms.div_ceil(1000));
        headers.push(("ratelimit", known().map(told).collect::<Vec<_>>().join(", ")));
        headers.push(("x-ratelimit-limit-requests", tightest.limit.to_string()));
        headers.push(("x-ratelimit-remaining-requests", tightest.remaining.to_string()));
        let reset = format!("{}.{:03}s", tightest.reset_ms / 1000, tightest.reset_ms % 1000);
        headers.push(("x-ratelimit-reset-requests", reset));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_limit_is_told_and_news_replaces_what_was_written() {
        let budgets = [Budget::key("k", 60), Budget::key("without", 0), Budget::visitor(20)];
        let standing = |remaining| Some(Standing { limit: 60, remaining, reset_ms: 1_500 });
        let written = Written::default();
        let headers = |standings: [Option<Standing>; 2]| {
            let headers = written.of(budgets.iter().flatten().zip(standings));
            headers.into_iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>()
        };
        let policy = "ratelimit-policy: \"key\";q=60;w=60, \"visitor\";q=20;w=60";
        assert_eq!(headers([None, None]), [policy]);
        let both = [
            policy,
            "ratelimit: \"key\";r=7;t=2, \"visitor\";r=5;t=2",
            "x-ratelimit-limit-requests: 60",
            "x-ratelimit-remaining-requests: 5",
            "x-ratelimit-reset-requests: 1.500s",
        ];
        assert_eq!(headers([standing(7), standing(5)]), both);
        assert_eq!(headers([standing(7), standing(5)]), both);
        assert_eq!(headers([standing(7), None])[1], "ratelimit: \"key\";r=7;t=2");
    }
}
