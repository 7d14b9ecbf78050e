//! The vocabulary that question and page are both translated into: words, their readings, and the concepts they stand for.
//!
//! The words are data: `lexicon.txt`, a vocabulary weighed for shops, `everyday.txt`, a table of what else shops sell and shoppers speak
//! of, and `kanji.txt`, how characters sound; each tells its own form. `meanings.bin` says in what direction each concept lies from others
//! (see [`super::meaning`]). The build packs them into one file, which is no part of the program: an isolate loads it when it first searches
//! (see [`super::vocabulary`]) and reads it where it lies, so that loading costs no more than a look over it. With no vocabulary at all there
//! are pairs of characters, which find half as much.

mod file;
mod layout;
#[cfg(test)]
mod reader;
#[cfg(test)]
mod senses;
mod sounds;
#[cfg(test)]
mod writer;

use std::ops::Range;

use super::english;
use super::normal;
pub use file::Unreadable;
use file::{File, Section, Texts, first_not, read};
pub use layout::{Class, DIMENSIONS, Form, MEANING};
use layout::{ROWS, digest};

/// The packed file of this build: its name, and the digest by which it is known again.
pub const FILE: &str = concat!("/vocabulary/", env!("MADOGUCHI_VOCABULARY"), ".bin");
const DIGEST: &str = env!("MADOGUCHI_VOCABULARY");

/// The vocabulary, in its file.
#[derive(Debug, Default)]
pub struct Lexicon {
    file: File,
    /// From here on words are in the everyday table alone.
    everyday: u32,
    /// A tree of the forms in which words are written: of each node the character that leads to it, where its children begin, and the
    /// forms that end there.
    labels: Section,
    children: Section,
    ending: Section,
    forms: Section,
    /// Of each word whether it only holds a sentence together, its concepts and senses, and how it may sound.
    filler: Section,
    concepts: Section,
    concept_ids: Section,
    senses: Section,
    sense_ids: Section,
    readings: Section,
    reading_texts: Texts,
    /// Of each concept its class, and the concepts that bear on it with how much.
    classes: Section,
    related: Section,
    related_ids: Section,
    related_weights: Section,
    meanings: Section,
    /// Phrases of English stems by the first of them, the word of each and the stems after the first.
    english: Texts,
    phrases: Section,
    phrase_words: Section,
    rests: Section,
    rest_texts: Texts,
    /// Stems that are words by themselves, for slips of the keyboard, by their first letter.
    stems: Texts,
    stem_words: Section,
    /// The skeletons of long enough kana words.
    skeletons: Texts,
    skeleton_starts: Section,
    skeleton_words: Section,
    /// Readings of four kana or more, for slips of the keyboard.
    long_readings: Texts,
    long_words: Section,
    /// Kanji and how each may sound in a compound.
    kanji: Section,
    sounds: Section,
    sound_texts: Texts,
    /// What a number tells by what follows it.
    counters: Texts,
    counter_ids: Section,
}

/// The vocabulary as its sources have it.
#[cfg(test)]
pub(crate) fn vocabulary() -> &'static writer::Vocabulary {
    static READ: std::sync::OnceLock<writer::Vocabulary> = std::sync::OnceLock::new();
    let (words, everyday, kanji) =
        (include_str!("lexicon.txt"), include_str!("everyday.txt"), include_str!("kanji.txt"));
    READ.get_or_init(|| reader::read(words, everyday, kanji, include_bytes!("meanings.bin")))
}

impl Lexicon {
    /// The vocabulary that this program was built with, from its file.
    ///
    /// # Errors
    /// Tells what is wrong with the file.
    pub fn read(file: Vec<u8>) -> Result<Lexicon, Unreadable> {
        if format!("{:016x}", digest(&file)) != DIGEST {
            return Err(Unreadable::Other { bytes: file.len() });
        }
        Lexicon::parse(file)
    }

