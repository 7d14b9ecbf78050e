//! Sets of questions with the documents that answer them, and how a search fares on one.

#![allow(clippy::panic, clippy::indexing_slicing)]

mod rank;

use std::collections::HashMap;

use madoguchi::knowledge::{Document, Index, Lexicon, passage};
use serde::Deserialize;
use serde_json::Value;

/// A question of a set.
#[derive(Debug, Deserialize)]
pub struct Asked {
    /// What the shopper types.
    pub q: String,
    /// The document that answers, a list where several do, null where none does.
    pub id: Value,
    /// What of its content answers, beside each id; without it the document is enough.
    #[serde(default)]
    pub passage: Value,
    /// `tune` or `held`; a set without halves is asked whole.
    #[serde(default)]
    pub half: Option<String>,
}

/// A shop and what is asked of it.
pub struct Set {
    /// Its documents, indexed.
    pub index: Index,
    /// Its questions.
    pub asked: Vec<Asked>,
}

impl Set {
    /// The questions of one half, or all of them.
    pub fn asked(&self, half: Option<&str>) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(move |a| half.is_none() || a.half.as_deref() == half)
    }
}

/// What became of the questions.
#[derive(Debug, Default)]
pub struct Tally {
    pub answerable: usize,
    pub first: usize,
    pub among_three: usize,
    pub unanswerable: usize,
    pub recognised: usize,
    /// Answerable, and told that nothing bears on it.
    pub refused: usize,
    /// A line for each question that was not answered as it should be.
    pub missed: Vec<String>,
}

fn lines<T: for<'a> Deserialize<'a>>(path: &str) -> Vec<T> {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{path}: {e}: {line}"))).collect()
}

/// A shop's set, and which half of its questions.
pub struct Part {
    pub name: &'static str,
    pub set: usize,
    pub half: Option<&'static str>,
    /// Whether the search is tuned on it.
    #[allow(dead_code, reason = "the test has one bar for all; the figures tell them apart")]
    pub tuned: bool,
}

/// The shops' documents.
const SHOPS: [(&str, &str); 11] = [
    ("shop", "storefront/shop/documents.ndjson"),
    ("cosmetics", "tests/knowledge/cosmetics_documents.ndjson"),
    ("electronics", "tests/knowledge/electronics_documents.ndjson"),
    ("clothing", "tests/knowledge/clothing_documents.ndjson"),
    ("sweets", "tests/knowledge/sweets_documents.ndjson"),
    ("pets", "tests/knowledge/pets_documents.ndjson"),
    ("furniture", "tests/knowledge/furniture_documents.ndjson"),
    ("tea", "tests/knowledge/tea_documents.ndjson"),
    ("outdoor", "tests/knowledge/outdoor_documents.ndjson"),
    ("flowers", "tests/knowledge/flowers_documents.ndjson"),
    ("stationery", "tests/knowledge/stationery_documents.ndjson"),
];

/// The first of them are those that `topics.ndjson` tells answers of.
const SHOPS_WITH_TOPICS: usize = 4;

/// For each question its passages, each a document and its words; none where the shop cannot answer.
type Answers = HashMap<String, Option<Vec<(String, String)>>>;

/// A topic of any shop, what answers it in each, by language, and its questions.
#[derive(Debug, Deserialize)]
struct Topic {
    answers: HashMap<String, Answers>,
    questions: Vec<String>,
}

/// The questions of all topics as they are asked of one shop: those of which it is told what answers them there.
fn topics(shop: &str) -> Vec<Asked> {
    let mut asked = Vec::new();
    for topic in lines::<Topic>("tests/knowledge/topics.ndjson") {
        for q in topic.questions {
            let lang = if q.is_ascii() { "en" } else { "ja" };
            let Some(answers) = topic.answers.get(shop).and_then(|a| a.get(lang)) else { continue };
            let (id, passage) = match answers {
                Some(pairs) => pairs.iter().map(|(id, p)| (Value::from(id.as_str()), Value::from(p.as_str()))).unzip(),
                None => (Vec::new(), Vec::new()),
            };
            let id = if answers.is_some() { Value::Array(id) } else { Value::Null };
            asked.push(Asked { q, id, passage: Value::Array(passage), half: None });
        }
    }
    asked
}

/// The shops with the questions of [`PARTS`].
pub fn sets() -> Vec<Set> {
    let indexed = |shop: usize| Index::new(Lexicon::built(), lines::<Document>(SHOPS[shop].1));
    let own = [
        (0, "questions"),
        (1, "cosmetics_questions"),
        (2, "electronics_questions"),
        (0, "elsewhere"),
        (1, "elsewhere"),
        (2, "elsewhere"),
        (3, "clothing_questions"),
        (0, "fresh_questions"),
        (4, "sweets_questions"),
        (5, "pets_questions"),
        (4, "elsewhere"),
        (6, "furniture_questions"),
        (7, "tea_questions"),
        (8, "outdoor_questions"),
        (9, "flowers_questions"),
        (10, "stationery_questions"),
    ];
    let own =
        own.map(|(shop, file)| Set { index: indexed(shop), asked: lines(&format!("tests/knowledge/{file}.ndjson")) });
    let topics = (0..SHOPS_WITH_TOPICS).map(|shop| Set { index: indexed(shop), asked: topics(SHOPS[shop].0) });
    own.into_iter().chain(topics).collect()
}

