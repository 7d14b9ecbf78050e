//! How much a candidate looks like the answer.

use serde_json::Value;

use super::chars::{closes, colon_like, line_from, opens, space};
use super::fence::Language;
use super::find::{CORRECTION, Walk};
use super::mend::Mended;
use super::reasoning::starts_with_ignoring_case;

/// Whether words after an answer take it back: only then can another take its place.
pub(super) fn corrects_itself(text: &str) -> bool {
    let text = text.trim_start();
    let mut end = text.len().min(4_000);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let near = text.get(..end).unwrap_or("");
    near.char_indices().any(|(at, c)| {
        let words: &[&str] = match c.to_ascii_lowercase() {
            'a' => &["actually"],
            'c' => &["correct"],
            'f' => &["fixed"],
            'm' => &["mistake"],
            'w' => &["wait,"],
            '修' => &["修正"],
            '正' => &["正しくは"],
            '訂' => &["訂正"],
            '間' => &["間違"],
            _ => return false,
        };
        near.get(at..).is_some_and(|rest| words.iter().any(|word| starts_with_ignoring_case(rest, word)))
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Example,
    Answer,
    /// The model takes back the answer before.
    Correction,
    Nothing,
}

/// How a bracket stands in the text.
pub(super) struct Place<'t> {
    /// It begins the reply.
    pub(super) head: bool,
    /// It begins its line.
    pub(super) line_begins: bool,
    /// It begins its fence.
    pub(super) first: bool,
    pub(super) fence: Option<Language>,
    pub(super) line_before: &'t str,
    pub(super) before: &'t str,
}

/// Whether what stands before the bracket on its line leads to it.
pub(super) fn introduced(place: &Place<'_>) -> bool {
    if place.before.is_empty() {
        return false;
    }
    let line = place.line_before.trim_end_matches(|c: char| space(c) || c == '*' || c == '`');
    line.ends_with(|c: char| colon_like(c) || matches!(c, '(' | '>' | '"' | '\'' | '\u{3001}' | 'は' | '→'))
        || ["return", "default", "->", "is", "are"].iter().any(|word| line.ends_with(word))
        || (line.is_empty() && place.before.trim_end().ends_with(colon_like))
}

/// Whether the words before a brace declare something in code: a style's selector, a class, a function.
fn declares(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.clone().next_back().is_some_and(|word| word.starts_with(['.', '#', '@', ':']) || word.ends_with(')'))
        || words.any(|w| matches!(w, "class" | "function" | "interface" | "struct" | "enum" | "fn" | "func" | "def"))
}

/// Whether a value is a form to be filled in: a schema, or each of its texts is a placeholder or a type's name.
pub(super) fn is_form<'v>(value: &'v Value) -> bool {
    if value.get("type").is_some_and(|t| t == "object") && value.get("properties").is_some_and(Value::is_object) {
        return true;
    }
    let placeholder = |text: &str| {
        (text.len() > 2 && text.starts_with('<') && text.ends_with('>') && !text.contains("</"))
            || matches!(text, "..." | "…" | "string" | "number" | "boolean" | "integer" | "float" | "int" | "bool")
    };
    let mut texts = 0;
    // Texts are judged at once; lists and objects wait here.
    let mut open: Vec<&'v Value> = Vec::new();
    let mut at_hand = Some(value);
    while let Some(value) = at_hand {
        let mut fits = |value: &'v Value| match value {
            Value::String(text) => {
                texts += 1;
                placeholder(text)
            }
            Value::Array(_) | Value::Object(_) => {
                open.push(value);
                true
            }
            _ => true,
        };
        let all = match value {
            Value::Array(items) => items.iter().all(fits),
            Value::Object(map) => map.values().all(fits),
            single => fits(single),
        };
        if !all {
            return false;
        }
        at_hand = open.pop();
    }
    texts > 0
}

