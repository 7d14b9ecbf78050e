//! Madoguchi, the service counter: an AI customer-service counter for online shops, at Cloudflare's edge.

pub mod json;
