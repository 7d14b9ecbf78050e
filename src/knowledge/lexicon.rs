//! The vocabulary that question and page are both translated into: words, their readings, and the concepts they stand for.
//! The words are data: `lexicon.txt`, a vocabulary weighed for shops, and `everyday.txt`, a table of what else shops sell and shoppers
//! speak of. Either tells its own form.

mod packed;
mod reader;
mod senses;
mod sounds;

use std::collections::HashMap;
use std::sync::OnceLock;

use super::english;
use super::normal;
use reader::Reader;
use sounds::{Sounds, readings};

/// How much a concept tells about what a question wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// What a page may be about.
    Topic,
    /// A name that answers only where it is named.
    Name,
    /// Goods: which of them, where what is to be done with them is asked.
    Goods,
    /// One of many of which a page names some.
    Example,
    /// What is asked for: a time, a sum, a place.
    Intent,
    /// Too common in shops to tell much.
    Weak,
    /// What an everyday word means.
    Sense,
}

impl Class {
    /// That, as a number.
    pub fn weight(self) -> f32 {
        match self {
            Class::Topic => 1.0,
            Class::Name => 1.2,
            Class::Goods | Class::Example => 0.6,
            Class::Intent => 0.35,
            Class::Weak => 0.12,
            Class::Sense => 0.7,
        }
    }
}

/// A concept.
#[derive(Debug)]
pub struct Concept {
    /// Its name in the file.
    #[cfg(test)]
    pub name: String,
    /// Its class.
    pub class: Class,
    /// Concepts that bear on it, and how much.
    pub related: Vec<(u16, f32)>,
}

/// A word of the file: in Japanese with a reading, or in English.
#[derive(Debug)]
pub struct Word {
    /// The concepts it stands for, all of them; none for filler.
    pub concepts: Vec<u16>,
    /// What the everyday table has it mean, one or another.
    pub senses: Vec<u16>,
    /// How it may sound, folded, without what its inflection adds; none for English.
    pub readings: Vec<Box<str>>,
    /// Whether it only holds a sentence together.
    pub filler: bool,
}

/// Which word a written form belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// The word's place.
    pub word: u16,
    /// Which kana its inflection may add, as a place in [`ROWS`]; 0 for none.
    inflection: u8,
    /// Whether this is the word as it sounds rather than as it is written.
    pub by_sound: bool,
    /// Whether it counts as a whole word although it is two kana.
    pub sure: bool,
}

/// What may follow a stem, one kana: the godan rows with their euphonic forms, and the adjective's.
const ROWS: [(char, &str); 11] = [
    (' ', ""),
    ('k', "かきくけこい"),
    ('g', "がぎぐげごい"),
    ('s', "さしすせそ"),
    ('t', "たちつてとっ"),
    ('n', "なにぬねのん"),
    ('b', "ばびぶべぼん"),
    ('m', "まみむめもん"),
    ('r', "らりるれろっ"),
    ('w', "わいうえおっ"),
    ('i', "いくかけさそすみ"),
];

#[derive(Debug, Default, Clone, Copy)]
struct Node {
    /// Children are neighbours in `nodes`, from here.
    children: u32,
    count: u16,
    forms: u16,
    /// The forms that end here are neighbours in `forms`, from here.
    first_form: u32,
    label: char,
}

/// A phrase of English stems.
#[derive(Debug)]
struct Phrase {
    rest: Box<[Box<str>]>,
    word: u16,
}

/// The parsed file.
#[derive(Debug)]
pub struct Lexicon {
    /// Its concepts.
    pub concepts: Vec<Concept>,
    /// Its words.
    pub words: Vec<Word>,
    /// From here on words are in the everyday table alone.
    everyday: u16,
    nodes: Vec<Node>,
    forms: Vec<Form>,
    english: HashMap<Box<str>, Vec<Phrase>>,
    /// Stems that are words by themselves, for slips of the keyboard.
    stems: Vec<(Box<[char]>, u16)>,
    /// The skeletons of long enough kana words.
    skeletons: HashMap<Box<str>, Vec<u16>>,
    /// Readings of four kana or more, for slips of the keyboard.
    long_readings: Vec<(Box<[char]>, u16)>,
    /// Kanji and how each may sound in a compound.
    sounds: Sounds,
    /// What a number tells by what follows it.
    counters: HashMap<Box<str>, u16>,
}

