//! Values as models write them, their texts with the place of every token, and one fault put into such a text.

use serde_json::{Map, Value, json};

/// Numbers from a seed: the same ones each time.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 16) as usize % bound.max(1)
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

const KEYS: [&str; 24] = [
    "summary",
    "relevance",
    "key_points",
    "id",
    "name",
    "score",
    "tags",
    "reply",
    "intent",
    "items",
    "price",
    "ok",
    "要約",
    "関連度",
    "要点",
    "返信",
    "氏名",
    "order-id",
    "createdAt",
    "a",
    "b",
    "first name",
    "url",
    "note",
];
const TEXTS: [&str; 30] = [
    "",
    "ok",
    "refund",
    "Hello there, how can I help?",
    "The customer's parcel is late.",
    "お客様は返品を希望しています。",
    "「返品」フォーム、または電話（03-1234-5678）で承ります。",
    "https://example.com/a?b=1#c",
    "a, b, c",
    "key: value",
    "[x] {y} (z)",
    "line one\nline two",
    "He said \"yes\" and left",
    "C:\\dir\\file",
    "tab\there",
    "2024-05-01T10:00:00Z",
    "12",
    "true",
    "50%",
    "￥1,200",
    "１２３、４５６：７８９",
    "emoji 😀 text",
    "x",
    "a \"quoted\" word",
    "// not a comment",
    "...",
    "it's",
    "送料は無料です：3,000円以上",
    "multi word text without marks",
    "ends with a full stop.",
];

/// A value of the kind that replies hold; its root is an object or a list of objects.
pub fn value(random: &mut Random) -> Value {
    if random.below(5) == 0 {
        let count = 1 + random.below(3);
        return (0..count).map(|_| object(random, 2)).collect();
    }
    object(random, 3)
}

fn object(random: &mut Random, depth: usize) -> Value {
    let count = 1 + random.below(5);
    let mut map = Map::new();
    for _ in 0..count {
        map.insert(random.pick(&KEYS).to_owned(), part(random, depth));
    }
    Value::Object(map)
}

fn part(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth == 0 { 8 } else { 11 }) {
        0 => Value::Null,
        1 => Value::Bool(random.below(2) == 0),
        2 => json!(random.below(2000)),
        3 => json!(random.below(1000) as f64 / 8.0),
        4..=7 => json!(random.pick(&TEXTS)),
        8 => object(random, depth - 1),
        9 => (0..random.below(4)).map(|_| json!(random.pick(&TEXTS))).collect(),
        _ => (0..random.below(4)).map(|_| part(random, depth - 1)).collect(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Open,
    Close,
    Comma,
    Colon,
    Key,
    Text,
    Number,
    Literal,
}

#[derive(Debug, Clone, Copy)]
pub struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
    pub depth: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    Compact,
    Spaced,
    Pretty,
}

/// A value's text and its tokens.
pub fn text(value: &Value, style: Style) -> (String, Vec<Token>) {
    let mut out = Writer { text: String::new(), tokens: Vec::new(), style };
    out.value(value, 0);
    (out.text, out.tokens)
}

struct Writer {
    text: String,
    tokens: Vec<Token>,
    style: Style,
}

impl Writer {
    fn token(&mut self, kind: Kind, text: &str, depth: usize) {
        let start = self.text.len();
        self.text.push_str(text);
        self.tokens.push(Token { kind, start, end: self.text.len(), depth });
    }

    fn line(&mut self, depth: usize) {
        if self.style == Style::Pretty {
            self.text.push('\n');
            self.text.push_str(&"  ".repeat(depth));
        }
    }

