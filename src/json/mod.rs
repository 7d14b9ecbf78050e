//! Reads JSON that a model wrote.
