//! What a question wants, as units of meaning: each with its weight, and every term by which a page may meet it.

use super::english;
use super::lexicon::{Class, Lexicon};
use super::loan;
use super::meaning::Meaning;
use super::normal::{Glyph, Script, fold, fold_question, from_roman, skeleton};
use super::segment::{Everyday, Kind, Token, segment};
use super::terms::{self, Term, sounds};
use crate::order;

/// What a unit is to its question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// How it asks.
    Manner,
    /// What it is about.
    Topic,
    /// What it is about, and the vocabulary does not know.
    Strange,
    /// A name, which answers only where it is named.
    Name,
    /// Goods.
    Goods,
}

impl Part {
    /// Where the weight tells whether it is what the question is about.
    fn of(weight: f32, known: bool) -> Part {
        match (weight >= 0.5, known) {
            (false, _) => Part::Manner,
            (true, true) => Part::Topic,
            (true, false) => Part::Strange,
        }
    }
}

/// One thing that the question speaks of.
#[derive(Debug)]
pub struct Unit {
    /// How much it tells, before the shop's own pages say how rare it is there.
    pub weight: f32,
    /// How much it tells where no page has it.
    pub absent: f32,
    /// What it is to the question.
    pub part: Part,
    /// The terms that meet it, and how well each does.
    pub terms: Vec<(Term, f32)>,
    /// Pairs of characters of which a page must hold most.
    pub pairs: Vec<Term>,
    /// The concept it stands for, so that one said twice counts once.
    concept: Option<u16>,
}

/// A question, understood.
#[derive(Debug, Default)]
pub struct Question {
    /// What it speaks of.
    pub units: Vec<Unit>,
    /// Its pairs of neighbouring characters, of which one is no hiragana.
    pub pairs: Vec<Term>,
    /// What it means.
    pub meaning: Meaning,
    /// Whether it is in Japanese.
    pub japanese: bool,
    /// How much longer it is than one of middle length, as a part of that.
    pub length: f32,
}

/// A page that has the word's meaning in another word.
const SYNONYM: f32 = 0.88;
/// A word that only sounds alike: a wrong conversion.
const HOMOPHONE: f32 = 0.6;
/// A word that a slip of the finger may have been meant for.
const SLIP: f32 = 0.7;
/// The same, where there is one such word.
const SURE_SLIP: f32 = 0.9;
/// A word that says little.
const SAYS_LITTLE: f32 = 0.15;
/// A word written in Roman letters.
const ROMAN: f32 = 0.85;
/// A katakana word with the consonants of an English one.
const LOAN: f32 = 0.8;
/// Another number of the same.
const COUNTED: f32 = 0.6;
/// A short word in katakana that may be a name.
const SHORT_NAME: f32 = 0.6;
/// A number of something.
const COUNT: f32 = 0.3;
/// An everyday word of an English question that the vocabulary has, too: more exact than what that has it mean.
const SENSE: f32 = 0.9;
/// A short everyday word with an ending, which says what is done.
const EVERYDAY_STEM: f32 = 0.5;
/// Another everyday word in hiragana.
const EVERYDAY_KANA: f32 = 0.6;
/// Kanji that count.
const NUMERALS: &str = "一二三四五六七八九十百千万";
/// What may follow a noun.
const PARTICLES: &str = "のをがはにでもとへやか";
/// Only the likeliest of the words that may have been meant.
const MOST_MEANT: usize = 6;
/// A question of middle length, in characters of Japanese, and how much of one a character of another language is.
const MIDDLING: f32 = 25.0;
const OTHER_CHARACTER: f32 = 0.45;
/// What is shorter or longer by more than these parts is no likelier to be answered or not for it.
const SHORTEST: f32 = -0.2;
const LONGEST: f32 = 0.4;

/// Whether a part is a whole run of two or three katakana.
fn stands_in_katakana(glyphs: &[Glyph], start: usize, end: usize) -> bool {
    let katakana = |g: &Glyph| g.script == Script::Katakana || g.c == 'ー';
    let beside = [start.checked_sub(1), Some(end)];
    (2..=3).contains(&(end - start))
        && glyphs.get(start..end).is_some_and(|part| part.iter().all(katakana))
        && !beside.into_iter().flatten().filter_map(|at| glyphs.get(at)).any(katakana)
}

/// Whether a text is in Japanese.
pub fn is_japanese(text: &str) -> bool {
    let (mut japanese, mut latin) = (0, 0);
    for g in fold(text) {
        match g.script {
            s if s.is_japanese() => japanese += 1,
            Script::Latin => latin += 1,
            _ => {}
        }
    }
    japanese * 3 > latin
}

