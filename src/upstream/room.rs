//! Room for the replies of one fan-out, which the memory of an isolate holds together.

use std::cell::Cell;
use std::rc::Rc;

use super::fault::Fault;
use crate::error::{ApiError, Kind};

/// What they may hold, in bytes. An isolate has 128 MB for all its requests, and a reply that grows takes up to twice its length.
const ROOM: usize = 16 << 20;

/// What is left of it. One half has a part for each reply, so that none of a usual length suffers from the others; the other half is
/// for whichever needs more.
#[derive(Debug)]
pub struct Room {
    part: usize,
    left: Cell<usize>,
}

impl Room {
    /// For so many replies.
    pub fn new(replies: usize) -> Rc<Self> {
        Rc::new(Self { part: ROOM / 2 / replies.max(1), left: Cell::new(ROOM / 2) })
    }

    /// For one of them.
    pub fn held(self: &Rc<Self>) -> Rc<Held> {
        Rc::new(Held { room: Rc::clone(self), beyond: Cell::new(0) })
    }
}

/// What one reply holds; dropping it gives that back.
#[derive(Debug)]
pub struct Held {
    room: Rc<Room>,
    /// More than its part.
    beyond: Cell<usize>,
}

impl Held {
    /// Holds so many bytes instead of what it held, if there is room for them.
    pub fn hold(&self, bytes: usize) -> Result<(), Fault> {
        let beyond = bytes.saturating_sub(self.room.part);
        let left = (self.room.left.get() + self.beyond.get()).checked_sub(beyond).ok_or_else(|| {
            let message = "The replies of this request came to more than 16 MiB together, and this one found no room: ask for lines (Accept: application/x-ndjson), shorter answers (max_tokens) or fewer at once (max_concurrent)";
            Fault::Refused(ApiError::new(Kind::Upstream, "upstream_too_large", message))
        })?;
        self.room.left.set(left);
        self.beyond.set(beyond);
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.left.set(self.room.left.get() + self.beyond.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_more_is_held_than_there_is_room_for_and_each_reply_has_its_part(steps in prop::collection::vec((0usize..50, 0usize..3 << 20), 1..300)) {
            let room = Room::new(50);
            let mut replies: Vec<Option<(Rc<Held>, usize)>> = (0..50).map(|_| None).collect();
            for (at, bytes) in steps {
                // One that finds no room is dropped, and so is every tenth.
                let held = replies[at].take().map_or_else(|| room.held(), |(held, _)| held);
                let fits = held.hold(bytes).is_ok();
                prop_assert!(fits || bytes > ROOM / 100);
                replies[at] = (fits && bytes % 10 > 0).then_some((held, bytes));
                prop_assert!(replies.iter().flatten().map(|(_, bytes)| bytes).sum::<usize>() <= ROOM);
            }
            replies.clear();
            prop_assert_eq!(room.left.get(), ROOM / 2);
        }
    }
}
