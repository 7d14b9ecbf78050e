//! Connection slots: six of the invocation that asks, six more of each lane.

use std::rc::Rc;

use crate::world::{Invocation, World};

/// Calls of one invocation that may wait for their headers at once (the platform's limit).
pub const SLOTS: usize = 6;

struct Place {
    invocation: Invocation,
    slots: usize,
    running: usize,
}

/// The slots of one fan-out. Dropping it gives its lanes back.
pub struct Slots {
    world: Rc<dyn World>,
    places: Vec<Place>,
}

impl Slots {
    /// Takes as many lanes as a width needs beyond the slots of this invocation.
    pub fn open(world: Rc<dyn World>, here: &str, width: usize) -> Self {
        let mut places = vec![Place { invocation: Invocation::Here(here.into()), slots: width.min(SLOTS), running: 0 }];
        let mut rest = width.saturating_sub(SLOTS);
        while rest > 0 {
            // Without a lane the work is done with fewer slots: slower, and never more at once than allowed.
            let Some(name) = world.take_lane() else { break };
            let slots = rest.min(SLOTS);
            rest -= slots;
            places.push(Place { invocation: Invocation::Lane(name), slots, running: 0 });
        }
        Self { world, places }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.places.iter().map(|p| p.slots).sum()
    }

    /// Takes a slot of the place where the fewest run, so that the first calls start in parallel; none while all are taken.
    pub fn take(&mut self) -> Option<(usize, Invocation)> {
        let free = self.places.iter_mut().enumerate().filter(|(_, p)| p.running < p.slots);
        let (at, place) = free.min_by_key(|(_, p)| p.running)?;
        place.running += 1;
        Some((at, place.invocation.clone()))
    }

    /// Frees a slot of a place.
    pub fn free(&mut self, at: usize) {
        if let Some(place) = self.places.get_mut(at) {
            place.running = place.running.saturating_sub(1);
        }
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        for place in self.places.drain(..) {
            let Invocation::Lane(name) = place.invocation else { continue };
            match place.running {
                0 => self.world.free_lane(name),
                // Calls that were cut off may still hold their connections, so their lane is not used again.
                _ => self.world.drop_lane(&name),
            }
        }
    }
}
