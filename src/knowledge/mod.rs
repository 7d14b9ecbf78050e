//! The shop's documents: cut into passages, ranked against a question.

pub mod answering;
mod citation;
mod english;
pub mod find;
mod index;
pub(crate) mod lexicon;
pub(crate) mod normal;
pub mod passage;
mod question;
pub mod rank;
pub mod relevance;
pub(crate) mod segment;
pub mod store;
mod terms;

pub use index::{BEARS, Document, Hit, Index};
