//! The vocabulary that question and page are both translated into: words, their readings, and the concepts they stand for.
//! The words are data, in `lexicon.txt`, which tells its own form.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::english;
use super::normal;

/// How much a concept tells about what a question wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// What a page may be about.
    Topic,
    /// A name that answers only where it is named.
    Name,
    /// Goods: which of them, where what is to be done with them is asked.
    Goods,
    /// What is asked for: a time, a sum, a place.
    Intent,
    /// Too common in shops to tell much.
    Weak,
}

/// A concept.
#[derive(Debug)]
pub struct Concept {
    /// Its name in the file.
    pub name: String,
    /// Its class.
    pub class: Class,
    /// Concepts that bear on it, and how much.
    pub related: Vec<(u16, f32)>,
}

/// A word of the file: in Japanese with a reading, or in English.
#[derive(Debug)]
pub struct Word {
    /// The concepts it stands for; none for filler.
    pub concepts: Vec<u16>,
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

/// Kanji, and how each may sound.
type Sounds = HashMap<char, Vec<&'static str>>;

/// A word without a reading of its own has this many of those that its characters allow.
const READINGS: usize = 8;

/// The one lexicon, parsed at its first use.
pub fn lexicon() -> &'static Lexicon {
    static LEXICON: OnceLock<Lexicon> = OnceLock::new();
    LEXICON.get_or_init(|| Lexicon::parse(include_str!("lexicon.txt"), include_str!("kanji.txt")))
}

