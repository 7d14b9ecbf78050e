//! How words in kanji sound.

/// Whether it is a hiragana, to which the long-vowel mark counts.
pub fn is_kana(c: char) -> bool {
    ('ぁ'..='ゖ').contains(&c) || c == 'ー'
}

/// How a word may sound, by what tells how a kanji does: every way to join what its characters sound like, within reason; none where one
/// is not known.
pub fn readings<'a>(word: &[char], sounds: impl Fn(char) -> Option<Vec<&'a str>>) -> Vec<String> {
    let mut readings = vec![String::new()];
    for c in word {
        if is_kana(*c) {
            readings.iter_mut().for_each(|r| r.push(*c));
            continue;
        }
        let Some(sounds) = sounds(*c) else { return Vec::new() };
        readings = readings
            .iter()
            .flat_map(|before| sounds.iter().map(move |sound| format!("{before}{sound}")))
            .take(64)
            .collect();
    }
    readings
}
