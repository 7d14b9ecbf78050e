//! Reads the vocabulary's files; for the build and for tests.

use std::collections::HashMap;

use super::layout::{Class, Form, MEANING, ROWS, digest};
use super::senses;
use super::sounds::{is_kana, readings};
use super::writer::{Concept, Phrase, Vocabulary, Word};
use crate::decimal;
use crate::knowledge::{english, normal};

/// How much a page about a concept of the vocabulary bears on an everyday word of the same sense as one of its words.
const SENSE_BEARS: f32 = 0.3;

/// A word without a reading of its own has this many of those that its characters allow.
const READINGS: usize = 8;

/// Reads the vocabulary, the table of everyday words, how kanji sound, and what is meant.
pub fn read(lexicon: &str, everyday: &str, kanji: &str, meanings: &[u8]) -> Vocabulary {
    let mut reader = Reader::new(kanji, meanings);
    lexicon.lines().for_each(|line| reader.line(line));
    reader.begin_everyday();
    senses::senses(everyday).for_each(|(japanese, english)| reader.sense(japanese, english));
    reader.finish()
}

/// A line's words that have the same concepts.
pub struct Group<'a> {
    /// Their concepts, by which a page may be met; see [`concepts`].
    pub names: String,
    /// Concepts that bear on the first of these, and how much.
    pub related: &'a str,
    /// The words.
    pub words: Vec<&'a str>,
}

/// The groups of words of a line of the vocabulary.
pub fn groups(line: &str) -> Vec<Group<'_>> {
    let Some((head, words)) = line.split_once(" = ").filter(|(head, _)| !head.starts_with('#')) else {
        return Vec::new();
    };
    let (names, related) = head.split_once('>').unwrap_or((head, ""));
    let names = names.trim();
    if !names.trim_start_matches(['!', '%', '^']).starts_with('*') {
        return vec![Group { names: names.to_owned(), related, words: words.split_whitespace().collect() }];
    }
    let alone = |group| {
        let first = written(group);
        Group { names: names.replacen('*', first, 1), related, words: str::split(group, ',').collect() }
    };
    words.split_whitespace().map(alone).collect()
}

/// How the first word of some is written.
pub fn written(words: &str) -> &str {
    words.split([',', '/']).next().unwrap_or(words)
}

/// What marks a concept's class.
const MARKS: [char; 5] = ['?', '~', '!', '%', '^'];

/// The concepts of a group, each with the mark of its class.
pub fn concepts(names: &str) -> impl Iterator<Item = &str> {
    let names = if matches!(names, "-" | "~") { "" } else { names };
    names.split('+').filter(|name| !name.is_empty())
}

/// By what a concept's meaning is found: its name without the mark, or the line of the everyday table.
pub fn key(name: &str) -> u64 {
    digest(name.trim_start_matches(MARKS).as_bytes())
}

/// The line of a sense.
pub fn line_of(japanese: &str, english: &str) -> String {
    format!("{japanese} = {english}")
}

/// A meaning behind its key, in bytes.
const NAMED: usize = size_of::<u64>() + MEANING;

/// Kanji, and how each may sound.
pub type Sounds = HashMap<char, Vec<Box<str>>>;

/// Reads `kanji.txt`: a sound, then the characters that have it. With `all`, those too that nothing is heard by.
fn sounds(text: &str, all: bool) -> Sounds {
    let mut sounds: Sounds = HashMap::new();
    for line in text.lines().filter(|l| !l.starts_with('#') && (all || !l.starts_with('+'))) {
        for group in line.trim_start_matches('+').split_whitespace() {
            let kana = group.find(is_kanji).unwrap_or(group.len());
            let (sound, kanji) = group.split_at(kana);
            for c in kanji.chars() {
                sounds.entry(c).or_default().push(sound.into());
            }
        }
    }
    sounds
}

fn is_kanji(c: char) -> bool {
    ('\u{3400}'..='\u{9fff}').contains(&c)
}

