//! How far a listener has heard a turn, as the event's id says it.
//!
//! Text is numbered by its length so far and not by its pieces. An answer can then be told again from any point, by another object after
//! an eviction too, from nothing but the answer itself; and a slow listener gets in one piece what came in many.

/// A place within the events of one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// What tells the turn from every other, those of other visitors too: when it was asked.
    pub turn: u64,
    /// Which run of it: an answer that was cut off for good is begun anew.
    pub run: u32,
    /// Where within the run.
    pub stage: Stage,
}

/// The events of a run in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Before the first.
    Start,
    /// A listener of an earlier run was told that the answer begins anew.
    Anew,
    /// The nth word about the queue.
    Queued(u64),
    /// The sources.
    Sources,
    /// Text up to this many bytes.
    Text(usize),
    /// The sources again, where the answer names others than it was given.
    Named,
    /// The end, good or bad.
    End,
}

impl Position {
    /// Before all of a turn.
    pub fn start(turn: u64) -> Self {
        Self { turn, run: 0, stage: Stage::Start }
    }

    /// Reads an event's id; one of another turn, or one that was not written here, is the start.
    pub fn read(id: Option<&str>, turn: u64) -> Self {
        id.and_then(Self::parse).filter(|p| p.turn == turn).unwrap_or_else(|| Self::start(turn))
    }

    fn parse(id: &str) -> Option<Self> {
        let mut parts = id.trim().splitn(3, '.');
        let (turn, run, stage) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
        let number = stage.get(1..).unwrap_or_default();
        let stage = match stage.get(..1)? {
            "a" => Stage::Anew,
            "q" => Stage::Queued(number.parse().ok()?),
            "s" => Stage::Sources,
            "t" => Stage::Text(number.parse().ok()?),
            "n" => Stage::Named,
            "e" => Stage::End,
            _ => return None,
        };
        Some(Self { turn, run, stage })
    }

    /// Whether whoever stands here has heard some of the answer's text.
    pub fn heard_text(&self) -> bool {
        matches!(self.stage, Stage::Text(1..) | Stage::Named | Stage::Anew | Stage::End)
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.", self.turn, self.run)?;
        match self.stage {
            Stage::Start => f.write_str("0"),
            Stage::Anew => f.write_str("a"),
            Stage::Queued(n) => write!(f, "q{n}"),
            Stage::Sources => f.write_str("s"),
            Stage::Text(length) => write!(f, "t{length}"),
            Stage::Named => f.write_str("n"),
            Stage::End => f.write_str("e"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_written_is_read_and_everything_else_is_the_start() {
        for stage in [Stage::Anew, Stage::Queued(3), Stage::Sources, Stage::Text(120), Stage::Named, Stage::End] {
            let at = Position { turn: 4, run: 2, stage };
            assert_eq!(Position::read(Some(&at.to_string()), 4), at);
            assert_eq!(Position::read(Some(&at.to_string()), 5), Position::start(5));
        }
        assert_eq!(Position::read(None, 4), Position::start(4));
    }

    proptest! {
        #[test]
        fn no_text_of_a_stranger_breaks_it(id in "\\PC{0,40}", odd in "[0-9]{0,25}\\.[0-9]{0,12}\\.[aqstne日][0-9]{0,30}") {
            let _ = Position::read(Some(&id), 1);
            let _ = Position::read(Some(&odd), 1);
        }
    }
}
