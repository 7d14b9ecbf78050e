//! The shop's documents: cut into passages, ranked against a question.

mod english;
mod index;
mod lexicon;
mod normal;
pub mod passage;
mod question;
pub mod rank;
mod segment;
mod terms;

pub use index::{BEARS, Document, Hit, Index};