#[derive(Default)]
struct Reader {
    concepts: Vec<Concept>,
    by_name: HashMap<String, u16>,
    /// From one concept to another by name, how much that one bears on it, and whether only so.
    related: Vec<(u16, String, f32, bool)>,
    words: Vec<Word>,
    /// A word's place by how it is written and inflected, so that two lines that name it add their concepts.
    by_form: HashMap<(String, u8), u32>,
    spelt: Vec<(Vec<char>, Form)>,
    english: HashMap<Box<str>, Vec<Phrase>>,
    stems: Vec<(Box<str>, u32)>,
    /// Whether the line being read is of filler.
    filler: bool,
    counters: HashMap<Box<str>, u16>,
    sounds: Sounds,
    /// With those that only words of the vocabulary have.
    all_sounds: Sounds,
    meanings: HashMap<u64, [u8; MEANING]>,
    /// How many words the vocabulary has, once the everyday table is read.
    everyday: u32,
}

impl Reader {
    fn new(kanji: &str, meanings: &[u8]) -> Reader {
        let meanings = meanings.as_chunks::<NAMED>().0.iter().filter_map(|named| {
            let (key, meaning) = named.split_first_chunk()?;
            Some((u64::from_le_bytes(*key), *meaning.first_chunk()?))
        });
        Reader {
            sounds: sounds(kanji, false),
            all_sounds: sounds(kanji, true),
            meanings: meanings.collect(),
            ..Reader::default()
        }
    }

    fn line(&mut self, line: &str) {
        for Group { names, related, words } in groups(line) {
            self.filler = names == "-";
            self.group(&names, related, words);
        }
    }

    /// Words that share their concepts.
    fn group(&mut self, names: &str, related: &str, words: Vec<&str>) {
        let concepts: Vec<u16> = concepts(names).map(|n| self.concept(n)).collect();
        if let Some(first) = concepts.first() {
            for pair in related.split_whitespace() {
                if let Some((name, weight)) = pair.split_once(':') {
                    let (name, within) = name.strip_prefix('<').map_or((name, false), |name| (name, true));
                    self.related.push((*first, name.to_owned(), decimal::read(weight).unwrap_or(0.0) as f32, within));
                }
            }
        }
        for word in words {
            if let (Some(counter), Some(concept)) = (word.strip_prefix('9'), concepts.first()) {
                self.counters.insert(normal::folded(counter).into(), *concept);
            } else if word.is_ascii() {
                self.english(word, '_', &concepts);
            } else {
                self.japanese(word, &concepts);
            }
        }
    }

    /// What is read from here on is the table of everyday words.
    fn begin_everyday(&mut self) {
        self.everyday = self.words.len() as u32;
        self.filler = false;
    }

    /// A line of that table. A word that the vocabulary has keeps what it has there, and the sense bears on that.
    fn sense(&mut self, japanese: &str, english: &str) {
        let sense = self.concepts.len() as u16;
        let mut words: Vec<u32> = japanese.split(", ").map(|w| self.everyday(w)).collect();
        words.extend(english.split(", ").filter_map(|w| self.english(w, ' ', &[])));
        let mut related: Vec<(u16, f32)> = Vec::new();
        for word in words {
            let Some(word) = self.words.get_mut(word as usize).filter(|w| !w.filler) else { continue };
            if !word.senses.contains(&sense) {
                word.senses.push(sense);
            }
            for concept in &word.concepts {
                if !related.iter().any(|(c, _)| c == concept) {
                    related.push((*concept, SENSE_BEARS));
                }
            }
        }
        self.concepts.push(Concept {
            #[cfg(test)]
            name: english.to_owned(),
            class: Class::Sense,
            related,
            meaning: self.meaning(&line_of(japanese, english)),
        });
    }

    /// An everyday word in Japanese. It is not heard by how it sounds: too many words sound alike.
    fn everyday(&mut self, written: &str) -> u32 {
        let (form, inflection) = inflected(written);
        let form = normal::folded(form);
        if let Some(there) = self.by_form.get(&(form.clone(), inflection)) {
            return *there;
        }
        let chars: Vec<char> = form.chars().collect();
        let word = self.add_word(form, inflection, Vec::new(), &[]);
        self.spelt_denied(&chars, word, false);
        for form in fewer_okurigana(&chars).into_iter().chain([chars]) {
            self.spelt.push((form, Form { word, inflection, by_sound: false, sure: false }));
        }
        word
    }

