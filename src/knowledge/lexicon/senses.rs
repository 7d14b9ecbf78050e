//! The form of the table of everyday words: a line is a sense, its words in Japanese, an equals sign, its words in English.

/// Each sense of the table: its words in Japanese and in English, each apart by a comma and a space.
pub fn senses(table: &str) -> impl Iterator<Item = (&str, &str)> {
    table.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(" = "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::knowledge::Lexicon;
    use crate::knowledge::{english, normal};

    const TABLE: &str = include_str!("../everyday.txt");

    #[test]
    fn every_line_of_the_table_is_a_sense_of_its_own_and_says_no_word_twice() {
        let mut lines = BTreeSet::new();
        for line in senses(TABLE) {
            let (japanese, english) = line;
            let forms: Vec<String> = japanese.split(", ").map(normal::folded).collect();
            let stems: Vec<String> =
                english.split(", ").map(|w| w.split(' ').map(english::stem).collect::<Vec<_>>().join(" ")).collect();
            for words in [&forms, &stems] {
                assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len(), "{line:?}");
            }
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == ' ';
            assert!(forms.iter().all(|w| !w.is_ascii()), "{line:?}");
            // A number is read with what it counts.
            assert!(!forms.iter().any(|w| w.starts_with(|c: char| c.is_ascii_digit())), "{line:?}");
            assert!(english.split(", ").all(|w| !w.is_empty() && w.chars().all(plain)), "{line:?}");
            assert!(lines.insert((forms, stems)), "{line:?}");
        }
    }

    #[test]
    fn every_english_word_of_the_table_is_known() {
        let lexicon = Lexicon::built();
        for (_, english) in senses(TABLE) {
            for words in english.split(", ") {
                let stems: Vec<String> = words.split(' ').map(english::stem).collect();
                let stems: Vec<&str> = stems.iter().map(String::as_str).collect();
                assert!(lexicon.phrase(&stems).is_some() || lexicon.everyday_phrase(&stems).is_some(), "{words}");
            }
        }
    }
}
