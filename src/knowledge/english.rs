//! English words: their stems, and how far a slip of the keyboard has taken one from another.

/// The stem of a small-letter word: inflections of one word share it. It need not be a word itself.
pub fn stem(word: &str) -> String {
    // What is not its singular's plural, nor of the word that it seems to be of.
    if matches!(
        word,
        "customs"
            | "goods"
            | "news"
            | "sunglasses"
            | "boots"
            | "shopping"
            | "evening"
            | "monthly"
            | "lining"
            | "rating"
            | "really"
    ) {
        return word.to_owned();
    }
    if matches!(word, "clothes" | "clothing") {
        return "clothes".to_owned();
    }
    if NEGATIONS.contains(&word) {
        return "not".to_owned();
    }
    let word = irregular(word).unwrap_or(word);
    let mut w: String = word.to_owned();
    if !w.is_ascii() || w.len() < 4 || w.bytes().any(|b| b.is_ascii_digit()) {
        // `fees`, `tax` and `taxes` still meet: short words lose a plural alone.
        return w;
    }
    if w.ends_with("sses") || w.ends_with("xes") || w.ends_with("ches") || w.ends_with("shes") {
        w.truncate(w.len() - 2);
    } else if w.ends_with("ies") {
        w.truncate(w.len() - 3);
        w.push('y');
    } else if w.ends_with('s') && !w.ends_with("ss") && !w.ends_with("us") && !w.ends_with("is") {
        w.pop();
    }
    // No word ends so but by a slip (shippng).
    if let Some(rest) = w.strip_suffix("ng")
        && rest.ends_with(|c: char| !"aeiouy".contains(c))
    {
        w = format!("{rest}ing");
    }
    for ending in ["ing", "ed"] {
        let Some(rest) = w.strip_suffix(ending) else { continue };
        if rest.len() >= 3 && rest.bytes().any(|b| b"aeiouy".contains(&b)) {
            let mut rest = rest.to_owned();
            let vowel = |b: &u8| b"aeiou".contains(b);
            match rest.as_bytes() {
                [.., a, b] if a == b && !b"lsz".contains(b) => {
                    rest.pop();
                }
                // sizing, noted: the e that a short word lost.
                [a, b, c] if !vowel(a) && vowel(b) && !vowel(c) && !b"wxy".contains(c) => rest.push('e'),
                _ => {}
            }
            w = rest;
        }
        break;
    }
    if w.len() > 5
        && let Some(rest) = w.strip_suffix("ly")
    {
        w = rest.to_owned();
    }
    if w.len() >= 5 && w.ends_with('e') {
        w.pop();
    }
    if w.len() >= 4 && w.ends_with('y') {
        w.pop();
        w.push('i');
    }
    // British and American endings.
    if w.len() >= 6 && w.ends_with("ll") {
        w.pop();
    }
    if let Some(rest) = w.strip_suffix("is").or_else(|| w.strip_suffix("isation").or_else(|| w.strip_suffix("ization")))
        && rest.len() >= 4
    {
        w = format!("{rest}iz");
    }
    if let Some(rest) = w.strip_suffix("our")
        && rest.len() >= 3
    {
        w = format!("{rest}or");
    }
    w
}

/// The word that an irregular form is of, or the American spelling of a British one.
fn irregular(word: &str) -> Option<&'static str> {
    let at = FORMS.binary_search_by(|(form, _)| (*form).cmp(word)).ok()?;
    FORMS.get(at).map(|(_, of)| *of)
}

/// Whoever could not get in did not get in and never gets in.
const NEGATIONS: [&str; 21] = [
    "aint", "arent", "cannot", "cant", "couldnt", "didnt", "doesnt", "dont", "hadnt", "hasnt", "havent", "isnt",
    "mustnt", "never", "shouldnt", "unable", "wasnt", "werent", "wont", "wouldnt", "neednt",
];

