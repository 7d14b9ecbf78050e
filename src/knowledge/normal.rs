//! Normal forms: one way of writing for the many in which a shopper types the same word (width, kana, long vowels, accents, case).

/// What kind of letter a character was before it was folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Chinese characters.
    Kanji,
    /// Hiragana, and a long-vowel mark after it.
    Hiragana,
    /// Katakana, folded to hiragana.
    Katakana,
    /// Letters of every script that writes words apart.
    Latin,
    /// Digits.
    Digit,
    /// Anything that stands between words.
    Break,
}

impl Script {
    /// Whether words of this script are written without spaces.
    pub fn is_japanese(self) -> bool {
        matches!(self, Script::Kanji | Script::Hiragana | Script::Katakana)
    }

    /// Whether it is one of the two kana.
    pub fn is_kana(self) -> bool {
        matches!(self, Script::Hiragana | Script::Katakana)
    }
}

/// One folded character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyph {
    /// The folded character; katakana have become hiragana.
    pub c: char,
    /// What it was.
    pub script: Script,
}

/// Half-width katakana from U+FF66 on, in order.
const HALF_WIDTH: &str =
    "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン";

/// Katakana words of this many characters or more lose a long-vowel mark at their end: writers differ (サーバ, サーバー).
const LONG_ENDING: usize = 4;

/// A full-width letter, digit or mark as the narrow one that it is; any other stays.
pub fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// Whether a text has a letter of Japanese, of either width.
pub fn has_japanese(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}' | '\u{ff66}'..='\u{ff9f}'))
}

/// Folds a text.
pub fn fold(text: &str) -> Vec<Glyph> {
    let mut out: Vec<Glyph> = Vec::with_capacity(text.len() / 2);
    for c in text.chars() {
        match c {
            '\u{ff01}'..='\u{ff5e}' => push(&mut out, narrow(c)),
            '\u{ff66}'..='\u{ff9d}' => {
                let full = HALF_WIDTH.chars().nth(c as usize - 0xff66).unwrap_or(c);
                push(&mut out, full);
            }
            '\u{ff9e}' | '\u{3099}' | '\u{309b}' => voice(&mut out, 1),
            '\u{ff9f}' | '\u{309a}' | '\u{309c}' => voice(&mut out, 2),
            '①'..='⑳' => {
                for digit in (c as u32 - '①' as u32 + 1).to_string().chars() {
                    push(&mut out, digit);
                }
            }
            '㎝' | '㎜' | '㎏' | '㎡' | '㎖' | '℃' => {
                let unit = match c {
                    '㎝' => "cm",
                    '㎜' => "mm",
                    '㎏' => "kg",
                    '㎡' => "m2",
                    '㎖' => "ml",
                    _ => "度",
                };
                for c in unit.chars() {
                    push(&mut out, c);
                }
            }
            _ => push(&mut out, c),
        }
    }
    trim_long_endings(out)
}

/// Folds a question. One typed in katakana alone is as much a sentence as one in hiragana.
pub fn fold_question(text: &str) -> Vec<Glyph> {
    let mut glyphs = fold(text);
    if !glyphs.iter().any(|g| matches!(g.script, Script::Hiragana | Script::Kanji)) {
        for g in glyphs.iter_mut().filter(|g| g.script == Script::Katakana) {
            g.script = Script::Hiragana;
        }
    }
    without_kansai(&mut glyphs);
    glyphs
}

/// Writes the western 届かへん as 届かない: the vocabulary has words with the ending that most pages and shoppers use.
fn without_kansai(glyphs: &mut Vec<Glyph>) {
    const STEMS: &str = "かがさたなばまらわれけせてでめべえき";
    let mut at = 1;
    while at + 1 < glyphs.len() {
        let around = |n: usize| glyphs.get(n).map_or(' ', |g| g.c);
        // どこらへん is a place, へんぴん a return.
        let place = around(at - 1) == 'ら' && at >= 2 && matches!(around(at - 2), 'こ' | 'そ');
        let more = matches!(around(at + 2), 'ぴ' | 'こ' | 'き' | 'じ' | 'そ');
        let negative = around(at) == 'へ' && around(at + 1) == 'ん' && STEMS.contains(around(at - 1));
        if negative && !place && !more {
            let past = around(at + 2) == 'か' && around(at + 3) == 'っ';
            for (n, c) in [(at, 'な'), (at + 1, 'い')] {
                if let Some(g) = glyphs.get_mut(n) {
                    g.c = c;
                }
            }
            if past {
                glyphs.remove(at + 1);
            }
        }
        at += 1;
    }
}

