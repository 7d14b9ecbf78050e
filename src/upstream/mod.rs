//! How one call reaches a model: the wire, deadlines, retries, breakers, routes.

pub mod breaker;
pub mod call;
pub mod fault;
pub mod hedge;
pub mod patience;
pub mod ratelimit;
pub mod retry;
pub mod room;
pub mod sse;
pub mod stream;
pub mod wire;
