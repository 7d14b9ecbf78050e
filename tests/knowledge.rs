//! The search, measured on shops and the questions of their shoppers.

#[path = "knowledge/measure.rs"]
mod measure;

use measure::{floor, part, parts, tally};

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
