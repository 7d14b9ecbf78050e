//! How kanji sound. The build uses it too: a reading that can be found so is kept by its place among those that can be.

use std::collections::HashMap;

/// Kanji, and how each may sound.
pub type Sounds = HashMap<char, Vec<Box<str>>>;

/// Whether it is a kanji.
pub fn is_kanji(c: char) -> bool {
    ('\u{3400}'..='\u{9fff}').contains(&c)
}

/// Whether it is a hiragana, to which the long-vowel mark counts.
pub fn is_kana(c: char) -> bool {
    ('ぁ'..='ゖ').contains(&c) || c == 'ー'
}

/// How a word may sound: every way to join what its characters sound like, within reason; none where one is not known.
pub fn readings(sounds: &Sounds, word: &[char]) -> Vec<String> {
    let mut readings = vec![String::new()];
    for c in word {
        if is_kana(*c) {
            readings.iter_mut().for_each(|r| r.push(*c));
            continue;
        }
        let Some(sounds) = sounds.get(c) else { return Vec::new() };
        readings = readings
            .iter()
            .flat_map(|before| sounds.iter().map(move |sound| format!("{before}{sound}")))
            .take(64)
            .collect();
    }
    readings
}

/// Reads `kanji.txt`: a sound, then the characters that have it. With `all`, those too that nothing is heard by.
pub fn sounds(text: &str, all: bool) -> Sounds {
    let mut sounds: Sounds = HashMap::new();
    for line in text.lines().filter(|l| !l.starts_with('#') && (all || !l.starts_with('+'))) {
        for group in line.trim_start_matches('+').split_whitespace() {
            let kana = group.find(is_kanji).unwrap_or(group.len());
            let (sound, kanji) = group.split_at(kana);
            for c in kanji.chars() {
                sounds.entry(c).or_default().push(sound.into());
            }
        }
    }
    sounds
}

/// Puts in the place of each reading of the vocabulary that its word's characters allow its number among those.
#[cfg_attr(not(test), allow(dead_code))]
pub fn number_readings(text: &str, sounds: &Sounds) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        match line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            Some((head, words)) => {
                out.push_str(head);
                out.push_str(" = ");
                for piece in words.split_inclusive([' ', ',']) {
                    let word = piece.trim_end_matches([' ', ',']);
                    match number_of(word, sounds) {
                        Some((form, number)) => out.push_str(&format!("{form}/{number}")),
                        None => out.push_str(word),
                    }
                    out.push_str(piece.get(word.len()..).unwrap_or_default());
                }
            }
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

fn number_of<'a>(word: &'a str, sounds: &Sounds) -> Option<(&'a str, usize)> {
    let (form, reading) = word.split_once('/')?;
    let stem: Vec<char> = form.trim_matches(|c: char| c.is_ascii()).chars().collect();
    // Other letters are folded before they are read.
    let plain = stem.iter().all(|c| is_kanji(*c) || ('ぁ'..='ゖ').contains(c));
    let number = readings(sounds, &stem).iter().position(|r| plain && r == reading)?;
    Some((form, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_that_its_characters_allow_is_kept_by_its_number() {
        let sounds = sounds("じゅう住重 しょ所 おく送\n+ そう送", true);
        let numbered = number_readings("ship = 住所/じゅうしょ 送r/そう,送れ/おくれ 所以/ゆえん", &sounds);
        assert_eq!(numbered, "ship = 住所/0 送r/1,送れ/0 所以/ゆえん\n");
    }
}
