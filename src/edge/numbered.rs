//! Maps by numbers that were given one after the other, such as those of tasks. Nobody outside chooses them, so no hash need resist anybody.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map by such numbers.
pub type Numbered<T> = HashMap<u32, T, BuildHasherDefault<Spread>>;

/// Spreads consecutive numbers over all bits (Fibonacci hashing).
#[derive(Debug, Default)]
pub struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, n: u32) {
        self.0 = (self.0 ^ u64::from(n)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