    /// The same where there is no one to fetch it from.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn built() -> std::sync::Arc<Lexicon> {
        use std::sync::{Arc, OnceLock};
        static BUILT: OnceLock<Arc<Lexicon>> = OnceLock::new();
        let file = || include_bytes!(concat!(env!("OUT_DIR"), "/vocabulary")).to_vec();
        Arc::clone(BUILT.get_or_init(|| Arc::new(Lexicon::read(file()).unwrap_or_default())))
    }

    fn parse(file: Vec<u8>) -> Result<Lexicon, Unreadable> {
        let file = File::new(file);
        let mut sections = file.sections();
        let everyday = file.number(&sections.next()?, 0).ok_or(Unreadable::Cut)?;
        // In the order in which the writer writes them.
        let mut lexicon = Lexicon {
            everyday,
            labels: sections.next()?,
            children: sections.next()?,
            ending: sections.next()?,
            forms: sections.next()?,
            filler: sections.next()?,
            concepts: sections.next()?,
            concept_ids: sections.next()?,
            senses: sections.next()?,
            sense_ids: sections.next()?,
            readings: sections.next()?,
            reading_texts: sections.texts()?,
            classes: sections.next()?,
            related: sections.next()?,
            related_ids: sections.next()?,
            related_weights: sections.next()?,
            meanings: sections.next()?,
            english: sections.texts()?,
            phrases: sections.next()?,
            phrase_words: sections.next()?,
            rests: sections.next()?,
            rest_texts: sections.texts()?,
            stems: sections.texts()?,
            stem_words: sections.next()?,
            skeletons: sections.texts()?,
            skeleton_starts: sections.next()?,
            skeleton_words: sections.next()?,
            long_readings: sections.texts()?,
            long_words: sections.next()?,
            kanji: sections.next()?,
            sounds: sections.next()?,
            sound_texts: sections.texts()?,
            counters: sections.texts()?,
            counter_ids: sections.next()?,
            file: File::default(),
        };
        sections.end()?;
        lexicon.file = file;
        Ok(lexicon)
    }

    /// Whether there is no vocabulary.
    pub fn is_empty(&self) -> bool {
        self.file.is_empty()
    }

    /// Whether only the everyday table has a word.
    pub fn is_everyday(&self, word: u32) -> bool {
        word >= self.everyday
    }

    /// Whether a word only holds a sentence together, as one that there is not does.
    pub fn is_filler(&self, word: u32) -> bool {
        self.file.byte(&self.filler, word as usize) != Some(0)
    }

    /// The concepts that a word stands for, all of them; none for filler.
    pub fn concepts(&self, word: u32) -> impl Iterator<Item = u16> + Clone + use<'_> {
        self.file.ids(&self.concept_ids, self.file.list(&self.concepts, word as usize))
    }

    /// What the everyday table has a word mean, one or another.
    pub fn senses(&self, word: u32) -> impl Iterator<Item = u16> + Clone + use<'_> {
        self.file.ids(&self.sense_ids, self.file.list(&self.senses, word as usize))
    }

    /// How a word may sound, folded, without what its inflection adds; none for English.
    pub fn heard(&self, word: u32) -> impl Iterator<Item = &str> {
        self.file.list(&self.readings, word as usize).map(|at| self.file.text(&self.reading_texts, at))
    }

    /// The class of a concept.
    pub fn class(&self, concept: u16) -> Option<Class> {
        self.file.byte(&self.classes, usize::from(concept)).and_then(Class::at)
    }

    /// Concepts that bear on one, and how much.
    pub fn related(&self, concept: u16) -> impl Iterator<Item = (u16, f32)> {
        let list = self.file.list(&self.related, usize::from(concept));
        let weights = list.clone().map_while(|at| self.file.number(&self.related_weights, at)).map(f32::from_bits);
        self.file.ids(&self.related_ids, list).zip(weights)
    }

    /// What a concept means, packed; nothing where it is not known.
    pub fn meaning(&self, concept: u16) -> Option<&[u8; MEANING]> {
        self.file.fixed(&self.meanings, usize::from(concept)).filter(|packed| packed.first() != Some(&0))
    }

    /// Calls `found` with each word that begins the characters, and how many of them it takes, inflection included.
    pub fn prefixes(&self, chars: impl Iterator<Item = char> + Clone, mut found: impl FnMut(Form, usize)) {
        let mut node = 0;
        let mut rest = chars;
        let mut length = 0;
        while let Some(c) = rest.next() {
            // The root, which is the first label, is no one's child.
            let children = self.file.list(&self.children, node);
            let labels = self.file.numbers(&self.labels).get(children.start + 1..children.end + 1).unwrap_or_default();
            let Ok(place) = labels.binary_search_by_key(&(c as u32), read) else { return };
            node = children.start + 1 + place;
            length += 1;
            let ending = self.file.list(&self.ending, node);
            if ending.is_empty() {
                continue;
            }
            let after = rest.clone().next();
            for form in ending.map_while(|at| self.file.number(&self.forms, at)).map(Form::unpacked) {
                if form.inflection == 0 {
                    found(form, length);
                } else if after.is_some_and(|c| row(form.inflection).contains(c)) {
                    found(form, length + 1);
                }
            }
        }
    }

    /// The words that sound so, exactly; filler is left out.
    pub fn sounding(&self, reading: &str) -> Vec<u32> {
        let length = reading.chars().count();
        let mut words = Vec::new();
        self.prefixes(reading.chars(), |form, taken| {
            if taken == length && !self.is_filler(form.word) {
                words.push(form.word);
            }
        });
        crate::order::sort_and_dedup(&mut words);
        words
    }

    /// The words that a kana text may be meant for: the same skeleton, or else one slip away.
    pub fn nearly_sounding(&self, kana: &str) -> Vec<u32> {
        if let Some(at) = self.file.find(&self.skeletons, &normal::skeleton(kana)) {
            let words = self.file.list(&self.skeleton_starts, at);
            return words.map_while(|at| self.file.number(&self.skeleton_words, at)).collect();
        }
        let chars: Vec<char> = kana.chars().collect();
        if chars.len() < 4 {
            return Vec::new();
        }
        let all = 0..self.file.numbers(&self.long_words).len();
        self.within(&self.long_readings, &self.long_words, all, &chars, 1)
    }

    /// The words of these texts that are a text's, or so many slips away from it.
    fn within(&self, texts: &Texts, words: &Section, among: Range<usize>, chars: &[char], slips: usize) -> Vec<u32> {
        let mut other: Vec<char> = Vec::new();
        let length: usize = chars.iter().map(|c| c.len_utf8()).sum();
        let near = |at: &usize| {
            let text = self.file.text(texts, *at);
            // A slip is a character, and a character four bytes at most.
            if text.len().abs_diff(length) > 4 * slips {
                return false;
            }
            other.clear();
            other.extend(text.chars());
            english::within(&other, chars, slips)
        };
        among.filter(near).filter_map(|at| self.file.number(words, at)).collect()
    }

    /// The phrases that begin with a stem.
    fn phrases(&self, first: &str) -> impl Iterator<Item = Phrase> {
        let phrases = self.file.find(&self.english, first).map_or(0..0, |at| self.file.list(&self.phrases, at));
        phrases.map_while(|at| {
            Some(Phrase { word: self.file.number(&self.phrase_words, at)?, rest: self.file.list(&self.rests, at) })
        })
    }

    fn stem(&self, at: usize) -> &[u8] {
        self.file.bytes(&self.rest_texts, at)
    }

    /// The vocabulary's English word or phrase that begins the stems: the word, and how many of the stems it takes. A phrase may
    /// have up to two other words in each of its joints (send it back). The longest wins.
    pub fn phrase(&self, stems: &[&str]) -> Option<(u32, usize)> {
        self.longest(stems, |word| !self.is_everyday(word), |_| true)
    }

    /// The same of the everyday table. In the joints of its phrases, which are many, stands only what holds a sentence together (switch
    /// itself off).
    pub fn everyday_phrase(&self, stems: &[&str]) -> Option<(u32, usize)> {
        self.longest(stems, |word| self.is_everyday(word), |stem| self.holds(stem))
    }

    /// The longest phrase that begins the stems, of those whose word is wanted and with no other words in its joints than those that may
    /// stand there.
    fn longest(
        &self,
        stems: &[&str],
        wanted: impl Fn(u32) -> bool,
        may_stand: impl Fn(&str) -> bool,
    ) -> Option<(u32, usize)> {
        let (first, after) = stems.split_first()?;
        let mut best: Option<(u32, usize, usize)> = None;
        for Phrase { word, rest } in self.phrases(first).filter(|p| wanted(p.word)) {
            let mut taken = 0;
            let parts = rest.len();
            let whole = rest.map(|at| self.stem(at)).all(|part| {
                let mut here = after.iter().skip(taken).take(3);
                match here.clone().position(|s| s.as_bytes() == part) {
                    Some(at) if at == 0 || here.by_ref().take(at).all(|s| may_stand(s)) => {
                        taken += at + 1;
                        true
                    }
                    _ => false,
                }
            });
            if whole && best.is_none_or(|(_, n, t)| (parts, std::cmp::Reverse(taken)) > (n, std::cmp::Reverse(t))) {
                best = Some((word, parts, taken));
            }
        }
        best.map(|(word, _, taken)| (word, taken + 1))
    }

    /// Which of the stems that a phrase takes stand in its joints.
    pub fn joints(&self, stems: &[&str], phrase: u32) -> Vec<usize> {
        let Some((first, after)) = stems.split_first() else { return Vec::new() };
        let Some(Phrase { rest, .. }) = self.phrases(first).find(|p| p.word == phrase) else { return Vec::new() };
        let mut parts = rest.map(|at| self.stem(at)).peekable();
        let own = |stem: &&str| parts.next_if(|part| *part == stem.as_bytes()).is_some();
        let own: Vec<bool> = after.iter().map(own).collect();
        own.iter().zip(1..).filter(|(own, _)| !**own).map(|(_, at)| at).collect()
    }

    /// Whether a word tells what a text is about.
    pub fn tells(&self, word: u32) -> bool {
        self.concepts(word).any(|concept| self.class(concept) != Some(Class::Weak))
    }

    /// Whether a stem only holds a sentence together.
    fn holds(&self, stem: &str) -> bool {
        self.phrases(stem).any(|p| p.rest.is_empty() && !self.is_everyday(p.word) && self.is_filler(p.word))
    }

    /// The English words one or two slips away from a stem; filler only where nothing else is.
    pub fn nearly(&self, stem: &str) -> Vec<u32> {
        let chars: Vec<char> = stem.chars().collect();
        let most = english::forgiven(chars.len());
        let Some(first) = chars.first().filter(|_| most > 0) else { return Vec::new() };
        let letter = |at: usize| self.file.text(&self.stems, at).chars().next();
        let count = self.file.numbers(&self.stem_words).len();
        let from = first_not(0..count, |at| letter(at) < Some(*first));
        let to = first_not(from..count, |at| letter(at) == Some(*first));
        let found = |slips: usize| {
            let words = self.within(&self.stems, &self.stem_words, from..to, &chars, slips);
            words.into_iter().partition::<Vec<u32>, _>(|w| !self.is_filler(*w))
        };
        let near: Vec<_> = (1..=most).map(found).collect();
        let (say, hold): (Vec<_>, Vec<_>) = near.into_iter().unzip();
        say.into_iter().chain(hold).find(|found| !found.is_empty()).unwrap_or_default()
    }

    /// How a word in kanji may sound: every way to join what its characters sound like, within reason.
    pub fn readings(&self, word: &[char]) -> Vec<String> {
        sounds::readings(word, |c| {
            let at = self.file.numbers(&self.kanji).binary_search_by_key(&(c as u32), read).ok()?;
            Some(self.file.list(&self.sounds, at).map(|at| self.file.text(&self.sound_texts, at)).collect())
        })
    }

    /// The concept of a number that these characters follow.
    pub fn counter(&self, after: &[char]) -> Option<u16> {
        // English ones stand alone: 5 days and not 5 daylight lamps.
        let letters = after.iter().take_while(|c| c.is_ascii_lowercase()).count();
        let lengths = if letters > 0 { letters..=letters } else { 1..=4 };
        lengths.rev().find_map(|n| {
            let text: String = after.get(..n)?.iter().collect();
            let at = self.file.find(&self.counters, &text)?;
            self.file.ids(&self.counter_ids, at..at + 1).next()
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
                let known = at(from, to).is_some_and(|w| self.phrases(&english::stem(w)).any(|p| p.rest.is_empty()));
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
}

/// A phrase of English stems: its word, and the places of those after the first.
struct Phrase {
    word: u32,
    rest: Range<usize>,
}

fn row(inflection: u8) -> &'static str {
    ROWS.get(usize::from(inflection)).map_or("", |(_, row)| row)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WORDS: &str = "# a shop's\nreturn > refund:0.5 = 返品/へんぴん send_back return\n!refund = 返金/へんきん refund\n\
                         - = です the\n?day = 9日 9day 取r/とr\n";
    const EVERYDAY: &str = "林檎, りんご = apple\n切r = cut, cut off\n";
    const KANJI: &str = "へん返 ぴん品 ひん品 + きん金\n";

    fn small() -> Vec<u8> {
        let meanings = ["return", "林檎, りんご = apple"].map(|name| {
            let meaning = [[16].as_slice(), &[0x1f; MEANING - 1]].concat();
            [reader::key(name).to_le_bytes().as_slice(), &meaning].concat()
        });
        writer::pack(reader::read(WORDS, EVERYDAY, KANJI, &meanings.concat())).unwrap()
    }

    /// Looks up everything that can be looked up, by these texts.
    fn ask(lexicon: &Lexicon, japanese: &str, english: &str) {
        let chars: Vec<char> = japanese.chars().collect();
        let mut words = lexicon.sounding(japanese);
        words.extend(lexicon.nearly_sounding(japanese));
        words.extend(lexicon.nearly(english));
        lexicon.prefixes(japanese.chars(), |form, _| words.push(form.word));
        let stems: Vec<&str> = english.split(' ').collect();
        words.extend(lexicon.phrase(&stems).into_iter().chain(lexicon.everyday_phrase(&stems)).map(|(word, _)| word));
        words.extend(0..8);
        for word in words {
            lexicon.heard(word).count();
            lexicon.is_filler(word);
            for concept in lexicon.concepts(word).chain(lexicon.senses(word)) {
                lexicon.class(concept);
                lexicon.meaning(concept);
                lexicon.related(concept).count();
            }
        }
        lexicon.readings(&chars);
        lexicon.counter(&chars);
        lexicon.split(english);
    }

    #[test]
    fn what_the_build_packs_is_what_its_sources_say() {
        let (read, lexicon) = (vocabulary(), Lexicon::built());
        assert!(!lexicon.is_empty());
        for (word, at) in read.words.iter().zip(0..) {
            assert_eq!(lexicon.is_filler(at), word.filler);
            assert!(lexicon.concepts(at).eq(word.concepts.iter().copied()));
            assert!(lexicon.senses(at).eq(word.senses.iter().copied()));
            assert!(lexicon.heard(at).eq(word.readings.iter().map(|r| &**r)));
        }
        for (concept, at) in read.concepts.iter().zip(0..) {
            assert_eq!(lexicon.class(at), Some(concept.class));
            assert!(lexicon.related(at).eq(concept.related.iter().copied()));
            assert_eq!(lexicon.meaning(at).copied().unwrap_or([0; MEANING]), concept.meaning);
        }
        for (chars, form) in &read.spelt {
            let mut found = Vec::new();
            let after = row(form.inflection).chars().next();
            lexicon.prefixes(chars.iter().copied().chain(after), |form, _| found.push(form));
            assert!(found.contains(form), "{chars:?}");
        }
        for (first, phrases) in &read.english {
            let there = lexicon.phrases(first).map(|p| (p.word, p.rest.map(|at| lexicon.stem(at)).collect::<Vec<_>>()));
            let wanted = phrases.iter().map(|p| (p.word, p.rest.iter().map(|stem| stem.as_bytes()).collect()));
            assert!(there.eq(wanted), "{first}");
        }
        assert!(read.long_readings.iter().all(|(reading, word)| lexicon.nearly_sounding(reading).contains(word)));
        assert!(read.counters.iter().all(|(c, id)| lexicon.counter(&c.chars().collect::<Vec<_>>()) == Some(*id)));
    }

    #[test]
    fn a_file_that_is_cut_anywhere_is_no_vocabulary() {
        let file = small();
        assert!(Lexicon::parse(file.clone()).is_ok());
        for length in 0..file.len() {
            assert_eq!(Lexicon::parse(file[..length].to_vec()).unwrap_err(), Unreadable::Cut);
        }
        assert_eq!(Lexicon::read(file.clone()).unwrap_err(), Unreadable::Other { bytes: file.len() });
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(lexicon) = Lexicon::parse(bytes) {
                ask(&lexicon, "返品です", "send back");
            }
        }

        #[test]
        fn a_damaged_file_answers_something(
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
            japanese in "[返品金へんぴきりごです切日取]{0,8}",
            english in "(send|back|return|cut|off|the| ){0,6}",
        ) {
            let mut file = small();
            for (at, byte) in damage {
                let at = at.index(file.len());
                file[at] = byte;
            }
            if let Ok(lexicon) = Lexicon::parse(file) {
                ask(&lexicon, &japanese, &english);
                let document = |id: &str, content: &str| crate::knowledge::Document {
                    id: id.into(), title: None, content: content.into(), url: None, lang: None,
                };
                let documents = [document("a", &japanese), document("b", &english)];
                crate::knowledge::Index::new(std::sync::Arc::new(lexicon), documents).search("返品 send it back", 3);
            }
        }
    }
}
