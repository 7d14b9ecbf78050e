//! What of a passage is quoted to a shopper where no model answers: the sentences that bear on the question, under the heading they stand
//! under. A passage is cut for the search to find and for a model to read; a shopper on a phone wants the line that answers.

use std::ops::Range;

use super::index::{Document, Index};
use super::passage::{length, spans};

/// A quotation is at most about so long, as [`length`] counts: some 140 kanji and kana.
const LONGEST: usize = 280;
/// A sentence that is longer alone is cut.
const LONGEST_SENTENCE: usize = 480;
const OMITTED: &str = "…";

/// A heading, or none, and what stands under it.
struct Section {
    heading: Option<Range<usize>>,
    lines: Vec<Range<usize>>,
}

/// The part of a passage that answers a question best: whole sentences as they stand there, with [`OMITTED`] between what is not together.
/// `title` is the page's.
pub fn quote(question: &str, title: Option<&str>, passage: &str) -> String {
    let text = |range: &Range<usize>| passage.get(range.clone()).unwrap_or_default();
    let sections = sections(passage);
    let Some((section, best)) = best(question, title, &sections, &text) else { return passage.trim().to_owned() };
    let lines = around(best, &section.lines, LONGEST.saturating_sub(heading_length(section, &text)), &text);
    let kept = section.lines.get(lines.clone()).unwrap_or_default();
    let (Some(first), Some(last)) = (kept.first(), kept.last()) else { return passage.trim().to_owned() };
    let quoted = shortened(text(&(first.start..last.end)).trim());
    match &section.heading {
        None => quoted,
        Some(heading) if lines.start == 0 => format!("{}\n{quoted}", text(heading).trim()),
        Some(heading) => format!("{}\n{OMITTED}\n{quoted}", text(heading).trim()),
    }
}

fn heading_length<'a>(section: &Section, text: &impl Fn(&Range<usize>) -> &'a str) -> usize {
    section.heading.as_ref().map_or(0, |h| length(text(h)))
}

/// Whether a line is the name of what follows it.
fn is_heading(line: &str) -> bool {
    let line = line.trim();
    line.starts_with(['■', '◆', '●', '▼', '【', '#']) || line.ends_with([':', '：'])
}

fn sections(passage: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut open: Option<Section> = None;
    for (start, end) in spans(passage) {
        let line = passage.get(start..end).unwrap_or_default();
        if line.trim().is_empty() {
            // What follows an empty line stands under a heading still, unless something stood there already.
            if open.as_ref().is_some_and(|s| !s.lines.is_empty()) {
                sections.extend(open.take());
            }
        } else if is_heading(line) {
            sections.extend(open.replace(Section { heading: Some(start..end), lines: Vec::new() }));
        } else {
            open.get_or_insert(Section { heading: None, lines: Vec::new() }).lines.push(start..end);
        }
    }
    sections.extend(open);
    sections
}

/// The sentence that answers best, by the search itself, with its section; the first one where none bears on the question. What stands
/// under no heading stands under the page's title.
fn best<'s, 'a>(
    question: &str,
    title: Option<&str>,
    sections: &'s [Section],
    text: &impl Fn(&Range<usize>) -> &'a str,
) -> Option<(&'s Section, usize)> {
    let mut places = Vec::new();
    let mut documents = Vec::new();
    for section in sections {
        for (at, line) in section.lines.iter().enumerate() {
            let heading = section.heading.as_ref().map(text).or(title).map(str::to_owned);
            let (id, content) = (places.len().to_string(), text(line).to_owned());
            documents.push(Document { id, title: heading, content, url: None, lang: None });
            places.push((section, at));
        }
    }
    let hits = Index::new(documents).search(question, 1);
    let found = hits.first().and_then(|hit| places.get(hit.id.parse::<usize>().ok()?));
    found.or(places.first()).copied()
}

