//! Many calls at once: a bounded stream, wider than six through lanes.

pub mod bounded;
pub mod lane;