impl Lexicon {
    pub(crate) fn parse(text: &str, kanji: &'static str) -> Lexicon {
        let mut reader = Reader { sounds: sounds(kanji), ..Reader::default() };
        for line in text.lines() {
            reader.line(line);
        }
        reader.finish()
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
        words.sort_unstable();
        words.dedup();
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

    /// The English word or phrase that begins the stems: the word, and how many of the stems it takes. A phrase may have
    /// up to two other words in each of its joints (send it back). The longest wins.
    pub fn phrase(&self, stems: &[&str]) -> Option<(u16, usize)> {
        let (first, after) = stems.split_first()?;
        let mut best: Option<(u16, usize, usize)> = None;
        for phrase in self.english.get(*first)? {
            let mut taken = 0;
            let whole = phrase.rest.iter().all(|part| {
                match after.iter().skip(taken).take(3).position(|s| **s == **part) {
                    Some(at) => {
                        taken += at + 1;
                        true
                    }
                    None => false,
                }
            });
            let parts = phrase.rest.len();
            if whole && best.is_none_or(|(_, n, t)| (parts, std::cmp::Reverse(taken)) > (n, std::cmp::Reverse(t))) {
                best = Some((phrase.word, parts, taken));
            }
        }
        best.map(|(word, _, taken)| (word, taken + 1))
    }

    /// The English words one or two slips away from a stem.
    pub fn nearly(&self, stem: &str) -> Vec<u16> {
        let chars: Vec<char> = stem.chars().collect();
        let most = english::forgiven(chars.len());
        if most == 0 {
            return Vec::new();
        }
        let at = |n: usize| {
            self.stems.iter().filter(move |(s, _)| s.first() == chars.first() && english::within(s, &chars, n)).map(|(_, w)| *w)
        };
        (1..=most).map(|n| at.clone()(n).collect::<Vec<_>>()).find(|found| !found.is_empty()).unwrap_or_default()
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
                if known && better && let Some(slot) = best.get_mut(to) {
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

#[derive(Default)]
struct Reader {
    concepts: Vec<Concept>,
    by_name: HashMap<String, u16>,
    related: Vec<(u16, String, f32)>,
    words: Vec<Word>,
    /// A word's place by how it is written and inflected, so that two lines that name it add their concepts.
    by_form: HashMap<(String, u8), u16>,
    spelt: Vec<(Vec<char>, Form)>,
    english: HashMap<Box<str>, Vec<Phrase>>,
    stems: Vec<(Box<[char]>, u16)>,
    /// Whether the line being read is of filler.
    filler: bool,
    counters: HashMap<Box<str>, u16>,
    sounds: Sounds,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let Some((head, words)) = line.split_once(" = ") else { return };
        if head.starts_with('#') {
            return;
        }
        let (names, related) = head.split_once('>').unwrap_or((head, ""));
        let names = names.trim();
        self.filler = names == "-";
        if names.trim_start_matches(['!', '%']).starts_with('*') {
            for group in words.split_whitespace() {
                let first = group.split([',', '/']).next().unwrap_or(group);
                self.group(&names.replacen('*', first, 1), related, group.split(','));
            }
        } else {
            let names = if matches!(names, "-" | "~") { "" } else { names };
            self.group(names, related, words.split_whitespace());
        }
    }

    /// Words that share their concepts.
    fn group<'a>(&mut self, names: &str, related: &str, words: impl Iterator<Item = &'a str>) {
        let concepts: Vec<u16> = names.split('+').filter(|n| !n.is_empty()).map(|n| self.concept(n)).collect();
        if let Some(first) = concepts.first() {
            for pair in related.split_whitespace() {
                if let Some((name, weight)) = pair.split_once(':') {
                    self.related.push((*first, name.to_owned(), weight.parse().unwrap_or(0.0)));
                }
            }
        }
        for word in words {
            if let (Some(counter), Some(concept)) = (word.strip_prefix('9'), concepts.first()) {
                self.counters.insert(normal::folded(counter).into(), *concept);
            } else if word.is_ascii() {
                self.english(word, &concepts);
            } else {
                self.japanese(word, &concepts);
            }
        }
    }

    fn concept(&mut self, name: &str) -> u16 {
        let class = match name.chars().next() {
            Some('?') => Class::Intent,
            Some('~') => Class::Weak,
            Some('!') => Class::Name,
            Some('%') => Class::Goods,
            _ => Class::Topic,
        };
        let name = name.trim_start_matches(['?', '~', '!', '%']);
        if let Some(there) = self.by_name.get(name) {
            return *there;
        }
        let id = self.concepts.len() as u16;
        self.concepts.push(Concept { name: name.to_owned(), class, related: Vec::new() });
        self.by_name.insert(name.to_owned(), id);
        id
    }

    fn add_word(&mut self, form: String, inflection: u8, readings: Vec<Box<str>>, concepts: &[u16]) -> u16 {
        if let Some(there) = self.by_form.get(&(form.clone(), inflection)).copied() {
            if let Some(word) = self.words.get_mut(usize::from(there)) {
                word.filler &= self.filler;
                for c in concepts {
                    if !word.concepts.contains(c) {
                        word.concepts.push(*c);
                    }
                }
            }
            return there;
        }
        let id = self.words.len() as u16;
        self.words.push(Word { concepts: concepts.to_vec(), readings, filler: self.filler });
        self.by_form.insert((form, inflection), id);
        id
    }

    fn japanese(&mut self, written: &str, concepts: &[u16]) {
        let (form, reading) = written.split_once('/').unwrap_or((written, ""));
        let sure = form.starts_with('*');
        let form = form.trim_start_matches('*');
        let (form, inflection) = match form.char_indices().last() {
            Some((at, c)) if at > 0 && !form.is_ascii() && ROWS.iter().any(|(r, _)| *r == c) => {
                let row = ROWS.iter().position(|(r, _)| *r == c).unwrap_or_default();
                (form.get(..at).unwrap_or(form), row as u8)
            }
            _ => (form, 0),
        };
        let form = normal::folded(form);
        let is_kana = !form.chars().any(is_kanji);
        let chars: Vec<char> = form.chars().collect();
        let sounds: Vec<Box<str>> = match (is_kana, reading) {
            (true, _) => vec![form.clone().into()],
            (_, "") if self.filler => Vec::new(),
            (_, "") => readings(&self.sounds, &chars).into_iter().take(READINGS).map(Into::into).collect(),
            (_, reading) => vec![normal::folded(reading).into()],
        };
        let word = self.add_word(form.clone(), inflection, sounds.clone(), concepts);
        for fewer in fewer_okurigana(&chars) {
            self.spelt.push((fewer, Form { word, inflection, by_sound: false, sure }));
        }
        self.spelt.push((chars, Form { word, inflection, by_sound: false, sure }));
        if !is_kana {
            for sound in sounds {
                self.spelt.push((sound.chars().collect(), Form { word, inflection, by_sound: true, sure }));
            }
        }
    }

    fn english(&mut self, written: &str, concepts: &[u16]) {
        let mut parts = written.split('_').map(|p| english::stem(p).into_boxed_str());
        let Some(first) = parts.next() else { return };
        let rest: Box<[Box<str>]> = parts.collect();
        let form = std::iter::once(&first).chain(rest.iter()).map(|p| &**p).collect::<Vec<_>>().join("_");
        let known = self.by_form.contains_key(&(form.clone(), 0));
        let word = self.add_word(form, 0, Vec::new(), concepts);
        if known {
            return;
        }
        if rest.is_empty() {
            self.stems.push((first.chars().collect(), word));
        }
        self.english.entry(first).or_default().push(Phrase { rest, word });
    }

    fn finish(mut self) -> Lexicon {
        for (from, name, weight) in &self.related {
            let Some(to) = self.by_name.get(name).copied() else { continue };
            for (a, b) in [(*from, to), (to, *from)] {
                if let Some(concept) = self.concepts.get_mut(usize::from(a))
                    && !concept.related.iter().any(|(c, _)| *c == b)
                {
                    concept.related.push((b, *weight));
                }
            }
        }
        // Filler is no one's slip.
        self.stems.retain(|(_, w)| self.words.get(usize::from(*w)).is_some_and(|w| !w.filler));
        let mut skeletons: HashMap<Box<str>, Vec<u16>> = HashMap::new();
        let mut long_readings = Vec::new();
        for (id, word) in self.words.iter().enumerate() {
            for reading in word.readings.iter().filter(|r| !word.filler && r.chars().all(is_kana)) {
                let length = reading.chars().count();
                if length >= 3 {
                    skeletons.entry(normal::skeleton(reading).into()).or_default().push(id as u16);
                }
                if length >= 4 {
                    long_readings.push((reading.chars().collect(), id as u16));
                }
            }
        }
        let (nodes, forms) = tree(self.spelt);
        Lexicon {
            concepts: self.concepts,
            words: self.words,
            nodes,
            forms,
            english: self.english,
            stems: self.stems,
            skeletons,
            long_readings,
            sounds: self.sounds,
            counters: self.counters,
        }
    }
}

fn is_kanji(c: char) -> bool {
    ('\u{3400}'..='\u{9fff}').contains(&c)
}

fn is_kana(c: char) -> bool {
    ('ぁ'..='ゖ').contains(&c) || c == 'ー'
}

fn readings(sounds: &Sounds, word: &[char]) -> Vec<String> {
    let mut readings = vec![String::new()];
    for c in word {
        if is_kana(*c) {
            readings.iter_mut().for_each(|r| r.push(*c));
            continue;
        }
        let Some(sounds) = sounds.get(c) else { return Vec::new() };
        readings = readings
            .iter()
            .flat_map(|before| sounds.iter().map(move |sound| format!("{before}{sound}")))
            .take(64)
            .collect();
    }
    readings
}

/// A word with the kana between its kanji left out (取消し, 受取): writers differ.
fn fewer_okurigana(form: &[char]) -> Vec<Vec<char>> {
    let last_kanji = form.iter().rposition(|c| is_kanji(*c));
    let first_kanji = form.iter().position(|c| is_kanji(*c));
    let (Some(first), Some(last)) = (first_kanji, last_kanji) else { return Vec::new() };
    let inner: Vec<char> = form
        .iter()
        .enumerate()
        .filter(|(i, c)| *i <= first || *i >= last || is_kanji(**c))
        .map(|(_, c)| *c)
        .collect();
    let kanji_alone: Vec<char> = inner.iter().copied().filter(|c| is_kanji(*c)).collect();
    // Only an ending belongs to the word; more kana are other words.
    let ending = form.len() - last - 1;
    if ending > 2 || (ending == 2 && inner.len() == form.len()) || form.iter().any(|c| *c == 'ー') {
        return Vec::new();
    }
    let mut forms = Vec::new();
    if inner.len() < form.len() {
        forms.push(inner.clone());
    }
    // One kanji without its ending is another word (送 is not 送り); and しお is no ending of 塩.
    if kanji_alone.len() >= 2 && kanji_alone.len() < inner.len() && inner.first().is_some_and(|c| is_kanji(*c)) {
        forms.push(kanji_alone);
    }
    forms
}

/// Lays the forms out as a tree whose nodes' children are neighbours.
fn tree(mut spelt: Vec<(Vec<char>, Form)>) -> (Vec<Node>, Vec<Form>) {
    spelt.sort_by(|a, b| a.0.cmp(&b.0));
    let mut nodes = vec![Node::default()];
    let mut forms = Vec::with_capacity(spelt.len());
    // Each node yet to be opened, with the part of `spelt` beneath it and its depth.
    let mut open = std::collections::VecDeque::from([(0_usize, 0_usize, spelt.len(), 0_usize)]);
    while let Some((at, from, to, depth)) = open.pop_front() {
        let mut next = from;
        let first_form = forms.len() as u32;
        while next < to
            && let Some((form, word)) = spelt.get(next)
            && form.len() == depth
        {
            forms.push(*word);
            next += 1;
        }
        let children = nodes.len() as u32;
        let mut count = 0;
        while next < to {
            let label = spelt.get(next).and_then(|(f, _)| f.get(depth)).copied().unwrap_or_default();
            let same = spelt.get(next..to).unwrap_or_default().partition_point(|(f, _)| f.get(depth).copied() <= Some(label));
            open.push_back((nodes.len(), next, next + same, depth + 1));
            nodes.push(Node { label, ..Node::default() });
            count += 1;
            next += same.max(1);
        }
        if let Some(node) = nodes.get_mut(at) {
            node.children = children;
            node.count = count;
            node.first_form = first_form;
            node.forms = (forms.len() as u32 - first_form) as u16;
        }
    }
    (nodes, forms)
}

/// Reads `kanji.txt`: a sound, then the characters that have it.
fn sounds(text: &'static str) -> Sounds {
    let mut sounds: Sounds = HashMap::new();
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        for group in line.split_whitespace() {
            let kana = group.find(is_kanji).unwrap_or(group.len());
            let (sound, kanji) = group.split_at(kana);
            for c in kanji.chars() {
                sounds.entry(c).or_default().push(sound);
            }
        }
    }
    sounds
}