impl Walk<'_, '_> {
    /// How much a candidate looks like the answer, and whether it is one for sure; nothing when it is not JSON at all.
    pub(super) fn weigh(&self, start: usize, read: &Mended, place: &Place<'_>) -> Option<(i32, bool)> {
        let after = self.tail(read.end);
        let line_after = line_from(after).trim();
        let ends_line = line_after
            .trim_start_matches(|c: char| {
                closes(c) || matches!(c, ',' | ';' | '`' | '*' | '|' | '.' | '。') || space(c)
            })
            .is_empty();
        let alone = place.line_begins && ends_line;
        let introduced = introduced(place);
        let fenced = place.fence.is_some();
        let standing = place.head || fenced || alone || introduced || (place.line_begins && read.quoted_keys > 0);
        let mut weight = 0;
        let mut sound = read.quoted_keys > 0;
        match &read.value {
            Value::Object(map) if map.is_empty() => {
                let text = self.text.get(start..read.end).unwrap_or("");
                let written = text.chars().all(|c| space(c) || opens(c) || closes(c));
                let cut = !read.complete && (place.head || (after.is_empty() && (place.first || introduced)));
                if !cut && !(standing && (written || text.contains("..."))) {
                    return None;
                }
                weight -= 4;
                sound = place.head || place.first;
            }
            Value::Object(map) => {
                let bare = read.quoted_keys == 0;
                if bare && !standing && declares(place.line_before) {
                    return None;
                }
                if bare && !standing && (read.bare_words >= map.len() || !read.complete) {
                    return None;
                }
                if bare && place.fence == Some(Language::Code) && !place.first && !introduced {
                    return None;
                }
                if place.fence == Some(Language::Code) && read.bare_words > 0 && !place.first && !introduced {
                    return None;
                }
                weight += if bare { 2 } else { 6 };
                sound |= place.head || place.first;
            }
            Value::Array(items) => {
                let nested = items.iter().any(|i| i.is_object() || i.is_array());
                let link = line_after.starts_with('(') && items.len() == 1;
                let all_bare = read.bare_words >= items.len() && read.quoted_keys == 0;
                let numbers = !items.is_empty() && items.iter().all(Value::is_number);
                let head = place.head && (alone || !read.complete);
                // `[package]` and text below, `[1] Yamada (2020)`, `[ ] todo`: a heading, a citation, a box.
                let single = items.len() == 1 && read.complete;
                let sentence = items.iter().any(|i| i.as_str().is_some_and(|text| text.contains(' ')));
                let box_drawn = items.is_empty() && self.text.get(start..read.end) == Some("[ ]");
                if single && all_bare && !fenced && (sentence || !after.trim().is_empty())
                    || single && numbers && !ends_line
                    || box_drawn && !line_after.is_empty()
                {
                    return None;
                }
                if link
                    || (all_bare && !items.is_empty() && !(fenced || head || (introduced && read.complete)))
                    || (numbers && !(introduced || place.first || head || (alone && items.len() > 1)))
                    || (items.is_empty() && !(standing || place.head))
                    || (place.fence == Some(Language::Code) && !(place.first || introduced || nested))
                {
                    return None;
                }
                weight += if nested { 5 } else { 2 };
                sound |= (place.head || place.first) && !all_bare;
            }
            _ => return None,
        }
        if !read.complete && !standing && read.quoted_keys == 0 {
            return None;
        }
        weight += match place.fence {
            Some(Language::Json) => 4,
            Some(Language::Unsaid) => 3,
            Some(_) => 1,
            None => 0,
        };
        weight += i32::from(alone) * 2 + i32::from(introduced) + i32::from(read.complete) * 3;
        let said = if is_form(&read.value) { Said::Example } else { self.said_before(start) };
        weight += match said {
            Said::Example => -8,
            Said::Correction | Said::Answer => 3,
            Said::Nothing => 0,
        };
        let stands = place.head || place.first || (place.line_begins && (fenced || read.quoted_keys > 0));
        let answer = stands && sound && place.fence != Some(Language::Code) && said != Said::Example;
        if answer && read.complete && said == Said::Correction {
            // The model takes back what it said before.
            return Some((weight + CORRECTION, answer));
        }
        Some((weight, answer))
    }

