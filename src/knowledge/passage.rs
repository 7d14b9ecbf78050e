//! Passages: pieces of a document cut where sentences end.

/// A passage aims at this many characters; a sentence that is longer alone is cut at four times that.
const AIM: usize = 240;

/// Cuts a text into passages of whole sentences (Japanese and Latin full stops, line ends), none empty.
pub fn cut(text: &str) -> Vec<String> {
    let mut passages = Vec::new();
    let mut passage = String::new();
    let mut length = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        passage.push(c);
        length += 1;
        let ends = match c {
            '。' | '\u{ff01}' | '\u{ff1f}' | '\n' => true,
            // A point within a number or an address ends nothing.
            '.' | '!' | '?' => chars.peek().is_none_or(|next| next.is_whitespace()),
            _ => false,
        };
        if (ends && length >= AIM) || length >= 4 * AIM {
            push(&mut passages, &mut passage);
            length = 0;
        }
    }
    push(&mut passages, &mut passage);
    passages
}

fn push(passages: &mut Vec<String>, passage: &mut String) {
    let text = std::mem::take(passage);
    let text = text.trim();
    if !text.is_empty() {
        passages.push(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn passages_end_where_sentences_end() {
        let text = "返品は8日以内です。".repeat(100);
        let passages = cut(&text);
        assert!(passages.len() > 3);
        assert!(passages.iter().all(|p| p.ends_with('。')));
        assert_eq!(passages.concat(), text);
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_is_lost(text in "[a-z。. \n!?]{0,2000}") {
            let squeeze = |t: &str| t.split_whitespace().collect::<String>();
            prop_assert_eq!(squeeze(&cut(&text).concat()), squeeze(&text));
        }
    }
}
