//! A question with its answer as far as it has come, told event by event to whoever listens, from wherever they are.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::position::{Position, Stage};
use crate::admission::kept::Kept;
use crate::knowledge::has_japanese;
use crate::ladder::Rung;

/// The longest answer, in bytes; a model that says more is cut off there.
pub const LONGEST_ANSWER: usize = 64 << 10;

/// The longest piece of text in one event, in bytes: what is lost with a connection is then never more than a line or two, and an
/// answer that was there at once is still read as it comes over a slow line.
const LONGEST_PIECE: usize = 200;

/// One question and its answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Turn {
    /// Its place in the conversation, from 1.
    pub number: u64,
    /// The id that the caller gave the message.
    pub id: String,
    /// What was asked.
    pub question: String,
    /// When.
    pub asked_ms: u64,
    /// How often answering was begun.
    pub run: u32,
    /// What the answer rests on; none until it is known.
    #[serde(default)]
    pub sources: Option<Vec<Value>>,
    /// Whether they were others before: the answer was given more than it names.
    #[serde(default)]
    pub named: bool,
    /// The answer so far; kept once it is whole.
    #[serde(default)]
    pub text: String,
    /// How it ended; none while it goes on.
    #[serde(default)]
    pub end: Option<End>,
    /// When the answer is tried again, where the question was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
    /// A thumb.
    #[serde(default)]
    pub feedback: Option<String>,
    /// The last word about the queue: its number, the wait in milliseconds, how many are ahead.
    #[serde(skip)]
    pub queued: Option<(u64, u64, u64)>,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// With an answer.
    Answered {
        /// The answer's id.
        message_id: String,
        /// The rung of the ladder.
        rung: Rung,
        /// When.
        at_ms: u64,
    },
    /// With none; the error in the contract's envelope.
    Failed(Value),
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Where a listener stands who has heard it.
    pub position: Position,
    /// Its name.
    pub name: &'static str,
    /// Its data.
    pub data: Value,
}

impl Event {
    /// The event as it goes over the wire.
    pub fn write(&self) -> String {
        format!("id: {}\nevent: {}\ndata: {}\n\n", self.position, self.name, self.data)
    }
}

impl Turn {
    /// A question that was just asked.
    pub fn new(number: u64, id: &str, question: &str, asked_ms: u64) -> Self {
        Self {
            number,
            id: id.to_owned(),
            question: question.to_owned(),
            asked_ms,
            run: 1,
            sources: None,
            named: false,
            text: String::new(),
            end: None,
            kept: None,
            feedback: None,
            queued: None,
        }
    }

    /// Begins the answer anew: what was said before is taken back.
    pub fn begin_anew(&mut self) {
        self.run += 1;
        (self.sources, self.named) = (None, false);
        self.text.clear();
        self.queued = None;
    }

    /// What the answer rests on, or what it came to name of that.
    pub fn rests_on(&mut self, sources: Vec<Value>) {
        self.named = self.sources.as_ref().is_some_and(|before| *before != sources);
        self.sources = Some(sources);
    }

    /// Says a piece of the answer; false once it is as long as an answer may be.
    pub fn say(&mut self, piece: &str) -> bool {
        self.text.push_str(piece);
        if self.text.len() <= LONGEST_ANSWER {
            return true;
        }
        self.text.truncate(self.letter_at(LONGEST_ANSWER));
        false
    }

    /// The answer's id, where there is an answer.
    pub fn message_id(&self) -> Option<&str> {
        match &self.end {
            Some(End::Answered { message_id, .. }) => Some(message_id),
            _ => None,
        }
    }

    /// When it was answered, in milliseconds, where there is an answer.
    pub fn answered_ms(&self) -> Option<u64> {
        match &self.end {
            Some(End::Answered { at_ms, .. }) => Some(*at_ms),
            _ => None,
        }
    }

