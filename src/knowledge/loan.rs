//! Words that Japanese has from English: an English word and the katakana written for it have their consonants in common.

/// The shortest frame that says enough: fewer consonants are in too many words.
const SHORTEST: usize = 3;

/// The consonants that an English word and its katakana share; none where they are too few.
pub fn of_english(word: &str) -> Option<String> {
    let letters: Vec<char> = word.chars().collect();
    let vowel = |c: Option<&char>| c.is_some_and(|c| "aeiouy".contains(*c));
    let mut frame = Frame::default();
    let mut at = 0;
    while let Some(c) = letters.get(at) {
        let after = letters.get(at + 1);
        let soft = after.is_some_and(|c| "eiy".contains(*c));
        let mut taken = 1;
        match (*c, after) {
            ('c' | 's', Some('h')) => {
                frame.push(if *c == 'c' { 'c' } else { 's' });
                taken = 2;
            }
            ('p', Some('h')) => {
                frame.push('f');
                taken = 2;
            }
            ('t', Some('h')) => {
                frame.push('s');
                taken = 2;
            }
            ('g', Some('h')) => taken = 2,
            ('c', _) if soft => frame.push('s'),
            ('c' | 'k' | 'q', _) => frame.push('k'),
            ('x', _) => {
                frame.push('k');
                frame.push('s');
            }
            ('s' | 'z' | 'j', _) => frame.push('s'),
            ('v', _) => frame.push('b'),
            ('m', Some('b' | 'p')) => frame.push('n'),
            // After a vowel it only lengthens it.
            ('r', after) if at == 0 || vowel(after) => frame.push('r'),
            ('l', _) => frame.push('r'),
            ('h', after) if vowel(after) => frame.push('h'),
            ('b' | 'd' | 'f' | 'g' | 'm' | 'n' | 'p' | 't', _) => frame.push(*c),
            (c, _) if at == 0 && (c == 'w' || vowel(Some(&c))) => frame.push('a'),
            (c, _) if vowel(Some(&c)) => frame.open(),
            _ => {}
        }
        at += taken;
    }
    frame.told()
}

/// The same of a word in kana.
pub fn of_kana(word: impl Iterator<Item = char>) -> Option<String> {
    let mut frame = Frame::default();
    for (at, c) in word.enumerate() {
        let sound = match c {
            'か' | 'き' | 'く' | 'け' | 'こ' => 'k',
            'が' | 'ぎ' | 'ぐ' | 'げ' | 'ご' => 'g',
            'さ' | 'し' | 'す' | 'せ' | 'そ' | 'ざ' | 'じ' | 'ず' | 'ぜ' | 'ぞ' | 'ぢ' | 'づ' => 's',
            'ち' => 'c',
            'た' | 'つ' | 'て' | 'と' => 't',
            'だ' | 'で' | 'ど' => 'd',
            'な' | 'に' | 'ぬ' | 'ね' | 'の' | 'ん' => 'n',
            'は' | 'ひ' | 'へ' | 'ほ' => 'h',
            'ふ' => 'f',
            'ば' | 'び' | 'ぶ' | 'べ' | 'ぼ' | 'ゔ' => 'b',
            'ぱ' | 'ぴ' | 'ぷ' | 'ぺ' | 'ぽ' => 'p',
            'ま' | 'み' | 'む' | 'め' | 'も' => 'm',
            'ら' | 'り' | 'る' | 'れ' | 'ろ' => 'r',
            'あ' | 'い' | 'う' | 'え' | 'お' | 'や' | 'ゆ' | 'よ' | 'わ' if at == 0 => 'a',
            'っ' => continue,
            _ => {
                frame.open();
                continue;
            }
        };
        frame.push(sound);
        if c != 'ん' {
            frame.open();
        }
    }
    frame.told()
}

#[derive(Default)]
struct Frame {
    sounds: String,
    /// Whether a vowel stood since the last: the same letter twice in a row is one sound.
    open: bool,
}

impl Frame {
    fn push(&mut self, sound: char) {
        if self.open || !self.sounds.ends_with(sound) {
            self.sounds.push(sound);
        }
        self.open = false;
    }

    fn open(&mut self) {
        self.open = true;
    }

    fn told(self) -> Option<String> {
        (self.sounds.len() >= SHORTEST).then_some(self.sounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::normal::folded;

    #[test]
    fn an_english_word_and_its_katakana_have_one_frame() {
        for (english, katakana) in [
            ("cheesecake", "チーズケーキ"),
            ("castella", "カステラ"),
            ("financier", "フィナンシェ"),
            ("madeleine", "マドレーヌ"),
            ("raincoat", "レインコート"),
            ("harness", "ハーネス"),
            ("blanket", "ブランケット"),
            ("wedding", "ウェディング"),
            ("mattress", "マットレス"),
            ("humidifier", "ヒューミディファイア"),
            ("notebook", "ノートブック"),
        ] {
            let heard = of_kana(folded(katakana).chars());
            assert!(heard.is_some(), "{katakana}");
            assert_eq!(of_english(english), heard, "{english}");
        }
        assert_eq!(of_english("cat"), None);
    }
}
