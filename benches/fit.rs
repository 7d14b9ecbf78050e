//! Fits what each kind of evidence weighs: among a question's passages and "nothing answers" the right one is to be the likeliest, and
//! from the best of them it is to be told whether any answers.

use madoguchi::knowledge::{KINDS, Kind};

use crate::measure::{Asked, Shop};

/// A question as the fit sees it: the evidence of each passage, and whether the passage answers.
#[derive(Clone)]
struct Case {
    passages: Vec<(Weights, bool)>,
    answerable: bool,
    /// What it weighs where passages compete, and where it is told whether any answers.
    weights: [f64; 2],
}

type Weights = [f64; KINDS];

/// What is fitted: what tells the best passage, and what tells whether it answers.
type Odds = [Weights; 2];

/// How much the weights are held back towards none, in the first fit and in the second.
const HOLD: [f64; 2] = [0.3, 3.0];

/// How much more that of a page in another language is: shops with pages in both would have the search refuse those of one.
const ALONE: f64 = 40.0;

/// What says the same of all passages or next to nothing of which is best.
const OF_NO_PASSAGE: [Kind; 4] = [Kind::Long, Kind::Wordy, Kind::Few, Kind::Japanese];

/// A page's language does not tell whether it answers, nor does what it is about: what the shop cannot answer is about the same things.
const OF_NO_ANSWER: [Kind; 4] = [Kind::Near, Kind::Akin, Kind::Foreign, Kind::ForeignAlone];

/// Shops that the vocabulary was written for least, and how much more their questions tell of whether any passage answers: a shop to come
/// is like them, and the others have many more questions.
const UNSEEN: [(&str, f64); 3] = [("outdoor", 10.0), ("flowers", 10.0), ("small shops", 5.0)];

/// Prints the weights that fit the questions given, each with the shop's name and the shop that it is asked of, after how they fare on the
/// shops and the questions that they were not fitted to.
pub fn fit(asked: &[(&str, &Shop, &Asked)]) {
    let cases: Vec<(&str, Case)> = asked.iter().map(|(name, shop, asked)| (*name, case(name, shop, asked))).collect();
    let mut shops: Vec<&str> = cases.iter().map(|c| c.0).collect();
    shops.sort_unstable();
    shops.dedup();
    for shop in shops {
        let (out, kept): (Vec<_>, Vec<_>) = cases.iter().partition(|c| c.0 == shop);
        fares(&format!("without {shop}"), &[(odds(&kept), out)]);
    }
    let all: Vec<&(&str, Case)> = cases.iter().collect();
    let folds: Vec<_> = (0..5)
        .map(|fold| {
            let (out, kept): (Vec<_>, Vec<_>) = all.iter().enumerate().partition(|(n, _)| n % 5 == fold);
            let kept: Vec<_> = kept.into_iter().map(|(_, c)| *c).collect();
            (odds(&kept), out.into_iter().map(|(_, c)| *c).collect())
        })
        .collect();
    fares("by question", &folds);
    let fitted = odds(&all);
    fares("as fitted", &[(fitted, all)]);
    for (what, weights) in ["best", "bar"].iter().zip(fitted) {
        println!("{} questions, {what}: [{}]", cases.len(), weights.map(|w| format!("{w:.2}")).join(", "));
    }
}

fn case(name: &str, shop: &Shop, asked: &Asked) -> Case {
    let unseen = UNSEEN.iter().find(|(shop, _)| *shop == name).map_or(1.0, |(_, weighs)| *weighs);
    let weights = match asked.id.is_null() {
        true if shop.asked.iter().all(|a| a.id.is_null()) => [0.4, 1.3],
        true => [1.2, 1.56],
        false => [1.0, 1.0],
    };
    Case {
        passages: shop
            .index
            .evidence(&asked.q)
            .into_iter()
            .map(|(hit, e)| (e.0.map(f64::from), asked.answered_by(&hit.id, &hit.passage)))
            .collect(),
        answerable: !asked.id.is_null(),
        weights: [weights[0], weights[1] * unseen],
    }
}

fn times(evidence: &Weights, weights: &Weights) -> f64 {
    evidence.iter().zip(weights).map(|(e, w)| e * w).sum()
}