    fn concept(&mut self, name: &str) -> u16 {
        let class = match name.chars().next() {
            Some('?') => Class::Intent,
            Some('~') => Class::Weak,
            Some('!') => Class::Name,
            Some('%') => Class::Goods,
            Some('^') => Class::Example,
            _ => Class::Topic,
        };
        let name = name.trim_start_matches(MARKS);
        if let Some(there) = self.by_name.get(name) {
            return *there;
        }
        let id = self.concepts.len() as u16;
        self.concepts.push(Concept {
            #[cfg(test)]
            name: name.to_owned(),
            class,
            related: Vec::new(),
            meaning: self.meaning(name),
        });
        self.by_name.insert(name.to_owned(), id);
        id
    }

    fn meaning(&self, name: &str) -> [u8; MEANING] {
        self.meanings.get(&key(name)).copied().unwrap_or([0; MEANING])
    }

    fn add_word(&mut self, form: String, inflection: u8, readings: Vec<Box<str>>, concepts: &[u16]) -> u32 {
        if let Some(there) = self.by_form.get(&(form.clone(), inflection)).copied() {
            if let Some(word) = self.words.get_mut(there as usize) {
                word.filler &= self.filler;
                for c in concepts {
                    if !word.concepts.contains(c) {
                        word.concepts.push(*c);
                    }
                }
            }
            return there;
        }
        let id = self.words.len() as u32;
        self.words.push(Word { concepts: concepts.to_vec(), senses: Vec::new(), readings, filler: self.filler });
        self.by_form.insert((form, inflection), id);
        id
    }

    fn japanese(&mut self, written: &str, concepts: &[u16]) {
        let (form, reading) = written.split_once('/').unwrap_or((written, ""));
        let sure = form.starts_with('*');
        let form = form.trim_start_matches('*');
        let (form, inflection) = inflected(form);
        let form = normal::folded(form);
        let is_kana = !form.chars().any(is_kanji);
        let chars: Vec<char> = form.chars().collect();
        let sound: Vec<Box<str>> = match (is_kana, reading) {
            (true, _) => vec![form.clone().into()],
            (_, "") if self.filler => Vec::new(),
            (_, "") => readings(&chars, |c| Some(self.sounds.get(&c)?.iter().map(|s| &**s).collect()))
                .into_iter()
                .take(READINGS)
                .map(Into::into)
                .collect(),
            (_, reading) => vec![normal::folded(reading).into()],
        };
        let word = self.add_word(form.clone(), inflection, sound.clone(), concepts);
        for fewer in fewer_okurigana(&chars) {
            self.spelt.push((fewer, Form { word, inflection, by_sound: false, sure }));
        }
        for reading in &sound {
            for partly in partly_kana(&self.all_sounds, &chars, reading) {
                self.spelt.push((partly, Form { word, inflection, by_sound: false, sure }));
            }
        }
        self.spelt_denied(&chars, word, false);
        self.spelt.push((chars, Form { word, inflection, by_sound: false, sure }));
        if !is_kana {
            for sound in sound {
                let chars: Vec<char> = sound.chars().collect();
                self.spelt_denied(&chars, word, true);
                self.spelt.push((chars, Form { word, inflection, by_sound: true, sure }));
            }
        }
    }

    /// A word that denies (届かない) in the other forms that do.
    fn spelt_denied(&mut self, form: &[char], word: u32, by_sound: bool) {
        if !self.filler {
            let forms = denials(form).into_iter();
            self.spelt.extend(forms.map(|form| (form, Form { word, inflection: 0, by_sound, sure: false })));
        }
    }

