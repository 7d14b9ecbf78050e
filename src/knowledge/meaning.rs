//! What a text speaks of, as a direction in a space in which words that are used alike lie near each other. Where several passages hold as
//! much of a question, it tells which of them is about the same.
//!
//! The space is of a corpus of Japanese (`meanings.bin`, made by `cargo run --release --example meanings`); an English word lies where the
//! Japanese words of its senses do. A text lies in the direction of the sum of its words, each the longer the rarer it is in the corpus.

use super::lexicon::{DIMENSIONS, Lexicon, MEANING};

/// The sum of what words mean.
#[derive(Debug, Clone, Copy)]
pub struct Meaning([f32; DIMENSIONS]);

impl Default for Meaning {
    fn default() -> Meaning {
        Meaning([0.0; DIMENSIONS])
    }
}

impl Meaning {
    /// Adds what a place in a text means that has one of these words: the middle of all that they may mean.
    pub fn add(&mut self, lexicon: &Lexicon, words: &[u32]) {
        let mut sum = Meaning::default();
        let mut count = 0.0;
        for word in words {
            let senses = lexicon.senses(*word);
            // A concept is wider than a sense.
            let concepts = lexicon.concepts(*word).filter(|_| senses.clone().next().is_none());
            for packed in senses.clone().chain(concepts).filter_map(|id| lexicon.meaning(id)) {
                sum.unpack(packed);
                count += 1.0;
            }
        }
        if count > 0.0 {
            self.join(&sum, 1.0 / count);
        }
    }

    /// Adds another, so many times.
    pub fn join(&mut self, other: &Meaning, times: f32) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, part)| *sum += times * part);
    }

    /// Adds a packed one: a direction in steps of four bits, and how long it is.
    fn unpack(&mut self, packed: &[u8; MEANING]) {
        let [length, steps @ ..] = packed;
        let steps = || steps.iter().flat_map(|two| [two & 15, two >> 4]).map(|step| f32::from(step) - 8.0);
        let squares: f32 = steps().map(|step| step * step).sum();
        let scale = f32::from(*length) / squares.sqrt().max(1.0);
        self.0.iter_mut().zip(steps()).for_each(|(sum, step)| *sum += scale * step);
    }

    /// Where it points; nowhere if it means nothing.
    pub fn direction(&self) -> Direction {
        let length = self.0.iter().map(|part| part * part).sum::<f32>().sqrt();
        Direction(self.0.map(|part| if length > 0.0 { (FULL * part / length).round() as i8 } else { 0 }))
    }
}

/// The length of a direction.
const FULL: f32 = 127.0;

/// Where a text points.
#[derive(Debug, Clone, Copy)]
pub struct Direction([i8; DIMENSIONS]);

impl Direction {
    /// The cosine of the angle to another; 0 where one of them points nowhere.
    pub fn nearness(&self, other: &Direction) -> f32 {
        let dot: i32 = self.0.iter().zip(other.0).map(|(a, b)| i32::from(*a) * i32::from(b)).sum();
        dot as f32 / (FULL * FULL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::terms;

    fn direction(text: &str) -> Direction {
        terms::page(&Lexicon::built(), text, |_| (), |_| ()).direction()
    }

    #[test]
    fn texts_about_the_same_lie_nearer_than_others_in_either_language() {
        let near = |a, b| direction(a).nearness(&direction(b));
        for (text, same, other) in [
            ("届くのが遅い", "配送には三日かかります", "返金はカードに行います"),
            ("a bunch of roses", "花束をお作りします", "電池を交換します"),
            ("割れたグラス", "a broken cup", "how to pay"),
        ] {
            let (same, other) = (near(text, same), near(text, other));
            assert!(same > other + 0.1, "{text}: {same} {other}");
        }
    }

    #[test]
    fn a_text_lies_where_it_lies_however_often_it_is_said_and_nowhere_without_words() {
        let (once, twice) = (direction("返品の送料"), direction("返品の送料。返品の送料。"));
        let (same, own) = (once.nearness(&twice), once.nearness(&once));
        assert!(same > 0.97 && (own - 1.0).abs() < 0.03, "{same} {own}");
        for nothing in ["", "です。", "12", "qwrtz"] {
            assert_eq!(direction(nothing).nearness(&once), 0.0, "{nothing}");
        }
    }

    #[test]
    fn nearly_every_concept_of_the_vocabulary_has_a_meaning() {
        let lexicon = Lexicon::built();
        let (mut known, mut all) = (0, 0);
        for concept in 0..u16::MAX {
            all += u32::from(lexicon.class(concept).is_some());
            known += u32::from(lexicon.meaning(concept).is_some());
        }
        // Where this fails, lines were changed since `cargo run --release --example meanings` was run.
        assert!(known <= all && known * 100 > all * 97, "{known} of {all}");
    }
}
