//! A text cut into words: by the lexicon along the cheapest path for Japanese, which has no spaces, by spaces for the rest.

use super::english;
use super::lexicon::{Form, Lexicon};
use super::normal::{Glyph, Script};

/// A piece of a text.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its first glyph.
    pub start: usize,
    /// The glyph after its last.
    pub end: usize,
    /// What it is.
    pub kind: Kind,
}

/// What a piece of a text is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Words of the lexicon, more than one where they sound alike.
    Words {
        /// Their places.
        words: Vec<u32>,
        /// Whether they were met as they sound.
        by_sound: bool,
    },
    /// What only holds a sentence together.
    Filler,
    /// Japanese that the lexicon does not know.
    Unknown(Script),
    /// A Latin word that the lexicon does not know: its stem.
    Latin(String),
    /// Digits.
    Number(String),
}

/// How words of the everyday table are read in Japanese.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Everyday {
    /// As what they are: a question names one thing.
    Whole,
    /// As what they are, and with those that they are put together from: a page that has it has its parts.
    WithParts,
    /// Those alone that are a part of the run.
    Parts,
    /// None of them.
    Not,
}

/// Cuts folded text into tokens.
pub fn segment(lexicon: &Lexicon, glyphs: &[Glyph], everyday: Everyday) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = glyphs.get(at) {
        let same = |g: &Glyph| match first.script {
            s if s.is_japanese() => g.script.is_japanese(),
            s => g.script == s,
        };
        let length = glyphs.get(at..).unwrap_or_default().iter().take_while(|g| same(g)).count();
        if !first.script.is_japanese()
            && let Some((words, end)) = mixed(lexicon, glyphs, at, length)
        {
            tokens.push(Token { start: at, end, kind: Kind::Words { words, by_sound: false } });
            at = end;
            continue;
        }
        let end = at + length;
        match first.script {
            s if s.is_japanese() => japanese(lexicon, glyphs, at, end, everyday, &mut tokens),
            Script::Digit => {
                let number = glyphs.get(at..end).unwrap_or_default().iter().map(|g| g.c).collect();
                tokens.push(Token { start: at, end, kind: Kind::Number(number) });
            }
            Script::Latin => {
                at = latin(lexicon, glyphs, at, &mut tokens);
                continue;
            }
            _ => {}
        }
        at = end;
    }
    tokens
}

/// A word that begins with letters or digits and goes on in Japanese (d払い, QRコード), and where it ends.
fn mixed(lexicon: &Lexicon, glyphs: &[Glyph], at: usize, letters: usize) -> Option<(Vec<u32>, usize)> {
    let inside = |g: &Glyph| matches!(g.script, Script::Latin | Script::Digit);
    if letters > 4 || at > 0 && glyphs.get(at - 1).is_some_and(inside) {
        return None;
    }
    let mut longest: (Vec<u32>, usize) = (Vec::new(), letters);
    lexicon.prefixes(glyphs.get(at..)?.iter().map(|g| g.c), |form, length| {
        if length > longest.1 {
            longest = (Vec::new(), length);
        }
        if length == longest.1 && length > letters && !longest.0.contains(&form.word) {
            longest.0.push(form.word);
        }
    });
    let (words, length) = longest;
    (!words.is_empty()).then_some((words, at + length))
}

/// A word costs this, and less the longer it is.
const WORD: f32 = 1.0;
/// A kana word of two characters is as often a part of another.
const SHORT: f32 = 1.75;
const FILLER: f32 = 0.8;
/// Beginning or ending within a run of katakana, which is nearly always one word or words joined.
const WITHIN_KATAKANA: f32 = 0.6;

/// One kana after a word: what is left of its ending.
const ENDING: f32 = 0.8;

/// What nobody has weighed for shops gives way to what somebody has.
const EVERYDAY: f32 = 0.5;

/// Going on in katakana after hiragana, which are seldom one word.
const ACROSS_SCRIPTS: f32 = 0.6;

fn unknown(script: Script) -> f32 {
    match script {
        Script::Kanji => 1.9,
        Script::Katakana => 1.2,
        _ => 1.45,
    }
}

/// Whether the cheapest way to here ends with a long enough word that says something.
fn so_far_ends_a_word(lexicon: &Lexicon, steps: &[Option<Step>], at: usize) -> bool {
    let last = steps.get(at).and_then(|s| s.as_ref());
    last.is_some_and(|step| at - step.from >= 3 && step.forms.iter().any(|f| !lexicon.is_filler(f.word)))
}

