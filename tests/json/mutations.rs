//! Mutated replies.