/// A word without a reading of its own has this many of those that its characters allow.
const READINGS: usize = 8;

/// The one lexicon, parsed at its first use.
pub fn lexicon() -> &'static Lexicon {
    static LEXICON: OnceLock<Lexicon> = OnceLock::new();
    let file = packed::unpack;
    LEXICON.get_or_init(|| {
        Lexicon::parse(
            &file(include_bytes!(concat!(env!("OUT_DIR"), "/lexicon"))),
            &file(include_bytes!(concat!(env!("OUT_DIR"), "/everyday"))),
            &file(include_bytes!(concat!(env!("OUT_DIR"), "/kanji"))),
        )
    })
}

impl Lexicon {
    pub(crate) fn parse(text: &str, everyday: &str, kanji: &str) -> Lexicon {
        let mut reader = Reader::new(kanji);
        text.lines().for_each(|line| reader.line(line));
        reader.begin_everyday();
        senses::senses(everyday).for_each(|(japanese, english)| reader.sense(japanese, english));
        reader.finish()
    }

    /// Whether only the everyday table has a word.
    pub fn is_everyday(&self, word: u16) -> bool {
        word >= self.everyday
    }

    /// The word at a place.
    pub fn word(&self, word: u16) -> Option<&Word> {
        self.words.get(usize::from(word))
    }

    /// The concept at a place.
    pub fn concept(&self, concept: u16) -> Option<&Concept> {
        self.concepts.get(usize::from(concept))
    }

    /// Calls `found` with each word that begins the characters, and how many of them it takes, inflection included.
    pub fn prefixes(&self, chars: impl Iterator<Item = char> + Clone, mut found: impl FnMut(Form, usize)) {
        let mut node = self.nodes.first().copied().unwrap_or_default();
        let mut rest = chars;
        let mut length = 0;
        while let Some(c) = rest.next() {
            let Some(next) = self.child(node, c) else { return };
            node = next;
            length += 1;
            if node.forms == 0 {
                continue;
            }
            let after = rest.clone().next();
            for form in self.forms_at(node) {
                if form.inflection == 0 {
                    found(*form, length);
                } else if after.is_some_and(|c| row(form.inflection).contains(c)) {
                    found(*form, length + 1);
                }
            }
        }
    }

    /// The words that sound so, exactly; filler is left out.
    pub fn sounding(&self, reading: &str) -> Vec<u16> {
        let length = reading.chars().count();
        let mut words = Vec::new();
        self.prefixes(reading.chars(), |form, taken| {
            if taken == length && self.word(form.word).is_some_and(|w| !w.filler) {
                words.push(form.word);
            }
        });
        crate::order::sort_and_dedup(&mut words);
        words
    }

    /// The words that a kana text may be meant for: the same skeleton, or else one slip away.
    pub fn nearly_sounding(&self, kana: &str) -> Vec<u16> {
        if let Some(words) = self.skeletons.get(normal::skeleton(kana).as_str()) {
            return words.clone();
        }
        let chars: Vec<char> = kana.chars().collect();
        if chars.len() < 4 {
            return Vec::new();
        }
        let near = |(reading, _): &&(Box<[char]>, u16)| english::within(reading, &chars, 1);
        self.long_readings.iter().filter(near).map(|(_, w)| *w).collect()
    }

    /// The vocabulary's English word or phrase that begins the stems: the word, and how many of the stems it takes. A phrase may
    /// have up to two other words in each of its joints (send it back). The longest wins.
    pub fn phrase(&self, stems: &[&str]) -> Option<(u16, usize)> {
        let (first, after) = stems.split_first()?;
        let mut best: Option<(u16, usize, usize)> = None;
        for phrase in self.english.get(*first)?.iter().filter(|p| !self.is_everyday(p.word)) {
            let mut taken = 0;
            let whole =
                phrase.rest.iter().all(|part| match after.iter().skip(taken).take(3).position(|s| **s == **part) {
                    Some(at) => {
                        taken += at + 1;
                        true
                    }
                    None => false,
                });
            let parts = phrase.rest.len();
            if whole && best.is_none_or(|(_, n, t)| (parts, std::cmp::Reverse(taken)) > (n, std::cmp::Reverse(t))) {
                best = Some((phrase.word, parts, taken));
            }
        }
        best.map(|(word, _, taken)| (word, taken + 1))
    }

