//! What of a passage is quoted to a shopper where no model answers: the sentences that bear on the question, under the heading they stand
//! under. A passage is cut for the search to find and for a model to read; a shopper on a phone wants the line that answers.

mod line;

use std::ops::Range;
use std::sync::Arc;

use super::index::{Document, Index};
use super::lexicon::Lexicon;
use super::passage::{is_heading, length, spans};
use line::{Leaning, Several, is_row, is_rule, label, names_money, points_on};

/// A quotation is at most about so long, as [`length`] counts: some 140 kanji and kana.
const LONGEST: usize = 280;
/// So long, where a sentence in it leans on what stands before it or points to what comes.
const LONGEST_LEANING: usize = 480;
/// A sentence that is longer alone is cut.
const LONGEST_SENTENCE: usize = 480;
/// A section that is so little less likely is quoted along, if it fits.
const AS_LIKELY: f64 = 1.0;
/// The same of a table, which says in figures what is asked in words.
const TABLE_AS_LIKELY: f64 = 3.0;
/// The odds of what the search does not find, as a logarithm.
const UNLIKELY: f64 = -8.0;
/// Of what is so likely the first is taken: a page says what matters first.
const SURE: f64 = 8.0;
const OMITTED: &str = "…";

/// A passage in its lines, each a sentence or a row, and the headings that they stand under.
struct Lines<'a> {
    all: Vec<Line<'a>>,
    /// The heading of each section, if it has one.
    headings: Vec<Option<&'a str>>,
    passage: &'a str,
}

struct Line<'a> {
    section: usize,
    span: Range<usize>,
    text: &'a str,
}

/// A passage made ready to be quoted, which costs many times what a quotation does.
#[derive(Debug)]
pub struct Quotable {
    passage: String,
    /// Its lines, each as a document, and its sections.
    alone: Searched,
    sections: Searched,
}

impl Quotable {
    /// A passage of a page with this title, read with a vocabulary.
    pub fn new(lexicon: &Arc<Lexicon>, title: Option<&str>, passage: &str) -> Self {
        let lines = Lines::of(passage);
        let title = lines.title(title);
        let alone = Searched::new(lexicon, lines.alone(title));
        let sections = Searched::new(lexicon, lines.sections(title));
        Self { passage: passage.to_owned(), alone, sections }
    }

    /// Whether it was read with this vocabulary.
    pub fn is_read_with(&self, lexicon: &Arc<Lexicon>) -> bool {
        self.alone.index.is_read_with(lexicon)
    }

    /// The part that answers a question best: whole sentences as they stand there, with [`OMITTED`] between what is not together.
    /// A sentence that means nothing without what stands before it brings that along.
    pub fn quote(&self, question: &str) -> String {
        let odds = self.alone.odds(question).into_iter().enumerate();
        // The first one where none bears on the question.
        let best = odds.reduce(|best, other| if other.1 > best.1 { other } else { best });
        let Some((best, _)) = best else { return self.passage.trim().to_owned() };
        let lines = Lines::of(&self.passage);
        lines.shown(lines.around(best, &self.sections.odds(question)))
    }
}

impl<'a> Lines<'a> {
    fn of(passage: &'a str) -> Self {
        let mut lines = Self { all: Vec::new(), headings: vec![None], passage };
        for (start, end) in spans(passage) {
            let text = passage.get(start..end).unwrap_or_default();
            let section = lines.headings.len() - 1;
            let begun = lines.all.last().is_some_and(|line| line.section == section);
            if text.trim().is_empty() {
                // What follows an empty line stands under a heading still, unless something stood there already. The end of the line
                // that a full stop ended already is no empty line.
                if begun && passage.get(..start).is_some_and(|before| before.ends_with('\n')) {
                    lines.headings.push(None);
                }
            } else if is_heading(text) {
                if begun {
                    lines.headings.push(None);
                }
                lines.headings.pop();
                lines.headings.push(Some(text.trim()));
            } else {
                lines.all.push(Line { section, span: start..end, text });
            }
        }
        lines
    }

