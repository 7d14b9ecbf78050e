//! Mutated replies of the table: none may panic, none may cost more than its length allows.
//!
//! `MADOGUCHI_FUZZ_SECONDS=600 cargo test --release --test json mutated -- --nocapture` runs it for ten minutes, from
//! a seed of its own each time (told, and taken from `MADOGUCHI_FUZZ_SEED` to run it again).

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use madoguchi::json::{ReadAs, Reader, Schema, parse, parse_counting_steps, parse_with_schema};
use serde_json::{Value, json};

use crate::cases::cases;
use crate::generate::Random;

const MARKS: [&str; 48] = [
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "'",
    "“",
    "”",
    "「",
    "」",
    "『",
    "』",
    "`",
    "```",
    "```json\n",
    "~~~",
    ",",
    "、",
    "，",
    ":",
    "：",
    ";",
    "=",
    "=>",
    "\\",
    "\\\"",
    "\\u",
    "\\ud83d",
    "\n",
    "\n\n",
    "\t",
    " ",
    "　",
    "//",
    "/*",
    "*/",
    "#",
    "...",
    "…",
    "<think>",
    "</think>",
    "> ",
    "null",
    "-",
    "+",
    "\u{feff}",
];

/// A byte offset at a character's beginning.
fn place(text: &str, random: &mut Random) -> usize {
    let mut at = random.below(text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn slice<'t>(text: &'t str, most: usize, random: &mut Random) -> &'t str {
    let from = place(text, random);
    let length = 1 + random.below(most);
    let mut to = (from + length).min(text.len());
    while !text.is_char_boundary(to) {
        to += 1;
    }
    &text[from..to]
}

fn mutated(seeds: &[String], random: &mut Random) -> String {
    let mut text = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        let at = place(&text, random);
        match random.below(8) {
            0 | 1 => text.insert_str(at, MARKS[random.below(MARKS.len())]),
            2 => {
                let rest = text[at..].char_indices().nth(1 + random.below(6)).map_or(text.len(), |(i, _)| at + i);
                text.replace_range(at..rest, "");
            }
            3 => text.truncate(at),
            4 => text = text[at..].to_owned(),
            5 => {
                let other = seeds[random.below(seeds.len())].as_str();
                text.insert_str(at, slice(other, 60, random));
            }
            6 => {
                let again = slice(&text, 20, random).repeat(1 + random.below(6));
                text.insert_str(at, &again);
            }
            _ => text.insert_str(at, &"[{(\"'`"[..1 + random.below(6)]),
        }
    }
    text
}

#[test]
fn mutated_replies_neither_panic_nor_run_away() {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let seconds = number("MADOGUCHI_FUZZ_SECONDS");
    // The short run of the tests is the same each time.
    let seed = number("MADOGUCHI_FUZZ_SEED").unwrap_or_else(|| match seconds {
        Some(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64,
        None => 1,
    });
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(4));
    let mut random = Random::new(seed);
    let seeds: Vec<String> = cases().into_iter().map(|c| c.reply).filter(|r| !r.is_empty()).collect();
    let schema = Schema::new(&json!({"type": "object", "properties": {
        "a": {"type": "string"}, "summary": {"type": "string"}, "score": {"type": "number"},
        "tags": {"type": "array", "items": {"type": "string"}}}}))
    .unwrap();
    let (mut runs, mut bytes, mut most) = (0_u64, 0_u64, (0.0_f64, String::new()));
    while Instant::now() < until {
        let mut text = mutated(&seeds, &mut random);
        let long = runs.is_multiple_of(64);
        if long && !text.is_empty() {
            let part = slice(&text, 30, &mut random).to_owned();
            let at = place(&text, &mut random);
            text.insert_str(at, &part.repeat(100_000 / part.len().max(1)));
        }
        let began = Instant::now();
        let (read, steps) = parse_counting_steps(&text);
        let mut spent = began.elapsed();
        runs += 1;
        bytes += text.len() as u64;
        let each = steps as f64 / (text.len() + 64) as f64;
        if each > most.0 {
            most = (each, text.chars().take(120).collect());
        }
        assert!(each < 300.0, "seed {seed}: {each} steps a byte for {text:?}");
        let allowed = Duration::from_millis(400) + Duration::from_nanos(8_000) * text.len() as u32;
        // The clock is asked in the long run alone, and the best of a few readings counts: a machine may be busy with
        // something else. The short run counts steps.
        for _ in 0..4 {
            if seconds.is_none() || spent < allowed {
                break;
            }
            let began = Instant::now();
            let _ = parse(&text);
            spent = spent.min(began.elapsed());
        }
        let beginning: String = text.chars().take(200).collect();
        assert!(seconds.is_none() || spent < allowed, "seed {seed}: {spent:?} for {} bytes, {beginning:?}", text.len());
        if let Ok(parsed) = &read {
            let theirs = serde_json::from_str::<Value>(&text);
            assert!(parsed.read_as != ReadAs::Strict || theirs.is_ok(), "seed {seed}: {text:?}");
            assert!(theirs.is_err() || parsed.read_as == ReadAs::Strict || held(&text), "seed {seed}: {text:?}");
            assert!(parsed.repairs.iter().all(|r| r.at <= text.len()), "seed {seed}: a place outside of {text:?}");
            // What was read is valid JSON, and read as such.
            let written = parsed.value.to_string();
            let again = parse(&written).unwrap().value;
            assert_eq!(again, serde_json::from_str::<Value>(&written).unwrap(), "seed {seed}: {text:?}");
        }
        if !long {
            let _ = parse_with_schema(&text, &schema);
            let mut reader = Reader::new();
            let cut = place(&text, &mut random);
            reader.push(&text[..cut]);
            reader.push(&text[cut..]);
            assert_eq!(reader.finish(), read, "seed {seed}: {text:?}");
        }
    }
    println!("{runs} replies, {bytes} bytes, seed {seed}; most steps a byte {:.0}: {:?}", most.0, most.1);
}

/// A valid JSON string that holds JSON is read as what it holds.
fn held(text: &str) -> bool {
    text.trim_start().starts_with('"')
}
