//! Chat completions on the wire (OpenAI's format): only what must be known is read, all else stays as it was written.

use std::borrow::Cow;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::decimal;

/// The fields of a JSON object in their order, each value as it was written.
#[derive(Debug, Clone, Default)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields<'de>, M::Error> {
                let mut fields = Vec::with_capacity(map.size_hint().unwrap_or(8));
                while let Some((name, value)) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
                    fields.push((name, Cow::Borrowed(value.get())));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

impl<'a> Fields<'a> {
    /// The value of a field as written; the last where a name stands twice.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_ref())
    }

    /// Sets a field to a JSON text, where it stood or at the end.
    pub fn set(&mut self, name: &'a str, json: impl Into<Cow<'a, str>>) {
        let json = json.into();
        match self.0.iter_mut().rev().find(|(n, _)| n == name) {
            Some((_, value)) => *value = json,
            None => self.0.push((Cow::Borrowed(name), json)),
        }
    }

    /// Takes fields out by name.
    pub fn remove(&mut self, names: &[&str]) {
        self.0.retain(|(n, _)| !names.contains(&n.as_ref()));
    }

    /// Every field.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_ref(), v.as_ref()))
    }

    /// The object as JSON text.
    pub fn text(&self) -> String {
        let mut out = String::with_capacity(self.0.iter().map(|(n, v)| n.len() + v.len() + 4).sum::<usize>() + 2);
        out.push('{');
        for (i, (name, value)) in self.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            out.push_str(&quoted(name));
            out.push(':');
            out.push_str(value);
        }
        out.push('}');
        out
    }
}

/// A text as a JSON string.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether brackets outside strings go deeper than `limit`, in one pass with no recursion.
pub fn deeper_than(json: &str, limit: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Tokens that a call used, as its host counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
    /// Both.
    pub total_tokens: u64,
}

impl Usage {
    /// All tokens; hosts that write no total write the two parts.
    pub fn total(&self) -> u64 {
        self.total_tokens.max(self.prompt_tokens.saturating_add(self.completion_tokens))
    }
}

/// Usage, where something was counted: an answer is worth no less for what is told beside it. A count may be written as `5.0`; what is
/// no count is none.
fn usage<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Usage>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    let fields: Fields<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
    let count = |name| fields.get(name).and_then(decimal::read).map_or(0, |n| n.max(0.0) as u64);
    let usage = Usage {
        prompt_tokens: count("prompt_tokens"),
        completion_tokens: count("completion_tokens"),
        total_tokens: count("total_tokens"),
    };
    Ok(Some(usage).filter(|usage| usage.total() > 0))
}

/// Choices; some hosts write `null` for none.
fn choices<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Choice<'a>>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A completion, plain or one chunk of a stream, as far as the gateway must understand it.
#[derive(Debug, Deserialize)]
pub struct Completion<'a> {
    /// The answers.
    #[serde(borrow, default, deserialize_with = "choices")]
    pub choices: Vec<Choice<'a>>,
    /// What it cost.
    #[serde(default, deserialize_with = "usage")]
    pub usage: Option<Usage>,
    /// An error in place of an answer.
    #[serde(borrow, default)]
    pub error: Option<&'a RawValue>,
}

/// One answer of a completion.
#[derive(Debug, Deserialize)]
pub struct Choice<'a> {
    /// The whole message, in a plain reply.
    #[serde(borrow, default)]
    pub message: Option<Message<'a>>,
    /// A piece of it, in a stream.
    #[serde(borrow, default)]
    pub delta: Option<Message<'a>>,
    /// Why it ended.
    #[serde(borrow, default)]
    pub finish_reason: Option<Cow<'a, str>>,
}

/// What a model said; each part as written.
#[derive(Debug, Default, Deserialize)]
pub struct Message<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow, default)]
    function_call: Option<&'a RawValue>,
    #[serde(borrow, default)]
    audio: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning_content: Option<&'a RawValue>,
}