    /// A word or a phrase whose words are parted so; its place, where it has any words.
    fn english(&mut self, written: &str, parted: char, concepts: &[u16]) -> Option<u32> {
        let mut parts = written.split(parted).map(|p| english::stem(p).into_boxed_str());
        let first = parts.next()?;
        let rest: Box<[Box<str>]> = parts.collect();
        let form = std::iter::once(&first).chain(rest.iter()).map(|p| &**p).collect::<Vec<_>>().join("_");
        let known = self.by_form.contains_key(&(form.clone(), 0));
        let word = self.add_word(form, 0, Vec::new(), concepts);
        if known {
            return Some(word);
        }
        // A slip is sooner for a word of the vocabulary, which has those that shoppers use most.
        if rest.is_empty() && self.everyday == 0 {
            self.stems.push((first.clone(), word));
        }
        self.english.entry(first).or_default().push(Phrase { rest, word });
        Some(word)
    }

    fn finish(mut self) -> Vocabulary {
        for (from, name, weight, within) in &self.related {
            let Some(to) = self.by_name.get(name).copied() else { continue };
            for (a, b) in [(*from, to), (to, *from)].into_iter().take(if *within { 1 } else { 2 }) {
                if let Some(concept) = self.concepts.get_mut(usize::from(a))
                    && !concept.related.iter().any(|(c, _)| *c == b)
                {
                    concept.related.push((b, *weight));
                }
            }
        }
        let mut skeletons: HashMap<Box<str>, Vec<u32>> = HashMap::new();
        let mut long_readings = Vec::new();
        for (word, at) in self.words.iter().zip(0..) {
            for reading in word.readings.iter().filter(|r| !word.filler && r.chars().all(is_kana)) {
                let length = reading.chars().count();
                if length >= 3 {
                    skeletons.entry(normal::skeleton(reading).into()).or_default().push(at);
                }
                if length >= 4 {
                    long_readings.push((reading.clone(), at));
                }
            }
        }
        Vocabulary {
            concepts: self.concepts,
            words: self.words,
            everyday: self.everyday,
            spelt: self.spelt,
            english: self.english,
            stems: self.stems,
            skeletons,
            long_readings,
            sounds: self.sounds,
            counters: self.counters,
        }
    }
}

/// A written stem without the letter that says how it is inflected, and the place of that in [`ROWS`].
pub fn inflected(form: &str) -> (&str, u8) {
    match form.char_indices().last() {
        Some((at, c)) if at > 0 && !form.is_ascii() && ROWS.iter().any(|(r, _)| *r == c) => {
            let row = ROWS.iter().position(|(r, _)| *r == c).unwrap_or_default();
            (form.get(..at).unwrap_or(form), row as u8)
        }
        _ => (form, 0),
    }
}

/// Verbs whose kanji is all that stands before what denies them, unlike adjectives (少ない).
const KANJI_DENIED: &str = "来出見居着寝得経似煮";

/// The polite forms, the clipped ones and those of the west that deny what a form does that ends in な or ない: of 届かない 届きませ,
/// 届かん, 届かず, 届かへん.
fn denials(form: &[char]) -> Vec<Vec<char>> {
    let stem = match form {
        [stem @ .., 'な', 'い'] | [stem @ .., 'な'] => stem,
        _ => return Vec::new(),
    };
    let [rest @ .., last] = stem else { return Vec::new() };
    // Of a godan verb the polite form has its row's い.
    let godan = || {
        let (_, row) = "かがさたなばまらわ".chars().zip("きぎしちにびみりい".chars()).find(|(a, _)| a == last)?;
        Some([rest, &[row]].concat())
    };
    let ichidan = "いきぎしじちにひびみりえけげせぜてでねへべめれ".contains(*last) || KANJI_DENIED.contains(*last);
    let polite = match last {
        'が' | 'は' | 'も' if rest.iter().any(|c| is_kanji(*c)) => Some([stem, &['あ', 'り']].concat()),
        'こ' => Some([rest, &['き']].concat()),
        _ if ichidan && !rest.is_empty() => Some(stem.to_vec()),
        _ if rest.is_empty() => None,
        _ => godan(),
    };
    let Some(polite) = polite else { return Vec::new() };
    let with = |stem: &[char], ending: &str| stem.iter().copied().chain(ending.chars()).collect::<Vec<char>>();
    let mut all = vec![with(&polite, "ませ")];
    if !matches!(last, 'が' | 'は' | 'も') {
        all.extend(["ん", "ず", "へん", "ねえ", "ねー"].map(|ending| with(stem, ending)));
    }
    if *last == 'し' {
        all.extend(["せん", "せず"].map(|ending| with(rest, ending)));
    }
    if *last == 'て' {
        all.extend(["いませ", "おりませ", "いな"].map(|ending| with(stem, ending)));
    }
    all
}

