//! `GET /v1/models`: the models with their prices, and the routes.

use serde_json::json;

use super::reply::Answer;
use crate::counter::Counter;
use crate::ledger::price::{HOST_YEN_PER_DOLLAR, OFFICIAL_YEN_PER_DOLLAR, PRICES};

/// Lists models, each with its price per million output tokens in dollars and yen, then route names with their chains.
pub fn list(counter: &Counter) -> Answer {
    let models = PRICES.iter().map(|p| {
        json!({
            "id": p.model, "object": "model", "created": 0, "owned_by": p.owner,
            "price": {
                "output_usd_per_million_tokens": p.dollars_per_million,
                "output_yen_per_million_tokens": p.dollars_per_million * HOST_YEN_PER_DOLLAR,
                "official_output_yen_per_million_tokens": p.dollars_per_million * OFFICIAL_YEN_PER_DOLLAR,
            },
        })
    });
    let routes = counter.config.routes.iter().map(|(name, targets)| {
        let chain: Vec<_> = targets.iter().map(|t| &*t.model).collect();
        json!({ "id": name, "object": "model", "created": 0, "owned_by": "madoguchi", "route": chain })
    });
    Answer::json(json!({ "object": "list", "data": models.chain(routes).collect::<Vec<_>>() }).to_string())
}
