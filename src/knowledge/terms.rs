//! What a page is indexed by: the concepts it speaks of, the words themselves, and pairs of characters for what no lexicon knows.

use super::lexicon::Lexicon;
use super::loan;
use super::meaning::Meaning;
use super::normal::{Glyph, Script, fold, skeleton};
use super::segment::{Everyday, Kind, Token, segment};
use crate::order;

/// A feature that question and page may share. The top bits tell the kinds apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Term(u64);

const KIND: u32 = 60;

impl Term {
    /// A concept of the lexicon.
    pub fn concept(concept: u16) -> Term {
        Term((1 << KIND) | u64::from(concept))
    }

    /// A word of the lexicon, however it was written.
    pub fn word(word: u32) -> Term {
        Term((2 << KIND) | u64::from(word))
    }

    /// Two neighbouring characters.
    pub fn pair(a: char, b: char) -> Term {
        Term((3 << KIND) | (u64::from(a as u32) << 21) | u64::from(b as u32))
    }

    /// A word that the lexicon does not know, as it is written.
    pub fn text(text: &str) -> Term {
        Term((4 << KIND) | hash(text))
    }

    /// Whether it is a meaning or a word, rather than a part of one.
    pub fn is_thing(self) -> bool {
        matches!(self.0 >> KIND, 1 | 4)
    }

    /// A word written in katakana, by the consonants that it has in common with the English word.
    pub fn loan(frame: &str) -> Term {
        Term((6 << KIND) | hash(frame))
    }

    /// A word that the lexicon does not know, as it may sound.
    pub fn sound(skeleton: &str) -> Term {
        Term((5 << KIND) | hash(skeleton))
    }
}

/// FNV-1a, of which sixty bits are kept: a collision among a shop's words would take a billion of them.
fn hash(text: &str) -> u64 {
    let full = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    (full >> 4) ^ (full & 0xf)
}

/// The ways in which a word in kanji that the lexicon does not know may sound, as skeletons.
pub fn sounds(lexicon: &Lexicon, word: &[Glyph]) -> Vec<String> {
    if !(2..=5).contains(&word.len()) {
        return Vec::new();
    }
    let chars: Vec<char> = word.iter().map(|g| g.c).collect();
    let mut sounds: Vec<String> = lexicon.readings(&chars).iter().map(|r| skeleton(r)).collect();
    order::sort_and_dedup(&mut sounds);
    sounds.truncate(24);
    sounds
}

/// What a number that ends here counts.
pub fn counted(lexicon: &Lexicon, glyphs: &[Glyph], end: usize) -> Option<u16> {
    let after = glyphs.get(end..).unwrap_or_default().iter().map(|g| g.c);
    let after: Vec<char> = after.skip_while(|c| matches!(c, ' ' | '万' | '千')).take(10).collect();
    lexicon.counter(&after)
}

/// A short word in katakana by itself, which may be a name although it sounds like some word (ヨル, ソラ).
pub fn short_name(kana: &[char]) -> Option<Term> {
    (2..=3).contains(&kana.len()).then(|| Term::text(&kana.iter().collect::<String>()))
}

/// Calls `found` for each word in katakana and each run of them, by its consonants, and for each short run as it is.
fn loans(glyphs: &[Glyph], tokens: &[Token], mut found: impl FnMut(Term)) {
    let katakana = |at: usize| glyphs.get(at).is_some_and(|g| g.script == Script::Katakana || g.c == 'ー');
    let mut frame = |start: usize, end: usize| {
        if let Some(frame) = loan::of_kana(glyphs.get(start..end).unwrap_or_default().iter().map(|g| g.c)) {
            found(Term::loan(&frame));
        }
    };
    let mut names = Vec::new();
    let mut at = 0;
    while at < glyphs.len() {
        let run = (at..glyphs.len()).take_while(|at| katakana(*at)).count();
        if run > 0 {
            frame(at, at + run);
            names.push(at..at + run);
            let within = tokens.iter().filter(|t| at <= t.start && t.end <= at + run && t.end - t.start < run);
            within.for_each(|t| frame(t.start, t.end));
        }
        at += run.max(1);
    }
    for run in names {
        let kana: Vec<char> = glyphs.get(run).unwrap_or_default().iter().map(|g| g.c).collect();
        short_name(&kana).into_iter().for_each(&mut found);
    }
}

