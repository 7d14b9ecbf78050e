//! The shop's documents: cut into passages, ranked against a question.
//!
//! The documents are kept in one object's SQLite, which is asked for them and not for each question: an isolate holds an
//! [`Index`] of its own, built from them, and searches it with no round trip. So search grows with the isolates, the object
//! sees writes and refreshes alone, and what bounds a search is one isolate's processor: about half a millisecond for a
//! shop of sixty documents, some four for one of two thousand (`npm run bench knowledge`).
//!
//! SQLite's own full-text index is not used. It cuts text at spaces or into three characters and more, which finds neither
//! Japanese words of two characters nor a word under another spelling or name; its ranks cannot be compared between
//! questions, which telling that nothing answers needs; and it would stand in the one object that every question then
//! queues at.
//!
//! Question and page are both read into concepts of a shopper's vocabulary (`lexicon.txt`), senses of a general table of
//! everyday words (`everyday.txt`), the words themselves, and pairs of characters for what neither knows. A hit's score is
//! the chance that the passage answers, by regressions over the questions that may be tuned on, of several shops.
//!
//! The vocabulary is no part of the program: it is a file beside it, which an isolate loads when it first searches ([`vocabulary`]).

pub mod answering;
mod citation;
mod english;
mod evidence;
pub mod find;
mod index;
pub mod lexicon;
pub mod loading;
mod loan;
mod meaning;
pub(crate) mod normal;
pub mod passage;
mod posting;
mod question;
mod quote;
pub mod quoter;
pub mod relevance;
pub(crate) mod segment;
pub mod shelf;
pub mod store;
mod terms;
pub mod vocabulary;

pub use evidence::{Evidence, KINDS, Kind};
pub use index::{BEARS, Document, Hit, Index};
pub use lexicon::Lexicon;
pub use normal::has_japanese;