#[derive(Clone)]
struct Step {
    cost: f32,
    from: usize,
    /// The words of this step; empty for an unknown character.
    forms: Vec<Form>,
}

/// Reads a word of the everyday table, where other words are in it, as these, each with that word as well; and as that word what is in
/// none of them. Nothing where there are none.
fn within(lexicon: &Lexicon, glyphs: &[Glyph], whole: &Token, words: &[u32], everyday: Everyday) -> Option<Vec<Token>> {
    let mut inner = Vec::new();
    japanese(lexicon, glyphs, whole.start, whole.end, everyday, &mut inner);
    inner.iter().any(|t| matches!(t.kind, Kind::Words { .. })).then_some(())?;
    for Token { kind, .. } in &mut inner {
        match kind {
            Kind::Words { words: these, .. } => these.extend(words),
            Kind::Unknown(_) => *kind = Kind::Words { words: words.to_vec(), by_sound: false },
            _ => {}
        }
    }
    Some(inner)
}

/// Cuts a run of Japanese.
fn japanese(
    lexicon: &Lexicon,
    glyphs: &[Glyph],
    start: usize,
    end: usize,
    everyday: Everyday,
    tokens: &mut Vec<Token>,
) {
    let run = glyphs.get(start..end).unwrap_or_default();
    let mut steps: Vec<Option<Step>> = vec![None; run.len() + 1];
    if let Some(first) = steps.first_mut() {
        *first = Some(Step { cost: 0.0, from: 0, forms: Vec::new() });
    }
    for at in 0..run.len() {
        let Some(so_far) = steps.get(at).and_then(|s| s.as_ref()).map(|s| s.cost) else { continue };
        let Some(glyph) = run.get(at) else { continue };
        let alone = match glyph.script {
            // A long-vowel mark that no word holds is a way of speaking.
            _ if glyph.c == 'ー' => 0.1,
            // Much of the vocabulary is cut short where endings begin.
            Script::Hiragana if so_far_ends_a_word(lexicon, &steps, at) => ENDING,
            script => unknown(script),
        };
        offer(&mut steps, at + 1, Step { cost: so_far + alone, from: at, forms: Vec::new() });
        let rest = run.get(at..).unwrap_or_default();
        lexicon.prefixes(rest.iter().map(|g| g.c), |form, length| {
            let may = match everyday {
                Everyday::Whole | Everyday::WithParts => true,
                Everyday::Parts => (2..run.len()).contains(&length) || !lexicon.is_everyday(form.word),
                Everyday::Not => !lexicon.is_everyday(form.word),
            };
            if may && let Some(cost) = cost(lexicon, run, at, at + length, form) {
                offer(&mut steps, at + length, Step { cost: so_far + cost, from: at, forms: vec![form] });
            }
        });
    }
    let mut path = Vec::new();
    let mut at = run.len();
    while at > 0
        && let Some(Some(step)) = steps.get(at)
    {
        path.push((step.from, at, step.forms.clone()));
        at = step.from;
    }
    path.reverse();
    for (from, to, forms) in path {
        let script = run.get(from).map_or(Script::Break, |g| g.script);
        let mut kind = kind(lexicon, &forms, script);
        // Two kana right after what is no word are its ending sooner than a word.
        let after =
            tokens.last().is_some_and(|t| t.end == start + from && matches!(t.kind, Kind::Unknown(Script::Hiragana)));
        if after && to - from <= 2 && matches!(kind, Kind::Words { by_sound: true, .. }) {
            kind = Kind::Unknown(Script::Hiragana);
        }
        // Unknown characters of one script are one unknown word.
        if let (Kind::Unknown(script), Some(Token { end, kind: Kind::Unknown(before), .. })) =
            (&kind, tokens.last_mut())
            && *end == start + from
            && script == before
        {
            *end = start + to;
            continue;
        }
        let token = Token { start: start + from, end: start + to, kind };
        let inside = if everyday == Everyday::Whole { Everyday::Not } else { Everyday::Parts };
        let read = match &token.kind {
            Kind::Words { words, .. } if words.iter().all(|w| lexicon.is_everyday(*w)) => {
                within(lexicon, glyphs, &token, words, inside)
            }
            _ => None,
        };
        tokens.extend(read.unwrap_or_else(|| vec![token]));
    }
}

fn offer(steps: &mut [Option<Step>], at: usize, step: Step) {
    match steps.get_mut(at) {
        Some(Some(there)) if there.from == step.from && there.cost == step.cost && !there.forms.is_empty() => {
            there.forms.extend(step.forms);
        }
        Some(Some(there)) if there.cost <= step.cost => {}
        Some(slot) => *slot = Some(step),
        None => {}
    }
}

