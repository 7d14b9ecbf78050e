//! The search, measured on shops and the questions of their shoppers.

#[path = "knowledge/measure.rs"]
mod measure;
