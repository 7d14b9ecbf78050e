//! The floor that the search is measured against: BM25 (Robertson and Zaragoza, 2009) over words of Latin script and pairs of other characters.

use std::collections::HashMap;

const K1: f64 = 1.2;
const B: f64 = 0.75;

/// A passage's place among those given, and its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Its place.
    pub index: usize,
    /// From 0 to 1: the part of the question's weight that the passage holds.
    pub score: f64,
}

/// The terms of a text: words of Latin letters and digits, and for other scripts, which have no spaces, pairs of characters.
fn terms(text: &str) -> Vec<String> {
    let mut terms = Vec::new();
    let mut word = String::new();
    let mut before: Option<char> = None;
    for c in text.chars().flat_map(half_width).flat_map(char::to_lowercase).chain([' ']) {
        if c.is_ascii_alphanumeric() || ('\u{c0}'..'\u{250}').contains(&c) {
            word.push(c);
            before = None;
            continue;
        }
        if !word.is_empty() {
            terms.push(std::mem::take(&mut word));
        }
        if !c.is_alphanumeric() && c != 'ー' {
            before = None;
            continue;
        }
        if let Some(b) = before {
            terms.push([b, c].iter().collect());
        }
        before = Some(c);
    }
    terms
}

/// Full-width Latin letters and digits as their half-width twins.
fn half_width(c: char) -> Option<char> {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0),
        other => Some(other),
    }
}

/// Ranks passages, the best first; those that share no term with the question are left out.
pub fn rank<'a>(query: &str, passages: impl IntoIterator<Item = &'a str>) -> Vec<Hit> {
    let counted: Vec<(HashMap<String, f64>, f64)> = passages
        .into_iter()
        .map(|p| {
            let mut counts = HashMap::new();
            let mut length = 0.0;
            for t in terms(p) {
                *counts.entry(t).or_insert(0.0) += 1.0;
                length += 1.0;
            }
            (counts, length)
        })
        .collect();
    let all = counted.len() as f64;
    let mean = (counted.iter().map(|(_, l)| l).sum::<f64>() / all.max(1.0)).max(1.0);
    let mut wanted = terms(query);
    wanted.sort_unstable();
    wanted.dedup();
    let weighted: Vec<(&String, f64)> = wanted
        .iter()
        .map(|t| {
            let holding = counted.iter().filter(|(c, _)| c.contains_key(t)).count() as f64;
            (t, (1.0 + (all - holding + 0.5) / (holding + 0.5)).ln())
        })
        .collect();
    let most: f64 = weighted.iter().map(|(_, w)| w * (K1 + 1.0)).sum();
    let mut hits: Vec<Hit> = counted
        .iter()
        .enumerate()
        .filter_map(|(index, (counts, length))| {
            let score: f64 = weighted
                .iter()
                .filter_map(|(t, w)| {
                    let n = counts.get(*t)?;
                    Some(w * n * (K1 + 1.0) / (n + K1 * (1.0 - B + B * length / mean)))
                })
                .sum();
            (score > 0.0).then(|| Hit { index, score: (score / most).min(1.0) })
        })
        .collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
    hits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_passage_that_bears_on_the_question_comes_first() {
        let shop = [
            "返品は商品到着後8日以内に承ります。",
            "配送料は全国一律550円です。",
            "Returns are accepted within 8 days.",
            "Gift wrapping costs 300 yen.",
        ];
        let first = |q: &str| rank(q, shop).first().map(|h| h.index);
        assert_eq!(first("返品はできますか"), Some(0));
        assert_eq!(first("配送料はいくら"), Some(1));
        assert_eq!(first("can I get GIFT wrapping?"), Some(3));
        assert_eq!(first("zzz"), None);
    }
}