/// Whether a character has no kanji beside it.
fn stands_alone(run: &[Glyph], at: usize) -> bool {
    let kanji = |at: usize| run.get(at).is_some_and(|g| g.script == Script::Kanji);
    !kanji(at + 1) && !at.checked_sub(1).is_some_and(kanji)
}

/// What a word costs at its place; nothing where it cannot stand.
fn cost(lexicon: &Lexicon, run: &[Glyph], from: usize, to: usize, form: Form) -> Option<f32> {
    let script = |i: usize| run.get(i).map(|g| g.script);
    let katakana = |i: usize| script(i) == Some(Script::Katakana);
    let length = to - from;
    let filler = lexicon.is_filler(form.word);
    let kana = (from..to).all(|i| script(i).is_some_and(Script::is_kana));
    let inside = (katakana(from) && from > 0 && katakana(from - 1)) || (katakana(to.wrapping_sub(1)) && katakana(to));
    if filler {
        if kana && (from..to).any(katakana) {
            return None;
        }
        return Some(FILLER - 0.03 * length.min(10) as f32);
    }
    let mut cost = WORD - 0.03 * length.min(10) as f32;
    if kana {
        match length {
            0 | 1 => return None,
            2 if !form.sure => cost = SHORT,
            3 => cost += 0.25,
            _ => {}
        }
    } else if length == 1 && !(lexicon.is_everyday(form.word) && stands_alone(run, from)) {
        cost += 0.5;
    }
    if lexicon.is_everyday(form.word) {
        cost += EVERYDAY;
    }
    // で and カフェ are no デカフェ.
    let hiragana = |i: usize| script(i) == Some(Script::Hiragana);
    let polite = run.get(from).is_some_and(|g| matches!(g.c, 'お' | 'ご'));
    if kana && !polite && (from + 1..to).any(|i| hiragana(i - 1) && katakana(i)) {
        cost += ACROSS_SCRIPTS;
    }
    if inside {
        cost += if length <= 2 { 4.0 } else { WITHIN_KATAKANA };
    }
    // ー is never a word's first letter, nor っ.
    if run.get(to).is_some_and(|g| g.c == 'ー' && kana) {
        cost += 0.3;
    }
    Some(cost)
}

fn kind(lexicon: &Lexicon, forms: &[Form], script: Script) -> Kind {
    let mut words: Vec<u32> = Vec::new();
    let mut by_sound = true;
    let mut filler = false;
    for form in forms {
        let is_filler = lexicon.is_filler(form.word);
        filler |= is_filler;
        if !is_filler && !words.contains(&form.word) {
            words.push(form.word);
            by_sound &= form.by_sound;
        }
    }
    if !words.is_empty() {
        return Kind::Words { words, by_sound };
    }
    if filler { Kind::Filler } else { Kind::Unknown(script) }
}

/// Adverbs that make another word of a verb.
const ADVERBS: [&str; 9] = ["off", "up", "out", "down", "away", "together", "apart", "over", "around"];

