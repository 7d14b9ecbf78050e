//! The shop's documents: cut into passages, ranked against a question.

pub mod passage;
pub mod rank;
