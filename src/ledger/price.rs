//! What a model's output costs, in yen at the host's rate and at the official one.

/// Yen for one dollar at the host.
pub const HOST_YEN_PER_DOLLAR: f64 = 1.0;
/// Yen for one dollar at the official rate.
pub const OFFICIAL_YEN_PER_DOLLAR: f64 = 7.3;

/// A model with its price in dollars per million output tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// The model's name.
    pub model: &'static str,
    /// Who makes it.
    pub owner: &'static str,
    /// Dollars per million output tokens.
    pub dollars_per_million: f64,
}

/// The seed's table of output prices (2026).
pub const PRICES: [Price; 4] = [
    Price { model: "gpt-4.1", owner: "openai", dollars_per_million: 8.0 },
    Price { model: "claude-sonnet-4.5", owner: "anthropic", dollars_per_million: 15.0 },
    Price { model: "gemini-2.5-flash", owner: "google", dollars_per_million: 2.5 },
    Price { model: "deepseek-v3.2", owner: "deepseek", dollars_per_million: 0.42 },
];

/// Yen for `output_tokens` of a model at the host's rate; none where the price is not known.
pub fn yen(model: &str, output_tokens: u64) -> Option<f64> {
    let price = PRICES.iter().find(|p| p.model == model)?;
    Some(output_tokens as f64 * price.dollars_per_million * HOST_YEN_PER_DOLLAR / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_tokens_cost_the_tables_price_in_yen() {
        assert_eq!(yen("gpt-4.1", 1_000_000), Some(8.0));
        assert_eq!(yen("deepseek-v3.2", 500_000), Some(0.21));
        assert_eq!(yen("unheard-of", 1), None);
    }
}
