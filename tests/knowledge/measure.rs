//! Sets of questions with the documents that answer them, and how a search fares on one.

#![allow(clippy::panic, clippy::indexing_slicing)]

mod rank;

use std::collections::HashMap;

use madoguchi::knowledge::{Document, Hit, Index, Lexicon, passage};
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
    /// `tune` or `held`, where a set has halves.
    #[serde(default)]
    pub half: Option<String>,
}

/// A shop and what is asked of it.
pub struct Shop {
    /// Its documents, indexed.
    pub index: Index,
    /// Its questions.
    pub asked: Vec<Asked>,
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
    /// The same as `first` and `among_three` of the nearest passages, whether they bear on it or not.
    pub nearest: [usize; 2],
    /// A line for each question that was not answered as it should be.
    pub missed: Vec<String>,
}

fn lines<T: for<'a> Deserialize<'a>>(path: &str) -> Vec<T> {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{path}: {e}: {line}"))).collect()
}

/// What is measured: a shop, or several as one.
pub struct Part {
    pub name: &'static str,
    pub shops: Vec<Shop>,
    /// Whether the search is tuned on it.
    #[allow(dead_code, reason = "the test has one bar for all; the figures tell them apart")]
    pub tuned: bool,
}

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

/// A shop of a few pages.
#[derive(Debug, Deserialize)]
struct Small {
    half: String,
    documents: Vec<Document>,
    questions: Vec<Asked>,
}

fn small_shops(half: &str) -> Vec<Shop> {
    let all: Vec<Small> = lines("tests/knowledge/small_shops.ndjson");
    let shop = |s: Small| Shop { index: Index::new(Lexicon::built(), s.documents), asked: s.questions };
    all.into_iter().filter(|s| s.half == half).map(shop).collect()
}

/// Everything that is measured.
pub fn parts() -> Vec<Part> {
    let documents = |name| match name {
        "shop" => "storefront/shop/documents.ndjson".to_owned(),
        _ => format!("tests/knowledge/{name}_documents.ndjson"),
    };
    let shop = |name, asked| Shop { index: Index::new(Lexicon::built(), lines(&documents(name))), asked };
    let questions = |file: &str| lines::<Asked>(&format!("tests/knowledge/{file}.ndjson"));
    let half = |of: &str| questions("questions").into_iter().filter(|a| a.half.as_deref() == Some(of)).collect();
    let part = |name, shop, tuned| Part { name, shops: vec![shop], tuned };
    let whole = |name, tuned| part(name, shop(name, questions(&format!("{name}_questions"))), tuned);
    vec![
        part("the shop, tuned on", shop("shop", half("tune")), true),
        part("the shop, held out", shop("shop", half("held")), false),
        whole("cosmetics", true),
        whole("electronics", true),
        part("the shop, fresh", shop("shop", questions("fresh_questions")), true),
        whole("clothing", true),
        part("the shop, no shop's", shop("shop", questions("elsewhere")), true),
        part("cosmetics, no shop's", shop("cosmetics", questions("elsewhere")), true),
        part("electronics, no shop's", shop("electronics", questions("elsewhere")), true),
        part("the shop, topics", shop("shop", topics("shop")), true),
        part("cosmetics, topics", shop("cosmetics", topics("cosmetics")), true),
        part("electronics, topics", shop("electronics", topics("electronics")), true),
        part("clothing, topics", shop("clothing", topics("clothing")), true),
        whole("sweets", true),
        whole("pets", true),
        whole("furniture", true),
        whole("tea", false),
        whole("outdoor", true),
        whole("flowers", true),
        whole("stationery", false),
        whole("baby", true),
        whole("wine", true),
        whole("glasses", false),
        whole("craft", false),
        whole("zakka", false),
        whole("music", true),
        whole("bike", false),
        whole("jewel", false),
        whole("camera", false),
        whole("running", false),
        whole("cookware", false),
        whole("seafood", false),
        whole("toys", false),
        whole("bedding", false),
        whole("bags", false),
        whole("diy", false),
        part("sweets, no shop's", shop("sweets", questions("elsewhere")), true),
        Part { name: "small shops", shops: small_shops("tune"), tuned: true },
        Part { name: "small, held out", shops: small_shops("held"), tuned: false },
    ]
}

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

impl Part {
    /// Every question, with the shop that it is asked of.
    pub fn asked(&self) -> impl Iterator<Item = (&Shop, &Asked)> {
        self.shops.iter().flat_map(|shop| shop.asked.iter().map(move |asked| (shop, asked)))
    }
}

/// Asks all questions of a part. One that is refused has no passage, right or not.
pub fn tally(of: &Part) -> Tally {
    let mut tally = Tally::default();
    for (shop, asked) in of.asked() {
        let hits = shop.index.bearing(&asked.q, 3);
        let nearest = if hits.is_empty() { shop.index.search(&asked.q, 3) } else { Vec::new() };
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
        let place = |hits: &[Hit]| hits.iter().position(|h| asked.answered_by(&h.id, &h.passage));
        let near = place(&shop.index.search(&asked.q, 3));
        tally.nearest[0] += usize::from(near == Some(0));
        tally.nearest[1] += usize::from(near.is_some());
        let place = place(&hits);
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
pub fn floor(of: &Part) -> (f64, f64) {
    let (mut all, mut first, mut three) = (0, 0, 0);
    for shop in &of.shops {
        let mut passages: Vec<(&str, &str)> = (shop.index.documents())
            .flat_map(|d| passage::cut(&d.content).into_iter().map(|p| (d.id.as_str(), p)))
            .collect();
        passages.sort_unstable();
        for asked in shop.asked.iter().filter(|a| !a.id.is_null()) {
            let hits = rank::rank(&asked.q, passages.iter().map(|(_, p)| *p));
            let place = hits.iter().take(3).position(|h| asked.answered_by(passages[h.index].0, passages[h.index].1));
            all += 1;
            first += usize::from(place == Some(0));
            three += usize::from(place.is_some());
        }
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
            "first {:5.1}%  among three {:5.1}%  ({} answerable, {} refused; nearest {:.1} and {:.1}%)   unanswerable recognised {:5.1}% ({})",
            part(self.first, self.answerable),
            part(self.among_three, self.answerable),
            self.answerable,
            self.refused,
            part(self.nearest[0], self.answerable),
            part(self.nearest[1], self.answerable),
            part(self.recognised, self.unanswerable),
            self.unanswerable
        )
    }
}
