//! What a passage is found by: its terms, each with where it stands in the passage.

use std::collections::HashMap;

use super::lexicon::Lexicon;
use super::meaning::{Direction, Meaning};
use super::passage;
use super::terms::{self, Term};
use crate::order;

/// Where in a passage a term stands.
#[derive(Debug, Clone, Copy)]
pub struct Posting {
    /// The passage's place.
    pub passage: u32,
    /// Where it holds; see [`places`].
    pub sentences: u16,
    /// How often it stands in the text, [`OFTEN`] at most; with [`HEADED`] where it stands in a heading, too.
    body: u8,
    /// 0, or how much of the title the term is, in 255ths.
    pub title: u8,
}

const OFTEN: u8 = 0x7f;
const HEADED: u8 = 0x80;

impl Posting {
    /// How often the term stands in the text, so far as it is counted.
    pub fn times(&self) -> u8 {
        self.body & OFTEN
    }

    /// Whether it stands in a heading.
    pub fn is_headed(&self) -> bool {
        self.body & HEADED > 0
    }
}

/// So many places are told apart in a passage.
pub const PLACES: usize = 16;

/// Where in a passage a sentence holds, a bit a place: a heading in all of its section, the head of a table in its rows.
fn places(sentences: &[&str], at: usize) -> u16 {
    let is_row = |s: &str| s.starts_with('|');
    let rest = sentences.get(at + 1..).unwrap_or_default();
    let before = at.checked_sub(1).and_then(|before| sentences.get(before));
    let more = match sentences.get(at) {
        Some(s) if passage::is_heading(s) => rest.iter().take_while(|s| !passage::is_heading(s)).count(),
        Some(s) if is_row(s) && !before.is_some_and(|s| is_row(s)) => rest.iter().take_while(|s| is_row(s)).count(),
        _ => 0,
    };
    let place = |at: usize| at * PLACES / sentences.len().max(PLACES);
    (at..=at + more).fold(0, |places, at| places | 1 << place(at))
}

/// What a passage is found by.
pub struct Analysis {
    /// Its terms with their places.
    pub postings: HashMap<Term, Posting>,
    /// The Latin stems that the lexicon does not know, each once.
    pub unknown: Vec<String>,
    /// Where it points as a whole, and each of its sentences; with the title.
    pub directions: (Direction, Box<[Direction]>),
}

/// How much of the title's meaning each sentence has.
const TITLED: f32 = 0.7;

/// Reads a passage.
pub fn analyse(lexicon: &Lexicon, id: u32, title: Option<&str>, text: &str) -> Analysis {
    let mut postings: HashMap<Term, Posting> = HashMap::new();
    let mut words: Vec<String> = Vec::new();
    let fresh = Posting { passage: id, sentences: 0, body: 0, title: 0 };
    let sentences: Vec<&str> = passage::sentences(text).collect();
    let mut meanings: Vec<Meaning> = Vec::new();
    for (at, sentence) in sentences.iter().enumerate() {
        let places = places(&sentences, at);
        let headed = if passage::is_heading(sentence) { HEADED } else { 0 };
        let found = |term| {
            let posting = postings.entry(term).or_insert(fresh);
            posting.body = (posting.body + u8::from(posting.times() < OFTEN)) | headed;
            posting.sentences |= places;
        };
        meanings.push(terms::page(lexicon, sentence, found, |stem| words.push(stem.to_owned())));
    }
    let mut about = Meaning::default();
    if let Some(title) = title {
        let mut held = Vec::new();
        about = terms::page(lexicon, title, |term| held.push(term), |stem| words.push(stem.to_owned()));
        // A title of one thing says more of it than one of many.
        let things = held.iter().filter(|t| t.is_thing()).count().max(1);
        for term in held {
            postings.entry(term).or_insert(fresh).title = (255 / things).max(1) as u8;
        }
    }
    order::sort_and_dedup(&mut words);
    let mut whole = about;
    for meaning in &mut meanings {
        whole.join(meaning, 1.0);
        meaning.join(&about, TITLED);
    }
    let directions = (whole.direction(), meanings.iter().map(Meaning::direction).collect());
    Analysis { postings, unknown: words, directions }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_holds_in_its_section_and_the_head_of_a_table_in_its_rows() {
        let page = [
            "はじめに。",
            "## 送料",
            "東京は無料です。",
            "| 地域 | 日数 |",
            "| 九州 | 二日 |",
            "## 返品",
            "八日以内です。",
        ];
        let told: Vec<u16> = (0..page.len()).map(|at| places(&page, at)).collect();
        assert_eq!(told, [1, 0b11110, 0b100, 0b11000, 0b10000, 0b110_0000, 0b100_0000]);
        let long = vec!["。"; 40];
        assert_eq!((places(&long, 0), places(&long, 39)), (1, 1 << 15));
    }
}