impl Message<'_> {
    fn says(&self, with_reasoning: bool) -> bool {
        let spoken = |part: &Option<&RawValue>| {
            part.is_some_and(|raw| match raw.get() {
                "null" | "\"\"" | "[]" | "{}" => false,
                text if text.starts_with('"') => {
                    serde_json::from_str::<String>(text).is_ok_and(|t| with_reasoning || !t.trim().is_empty())
                }
                _ => true,
            })
        };
        [&self.content, &self.refusal, &self.tool_calls, &self.function_call, &self.audio].into_iter().any(spoken)
            || (with_reasoning && spoken(&self.reasoning_content))
    }

    fn bytes(&self) -> usize {
        let parts =
            [self.content, self.refusal, self.tool_calls, self.function_call, self.audio, self.reasoning_content];
        parts
            .into_iter()
            .flatten()
            .map(|raw| raw.get())
            .filter(|text| !matches!(*text, "null" | "\"\""))
            .map(str::len)
            .sum()
    }

    /// The text of the message; parts of a list are joined.
    pub fn text(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Part {
            #[serde(default)]
            text: String,
        }
        let raw = self.content?.get();
        serde_json::from_str::<String>(raw).ok().or_else(|| {
            let parts: Vec<Part> = serde_json::from_str(raw).ok()?;
            Some(parts.into_iter().map(|p| p.text).collect())
        })
    }
}

impl<'a> Completion<'a> {
    /// Reads a completion; the error says what is not understood.
    pub fn read(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Whether a plain reply is an answer: words, a tool's call, a refusal, or a filter that says it held the answer back.
    pub fn answers(&self) -> bool {
        self.choices.iter().any(|c| {
            c.message.as_ref().is_some_and(|m| m.says(false)) || c.finish_reason.as_deref() == Some("content_filter")
        })
    }

    /// Whether a chunk of a stream carries something a caller could see, after which no retry is possible.
    pub fn begins(&self) -> bool {
        self.choices.iter().any(|c| {
            c.delta.as_ref().is_some_and(|m| m.says(true)) || c.finish_reason.as_deref() == Some("content_filter")
        })
    }

    /// The bytes of what a chunk says, as written.
    pub fn said_bytes(&self) -> usize {
        self.choices.iter().filter_map(|c| c.delta.as_ref()).map(Message::bytes).sum()
    }

    /// The first answer's text.
    pub fn text(&self) -> Option<String> {
        self.choices.iter().find_map(|c| c.message.as_ref().and_then(Message::text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_and_numbers_stay_as_they_were_written() {
        let text = r#"{"model":"a","x":1.00,"seed":12345678901234567890123,"model2":{"b": [1e400]}}"#;
        let mut fields: Fields = serde_json::from_str(text).unwrap();
        fields.set("model", quoted("b"));
        assert_eq!(fields.text(), text.replace(r#""model":"a""#, r#""model":"b""#));
    }

    #[test]
    fn an_empty_completion_is_no_answer_and_a_tool_call_is_one() {
        let answers = |text: &str| Completion::read(text).unwrap().answers();
        for empty in [
            "{}",
            r#"{"choices":[]}"#,
            r#"{"choices":[{"message":{"content":""}}]}"#,
            r#"{"choices":[{"message":{"content":" \n "}}]}"#,
            r#"{"choices":[{"message":{"content":null,"tool_calls":[]}}]}"#,
        ] {
            assert!(!answers(empty), "{empty}");
        }
        for full in [
            r#"{"choices":[{"message":{"content":"hi"}}]}"#,
            r#"{"choices":[{"message":{"content":null,"tool_calls":[{"id":"1"}]}}]}"#,
            r#"{"choices":[{"message":{"content":null,"refusal":"no"}}]}"#,
            r#"{"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]}"#,
        ] {
            assert!(answers(full), "{full}");
        }
    }

    #[test]
    fn an_answer_counts_whatever_is_written_for_its_usage() {
        for (written, total) in [
            (r#"{"prompt_tokens":null,"completion_tokens":3}"#, Some(3)),
            (r#"{"prompt_tokens":5.0,"completion_tokens":3,"total_tokens":8}"#, Some(8)),
            (r#"{"prompt_tokens":-1,"completion_tokens":"3"}"#, None),
            (r#"{"prompt_tokens":18446744073709551615,"completion_tokens":1e300}"#, Some(u64::MAX)),
            (r#"{"prompt_tokens":{"cached":[1]}}"#, None),
            ("null", None),
            ("[]", None),
            ("\"none\"", None),
        ] {
            let text = format!(r#"{{"choices":[{{"message":{{"content":"yes"}}}}],"usage":{written}}}"#);
            let completion = Completion::read(&text).unwrap();
            assert_eq!((completion.answers(), completion.usage.map(|u| u.total())), (true, total), "{written}");
        }
        let last = r#"{"choices":null,"usage":{"total_tokens":3}}"#;
        assert_eq!(Completion::read(last).unwrap().usage.unwrap().total(), 3);
    }

    #[test]
    fn depth_counts_brackets_outside_strings_only() {
        assert!(deeper_than(&"[".repeat(129), 128));
        assert!(!deeper_than(&format!("\"{}\\\"[\"", "[".repeat(500)), 128));
    }
}