impl Question {
    /// Understands a question. `vocabulary` gives the page's own Latin words that a stem may be a slip for.
    pub fn read(lexicon: &Lexicon, text: &str, vocabulary: impl Fn(&str) -> Vec<String>) -> Question {
        let glyphs = fold_question(text);
        let tokens = segment(lexicon, &glyphs, Everyday::Whole);
        let japanese = is_japanese(text);
        let each = if japanese { 1.0 } else { OTHER_CHARACTER };
        let length = (text.chars().count() as f32 * each / MIDDLING - 1.0).clamp(SHORTEST, LONGEST);
        let mut question = Question { pairs: pairs(&glyphs), japanese, length, ..Question::default() };
        let misheard = question.misheard(lexicon, &glyphs, &tokens);
        for Token { start, end, kind } in &tokens {
            let part = glyphs.get(*start..*end).unwrap_or_default();
            // The pieces of a word that was misheard mean nothing.
            if misheard.iter().any(|(from, to)| from <= start && end <= to) {
                continue;
            }
            match kind {
                Kind::Words { words, by_sound: true } if stands_in_katakana(&glyphs, *start, *end) => {
                    question.named(lexicon, part, words);
                }
                Kind::Words { words, .. } if words.iter().all(|w| lexicon.is_everyday(*w)) => {
                    match part.first().map_or(Script::Break, |g| g.script) {
                        Script::Latin => question.everyday(lexicon, part, words),
                        script => question.unknown(lexicon, part, script, words, glyphs.get(*end)),
                    }
                }
                Kind::Words { words, .. } => question.words(lexicon, part, words),
                Kind::Unknown(script) => question.unknown(lexicon, part, *script, &[], glyphs.get(*end)),
                Kind::Latin(stem) => {
                    let word: String = part.iter().map(|g| g.c).filter(|c| c.is_alphabetic()).collect();
                    question.latin(lexicon, &word, stem, &vocabulary);
                }
                Kind::Number(number) => {
                    let counted = terms::counted(lexicon, &glyphs, *end);
                    let mut terms = vec![(Term::text(number), 1.0)];
                    if let Some(concept) = counted {
                        question.meaning(lexicon, concept, COUNTED, &mut terms);
                    }
                    let weight = if counted.is_some() { COUNT } else { 0.15 };
                    question.push(Unit {
                        weight,
                        absent: 0.15,
                        part: Part::Manner,
                        terms,
                        pairs: Vec::new(),
                        concept: None,
                    });
                }
                Kind::Filler => {}
            }
        }
        question
    }

    fn push(&mut self, unit: Unit) {
        if let Some(concept) = unit.concept
            && let Some(there) = self.units.iter_mut().find(|u| u.concept == Some(concept))
        {
            for (term, strength) in unit.terms {
                match there.terms.iter_mut().find(|(t, _)| *t == term) {
                    Some((_, s)) => *s = s.max(strength),
                    None => there.terms.push((term, strength)),
                }
            }
            return;
        }
        self.units.push(unit);
    }

    fn words(&mut self, lexicon: &Lexicon, part: &[Glyph], words: &[u32]) {
        self.meaning.add(lexicon, words);
        let mut alike: Vec<u32> = Vec::new();
        if let ([word], true) = (words, part.iter().any(|g| g.script == Script::Kanji)) {
            for stem in lexicon.heard(*word) {
                // The inflection's kana stands in the text and not in the stem's reading.
                let tail = part.last().filter(|g| g.script.is_kana() && !stem.ends_with(g.c)).map(|g| g.c);
                let reading: String = stem.chars().chain(tail).collect();
                if reading.chars().count() >= 2 {
                    alike.extend(lexicon.sounding(&reading));
                }
            }
        }
        let sure = words.iter().filter(|w| !lexicon.is_everyday(**w)).count() == 1;
        let mut concepts: Vec<u16> = Vec::new();
        for word in words {
            for concept in lexicon.concepts(*word) {
                if !concepts.contains(&concept) {
                    concepts.push(concept);
                }
            }
        }
        let mut terms: Vec<(Term, f32)> = words.iter().map(|w| (Term::word(*w), 1.0)).collect();
        for word in alike.iter().filter(|w| !words.contains(w)).take(MOST_MEANT) {
            terms.extend(lexicon.concepts(*word).map(|concept| (Term::concept(concept), HOMOPHONE)));
        }
        // A page in Japanese has the word itself where it means the same.
        if !self.japanese {
            terms.extend(senses(lexicon, words).into_iter().map(|s| (Term::concept(s), SENSE)));
        }
        if concepts.is_empty() {
            self.push(Unit {
                weight: SAYS_LITTLE,
                absent: SAYS_LITTLE,
                part: Part::Manner,
                terms,
                pairs: Vec::new(),
                concept: None,
            });
        } else if sure {
            for concept in concepts {
                let mut terms = terms.clone();
                self.meaning(lexicon, concept, 1.0, &mut terms);
                self.concept_unit(lexicon, concept, terms);
            }
        } else {
            // Which of the words that sound so was meant, the page decides.
            let lead =
                concepts.iter().copied().max_by(|a, b| class_weight(lexicon, *a).total_cmp(&class_weight(lexicon, *b)));
            for concept in &concepts {
                self.meaning(lexicon, *concept, 0.95, &mut terms);
            }
            if let Some(lead) = lead {
                self.concept_unit(lexicon, lead, terms);
            }
        }
    }

