//! What was said: one visitor's turns in their order, what a listener has heard of them, and the hand-off to a person.
//!
//! - [`position`] numbers what a listener hears, so that a dropped connection goes on where it was.
//! - [`turn`] is a question with its answer as far as it has come.
//! - [`record`] is all that is kept of a visitor: decisions, with time as an argument.
//! - `forgotten` is what a visitor wished away, by ids alone.
//! - [`desk`] answers the record's turns one after the other, and tells whoever listens.
//! - [`answering`] is how a question becomes an answer; [`recall`] what the model is told of earlier turns.
//! - [`courtesy`] is what is said without asking anything.
//! - [`handoff`] is the letter to a person.

pub mod answering;
pub mod courtesy;
pub mod desk;
mod forgotten;
pub mod handoff;
pub mod position;
pub mod recall;
pub mod record;
pub mod shared;
pub mod turn;