/// A word with the kana between its kanji left out (取消し, 受取): writers differ.
fn fewer_okurigana(form: &[char]) -> Vec<Vec<char>> {
    let last_kanji = form.iter().rposition(|c| is_kanji(*c));
    let first_kanji = form.iter().position(|c| is_kanji(*c));
    let (Some(first), Some(last)) = (first_kanji, last_kanji) else { return Vec::new() };
    let inner: Vec<char> =
        form.iter().enumerate().filter(|(i, c)| *i <= first || *i >= last || is_kanji(**c)).map(|(_, c)| *c).collect();
    let kanji_alone: Vec<char> = inner.iter().copied().filter(|c| is_kanji(*c)).collect();
    // Only an ending belongs to the word; more kana are other words.
    let ending = form.len() - last - 1;
    if ending > 2 || (ending == 2 && inner.len() == form.len()) || form.contains(&'ー') {
        return Vec::new();
    }
    let mut forms = Vec::new();
    if inner.len() < form.len() {
        forms.push(inner.clone());
    }
    // One kanji without its ending is another word (送 is not 送り); and しお is no ending of 塩.
    // A particle at the end is none of its okurigana either (会社で).
    let particle = ending == 1 && form.last().is_some_and(|c| "でにながをとはもの".contains(*c));
    if kanji_alone.len() >= 2
        && kanji_alone.len() < inner.len()
        && !particle
        && inner.first().is_some_and(|c| is_kanji(*c))
    {
        forms.push(kanji_alone);
    }
    forms
}

/// A word of several kanji with those at its beginning or its end in kana (配送じょうきょう, 変こう): writers leave out those that
/// they do not know or that their keyboard did not offer.
fn partly_kana(sounds: &Sounds, form: &[char], reading: &str) -> Vec<Vec<char>> {
    let kanji = |part: &[char]| part.iter().any(|c| is_kanji(*c));
    let Some(ends) = sound_ends(sounds, form, reading).filter(|_| form.len() <= 8) else { return Vec::new() };
    let mut forms = Vec::new();
    for (cut, end) in (1..form.len()).zip(ends) {
        let (before, after) = form.split_at(cut);
        let (heard_before, heard_after) = reading.split_at(end);
        if !kanji(before) || !kanji(after) {
            continue;
        }
        // A kana alone is sooner something else.
        if heard_after.chars().count() >= 2 {
            forms.push(before.iter().copied().chain(heard_after.chars()).collect());
        }
        if heard_before.chars().count() >= 2 {
            forms.push(heard_before.chars().chain(after.iter().copied()).collect());
        }
    }
    forms
}

/// Where in the reading each character's own ends; none where the reading is not made of its characters'.
fn sound_ends(sounds: &Sounds, form: &[char], reading: &str) -> Option<Vec<usize>> {
    let Some((first, rest)) = form.split_first() else { return reading.is_empty().then(Vec::new) };
    let after = |sound: &str| {
        let ends = sound_ends(sounds, rest, reading.strip_prefix(sound)?)?;
        Some(std::iter::once(sound.len()).chain(ends.iter().map(|e| e + sound.len())).collect())
    };
    match sounds.get(first).filter(|_| is_kanji(*first)) {
        Some(sounds) => sounds.iter().find_map(|sound| after(sound)),
        None => after(first.encode_utf8(&mut [0; 4])),
    }
}
