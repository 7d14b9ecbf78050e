//! How well and how fast the search answers, printed. With names, only those parts; `--figures` leaves out the missed questions;
//! `--why PART QUESTION...` tells what speaks for and against the passages; `--fit` prints the weights of evidence that fit the questions which may be tuned on.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::indexing_slicing)]

#[path = "fit.rs"]
mod fit;
#[path = "../tests/knowledge/measure.rs"]
mod measure;

use std::time::Instant;

use madoguchi::knowledge::{Document, Index, Lexicon};
use measure::{Shop, floor, parts, tally};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let quiet = words.iter().any(|w| w == "--figures");
    let names: Vec<&String> = words.iter().filter(|w| !w.starts_with("--")).collect();
    let start = Instant::now();
    let _lexicon = Lexicon::built();
    let loaded = start.elapsed();
    let parts = parts();
    if words.first().is_some_and(|w| w == "--why") {
        // What only measures is not looked into.
        for shop in
            parts.iter().filter(|p| p.tuned && words.get(1).is_some_and(|w| p.name.contains(w))).flat_map(|p| &p.shops)
        {
            for question in words.iter().skip(2) {
                println!("{question}");
                let mut told = shop.index.evidence(question);
                told.sort_by(|a, b| b.0.score.total_cmp(&a.0.score));
                for (hit, evidence) in told.iter().take(4) {
                    println!("  {:20} {:.2} {:?}", hit.id, hit.score, evidence.0);
                }
            }
        }
        return;
    }
    if words.iter().any(|w| w == "--fit") {
        let tuned: Vec<_> = parts
            .iter()
            .filter(|p| p.tuned)
            .flat_map(|p| p.asked().map(|(shop, asked)| (p.name.split(',').next().unwrap_or(p.name), shop, asked)))
            .collect();
        return fit::fit(&tuned);
    }
    for part in parts.iter().filter(|p| names.is_empty() || names.iter().any(|n| p.name.contains(n.as_str()))) {
        let tally = tally(part);
        let (first, three) = floor(part);
        println!("{:20} {tally}", part.name);
        println!("{:20} first {first:5.1}%  among three {three:5.1}%", "  pairs and BM25");
        if !quiet {
            tally.missed.iter().for_each(|line| println!("{line}"));
        }
    }
    if names.is_empty() && !quiet {
        println!("the vocabulary is loaded in {:.2} ms", loaded.as_secs_f64() * 1e3);
        speed(&parts[0].shops[0]);
    }
}

/// Every question of the shop over and over, in one thread, on the shop as it is and on one of two thousand documents.
fn speed(shop: &Shop) {
    for wanted in [shop.index.len(), 2000] {
        let documents: Vec<Document> = (0..)
            .flat_map(|copy| {
                shop.index.documents().map(move |d| Document { id: format!("{}-{copy}", d.id), ..d.clone() })
            })
            .take(wanted)
            .collect();
        let start = Instant::now();
        let index = Index::new(Lexicon::built(), documents);
        let built = start.elapsed();
        let start = Instant::now();
        let mut asked = 0_u32;
        while start.elapsed().as_secs() < 2 {
            for question in &shop.asked {
                std::hint::black_box(index.search(&question.q, 5));
                asked += 1;
            }
        }
        let each = start.elapsed() / asked;
        println!(
            "{wanted} documents: {:.0} questions a second in one thread, {:.0} us each; the index built in {:.0} ms",
            1.0 / each.as_secs_f64(),
            each.as_secs_f64() * 1e6,
            built.as_secs_f64() * 1e3
        );
    }
}
