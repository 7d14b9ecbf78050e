//! The marks that stand for JSON's own, in any width: brackets, commas, colons and quotes.

/// `{` or its full-width form.
pub(super) const fn opens_object(c: char) -> bool {
    matches!(c, '{' | '\u{ff5b}')
}

/// A bracket or parenthesis that opens a list.
pub(super) const fn opens_list(c: char) -> bool {
    matches!(c, '[' | '\u{ff3b}' | '【' | '〔' | '(' | '\u{ff08}')
}

/// Any opening bracket.
pub(super) const fn opens(c: char) -> bool {
    opens_object(c) || opens_list(c)
}

/// An opening parenthesis.
pub(super) const fn opens_round(c: char) -> bool {
    matches!(c, '(' | '\u{ff08}')
}

/// `}` or its full-width form.
pub(super) const fn closes_object(c: char) -> bool {
    matches!(c, '}' | '\u{ff5d}')
}

/// A closing parenthesis, or a bracket that is as often prose as structure.
pub(super) const fn closes_round(c: char) -> bool {
    matches!(c, ')' | '\u{ff09}' | '】' | '〕')
}

/// Any closing bracket.
pub(super) const fn closes(c: char) -> bool {
    closes_object(c) || closes_round(c) || matches!(c, ']' | '\u{ff3d}')
}

/// A comma, or a mark that stands for one.
pub(super) const fn comma(c: char) -> bool {
    matches!(c, ',' | '\u{ff0c}' | '\u{3001}' | ';' | '\u{ff1b}' | '\u{60c}' | '\u{ff64}')
}

/// A colon, in any width.
pub(super) const fn colon(c: char) -> bool {
    matches!(c, ':' | '\u{ff1a}' | '︰' | '\u{fe55}' | '\u{2236}')
}

/// A colon, or a mark that stands for one.
pub(super) const fn colon_like(c: char) -> bool {
    colon(c) || matches!(c, '=' | '\u{ff1d}')
}

/// White space of any kind, with the marks of no width that editors leave behind.
pub(super) const fn space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}' | '\u{200c}' | '\u{200d}' | '\u{2060}')
}

/// The marks that may close a string opened by this one; nothing when it opens none.
pub(super) const fn closers(open: char) -> Option<&'static [char]> {
    Some(match open {
        '"' => &['"'],
        '\'' => &['\'', '’'],
        '“' | '”' | '„' | '‟' => &['”', '“', '"'],
        '‘' | '’' | '‚' => &['’', '‘', '\''],
        '「' => &['」'],
        '『' => &['』'],
        '｢' => &['｣'],
        '«' => &['»'],
        '\u{ff02}' => &['\u{ff02}', '"'],
        '\u{ff07}' => &['\u{ff07}', '\''],
        '`' => &['`', '´'],
        '〝' => &['〟', '〞', '〝'],
        '″' => &['″', '"'],
        _ => return None,
    })
}

/// A mark that opens a string.
pub(super) const fn quote(c: char) -> bool {
    closers(c).is_some()
}

/// Any mark of quoting, at either end.
pub(super) const fn any_quote(c: char) -> bool {
    quote(c) || matches!(c, '」' | '』' | '｣' | '»' | '´' | '〟' | '〞')
}

/// A mark of lists and of emphasis that prose leaves between pairs.
pub(super) const fn ornament(c: char) -> bool {
    matches!(c, '*' | '•' | '・' | '|' | '>' | '\\' | '+')
}

/// A full-width digit, letter or sign as its ASCII form.
pub(super) fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{2212}' | '\u{2010}' | '\u{2013}' => '-',
        _ => c,
    }
}

/// Which of the rarer marks stand in a text at all: what needs one that is absent is not looked for.
#[derive(Clone, Copy)]
pub(super) struct Marks(u8);

impl Marks {
    const GREATER: u8 = 1;
    const BACKSLASH: u8 = 2;
    const AMPERSAND: u8 = 4;
    const TAG: u8 = 8;
    const SQUARE: u8 = 16;

    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let seen = bytes.iter().fold(0, |seen, byte| {
            seen | match byte {
                b'>' => Self::GREATER,
                b'\\' => Self::BACKSLASH,
                b'&' => Self::AMPERSAND,
                // What tags of reasoning begin with, also those of other marks.
                b'<' | 0xe2 => Self::TAG,
                b'[' => Self::SQUARE,
                _ => 0,
            }
        });
        // Of square brackets only `[think]` and `[/think]` are such a tag.
        let behind = bytes.get(1..).unwrap_or_default();
        let tag = seen & Self::SQUARE != 0
            && bytes.iter().zip(behind).fold(false, |seen, (mark, next)| {
                seen | (*mark == b'[') & ((*next == b't') | (*next == b'T') | (*next == b'/'))
            });
        Self(seen | if tag { Self::TAG } else { 0 })
    }

    pub(super) const fn quotes_lines(self) -> bool {
        self.0 & Self::GREATER != 0
    }

    pub(super) const fn escapes(self) -> bool {
        self.0 & Self::BACKSLASH != 0
    }

    pub(super) const fn references(self) -> bool {
        self.0 & Self::AMPERSAND != 0
    }

    pub(super) const fn tags(self) -> bool {
        self.0 & Self::TAG != 0
    }
}

/// The first line of a text, or what of it is near: no longer than a bound, so that a look costs the same everywhere.
pub(super) fn line_from(text: &str) -> &str {
    if text.is_empty() {
        return text;
    }
    let mut end = text.len().min(NEAR);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let near = text.get(..end).unwrap_or("");
    near.split('\n').next().unwrap_or("")
}

/// The last line of a text, or what of it is near.
pub(super) fn line_before(text: &str) -> &str {
    if text.is_empty() {
        return text;
    }
    let mut start = text.len().saturating_sub(NEAR);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let near = text.get(start..).unwrap_or("");
    near.rsplit('\n').next().unwrap_or("")
}

const NEAR: usize = 512;
