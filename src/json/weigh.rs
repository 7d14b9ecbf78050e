//! How much a candidate looks like the answer.

use serde_json::Value;

use super::chars::{closes, colon_like, line_from, opens, space};
use super::fence::Language;
use super::find::{CORRECTION, Walk};
use super::mend::Mended;

/// Whether words after an answer take it back: only then can another take its place.
pub(super) fn corrects_itself(text: &str) -> bool {
    const WORDS: [&str; 9] = ["correct", "mistake", "wait,", "actually", "fixed", "訂正", "修正", "正しくは", "間違"];
    let text = text.trim_start();
    let mut end = text.len().min(4_000);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let near = text.get(..end).unwrap_or("").to_lowercase();
    WORDS.iter().any(|word| word.len() <= near.len() && near.contains(word))
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
fn is_form(value: &Value) -> bool {
    if value.get("type").is_some_and(|t| t == "object") && value.get("properties").is_some_and(Value::is_object) {
        return true;
    }
    let placeholder = |text: &str| {
        (text.len() > 2 && text.starts_with('<') && text.ends_with('>') && !text.contains("</"))
            || matches!(text, "..." | "…" | "string" | "number" | "boolean" | "integer" | "float" | "int" | "bool")
    };
    let mut texts = 0;
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) if placeholder(text) => texts += 1,
            Value::String(_) => return false,
            Value::Array(items) => open.extend(items),
            Value::Object(map) => open.extend(map.values()),
            _ => {}
        }
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
        const EXAMPLE: [&str; 41] = [
            "スキーマ",
            "tool_response",
            "function_result",
            "observation",
            "user:",
            "human:",
            "ユーザー:",
            "ユーザー\u{ff1a}",
            "original",
            "before",
            "invalid",
            "修正前",
            "変更前",
            "元の",
            "example",
            "e.g.",
            "for instance",
            "format",
            "schema",
            "template",
            "draft",
            "sample",
            "input",
            "request",
            "would be",
            "could be",
            "looks like",
            "instead of",
            "wrong",
            "例えば",
            "たとえば",
            "例:",
            "例\u{ff1a}",
            "の例",
            "形式",
            "サンプル",
            "入力",
            "雛形",
            "ひな形",
            "テンプレート",
            "下書き",
        ];
        const ANSWER: [&str; 33] = [
            "assistant",
            "アシスタント",
            "updated",
            "revised",
            "after",
            "fixed",
            "修正版",
            "更新後",
            "変更後",
            "answer",
            "final",
            "result",
            "output",
            "corrected",
            "correct one",
            "here is",
            "here's",
            "here are",
            "response",
            "答えは",
            "答え:",
            "答え\u{ff1a}",
            "回答",
            "結果",
            "最終",
            "出力",
            "修正後",
            "正しく",
            "返答",
            "以下が",
            "以下に",
            "次のとおり",
            "解答",
        ];
        let mut from = start.saturating_sub(120).max(self.passed).max(self.begin);
        while !self.text.is_char_boundary(from) {
            from += 1;
        }
        let near = self.text.get(from..start).unwrap_or("").trim();
        if near.is_empty() {
            return Said::Nothing;
        }
        let near = near.to_lowercase();
        let last = |words: &[&str]| {
            words.iter().filter(|w| w.len() <= near.len()).filter_map(|w| Some(near.rfind(w)? + w.len())).max()
        };
        if self.found.iter().any(|c| c.answer) && corrects_itself(&near) {
            return Said::Correction;
        }
        match (last(&EXAMPLE), last(&ANSWER)) {
            (Some(example), Some(answer)) if answer > example => Said::Answer,
            (Some(_), _) => Said::Example,
            (None, Some(_)) => Said::Answer,
            (None, None) => Said::Nothing,
        }
    }
}