    fn value(&mut self, value: &Value, depth: usize) {
        let (open, close, count) = match value {
            Value::Object(map) => ("{", "}", map.len()),
            Value::Array(items) => ("[", "]", items.len()),
            Value::String(_) => return self.token(Kind::Text, &value.to_string(), depth),
            Value::Number(_) => return self.token(Kind::Number, &value.to_string(), depth),
            _ => return self.token(Kind::Literal, &value.to_string(), depth),
        };
        self.token(Kind::Open, open, depth);
        let pairs: Vec<(Option<&String>, &Value)> = match value {
            Value::Object(map) => map.iter().map(|(k, v)| (Some(k), v)).collect(),
            Value::Array(items) => items.iter().map(|v| (None, v)).collect(),
            _ => Vec::new(),
        };
        for (i, (key, item)) in pairs.into_iter().enumerate() {
            self.line(depth + 1);
            if let Some(key) = key {
                self.token(Kind::Key, &Value::from(key.as_str()).to_string(), depth + 1);
                self.token(Kind::Colon, ":", depth + 1);
                if self.style != Style::Compact {
                    self.text.push(' ');
                }
            }
            self.value(item, depth + 1);
            if i + 1 < count {
                self.token(Kind::Comma, ",", depth + 1);
                if self.style == Style::Spaced {
                    self.text.push(' ');
                }
            }
        }
        if count > 0 {
            self.line(depth);
        }
        self.token(Kind::Close, close, depth);
    }
}

/// What a reading of a broken text must be.
pub enum Expected {
    /// The value itself.
    Same,
    /// Another value: the fault adds to the text.
    Value(Value),
    /// What a cut left of it.
    Part,
    /// A value of the same shape, whose texts may differ: the fault cannot be told from what was meant.
    Shape,
    /// What a bracket's absence leaves open is told among the repairs.
    Told,
}

/// The classes of faults.
pub const CLASSES: [&str; 41] = [
    "a trailing comma",
    "a comma missing",
    "a comma twice",
    "a full-width comma",
    "a Japanese comma",
    "a semicolon",
    "a full-width colon",
    "an equals sign",
    "a colon missing",
    "a colon twice",
    "single quotes",
    "curly quotes",
    "corner brackets",
    "full-width quotes",
    "backticks",
    "a closing quote missing",
    "an opening quote missing",
    "a key's closing quote missing",
    "a key's opening quote missing",
    "a key without quotes",
    "a pair of quotes not escaped",
    "a raw newline",
    "a raw tab",
    "a wrong escape",
    "Python's literals",
    "a number with a sign",
    "a number with zeros",
    "a number with a unit",
    "full-width digits",
    "a line comment",
    "a block comment",
    "a hash comment",
    "an ellipsis at the end",
    "full-width brackets",
    "a closing bracket missing",
    "a closing bracket of the other kind",
    "a closing bracket twice",
    "cut off",
    "a fence",
    "prose around",
    "reasoning before",
];

