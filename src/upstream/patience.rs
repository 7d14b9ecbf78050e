//! The deadlines of one attempt: for its first byte, for each silence and for the whole, kept by one timer.

use std::rc::Rc;
use std::task::Poll;

use futures::future::{Either, LocalBoxFuture, select};

use super::fault::Fault;
use crate::config::Deadlines;
use crate::world::World;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// The reply's headers.
    FirstByte,
    /// Any byte after them.
    NextByte,
}

/// How long an attempt may still take.
///
/// A timer costs a crossing to make and one to forget, so one that ends too soon is kept and set again when it has ended.
pub struct Patience {
    world: Rc<dyn World>,
    deadlines: Deadlines,
    total_at_ms: u64,
    timer: Option<(u64, LocalBoxFuture<'static, ()>)>,
}

impl Patience {
    /// For an attempt that begins now and must have ended at `total_at_ms`.
    pub fn new(world: Rc<dyn World>, deadlines: Deadlines, total_at_ms: u64) -> Self {
        Self { world, deadlines, total_at_ms, timer: None }
    }

    /// Awaits work until its deadline; losing it drops, and so aborts, the work.
    pub async fn wait<T>(&mut self, awaited: Awaited, mut work: LocalBoxFuture<'static, T>) -> Result<T, Fault> {
        if let Poll::Ready(done) = futures::poll!(&mut work) {
            return Ok(done);
        }
        let now = self.world.now_ms();
        let (until, which) = match awaited {
            Awaited::FirstByte => (now + self.deadlines.first_byte_ms, "the first byte"),
            Awaited::NextByte => (now + self.deadlines.silence_ms, "the next byte"),
        };
        let (until, which) =
            if self.total_at_ms <= until { (self.total_at_ms, "the whole reply") } else { (until, which) };
        loop {
            let (world, now) = (&self.world, self.world.now_ms());
            let timer = match &mut self.timer {
                Some((at, timer)) if *at <= until => timer,
                slot => &mut slot.insert((until, world.sleep(until.saturating_sub(now)))).1,
            };
            match select(work, timer).await {
                Either::Left((done, _)) => return Ok(done),
                Either::Right(((), rest)) => work = rest,
            }
            self.timer = None;
            if self.world.now_ms() >= until {
                return Err(Fault::Late(which));
            }
        }
    }
}
