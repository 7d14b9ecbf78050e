//! Japanese text in few bytes: a kana takes one and a kanji two, where UTF-8 takes three for either. The bundle has a limit after
//! gzip, and gzip makes of the packed vocabulary a seventh less than of the text.
//!
//! ASCII stands for itself, without capitals and control characters, which lead kanji instead.

const HIRAGANA: u8 = 0x80;
/// From here on kana are of the other kind.
const OTHER_KANA: u8 = 0xd6;
const LONG_VOWEL: u8 = 0xd7;
/// Before any other character, which follows in four bytes.
const ANY: u8 = 0x7f;
const FIRST_KANJI: u32 = 0x4e00;

/// The bytes that may lead a kanji, in order.
fn leads() -> impl Iterator<Item = u8> {
    (0xd8..=0xff).chain((0x01..=0x1f).filter(|b| *b != b'\n')).chain(b'A'..=b'Z')
}

/// Packs the lines of a text that are no comments.
#[cfg_attr(not(test), allow(dead_code))]
pub fn pack(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut katakana = false;
    for line in text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        for c in line.chars().chain(['\n']) {
            let code = c as u32;
            let first = match c {
                'ぁ'..='ゖ' => Some((false, 'ぁ')),
                'ァ'..='ヶ' => Some((true, 'ァ')),
                _ => None,
            };
            if let Some((kind, first)) = first {
                if kind != katakana {
                    out.push(OTHER_KANA);
                    katakana = kind;
                }
                out.push(HIRAGANA + (code - first as u32) as u8);
            } else if c == 'ー' {
                out.push(LONG_VOWEL);
            } else if c == '\n' || (matches!(c, ' '..='~') && !c.is_ascii_uppercase()) {
                out.push(code as u8);
            } else if let Some(lead) = code.checked_sub(FIRST_KANJI).and_then(|n| leads().nth(n as usize >> 8)) {
                out.extend([lead, code as u8]);
            } else {
                out.push(ANY);
                out.extend(code.to_be_bytes());
            }
        }
    }
    out
}

/// The text that was packed.
#[cfg_attr(not(test), allow(dead_code))]
pub fn unpack(packed: &[u8]) -> String {
    let mut places = [None; 256];
    for (place, lead) in leads().enumerate() {
        if let Some(slot) = places.get_mut(usize::from(lead)) {
            *slot = Some(place as u32);
        }
    }
    let mut out = String::with_capacity(packed.len() * 2);
    let mut first_kana = 'ぁ';
    let mut bytes = packed.iter().copied();
    while let Some(b) = bytes.next() {
        let code = match b {
            OTHER_KANA => {
                first_kana = if first_kana == 'ぁ' { 'ァ' } else { 'ぁ' };
                continue;
            }
            LONG_VOWEL => 'ー' as u32,
            ANY => (0..4).filter_map(|_| bytes.next()).fold(0, |code, b| code << 8 | u32::from(b)),
            HIRAGANA..OTHER_KANA => first_kana as u32 + u32::from(b - HIRAGANA),
            _ => match places.get(usize::from(b)).copied().flatten() {
                Some(place) => FIRST_KANJI + (place << 8) + u32::from(bytes.next().unwrap_or_default()),
                None => u32::from(b),
            },
        };
        out.extend(char::from_u32(code));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_packed_unpacks(text in any::<String>(), more in "[ぁ-ゖァ-ヶー一-龥々・a-zA-Z0-9/ =\n]{0,80}") {
            let text = format!("{}{more}", text.replace(['\r', '\n'], " "));
            let kept: String =
                text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).map(|l| format!("{l}\n")).collect();
            prop_assert_eq!(unpack(&pack(&text)), kept);
        }

        #[test]
        fn any_bytes_unpack(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            unpack(&bytes);
        }
    }

    #[test]
    fn kana_take_one_byte_and_kanji_two() {
        assert_eq!(pack("へんぴん").len(), 5);
        assert_eq!(pack("返品").len(), 5);
    }
}
