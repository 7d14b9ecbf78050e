//! The shop's documents: cut into passages, ranked against a question.

mod english;
mod index;
pub(crate) mod lexicon;
pub(crate) mod normal;
pub mod passage;
mod question;
pub mod rank;
pub(crate) mod segment;
mod terms;

pub use index::{BEARS, Document, Hit, Index};