/// The passages of a case, the best first.
fn ranked<'a>(case: &'a Case, weights: &Weights) -> Vec<&'a (Weights, bool)> {
    let mut ranked: Vec<_> = case.passages.iter().collect();
    ranked.sort_by(|a, b| times(&b.0, weights).total_cmp(&times(&a.0, weights)));
    ranked
}

/// Weights, and the cases that they are tried on.
type Part<'a> = (Odds, Vec<&'a (&'a str, Case)>);

/// Prints how weights fare on cases.
fn fares(name: &str, parts: &[Part<'_>]) {
    let (mut answerable, mut first, mut unanswerable, mut recognised) = (0.0, 0.0, 0.0, 0.0);
    for ([best, bar], cases) in parts {
        for (_, case) in cases {
            let told = ranked(case, best).first().map(|p| **p).filter(|p| times(&p.0, bar) >= 0.0);
            if case.answerable {
                answerable += 1.0;
                first += if told.is_some_and(|p| p.1) { 1.0 } else { 0.0 };
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

fn odds(cases: &[&(&str, Case)]) -> Odds {
    let best = best(cases);
    [best, bar(cases, &best)]
}

fn best(cases: &[&(&str, Case)]) -> Weights {
    // One whose passage is not looked at teaches nothing.
    let cases: Vec<&Case> =
        cases.iter().map(|c| &c.1).filter(|c| !c.answerable || c.passages.iter().any(|p| p.1)).collect();
    descend(|odds| {
        let mut slope = odds.map(|w| HOLD[0] * w);
        slope[KINDS - 1] *= ALONE;
        for case in &cases {
            let all: Vec<f64> = case.passages.iter().map(|(e, _)| times(e, odds).exp()).collect();
            let sum: f64 = 1.0 + all.iter().sum::<f64>();
            let right: f64 = case.passages.iter().zip(&all).filter(|(p, _)| p.1).map(|(_, a)| a).sum();
            for ((evidence, answers), a) in case.passages.iter().zip(&all) {
                let wanted = if *answers { a / right } else { 0.0 };
                for (s, e) in slope.iter_mut().zip(evidence) {
                    *s += case.weights[0] * (a / sum - wanted) * e;
                }
            }
        }
        OF_NO_PASSAGE.iter().for_each(|kind| slope[*kind as usize] = 0.0);
        slope
    })
}

fn bar(cases: &[&(&str, Case)], best: &Weights) -> Weights {
    let tops: Vec<(&Weights, &Case)> = cases
        .iter()
        .filter_map(|(_, case)| {
            let ranked = ranked(case, best);
            // One whose answer is not near teaches nothing of how an answer looks.
            let near = !case.answerable || ranked.iter().take(3).any(|p| p.1);
            near.then(|| ranked.first().map(|p| (&p.0, case))).flatten()
        })
        .collect();
    descend(|odds| {
        let mut slope = odds.map(|w| HOLD[1] * w);
        for (evidence, case) in &tops {
            let chance = 1.0 / (1.0 + (-times(evidence, odds)).exp());
            let wanted = if case.answerable { 1.0 } else { 0.0 };
            for (s, e) in slope.iter_mut().zip(*evidence) {
                *s += case.weights[1] * (chance - wanted) * e;
            }
        }
        OF_NO_ANSWER.iter().for_each(|kind| slope[*kind as usize] = 0.0);
        slope
    })
}

/// So many steps, each shorter than the one before.
const STEPS: i32 = 2_000;
const FIRST_STEP: f64 = 0.06;

/// Where a slope is even.
fn descend(slope: impl Fn(&Weights) -> Weights) -> Weights {
    let mut odds = [0.0_f64; KINDS];
    let (mut first, mut second) = ([0.0; KINDS], [0.0; KINDS]);
    for step in 1..=STEPS {
        let length = FIRST_STEP * (1.0 - f64::from(step) / f64::from(STEPS + 1));
        let slope = slope(&odds);
        for k in 0..KINDS {
            first[k] = 0.9 * first[k] + 0.1 * slope[k];
            second[k] = 0.999 * second[k] + 0.001 * slope[k] * slope[k];
            let (m, v) = (first[k] / (1.0 - 0.9_f64.powi(step)), second[k] / (1.0 - 0.999_f64.powi(step)));
            odds[k] -= length * m / (v.sqrt() + 1e-8);
        }
    }
    odds
}