    /// What the words before a candidate call it.
    pub(super) fn said_before(&self, start: usize) -> Said {
        let mut from = start.saturating_sub(120).max(self.passed).max(self.begin);
        while !self.text.is_char_boundary(from) {
            from += 1;
        }
        let near = self.text.get(from..start).unwrap_or("").trim();
        if near.is_empty() {
            return Said::Nothing;
        }
        if self.found.iter().any(|c| c.answer) && corrects_itself(near) {
            return Said::Correction;
        }
        // The word that ends last says it; of two that end together, the one for an example.
        let mut said = (0, Said::Nothing);
        for (at, c) in near.char_indices() {
            let rest = near.get(at..).unwrap_or("");
            for (word, what) in calling(c.to_ascii_lowercase()) {
                let end = at + word.len();
                if (end > said.0 || end == said.0 && *what == Said::Example) && starts_with_ignoring_case(rest, word) {
                    said = (end, *what);
                }
            }
        }
        said.1
    }
}

/// The words that begin with this letter and call what follows an example (a format, a draft, an input) or the answer.
const fn calling(first: char) -> &'static [(&'static str, Said)] {
    use Said::{Answer, Example};
    match first {
        'a' => &[("after", Answer), ("answer", Answer), ("assistant", Answer)],
        'b' => &[("before", Example)],
        'c' => &[("correct one", Answer), ("corrected", Answer), ("could be", Example)],
        'd' => &[("draft", Example)],
        'e' => &[("e.g.", Example), ("example", Example)],
        'f' => &[
            ("final", Answer),
            ("fixed", Answer),
            ("for instance", Example),
            ("format", Example),
            ("function_result", Example),
        ],
        'h' => &[("here are", Answer), ("here is", Answer), ("here's", Answer), ("human:", Example)],
        'i' => &[("input", Example), ("instead of", Example), ("invalid", Example)],
        'l' => &[("looks like", Example)],
        'o' => &[("observation", Example), ("original", Example), ("output", Answer)],
        'r' => &[("request", Example), ("response", Answer), ("result", Answer), ("revised", Answer)],
        's' => &[("sample", Example), ("schema", Example)],
        't' => &[("template", Example), ("tool_response", Example)],
        'u' => &[("updated", Answer), ("user:", Example)],
        'w' => &[("would be", Example), ("wrong", Example)],
        'た' => &[("たとえば", Example)],
        'の' => &[("の例", Example)],
        'ひ' => &[("ひな形", Example)],
        'ア' => &[("アシスタント", Answer)],
        'サ' => &[("サンプル", Example)],
        'ス' => &[("スキーマ", Example)],
        'テ' => &[("テンプレート", Example)],
        'ユ' => &[("ユーザー:", Example), ("ユーザー\u{ff1a}", Example)],
        '下' => &[("下書き", Example)],
        '以' => &[("以下が", Answer), ("以下に", Answer)],
        '例' => &[("例:", Example), ("例\u{ff1a}", Example), ("例えば", Example)],
        '修' => &[("修正前", Example), ("修正後", Answer), ("修正版", Answer)],
        '元' => &[("元の", Example)],
        '入' => &[("入力", Example)],
        '出' => &[("出力", Answer)],
        '回' => &[("回答", Answer)],
        '変' => &[("変更前", Example), ("変更後", Answer)],
        '形' => &[("形式", Example)],
        '更' => &[("更新後", Answer)],
        '最' => &[("最終", Answer)],
        '次' => &[("次のとおり", Answer)],
        '正' => &[("正しく", Answer)],
        '答' => &[("答え:", Answer), ("答え\u{ff1a}", Answer), ("答えは", Answer)],
        '結' => &[("結果", Answer)],
        '解' => &[("解答", Answer)],
        '返' => &[("返答", Answer)],
        '雛' => &[("雛形", Example)],
        _ => &[],
    }
}
