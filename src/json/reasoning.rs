//! Where a model thought aloud: the tags that open and close its reasoning.

/// Names of tags whose content is never the answer.
const NAMES: [&str; 20] = [
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reasoning",
    "reason",
    "scratchpad",
    "scratch_pad",
    "inner_monologue",
    "monologue",
    "antthinking",
    "ant_thinking",
    "seed:think",
    "chain_of_thought",
    "cot",
    "deliberation",
    "reflection",
    "思考",
    "推論",
    "考察",
];

/// Names of tags that hold reasoning when an answer follows, and else the answer itself.
const PERHAPS: [&str; 4] = ["analysis", "plan", "planning", "notes"];

/// Marks that are no tags with a name: what opens reasoning, and what ends it.
const MARKS: [(&str, bool); 16] = [
    ("[think]", true),
    ("[/think]", false),
    ("◁think▷", true),
    ("◁/think▷", false),
    ("<|begin_of_thought|>", true),
    ("<|end_of_thought|>", false),
    ("<|begin_of_solution|>", false),
    ("<|start_thinking|>", true),
    ("<|end_thinking|>", false),
    ("<|channel|>analysis<|message|>", true),
    ("<|channel|>commentary<|message|>", true),
    ("<|channel|>final<|message|>", false),
    ("<|thinking|>", true),
    ("<|/thinking|>", false),
    ("<|think|>", true),
    ("<|/think|>", false),
];

/// The first byte of `◁`.
const FIRST_OF_TRIANGLE: u8 = 0xe2;

/// A tag of reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    pub at: usize,
    pub end: usize,
    pub opens: bool,
    /// It may hold the answer after all.
    pub perhaps: bool,
}

/// All tags of reasoning in the text, in order; also those inside strings, which only a reader can tell apart.
pub(super) fn tags(text: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut from = 0;
    while let Some(found) =
        text.get(from..).and_then(|rest| rest.bytes().position(|b| matches!(b, b'<' | b'[' | FIRST_OF_TRIANGLE)))
    {
        let at = from + found;
        if text.as_bytes().get(at) == Some(&b'[') && !opens_a_mark(text, at) {
            from = at + 1;
            continue;
        }
        let rest = text.get(at..).unwrap_or("");
        match tag(rest, at) {
            Some(tag) => {
                from = tag.end;
                tags.push(tag);
            }
            None => from = at + rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    tags
}

/// Of square brackets only `[think]` is a mark.
fn opens_a_mark(text: &str, at: usize) -> bool {
    matches!(text.as_bytes().get(at + 1), Some(b't' | b'T' | b'/'))
}

fn tag(rest: &str, at: usize) -> Option<Tag> {
    for (mark, opens) in MARKS {
        if starts_with_ignoring_case(rest, mark) {
            return Some(Tag { at, end: at + mark.len(), opens, perhaps: false });
        }
    }
    let inner = rest.strip_prefix('<')?;
    let (inner, opens) = inner.strip_prefix('/').map_or((inner, true), |inner| (inner, false));
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
    let length = inner.char_indices().take(24).find(|(_, c)| !is_name(*c)).map(|(i, _)| i)?;
    let name = inner.get(..length)?.to_lowercase();
    let perhaps = PERHAPS.contains(&name.as_str());
    if !perhaps && !NAMES.contains(&name.as_str()) {
        return None;
    }
    let behind = inner.get(length..)?;
    let close = behind.char_indices().take(120).find(|(_, c)| matches!(c, '>' | '<' | '\n'))?;
    (close.1 == '>').then(|| Tag { at, end: at + (rest.len() - behind.len()) + close.0 + 1, opens, perhaps })
}

pub(super) fn starts_with_ignoring_case(text: &str, what: &str) -> bool {
    text.as_bytes().get(..what.len()).is_some_and(|t| t.eq_ignore_ascii_case(what.as_bytes()))
}