/// Forms whose word no ending tells, in order, and their words.
const FORMS: [(&str, &str); 119] = [
    ("ate", "eat"),
    ("began", "begin"),
    ("begun", "begin"),
    ("bent", "bend"),
    ("bitten", "bite"),
    ("bled", "bleed"),
    ("blew", "blow"),
    ("blown", "blow"),
    ("bought", "buy"),
    ("broke", "break"),
    ("broken", "break"),
    ("brought", "bring"),
    ("built", "build"),
    ("burnt", "burn"),
    ("calves", "calf"),
    ("caught", "catch"),
    ("centre", "center"),
    ("children", "child"),
    ("chose", "choose"),
    ("chosen", "choose"),
    ("drank", "drink"),
    ("drawn", "draw"),
    ("drew", "draw"),
    ("driven", "drive"),
    ("drove", "drive"),
    ("drunk", "drink"),
    ("dug", "dig"),
    ("eaten", "eat"),
    ("fallen", "fall"),
    ("fed", "feed"),
    ("feet", "foot"),
    ("fell", "fall"),
    ("fibre", "fiber"),
    ("flew", "fly"),
    ("flown", "fly"),
    ("forgot", "forget"),
    ("forgotten", "forget"),
    ("froze", "freeze"),
    ("frozen", "freeze"),
    ("gave", "give"),
    ("geese", "goose"),
    ("given", "give"),
    ("grew", "grow"),
    ("grey", "gray"),
    ("grown", "grow"),
    ("halves", "half"),
    ("heard", "hear"),
    ("held", "hold"),
    ("hid", "hide"),
    ("hidden", "hide"),
    ("hung", "hang"),
    ("jewellery", "jewelry"),
    ("kept", "keep"),
    ("knives", "knife"),
    ("leaves", "leaf"),
    ("lent", "lend"),
    ("licence", "license"),
    ("litre", "liter"),
    ("lives", "life"),
    ("loaves", "loaf"),
    ("lost", "lose"),
    ("made", "make"),
    ("men", "man"),
    ("metre", "meter"),
    ("mice", "mouse"),
    ("molten", "melt"),
    ("mould", "mold"),
    ("mouldy", "moldy"),
    ("paid", "pay"),
    ("people", "person"),
    ("plough", "plow"),
    ("rang", "ring"),
    ("ridden", "ride"),
    ("rode", "ride"),
    ("rung", "ring"),
    ("sank", "sink"),
    ("sat", "sit"),
    ("scarves", "scarf"),
    ("sent", "send"),
    ("sewn", "sew"),
    ("shaken", "shake"),
    ("shelves", "shelf"),
    ("shone", "shine"),
    ("shook", "shake"),
    ("shrank", "shrink"),
    ("shrunk", "shrink"),
    ("shrunken", "shrink"),
    ("slept", "sleep"),
    ("smelt", "smell"),
    ("sold", "sell"),
    ("spent", "spend"),
    ("spilt", "spill"),
    ("spoilt", "spoil"),
    ("stole", "steal"),
    ("stolen", "steal"),
    ("stood", "stand"),
    ("stuck", "stick"),
    ("sunk", "sink"),
    ("swam", "swim"),
    ("swollen", "swell"),
    ("swore", "swear"),
    ("sworn", "swear"),
    ("swum", "swim"),
    ("taken", "take"),
    ("taught", "teach"),
    ("teeth", "tooth"),
    ("thieves", "thief"),
    ("threw", "throw"),
    ("thrown", "throw"),
    ("took", "take"),
    ("tore", "tear"),
    ("torn", "tear"),
    ("tyre", "tire"),
    ("wives", "wife"),
    ("won", "win"),
    ("wore", "wear"),
    ("worn", "wear"),
    ("written", "write"),
    ("wrote", "write"),
];

/// Whether two words are at most `most` slips apart: a letter wrong, missing, too many, or two in each other's place.
pub fn within(a: &[char], b: &[char], most: usize) -> bool {
    if a.len().abs_diff(b.len()) > most {
        return false;
    }
    let width = b.len() + 1;
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..width).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(width);
        row.push(i + 1);
        let mut least = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let at = |row: &[usize], k: usize| row.get(k).copied().unwrap_or(usize::MAX / 2);
            let mut cost = (at(&last, j) + usize::from(ca != cb)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let crossed = i > 0 && j > 0 && a.get(i - 1) == Some(cb) && b.get(j - 1) == Some(ca);
            if crossed {
                cost = cost.min(at(&before, j - 1) + 1);
            }
            least = least.min(cost);
            row.push(cost);
        }
        if least > most {
            return false;
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().is_some_and(|d| *d <= most)
}

/// How many slips are forgiven in a word of this length.
pub fn forgiven(length: usize) -> usize {
    match length {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn inflections_share_a_stem() {
        for family in [
            &["return", "returns", "returned", "returning"][..],
            &["ship", "shipped", "shipping", "ships"],
            &["change", "changed", "changing", "changes"],
            &["delivery", "deliveries"],
            &["size", "sizes", "sized", "sizing"],
            &["cancel", "canceled"],
            &["box", "boxes"],
            &["wash", "washes", "washing"],
            &["colour", "color", "colours"],
            &["quickly", "quick"],
            &["break", "broke", "broken", "breaking"],
            &["shelf", "shelves"],
            &["child", "children"],
            &["travel", "travelled", "traveled", "travelling"],
            &["customise", "customized", "customization", "customisation"],
            &["grey", "gray"],
        ] {
            let stems: std::collections::BTreeSet<String> = family.iter().map(|w| stem(w)).collect();
            assert_eq!(stems.len(), 1, "{family:?}: {stems:?}");
        }
        assert_ne!(stem("address"), stem("addres"));
        assert_ne!(stem("ring"), stem("r"));
    }

    #[test]
    fn irregular_forms_are_in_order_and_of_words_that_are_none() {
        assert!(FORMS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(FORMS.iter().all(|(_, of)| irregular(of).is_none()));
    }

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let near = |a: &str, b: &str, n| within(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>(), n);
        assert!(near("refnud", "refund", 1), "two letters in each other's place");
        assert!(near("delivry", "delivery", 1));
        assert!(near("recieve", "receive", 1));
        assert!(!near("coat", "card", 1));
        assert!(!near("warranty", "delivery", 2));
    }

    proptest! {
        #[test]
        fn distance_is_symmetrical(a in "[a-d]{0,8}", b in "[a-d]{0,8}", most in 0_usize..3) {
            let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            prop_assert_eq!(within(&a, &b, most), within(&b, &a, most));
            prop_assert!(within(&a, &a, 0));
        }

        #[test]
        fn a_plural_has_its_singular_s_stem(word in "[a-z]{3,8}[bdgklmnprtw]") {
            // A past tense has no plural (drew).
            prop_assume!(irregular(&word).is_none());
            let plural = format!("{word}s");
            prop_assert_eq!(stem(&plural), stem(&word));
        }
    }
}
