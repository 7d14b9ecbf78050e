//! Packs the vocabulary that [`super::reader`] has read; for the build and for tests.

use std::collections::HashMap;

use super::layout::{Class, Form, MEANING, MOST_WORDS};
use super::reader::Sounds;

/// A concept.
pub struct Concept {
    /// Its name in the file.
    #[cfg(test)]
    pub name: String,
    /// Its class.
    pub class: Class,
    /// Concepts that bear on it, and how much.
    pub related: Vec<(u16, f32)>,
    /// What it means.
    pub meaning: [u8; MEANING],
}

/// A word: in Japanese with a reading, or in English.
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

/// A phrase of English stems.
pub struct Phrase {
    /// The stems after the first.
    pub rest: Box<[Box<str>]>,
    /// Its word's place.
    pub word: u32,
}

/// The vocabulary as it is read from its files.
pub struct Vocabulary {
    /// Its concepts.
    pub concepts: Vec<Concept>,
    /// Its words.
    pub words: Vec<Word>,
    /// From here on words are in the everyday table alone.
    pub everyday: u32,
    /// Every form in which a word in Japanese is written.
    pub spelt: Vec<(Vec<char>, Form)>,
    /// Phrases by their first stem.
    pub english: HashMap<Box<str>, Vec<Phrase>>,
    /// Stems that are words by themselves, for slips of the keyboard.
    pub stems: Vec<(Box<str>, u32)>,
    /// The skeletons of long enough kana words.
    pub skeletons: HashMap<Box<str>, Vec<u32>>,
    /// Readings of four kana or more, for slips of the keyboard.
    pub long_readings: Vec<(Box<str>, u32)>,
    /// Kanji and how each may sound in a compound.
    pub sounds: Sounds,
    /// What a number tells by what follows it.
    pub counters: HashMap<Box<str>, u16>,
}

/// The sections so far.
#[derive(Default)]
struct Sections(Vec<u8>);

impl Sections {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend((bytes.len() as u32).to_le_bytes());
        self.0.extend(bytes);
    }

    fn numbers(&mut self, numbers: impl IntoIterator<Item = u32>) {
        self.bytes(&numbers.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    }

    fn ids(&mut self, ids: impl IntoIterator<Item = u16>) {
        self.bytes(&ids.into_iter().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
    }

    /// Where each of some lists begins.
    fn starts(&mut self, lengths: impl IntoIterator<Item = usize>) {
        let mut at = 0;
        let ends = lengths.into_iter().map(|length| {
            at += length as u32;
            at
        });
        self.numbers(std::iter::once(0).chain(ends));
    }

    fn texts<'a>(&mut self, texts: impl Iterator<Item = &'a str> + Clone) {
        self.starts(texts.clone().map(str::len));
        self.bytes(texts.collect::<String>().as_bytes());
    }
}

fn sorted<K: Ord, V>(map: &HashMap<K, V>) -> Vec<(&K, &V)> {
    let mut all: Vec<(&K, &V)> = map.iter().collect();
    all.sort_by(|a, b| a.0.cmp(b.0));
    all
}