/// One Latin word or phrase; gives where to go on.
fn latin(lexicon: &Lexicon, glyphs: &[Glyph], start: usize, tokens: &mut Vec<Token>) -> usize {
    // As many words as the longest phrase with its gaps may take, each with its place.
    let mut words: Vec<(String, usize, usize)> = Vec::new();
    let mut at = start;
    while words.len() < 9
        && let Some((word, from, to)) = next_latin(glyphs, at)
    {
        words.push((word, from, to));
        at = to;
    }
    let stems: Vec<String> = words.iter().map(|(w, _, _)| english::stem(w)).collect();
    let stems: Vec<&str> = stems.iter().map(String::as_str).collect();
    let Some((_, _, first_end)) = words.first() else { return start + 1 };
    let everyday = lexicon.everyday_phrase(&stems);
    match (lexicon.phrase(&stems), everyday) {
        // To hang up is no kind of hanging.
        (Some((_, taken)), Some((phrase, longer)))
            if longer > taken && stems.get(longer - 1).is_some_and(|last| ADVERBS.contains(last)) =>
        {
            let end = words.get(longer - 1).map_or(*first_end, |(_, _, to)| *to);
            tokens.push(Token { start, end, kind: Kind::Words { words: vec![phrase], by_sound: false } });
            end
        }
        (Some((word, taken)), _) => {
            let end = words.get(taken.saturating_sub(1)).map_or(*first_end, |(_, _, to)| *to);
            let filler = lexicon.is_filler(word);
            let mut meant = vec![word];
            meant.extend(everyday.map(|(word, _)| word));
            // What stands in the phrase's joints says something by itself (cancel my order).
            let joints = match stems.get(..taken) {
                Some(all @ [_, _, _, ..]) if !filler => lexicon.joints(all, word),
                _ => Vec::new(),
            };
            let tells = |at: usize| {
                let (_, from, to) = words.get(at)?;
                let (word, _) = lexicon.phrase(&[stems.get(at)?]).filter(|(word, _)| lexicon.tells(*word))?;
                Some(Token { start: *from, end: *to, kind: Kind::Words { words: vec![word], by_sound: false } })
            };
            let inner: Vec<Token> = joints.into_iter().filter_map(tells).collect();
            let kind = if filler { Kind::Filler } else { Kind::Words { words: meant, by_sound: false } };
            tokens.push(Token { start, end: inner.first().map_or(end, |token| token.start), kind });
            tokens.extend(inner);
            end
        }
        (None, Some((word, taken))) => {
            // What the vocabulary knows of a phrase is read by itself, too.
            let says = |(word, _)| !lexicon.is_filler(word);
            let known = (1..taken).find(|at| stems.get(*at..).and_then(|s| lexicon.phrase(s)).is_some_and(says));
            let end = words.get(known.unwrap_or(taken).saturating_sub(1)).map_or(*first_end, |(_, _, to)| *to);
            tokens.push(Token { start, end, kind: Kind::Words { words: vec![word], by_sound: false } });
            end
        }
        _ if words.first().is_some_and(|(w, ..)| w.len() >= 8 && w.is_ascii())
            && split(lexicon, &words, start, tokens) =>
        {
            *first_end
        }
        _ => {
            let stem = stems.first().map_or_else(String::new, |s| (*s).to_owned());
            tokens.push(Token { start, end: *first_end, kind: Kind::Latin(stem) });
            *first_end
        }
    }
}

/// Reads letters without spaces as the words they are run together from; whether that could be done.
fn split(lexicon: &Lexicon, words: &[(String, usize, usize)], start: usize, tokens: &mut Vec<Token>) -> bool {
    let Some(parts) = words.first().and_then(|(w, ..)| lexicon.split(w)) else { return false };
    let stems: Vec<String> = parts.iter().map(|p| english::stem(p)).collect();
    let mut at = 0;
    let mut place = start;
    while let Some(rest) = stems.get(at..).filter(|r| !r.is_empty()) {
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        let known = lexicon.phrase(&rest).or_else(|| lexicon.everyday_phrase(&rest));
        let Some((word, taken)) = known else { return false };
        let length: usize = parts.iter().skip(at).take(taken).map(String::len).sum();
        let filler = lexicon.is_filler(word);
        let kind = if filler { Kind::Filler } else { Kind::Words { words: vec![word], by_sound: false } };
        tokens.push(Token { start: place, end: place + length, kind });
        place += length;
        at += taken;
    }
    true
}

