//! Fits what each kind of evidence weighs: among a question's passages and "nothing answers", the right one is to be the likeliest.

use madoguchi::knowledge::KINDS;

use crate::measure::Set;

/// A question as the fit sees it: the evidence of each passage, and whether the passage answers.
struct Case {
    passages: Vec<([f64; KINDS], bool)>,
    weight: f64,
}

/// How much the weights are held back towards none.
const HOLD: f64 = 0.3;

/// How much more that of a page in another language is: shops with pages in both would have the search refuse those of one.
const ALONE: f64 = 40.0;

/// Prints the weights that fit the questions given, each with the set it is asked of.
pub fn fit(asked: &[(&Set, &crate::measure::Asked)]) {
    let cases: Vec<Case> = asked
        .iter()
        .map(|(set, asked)| Case {
            passages: set
                .index
                .evidence(&asked.q)
                .into_iter()
                .map(|(id, passage, e)| (e.0.map(f64::from), asked.answered_by(id, passage)))
                .collect(),
            weight: match asked.id.is_null() {
                true if set.asked.iter().all(|a| a.id.is_null()) => 0.3,
                true => 0.8,
                false => 1.0,
            },
        })
        // One whose passage is not looked at teaches nothing.
        .filter(|c: &Case| c.weight != 1.0 || c.passages.iter().any(|p| p.1))
        .collect();
    let mut odds = [0.0_f64; KINDS];
    let (mut first, mut second) = ([0.0; KINDS], [0.0; KINDS]);
    for step in 1..=4000 {
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
    println!("{} questions: [{}]", cases.len(), odds.map(|w| format!("{w:.1}")).join(", "));
}
