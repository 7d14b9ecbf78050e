//! Fences: what each says it holds, and where it begins and ends.

use std::borrow::Cow;

use super::chars::line_from;
use super::find::Walk;
use super::reasoning::starts_with_ignoring_case;

/// What a fence says it holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Json,
    Unsaid,
    Code,
    Other,
}

pub(super) fn language(info: &str) -> Language {
    let end = info.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(info.len());
    let mut name = Cow::Borrowed(info.get(..end).unwrap_or(""));
    if name.contains(char::is_uppercase) {
        name = Cow::Owned(name.to_lowercase());
    }
    match name.as_ref() {
        "json" | "jsonc" | "json5" | "jsonl" | "ndjson" | "json_object" | "geojson" | "hjson" => Language::Json,
        "" | "text" | "txt" | "plaintext" | "plain" | "markdown" | "md" | "output" | "response" | "answer" => {
            Language::Unsaid
        }
        "javascript" | "js" | "typescript" | "ts" | "jsx" | "tsx" | "python" | "py" | "python3" | "ruby" | "rb"
        | "php" | "java" | "kotlin" | "swift" | "go" | "rust" | "c" | "cpp" | "csharp" | "cs" | "tool_code"
        | "tool_call" => Language::Code,
        "bash" | "sh" | "shell" | "zsh" | "console" | "powershell" | "css" | "scss" | "html" | "xml" | "svg"
        | "yaml" | "yml" | "toml" | "ini" | "sql" | "diff" | "dockerfile" | "graphql" | "mermaid" | "latex" | "tex" => {
            Language::Other
        }
        _ => Language::Unsaid,
    }
}

#[derive(Clone, Copy)]
pub(super) struct Fence {
    pub(super) mark: char,
    pub(super) length: usize,
    pub(super) language: Language,
    /// Where its content begins.
    pub(super) begin: usize,
}

impl Walk<'_, '_> {
    /// A run of fence marks: a fence opens or closes.
    pub(super) fn fence_mark(&mut self, at: usize, mark: char) -> usize {
        let rest = self.tail(at);
        let inner = rest.trim_start_matches(mark);
        let length = rest.len() - inner.len();
        self.steps += length as u64;
        let behind = at + length;
        if length < 3 {
            return behind;
        }
        let line = line_from(inner);
        let info = line.trim();
        match self.fence {
            // A fence that says a language opens one, also within another.
            Some(open) if open.mark == mark && length >= open.length && info.is_empty() => self.fence = None,
            Some(open) if open.mark != mark && info.is_empty() => {}
            _ => {
                let mut said = language(info);
                let mut begin = behind;
                if info.is_empty()
                    && let next = line_from(inner.trim_start())
                    && starts_with_ignoring_case(next, "json")
                    && next.trim().len() <= 5
                {
                    said = Language::Json;
                    begin = self.text.len() - inner.trim_start().len() + next.len();
                } else if !info.contains(['{', '[']) {
                    begin = behind + line.len();
                } else if info.starts_with(char::is_alphabetic)
                    && info.ends_with('}')
                    && inner.get(line.len()..).is_some_and(|below| below.trim_start().starts_with(['{', '[']))
                {
                    // What stands in braces behind the language is about the fence.
                    begin = behind + line.len();
                    self.fence = Some(Fence { mark, length, language: said, begin });
                    return begin;
                } else {
                    begin += line.find(['{', '[']).unwrap_or(0);
                }
                self.fence = Some(Fence { mark, length, language: said, begin });
            }
        }
        behind
    }
}