    /// The longest English word or phrase of the everyday table that begins the stems, and how many of them it is.
    pub fn everyday_phrase(&self, stems: &[&str]) -> Option<(u16, usize)> {
        let (first, after) = stems.split_first()?;
        let there =
            |p: &&Phrase| after.get(..p.rest.len()).is_some_and(|s| s.iter().zip(&p.rest).all(|(a, b)| **a == **b));
        let everyday = self.english.get(*first)?.iter().filter(|p| self.is_everyday(p.word));
        everyday.filter(there).max_by_key(|p| p.rest.len()).map(|p| (p.word, p.rest.len() + 1))
    }

    /// The English words one or two slips away from a stem; filler only where nothing else is.
    pub fn nearly(&self, stem: &str) -> Vec<u16> {
        let chars: Vec<char> = stem.chars().collect();
        let most = english::forgiven(chars.len());
        if most == 0 {
            return Vec::new();
        }
        let at = |n: usize| {
            self.stems
                .iter()
                .filter(move |(s, _)| s.first() == chars.first() && english::within(s, &chars, n))
                .map(|(_, w)| *w)
        };
        let says = |w: &u16| self.word(*w).is_some_and(|w| !w.filler);
        let found = |n: usize| at.clone()(n).partition::<Vec<u16>, _>(says);
        let near: Vec<_> = (1..=most).map(found).collect();
        let (say, hold): (Vec<_>, Vec<_>) = near.into_iter().unzip();
        say.into_iter().chain(hold).find(|found| !found.is_empty()).unwrap_or_default()
    }

    /// How a word in kanji may sound: every way to join what its characters sound like, within reason.
    pub fn readings(&self, word: &[char]) -> Vec<String> {
        readings(&self.sounds, word)
    }

    /// The concept of a number that these characters follow.
    pub fn counter(&self, after: &[char]) -> Option<u16> {
        // English ones stand alone: 5 days and not 5 daylight lamps.
        let letters = after.iter().take_while(|c| c.is_ascii_lowercase()).count();
        let lengths = if letters > 0 { letters..=letters } else { 1..=4 };
        lengths.rev().find_map(|n| {
            let text: String = after.get(..n)?.iter().collect();
            self.counters.get(text.as_str()).copied()
        })
    }

    /// Cuts letters that were typed without spaces into words, each known; the fewest words win.
    pub fn split(&self, letters: &str) -> Option<Vec<String>> {
        let at = |from: usize, to: usize| letters.get(from..to);
        let mut best: Vec<Option<(usize, usize)>> = vec![None; letters.len() + 1];
        if let Some(first) = best.first_mut() {
            *first = Some((0, 0));
        }
        for to in 2..=letters.len() {
            for from in to.saturating_sub(14)..=to - 2 {
                let Some((words, _)) = best.get(from).copied().flatten() else { continue };
                let known = at(from, to).is_some_and(|w| {
                    self.english.get(english::stem(w).as_str()).is_some_and(|p| p.iter().any(|p| p.rest.is_empty()))
                });
                let better = best.get(to).copied().flatten().is_none_or(|(n, _)| words + 1 < n);
                if known
                    && better
                    && let Some(slot) = best.get_mut(to)
                {
                    *slot = Some((words + 1, from));
                }
            }
        }
        let mut words = Vec::new();
        let mut to = letters.len();
        while to > 0 {
            let (_, from) = best.get(to).copied().flatten()?;
            words.push(at(from, to)?.to_owned());
            to = from;
        }
        words.reverse();
        Some(words)
    }

    fn child(&self, node: Node, c: char) -> Option<Node> {
        let from = node.children as usize;
        let children = self.nodes.get(from..from + usize::from(node.count))?;
        let at = children.binary_search_by_key(&c, |n| n.label).ok()?;
        children.get(at).copied()
    }

    fn forms_at(&self, node: Node) -> &[Form] {
        let from = node.first_form as usize;
        self.forms.get(from..from + usize::from(node.forms)).unwrap_or_default()
    }
}

fn row(inflection: u8) -> &'static str {
    ROWS.get(usize::from(inflection)).map_or("", |(_, row)| row)
}