/// Where the word that an unknown kanji begins ends: with the kanji and endings right after it (目止め).
fn word_end(glyphs: &[Glyph], tokens: &[Token], end: usize) -> usize {
    let mut last = end;
    for token in tokens {
        let kanji_first = glyphs.get(token.start).is_some_and(|g| g.script == Script::Kanji);
        if token.start == last && kanji_first && !matches!(token.kind, Kind::Filler) {
            last = token.end;
        }
    }
    last
}

/// The script of a part in Japanese that the vocabulary does not know, though the everyday table may.
fn beyond(lexicon: &Lexicon, kind: &Kind, part: &[Glyph]) -> Option<Script> {
    match kind {
        Kind::Unknown(script) => Some(*script),
        Kind::Words { words, .. } if words.iter().all(|w| lexicon.is_everyday(*w)) => {
            part.first().map(|g| g.script).filter(|s| s.is_japanese())
        }
        _ => None,
    }
}

/// Calls `found` with each term of a sentence of a page, and `unknown` with each Latin stem that the lexicon does not know. Gives what the
/// sentence means.
pub fn page(lexicon: &Lexicon, sentence: &str, mut found: impl FnMut(Term), mut unknown: impl FnMut(&str)) -> Meaning {
    let glyphs = fold(sentence);
    let mut meaning = Meaning::default();
    let tokens = segment(lexicon, &glyphs, Everyday::WithParts);
    loans(&glyphs, &tokens, &mut found);
    // The glyph up to which the pair before was joined, so that pairs cross words but not filler.
    let mut before: Option<(usize, char)> = None;
    for Token { start, end, kind } in &tokens {
        let part = glyphs.get(*start..*end).unwrap_or_default();
        match kind {
            Kind::Words { words, by_sound } => {
                // A short word met as it sounds may be any other.
                if !*by_sound || part.len() > 2 {
                    meaning.add(lexicon, words);
                    for word in words {
                        found(Term::word(*word));
                        let concepts = lexicon.concepts(*word).chain(lexicon.senses(*word));
                        concepts.for_each(|c| found(Term::concept(c)));
                    }
                }
            }
            Kind::Latin(stem) => {
                found(Term::text(stem));
                unknown(stem);
            }
            Kind::Number(number) => {
                found(Term::text(number));
                if let Some(concept) = counted(lexicon, &glyphs, *end) {
                    found(Term::concept(concept));
                }
            }
            Kind::Unknown(_) | Kind::Filler => {}
        }
        if let Some(script) = beyond(lexicon, kind, part) {
            if let [one] = part {
                found(Term::text(one.c.encode_utf8(&mut [0; 4])));
            }
            if script == Script::Kanji {
                let word = glyphs.get(*start..word_end(&glyphs, &tokens, *end)).unwrap_or_default();
                for sound in sounds(lexicon, word) {
                    found(Term::sound(&sound));
                }
            } else if part.len() >= 3 {
                found(Term::sound(&skeleton(&part.iter().map(|g| g.c).collect::<String>())));
            }
        }
        if matches!(kind, Kind::Filler | Kind::Latin(_) | Kind::Number(_)) {
            before = None;
            continue;
        }
        for (at, glyph) in part.iter().enumerate() {
            if !glyph.script.is_japanese() {
                before = None;
                continue;
            }
            if let Some((place, c)) = before
                && place + 1 == start + at
            {
                found(Term::pair(c, glyph.c));
            }
            before = Some((start + at, glyph.c));
        }
    }
    meaning
}