/// What is measured.
pub const PARTS: [Part; 21] = [
    Part { name: "the shop, tuned on", set: 0, half: Some("tune"), tuned: true },
    Part { name: "the shop, held out", set: 0, half: Some("held"), tuned: false },
    Part { name: "cosmetics", set: 1, half: None, tuned: true },
    Part { name: "electronics", set: 2, half: None, tuned: true },
    Part { name: "the shop, fresh", set: 7, half: None, tuned: true },
    Part { name: "clothing", set: 6, half: None, tuned: true },
    Part { name: "the shop, no shop's", set: 3, half: None, tuned: true },
    Part { name: "cosmetics, no shop's", set: 4, half: None, tuned: true },
    Part { name: "electronics, no shop's", set: 5, half: None, tuned: true },
    Part { name: "the shop, topics", set: 16, half: None, tuned: true },
    Part { name: "cosmetics, topics", set: 17, half: None, tuned: true },
    Part { name: "electronics, topics", set: 18, half: None, tuned: true },
    Part { name: "clothing, topics", set: 19, half: None, tuned: true },
    Part { name: "sweets", set: 8, half: None, tuned: true },
    Part { name: "pets", set: 9, half: None, tuned: true },
    Part { name: "furniture", set: 11, half: None, tuned: true },
    Part { name: "tea", set: 12, half: None, tuned: false },
    Part { name: "outdoor", set: 13, half: None, tuned: true },
    Part { name: "flowers", set: 14, half: None, tuned: true },
    Part { name: "stationery", set: 15, half: None, tuned: false },
    Part { name: "sweets, no shop's", set: 10, half: None, tuned: true },
];

fn list(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

impl Asked {
    /// Whether a document's passage is one that answers.
    pub fn answered_by(&self, id: &str, passage: &str) -> bool {
        let passages = list(&self.passage);
        list(&self.id)
            .iter()
            .enumerate()
            .any(|(n, right)| *right == id && passages.get(n).is_none_or(|p| passage.contains(p)))
    }
}

/// Asks a set's questions, those of one half or all of them. A question that is refused has no passage, right or not.
pub fn tally(set: &Set, half: Option<&str>) -> Tally {
    let mut tally = Tally::default();
    for asked in set.asked(half) {
        let hits = set.index.bearing(&asked.q, 3);
        let nearest = if hits.is_empty() { set.index.search(&asked.q, 3) } else { Vec::new() };
        let told =
            || hits.iter().chain(&nearest).map(|h| format!("{} {:.2}", h.id, h.score)).collect::<Vec<_>>().join(", ");
        if asked.id.is_null() {
            tally.unanswerable += 1;
            if !hits.is_empty() {
                tally.missed.push(format!("  answered, not to be: {}  [{}]", asked.q, told()));
            } else {
                tally.recognised += 1;
            }
            continue;
        }
        tally.answerable += 1;
        let place = hits.iter().position(|h| asked.answered_by(&h.id, &h.passage));
        let refused = hits.is_empty();
        tally.refused += usize::from(refused);
        tally.first += usize::from(place == Some(0));
        tally.among_three += usize::from(place.is_some());
        if place != Some(0) {
            let what = match place {
                Some(n) => format!("place {}", n + 1),
                None if refused => "refused".to_owned(),
                None => "not among three".to_owned(),
            };
            tally.missed.push(format!("  {what}: {}  wanted {}  [{}]", asked.q, list(&asked.id).join(" or "), told()));
        }
    }
    tally
}

/// The same questions put to pairs of characters and BM25: how many of the answerable have the right passage first and among
/// three. It has no way to tell that nothing answers.
pub fn floor(set: &Set, half: Option<&str>) -> (f64, f64) {
    let mut passages: Vec<(&str, &str)> =
        set.index.documents().flat_map(|d| passage::cut(&d.content).into_iter().map(|p| (d.id.as_str(), p))).collect();
    passages.sort_unstable();
    let (mut all, mut first, mut three) = (0, 0, 0);
    for asked in set.asked(half).filter(|a| !a.id.is_null()) {
        let hits = rank::rank(&asked.q, passages.iter().map(|(_, p)| *p));
        let place = hits.iter().take(3).position(|h| asked.answered_by(passages[h.index].0, passages[h.index].1));
        all += 1;
        first += usize::from(place == Some(0));
        three += usize::from(place.is_some());
    }
    (part(first, all), part(three, all))
}

pub fn part(of: usize, all: usize) -> f64 {
    100.0 * of as f64 / all.max(1) as f64
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "first {:5.1}%  among three {:5.1}%  ({} answerable, {} refused)   unanswerable recognised {:5.1}% ({})",
            part(self.first, self.answerable),
            part(self.among_three, self.answerable),
            self.answerable,
            self.refused,
            part(self.recognised, self.unanswerable),
            self.unanswerable
        )
    }
}
