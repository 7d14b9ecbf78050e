//! The form of the table of everyday words: a line is a sense, its words in Japanese, an equals sign, its words in English.

/// The table as it is packed: what is in Japanese of each line, and after all of it what is in English. Each half is more like itself.
#[cfg_attr(not(test), allow(dead_code))]
pub fn halves(table: &str) -> String {
    let lines = || table.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(" = "));
    let mut out = String::with_capacity(table.len());
    for half in lines().map(|l| l.0).chain(lines().map(|l| l.1)) {
        out.push_str(&half.replace(", ", ","));
        out.push('\n');
    }
    out
}

/// Each sense of the packed table: its words in Japanese and in English, each apart by commas.
#[cfg_attr(not(test), allow(dead_code))]
pub fn senses(halves: &str) -> impl Iterator<Item = (&str, &str)> {
    let count = halves.lines().count() / 2;
    halves.lines().zip(halves.lines().skip(count))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::knowledge::lexicon::lexicon;
    use crate::knowledge::{english, normal};

    const TABLE: &str = include_str!("../everyday.txt");

    #[test]
    fn a_table_in_halves_is_read_line_by_line() {
        let table = "# fruit\n林檎, りんご = apple\n切r = cut, cut off\n";
        assert_eq!(senses(&halves(table)).collect::<Vec<_>>(), [("林檎,りんご", "apple"), ("切r", "cut,cut off")]);
    }

    #[test]
    fn every_line_of_the_table_is_a_sense_of_its_own_and_says_no_word_twice() {
        let mut lines = BTreeSet::new();
        for line in TABLE.lines().filter(|l| !l.starts_with('#')) {
            let (japanese, english) = line.split_once(" = ").unwrap();
            let forms: Vec<String> = japanese.split(", ").map(normal::folded).collect();
            let stems: Vec<String> =
                english.split(", ").map(|w| w.split(' ').map(english::stem).collect::<Vec<_>>().join(" ")).collect();
            for words in [&forms, &stems] {
                assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len(), "{line}");
            }
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == ' ';
            assert!(forms.iter().all(|w| w.chars().count() > 1 || !w.is_ascii()), "{line}");
            assert!(english.split(", ").all(|w| !w.is_empty() && w.chars().all(plain)), "{line}");
            assert!(lines.insert((forms, stems)), "{line}");
        }
    }

    #[test]
    fn every_english_word_of_the_table_is_known() {
        let lexicon = lexicon();
        for (_, english) in TABLE.lines().filter_map(|l| l.split_once(" = ")) {
            for words in english.split(", ") {
                let stems: Vec<String> = words.split(' ').map(english::stem).collect();
                let stems: Vec<&str> = stems.iter().map(String::as_str).collect();
                assert!(lexicon.phrase(&stems).is_some() || lexicon.everyday_phrase(&stems).is_some(), "{words}");
            }
        }
    }
}