    /// A short word in katakana that sounds like words written otherwise: the shop's name for something, or else one of them.
    fn named(&mut self, lexicon: &Lexicon, part: &[Glyph], words: &[u32]) {
        let kana: Vec<char> = part.iter().map(|g| g.c).collect();
        let mut terms: Vec<(Term, f32)> = terms::short_name(&kana).map(|name| (name, 1.0)).into_iter().collect();
        let weight = self.mean(lexicon, words, SLIP, &mut terms).unwrap_or_default().clamp(SHORT_NAME, 1.0);
        self.push(Unit { weight, absent: weight, part: Part::Strange, terms, pairs: Vec::new(), concept: None });
    }

    /// Adds the terms of a concept and of those that bear on it.
    fn meaning(&self, lexicon: &Lexicon, concept: u16, strength: f32, terms: &mut Vec<(Term, f32)>) {
        terms.push((Term::concept(concept), SYNONYM * strength));
        for (related, weight) in lexicon.related(concept) {
            terms.push((Term::concept(related), SYNONYM * strength * weight));
        }
    }

    fn concept_unit(&mut self, lexicon: &Lexicon, concept: u16, terms: Vec<(Term, f32)>) {
        let class = lexicon.class(concept).unwrap_or(Class::Weak);
        self.push(Unit {
            weight: class.weight(),
            absent: match class {
                Class::Goods => 1.0,
                // How it is asked says little of whether it is answered.
                Class::Intent | Class::Example => 0.12,
                class => class.weight(),
            },
            part: match class {
                Class::Topic | Class::Example => Part::Topic,
                Class::Name => Part::Name,
                Class::Goods => Part::Goods,
                Class::Intent | Class::Weak | Class::Sense => Part::Manner,
            },
            terms,
            pairs: Vec::new(),
            concept: Some(concept),
        });
    }

    /// Adds what words of the everyday table may mean; the first sense.
    fn senses(&mut self, lexicon: &Lexicon, words: &[u32], terms: &mut Vec<(Term, f32)>) -> Option<u16> {
        self.meaning.add(lexicon, words);
        terms.extend(words.iter().map(|w| (Term::word(*w), 1.0)));
        let senses = senses(lexicon, words);
        for sense in &senses {
            self.meaning(lexicon, *sense, 1.0, terms);
        }
        senses.first().copied()
    }

    /// An English word that only the everyday table has, or a phrase.
    fn everyday(&mut self, lexicon: &Lexicon, part: &[Glyph], words: &[u32]) {
        let mut terms = Vec::new();
        let concept = self.senses(lexicon, words, &mut terms);
        let letters: String = part.iter().map(|g| g.c).collect();
        terms.extend(loan::of_english(&letters).map(|frame| (Term::loan(&frame), LOAN)));
        self.push(Unit {
            weight: Class::Sense.weight(),
            absent: Class::Sense.weight(),
            part: Part::Topic,
            terms,
            pairs: Vec::new(),
            concept,
        });
    }

