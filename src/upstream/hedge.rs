//! A second call beside one whose reply is late to begin: the first to begin is used, the other ended. Off unless the operator wants
//! it, since the host may charge for both (Dean and Barroso, "The Tail at Scale", 2013).

use std::collections::VecDeque;

use futures::future::{Either, LocalBoxFuture, select};

use super::fault::Fault;

/// The last replies that tell what is usual.
const LAST: usize = 100;
/// With fewer nothing is late yet.
const FEWEST: usize = 20;
/// A reply is late when so many of a hundred have begun sooner.
const LATE_PERCENT: usize = 95;
/// Nothing is late so soon, in milliseconds: a second call would not overtake it.
const SOONEST_MS: u32 = 50;

/// How a reply is read, and so when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// Whole: it begins with its first byte.
    Plain,
    /// As a stream: it begins with its first visible piece.
    Streamed,
}

/// How long the last replies of a target took to begin, in milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Beginnings {
    last: VecDeque<u32>,
    sorted: Vec<u32>,
}

impl Beginnings {
    /// A reply began after so many milliseconds, or had not when it was ended for one that had.
    pub fn add(&mut self, ms: u64) {
        let ms = u32::try_from(ms).unwrap_or(u32::MAX);
        if self.last.len() == LAST
            && let Some(oldest) = self.last.pop_front()
        {
            self.sorted.remove(self.sorted.partition_point(|m| *m < oldest));
        }
        self.last.push_back(ms);
        self.sorted.insert(self.sorted.partition_point(|m| *m < ms), ms);
    }

    /// From when on a reply is late, in milliseconds; none while too little is known.
    pub fn late_ms(&self) -> Option<u64> {
        let late = self.sorted.get(self.sorted.len() * LATE_PERCENT / 100).filter(|_| self.sorted.len() >= FEWEST)?;
        Some((*late).max(SOONEST_MS).into())
    }
}

/// A call and perhaps a second one: what came first of both, and whether it was the second. `second` is asked for one when `late` has
/// passed; the one that is not used is dropped. Where both fail the first one's fault is told.
pub async fn raced<'a, T>(
    first: LocalBoxFuture<'a, Result<T, Fault>>,
    late: LocalBoxFuture<'_, ()>,
    second: impl FnOnce() -> Option<LocalBoxFuture<'a, Result<T, Fault>>>,
) -> (Result<T, Fault>, bool) {
    let first = match select(first, late).await {
        Either::Left((done, _)) => return (done, false),
        Either::Right(((), first)) => first,
    };
    let Some(second) = second() else { return (first.await, false) };
    match select(first, second).await {
        Either::Left((Err(fault), second)) => match second.await {
            Ok(value) => (Ok(value), true),
            Err(_) => (Err(fault), false),
        },
        Either::Left((done, _)) => (done, false),
        Either::Right((Err(_), first)) => (first.await, false),
        Either::Right((done, _)) => (done, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use futures::future::{pending, ready};

    #[test]
    fn late_is_what_nineteen_of_twenty_are_not_and_nothing_is_while_little_is_known() {
        let mut beginnings = Beginnings::default();
        (0..FEWEST - 1).for_each(|_| beginnings.add(400));
        assert_eq!(beginnings.late_ms(), None);
        (0..LAST as u64).for_each(|n| beginnings.add(1_000 + n));
        assert_eq!(beginnings.late_ms(), Some(1_095));
        (0..LAST).for_each(|_| beginnings.add(3));
        assert_eq!(beginnings.late_ms(), Some(SOONEST_MS.into()));
    }

    fn race(
        first: LocalBoxFuture<'_, Result<u8, Fault>>,
        second: Option<Result<u8, Fault>>,
    ) -> (Result<u8, Fault>, bool) {
        raced(first, ready(()).boxed_local(), || second.map(|s| ready(s).boxed_local())).now_or_never().unwrap()
    }

    /// What is ready only when it is asked again.
    fn later(end: Result<u8, Fault>) -> LocalBoxFuture<'static, Result<u8, Fault>> {
        let mut asked = 0;
        Box::pin(futures::future::poll_fn(move |context| {
            asked += 1;
            context.waker().wake_by_ref();
            if asked > 1 { std::task::Poll::Ready(end.clone()) } else { std::task::Poll::Pending }
        }))
    }

    #[test]
    fn the_one_that_answers_is_used_and_where_neither_does_the_first_ones_fault_is_told() {
        assert_eq!(race(pending().boxed_local(), Some(Ok(2))), (Ok(2), true));
        assert_eq!(race(ready(Ok(1)).boxed_local(), Some(Ok(2))), (Ok(1), false));
        assert_eq!(race(later(Err(Fault::Empty)), Some(Ok(2))), (Ok(2), true));
        assert_eq!(race(later(Ok(1)), Some(Err(Fault::Broken))), (Ok(1), false));
        assert_eq!(race(later(Err(Fault::Empty)), Some(Err(Fault::Broken))), (Err(Fault::Empty), false));
        assert_eq!(race(later(Ok(1)), None), (Ok(1), false));
    }
}