    /// The last place at or before so many bytes where a letter begins.
    fn letter_at(&self, bytes: usize) -> usize {
        (0..=bytes.min(self.text.len())).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0)
    }

    /// What a listener hears next; none until more has come, or after the end.
    pub fn next(&self, heard: Position) -> Option<Event> {
        let event = |stage, name, data| {
            Some(Event { position: Position { turn: self.asked_ms, run: self.run, stage }, name, data })
        };
        let stage = match heard.run.cmp(&self.run) {
            std::cmp::Ordering::Less if heard.heard_text() => {
                let note = match has_japanese(&self.question) {
                    true => "\n\n（お答えが途中で切れたため、初めからお答えし直します。）\n\n",
                    false => "\n\n(The answer was cut off, so here it is from the beginning.)\n\n",
                };
                return event(Stage::Anew, "delta", json!({ "text": note }));
            }
            std::cmp::Ordering::Equal => heard.stage,
            // A run that never was is nothing that anybody heard.
            _ => Stage::Start,
        };
        if let (Some((number, eta_ms, ahead)), None, true, None) =
            (self.queued, &self.sources, self.text.is_empty(), &self.end)
            && stage < Stage::Queued(number)
        {
            return event(Stage::Queued(number), "queued", json!({ "eta_ms": eta_ms, "ahead": ahead }));
        }
        if let Some(sources) = &self.sources
            && stage < Stage::Sources
        {
            return event(Stage::Sources, "sources", json!(sources));
        }
        let said = match stage {
            Stage::Text(length) => self.letter_at(length),
            Stage::Named => self.text.len(),
            Stage::End => return None,
            _ => 0,
        };
        let upto = self.letter_at(said + LONGEST_PIECE);
        if let Some(piece) = self.text.get(said..upto).filter(|piece| !piece.is_empty()) {
            return event(Stage::Text(upto), "delta", json!({ "text": piece }));
        }
        let end = self.end.as_ref()?;
        if let Some(sources) = self.sources.as_ref().filter(|_| self.named && stage < Stage::Named) {
            return event(Stage::Named, "sources", json!(sources));
        }
        match end {
            End::Answered { message_id, rung, .. } => {
                event(Stage::End, "done", json!({ "message_id": message_id, "rung": rung }))
            }
            End::Failed(error) => event(Stage::End, "error", error.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A listener who remembers what was heard, as a browser does.
    #[derive(Default)]
    struct Listener {
        last: Option<String>,
        text: String,
        sources: u32,
        shown: Option<Value>,
        ends: u32,
    }

    impl Listener {
        /// Connects and hears at most so many events.
        fn hear(&mut self, turn: &Turn, most: usize) {
            let mut position = Position::read(self.last.as_deref(), turn.asked_ms);
            for _ in 0..most {
                let Some(event) = turn.next(position) else { return };
                position = event.position;
                self.last = Some(position.to_string());
                match event.name {
                    "delta" => self.text += event.data["text"].as_str().unwrap(),
                    "sources" => {
                        self.sources += 1;
                        self.shown = Some(event.data);
                    }
                    "done" | "error" => self.ends += 1,
                    _ => {}
                }
            }
        }
    }

    fn answered() -> End {
        End::Answered { message_id: "m".into(), rung: Rung::Full, at_ms: 1 }
    }

    #[test]
    fn a_listener_of_an_answer_that_was_begun_anew_is_told_so_once_and_hears_it_whole() {
        let mut turn = Turn::new(1, "i", "返品したい", 0);
        let (mut early, mut silent) = (Listener::default(), Listener::default());
        silent.hear(&turn, 9);
        turn.say("前の答");
        early.hear(&turn, 9);
        turn.begin_anew();
        early.hear(&turn, 9);
        turn.sources = Some(vec![]);
        turn.say("新しい答");
        turn.end = Some(answered());
        early.hear(&turn, 1);
        early.hear(&turn, 9);
        silent.hear(&turn, 9);
        assert_eq!(early.text, "前の答\n\n（お答えが途中で切れたため、初めからお答えし直します。）\n\n新しい答");
        assert_eq!((silent.text.as_str(), silent.ends, early.ends), ("新しい答", 1, 1));
    }

    #[test]
    fn an_answer_without_end_is_cut_where_a_letter_ends() {
        let mut turn = Turn::new(1, "i", "q", 0);
        assert!(turn.say(&"あ".repeat(LONGEST_ANSWER / 3)));
        assert!(!turn.say("ああ"));
        assert!(turn.text.len() <= LONGEST_ANSWER && turn.text.ends_with('あ'));
    }

    #[test]
    fn a_place_that_nobody_gave_out_breaks_nothing() {
        let mut turn = Turn::new(1, "i", "q", 5);
        turn.say("日本語");
        for id in ["5.1.t1", "5.1.t99999", "5.7.t3", "5.1.q18446744073709551615", "5.0.e"] {
            let _ = turn.next(Position::read(Some(id), 5));
        }
    }

    proptest! {
        #[test]
        fn wherever_the_line_is_cut_each_event_is_heard_exactly_once(
            pieces in prop::collection::vec("[a-zあ-ん👩\u{200d}]{0,8}", 0..12),
            cuts in prop::collection::vec((0usize..14, 0usize..4), 0..20),
            fails in any::<bool>(),
            names in any::<bool>(),
        ) {
            let mut turn = Turn::new(7, "i", "q", 0);
            let mut listener = Listener::default();
            let mut at = 0;
            // The answer goes on between the connections; each hears only some events before it is cut.
            for (upto, heard) in cuts {
                turn.queued = Some((at as u64 + 1, 100, 1));
                if upto > 0 && turn.sources.is_none() { turn.rests_on(vec![json!({"id": "a"}), json!({"id": "b"})]); }
                while at < upto.min(pieces.len()) { turn.say(&pieces[at]); at += 1; }
                listener.hear(&turn, heard);
            }
            turn.sources.get_or_insert_with(|| vec![json!({"id": "a"}), json!({"id": "b"})]);
            while at < pieces.len() { turn.say(&pieces[at]); at += 1; }
            if names { turn.rests_on(vec![json!({"id": "b"})]); }
            turn.end = Some(if fails { End::Failed(json!({})) } else { answered() });
            // The object is evicted and reads the turn again.
            let turn: Turn = crate::typed::read(&serde_json::to_string(&turn).unwrap()).unwrap();
            listener.hear(&turn, 1);
            listener.hear(&turn, 99);
            listener.hear(&turn, 99);
            prop_assert_eq!(listener.text, pieces.concat());
            prop_assert_eq!(listener.ends, 1);
            // Whoever heard them before they were named hears them again, and nobody twice the same but at the very end.
            prop_assert_eq!(listener.sources, if names { 2 } else { 1 });
            prop_assert_eq!(listener.shown, turn.sources.map(Value::from));
        }
    }
}