/// The next Latin word at or after a place, with nothing but breaks before it within the sentence.
fn next_latin(glyphs: &[Glyph], from: usize) -> Option<(String, usize, usize)> {
    let mut at = from;
    while let Some(g) = glyphs.get(at)
        && g.script == Script::Break
        && !matches!(g.c, '.' | '!' | '?' | ',' | ';' | '\n')
    {
        at += 1;
    }
    let start = at;
    let mut word = String::new();
    while let Some(g) = glyphs.get(at) {
        match g.script {
            Script::Latin => word.push(g.c),
            // don't is one word, and its apostrophe says nothing; a possessive's does not belong to it.
            Script::Break if g.c == '\'' && glyphs.get(at + 1).is_some_and(|n| n.script == Script::Latin) => {}
            _ => break,
        }
        at += 1;
    }
    (!word.is_empty()).then_some((word, start, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::lexicon::vocabulary;
    use crate::knowledge::normal::fold;
    use proptest::prelude::*;

    fn concepts(text: &str) -> Vec<String> {
        let (lexicon, vocabulary) = (Lexicon::built(), vocabulary());
        let mut names = Vec::new();
        for token in segment(&lexicon, &fold(text), Everyday::Whole) {
            match token.kind {
                Kind::Words { words, .. } => {
                    // Words written alike may share a concept.
                    let all: std::collections::BTreeSet<u16> =
                        words.iter().flat_map(|w| lexicon.concepts(*w)).collect();
                    names.extend(all.iter().map(|c| vocabulary.concepts[usize::from(*c)].name.clone()));
                }
                Kind::Filler => {}
                Kind::Unknown(_) => {
                    names.push(fold(text)[token.start..token.end].iter().map(|g| g.c).collect());
                }
                Kind::Latin(word) | Kind::Number(word) => names.push(word),
            }
        }
        names
    }

    #[test]
    fn every_way_of_writing_a_word_is_that_word() {
        for text in ["返品できますか", "へんぴんできますか", "ヘンピンできますか", "ﾍﾝﾋﾟﾝできますか"]
        {
            assert_eq!(concepts(text), ["return"], "{text}");
        }
        for text in ["受け取り", "受取り", "受取", "うけとり"] {
            assert!(concepts(text).contains(&"receive".to_owned()), "{text}: {:?}", concepts(text));
        }
        assert_eq!(concepts("届くの遅い"), ["ship", "late"]);
        assert_eq!(concepts("とどくのおそい"), ["ship", "late"]);
        assert_eq!(concepts("送料はいくらですか"), ["ship", "fee", "howmuch"]);
        assert_eq!(concepts("can I send it back?"), ["return"]);
        assert_eq!(concepts("クーポンメール"), ["coupon", "mail"]);
    }

    #[test]
    fn a_word_in_a_phrases_joint_is_read_beside_it() {
        assert_eq!(concepts("send my parcel back"), ["return", "parcel"]);
        assert_eq!(concepts("send it back"), ["return"]);
    }

    #[test]
    fn what_is_denied_is_that_in_every_form_that_denies() {
        for (concept, texts) in [
            ("payfail", ["カードが使えない", "カードが使えません", "カードが使えん", "カードが使えへん"]),
            ("late", ["荷物が届かない", "荷物が届きません", "荷物が届かん", "荷物が届かへん"]),
            ("login", ["cant log in", "couldnt log in", "cannot log in", "unable to log in"]),
        ] {
            for text in texts {
                assert!(concepts(text).iter().any(|c| c == concept), "{text}: {:?}", concepts(text));
            }
        }
    }

    #[test]
    fn a_word_unknown_stays_whole() {
        assert_eq!(concepts("ホニャララ社の鬱勃"), ["ほにゃらら", "社", "鬱勃"]);
        assert_eq!(concepts("do you ship zorbles"), ["ship", "zorbl"]);
    }

    /// For each token that is words, how many the vocabulary has and how many the everyday table alone.
    fn known(text: &str) -> Vec<(usize, usize)> {
        let lexicon = Lexicon::built();
        let everyday = |words: &[u32]| words.iter().filter(|w| lexicon.is_everyday(**w)).count();
        let counts = |token: Token| match token.kind {
            Kind::Words { words, .. } => Some((words.len() - everyday(&words), everyday(&words))),
            _ => None,
        };
        segment(&lexicon, &fold(text), Everyday::Whole).into_iter().filter_map(counts).collect()
    }

    #[test]
    fn an_everyday_word_is_read_where_the_vocabulary_has_none_and_beside_what_it_has() {
        assert_eq!(known("パーカー"), [(0, 1)]);
        assert_eq!(known("a hoodie"), [(0, 1)]);
        assert_eq!(known("製品回収"), [(1, 1), (1, 1)]);
        assert_eq!(known("返品"), [(1, 0)]);
    }

    #[test]
    fn a_page_that_has_a_compound_has_its_parts_and_a_question_asks_for_the_whole() {
        let lexicon = Lexicon::built();
        let read = |everyday| segment(&lexicon, &fold("交通渋滞"), everyday).len();
        assert_eq!((read(Everyday::Whole), read(Everyday::WithParts)), (1, 2));
    }

    #[test]
    fn a_verb_with_an_adverb_is_another_word_wherever_the_adverb_stands() {
        let lexicon = Lexicon::built();
        let first = |text: &str| match segment(&lexicon, &fold(text), Everyday::Whole).into_iter().next() {
            Some(Token { kind: Kind::Words { words, .. }, .. }) => words,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(first("peel off"), first("peel it off"));
        assert_ne!(first("peel off"), first("peel"));
    }

    proptest! {
        #[test]
        fn tokens_lie_in_the_text_in_order(text in "[ぁ-んァ-ヶ一-龥a-z0-9 。、ー]{0,60}") {
            let glyphs = fold(&text);
            let mut before = 0;
            for token in segment(&Lexicon::built(), &glyphs, Everyday::WithParts) {
                prop_assert!(before <= token.start && token.start < token.end && token.end <= glyphs.len());
                before = token.end;
            }
        }
    }
}
