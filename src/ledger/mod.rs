//! Tokens and prices.

pub mod price;
