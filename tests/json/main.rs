//! The reader of model JSON against its table of replies, nst's suite, single faults, `serde_json`, streams and its own bounds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a test fails by panicking and tells its figures by printing"
)]

mod bounds;
mod cases;
mod faults;
mod generate;
mod mutations;
mod properties;
mod stream;
mod suite;
