//! All that is kept of one visitor, and what may be done with it. Time comes in as an argument; what must be kept goes out as rows.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::forgotten::Forgotten;
use super::handoff::{self, Letter};
use super::turn::{End, Turn};
use crate::admission::book::MINUTE_MS;
use crate::admission::{Budget, Refusal, Standing};
use crate::calendar::DAY_MS;
use crate::error::{ApiError, Kind};
use crate::ladder::Rung;
use crate::order;
use crate::typed;

/// Turns kept; the oldest go first.
const MOST_TURNS: usize = 200;
/// Questions that may wait for their turn.
const MOST_WAITING: usize = 8;
/// Letters that may be on their way.
const MOST_LETTERS: usize = 5;
/// Letters that arrived and are remembered; the oldest go first.
const MOST_DELIVERED: usize = 20;
/// What of a conversation goes into a letter or is read at once, in bytes of its turns: the last ones.
const MOST_BYTES: usize = 256 << 10;
/// When a turn that goes on is looked after, should the object have been evicted, in milliseconds.
const WATCH_MS: u64 = 30_000;

/// What the operator set for conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Messages a minute; 0 is no limit.
    pub rpm: u64,
    /// How long a conversation is kept after its last turn, in days.
    pub history_days: u64,
}

/// A row to keep: its kind, its number and its text.
pub type Row = (&'static str, u64, String);

/// The row of a turn.
const TURN: &str = "turn";
/// The row of a letter.
const LETTER: &str = "letter";
/// The row of what was forgotten.
const FORGOTTEN: &str = "forgotten";

/// The record of one visitor.
#[derive(Debug, Default)]
pub struct Record {
    turns: Vec<Turn>,
    /// The highest number that a turn has had: what works on a turn that was forgotten must not find another under its number.
    numbered: u64,
    letters: Vec<Letter>,
    forgotten: Forgotten,
    /// When the messages of the last minute came, oldest first, and the thumbs and letters.
    spent: VecDeque<u64>,
    acted: VecDeque<u64>,
    standing: Option<Standing>,
}

/// What a visitor's minute is spent on.
#[derive(Debug, Clone, Copy)]
enum Spent {
    Message,
    /// A thumb or a letter.
    Act,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It is a new turn, kept in this row.
    New(u64, Row),
    /// It was sent before.
    Known(u64),
    /// It was sent before, and forgotten since.
    Forgotten,
}

fn row(kind: &'static str, number: u64, value: &impl serde::Serialize) -> Row {
    // These types have no maps with keys that are no texts, so writing them cannot fail.
    (kind, number, serde_json::to_string(value).unwrap_or_default())
}

impl Record {
    /// The record from its rows, in any order. An answer that was under way began in an object that is gone: it begins anew.
    pub fn restore(rows: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut record = Self::default();
        for (kind, text) in rows {
            match kind.as_str() {
                TURN => record.turns.extend(typed::read::<Turn>(&text)),
                LETTER => record.letters.extend(typed::read::<Letter>(&text)),
                FORGOTTEN => record.forgotten = typed::read(&text).unwrap_or_default(),
                _ => {}
            }
        }
        order::sort_by_key(&mut record.turns, |t| t.number);
        order::sort_by_key(&mut record.letters, |l| l.number);
        record.turns.iter_mut().filter(|t| t.end.is_none()).for_each(Turn::begin_anew);
        record.numbered = record.turns.last().map_or(0, |t| t.number);
        let sorted = |mut times: Vec<u64>| {
            order::sort_by(&mut times, u64::cmp);
            times.into()
        };
        record.spent = sorted(record.turns.iter().map(|t| t.asked_ms).collect());
        record.acted = sorted(record.letters.iter().map(|l| l.at_ms).collect());
        record
    }

    /// All turns that are kept.
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// A turn by its number.
    pub fn turn(&self, number: u64) -> Option<&Turn> {
        self.turns.iter().find(|t| t.number == number)
    }

    /// A turn by its number, to change.
    pub fn turn_mut(&mut self, number: u64) -> Option<&mut Turn> {
        self.turns.iter_mut().find(|t| t.number == number)
    }

    /// The first turn that is not answered.
    pub fn open(&self) -> Option<u64> {
        self.turns.iter().find(|t| t.end.is_none()).map(|t| t.number)
    }

    /// How the visitor's limit stood when last used.
    pub fn standing(&self) -> Option<Standing> {
        self.standing
    }

    /// The row of a turn as it stands.
    pub fn row_of(&self, number: u64) -> Option<Row> {
        self.turn(number).map(|t| row(TURN, number, t))
    }

    /// Spends one of a minute's messages, or of as many thumbs and letters: whoever has asked much may still reach a person.
    fn spend(&mut self, what: Spent, now_ms: u64, rules: Rules) -> Result<(), ApiError> {
        let Some(budget) = Budget::visitor(rules.rpm) else { return Ok(()) };
        let spent = match what {
            Spent::Message => &mut self.spent,
            Spent::Act => &mut self.acted,
        };
        // A clock that went back must not make the minute forget.
        let now = now_ms.max(spent.back().copied().unwrap_or(0));
        while spent.front().is_some_and(|at| at + MINUTE_MS < now) {
            spent.pop_front();
        }
        let left = rules.rpm.saturating_sub(spent.len() as u64);
        if left > 0 {
            spent.push_back(now);
        }
        let reset_ms = (spent.front().copied().unwrap_or(now) + MINUTE_MS + 1).saturating_sub(now);
        let remaining = left.saturating_sub(1);
        let standing = Standing { limit: rules.rpm, remaining, reset_ms, tokens: (0, 0) };
        self.standing = Some(standing);
        if left > 0 {
            return Ok(());
        }
        let refused = Refusal { retry_after_ms: reset_ms, standing: Some(standing) }.to_error(&budget);
        Err(match what {
            Spent::Message => refused,
            Spent::Act => ApiError {
                message: format!(
                    "{} thumbs and letters a minute may be sent, and these were: wait a moment",
                    rules.rpm
                ),
                ..refused
            },
        })
    }

    /// Takes a message in: once, whatever the network made of it.
    pub fn accept(&mut self, id: &str, text: &str, now_ms: u64, rules: Rules) -> Result<Accepted, ApiError> {
        if let Some(known) = self.turns.iter().find(|t| t.id == id) {
            if known.question != text {
                let message = "id was used for another message: give each message an id of its own";
                return Err(ApiError::field("id", "id_reused", message).with_status(422));
            }
            return Ok(Accepted::Known(known.number));
        }
        if self.forgotten.has(id) {
            return Ok(Accepted::Forgotten);
        }
        if self.turns.iter().filter(|t| t.end.is_none()).count() >= MOST_WAITING {
            let message = format!("{MOST_WAITING} messages wait for their answer: send the next one after them");
            return Err(ApiError::new(Kind::RateLimit, "too_many_waiting", message).retry_after(5_000));
        }
        self.spend(Spent::Message, now_ms, rules)?;
        let number = self.numbered + 1;
        self.numbered = number;
        self.turns.push(Turn::new(number, id, text, now_ms));
        let kept = self.row_of(number).unwrap_or_default();
        Ok(Accepted::New(number, kept))
    }

    /// Forgets a turn whose row could not be kept.
    pub fn forget(&mut self, number: u64) {
        self.turns.retain(|t| t.number != number);
    }

    /// Turns and delivered letters that are too many to keep.
    pub fn surplus(&mut self) -> Vec<(&'static str, u64)> {
        let surplus = self.turns.len().saturating_sub(MOST_TURNS);
        let turns: Vec<_> = self.turns.drain(..surplus).map(|t| (TURN, t.number)).collect();
        let delivered: Vec<u64> = self.letters.iter().filter(|l| l.due_ms.is_none()).map(|l| l.number).collect();
        let (old, _) = delivered.split_at(delivered.len().saturating_sub(MOST_DELIVERED));
        self.letters.retain(|l| !old.contains(&l.number));
        turns.into_iter().chain(old.iter().map(|number| (LETTER, *number))).collect()
    }

    /// The last turns, as many as are read at once.
    fn last_turns(&self) -> &[Turn] {
        let mut bytes = 0;
        let fit = self.turns.iter().rev().take_while(|turn| {
            let sources = turn.sources.iter().flatten().map(|source| source.to_string().len()).sum::<usize>();
            bytes += turn.question.len() + turn.text.len() + sources;
            bytes <= MOST_BYTES
        });
        let (_, last) = self.turns.split_at(self.turns.len() - fit.count());
        last
    }

    /// The history as the widget reads it: its last turns, the letters among them, and how many turns there are before. A question that
    /// failed and was asked again is shown once.
    pub fn history(&self) -> Value {
        let turns = self.last_turns();
        let asked_again = |n: usize, t: &Turn| {
            matches!(t.end, Some(End::Failed(_))) && turns.get(n + 1).is_some_and(|next| next.question == t.question)
        };
        let left_out = self.turns.len() - turns.len();
        let from = turns.first().filter(|_| left_out > 0).map_or(0, |t| t.number);
        let mut letters = self.letters.iter().filter(|l| !l.forgotten && l.upto >= from).peekable();
        let mut messages = Vec::new();
        for (n, turn) in turns.iter().enumerate() {
            while let Some(letter) = letters.next_if(|l| l.upto < turn.number) {
                messages.push(letter.message());
            }
            if !asked_again(n, turn) {
                messages.extend(handoff::messages(turn));
            }
        }
        messages.extend(letters.map(Letter::message));
        json!({ "messages": messages, "left_out": left_out })
    }

    /// Forgets the conversation as its visitor wishes, but for the letters that have not arrived; gives the rows to delete, and
    /// those to keep of what is left.
    pub fn forget_all(&mut self, now_ms: u64) -> (Vec<(&'static str, u64)>, Vec<Row>) {
        self.forgotten.add(self.turns.iter().map(|t| t.id.clone()), now_ms);
        let rows = self.drop_all();
        let ids = (!self.forgotten.is_empty()).then(|| row(FORGOTTEN, 0, &self.forgotten));
        (rows, self.letters.iter().map(|l| row(LETTER, l.number, l)).chain(ids).collect())
    }

    fn drop_all(&mut self) -> Vec<(&'static str, u64)> {
        let (sent, kept) = std::mem::take(&mut self.letters).into_iter().partition(|l| l.due_ms.is_none());
        self.letters = kept;
        self.letters.iter_mut().for_each(|l| l.forgotten = true);
        let letters = sent.into_iter().map(|l: Letter| (LETTER, l.number));
        self.turns.drain(..).map(|t| (TURN, t.number)).chain(letters).collect()
    }

    /// Marks an answer with a thumb, or takes the thumb away; none where it is so marked already.
    pub fn feedback(
        &mut self,
        message_id: &str,
        value: Option<&str>,
        now_ms: u64,
        rules: Rules,
    ) -> Result<Option<Row>, ApiError> {
        let turn = self.turns.iter().find(|t| t.message_id() == Some(message_id)).ok_or_else(|| ApiError {
            param: Some("message_id".into()),
            ..ApiError::new(
                Kind::NotFound,
                "unknown_message",
                "message_id names no answer of this conversation: take it from done or from /chat/history",
            )
        })?;
        if turn.feedback.as_deref() == value {
            return Ok(None);
        }
        let number = turn.number;
        self.spend(Spent::Act, now_ms, rules)?;
        if let Some(turn) = self.turn_mut(number) {
            turn.feedback = value.map(str::to_owned);
        }
        Ok(self.row_of(number))
    }

    /// Writes a letter to a person: its id, and the row to keep; no row where the same letter is on its way or has arrived.
    pub fn write_letter(
        &mut self,
        id: &str,
        visitor: &str,
        words: (&str, &str),
        now_ms: u64,
        rules: Rules,
    ) -> Result<(String, Option<Row>), ApiError> {
        if self.turns.is_empty() && words.0.trim().is_empty() {
            let message = "Nothing was said yet, so the letter would be empty: note must say what it is about";
            return Err(ApiError::field("note", "empty_letter", message));
        }
        let last = self.turns.last();
        let upto = last.map_or(0, |t| t.number);
        let words = (words.0.to_owned(), words.1.to_owned());
        let said_ms = last.map_or(0, |t| t.asked_ms.max(t.answered_ms().unwrap_or(0)));
        let same = |l: &&Letter| !l.forgotten && l.upto == upto && l.words == words && l.at_ms >= said_ms;
        if let Some(known) = self.letters.last().filter(same) {
            return Ok((known.id.clone(), None));
        }
        if self.letters.iter().filter(|l| l.due_ms.is_some()).count() >= MOST_LETTERS {
            let message = "This conversation was handed over already, and is on its way";
            return Err(ApiError::new(Kind::RateLimit, "too_many_handoffs", message).retry_after(60_000));
        }
        self.spend(Spent::Act, now_ms, rules)?;
        let number = self.letters.last().map_or(1, |l| l.number + 1);
        let turns = self.last_turns();
        let body = handoff::body(id, visitor, now_ms, (&words.0, &words.1), turns, self.turns.len() - turns.len());
        let letter = Letter {
            number,
            id: id.to_owned(),
            body,
            at_ms: now_ms,
            words,
            upto,
            attempts: 0,
            due_ms: Some(now_ms),
            forgotten: false,
        };
        let kept = row(LETTER, number, &letter);
        self.letters.push(letter);
        Ok((id.to_owned(), Some(kept)))
    }

    /// Forgets the last letter, whose row could not be kept.
    pub fn forget_letter(&mut self) {
        self.letters.pop();
    }

    /// Takes the next letter that is due. Its next attempt is set before this one is made, so that it is not lost if this object is.
    pub fn take_letter(&mut self, now_ms: u64, random: f64) -> Option<(Letter, Row)> {
        let letter = self.letters.iter_mut().find(|l| l.due_ms.is_some_and(|due| due <= now_ms))?;
        letter.attempts = letter.attempts.saturating_add(1);
        letter.due_ms = Some(now_ms + handoff::ATTEMPT_MS + handoff::wait_ms(letter.attempts, random));
        let kept = row(LETTER, letter.number, letter);
        Some((letter.clone(), kept))
    }

    /// An attempt ended: the letter was accepted, or is tried again after a wait.
    pub fn letter_ended(&mut self, number: u64, accepted: bool, now_ms: u64, random: f64) -> Option<Row> {
        let letter = self.letters.iter_mut().find(|l| l.number == number)?;
        letter.due_ms = (!accepted).then(|| now_ms + handoff::wait_ms(letter.attempts, random));
        if accepted {
            letter.body.clear();
            if letter.forgotten {
                letter.words = Default::default();
            }
        }
        Some(row(LETTER, number, letter))
    }

    /// Takes the next kept question whose time has come. Its next try is set before this one is made, so that it is not lost if
    /// this object is.
    pub fn take_kept(&mut self, now_ms: u64, random: f64) -> Option<(u64, Row)> {
        let turn = self.turns.iter_mut().find(|t| t.kept.is_some_and(|kept| kept.due_ms <= now_ms))?;
        turn.kept = turn.kept.map(|kept| kept.failed(now_ms, 0, random));
        Some((turn.number, row(TURN, turn.number, turn)))
    }

    /// The time at which something must be done though nobody asks.
    pub fn wake_at(&self, now_ms: u64, rules: Rules) -> Option<u64> {
        let watch = self.open().map(|_| now_ms + WATCH_MS);
        let letters = self.letters.iter().filter_map(|l| l.due_ms);
        let kept = self.turns.iter().filter_map(|t| t.kept).map(|kept| kept.due_ms);
        letters.chain(kept).chain(watch).chain(self.ends_ms(rules)).chain(self.forgotten.until_ms()).min()
    }

    /// When the conversation has been kept long enough; letters that did not arrive hold nothing but themselves.
    fn ends_ms(&self, rules: Rules) -> Option<u64> {
        let turns = self.turns.iter().map(|t| t.asked_ms);
        let letters = self.letters.iter().filter(|l| l.due_ms.is_none()).map(|l| l.at_ms);
        turns.chain(letters).max().map(|last| last + rules.history_days * DAY_MS)
    }

    /// Forgets what has been kept long enough; gives the rows to delete.
    pub fn clean(&mut self, now_ms: u64, rules: Rules) -> Vec<(&'static str, u64)> {
        let mut old = Vec::new();
        if self.ends_ms(rules).is_some_and(|ends| ends <= now_ms) {
            old = self.drop_all();
        }
        if self.forgotten.until_ms().is_some_and(|until| until <= now_ms) {
            self.forgotten = Forgotten::default();
            old.push((FORGOTTEN, 0));
        }
        old
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty() && self.letters.is_empty() && self.forgotten.is_empty()
    }

    /// The end of an answer.
    pub fn answered(message_id: String, rung: Rung, at_ms: u64) -> End {
        End::Answered { message_id, rung, at_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { rpm: 3, history_days: 30 };

    fn restored(record: &Record) -> Record {
        let turns = record.turns.iter().map(|t| row(TURN, t.number, t));
        let letters = record.letters.iter().map(|l| row(LETTER, l.number, l));
        Record::restore(turns.chain(letters).map(|(kind, _, text)| (kind.to_owned(), text)))
    }

    fn ask(record: &mut Record, id: &str, now: u64) -> Result<Accepted, ApiError> {
        record.accept(id, "q", now, RULES)
    }

    #[test]
    fn a_message_sent_twice_is_one_turn_after_an_eviction_too() {
        let mut record = Record::default();
        assert!(matches!(ask(&mut record, "a", 0), Ok(Accepted::New(1, _))));
        assert_eq!(ask(&mut record, "a", 1), Ok(Accepted::Known(1)));
        let mut record = restored(&record);
        assert_eq!(ask(&mut record, "a", 2), Ok(Accepted::Known(1)));
        assert_eq!(record.accept("a", "other", 3, RULES).unwrap_err().status, 422);
        assert_eq!(record.turns().len(), 1);
    }

    #[test]
    fn a_visitors_minute_is_exact_and_an_eviction_does_not_begin_it_anew() {
        let mut record = Record::default();
        for id in ["a", "b", "c"] {
            assert!(ask(&mut record, id, 1_000).is_ok());
        }
        let mut record = restored(&record);
        let refused = ask(&mut record, "d", 30_000).unwrap_err();
        assert_eq!((refused.status, refused.code), (429, "visitor_rate_limited"));
        // What is known already is no new message.
        assert_eq!(ask(&mut record, "a", 30_000), Ok(Accepted::Known(1)));
        assert!(ask(&mut record, "d", 30_000 + refused.retry_after_ms.unwrap()).is_ok());
    }

    #[test]
    fn a_letter_is_tried_until_it_is_accepted_however_often_the_object_is_evicted() {
        let mut record = Record::default();
        ask(&mut record, "a", 0).unwrap();
        assert!(record.write_letter("l", "v", ("note", ""), 10, RULES).unwrap().1.is_some());
        assert_eq!(record.write_letter("m", "v", ("note", ""), 11, RULES), Ok(("l".to_owned(), None)));
        let mut now = 10;
        for attempt in 1..=40 {
            let (letter, _) = record.take_letter(now, 0.5).unwrap();
            assert_eq!((letter.attempts, letter.id.as_str()), (attempt, "l"));
            assert!(letter.body.contains("note"));
            assert!(record.take_letter(now, 0.5).is_none());
            if attempt % 2 == 0 {
                record.letter_ended(letter.number, false, now, 0.5);
            }
            record = restored(&record);
            now = record.letters[0].due_ms.unwrap();
            assert!(record.wake_at(now - 1, RULES).unwrap() <= now);
        }
        // The conversation is cleaned up meanwhile; the letter is not.
        record.turn_mut(1).unwrap().end = Some(End::Failed(json!({})));
        record.clean(31 * DAY_MS, RULES);
        assert_eq!((record.turns.len(), record.letters.len()), (0, 1));
        let (letter, _) = record.take_letter(31 * DAY_MS, 0.5).unwrap();
        record.letter_ended(letter.number, true, 31 * DAY_MS, 0.5);
        assert!(record.take_letter(90 * DAY_MS, 0.5).is_none());
        record.clean(90 * DAY_MS, RULES);
        assert!(record.is_empty());
        assert_eq!(record.wake_at(90 * DAY_MS, RULES), None);
    }

    #[test]
    fn a_conversation_is_kept_for_its_days_since_the_last_turn_and_then_forgotten() {
        let mut record = Record::default();
        ask(&mut record, "a", 0).unwrap();
        ask(&mut record, "b", DAY_MS).unwrap();
        for n in [1, 2] {
            record.turn_mut(n).unwrap().end = Some(End::Failed(json!({})));
        }
        assert_eq!(record.wake_at(DAY_MS, RULES), Some(31 * DAY_MS));
        assert!(record.clean(31 * DAY_MS - 1, RULES).is_empty());
        assert_eq!(record.clean(31 * DAY_MS, RULES), [(TURN, 1), (TURN, 2)]);
        assert!(record.is_empty());
    }

    #[test]
    fn a_thumb_is_kept_and_only_an_answer_can_have_one() {
        let mut record = Record::default();
        ask(&mut record, "a", 0).unwrap();
        let mark = |record: &mut Record, value| record.feedback("m", value, 0, RULES);
        assert_eq!(mark(&mut record, Some("up")).unwrap_err().status, 404);
        record.turn_mut(1).unwrap().end = Some(Record::answered("m".into(), Rung::Full, 5));
        assert!(mark(&mut record, Some("up")).unwrap().is_some());
        assert_eq!(restored(&record).history()["messages"][1]["feedback"], "up");
        // The same again changes nothing and costs nothing; changes are counted, and not among the messages.
        (0..9).for_each(|_| assert_eq!(mark(&mut record, Some("up")), Ok(None)));
        assert!(mark(&mut record, None).unwrap().is_some());
        assert!(record.history()["messages"][1].get("feedback").is_none());
        assert!(mark(&mut record, Some("down")).unwrap().is_some());
        assert_eq!(mark(&mut record, None).unwrap_err().status, 429);
        assert!(ask(&mut record, "b", 0).is_ok() && ask(&mut record, "c", 0).is_ok());
        assert_eq!(ask(&mut record, "d", 0).unwrap_err().status, 429);
    }

    #[test]
    fn a_long_conversation_is_read_and_handed_over_by_its_last_turns() {
        let mut record = Record::default();
        let rules = Rules { rpm: 0, ..RULES };
        for n in 0..MOST_TURNS as u64 {
            record.accept(&n.to_string(), &"長い質問".repeat(900), n, rules).unwrap();
            record.turn_mut(n + 1).unwrap().end = Some(Record::answered(format!("m{n}"), Rung::Full, n));
        }
        let history = record.history();
        let (messages, left_out) = (history["messages"].as_array().unwrap(), history["left_out"].as_u64().unwrap());
        assert!(left_out > 100 && messages.len() as u64 == 2 * (MOST_TURNS as u64 - left_out), "{left_out}");
        assert_eq!(messages.last().unwrap()["id"], format!("m{}", MOST_TURNS - 1));
        // A row of the platform's storage takes 2 MB.
        let (_, _, row) = record.write_letter("l", "v", ("", ""), 0, rules).unwrap().1.unwrap();
        assert!(row.len() < 1 << 20 && row.contains("left_out"), "{}", row.len());
    }

    #[test]
    fn a_conversation_that_its_visitor_ends_leaves_only_the_letters_on_their_way() {
        let mut record = Record::default();
        ask(&mut record, "a", 0).unwrap();
        record.write_letter("l", "v", ("one", ""), 0, RULES).unwrap();
        let (letter, _) = record.take_letter(0, 0.5).unwrap();
        record.letter_ended(letter.number, true, 0, 0.5);
        record.write_letter("m", "v", ("two", ""), 1, RULES).unwrap();
        let (gone, kept) = record.forget_all(1);
        assert_eq!(gone, [(TURN, 1), (LETTER, 1)]);
        // The letter is on its way and seen no more, after an eviction neither.
        assert!(kept.iter().any(|(kind, number, _)| (*kind, *number) == (LETTER, 2)), "{kept:?}");
        for record in [&record, &restored(&record)] {
            assert_eq!(record.history()["messages"], json!([]));
        }
        assert!(record.turns().is_empty() && record.take_letter(1, 0.5).is_some_and(|(l, _)| l.id == "m"));
    }

    #[test]
    fn a_letter_without_a_note_is_written_of_a_conversation_and_not_of_nothing() {
        let mut record = Record::default();
        let refused = record.write_letter("l", "v", (" ", "me@x.example"), 0, RULES).unwrap_err();
        assert_eq!((refused.status, refused.code, refused.param.as_deref()), (400, "empty_letter", Some("note")));
        // It cost the visitor nothing.
        assert_eq!(record.acted.len(), 0);
        assert!(record.write_letter("l", "v", ("急ぎ", ""), 0, RULES).is_ok());
        ask(&mut record, "a", 0).unwrap();
        assert!(record.write_letter("m", "v", ("", ""), 1, RULES).is_ok());
    }

    #[test]
    fn a_letter_stands_in_the_history_where_it_was_sent_also_once_it_has_arrived() {
        let mut record = Record::default();
        let rules = Rules { rpm: 0, ..RULES };
        record.write_letter("first", "v", ("急ぎ", ""), 0, rules).unwrap();
        for (n, id) in ["a", "b"].iter().enumerate() {
            record.accept(id, "q", 0, rules).unwrap();
            record.turn_mut(n as u64 + 1).unwrap().end = Some(Record::answered(format!("to {id}"), Rung::Full, 5));
            record.write_letter(&format!("after {id}"), "v", ("", "me@x.example"), 9, rules).unwrap();
        }
        let ids = |record: &Record| -> Vec<String> {
            let history = record.history();
            history["messages"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap().to_owned()).collect()
        };
        let order = ["first", "a", "to a", "after a", "b", "to b", "after b"];
        assert_eq!(ids(&record), order);
        while let Some((letter, _)) = record.take_letter(9, 0.5) {
            record.letter_ended(letter.number, true, 9, 0.5);
        }
        let record = restored(&record);
        assert_eq!(ids(&record), order);
        let letter = &record.history()["messages"][3];
        assert_eq!((&letter["role"], &letter["contact"]), (&json!("handoff"), &json!("me@x.example")));
    }

    #[test]
    fn letters_that_arrived_are_remembered_to_a_bound() {
        let mut record = Record::default();
        for n in 0..MOST_DELIVERED as u64 + 5 {
            record.write_letter("l", "v", (&n.to_string(), ""), n, Rules { rpm: 0, ..RULES }).unwrap();
            let (letter, _) = record.take_letter(n, 0.5).unwrap();
            record.letter_ended(letter.number, true, n, 0.5);
        }
        assert_eq!(record.surplus().len(), 5);
        assert_eq!((record.letters.len(), record.letters[0].number), (MOST_DELIVERED, 6));
    }

    #[test]
    fn a_failed_question_that_was_asked_again_is_shown_once() {
        let mut record = Record::default();
        ask(&mut record, "a", 0).unwrap();
        record.turn_mut(1).unwrap().end = Some(End::Failed(json!({})));
        assert_eq!(record.history()["messages"].as_array().unwrap().len(), 1);
        ask(&mut record, "b", 0).unwrap();
        assert_eq!(record.history()["messages"][0]["id"], "b");
    }
}
