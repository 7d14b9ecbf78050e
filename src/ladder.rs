//! The ladder: how good an answer is that can be had at this moment, from a model's full one down to a promise that is kept.

use serde::{Deserialize, Serialize};

/// A rung, the best first. Every answer to a shopper says its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// The first model of the route answered.
    Full,
    /// A later model of the route answered.
    FallbackModel,
    /// A model answered another shopper's same question at this moment or moments ago.
    Shared,
    /// The shop's own passages, with no model.
    Passages,
    /// The question is kept, and answered when the rush has passed.
    Kept,
}

impl Rung {
    /// The rung of an answer by its model's place in the route.
    pub fn of_rank(rank: usize) -> Self {
        if rank == 0 { Rung::Full } else { Rung::FallbackModel }
    }

    /// Whether a model said it.
    pub fn is_a_models(self) -> bool {
        self <= Rung::Shared
    }
}