    fn heading(&self, section: usize) -> Option<&'a str> {
        self.headings.get(section).copied().flatten()
    }

    /// What a section is about, by its heading or else by the word that its first line begins with (Linen: rinse once).
    fn name(&self, section: usize) -> Option<&'a str> {
        let first = || self.all.get(self.all.partition_point(|line| line.section < section)).map(|line| line.text);
        self.heading(section).or_else(|| first().and_then(label))
    }

    /// What stands under no heading stands under the page's title; but where paragraphs begin with the word that they are about, the
    /// title is theirs as much as of one that begins with none.
    fn title(&self, title: Option<&'a str>) -> Option<&'a str> {
        let headed = self.headings.iter().any(Option::is_some);
        title.filter(|_| headed || (0..self.headings.len()).all(|section| self.name(section).is_none()))
    }

    fn section(&self, at: usize) -> Option<usize> {
        self.all.get(at).map(|line| line.section)
    }

    /// Each line with what it stands under.
    fn alone(&self, title: Option<&'a str>) -> impl Iterator<Item = (Option<&'a str>, String)> {
        self.all.iter().map(move |line| (self.name(line.section).or(title), line.text.to_owned()))
    }

    /// Each section with what it stands under.
    fn sections(&self, title: Option<&'a str>) -> impl Iterator<Item = (Option<&'a str>, String)> {
        let of = |section: usize| self.all.iter().filter(move |line| line.section == section).map(|line| line.text);
        (0..self.headings.len()).map(move |section| (self.name(section).or(title), of(section).collect()))
    }

    /// The length of lines with the headings that they are shown under.
    fn length(&self, lines: &Range<usize>) -> usize {
        let mut under = None;
        let kept = self.all.get(lines.clone()).unwrap_or_default();
        kept.iter()
            .map(|line| {
                let heading = (under.replace(line.section) != Some(line.section)).then(|| self.heading(line.section));
                length(line.text) + heading.flatten().map_or(0, length)
            })
            .sum()
    }

    /// Whether a section is rows of several columns.
    fn is_table(&self, section: usize) -> bool {
        let mut rows = self.all.iter().filter(|line| line.section == section).map(|line| is_row(line.text)).peekable();
        rows.peek().is_some() && rows.all(|row| row)
    }

    /// The lines around one that fit: what it leans on, then those after it, since what is said is explained after it, then those before;
    /// of its own section, and of those that answer as likely.
    fn around(&self, best: usize, sections: &[f64]) -> Range<usize> {
        let odds = |section: usize| sections.get(section).copied().unwrap_or(UNLIKELY);
        let own = self.section(best).unwrap_or_default();
        let near = |section: usize| if self.is_table(section) { TABLE_AS_LIKELY } else { AS_LIKELY };
        let belongs = |section: usize| section == own || odds(section) >= odds(own) - near(section);
        let together = |at: Option<usize>| at.and_then(|at| self.section(at)).is_some_and(belongs);
        let mut kept = self.leaning_on(best, best + 1).unwrap_or(best)..best + 1;
        while together(Some(kept.end)) && self.length(&(kept.start..kept.end + 1)) <= LONGEST {
            kept.end += 1;
        }
        // A neighbour is quoted whole or not at all.
        while kept.end > best + 1
            && self.section(kept.end - 1) != Some(own)
            && self.section(kept.end - 1) == self.section(kept.end)
        {
            kept.end -= 1;
        }
        let sure = kept.start;
        while let Some(before) = kept.start.checked_sub(1).filter(|at| together(Some(*at)))
            && self.length(&(before..kept.end)) <= LONGEST
        {
            kept.start = before;
        }
        // What stands before is quoted from where its section begins, or not at all: the answer comes first.
        let begins = |at: usize| !self.has_before(at);
        // None of them is worth a riddle.
        kept.start =
            (kept.start..sure).filter(|at| begins(*at)).find_map(|at| self.leaning_on(at, kept.end)).unwrap_or(sure);
        self.ended(self.pointed_to(kept))
    }

    /// Where a quotation up to `end` must begin for the line at `at` to be understood; none where that would be too long.
    fn leaning_on(&self, at: usize, end: usize) -> Option<usize> {
        let mut start = at;
        while let Some(before) = start.checked_sub(1)
            && let Some(leaning) = self.all.get(start).and_then(|line| Leaning::of(line.text))
        {
            let section = self.section(before);
            let whole = self.all.partition_point(|line| Some(line.section) < section);
            let from = match leaning {
                // What is named as standing above may be anywhere above.
                Leaning::Above => [0, whole],
                Leaning::Before if section == self.section(start) => [before, before],
                Leaning::Before => [whole, before],
            };
            start = from.into_iter().find(|from| self.length(&(*from..end)) <= LONGEST_LEANING)?;
        }
        Some(start)
    }

    /// The same lines with those that the last of them points to.
    fn pointed_to(&self, mut kept: Range<usize>) -> Range<usize> {
        if self.all.get(kept.end - 1).is_some_and(|line| points_on(line.text)) {
            let section = self.section(kept.end);
            while section.is_some()
                && self.section(kept.end) == section
                && self.length(&(kept.start..kept.end + 1)) <= LONGEST_LEANING
            {
                kept.end += 1;
            }
        }
        kept
    }

    /// The kind of a line that is one of several, where the line after it is another of them.
    fn goes_on(&self, at: usize) -> Option<Several> {
        let next = self.all.get(at + 1).filter(|next| self.section(at) == Some(next.section))?;
        let several = Several::of(next.text)?;
        let this = self.all.get(at)?.text;
        (Several::of(this) == Some(several) || (several == Several::Items && points_on(this))).then_some(several)
    }

    /// The same lines with the rest of a list that they break off, if that fits.
    fn ended(&self, kept: Range<usize>) -> Range<usize> {
        let mut end = kept.end;
        while self.goes_on(end - 1) == Some(Several::Items) {
            end += 1;
        }
        if self.length(&(kept.start..end)) <= LONGEST_LEANING { kept.start..end } else { kept }
    }

    /// The lines before some that tell what each of them is one of: a table's head, or the sentence that a list follows.
    fn lead(&self, at: usize) -> Option<Range<usize>> {
        let several = Several::of(self.all.get(at)?.text)?;
        let section = self.section(at);
        let is_one = |at: &usize| {
            self.section(*at) == section && self.all.get(*at).is_some_and(|l| Several::of(l.text) == Some(several))
        };
        let first = (0..at).rev().take_while(is_one).last().unwrap_or(at);
        let lead = match several {
            Several::Items => {
                let before = first.checked_sub(1).filter(|before| self.section(*before) == section)?;
                points_on(self.all.get(before)?.text).then_some(before..first)?
            }
            Several::Rows => {
                let ruled = self.all.get(first + 1).is_some_and(|line| is_rule(line.text));
                let (head, next) = (self.all.get(first)?.text, self.all.get(first + 1).map_or("", |line| line.text));
                let named = !head.contains(char::is_numeric) || (names_money(next) && !names_money(head));
                let head = first..first + if ruled { 2 } else { 1 };
                (ruled || named).then_some(head)?
            }
        };
        (lead.end <= at && self.length(&lead) <= LONGEST).then_some(lead)
    }

    /// The text from the first of some lines to the end of the last.
    fn text(&self, lines: &Range<usize>) -> &'a str {
        let ends = self.all.get(lines.start).zip(self.all.get(lines.end.saturating_sub(1)));
        ends.and_then(|(first, last)| self.passage.get(first.span.start..last.span.end)).unwrap_or_default().trim()
    }

    fn shown(&self, kept: Range<usize>) -> String {
        let mut shown: Vec<String> = Vec::new();
        let lead = self.lead(kept.start);
        let broken_off = kept.end.checked_sub(1).and_then(|last| self.goes_on(last)).is_some();
        let mut rest = kept;
        while let Some(first) = self.all.get(rest.start).filter(|_| !rest.is_empty()) {
            let of_it = self.all.get(rest.clone()).unwrap_or_default();
            let count = of_it.iter().take_while(|line| line.section == first.section).count();
            let quoted = shortened(self.text(&(rest.start..rest.start + count)));
            let mut parts: Vec<&str> = self.heading(first.section).into_iter().collect();
            if let Some(lead) = lead.as_ref().filter(|_| shown.is_empty()) {
                if self.has_before(lead.start) && !parts.is_empty() {
                    parts.push(OMITTED);
                }
                parts.push(self.text(lead));
                // A line between its head and its rows would end a ruled table.
                let ruled = self.all.get(lead.end - 1).is_some_and(|line| is_rule(line.text));
                if lead.end < rest.start && !ruled {
                    parts.push(OMITTED);
                }
            } else if self.has_before(rest.start) && !parts.is_empty() {
                parts.push(OMITTED);
            }
            parts.push(&quoted);
            shown.push(parts.join("\n"));
            rest.start += count;
        }
        let shown = shown.join("\n\n");
        if broken_off { format!("{shown}\n{OMITTED}") } else { shown }
    }

    /// Whether a section has lines before this one.
    fn has_before(&self, at: usize) -> bool {
        at.checked_sub(1).is_some_and(|before| self.section(before) == self.section(at))
    }
}