    /// Japanese that the vocabulary does not know, with the words that the everyday table has for it. It weighs what it would without.
    fn unknown(&mut self, lexicon: &Lexicon, part: &[Glyph], script: Script, everyday: &[u32], after: Option<&Glyph>) {
        // A kana or two that no word has are an ending.
        if script == Script::Hiragana && part.len() <= if everyday.is_empty() { 2 } else { 1 } {
            return;
        }
        // How many there are of something is no thing itself.
        if let [only] = part
            && NUMERALS.contains(only.c)
        {
            return;
        }
        let text: String = part.iter().map(|g| g.c).collect();
        let pairs: Vec<Term> = part.windows(2).filter_map(|w| Some(Term::pair(w.first()?.c, w.last()?.c))).collect();
        let mut terms = Vec::new();
        if pairs.is_empty() {
            terms.push((Term::text(&text), 1.0));
        }
        if script == Script::Katakana {
            let kana: Vec<char> = part.iter().map(|g| g.c).collect();
            terms.extend(terms::short_name(&kana).map(|name| (name, 1.0)));
        }
        let mut lead = None;
        let sense = self.senses(lexicon, everyday, &mut terms);
        if script == Script::Kanji {
            for sound in sounds(lexicon, part) {
                terms.push((Term::sound(&sound), SLIP));
            }
        } else if part.len() >= 3 {
            terms.push((Term::sound(&skeleton(&text)), 0.9));
            if sense.is_none() {
                lead = self.mean(lexicon, &lexicon.nearly_sounding(&text), SLIP, &mut terms);
            }
        }
        let stem = part.len() <= 3 && part.last().is_some_and(|g| g.script == Script::Hiragana);
        let weight = match (script, part.len()) {
            _ if sense.is_some() && stem => EVERYDAY_STEM,
            (Script::Hiragana, _) if sense.is_some() => EVERYDAY_KANA,
            _ if lead.is_some() => 0.9 * lead.unwrap_or_default(),
            // Before a particle it is a thing; before other kana, the stem of a word that says what is done.
            (Script::Kanji, 0 | 1) => match after {
                Some(g) if g.script == Script::Hiragana && !PARTICLES.contains(g.c) => 0.2,
                _ => 0.6,
            },
            (Script::Katakana, 0 | 1) => 0.2,
            (Script::Katakana, 2) => 0.8,
            (Script::Kanji | Script::Katakana, _) => 1.0,
            (_, 0..=3) => 0.1,
            _ => 0.3,
        };
        self.push(Unit {
            weight,
            absent: weight,
            part: Part::of(weight, lead.is_some() || sense.is_some()),
            terms,
            pairs,
            concept: sense,
        });
    }

    fn latin(&mut self, lexicon: &Lexicon, word: &str, stem: &str, vocabulary: &impl Fn(&str) -> Vec<String>) {
        let near = vocabulary(stem);
        let there = near.iter().any(|w| w == stem);
        let roman = if stem.len() >= 3 { from_roman(word) } else { None };
        if let Some(kana) = roman.as_ref().filter(|_| !there)
            && self.in_roman(lexicon, kana)
        {
            return;
        }
        let mut terms = vec![(Term::text(stem), 1.0)];
        let mut heard = None;
        for word in near.iter().filter(|w| *w != stem) {
            terms.push((Term::text(word), SLIP));
        }
        if let Some(kana) = &roman {
            terms.push((Term::sound(&skeleton(kana)), ROMAN));
            let kana_chars: Vec<char> = kana.chars().collect();
            terms.extend(terms::short_name(&kana_chars).map(|name| (name, ROMAN)));
            let words = lexicon.sounding(kana);
            heard = self.mean(lexicon, &words, ROMAN, &mut terms);
        }
        if !there && heard.is_none() {
            let words = lexicon.nearly(stem);
            // A word that holds sentences together says no more for being mistyped; what can be read as Japanese may be a name.
            if roman.is_none() && words.first().is_some_and(|w| lexicon.is_filler(*w)) {
                return;
            }
            let surely = if words.len() == 1 { SURE_SLIP } else { SLIP };
            heard = self.mean(lexicon, &words, surely, &mut terms);
        }
        if !there && let Some(frame) = loan::of_english(word) {
            terms.push((Term::loan(&frame), LOAN));
        }
        let weight = match (heard, stem.chars().count()) {
            (Some(weight), _) => 0.9 * weight,
            (_, 0 | 1) => 0.15,
            (_, 2) => 0.4,
            // What it is about is mostly in the vocabulary or the everyday table.
            _ => 0.5,
        };
        self.push(Unit {
            weight,
            absent: weight,
            part: Part::of(weight, heard.is_some()),
            terms,
            pairs: Vec::new(),
            concept: None,
        });
    }

    /// Japanese in Roman letters, where every part of it is known and some part only holds a sentence together (henpinshitai,
    /// dekimasuka); whether it was.
    fn in_roman(&mut self, lexicon: &Lexicon, kana: &str) -> bool {
        let glyphs = fold(kana);
        let tokens = segment(lexicon, &glyphs, Everyday::Whole);
        let known = tokens.iter().all(|t| matches!(t.kind, Kind::Words { .. } | Kind::Filler));
        if !known || !tokens.iter().any(|t| matches!(t.kind, Kind::Filler)) {
            return false;
        }
        for Token { start, end, kind } in &tokens {
            if let Kind::Words { words, .. } = kind {
                self.words(lexicon, glyphs.get(*start..*end).unwrap_or_default(), words);
            }
        }
        true
    }

