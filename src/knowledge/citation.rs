//! The marks by which a model names the passages it used, such as `[1]` or `【2】`: taken out of what a shopper reads, and counted.

use super::normal::narrow;

/// The longest mark that is waited for, in characters; what is longer is text.
const LONGEST: usize = 24;

/// Reads an answer piece by piece. A mark may be cut between two pieces.
#[derive(Debug)]
pub struct Citations {
    given: usize,
    held: String,
    cited: Vec<usize>,
}

impl Citations {
    /// For an answer from so many passages, numbered from 1.
    pub fn of(given: usize) -> Self {
        Self { given, held: String::new(), cited: Vec::new() }
    }

    /// The next piece; gives what can be shown of it.
    pub fn push(&mut self, piece: &str) -> String {
        let mut shown = String::new();
        for c in piece.chars() {
            let begun = self.held.contains(['[', '【']);
            match c {
                // Spaces before a mark go with it.
                ' ' if !begun => self.held.push(c),
                '[' | '【' => {
                    if begun {
                        shown.push_str(&std::mem::take(&mut self.held));
                    }
                    self.held.push(c);
                }
                ']' | '】' if begun => {
                    self.held.push(c);
                    let mark = std::mem::take(&mut self.held);
                    match self.numbers(&mark) {
                        Some(numbers) => self.cited.extend(numbers),
                        None => shown.push_str(&mark),
                    }
                }
                _ if begun && self.holds(c) && self.held.chars().count() < LONGEST => self.held.push(c),
                other => {
                    shown.push_str(&std::mem::take(&mut self.held));
                    shown.push(other);
                }
            }
        }
        shown
    }

    /// What was held back when the answer ended.
    pub fn rest(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Those of the given that were cited; all where none was.
    pub fn named<T: Clone>(&self, given: &[T]) -> Vec<T> {
        let names = |n: usize| self.cited.is_empty() || self.cited.contains(&n);
        (1..).zip(given).filter(|(n, _)| names(*n)).map(|(_, g)| g.clone()).collect()
    }

    /// Whether a character may stand in the mark that is held: numbers and what joins them; in 【1†source】 anything after the dagger.
    fn holds(&self, c: char) -> bool {
        match narrow(c) {
            '0'..='9' | ',' | ';' | '、' | ' ' | '-' | '–' | '〜' | '~' => true,
            '^' => self.held.ends_with('['),
            '†' => self.held.contains('【'),
            _ => self.held.contains('†'),
        }
    }

    /// The passages of a mark, if it is of numbers and any is a passage's.
    fn numbers(&self, mark: &str) -> Option<Vec<usize>> {
        let inner: String = mark.trim_matches([' ', '[', ']', '【', '】', '^']).chars().map(narrow).collect();
        let inner = inner.split('†').next().unwrap_or_default();
        let mut numbers = Vec::new();
        for part in inner.split([',', ';', '、']) {
            let (from, to) = part.split_once(['-', '–', '〜', '~']).unwrap_or((part, part));
            let (from, to): (usize, usize) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
            numbers.extend((from..=to.min(self.given)).filter(|n| (1..=self.given).contains(n)));
        }
        Some(numbers).filter(|numbers| !numbers.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: usize, pieces: &[&str]) -> (String, Vec<usize>) {
        let mut citations = Citations::of(given);
        let mut shown: String = pieces.iter().map(|p| citations.push(p)).collect();
        shown += &citations.rest();
        (shown, citations.cited.into_iter().collect())
    }

    #[test]
    fn marks_are_taken_out_and_counted_wherever_a_piece_ends() {
        assert_eq!(read(3, &["返品は8日以内です[", "2", "]。"]), ("返品は8日以内です。".into(), vec![2]));
        assert_eq!(read(3, &["It takes 8 days ", "[1, 3]. Yes."]), ("It takes 8 days. Yes.".into(), vec![1, 3]));
        assert_eq!(read(2, &["送料は660円です【1】。"]), ("送料は660円です。".into(), vec![1]));
        for (mark, cited) in
            [("[１]", vec![1]), ("[1-3]", vec![1, 2, 3]), ("[1;2]", vec![1, 2]), ("[^2]", vec![2]), ("[1, 9]", vec![1])]
        {
            assert_eq!(read(3, &["8日以内です", mark, "。"]), ("8日以内です。".into(), cited), "{mark}");
        }
        assert_eq!(read(2, &["660円です【2†shipping.md】。"]), ("660円です。".into(), vec![2]));
    }

    #[test]
    fn brackets_that_name_no_passage_stay() {
        for text in ["[4] and [2024]", "[see](https://a.example)", "a [1", "list [a, 1] [ ", "[[x]]"] {
            assert_eq!(read(3, &[text]), (text.into(), vec![]), "{text}");
        }
    }

    #[test]
    fn all_given_are_named_when_none_is_cited_and_only_the_cited_otherwise() {
        let mut citations = Citations::of(2);
        assert_eq!(citations.named(&["a", "b"]), ["a", "b"]);
        citations.push("x [2]");
        assert_eq!(citations.named(&["a", "b"]), ["b"]);
    }
}
