//! The Worker from outside, on the real engine, against an upstream that misbehaves on demand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "what goes wrong in a test must stop it"
)]

mod chat;
mod fanout;
mod faults;
mod idempotency;
mod json_mode;
mod knowledge;
mod limits;
mod panic;
mod requests;
mod rungs;
mod serve;
mod spike;
mod storage;
#[path = "../upstream/mod.rs"]
mod upstream;
mod visitor;
mod vocabulary;
