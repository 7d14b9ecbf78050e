//! What the model is told of earlier turns: the last ones, within a bound of tokens.

use super::turn::Turn;

/// Tokens that earlier turns may take of the model's window.
pub const MOST_TOKENS: usize = 1_500;
/// What is told of one question or answer, in characters: what was quoted long ago would crowd out what was said since.
const LONGEST_TOLD: usize = 800;

/// An earlier turn as the model is told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// What the shopper asked.
    pub question: String,
    /// What was answered.
    pub answer: String,
}

/// Tokens that a text takes, estimated on the safe side: four letters of Latin script, or one of any other.
pub fn tokens(text: &str) -> usize {
    let (latin, other) = text.chars().fold((0usize, 0), |(l, o), c| if c.is_ascii() { (l + 1, o) } else { (l, o + 1) });
    latin.div_ceil(4) + other
}

/// The last answered turns before turn `number` that together stay within `most` tokens, oldest first.
pub fn recall(turns: &[Turn], number: u64, most: usize) -> Vec<Earlier> {
    let mut left = most;
    let mut told: Vec<Earlier> = turns
        .iter()
        .rev()
        .filter(|t| t.number < number && t.message_id().is_some() && t.kept.is_none())
        .enumerate()
        .map_while(|(n, t)| {
            let of = |longest: usize| {
                let cut = |text: &str| text.chars().take(longest).collect();
                Earlier { question: cut(&t.question), answer: cut(&t.text) }
            };
            // Of the last turn there is always something: a question that follows points back to it.
            let shortened = (n == 0).then(|| of(most / 2));
            let (told, rest) = [Some(of(LONGEST_TOLD)), shortened].into_iter().flatten().find_map(|e| {
                let rest = left.checked_sub(tokens(&e.question) + tokens(&e.answer))?;
                Some((e, rest))
            })?;
            left = rest;
            Some(told)
        })
        .collect();
    told.reverse();
    told
}

#[cfg(test)]
mod tests {
    use super::super::turn::End;
    use super::*;
    use crate::ladder::Rung;

    #[test]
    fn the_last_turns_are_told_whole_and_never_more_than_the_bound() {
        let turns: Vec<Turn> = (1..=50)
            .map(|n| {
                let mut turn = Turn::new(n, "i", &format!("質問{n}"), 0);
                turn.say(&"答".repeat(100));
                if n % 10 != 0 {
                    turn.end = Some(End::Answered { message_id: "m".into(), rung: Rung::Full, at_ms: 0 });
                }
                turn
            })
            .collect();
        let told = recall(&turns, 49, 1_000);
        assert_eq!(told.last().unwrap().question, "質問48");
        assert_eq!(told.len(), 9);
        assert!(told.iter().map(|e| tokens(&e.question) + tokens(&e.answer)).sum::<usize>() <= 1_000);
        assert!(told.iter().all(|e| e.question != "質問40"));
        assert!(recall(&turns, 1, 1_000).is_empty());
    }

    #[test]
    fn of_a_last_turn_that_is_too_long_the_beginning_is_told() {
        let mut turn = Turn::new(1, "i", &"問".repeat(1_700), 0);
        turn.say(&"答".repeat(4_000));
        turn.end = Some(End::Answered { message_id: "m".into(), rung: Rung::Full, at_ms: 0 });
        let told = recall(&[turn], 2, 1_000);
        assert_eq!(told.iter().map(|e| (tokens(&e.question), tokens(&e.answer))).collect::<Vec<_>>(), [(500, 500)]);
    }
}