    /// Adds what words mean that a text may have been meant for; the weight of the weightiest, if there is any.
    fn mean(&mut self, lexicon: &Lexicon, words: &[u32], strength: f32, terms: &mut Vec<(Term, f32)>) -> Option<f32> {
        self.meaning.add(lexicon, words.get(..MOST_MEANT).unwrap_or(words));
        let mut heaviest = None;
        for word in words.iter().take(MOST_MEANT) {
            terms.push((Term::word(*word), strength));
            let concepts = lexicon.concepts(*word);
            let weight = concepts.clone().map(|c| class_weight(lexicon, c)).fold(SAYS_LITTLE, f32::max);
            heaviest = Some(weight.max(heaviest.unwrap_or(0.0)));
            for concept in concepts {
                self.meaning(lexicon, concept, strength, terms);
            }
        }
        heaviest
    }

    /// A run of kanji that is no one word may be a wrong conversion of one that sounds the same, its endings included
    /// (変品 for 返品).
    fn misheard(&mut self, lexicon: &Lexicon, glyphs: &[Glyph], tokens: &[Token]) -> Vec<(usize, usize)> {
        let mut heard = Vec::new();
        let mut at = 0;
        while at < glyphs.len() {
            let rest = glyphs.get(at..).unwrap_or_default();
            let run = rest.iter().take_while(|g| g.script == Script::Kanji).count();
            let (start, end) = (at, at + run);
            at = end.max(at + 1);
            let known = |t: &Token| matches!(t.kind, Kind::Words { .. } | Kind::Filler);
            let whole = tokens.iter().any(|t| t.start <= start && t.end >= end && known(t));
            if !(1..=5).contains(&run) || whole {
                continue;
            }
            let kana = rest.iter().skip(run).take_while(|g| g.script == Script::Hiragana).count();
            // The longest that is a word; one character alone says too little of how it sounds.
            let least = if run == 1 { 1 } else { 0 };
            for tail in (least..=kana.min(2)).rev() {
                let end = end + tail;
                let chars: Vec<char> = glyphs.get(start..end).unwrap_or_default().iter().map(|g| g.c).collect();
                let mut words: Vec<u32> = lexicon.readings(&chars).iter().flat_map(|r| lexicon.sounding(r)).collect();
                order::sort_and_dedup(&mut words);
                let mut terms = Vec::new();
                let mut lead = None;
                for word in words.into_iter().take(MOST_MEANT) {
                    terms.push((Term::word(word), SLIP));
                    for concept in lexicon.concepts(word) {
                        lead.get_or_insert(concept);
                        self.meaning(lexicon, concept, SLIP, &mut terms);
                    }
                }
                if let Some(lead) = lead {
                    self.concept_unit(lexicon, lead, terms);
                    heard.push((start, end));
                    break;
                }
            }
        }
        heard
    }
}

fn pairs(glyphs: &[Glyph]) -> Vec<Term> {
    let told = |a: &Glyph, b: &Glyph| {
        let both = a.script.is_japanese() && b.script.is_japanese();
        both && (a.script != Script::Hiragana || b.script != Script::Hiragana)
    };
    glyphs
        .windows(2)
        .filter_map(|w| match w {
            [a, b] if told(a, b) => Some(Term::pair(a.c, b.c)),
            _ => None,
        })
        .collect()
}

/// What the everyday table has words mean.
fn senses(lexicon: &Lexicon, words: &[u32]) -> Vec<u16> {
    let mut senses: Vec<u16> = words.iter().flat_map(|w| lexicon.senses(*w)).collect();
    order::sort_and_dedup(&mut senses);
    senses
}

fn class_weight(lexicon: &Lexicon, concept: u16) -> f32 {
    lexicon.class(concept).map_or(0.0, Class::weight)
}

/// The words of a vocabulary that a stem is, or else may be a slip for.
pub fn near<'a>(vocabulary: impl Iterator<Item = &'a str>, stem: &str) -> Vec<String> {
    let chars: Vec<char> = stem.chars().collect();
    let most = english::forgiven(chars.len()).min(1);
    let mut found = Vec::new();
    for word in vocabulary {
        if word == stem {
            return vec![word.to_owned()];
        }
        if most > 0 && word.chars().next() == chars.first().copied() {
            let other: Vec<char> = word.chars().collect();
            if english::within(&other, &chars, most) {
                found.push(word.to_owned());
            }
        }
    }
    // The vocabulary is in no order.
    order::sort_and_dedup(&mut found);
    found.truncate(MOST_MEANT);
    found
}
