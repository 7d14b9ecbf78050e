//! How well and how fast the search answers, printed.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::panic, clippy::expect_used)]

#[path = "../tests/knowledge/measure.rs"]
mod measure;

fn main() {
    let quiet = std::env::args().any(|a| a == "--figures");
    let shop = measure::set("storefront/shop/documents.ndjson", "tests/knowledge/questions.ndjson");
    let cosmetics =
        measure::set("tests/knowledge/cosmetics_documents.ndjson", "tests/knowledge/cosmetics_questions.ndjson");
    for (name, set, half) in [
        ("the shop, tuned on", &shop, Some("tune")),
        ("the shop, held out", &shop, Some("held")),
        ("cosmetics", &cosmetics, None),
    ] {
        let tally = measure::tally(set, half);
        println!("{name:20} {tally}");
        if !quiet {
            tally.missed.iter().for_each(|line| println!("{line}"));
        }
    }
}