/// Consonants, and the kana they make with a, i, u, e, o.
const ROMAN: [(&str, [&str; 5]); 23] = [
    ("", ["あ", "い", "う", "え", "お"]),
    ("k", ["か", "き", "く", "け", "こ"]),
    ("c", ["か", "し", "く", "せ", "こ"]),
    ("s", ["さ", "し", "す", "せ", "そ"]),
    ("sh", ["しゃ", "し", "しゅ", "しぇ", "しょ"]),
    ("t", ["た", "ち", "つ", "て", "と"]),
    ("ch", ["ちゃ", "ち", "ちゅ", "ちぇ", "ちょ"]),
    ("ts", ["つあ", "つい", "つ", "つえ", "つお"]),
    ("n", ["な", "に", "ぬ", "ね", "の"]),
    ("h", ["は", "ひ", "ふ", "へ", "ほ"]),
    ("f", ["ふあ", "ふい", "ふ", "ふえ", "ふお"]),
    ("m", ["ま", "み", "む", "め", "も"]),
    ("y", ["や", "い", "ゆ", "いえ", "よ"]),
    ("r", ["ら", "り", "る", "れ", "ろ"]),
    ("w", ["わ", "うい", "う", "うえ", "を"]),
    ("g", ["が", "ぎ", "ぐ", "げ", "ご"]),
    ("z", ["ざ", "じ", "ず", "ぜ", "ぞ"]),
    ("j", ["じゃ", "じ", "じゅ", "じぇ", "じょ"]),
    ("d", ["だ", "じ", "ず", "で", "ど"]),
    ("b", ["ば", "び", "ぶ", "べ", "ぼ"]),
    ("p", ["ぱ", "ぴ", "ぷ", "ぺ", "ぽ"]),
    ("v", ["ば", "び", "ぶ", "べ", "ぼ"]),
    ("l", ["ら", "り", "る", "れ", "ろ"]),
];

/// Roman letters as the hiragana they spell, where they spell any (henpin, ryoushuusho).
pub fn from_roman(word: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = word;
    while !rest.is_empty() {
        let vowel = rest.find(['a', 'i', 'u', 'e', 'o']);
        let consonants = rest.get(..vowel.unwrap_or(rest.len())).unwrap_or_default();
        let (first, after) = consonants.split_at_checked(1).unwrap_or_default();
        // A syllable's end: ん before a consonant and at the word's end, っ before its like.
        if first == "n" && (vowel.is_none() || (!after.is_empty() && after != "y")) {
            out.push('ん');
            rest = rest.get(1..)?;
            continue;
        }
        if !first.is_empty() && after.starts_with(first) || consonants == "tch" {
            out.push('っ');
            rest = rest.get(1..)?;
            continue;
        }
        let vowel = vowel?;
        let which = "aiueo".find(rest.get(vowel..=vowel)?)?;
        let row = |c: &str| ROMAN.iter().find(|(r, _)| *r == c).map(|(_, kana)| kana);
        match row(consonants) {
            Some(kana) => out.push_str(kana.get(which)?),
            // kya, ryo.
            None => {
                out.push_str(row(consonants.strip_suffix('y')?)?.get(1)?);
                out.push_str(["ゃ", "い", "ゅ", "ぇ", "ょ"].get(which)?);
            }
        }
        rest = rest.get(vowel + 1..)?;
    }
    Some(fold(&out).into_iter().map(|g| g.c).collect())
}

/// The folded characters of a word, as a text.
#[cfg_attr(not(test), allow(dead_code, reason = "the build reads the vocabulary with it"))]
pub fn folded(word: &str) -> String {
    fold(word).into_iter().map(|g| g.c).collect()
}

