//! The index an isolate holds: the shop's documents, searched in memory. It is built from the documents alone, so a copy
//! is as good as its list of documents, and a document is put and removed without touching the rest.
//!
//! The object that keeps the documents is asked for them once and not for each question: every isolate searches its own copy,
//! so search grows with the isolates and no object stands in its way.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::evidence::{self, Evidence, Found, Kind, Weighed};
use super::lexicon::Lexicon;
use super::meaning::Direction;
use super::passage;
use super::posting::{Analysis, PLACES, Posting, analyse};
use super::question::{Question, is_japanese, near};
use super::terms::Term;
use crate::order;

/// A page of the shop's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its name, unique in the shop.
    pub id: String,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its text.
    pub content: String,
    /// Where a shopper may read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its language, as `ja` or `en`; found from the text where it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
}

/// A passage that may answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// The document's id.
    pub id: String,
    /// The document's title.
    pub title: Option<String>,
    /// The document's address.
    pub url: Option<String>,
    /// The passage.
    pub passage: String,
    /// From 0 to 1, comparable between questions and shops; see [`Hit::bears`].
    pub score: f64,
}

/// From this score on a passage bears on the question.
pub const BEARS: f64 = 0.5;

/// From this score on a passage is told beside one that bears, if it is among so many: further down little is worth reading.
const ALONGSIDE: f64 = 0.2;
const BESIDE: usize = 3;

impl Hit {
    /// Whether the passage bears on the question, rather than being the nearest of what does not.
    pub fn bears(&self) -> bool {
        self.score >= BEARS
    }
}

/// Terms are hashes already.
#[derive(Debug, Default, Clone)]
pub struct TermHasher(u64);

impl Hasher for TermHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.write_u64(u64::from(*b));
        }
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
}

#[derive(Debug)]
struct Passage {
    document: u32,
    from: u32,
    to: u32,
    /// Terms in it, for the length to be weighed.
    terms: u16,
    sentences: u8,
    japanese: bool,
    /// Where it points as a whole, and each of its sentences.
    directions: (Direction, Box<[Direction]>),
}

#[derive(Debug)]
struct Page {
    document: Document,
    passages: Vec<u32>,
}

/// The index.
#[derive(Debug, Default)]
pub struct Index {
    lexicon: Arc<Lexicon>,
    pages: Vec<Option<Page>>,
    passages: Vec<Option<Passage>>,
    free_pages: Vec<u32>,
    free_passages: Vec<u32>,
    by_id: HashMap<String, u32>,
    postings: HashMap<Term, Vec<Posting>, BuildHasherDefault<TermHasher>>,
    /// Latin stems that the lexicon does not know, and in how many passages they stand.
    vocabulary: HashMap<Box<str>, u32>,
    terms: u64,
}

/// How much of a term's worth it has by standing in the title, and in the text.
const TITLE: f32 = 0.6;
const BODY: f32 = 0.75;
/// A page in another language than the question's, where both are there.
const FOREIGN: f32 = 0.78;
/// What even the commonest of a shop's words are worth.
const COMMONEST: f32 = 0.2;
/// A passage of middle length, in terms.
const MIDDLING: f32 = 250.0;
/// How rare a word is, a shop of fewer pages is told no better than one of so many.
const FEWEST: usize = 30;
/// So many of the best are looked at sentence by sentence.
const LOOKED_AT: usize = 48;

impl Index {
    /// An index of these documents, read with a vocabulary.
    pub fn new(lexicon: Arc<Lexicon>, documents: impl IntoIterator<Item = Document>) -> Index {
        let mut index = Index { lexicon, ..Index::default() };
        for document in documents {
            index.put(document);
        }
        index
    }

    /// Reads documents and questions with this vocabulary from now on. What was read with another is read again.
    pub fn read_with(&mut self, lexicon: &Arc<Lexicon>) {
        if !self.is_read_with(lexicon) {
            let pages = std::mem::take(&mut self.pages);
            *self = Index::new(Arc::clone(lexicon), pages.into_iter().flatten().map(|page| page.document));
        }
    }

