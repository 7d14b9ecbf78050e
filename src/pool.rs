//! Chance drawn ahead. The platform gives it as bytes for a crossing into JavaScript, which costs as much for eight as for a thousand; one
//! crossing serves a hundred ids.

/// Bytes of one crossing.
pub const BYTES: usize = 1024;
const WORDS: usize = BYTES / 8;

/// Numbers that were drawn and not yet given.
#[derive(Debug)]
pub struct Pool {
    words: [u64; WORDS],
    left: usize,
}

impl Default for Pool {
    fn default() -> Self {
        Self { words: [0; WORDS], left: 0 }
    }
}

impl Pool {
    /// A number that was never given before; none when the pool must be filled.
    pub fn take(&mut self) -> Option<u64> {
        let at = self.left.checked_sub(1)?;
        self.left = at;
        // What was given is not kept.
        self.words.get_mut(at).map(std::mem::take)
    }

    /// Fills the pool with fresh bytes, and takes the first number.
    pub fn fill(&mut self, bytes: &[u8; BYTES]) -> u64 {
        let (words, _) = bytes.as_chunks::<8>();
        for (word, fresh) in self.words.iter_mut().zip(words) {
            *word = u64::from_le_bytes(*fresh);
        }
        self.left = WORDS;
        self.take().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_given_once_and_then_fresh_ones_are_asked_for() {
        let mut pool = Pool::default();
        assert_eq!(pool.take(), None);
        let mut bytes = [0; BYTES];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = (at / 8) as u8 + 1;
        }
        let mut given = vec![pool.fill(&bytes)];
        given.extend(std::iter::from_fn(|| pool.take()));
        given.sort_unstable();
        let wanted: Vec<u64> = (1..=WORDS as u64).map(|n| n * 0x0101_0101_0101_0101).collect();
        assert_eq!(given, wanted);
        assert_eq!(pool.words, [0; WORDS]);
    }
}
