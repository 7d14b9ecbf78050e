//! Fits what each kind of evidence weighs: among a question's passages and "nothing answers", the right one is to be the likeliest.

use madoguchi::knowledge::KINDS;

use crate::measure::Shop;

/// A question as the fit sees it: the evidence of each passage, and whether the passage answers.
#[derive(Clone)]
struct Case {
    passages: Vec<([f64; KINDS], bool)>,
    weight: f64,
}

/// How much the weights are held back towards none.
const HOLD: f64 = 0.3;

/// How much more that of a page in another language is: shops with pages in both would have the search refuse those of one.
const ALONE: f64 = 40.0;

/// Prints the weights that fit the questions given, each with the shop's name and the shop that it is asked of, after how they fare on the
/// shops and the questions that they were not fitted to.
pub fn fit(asked: &[(&str, &Shop, &crate::measure::Asked)]) {
    let cases: Vec<(&str, Case)> = asked.iter().map(|(name, shop, asked)| (*name, case(shop, asked))).collect();
    let mut shops: Vec<&str> = cases.iter().map(|c| c.0).collect();
    shops.sort_unstable();
    shops.dedup();
    for shop in shops {
        let (out, kept): (Vec<_>, Vec<_>) = cases.iter().partition(|c| c.0 == shop);
        fares(&format!("without {shop}"), &[(weights(&kept), out)]);
    }
    let all: Vec<&(&str, Case)> = cases.iter().collect();
    let folds: Vec<_> = (0..5)
        .map(|fold| {
            let (out, kept): (Vec<_>, Vec<_>) = all.iter().enumerate().partition(|(n, _)| n % 5 == fold);
            let kept: Vec<_> = kept.into_iter().map(|(_, c)| *c).collect();
            (weights(&kept), out.into_iter().map(|(_, c)| *c).collect())
        })
        .collect();
    fares("by question", &folds);
    let odds = weights(&all);
    fares("as fitted", &[(odds, all)]);
    println!("{} questions: [{}]", cases.len(), odds.map(|w| format!("{w:.1}")).join(", "));
}

fn case(shop: &Shop, asked: &crate::measure::Asked) -> Case {
    Case {
        passages: shop
            .index
            .evidence(&asked.q)
            .into_iter()
            .map(|(id, passage, e)| (e.0.map(f64::from), asked.answered_by(id, passage)))
            .collect(),
        weight: match asked.id.is_null() {
            true if shop.asked.iter().all(|a| a.id.is_null()) => 0.4,
            true => 1.2,
            false => 1.0,
        },
    }
}

/// Weights, and the cases that they are tried on.
type Part<'a> = ([f64; KINDS], Vec<&'a (&'a str, Case)>);

/// Prints how weights fare on cases.
fn fares(name: &str, parts: &[Part<'_>]) {
    let (mut answerable, mut first, mut unanswerable, mut recognised) = (0.0, 0.0, 0.0, 0.0);
    for (odds, cases) in parts {
        for (_, case) in cases {
            let score = |e: &[f64; KINDS]| e.iter().zip(odds).map(|(e, w)| e * w).sum::<f64>();
            let best = case.passages.iter().map(|(e, right)| (score(e), *right)).max_by(|a, b| a.0.total_cmp(&b.0));
            let told = best.filter(|b| b.0 >= 0.0);
            if case.weight == 1.0 {
                answerable += 1.0;
                first += if told.is_some_and(|b| b.1) { 1.0 } else { 0.0 };
            } else {
                unanswerable += 1.0;
                recognised += if told.is_none() { 1.0 } else { 0.0 };
            }
        }
    }
    println!(
        "{name:24} first {:5.1}% of {answerable}   recognised {:5.1}% of {unanswerable}",
        100.0 * first / answerable,
        100.0 * recognised / unanswerable
    );
}

fn weights(cases: &[&(&str, Case)]) -> [f64; KINDS] {
    // One whose passage is not looked at teaches nothing.
    let cases: Vec<&Case> =
        cases.iter().map(|c| &c.1).filter(|c| c.weight != 1.0 || c.passages.iter().any(|p| p.1)).collect();
    let mut odds = [0.0_f64; KINDS];
    let (mut first, mut second) = ([0.0; KINDS], [0.0; KINDS]);
    for step in 1..=1500 {
        let mut slope = odds.map(|w| HOLD * w);
        slope[KINDS - 1] *= ALONE;
        for case in &cases {
            let all: Vec<f64> =
                case.passages.iter().map(|(e, _)| e.iter().zip(odds).map(|(e, w)| e * w).sum::<f64>().exp()).collect();
            let sum: f64 = 1.0 + all.iter().sum::<f64>();
            let right: f64 = case.passages.iter().zip(&all).filter(|(p, _)| p.1).map(|(_, a)| a).sum();
            for ((evidence, answers), a) in case.passages.iter().zip(&all) {
                let wanted = if *answers { a / right } else { 0.0 };
                for (s, e) in slope.iter_mut().zip(evidence) {
                    *s += case.weight * (a / sum - wanted) * e;
                }
            }
        }
        for k in 0..KINDS {
            first[k] = 0.9 * first[k] + 0.1 * slope[k];
            second[k] = 0.999 * second[k] + 0.001 * slope[k] * slope[k];
            let (m, v) = (first[k] / (1.0 - 0.9_f64.powi(step)), second[k] / (1.0 - 0.999_f64.powi(step)));
            odds[k] -= 0.02 * m / (v.sqrt() + 1e-8);
        }
    }
    odds
}