    /// Whether it reads with this vocabulary.
    pub fn is_read_with(&self, lexicon: &Arc<Lexicon>) -> bool {
        Arc::ptr_eq(&self.lexicon, lexicon)
    }

    /// Forgets every document.
    pub fn clear(&mut self) {
        *self = Index::new(Arc::clone(&self.lexicon), []);
    }

    /// How many documents it holds.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The document of that id.
    pub fn get(&self, id: &str) -> Option<&Document> {
        let page = self.pages.get(*self.by_id.get(id)? as usize)?.as_ref()?;
        Some(&page.document)
    }

    /// Every document, in no order that means anything.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        self.pages.iter().flatten().map(|p| &p.document)
    }

    /// Adds a document, in the place of one with the same id.
    pub fn put(&mut self, document: Document) {
        self.remove(&document.id);
        let page = self.free_pages.pop().unwrap_or(self.pages.len() as u32);
        let japanese = match document.lang.as_deref().map(str::to_ascii_lowercase).filter(|lang| !lang.is_empty()) {
            // Many write the country's code for the language's.
            Some(lang) => lang.starts_with("ja") || lang == "jp",
            None => is_japanese(&document.content),
        };
        let mut passages = Vec::new();
        for text in passage::cut(&document.content) {
            let from = text.as_ptr() as usize - document.content.as_ptr() as usize;
            let id = self.free_passages.pop().unwrap_or(self.passages.len() as u32);
            let Analysis { postings, unknown, directions } =
                analyse(&self.lexicon, id, document.title.as_deref(), text);
            let mut terms = 0_u16;
            for (term, posting) in postings {
                terms = terms.saturating_add(u16::from(posting.times()));
                let list = self.postings.entry(term).or_default();
                let at = list.partition_point(|p| p.passage < id);
                list.insert(at, posting);
            }
            for word in unknown {
                *self.vocabulary.entry(word.into()).or_default() += 1;
            }
            self.terms += u64::from(terms);
            let sentences = passage::sentences(text).count().min(PLACES) as u8;
            let held = Passage {
                document: page,
                from: from as u32,
                to: (from + text.len()) as u32,
                terms,
                sentences,
                japanese,
                directions,
            };
            match self.passages.get_mut(id as usize) {
                Some(slot) => *slot = Some(held),
                None => self.passages.push(Some(held)),
            }
            passages.push(id);
        }
        self.by_id.insert(document.id.clone(), page);
        let held = Page { document, passages };
        match self.pages.get_mut(page as usize) {
            Some(slot) => *slot = Some(held),
            None => self.pages.push(Some(held)),
        }
    }

    /// Takes a document out; whether it was there.
    pub fn remove(&mut self, id: &str) -> bool {
        let Some(slot) = self.by_id.remove(id) else { return false };
        let Some(page) = self.pages.get_mut(slot as usize).and_then(Option::take) else { return false };
        self.free_pages.push(slot);
        for id in page.passages {
            let Some(passage) = self.passages.get_mut(id as usize).and_then(Option::take) else { continue };
            self.free_passages.push(id);
            self.terms -= u64::from(passage.terms);
            let text = page.document.content.get(passage.from as usize..passage.to as usize).unwrap_or_default();
            // What it was indexed by is not kept but found again.
            let Analysis { postings, unknown, .. } = analyse(&self.lexicon, id, page.document.title.as_deref(), text);
            for (term, _) in postings {
                if let Some(list) = self.postings.get_mut(&term) {
                    if let Ok(at) = list.binary_search_by_key(&id, |p| p.passage) {
                        list.remove(at);
                    }
                    if list.is_empty() {
                        self.postings.remove(&term);
                    }
                }
            }
            for word in unknown {
                if let Some(count) = self.vocabulary.get_mut(word.as_str()) {
                    *count -= 1;
                    if *count == 0 {
                        self.vocabulary.remove(word.as_str());
                    }
                }
            }
        }
        true
    }

    /// The passages nearest to a question, the best first, at most `limit`, whether they bear on it or not.
    pub fn search(&self, query: &str, limit: usize) -> Vec<Hit> {
        self.ranked(&self.read(query)).into_iter().take(limit).filter_map(|(id, score)| self.hit(id, score)).collect()
    }

    fn hit(&self, id: u32, score: f64) -> Option<Hit> {
        let (document, passage) = self.passage(id)?;
        Some(Hit {
            id: document.id.clone(),
            title: document.title.clone(),
            url: document.url.clone(),
            passage: passage.to_owned(),
            score,
        })
    }

    /// The passages that bear on a question, the best first, and after them those that nearly do; none where the documents do
    /// not answer it.
    pub fn bearing(&self, query: &str, limit: usize) -> Vec<Hit> {
        let mut hits = self.search(query, limit);
        let least = if hits.first().is_some_and(Hit::bears) { ALONGSIDE } else { BEARS };
        let told =
            hits.iter().enumerate().take_while(|(at, hit)| hit.score >= if *at < BESIDE { least } else { BEARS });
        hits.truncate(told.count());
        hits
    }

    /// The passages that [`Index::search`] looks at, in no order, with what speaks for and against each: for the fit of what each kind of
    /// evidence weighs.
    pub fn evidence(&self, query: &str) -> Vec<(Hit, Evidence)> {
        let question = self.read(query);
        let mut found = self.found(&question);
        evidence::give_way(&mut found);
        let chances = evidence::chances(&found);
        let told = |((id, evidence), (_, score))| Some((self.hit(id, score)?, evidence));
        found.into_iter().zip(chances).filter_map(told).collect()
    }

    fn read(&self, query: &str) -> Question {
        Question::read(&self.lexicon, query, |stem| near(self.vocabulary.keys().map(|k| &**k), stem))
    }

    fn passage(&self, id: u32) -> Option<(&Document, &str)> {
        let passage = self.passages.get(id as usize)?.as_ref()?;
        let document = &self.pages.get(passage.document as usize)?.as_ref()?.document;
        Some((document, document.content.get(passage.from as usize..passage.to as usize)?))
    }

    fn ranked(&self, question: &Question) -> Vec<(u32, f64)> {
        let mut found = self.found(question);
        evidence::give_way(&mut found);
        let mut ranked = evidence::chances(&found);
        order::sort_by(&mut ranked, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked
    }

    /// The likeliest passages, and what speaks for and against each.
    fn found(&self, question: &Question) -> Vec<(u32, Evidence)> {
        let count = self.len().max(FEWEST) as f32;
        let mean = (self.terms as f32 / self.passages.len().max(1) as f32).max(1.0);
        let mut totals: Vec<f32> = vec![0.0; self.passages.len()];
        let mut scratch: Vec<Found> = vec![Found::default(); self.passages.len()];
        let mut units: Vec<Weighed> = Vec::new();
        for unit in &question.units {
            let found = self.find(&unit.terms, &unit.pairs, mean, &mut scratch);
            let best = found.iter().map(|f| f.strength).fold(0.0, f32::max);
            // What only its relations meet is as rare as what nothing does.
            let own = (best / evidence::SYNONYM).min(1.0);
            let rarity = self.rarity(&found, count);
            let weight = own * unit.weight * rarity + (1.0 - own) * unit.absent;
            for f in &found {
                if let Some(total) = totals.get_mut(f.passage as usize) {
                    *total += weight * f.value;
                }
            }
            units.push(Weighed { weight, anywhere: unit.weight, part: unit.part, best, found });
        }
        let mut best: Vec<(u32, f32)> =
            totals.iter().enumerate().filter(|(_, t)| **t > 0.0).map(|(id, t)| (id as u32, *t)).collect();
        // What a page in another language is worth, the odds say; here it gives way where there are too many.
        // The bits of positive numbers are in the order of the numbers; inverted, the best comes first.
        let rank = |(id, total): &(u32, f32)| !(total * self.language(*id, question)).to_bits();
        if best.len() > LOOKED_AT {
            let mut ranks: Vec<u32> = best.iter().map(rank).collect();
            order::sort_numbers(&mut ranks);
            let last = ranks.get(LOOKED_AT - 1).copied().unwrap_or(u32::MAX);
            let mut room = LOOKED_AT - ranks.partition_point(|r| *r < last);
            best.retain(|b| match rank(b).cmp(&last) {
                Ordering::Less => true,
                Ordering::Equal => {
                    let fits = room > 0;
                    room -= usize::from(fits);
                    fits
                }
                Ordering::Greater => false,
            });
        }
        let few = 1.0 - self.len() as f32 / count;
        let asked = question.meaning.direction();
        let written = self.written(&question.pairs);
        let all = written.iter().map(|(_, worth)| worth).sum::<f32>().max(f32::MIN_POSITIVE);
        best.into_iter()
            .filter_map(|(id, total)| {
                let passage = self.passages.get(id as usize)?.as_ref()?;
                let has = |postings: &[Posting]| postings.binary_search_by_key(&id, |p| p.passage).is_ok();
                let there: f32 = written.iter().filter(|(postings, _)| has(postings)).map(|(_, worth)| worth).sum();
                let mut evidence = evidence::weigh(id, passage.sentences, total, there / all, &units);
                let (whole, sentences) = &passage.directions;
                let near = sentences.iter().map(|sentence| asked.nearness(sentence)).fold(0.0, f32::max);
                evidence.set(Kind::Near, near);
                evidence.set(Kind::Akin, asked.nearness(whole).max(0.0));
                evidence.set(Kind::Long, question.length);
                evidence.set(Kind::Wordy, (f32::from(passage.terms.max(3)) / MIDDLING).ln());
                evidence.set(Kind::Few, few);
                evidence.set(Kind::Japanese, f32::from(u8::from(question.japanese)));
                if passage.japanese != question.japanese {
                    evidence.set(Kind::Foreign, 1.0);
                }
                Some((id, evidence))
            })
            .collect()
    }

    /// These pairs of characters with where each stands, and what each tells: the rarer the more.
    fn written(&self, pairs: &[Term]) -> Vec<(&[Posting], f32)> {
        let count = self.passages.len() as f32;
        let postings = |pair| self.postings.get(pair).map(Vec::as_slice).unwrap_or_default();
        pairs.iter().map(postings).map(|p| (p, (1.0 + count / (p.len() as f32 + 0.5)).ln())).collect()
    }

    fn language(&self, passage: u32, question: &Question) -> f32 {
        let same = self
            .passages
            .get(passage as usize)
            .and_then(|p| p.as_ref())
            .is_none_or(|p| p.japanese == question.japanese);
        if same { 1.0 } else { FOREIGN }
    }

    /// How rare what was found is among the documents, from 0 to 1.
    fn rarity(&self, found: &[Found], count: f32) -> f32 {
        let mut holding = 0.0;
        let mut document = (u32::MAX, 0.0_f32);
        for f in found {
            let of = self.passages.get(f.passage as usize).and_then(|p| p.as_ref()).map_or(u32::MAX, |p| p.document);
            if of != document.0 {
                holding += document.1;
                document = (of, 0.0);
            }
            document.1 = document.1.max(f.value);
        }
        holding += document.1;
        let idf = |n: f32| (1.0 + (count - n + 0.5).max(0.0) / (n + 0.5)).ln();
        (idf(holding) / idf(0.0)).max(0.0).powf(0.7).max(COMMONEST)
    }

    /// Where the terms of one unit stand, the best term for each passage, by passage.
    fn find(&self, terms: &[(Term, f32)], pairs: &[Term], mean: f32, scratch: &mut [Found]) -> Vec<Found> {
        let mut touched: Vec<u32> = Vec::new();
        let mut meet = |posting: &Posting, strength: f32, value: f32| {
            let Some(slot) = scratch.get_mut(posting.passage as usize) else { return };
            if slot.strength == 0.0 {
                touched.push(posting.passage);
                slot.passage = posting.passage;
            }
            slot.strength = slot.strength.max(strength);
            slot.value = slot.value.max(value);
            slot.sentences |= posting.sentences;
            if posting.title > 0 {
                slot.title = slot.title.max(strength);
            }
            if posting.is_headed() {
                slot.headed = slot.headed.max(strength);
            }
        };
        for (term, strength) in terms {
            for posting in self.postings.get(term).map(Vec::as_slice).unwrap_or_default() {
                meet(posting, *strength, *strength * self.worth(posting, mean));
            }
        }
        if !pairs.is_empty() {
            // Most of the pairs, in the same passage: one pair in common is chance.
            let mut counts: HashMap<u32, (f32, Posting)> = HashMap::new();
            for pair in pairs {
                for posting in self.postings.get(pair).map(Vec::as_slice).unwrap_or_default() {
                    let entry = counts.entry(posting.passage).or_insert((0.0, *posting));
                    entry.0 += 1.0;
                    entry.1.sentences &= posting.sentences;
                    entry.1.title = entry.1.title.min(posting.title);
                }
            }
            for (part, posting) in counts.into_values() {
                let strength = (part / pairs.len() as f32).powi(2);
                if strength > 0.2 {
                    meet(&posting, strength, strength * self.worth(&posting, mean));
                }
            }
        }
        order::sort_numbers(&mut touched);
        touched.iter().filter_map(|id| scratch.get_mut(*id as usize).map(std::mem::take)).collect()
    }

    fn worth(&self, posting: &Posting, mean: f32) -> f32 {
        let terms =
            self.passages.get(posting.passage as usize).and_then(|p| p.as_ref()).map_or(0.0, |p| f32::from(p.terms));
        let times = f32::from(posting.times());
        let saturated = times / (times + 0.7 * (0.6 + 0.4 * terms / mean));
        let title = match posting.title {
            0 => 0.0,
            part => TITLE * (0.7 + 0.3 * f32::from(part) / 255.0),
        };
        (BODY * saturated + title).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(pages: &[(&str, &str, &str)]) -> Index {
        let document = |(id, title, content): &(&str, &str, &str)| Document {
            id: (*id).to_owned(),
            title: Some((*title).to_owned()),
            content: (*content).to_owned(),
            url: None,
            lang: None,
        };
        Index::new(Lexicon::built(), pages.iter().map(document))
    }

    fn found(index: &Index, question: &str) -> Vec<String> {
        index.bearing(question, 3).into_iter().map(|hit| hit.id).collect()
    }

    const SHIRTS: [(&str, &str, &str); 3] = [
        ("hoodie", "パーカーの洗い方", "パーカーは裏返してネットに入れ、洗濯機で洗えます。"),
        ("collar", "襟のお手入れ", "襟の汚れは、石けんを付けて洗ってください。"),
        ("shipping", "送料", "送料は全国一律600円です。"),
    ];

    #[test]
    fn an_english_question_finds_what_only_the_everyday_table_has_words_for() {
        let index = index(&SHIRTS);
        assert_eq!(found(&index, "how do I wash the hoodie").first().map(String::as_str), Some("hoodie"));
        assert!(found(&index, "do you sell cucumbers").is_empty());
        assert!(found(&index, "きゅうりはありますか").is_empty());
    }

    #[test]
    fn a_plain_question_is_answered_in_a_shop_of_a_page_or_two() {
        let pages = [
            ("returns", "返品について", "返品は商品到着後8日以内に承ります。送料はお客様のご負担です。"),
            (
                "shipping",
                "Shipping",
                "Orders ship within 2 business days and arrive 3 to 5 days later. It costs 600 yen.",
            ),
        ];
        let asked = [["返品は何日以内ですか", "返品できる?"], ["How long does shipping take?", "how much is shipping"]];
        for (page, questions) in pages.iter().zip(asked) {
            for question in questions {
                for shop in [std::slice::from_ref(page), &pages[..]] {
                    let found = found(&index(shop), question);
                    assert_eq!(found.first().map(String::as_str), Some(page.0), "{question} of {}", shop.len());
                }
                let elsewhere = index(&SHIRTS[..1]);
                assert!(found(&elsewhere, question).is_empty(), "{question}");
            }
        }
    }

    #[test]
    fn a_place_is_met_by_the_region_that_it_lies_in_and_a_region_by_no_place_in_another() {
        let shipping = [
            (
                "fee",
                "送料",
                "| お届け先 | 送料 |\n|---|---|\n| 関東・関西 | 600円 |\n| 北海道 | 900円 |\n| 沖縄 | 1,200円 |",
            ),
            ("en-fee", "Shipping fees", "Kanto and Kansai 600 yen, Hokkaido 900 yen, Okinawa 1,200 yen."),
            ("shop", "店舗", "札幌の店は10時から18時まで営業しています。"),
        ];
        let index = index(&shipping);
        for question in
            ["大阪に送ったらいくら", "那覇までの送料は?", "how much to send to osaka", "shipping cost to sapporo"]
        {
            assert!(found(&index, question).first().is_some_and(|id| id.ends_with("fee")), "{question}");
        }
        let lexicon = Lexicon::built();
        let bear = |of: &str, on: &str| {
            let concepts =
                |text: &str| lexicon.sounding(text).into_iter().flat_map(|w| lexicon.concepts(w)).collect::<Vec<_>>();
            let on = concepts(on);
            concepts(of).into_iter().any(|c| lexicon.related(c).any(|(r, weight)| on.contains(&r) && weight > 0.8))
        };
        assert!(bear("さっぽろ", "ほっかいどう") && !bear("ほっかいどう", "さっぽろ"));
    }

    #[test]
    fn of_several_senses_the_page_has_the_one_that_was_meant() {
        let pets = [("collar", "首輪の洗い方", "首輪は手洗いしてください。"), SHIRTS[2]];
        for shop in [&SHIRTS[..], &pets[..]] {
            let found = found(&index(shop), "how do I wash the collar");
            assert_eq!(found.first().map(String::as_str), Some("collar"));
        }
    }

    #[test]
    fn what_a_heading_names_is_about_that() {
        let page = |content| index(&[("all", "Our plants", content), SHIRTS[0]]);
        let chance = |content| page(content).search("when is the refund paid", 1).first().map_or(0.0, |hit| hit.score);
        let (under, beside) = ("# Refunds\nPaid within a week.", "Refunds.\nIt is paid within a week.");
        assert!(chance(under) > chance(beside), "{} {}", chance(under), chance(beside));
    }

    #[test]
    fn a_page_of_many_questions_answers_each() {
        let faq = (
            "faq",
            "FAQ",
            "How should I store the beans?\nIn the bag they came in, away from light.\n\nCan I pause my subscription?\nYes, in \
             your account, for up to three months. You can cancel there too.\n\nQ. 送料はいくらですか。\nA. 全国一律980円です。",
        );
        let index = index(&[faq]);
        for question in ["how do I cancel the subscription", "送料いくら", "how do I store the beans"] {
            assert_eq!(found(&index, question), ["faq"], "{question}");
        }
        for question in ["do you sell cucumbers", "電話番号を教えて"] {
            assert!(found(&index, question).is_empty(), "{question}");
        }
    }
}