/// The text with one fault of a class at a random place; nothing where the text has no such place.
pub fn fault(
    class: &str,
    text: &str,
    tokens: &[Token],
    style: Style,
    random: &mut Random,
) -> Option<(String, Expected)> {
    let of = |kinds: &[Kind], random: &mut Random| {
        let all: Vec<&Token> = tokens.iter().filter(|t| kinds.contains(&t.kind)).collect();
        (!all.is_empty()).then(|| *all[random.below(all.len())])
    };
    let replace = |from: usize, to: usize, with: &str| format!("{}{with}{}", &text[..from], &text[to..]);
    let word = |t: Token| serde_json::from_str::<String>(&text[t.start..t.end]).unwrap();
    // A text whose quotes can be changed without its inside having to be.
    let plain = |t: Token, marks: &[char]| {
        let inner = &text[t.start + 1..t.end - 1];
        !inner.contains('\\') && !inner.contains(marks)
    };
    let requoted = |open: &str, close: &str, random: &mut Random| {
        let t = of(&[Kind::Key, Kind::Text], random)?;
        let marks: Vec<char> = open.chars().chain(close.chars()).collect();
        plain(t, &marks).then(|| replace(t.start, t.end, &format!("{open}{}{close}", &text[t.start + 1..t.end - 1])))
    };
    let same = |text: String| Some((text, Expected::Same));
    match class {
        "a trailing comma" => {
            let t = of(&[Kind::Close], random)?;
            (!text[..t.start].ends_with(['{', '['])).then(|| (replace(t.start, t.start, ","), Expected::Same))
        }
        "a comma missing" => {
            let t = of(&[Kind::Comma], random)?;
            same(replace(t.start, t.end, if style == Style::Compact { " " } else { "" }))
        }
        "a comma twice" => of(&[Kind::Comma], random).and_then(|t| same(replace(t.start, t.end, ",,"))),
        "a full-width comma" => of(&[Kind::Comma], random).and_then(|t| same(replace(t.start, t.end, "，"))),
        "a Japanese comma" => of(&[Kind::Comma], random).and_then(|t| same(replace(t.start, t.end, "、"))),
        "a semicolon" => of(&[Kind::Comma], random).and_then(|t| same(replace(t.start, t.end, ";"))),
        "a full-width colon" => of(&[Kind::Colon], random).and_then(|t| same(replace(t.start, t.end, "："))),
        "an equals sign" => of(&[Kind::Colon], random).and_then(|t| same(replace(t.start, t.end, "="))),
        "a colon missing" => of(&[Kind::Colon], random).and_then(|t| same(replace(t.start, t.end, " "))),
        "a colon twice" => of(&[Kind::Colon], random).and_then(|t| same(replace(t.start, t.end, "::"))),
        "single quotes" => requoted("'", "'", random).and_then(same),
        "curly quotes" => requoted("“", "”", random).and_then(same),
        "corner brackets" => requoted("「", "」", random).and_then(same),
        "full-width quotes" => requoted("＂", "＂", random).and_then(same),
        "backticks" => requoted("`", "`", random).and_then(same),
        "a closing quote missing" => {
            let t = of(&[Kind::Text], random)?;
            Some((replace(t.end - 1, t.end, ""), Expected::Shape))
        }
        "an opening quote missing" => {
            let t = of(&[Kind::Text], random)?;
            (t.end - t.start > 2).then(|| (replace(t.start, t.start + 1, ""), Expected::Shape))
        }
        "a key's closing quote missing" => {
            let t = of(&[Kind::Key], random)?;
            same(replace(t.end - 1, t.end, ""))
        }
        "a key's opening quote missing" => {
            let t = of(&[Kind::Key], random)?;
            same(replace(t.start, t.start + 1, ""))
        }
        "a key without quotes" => {
            let t = of(&[Kind::Key], random)?;
            same(replace(t.start, t.end, &word(t)))
        }
        "a pair of quotes not escaped" => {
            let t = of(&[Kind::Text], random)?;
            let inner = &text[t.start + 1..t.end - 1];
            let from = inner.match_indices(' ').map(|(i, _)| i).nth(random.below(2))?;
            let rest = &inner[from + 1..];
            let end = rest.find([' ', '.', ',']).unwrap_or(rest.len());
            if end == 0 || inner.contains('\\') {
                return None;
            }
            let with = |quote: &str| {
                let marked = format!("\"{} {quote}{}{quote}{}\"", &inner[..from], &rest[..end], &rest[end..]);
                replace(t.start, t.end, &marked)
            };
            Some((with("\""), Expected::Value(serde_json::from_str(&with("\\\"")).unwrap())))
        }
        "a raw newline" | "a raw tab" => {
            let (escape, raw) = if class == "a raw tab" { ("\\t", "\t") } else { ("\\n", "\n") };
            let all: Vec<&Token> =
                tokens.iter().filter(|t| t.kind == Kind::Text && text[t.start..t.end].contains(escape)).collect();
            let t = (!all.is_empty()).then(|| *all[random.below(all.len())])?;
            if text[t.start..t.end].contains("\\\\") {
                return None;
            }
            same(replace(t.start, t.end, &text[t.start..t.end].replace(escape, raw)))
        }
        "a wrong escape" => {
            let t = of(&[Kind::Text], random)?;
            let escapes = [("\\d", "\\\\d"), ("\\'", "'"), ("\\x41", "A"), ("\\u12 ", "\\\\u12 "), ("\\_", "_")];
            let (wrong, right) = escapes[random.below(escapes.len())];
            plain(t, &[]).then(|| {
                let right = serde_json::from_str(&replace(t.start + 1, t.start + 1, right)).unwrap();
                (replace(t.start + 1, t.start + 1, wrong), Expected::Value(right))
            })
        }
        "Python's literals" => {
            let t = of(&[Kind::Literal], random)?;
            let word = match &text[t.start..t.end] {
                "true" => "True",
                "false" => "False",
                _ => "None",
            };
            same(replace(t.start, t.end, word))
        }
        "a number with a sign" => of(&[Kind::Number], random).and_then(|t| same(replace(t.start, t.start, "+"))),
        "a number with zeros" => of(&[Kind::Number], random).and_then(|t| same(replace(t.start, t.start, "00"))),
        "a number with a unit" => {
            let t = of(&[Kind::Number], random)?;
            same(replace(t.end, t.end, random.pick(&["円", "%", "kg", " 個", " ms"])))
        }
        "full-width digits" => {
            let t = of(&[Kind::Number], random)?;
            let wide = |c: char| char::from_u32(u32::from(c) + 0xfee0).unwrap();
            let wide: String = text[t.start..t.end].chars().map(|c| if c == '-' { c } else { wide(c) }).collect();
            same(replace(t.start, t.end, &wide))
        }
        "a line comment" | "a hash comment" if style == Style::Pretty => {
            let t = of(&[Kind::Comma, Kind::Open], random)?;
            let mark = if class == "a hash comment" { " # the \"rest\"" } else { " // it's {here}" };
            text[t.end..].starts_with('\n').then(|| (replace(t.end, t.end, mark), Expected::Same))
        }
        "a block comment" => {
            let t = of(&[Kind::Comma, Kind::Open, Kind::Colon, Kind::Close, Kind::Number], random)?;
            same(replace(t.end, t.end, " /* it's \"so\", {x} */ "))
        }
        "an ellipsis at the end" => {
            let t = of(&[Kind::Close], random)?;
            (!text[..t.start].ends_with(['{', '['])).then(|| (replace(t.start, t.start, ", ..."), Expected::Same))
        }
        "full-width brackets" => {
            let t = of(&[Kind::Open, Kind::Close], random)?;
            let wide = match &text[t.start..t.end] {
                "{" => "｛",
                "}" => "｝",
                "[" => "［",
                _ => "］",
            };
            same(replace(t.start, t.end, wide))
        }
        "a closing bracket missing" => {
            let t = of(&[Kind::Close], random)?;
            Some((replace(t.start, t.end, ""), if t.depth == 0 { Expected::Same } else { Expected::Told }))
        }
        "a closing bracket of the other kind" => {
            let t = of(&[Kind::Close], random)?;
            same(replace(t.start, t.end, if text[t.start..].starts_with('}') { "]" } else { "}" }))
        }
        "a closing bracket twice" => {
            let t = of(&[Kind::Close], random)?;
            let bracket = &text[t.start..t.end];
            same(replace(t.end, t.end, bracket))
        }
        "cut off" => {
            let cut = (1..text.len()).filter(|c| text.is_char_boundary(*c)).nth(random.below(text.len()))?;
            Some((text[..cut].to_owned(), Expected::Part))
        }
        "a fence" => {
            let (open, close) =
                [("```json\n", "\n```"), ("~~~\n", "\n~~~"), ("```\n", ""), ("```JSON\r\n", "\r\n```\n\nDone.")]
                    [random.below(4)];
            same(format!("{open}{text}{close}"))
        }
        "prose around" => {
            let before =
                random.pick(&["Here's the result [1]: ", "分析結果は以下のとおりです。\n", "Sure! {name} asked:\n\n"]);
            same(format!("{before}{text}{}", random.pick(&["", "\n\nLet me know if it's \"ok\".", "\n以上です。"])))
        }
        "reasoning before" => {
            let before = random.pick(&[
                "<think>Maybe {\"a\": 0}?</think>\n",
                "So {\"x\": [1, \n</think>\n",
                "<reasoning>\n{</reasoning>",
            ]);
            same(format!("{before}{text}"))
        }
        _ => None,
    }
}
