//! What is said in courtesy and asks nothing, "こんにちは" or "thank you": no page answers it, and a word that none does would be rude.

use crate::knowledge::has_japanese;

const GREETINGS: [&str; 20] = [
    "こんにちは",
    "こんにちわ",
    "こんばんは",
    "こんばんわ",
    "おはよう",
    "おはようございます",
    "はじめまして",
    "初めまして",
    "もしもし",
    "すみません",
    "お世話になります",
    "お世話になっております",
    "hi",
    "hello",
    "hey",
    "hi there",
    "hello there",
    "good morning",
    "good afternoon",
    "good evening",
];

const THANKS: [&str; 20] = [
    "ありがとう",
    "ありがとうございます",
    "ありがとうございました",
    "どうもありがとうございます",
    "どうもありがとうございました",
    "有難うございます",
    "有難うございました",
    "助かりました",
    "わかりました",
    "分かりました",
    "承知しました",
    "了解です",
    "thanks",
    "thank you",
    "thank you very much",
    "thank you so much",
    "thanks a lot",
    "many thanks",
    "ok thanks",
    "got it",
];

/// The reply to a message that is courtesy and nothing else.
pub fn reply(message: &str) -> Option<&'static str> {
    let words: Vec<&str> =
        message.split(|c: char| !c.is_alphanumeric() && c != 'ー').filter(|w| !w.is_empty()).collect();
    let said = words.join(" ").to_lowercase();
    let one_of = |all: &[&str]| all.contains(&said.as_str());
    match (one_of(&GREETINGS), one_of(&THANKS), has_japanese(message)) {
        (true, _, true) => Some(
            "お問い合わせありがとうございます。どのようなご用件でしょうか。配送や返品、商品のことなど、お気軽にお尋ねください。",
        ),
        (true, _, false) => Some("Hello, and welcome. What can we help you with?"),
        (_, true, true) => {
            Some("お役に立てましたら幸いです。ほかにもご不明な点がございましたら、お気軽にお尋ねください。")
        }
        (_, true, false) => Some("You are welcome. If there is anything else, please ask."),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn courtesy_is_answered_in_its_language_and_a_question_with_a_greeting_before_it_is_a_question() {
        for greeting in ["こんにちは", "こんにちは！", " おはようございます。\n", "すみません…"]
        {
            assert!(reply(greeting).is_some_and(|r| r.contains("ご用件")), "{greeting}");
        }
        assert!(reply("Hello!").is_some_and(|r| r.contains("welcome")));
        assert!(reply("ありがとうございました。").is_some_and(|r| r.contains("幸い")));
        assert!(reply("OK, thanks!").is_some_and(|r| r.contains("anything else")));
        for question in [
            "こんにちは。返品できますか",
            "hello, do you ship to Osaka?",
            "ありがとうカードは付きますか",
            "",
            "？",
            "hi-fi",
        ] {
            assert_eq!(reply(question), None, "{question}");
        }
    }
}
