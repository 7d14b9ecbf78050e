//! What a line of a page is to those around it: a row, an item, a rule, one that leans on what stands before it or points to what comes.

use crate::knowledge::passage::length;

/// What a paragraph is named by before a colon is at most so long.
const LONGEST_LABEL: usize = 32;

/// What stands before a colon at a line's beginning, if it is short enough to be the name of what follows.
pub fn label(line: &str) -> Option<&str> {
    let (name, rest) = line.split_once(": ").or_else(|| line.split_once('：'))?;
    (length(name) <= LONGEST_LABEL && !rest.trim().is_empty()).then_some(name)
}

/// Whether a line is a row of a table: two columns and no sentence.
pub fn is_row(line: &str) -> bool {
    let line = line.trim();
    let columns = line.contains(" | ") || (!line.is_ascii() && line.contains([' ', '\u{3000}', '\t']));
    columns && !line.starts_with(['・', '-', '*', '※', '●', '○']) && !line.ends_with(['。', '.', '!', '?'])
}

/// Whether a line parts a table's head from its rows.
pub fn is_rule(line: &str) -> bool {
    line.contains("--") && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ' | '\n'))
}

/// Whether a line names a sum.
pub fn names_money(line: &str) -> bool {
    line.contains(['円', '¥', '￥', '$', '€', '£']) || line.contains("yen")
}

/// Lines that are told one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Several {
    /// A list's.
    Items,
    /// A table's.
    Rows,
}

impl Several {
    /// What a line is one of, if it is one of several.
    pub fn of(line: &str) -> Option<Self> {
        let text = line.trim();
        let number = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let numbered = number.len() < text.len() && number.starts_with([')', '）', '、']) || number.starts_with(". ");
        let item = text.starts_with(['・', '※', '○']) || ["- ", "* ", "+ "].iter().any(|mark| text.starts_with(mark));
        match item || numbered {
            true => Some(Self::Items),
            false => is_row(line).then_some(Self::Rows),
        }
    }
}

/// How a sentence needs what stands before it.
pub enum Leaning {
    /// It goes on from the sentence before.
    Before,
    /// It names what stands somewhere above.
    Above,
}

impl Leaning {
    /// How a line leans, if it does.
    pub fn of(line: &str) -> Option<Self> {
        const BEGINNINGS: &str =
            "その それ これ この ただし また なお さらに しかし いずれも どちらも 同じく そこ ですが 加えて ここで";
        const WORDS: &str = "this these that those it they both however but also otherwise then";
        let line = line.trim_start_matches([' ', '\u{3000}', '・', '-', '*', '※', '\n']).trim_end();
        let lower = line.to_ascii_lowercase();
        let named = ["上記", "前述", "前記", "the above", "listed above", "as above"].iter().any(|w| lower.contains(w))
            || stands_alone(line, "上の")
            || lower.trim_end_matches(['.', ')']).ends_with(" above");
        let first = lower.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        let goes_on = BEGINNINGS.split(' ').any(|w| line.starts_with(w)) || WORDS.split(' ').any(|w| w == first);
        match (named, goes_on) {
            (true, _) => Some(Self::Above),
            (false, true) => Some(Self::Before),
            (false, false) => None,
        }
    }
}

/// Whether a sentence says that what it speaks of comes after it.
pub fn points_on(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let lower = lower.trim_end().trim_end_matches(['.', ':']);
    let named =
        ["次のとおり", "次の通り", "次のこと", "次のもの", "次の場合", "次の方", "下記", "the following", "as follows"];
    named.iter().any(|w| lower.contains(w)) || lower.ends_with(" below") || stands_alone(line, "以下の")
}

/// Whether a word is there on its own, rather than as the end of 8,800円以下の or 机の上の.
fn stands_alone(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|b| b.chars().next_back());
        !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == 'の' || ('\u{4e00}'..='\u{9fff}').contains(&c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_places_are_no_pointers() {
        for plain in
            ["8,800円以上の品", "棚の上の品", "Orders above 8,800 yen", "40度以下の水", "Wash below 40 degrees"]
        {
            assert!(Leaning::of(plain).is_none() && !points_on(plain), "{plain}");
        }
        for leaning in ["※ただし、沖縄を除きます。", "詳しくは上の表を。", "It takes a week.", "See the above."]
        {
            assert!(Leaning::of(leaning).is_some(), "{leaning}");
        }
    }
}
