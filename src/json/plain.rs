//! Strings that hold nothing but text, as most do: taken by their bytes, eight at a time, to what reading them mark by
//! mark comes to as well.

use super::mend::Mender;
use super::string::{KEY_REACH, Place};
use super::types::RepairKind;

impl Mender<'_, '_> {
    /// A string between straight quotes that holds no other mark, as most strings do: what reading it mark by mark comes
    /// to as well.
    pub(super) fn plain_string<const QUOTE: u8>(&mut self, place: Place) -> Option<String> {
        let open = self.at;
        let start = open + 1;
        let rest = self.text.as_bytes().get(start..)?;
        let key = place == Place::Key;
        let length = if key { plain_key::<QUOTE>(rest)? } else { next_mark::<QUOTE>(rest)? };
        self.steps += length as u64;
        match rest.get(length..)? {
            _ if key => {}
            // A quote that stands twice may open more than one that stands once.
            [_, second, ..] if length == 0 && !matches!(second, b',' | b'}' | b']' | b'\n') => return None,
            [mark, ..] if *mark == QUOTE => {}
            _ => return None,
        }
        self.at = start + length + 1;
        if !key {
            if !self.ends_here(place, char::from(QUOTE), false, 0) {
                self.at = open;
                return None;
            }
            if self.next_from(self.at).1.is_none() {
                self.doubt = if place == Place::InList { Some(0) } else { None };
            }
        }
        if QUOTE != b'"' {
            self.note(RepairKind::Quote, open);
        }
        self.text.get(start..start + length).map(str::to_owned)
    }
}

/// Where the first byte stands that may end a text in such quotes or counts in it: a quote, a backslash, a bracket or a
/// control character; in single quotes also the first byte of a curly one. Eight bytes are looked at at once.
pub(super) fn next_mark<const QUOTE: u8>(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES * 128;
    let zero = |v: u64| v.wrapping_sub(ONES) & !v;
    let stops = |b: u8| {
        b < 0x20
            || b == QUOTE
            || matches!(b, b'\\' | b'{' | b'[' | b'}' | b']')
            || (QUOTE == b'\'' && b == FIRST_OF_CURLY)
    };
    let (chunks, rest) = bytes.as_chunks::<8>();
    for (i, chunk) in chunks.iter().enumerate() {
        let v = u64::from_le_bytes(*chunk);
        let control = v.wrapping_sub(ONES * 0x20) & !v;
        // With this bit set, square brackets become braces; the backslash between them becomes a bar.
        let braces = v | (ONES * 0x20);
        let opens = zero(braces ^ (ONES * 0x7b));
        let between = zero(braces ^ (ONES * 0x7c));
        let closes = zero(braces ^ (ONES * 0x7d));
        let mut marks = control | zero(v ^ (ONES * u64::from(QUOTE))) | opens | between | closes;
        if QUOTE == b'\'' {
            marks |= zero(v ^ (ONES * u64::from(FIRST_OF_CURLY)));
        }
        marks &= HIGHS;
        // A borrow can only reach bytes above the lowest one found, and a bar is no mark: what was found is looked at.
        while marks != 0 {
            let at = marks.trailing_zeros() as usize / 8;
            if chunk.get(at).is_some_and(|b| stops(*b)) {
                return Some(i * 8 + at);
            }
            marks &= marks - 1;
        }
    }
    rest.iter().position(|b| stops(*b)).map(|at| bytes.len() - rest.len() + at)
}

/// The first byte of a curly quote.
const FIRST_OF_CURLY: u8 = 0xe2;

/// The length of a key of letters and digits, when its closing quote follows and the colon touches it.
pub(super) fn plain_key<const QUOTE: u8>(text: &[u8]) -> Option<usize> {
    let letter = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b' ');
    let length = text.iter().take(KEY_REACH - 1).take_while(|b| letter(b)).count();
    let ends = matches!(text.get(length..), Some([mark, b':', ..]) if *mark == QUOTE);
    (length > 0 && ends).then_some(length)
}