fn push(out: &mut Vec<Glyph>, c: char) {
    let last = out.last().copied();
    let glyph = match c {
        'ぁ'..='ゖ' | 'ゝ' | 'ゞ' => Glyph { c: fold_kana(c), script: Script::Hiragana },
        'ァ'..='ヶ' => {
            let hiragana = char::from_u32(c as u32 - 0x60).unwrap_or(c);
            Glyph { c: fold_kana(hiragana), script: Script::Katakana }
        }
        'ー' | '―' | '‐' | '−' | '─' | '-' | '〜' | '~' => match last {
            Some(Glyph { script, .. }) if script.is_kana() => Glyph { c: 'ー', script },
            _ => Glyph { c: ' ', script: Script::Break },
        },
        '々' => match last {
            Some(Glyph { c, script: Script::Kanji }) => Glyph { c, script: Script::Kanji },
            _ => Glyph { c, script: Script::Kanji },
        },
        '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{f900}'..='\u{faff}' => {
            Glyph { c, script: Script::Kanji }
        }
        '0'..='9' => Glyph { c, script: Script::Digit },
        'a'..='z' => Glyph { c, script: Script::Latin },
        // A curly apostrophe is a plain one.
        '\'' | '\u{2019}' => Glyph { c: '\'', script: Script::Break },
        _ if c.is_alphabetic() => {
            for lower in c.to_lowercase() {
                out.push(Glyph { c: bare(lower), script: Script::Latin });
            }
            return;
        }
        _ if c.is_numeric() => Glyph { c, script: Script::Digit },
        _ => Glyph { c, script: Script::Break },
    };
    // ヴァ is written バ as often.
    if let (Some(Glyph { c: 'ゔ', script }), Some(b)) = (last, after_v(glyph.c)) {
        out.pop();
        out.push(Glyph { c: b, script });
        return;
    }
    out.push(glyph);
}

fn after_v(c: char) -> Option<char> {
    match c {
        'あ' => Some('ば'),
        'い' => Some('び'),
        'え' => Some('べ'),
        'お' => Some('ぼ'),
        _ => None,
    }
}

/// Small vowels as full ones, and the kana that sound alike as one.
fn fold_kana(c: char) -> char {
    match c {
        'ぁ' => 'あ',
        'ぃ' => 'い',
        'ぅ' => 'う',
        'ぇ' => 'え',
        'ぉ' => 'お',
        'ゎ' => 'わ',
        'ゕ' => 'か',
        'ゖ' => 'け',
        'ぢ' => 'じ',
        'づ' => 'ず',
        'ゐ' => 'い',
        'ゑ' => 'え',
        other => other,
    }
}

/// A mark of voicing joins the kana before it.
fn voice(out: &mut [Glyph], step: u32) {
    if let Some(last) = out.last_mut() {
        let joined = match last.c {
            'か'..='と' | 'は'..='ほ' => char::from_u32(last.c as u32 + step),
            'う' => Some('ゔ'),
            _ => None,
        };
        if let Some(c) = joined {
            last.c = fold_kana(c);
        }
    }
}

/// A Latin letter without its accent.
fn bare(c: char) -> char {
    match c {
        'à'..='å' | 'ā' => 'a',
        'ç' | 'č' | 'ć' => 'c',
        'è'..='ë' | 'ē' => 'e',
        'ì'..='ï' | 'ī' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' | 'ō' => 'o',
        'ù'..='ü' | 'ū' => 'u',
        'ý' | 'ÿ' => 'y',
        other => other,
    }
}

fn trim_long_endings(glyphs: Vec<Glyph>) -> Vec<Glyph> {
    let mut out: Vec<Glyph> = Vec::with_capacity(glyphs.len());
    let mut run = 0;
    for (i, g) in glyphs.iter().enumerate() {
        if g.script == Script::Katakana {
            run += 1;
            let ends = glyphs.get(i + 1).is_none_or(|n| n.script != Script::Katakana);
            if ends && g.c == 'ー' && run >= LONG_ENDING {
                continue;
            }
        } else {
            run = 0;
        }
        out.push(*g);
    }
    out
}

/// What is left of a kana word when all that the ear or the finger confuses is gone: voicing, long vowels, small kana.
/// Two words of one skeleton are likely one word, spelt in haste.
pub fn skeleton(kana: &str) -> String {
    let mut out = String::with_capacity(kana.len());
    let mut vowel = ' ';
    for c in kana.chars() {
        let c = match c {
            'ー' | 'っ' => continue,
            'が'..='ど' if is_voiced(c) => char::from_u32(c as u32 - 1).unwrap_or(c),
            'ば'..='ぽ' => match (c as u32 - 'は' as u32) % 3 {
                0 => c,
                step => char::from_u32(c as u32 - step).unwrap_or(c),
            },
            'ゃ' => 'や',
            'ゅ' => 'ゆ',
            'ょ' => 'よ',
            'ず' => 'す',
            other => other,
        };
        // おう, おお, えい and a vowel said twice are one long vowel.
        let long = match c {
            'う' => matches!(vowel, 'お' | 'う'),
            'お' => vowel == 'お',
            'い' => matches!(vowel, 'え' | 'い'),
            'え' => vowel == 'え',
            'あ' => vowel == 'あ',
            _ => false,
        };
        if long {
            continue;
        }
        vowel = vowel_of(c);
        out.push(c);
    }
    out
}

