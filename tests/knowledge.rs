//! The search, measured on shops and the questions of their shoppers.

#[path = "knowledge/measure.rs"]
mod measure;

use measure::{Tally, floor, part, parts, tally};

/// What was reached of the questions that nothing was tuned on, and of all others: first, among three, recognised, in percent; a change
/// that costs more than a point of it is to be meant.
const REACHED: [(bool, [f64; 3]); 2] = [(false, [70.2, 82.3, 63.0]), (true, [87.2, 95.1, 83.7])];

#[test]
fn nothing_is_found_less_than_was_reached() {
    let all: Vec<(bool, Tally)> = parts().iter().map(|p| (p.tuned, tally(p))).collect();
    for (tuned, reached) in REACHED {
        let of = |count: fn(&Tally) -> usize| all.iter().filter(|t| t.0 == tuned).map(|(_, t)| count(t)).sum::<usize>();
        let (answerable, unanswerable) = (of(|t| t.answerable), of(|t| t.unanswerable));
        let got = [
            part(of(|t| t.first), answerable),
            part(of(|t| t.among_three), answerable),
            part(of(|t| t.recognised), unanswerable),
        ];
        println!("tuned on: {tuned}: {got:.1?} of {answerable} and {unanswerable}");
        assert!(got.iter().zip(reached).all(|(got, reached)| *got >= reached - 1.0), "{got:.1?} of {reached:.1?}");
    }
}

#[test]
fn shoppers_find_what_answers_them_and_are_told_when_nothing_does() {
    let mut short = Vec::new();
    for wanted in &parts() {
        let tally = tally(wanted);
        let (first, three) = floor(wanted);
        println!("{:20} {tally}", wanted.name);
        println!("{:20} first {first:5.1}%  among three {three:5.1}%", "  pairs and BM25");
        tally.missed.iter().for_each(|line| println!("{line}"));
        for (what, got, least) in [
            ("first", part(tally.first, tally.answerable), 85.0),
            ("among three", part(tally.among_three, tally.answerable), 95.0),
            ("recognised", part(tally.recognised, tally.unanswerable), 90.0),
        ] {
            let asked = if what == "recognised" { tally.unanswerable } else { tally.answerable };
            if asked > 0 && got < least {
                short.push(format!("{}: {what} {got:.1}% of {least}%", wanted.name));
            }
        }
    }
    assert!(short.is_empty(), "{short:#?}");
}
