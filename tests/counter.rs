//! The counter's decisions in virtual time, with a simulated world.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "what goes wrong in a test must stop it")]