fn is_voiced(c: char) -> bool {
    // Between か and ど voiced kana follow their plain ones; after っ (U+3063) the order shifts by one.
    let at = c as u32 - 'か' as u32;
    if c as u32 > 'っ' as u32 { at.is_multiple_of(2) } else { !at.is_multiple_of(2) }
}

fn vowel_of(c: char) -> char {
    const ROWS: [(&str, char); 5] = [
        ("あかさたなはまやらわがざだばぱゃ", 'あ'),
        ("いきしちにひみりぎじびぴ", 'い'),
        ("うくすつぬふむゆるぐずぶぷゅ", 'う'),
        ("えけせてねへめれげぜでべぺ", 'え'),
        ("おこそとのほもよろごぞどぼぽょを", 'お'),
    ];
    ROWS.iter().find(|(row, _)| row.contains(c)).map_or(' ', |(_, v)| *v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn widths_kana_and_case_are_one() {
        for (a, b) in [
            ("ＶＩＳＡカード", "visaかーど"),
            ("ﾎﾟｲﾝﾄ", "ポイント"),
            ("ｷﾞﾌﾄ", "ギフト"),
            ("ポイント", "ぽいんと"),
            ("サーバー", "サーバ"),
            ("ウィスキー", "ウイスキー"),
            ("ヴィンテージ", "ビンテージ"),
            ("つづき", "つずき"),
            ("Café", "cafe"),
            ("２７㎝", "27cm"),
            ("別々", "別別"),
            ("ク-ポン", "クーポン"),
        ] {
            assert_eq!(folded(a), folded(b), "{a} and {b}");
        }
        assert_ne!(folded("カード"), folded("角"));
        assert_eq!(folded("カバー"), "かばー", "a short word keeps its length");
    }

    #[test]
    fn a_western_negative_is_the_usual_one() {
        let question = |text: &str| fold_question(text).iter().map(|g| g.c).collect::<String>();
        assert_eq!(question("荷物届かへん"), "荷物届かない");
        assert_eq!(question("入ってへんかった"), "入ってなかった");
        for kept in ["たいへん", "あとでへんぴん", "どこらへん", "変なへんじ"] {
            assert_eq!(question(kept), folded(kept));
        }
    }

    #[test]
    fn a_skeleton_forgives_what_haste_confuses() {
        for (a, b) in [
            ("ばっぐ", "ばっく"),
            ("へんぴん", "へんひん"),
            ("りょうしゅうしょ", "りょしゅうしょ"),
            ("ゆーざー", "ゆうざあ"),
        ] {
            assert_eq!(skeleton(a), skeleton(b), "{a} and {b}");
        }
        assert_ne!(skeleton("へんきん"), skeleton("へんぴん"));
    }

    #[test]
    fn roman_letters_are_heard_as_kana() {
        for (roman, kana) in [
            ("henpin", "へんぴん"),
            ("ryoushuusho", "りょうしゅうしょ"),
            ("kitte", "きって"),
            ("arita", "ありた"),
            ("furoshiki", "ふろしき"),
            ("nyuuka", "にゅうか"),
            ("konbini", "こんびに"),
            ("matcha", "まっちゃ"),
        ] {
            assert_eq!(from_roman(roman).as_deref(), Some(kana));
        }
        assert_eq!(from_roman("shirt"), None);
    }

    proptest! {
        #[test]
        fn any_letters_may_be_read_as_roman(word in "[a-z]{0,16}") {
            from_roman(&word);
        }

        #[test]
        fn folding_twice_changes_nothing_more(text in "[ぁ-ゖァ-ヶー一-龥a-zA-Z0-9ｦ-ﾟ 。]{0,40}") {
            let once = folded(&text);
            let twice = folded(&once);
            // The second time katakana are hiragana, so no ending is cut again.
            prop_assert_eq!(&twice, &once);
        }

        #[test]
        fn any_text_folds(text in any::<String>()) {
            fold(&text);
            skeleton(&text);
        }
    }
}
