//! The deadlines of one attempt: for its first byte, for each silence and for the whole, kept by one timer.

use std::rc::Rc;
use std::task::Poll;

use futures::future::{Either, LocalBoxFuture, select};
use futures::stream::StreamExt;

use super::fault::Fault;
use super::room::Held;
use crate::config::Deadlines;
use crate::world::{Reply, World};

/// The deadline of all attempts together, in the words of [`Fault::Late`].
pub const WHOLE: &str = "the whole reply";

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// The reply's headers, and the first data of a stream.
    FirstByte,
    /// Any byte after that.
    NextByte,
}

/// How long an attempt may still take.
///
/// A timer costs a crossing to make and one to forget, so one that ends too soon is kept and set again when it has ended.
pub struct Patience {
    world: Rc<dyn World>,
    deadlines: Deadlines,
    total_at_ms: u64,
    begin_by_ms: u64,
    first_at_ms: Option<u64>,
    timer: Option<(u64, LocalBoxFuture<'static, ()>)>,
}

impl Patience {
    /// For an attempt that begins now, must have begun to answer at `begin_by_ms` and have ended at `total_at_ms`.
    pub fn new(world: Rc<dyn World>, deadlines: Deadlines, begin_by_ms: u64, total_at_ms: u64) -> Self {
        Self { world, deadlines, total_at_ms, begin_by_ms, first_at_ms: None, timer: None }
    }

    /// What is awaited as the first byte from now on may take so long, in milliseconds.
    pub fn first_within(&mut self, ms: u64) {
        self.first_at_ms = Some(self.world.now_ms() + ms);
    }

    /// The answer has begun.
    pub fn begun(&mut self) {
        self.begin_by_ms = u64::MAX;
    }

    /// Awaits the whole body, at most `limit` bytes and what there is room for, and so each piece of it.
    pub async fn whole(
        &mut self,
        awaited: Awaited,
        reply: Box<dyn Reply>,
        limit: usize,
        held: Option<&Held>,
    ) -> Result<Vec<u8>, Fault> {
        let (mut pieces, mut body) = (reply.body(), Vec::new());
        while let Some(piece) = self.wait(awaited, Box::pin(pieces.next())).await? {
            let piece = piece?;
            held.map_or(Ok(()), |held| held.hold(body.len() + piece.len()))?;
            if body.is_empty() {
                body = piece;
            } else {
                body.extend(piece);
            }
            if body.len() > limit {
                return Err(Fault::TooLarge);
            }
        }
        Ok(body)
    }

    /// Awaits work until its deadline; losing it drops, and so aborts, the work.
    pub async fn wait<T>(&mut self, awaited: Awaited, mut work: LocalBoxFuture<'_, T>) -> Result<T, Fault> {
        if let Poll::Ready(done) = futures::poll!(&mut work) {
            return Ok(done);
        }
        let now = self.world.now_ms();
        let (until, fault) = match awaited {
            Awaited::FirstByte => {
                // All that is awaited as the first byte is awaited within one deadline.
                let at = *self.first_at_ms.get_or_insert(now + self.deadlines.first_byte_ms);
                (at, Fault::Late("the first byte"))
            }
            Awaited::NextByte => (now + self.deadlines.silence_ms, Fault::Late("the next byte")),
        };
        let (until, fault) = if self.begin_by_ms < until { (self.begin_by_ms, Fault::Hurried) } else { (until, fault) };
        let (until, fault) =
            if self.total_at_ms <= until { (self.total_at_ms, Fault::Late(WHOLE)) } else { (until, fault) };
        loop {
            let (world, now) = (&self.world, self.world.now_ms());
            let timer = match &mut self.timer {
                Some((at, timer)) if *at <= until => timer,
                slot => &mut slot.insert((until, world.sleep(until.saturating_sub(now)))).1,
            };
            match select(work, timer).await {
                Either::Left((done, _)) => {
                    // The timer ends at the deadline, so what is past it passed unseen: a fan-out stands still while its caller reads
                    // nothing. That time is not the host's.
                    let unseen = self.world.now_ms().saturating_sub(until);
                    self.total_at_ms = self.total_at_ms.saturating_add(unseen);
                    return Ok(done);
                }
                Either::Right(((), rest)) => work = rest,
            }
            self.timer = None;
            if self.world.now_ms() >= until {
                return Err(fault);
            }
        }
    }
}