/// The lines around one that fit: those after it first, since what is said is explained after it.
fn around<'a>(
    best: usize,
    lines: &[Range<usize>],
    most: usize,
    text: &impl Fn(&Range<usize>) -> &'a str,
) -> Range<usize> {
    let long = |at: usize| lines.get(at).map(|line| length(text(line)));
    let mut left = most.saturating_sub(long(best).unwrap_or_default());
    let mut range = best..best + 1;
    let mut fits = |at: Option<usize>| match at.and_then(long).and_then(|l| left.checked_sub(l)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    while fits(Some(range.end)) {
        range.end += 1;
    }
    while fits(range.start.checked_sub(1)) {
        range.start -= 1;
    }
    range
}

/// A sentence without end, cut where it pauses if it does near the bound.
fn shortened(quoted: &str) -> String {
    if length(quoted) <= LONGEST_SENTENCE {
        return quoted.to_owned();
    }
    let mut so_far = 0;
    let fitting = quoted.char_indices().take_while(|(_, c)| {
        so_far += length(c.encode_utf8(&mut [0; 4]));
        so_far <= LONGEST_SENTENCE
    });
    let end = fitting.last().map_or(0, |(at, c)| at + c.len_utf8());
    let cut = quoted.get(..end).unwrap_or_default();
    let pause = cut.rfind(['、', ',', ' ', '\u{3000}']).filter(|at| *at > end / 2);
    format!("{}{OMITTED}", cut.get(..pause.unwrap_or(end)).unwrap_or_default().trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FEES: &str = "■ 宅急便の送料(税込)\n本州・四国・九州 660円\n北海道 990円\n沖縄県 1,430円\n\
        1回のご注文の商品合計が8,800円(税込)以上で、送料は当店が負担いたします。沖縄県へのお届けは対象外とし、770円を頂戴します。\n\
        合計金額は、クーポンとポイントを差し引く前の金額で計算します。\n\n■ ポスト便(全国一律275円)\n\
        かや織ふきんとキッチンクロスは、合わせて3枚までならポスト便をお選びいただけます。";

    #[test]
    fn the_line_that_answers_is_quoted_under_its_heading_and_another_section_is_not() {
        let quoted = quote("北海道の送料はいくらですか", None, FEES);
        assert!(quoted.starts_with("■ 宅急便の送料(税込)\n") && quoted.contains("北海道 990円"), "{quoted}");
        assert!(!quoted.contains("かや織"), "{quoted}");
        let other = quote("かや織ふきんはポスト便で送れますか", None, FEES);
        assert!(other.starts_with("■ ポスト便(全国一律275円)\nかや織ふきんと"), "{other}");
    }

    #[test]
    fn what_stands_under_the_pages_title_goes_before_what_only_a_heading_names() {
        let passage = "商品到着後10日以内で未使用のものに限り、お客様のご都合による返品を承ります。返送の送料はお客様のご負担です。\n\n\
            ■ 返品をお受けできないもの\n・一度お使いになったもの\n・名入れ刺繍をしたもの";
        let quoted = quote("返品したい", Some("返品について"), passage);
        assert!(quoted.starts_with("商品到着後10日以内") && !quoted.contains("名入れ"), "{quoted}");
        let other = quote("名入れ刺繍をしたものは返品できますか", Some("返品について"), passage);
        assert!(other.starts_with("■ 返品をお受けできないもの") && other.contains("名入れ刺繍"), "{other}");
    }

    #[test]
    fn of_a_long_text_only_the_sentences_around_the_answer_are_quoted() {
        let before = "当店は滋賀県長浜市の小さな店です。".repeat(12);
        let after = "そのほかのことはお尋ねください。".repeat(12);
        let text = format!("{before}返品は商品到着後10日以内に承ります。{after}");
        let quoted = quote("返品できるのは何日以内ですか", None, &text);
        assert!(quoted.starts_with("返品は商品到着後10日以内に承ります。"), "{quoted}");
        assert!(length(&quoted) <= LONGEST && quoted.ends_with('。'), "{quoted}");
        let english =
            "We are a small shop in Nagahama. ".repeat(10) + "Returns are accepted within 10 days of delivery.";
        let quoted = quote("How long do I have to return something?", None, &english);
        assert!(quoted.ends_with("Returns are accepted within 10 days of delivery."), "{quoted}");
    }

    #[test]
    fn what_stands_apart_from_its_heading_says_so() {
        let rows = (1..=40).map(|n| format!("第{n}地区 {n}00円\n")).collect::<String>();
        let quoted = quote("第30地区の料金", None, &format!("■ 料金\n{rows}"));
        assert!(quoted.starts_with("■ 料金\n…\n") && quoted.contains("第30地区 3000円"), "{quoted}");
    }

    #[test]
    fn a_short_passage_is_quoted_whole_and_one_without_end_is_cut() {
        assert_eq!(quote("返品", None, "返品は8日以内です。"), "返品は8日以内です。");
        assert_eq!(quote("zzz", None, "返品は8日以内です。"), "返品は8日以内です。");
        let endless = quote("返品", None, &"返品は、".repeat(400));
        assert!(length(&endless) <= LONGEST_SENTENCE + 2 && endless.ends_with("返品は…"), "{endless}");
    }

    proptest! {
        #[test]
        fn every_line_of_a_quotation_stands_in_the_passage_and_its_length_is_bounded(
            passage in "([■#]? ?[a-z返品送料は。、. ]{0,90}\n?){0,12}", question in "[a-z返品送料]{0,8}",
        ) {
            let quoted = quote(&question, None, &passage);
            prop_assert!(length(&quoted) <= LONGEST + LONGEST_SENTENCE, "{}", quoted);
            for line in quoted.lines().map(|l| l.trim_end_matches(OMITTED).trim()) {
                prop_assert!(passage.contains(line), "{:?} is not in the passage", line);
            }
        }
    }
}
