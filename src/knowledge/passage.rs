//! Passages: pieces of a document cut where sentences end.

/// A passage aims at this length; a sentence that is longer alone is cut at four times that. A kanji or kana counts two, since it
/// says more than a letter of a script that spells.
const AIM: usize = 1100;
/// A rest shorter than this stays with the passage before it.
const REST: usize = 240;

fn length_of(c: char) -> usize {
    if c >= '\u{3000}' { 2 } else { 1 }
}

/// A text's length: a letter of a script that spells counts one, a kanji or kana two.
pub fn length(text: &str) -> usize {
    text.chars().map(length_of).sum()
}

/// Cuts a text into its sentences (Japanese and Latin full stops, line ends), none empty, with nothing lost but white space.
pub fn sentences(text: &str) -> impl Iterator<Item = &str> {
    spans(text).into_iter().filter_map(move |(from, to)| text.get(from..to)).map(str::trim).filter(|s| !s.is_empty())
}

/// Cuts a text into passages of whole sentences, none empty.
pub fn cut(text: &str) -> Vec<&str> {
    let mut passages: Vec<(usize, usize, usize)> = Vec::new();
    let mut open: Option<(usize, usize, usize)> = None;
    for (from, to) in spans(text) {
        let sentence = text.get(from..to).unwrap_or_default();
        let length = length(sentence);
        let (start, _, so_far) = open.unwrap_or((from, to, 0));
        open = Some((start, to, so_far + length));
        // An empty line ends what it ends, if there is enough of it.
        let paragraph = sentence.ends_with('\n') && text.get(to..).is_some_and(|rest| rest.starts_with('\n'));
        if so_far + length >= AIM || (paragraph && so_far + length >= AIM * 3 / 4) {
            passages.extend(open.take());
        }
    }
    if let Some((start, end, length)) = open {
        match passages.last_mut() {
            Some((_, last, so_far)) if length < REST && *so_far + length < 4 * AIM => {
                *last = end;
                *so_far += length;
            }
            _ => passages.push((start, end, length)),
        }
    }
    passages
        .into_iter()
        .filter_map(|(from, to, _)| text.get(from..to))
        .map(str::trim)
        .filter(|p| !p.is_empty())
        .collect()
}

/// Whether a text is what a line of a list or a question begins with: two letters or digits at most.
fn is_mark(text: &str) -> bool {
    let text = text.trim_start();
    (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Whether a line is the name of what follows it: it is marked as one, or asks what the lines after it answer.
pub fn is_heading(line: &str) -> bool {
    let line = line.trim();
    line.starts_with(['■', '◆', '●', '▼', '【', '#'])
        || line.ends_with([':', '：', '?', '？'])
        || line.strip_prefix(['Q', 'Ｑ']).is_some_and(|rest| {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            rest.starts_with(['.', '．', ':', '：', '、', ')', ' '])
        })
}

/// Where each sentence begins and ends, together the whole text.
pub(super) fn spans(text: &str) -> Vec<(usize, usize)> {
    let mut spans = Vec::new();
    let mut start = 0;
    let mut length = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        length += length_of(c);
        let next = chars.peek().map(|(_, c)| *c);
        let ends = match c {
            // 「…。」 ends with its bracket.
            '。' | '\u{ff01}' | '\u{ff1f}' => !next.is_some_and(|n| matches!(n, '」' | '』' | '）' | ')')),
            '\n' => true,
            // A point within a number or an address ends nothing, nor one after the mark that a line begins with (1. or Q.).
            '.' if is_mark(text.get(start..at).unwrap_or_default()) => false,
            '.' | '!' | '?' => next.is_none_or(char::is_whitespace),
            _ => false,
        };
        if ends || length >= 4 * AIM {
            let end = chars.peek().map_or(text.len(), |(at, _)| *at);
            spans.push((start, end));
            start = end;
            length = 0;
        }
    }
    if start < text.len() {
        spans.push((start, text.len()));
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn passages_end_where_sentences_end() {
        let text = "返品は8日以内です。".repeat(200);
        let passages = cut(&text);
        assert!(passages.len() > 3);
        assert!(passages.iter().all(|p| p.ends_with('。')));
        assert_eq!(passages.concat(), text);
    }

    #[test]
    fn a_short_rest_stays_with_what_it_belongs_to() {
        let text = format!("{}以上です。", "返品は8日以内です。".repeat(34));
        assert_eq!(cut(&text).len(), 1);
    }

    #[test]
    fn sentences_are_cut_at_stops_and_lines_and_not_in_numbers() {
        let cut: Vec<&str> = sentences("送料は1.5倍です。Free over 5,000 yen. Ask us!\n「はい。」と言う").collect();
        assert_eq!(cut, ["送料は1.5倍です。", "Free over 5,000 yen.", "Ask us!", "「はい。」と言う"]);
    }

    #[test]
    fn the_mark_that_a_line_begins_with_is_no_sentence() {
        let cut: Vec<&str> = sentences("Q1. 送料は?\nA. 660円です。\n10. See page 5. Then pay.").collect();
        assert_eq!(cut, ["Q1. 送料は?", "A. 660円です。", "10. See page 5.", "Then pay."]);
    }

    #[test]
    fn a_heading_is_marked_or_asks() {
        for line in [
            "■ 返金",
            "【送料】全国一律",
            "## Returns",
            "Care:",
            "Do you ship abroad?",
            "Q. 返品できますか。",
            "Q3：返品",
        ] {
            assert!(is_heading(line), "{line}");
        }
        for line in ["Quick delivery costs 500 yen.", "A. 660円です。", "返品は8日以内です。", "QRコードで払えます。"]
        {
            assert!(!is_heading(line), "{line}");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_is_lost(text in "[a-z。. \n!?]{0,2000}") {
            let squeeze = |t: &str| t.split_whitespace().collect::<String>();
            prop_assert_eq!(squeeze(&cut(&text).concat()), squeeze(&text));
            prop_assert_eq!(squeeze(&sentences(&text).collect::<String>()), squeeze(&text));
        }

        #[test]
        fn no_passage_is_past_its_bound(text in any::<String>()) {
            prop_assert!(cut(&text).iter().all(|p| length(p) <= 5 * AIM + 2));
        }
    }
}