/// Texts under their headings, to be searched. What stands under no heading stands under the page's title.
#[derive(Debug)]
struct Searched {
    index: Index,
    count: usize,
}

impl Searched {
    fn new<'a>(lexicon: &Arc<Lexicon>, texts: impl Iterator<Item = (Option<&'a str>, String)>) -> Self {
        let mut count = 0;
        let documents = texts.map(|(heading, content)| {
            count += 1;
            Document { id: (count - 1).to_string(), title: heading.map(str::to_owned), content, url: None, lang: None }
        });
        let index = Index::new(Arc::clone(lexicon), documents);
        Self { index, count }
    }

    /// What the search thinks of each, as the logarithm of its odds.
    fn odds(&self, question: &str) -> Vec<f64> {
        let mut all = vec![UNLIKELY; self.count];
        for hit in self.index.search(question, self.count) {
            if let Some(odds) = hit.id.parse::<usize>().ok().and_then(|at| all.get_mut(at)) {
                *odds = (hit.score / (1.0 - hit.score)).ln().clamp(UNLIKELY, SURE);
            }
        }
        all
    }
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

    fn quote(question: &str, title: Option<&str>, passage: &str) -> String {
        Quotable::new(&Lexicon::built(), title, passage).quote(question)
    }

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
    fn a_sentence_that_leans_on_what_stands_before_it_brings_that_along() {
        let passage = "平日13時までのご注文は当日に発送します。\n\n■ お届けまでの目安\n関東・中部・関西 翌日\n北海道・沖縄 3日から4日\n\n\
            名入れ刺繍のある商品は、上の日数に7日を加えてください。天候や交通の事情で遅れることがございます。";
        let quoted = quote("届くのが遅いのですが、いつ届きますか", Some("お届けまでの日数"), passage);
        assert!(quoted.contains("関東・中部・関西 翌日\n北海道・沖縄 3日から4日\n\n名入れ刺繍"), "{quoted}");
        let quoted = quote("アウトレット", None, "返品は10日以内に承ります。\n\nただし、アウトレットの品は除きます。");
        assert!(quoted.starts_with("返品は10日以内に承ります。"), "{quoted}");
        let far = format!(
            "返品は10日以内に承ります。{}ただし、アウトレットの品は除きます。",
            "当店は長浜の店です。".repeat(40)
        );
        assert!(length(&quote("アウトレット", None, &far)) <= LONGEST_LEANING);
        let english = "Parcels reach Tokyo the next day.\n\nEmbroidery adds 7 days to the above.";
        assert!(quote("How long does embroidery take?", None, english).starts_with("Parcels reach Tokyo"));
    }

    #[test]
    fn sentences_that_lean_on_each_other_without_end_are_quoted_alone() {
        let text = "返品は10日以内です。\n".to_owned() + &"その品は別です。\n\n".repeat(150) + "これは交換です。";
        assert_eq!(quote("交換", None, &text), "これは交換です。");
    }

    #[test]
    fn a_paragraph_that_begins_with_its_name_is_about_that() {
        let passage = "Linen: rinse once before first use. Wash in a net below 40 degrees, reshape and dry in the shade.\n\n\
            Lacquer and wood: wash with a soft sponge and wipe at once. Never use a dishwasher.\n\n\
            Chipped or broken pieces bought from us can be mended with kintsugi from 5,500 yen.";
        let title = Some("Washing linen, caring for tableware");
        let quoted = quote("How do I wash linen?", title, passage);
        assert!(quoted.starts_with("Linen: rinse once"), "{quoted}");
        assert!(quote("Can I wash lacquer?", title, passage).starts_with("Lacquer and wood: wash"));
        assert!(quote("My plate is chipped, can it be mended?", title, passage).starts_with("Chipped or broken"));
    }

    #[test]
    fn a_table_beside_what_answers_is_quoted_along() {
        let passage = "平日13時までのご注文は当日に、長浜市の倉庫から発送します。土曜・日曜・祝日の発送はお休みです。\n\n\
            ■ 発送からお届けまでの目安\n関東・中部・関西 翌日\n北海道・沖縄 3日から4日\n\n\
            名入れ刺繍のある商品は、上の日数に7日を加えてください。";
        let quoted = quote("いつ届きますか", Some("発送とお届けまでの日数"), passage);
        assert!(quoted.starts_with("平日13時まで") && quoted.contains("北海道・沖縄 3日から4日"), "{quoted}");
    }

    #[test]
    fn a_sentence_that_points_to_what_comes_brings_that_along() {
        let passage =
            "お支払い方法は次のとおりです。\n\n■ 前払い\nコンビニエンスストア\n銀行振込\n\n■ お願い\nお控えください。";
        assert!(quote("お支払い方法は", None, passage).ends_with("■ 前払い\nコンビニエンスストア\n銀行振込"));
    }

    #[test]
    fn a_line_that_a_full_stop_ends_is_followed_by_no_empty_line() {
        let text = "1. 返品番号を受け取ります。\n2. 箱でお送りください。";
        assert_eq!(quote("返品番号", None, text), text);
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
    fn of_a_page_of_unlike_facts_the_one_that_was_asked_for_comes_first() {
        let passage = "4,000円以上で送料は無料です。ギフト包装は300円です。店舗は長浜にあります。お電話は平日10時から17時に承ります。\
            ポイントは100円につき1点です。会員は退会できます。メールマガジンは月に二度お送りします。クーポンは一度に一枚です。\
            お支払いはカードと銀行振込で承ります。領収書の宛名は一度だけ変更できます。";
        assert!(quote("領収書の宛名を変えたい", None, passage).starts_with("領収書の宛名は一度だけ"));
    }

    #[test]
    fn rows_stand_under_the_head_of_their_table_and_items_under_what_they_are_items_of() {
        let rows = |mark: &str| (1..=30).map(|n| format!("{mark}第{n}地区 {mark}{n}00円\n")).collect::<String>();
        let plain = quote("第8地区の送料", None, &format!("■ 送料\n地域 料金\n{}", rows("")));
        assert!(plain.starts_with("■ 送料\n地域 料金\n…\n") && plain.ends_with("円\n…"), "{plain}");
        let sizes = quote("第8地区の送料", None, &format!("地域 | 60サイズ\n{}", rows("").replace(' ', " | ")));
        assert!(sizes.starts_with("地域 | 60サイズ\n…\n"), "{sizes}");
        let ruled = rows("| ").replace("円\n", "円 |\n");
        let ruled = quote("第8地区の送料", None, &format!("## 送料\n| 地域 | 料金 |\n| --- | --- |\n{ruled}"));
        assert!(ruled.starts_with("## 送料\n| 地域 | 料金 |\n| --- | --- |\n| 第"), "{ruled}");
        let items = "次の商品は返品できません。\n・ヘルメット(衛生上の理由によります)\n・お客様の名前を入れた自転車\n・開封した空気入れ";
        let text = format!("返品は8日以内に承ります。送料はお客様のご負担です。\n{items}");
        for question in ["ヘルメットは返品できますか", "開封した空気入れを返したい"] {
            let quoted = quote(question, None, &text);
            assert!(quoted.ends_with(items), "{quoted}");
        }
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
            passage in "([■#]? ?(その|上の|This|以下の)?[a-z返品送料は。、. ]{0,90}\n?){0,12}", question in "[a-z返品送料]{0,8}",
        ) {
            let quoted = quote(&question, None, &passage);
            prop_assert!(length(&quoted) <= LONGEST + LONGEST_SENTENCE, "{}", quoted);
            for line in quoted.lines().map(|l| l.trim_end_matches(OMITTED).trim()) {
                prop_assert!(passage.contains(line), "{:?} is not in the passage", line);
            }
        }
    }
}