/// Packs a vocabulary.
///
/// # Errors
/// Tells what there is too much of for the numbers that it is written in.
pub fn pack(vocabulary: Vocabulary) -> Result<Vec<u8>, String> {
    let Vocabulary { concepts, words, everyday, spelt, english, mut stems, skeletons, long_readings, sounds, counters } =
        vocabulary;
    if words.len() >= MOST_WORDS || concepts.len() > usize::from(u16::MAX) {
        return Err(format!("the vocabulary has too many words ({}) or concepts ({})", words.len(), concepts.len()));
    }
    let mut out = Sections::default();
    out.numbers([everyday]);

    let tree = Tree::of(spelt);
    out.numbers(tree.labels.iter().map(|c| *c as u32));
    out.starts(tree.children);
    out.starts(tree.ending);
    out.numbers(tree.forms.iter().map(|f| f.packed()));

    out.bytes(&words.iter().map(|w| u8::from(w.filler)).collect::<Vec<u8>>());
    out.starts(words.iter().map(|w| w.concepts.len()));
    out.ids(words.iter().flat_map(|w| w.concepts.iter().copied()));
    out.starts(words.iter().map(|w| w.senses.len()));
    out.ids(words.iter().flat_map(|w| w.senses.iter().copied()));
    out.starts(words.iter().map(|w| w.readings.len()));
    out.texts(words.iter().flat_map(|w| w.readings.iter()).map(|r| &**r));

    out.bytes(&concepts.iter().map(|c| c.class as u8).collect::<Vec<u8>>());
    out.starts(concepts.iter().map(|c| c.related.len()));
    out.ids(concepts.iter().flat_map(|c| c.related.iter().map(|r| r.0)));
    out.numbers(concepts.iter().flat_map(|c| c.related.iter().map(|r| r.1.to_bits())));
    out.bytes(&concepts.iter().flat_map(|c| c.meaning).collect::<Vec<u8>>());

    let english = sorted(&english);
    let phrases = || english.iter().flat_map(|(_, phrases)| phrases.iter());
    out.texts(english.iter().map(|(first, _)| &***first));
    out.starts(english.iter().map(|(_, phrases)| phrases.len()));
    out.numbers(phrases().map(|p| p.word));
    out.starts(phrases().map(|p| p.rest.len()));
    out.texts(phrases().flat_map(|p| p.rest.iter()).map(|stem| &**stem));

    // Those that begin alike are together, each among them in its old place.
    stems.sort_by_key(|(stem, _)| stem.chars().next());
    out.texts(stems.iter().map(|(stem, _)| &**stem));
    out.numbers(stems.iter().map(|(_, word)| *word));

    let skeletons = sorted(&skeletons);
    out.texts(skeletons.iter().map(|(skeleton, _)| &***skeleton));
    out.starts(skeletons.iter().map(|(_, words)| words.len()));
    out.numbers(skeletons.iter().flat_map(|(_, words)| words.iter().copied()));

    out.texts(long_readings.iter().map(|(reading, _)| &**reading));
    out.numbers(long_readings.iter().map(|(_, word)| *word));

    let sounds = sorted(&sounds);
    out.numbers(sounds.iter().map(|(kanji, _)| **kanji as u32));
    out.starts(sounds.iter().map(|(_, sounds)| sounds.len()));
    out.texts(sounds.iter().flat_map(|(_, sounds)| sounds.iter()).map(|sound| &**sound));

    let counters = sorted(&counters);
    out.texts(counters.iter().map(|(counter, _)| &***counter));
    out.ids(counters.iter().map(|(_, concept)| **concept));
    Ok(out.0)
}

/// The forms as a tree whose nodes' children are neighbours, as are the forms that end in a node.
struct Tree {
    labels: Vec<char>,
    /// How many children each node has, and how many forms end there.
    children: Vec<usize>,
    ending: Vec<usize>,
    forms: Vec<Form>,
}

impl Tree {
    fn of(mut spelt: Vec<(Vec<char>, Form)>) -> Tree {
        spelt.sort_by(|a, b| a.0.cmp(&b.0));
        // The root is no one's child; its label is never looked at.
        let mut tree = Tree { labels: vec!['\0'], children: Vec::new(), ending: Vec::new(), forms: Vec::new() };
        // Each node yet to be opened: the part of `spelt` beneath it and its depth.
        let mut open = std::collections::VecDeque::from([(spelt.as_slice(), 0_usize)]);
        while let Some((beneath, depth)) = open.pop_front() {
            let ending = beneath.iter().take_while(|(form, _)| form.len() == depth).count();
            let (end_here, longer) = beneath.split_at(ending);
            tree.forms.extend(end_here.iter().map(|(_, form)| *form));
            tree.ending.push(ending);
            let before = tree.labels.len();
            for below in longer.chunk_by(|a, b| a.0.get(depth) == b.0.get(depth)) {
                tree.labels.extend(below.first().and_then(|(form, _)| form.get(depth)));
                open.push_back((below, depth + 1));
            }
            tree.children.push(tree.labels.len() - before);
        }
        tree
    }
}
