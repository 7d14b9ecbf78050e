//! Madoguchi, the service counter: an AI customer-service counter for online shops, at Cloudflare's edge.
//!
//! The map of the house, from the door inwards:
//!
//! - `edge` (wasm only) turns the Worker's events, Durable Objects and fetches into calls of what follows; all that imports
//!   `worker` or JavaScript is there.
//! - [`api`] has a file for each endpoint: it reads a request, calls one thing below, writes a reply.
//! - [`admission`] says who may pass and when: keys, visitors' tokens, origins, exact limits, leases.
//! - [`conversation`] is what was said: turns in order, history, hand-off to a person.
//! - [`fanout`] makes many calls at once: the bounded stream, and lanes past six connections.
//! - [`upstream`] is how one call reaches a model: routes, deadlines, retries, breakers, streams.
//! - [`ladder`] says how good an answer is.
//! - [`json`] reads JSON that a model wrote.
//! - [`ledger`] knows tokens and prices.
//! - [`calendar`], [`config`], [`counter`], [`decimal`], [`error`], [`order`], [`pool`], [`signature`], [`typed`] and [`world`] are what all
//!   of them share: how times and numbers are written, what the operator set, what an isolate has learned, what a caller is told, how
//!   things are sorted, chance drawn ahead, what is signed, how JSON becomes a type, and what decisions may ask of the world.

pub mod admission;
pub mod api;
pub mod calendar;
pub mod config;
pub mod conversation;
pub mod counter;
pub mod decimal;
#[cfg(target_arch = "wasm32")]
mod edge;
pub mod error;
pub mod fanout;
pub mod json;
pub mod knowledge;
pub mod ladder;
pub mod ledger;
pub mod order;
pub mod pool;
pub mod signature;
pub mod typed;
pub mod upstream;
pub mod world;
