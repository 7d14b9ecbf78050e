//! What a reading gives back: the value, how it was read, what was mended and where; or why there is none.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// A value read from a model's reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The value.
    pub value: Value,
    /// Whether the reply was valid JSON as it stood.
    pub read_as: ReadAs,
    /// What was mended, in the order of the text.
    pub repairs: Vec<Repair>,
}

/// Whether the reply was valid JSON as it stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadAs {
    /// The whole reply was valid JSON.
    Strict,
    /// The value had to be looked for, or mended.
    Repaired,
}

/// One thing that was mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// What kind of fault it was.
    pub kind: RepairKind,
    /// Where: a byte offset in the reply.
    pub at: usize,
}

impl Repair {
    pub(super) const fn new(kind: RepairKind, at: usize) -> Self {
        Self { kind, at }
    }
}

/// The kinds of fault that are mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RepairKind {
    /// Text around the value was left out: prose, a fence, reasoning, a tag, an assignment.
    Surroundings,
    /// The JSON text was itself escaped, or inside a JSON string.
    EscapedText,
    /// The lines were quoted with `>`.
    QuotedLines,
    /// A comma was missing, one too many, or another mark stood for it.
    Comma,
    /// A colon was missing, one too many, or another mark stood for it.
    Colon,
    /// A bracket was missing, crossed, one too many, or of another kind.
    Bracket,
    /// A string's quotes were of another kind, or one was missing.
    Quote,
    /// A quote inside a string was not escaped.
    InnerQuote,
    /// A key had no quotes.
    BareKey,
    /// A string had no quotes.
    BareString,
    /// A literal of another language or in another case.
    Literal,
    /// A number written in a way JSON does not know.
    Number,
    /// A comment was left out.
    Comment,
    /// An ellipsis was left out.
    Ellipsis,
    /// A raw control character inside a string.
    ControlCharacter,
    /// An escape JSON does not know, or half a surrogate pair.
    Escape,
    /// The text ended before the value did.
    CutOff,
    /// A key had no value.
    MissingValue,
    /// A key came twice: the last wins.
    DuplicateKey,
    /// Characters that mean nothing were left out.
    Stray,
    /// A value was coerced to what the schema asks for.
    Coerced,
}

/// What a reading was looking for when it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A JSON value: the reply holds none.
    Value,
    /// An answer after the reasoning: the reply holds nothing else.
    Answer,
    /// A value nested no deeper than the bound.
    Shallower,
    /// A value that fits; what does not is told.
    Fit(String),
}

/// Why a reply could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What was looked for.
    pub wanted: Wanted,
    /// Where, as a byte offset.
    pub offset: usize,
    /// Where, as a line counted from 1.
    pub line: usize,
    /// Where, as a column in characters counted from 1.
    pub column: usize,
}

impl ParseError {
    pub(super) fn new(wanted: Wanted, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Self { wanted, offset, line, column }
    }

    pub(super) fn misfit(text: &str, what: String) -> Self {
        Self::new(Wanted::Fit(what), text, 0)
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wanted, line, column, .. } = self;
        match wanted {
            Wanted::Value => {
                write!(f, "no JSON value was found in the reply (looked up to line {line}, column {column})")
            }
            Wanted::Answer => write!(
                f,
                "the reply holds only reasoning: no JSON value follows it (looked up to line {line}, column {column})"
            ),
            Wanted::Shallower => {
                write!(f, "the JSON at line {line}, column {column} is nested deeper than {} levels", super::MAX_DEPTH)
            }
            Wanted::Fit(what) => write!(f, "the JSON in the reply does not fit: {what}"),
        }
    }
}

impl std::error::Error for ParseError {}
