//! Answers a visitor's turns one after the other, tells whoever listens, and posts letters. Nothing here depends on a listener:
//! a connection that drops takes nothing with it.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures::future::{Either, LocalBoxFuture, select};
use futures::stream::{self, LocalBoxStream, StreamExt};
use serde_json::Value;

use super::answering::{Answering, Asked, Said};
use super::handoff::{self, Posted};
use super::position::{Position, Stage};
use super::recall::{self, recall};
use super::record::{Accepted, Record, Row, Rules};
use super::turn::{End, Event, LONGEST_ANSWER};
use crate::admission::Standing;
use crate::admission::kept::Kept;
use crate::config::Handoff;
use crate::error::{ApiError, Kind};
use crate::ladder::Rung;
use crate::world::World;

/// A listener that hears nothing for so long gets a comment, so that nothing between takes the line for dead; in milliseconds.
const QUIET_MS: u64 = 15_000;
/// How often an answer is begun in all before the turn is plainly ended.
const MOST_RUNS: u32 = 3;

/// Where a record is kept, and how letters leave: the object's storage, alarm and network.
pub trait Cabinet {
    /// Keeps a row in place of the one with its kind and number. When it returns the row is kept.
    fn keep(&self, row: &Row) -> Result<(), String>;
    /// Deletes rows.
    fn delete(&self, rows: &[(&'static str, u64)]) -> Result<(), String>;
    /// Deletes everything, the alarm too.
    fn clear(&self);
    /// Asks for an alarm at a time, in place of any other.
    fn wake_at(&self, ms: u64);
    /// Tells the operator.
    fn warn(&self, line: &str);
    /// Posts a letter; the status that came back.
    fn post(&self, letter: Posted) -> LocalBoxFuture<'static, Result<u16, String>>;
}

/// What a desk is given.
#[derive(Clone)]
pub struct Surroundings {
    /// Time and chance.
    pub world: Rc<dyn World>,
    /// Where the record is kept.
    pub cabinet: Rc<dyn Cabinet>,
    /// What answers.
    pub answering: Rc<dyn Answering>,
    /// What the operator set.
    pub rules: Rules,
    /// The longest that one answer may take, in milliseconds.
    pub longest_ms: u64,
    /// Where letters go.
    pub handoff: Handoff,
}

struct Inner {
    given: Surroundings,
    record: RefCell<Record>,
    alarm_ms: Cell<Option<u64>>,
    answering: Cell<bool>,
    posting: Cell<bool>,
    keeping: Cell<bool>,
    changes: Cell<u64>,
    listeners: RefCell<Vec<Waker>>,
}

/// One visitor's desk; cloning is cheap.
#[derive(Clone)]
pub struct Desk(Rc<Inner>);

/// Lets go of a duty however the work on it ends.
struct Duty<'a>(&'a Cell<bool>);

impl Drop for Duty<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

fn not_kept(_: String) -> ApiError {
    ApiError::new(Kind::Overloaded, "not_kept", "The message could not be kept; send it again in a moment")
        .retry_after(2_000)
}

impl Desk {
    /// A desk with a record as it was kept.
    pub fn new(given: Surroundings, rows: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(Rc::new(Inner {
            given,
            record: RefCell::new(Record::restore(rows)),
            alarm_ms: Cell::default(),
            answering: Cell::default(),
            posting: Cell::default(),
            keeping: Cell::default(),
            changes: Cell::default(),
            listeners: RefCell::default(),
        }))
    }

    fn now(&self) -> u64 {
        self.0.given.world.now_ms()
    }

    /// A new id.
    fn id(&self) -> String {
        let world = &self.0.given.world;
        format!("{:016x}{:08x}", world.bits(), world.bits() >> 32)
    }

    /// Takes a message in and gives its events from after the one that was heard last.
    pub fn ask(
        &self,
        id: Option<&str>,
        text: &str,
        last_event_id: Option<&str>,
    ) -> Result<LocalBoxStream<'static, String>, ApiError> {
        let made = self.id();
        let mut record = self.0.record.borrow_mut();
        let number = match record.accept(id.unwrap_or(&made), text, self.now(), self.0.given.rules)? {
            Accepted::Known(number) => number,
            Accepted::Forgotten => {
                return Ok(stream::iter([self.forgotten_end(Position::start(0)).write()]).boxed_local());
            }
            Accepted::New(number, row) => {
                if let Err(why) = self.0.given.cabinet.keep(&row) {
                    record.forget(number);
                    return Err(not_kept(why));
                }
                let surplus = record.surplus();
                // What is not deleted now is surplus again next time.
                let _ = self.0.given.cabinet.delete(&surplus);
                number
            }
        };
        let asked_ms = record.turn(number).map_or(0, |t| t.asked_ms);
        drop(record);
        self.set_alarm();
        Ok(self.listen(number, Position::read(last_event_id, asked_ms)))
    }

    /// How the visitor's limit stood when last used.
    pub fn standing(&self) -> Option<Standing> {
        self.0.record.borrow().standing()
    }

    /// The history as the widget reads it.
    pub fn history(&self) -> Value {
        self.0.record.borrow().history()
    }

    /// Marks an answer.
    pub fn feedback(&self, message_id: &str, value: Option<&str>) -> Result<(), ApiError> {
        let row = self.0.record.borrow_mut().feedback(message_id, value, self.now(), self.0.given.rules)?;
        row.map_or(Ok(()), |row| self.0.given.cabinet.keep(&row).map_err(not_kept))
    }

    /// Forgets the conversation, as its visitor wishes. A letter that has not arrived is still posted.
    pub fn forget(&self) -> Result<(), ApiError> {
        let mut record = self.0.record.borrow_mut();
        let (rows, left) = record.forget_all(self.now());
        let empty = record.is_empty();
        drop(record);
        self.changed();
        if empty {
            self.0.alarm_ms.set(None);
            self.0.given.cabinet.clear();
            return Ok(());
        }
        self.0.given.cabinet.delete(&rows).map_err(not_kept)?;
        for row in &left {
            // What was forgotten is gone, though this be not known after an eviction.
            let _ = self.0.given.cabinet.keep(row);
        }
        self.set_alarm();
        Ok(())
    }

    /// Hands the conversation to a person: the id of the letter that is on its way; none where the shop takes none.
    pub fn hand_off(&self, visitor: &str, note: &str, contact: &str) -> Result<Option<String>, ApiError> {
        if self.0.given.handoff.url.is_none() {
            return Ok(None);
        }
        let id = format!("handoff_{}", self.id());
        let mut record = self.0.record.borrow_mut();
        let (id, row) = record.write_letter(&id, visitor, (note, contact), self.now(), self.0.given.rules)?;
        if let Some(row) = row
            && let Err(why) = self.0.given.cabinet.keep(&row)
        {
            record.forget_letter();
            return Err(not_kept(why));
        }
        // What is not deleted now is surplus again next time.
        let _ = self.0.given.cabinet.delete(&record.surplus());
        // The alarm is set with the first attempt, which the caller's work makes in this same event.
        Ok(Some(id))
    }

    /// What must be done now, for the caller to run: the open turns, the letters and the kept questions that are due. None where it is being done.
    pub fn work(&self) -> Vec<LocalBoxFuture<'static, ()>> {
        let mut work: Vec<LocalBoxFuture<'static, ()>> = Vec::new();
        if self.0.record.borrow().open().is_some() && !self.0.answering.replace(true) {
            let desk = self.clone();
            work.push(Box::pin(async move {
                let _duty = Duty(&desk.0.answering);
                loop {
                    let open = desk.0.record.borrow().open();
                    match open {
                        Some(number) => desk.answer(number).await,
                        None => break,
                    }
                }
            }));
        }
        if !self.0.posting.replace(true) {
            let desk = self.clone();
            work.push(Box::pin(async move {
                let _duty = Duty(&desk.0.posting);
                desk.post_letters().await;
            }));
        }
        if !self.0.keeping.replace(true) {
            let desk = self.clone();
            work.push(Box::pin(async move {
                let _duty = Duty(&desk.0.keeping);
                desk.answer_kept().await;
            }));
        }
        work
    }

    /// The alarm rang: cleans up and gives what must be done.
    pub fn alarm(&self) -> Vec<LocalBoxFuture<'static, ()>> {
        self.0.alarm_ms.set(None);
        let mut record = self.0.record.borrow_mut();
        let old = record.clean(self.now(), self.0.given.rules);
        let empty = record.is_empty();
        drop(record);
        if empty {
            self.0.given.cabinet.clear();
            return Vec::new();
        }
        // What is not deleted now is cleaned up at the next alarm.
        let _ = self.0.given.cabinet.delete(&old);
        self.set_alarm();
        self.work()
    }

    /// Sets the alarm if what is set would ring too late, or long before there is anything to do.
    fn set_alarm(&self) {
        let now = self.now();
        let Some(at) = self.0.record.borrow().wake_at(now, self.0.given.rules) else { return };
        if at <= now {
            // A letter or a kept question is due: the work sets the alarm with the attempt.
            return;
        }
        let near = |set: u64| set > now && set <= at && (at - set < 1_000 || set < now + 60_000);
        if !self.0.alarm_ms.get().is_some_and(near) {
            self.0.alarm_ms.set(Some(at));
            self.0.given.cabinet.wake_at(at);
        }
    }

    fn changed(&self) {
        self.0.changes.set(self.0.changes.get() + 1);
        let listeners = std::mem::take(&mut *self.0.listeners.borrow_mut());
        listeners.into_iter().for_each(Waker::wake);
    }

    /// Ends when something has changed since a count of changes.
    async fn change(&self, since: u64) {
        std::future::poll_fn(|cx| {
            if self.0.changes.get() != since {
                return Poll::Ready(());
            }
            self.0.listeners.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Ends when an answer to a turn is waited for no longer.
    async fn over(&self, number: u64) {
        select(self.0.given.world.sleep(self.0.given.longest_ms), pin!(self.forgotten(number))).await;
    }

    /// Ends when a turn has been forgotten.
    async fn forgotten(&self, number: u64) {
        loop {
            let since = self.0.changes.get();
            if self.0.record.borrow().turn(number).is_none() {
                return;
            }
            self.change(since).await;
        }
    }

    fn listen(&self, number: u64, from: Position) -> LocalBoxStream<'static, String> {
        stream::unfold((self.clone(), from), move |(desk, mut position)| async move {
            loop {
                let since = desk.0.changes.get();
                let (next, ended) = match desk.0.record.borrow().turn(number) {
                    Some(turn) if position.stage == Stage::End && position.run <= turn.run => return None,
                    Some(turn) => (turn.next(position), turn.end.is_some()),
                    // Forgotten, or cleaned up, while somebody listened.
                    None if position.stage == Stage::End => return None,
                    None => (Some(desk.forgotten_end(position)), true),
                };
                if let Some(event) = next {
                    position = event.position;
                    return Some((event.write(), (desk, position)));
                }
                if ended {
                    return None;
                }
                let quiet = desk.0.given.world.sleep(QUIET_MS);
                let silent = matches!(select(pin!(desk.change(since)), quiet).await, Either::Right(_));
                if silent {
                    return Some((": waiting\n\n".to_owned(), (desk, position)));
                }
            }
        })
        .boxed_local()
    }

    /// The end of a turn that is kept no longer, for whoever stands at a place of it.
    fn forgotten_end(&self, at: Position) -> Event {
        let error = ApiError::new(
            Kind::NotFound,
            "conversation_deleted",
            "The conversation was deleted, and this message with it: to ask it anew, send it with another id",
        );
        let position = Position { stage: Stage::End, ..at };
        Event { position, name: "error", data: error.envelope(&format!("chat_{}", self.id())) }
    }

    /// Answers one turn to its end.
    async fn answer(&self, number: u64) {
        let mut with_model = true;
        loop {
            let request_id = format!("chat_{}", self.id());
            match self.run(number, with_model, &request_id).await {
                Ok(end) => return self.end(number, end),
                Err(error) => {
                    let mut record = self.0.record.borrow_mut();
                    let Some(turn) = record.turn_mut(number) else { return };
                    // Without the model there is nothing left to try.
                    if turn.run >= MOST_RUNS || !with_model {
                        drop(record);
                        return self.end(number, End::Failed(error.envelope(&request_id)));
                    }
                    turn.begin_anew();
                    with_model = false;
                    self.keep_run(&record, number);
                }
            }
            self.changed();
        }
    }

    /// Keeps which run a turn is in: after an eviction no run may have the number of an earlier one.
    fn keep_run(&self, record: &Record, number: u64) {
        if let Some(row) = record.row_of(number) {
            // The next row that is kept says it too.
            let _ = self.0.given.cabinet.keep(&row);
        }
    }

    fn end(&self, number: u64, end: End) {
        let mut record = self.0.record.borrow_mut();
        if let Some(turn) = record.turn_mut(number) {
            turn.sources.get_or_insert_default();
            if matches!(end, End::Answered { rung: Rung::Kept, .. }) {
                turn.kept = Some(Kept::new(self.now(), self.0.given.world.random()));
            }
            turn.end = Some(end);
        }
        // Kept before it is told. An answer that cannot be kept is still an answer to whoever listens.
        self.keep_run(&record, number);
        drop(record);
        self.set_alarm();
        self.changed();
    }

    async fn run(&self, number: u64, with_model: bool, request_id: &str) -> Result<End, ApiError> {
        let asked = {
            let record = self.0.record.borrow();
            let Some(turn) = record.turn(number) else { return Err(cut_off()) };
            if turn.run > MOST_RUNS {
                return Err(cut_off());
            }
            if turn.run > 1 {
                self.keep_run(&record, number);
            }
            Asked {
                question: turn.question.clone(),
                earlier: recall(record.turns(), number, recall::MOST_TOKENS),
                request_id: request_id.to_owned(),
                with_model,
                late: false,
            }
        };
        let mut said = self.0.given.answering.answer(asked);
        let mut over = pin!(self.over(number));
        let mut words = 0;
        loop {
            let next = match select(said.next(), over.as_mut()).await {
                Either::Left((next, _)) => next,
                Either::Right(_) => None,
            };
            let mut record = self.0.record.borrow_mut();
            let Some(turn) = record.turn_mut(number) else { return Err(cut_off()) };
            match next {
                Some(Said::Queued { eta_ms, ahead }) => {
                    words += 1;
                    turn.queued = Some((words, eta_ms, ahead));
                }
                Some(Said::Sources(sources)) => turn.rests_on(sources),
                Some(Said::Text(piece)) => {
                    turn.sources.get_or_insert_default();
                    if !turn.say(&piece) {
                        return Ok(Record::answered(self.id(), Rung::Full, self.now()));
                    }
                }
                Some(Said::Done { rung }) => return Ok(Record::answered(self.id(), rung, self.now())),
                Some(Said::Failed(error)) => return Err(error),
                None => return Err(cut_off()),
            }
            drop(record);
            self.changed();
        }
    }

    /// Answers every kept question whose time has come, as far as that can be done now; what was answered in the rush is replaced.
    async fn answer_kept(&self) {
        loop {
            let taken = self.0.record.borrow_mut().take_kept(self.now(), self.0.given.world.random());
            let Some((number, row)) = taken else { return };
            // A try that cannot be kept is still made.
            let _ = self.0.given.cabinet.keep(&row);
            self.set_alarm();
            let Some((sources, text, rung)) = self.late(number).await else { continue };
            let mut record = self.0.record.borrow_mut();
            let Some(turn) = record.turn_mut(number) else { continue };
            turn.begin_anew();
            turn.sources = Some(sources);
            turn.say(&text);
            (turn.kept, turn.feedback) = (None, None);
            turn.end = Some(Record::answered(self.id(), rung, self.now()));
            self.keep_run(&record, number);
            drop(record);
            self.set_alarm();
            self.changed();
        }
    }

    /// The answer to a kept question, if it can be had.
    async fn late(&self, number: u64) -> Option<(Vec<Value>, String, Rung)> {
        let asked = {
            let record = self.0.record.borrow();
            Asked {
                question: record.turn(number)?.question.clone(),
                earlier: recall(record.turns(), number, recall::MOST_TOKENS),
                request_id: format!("chat_{}", self.id()),
                with_model: true,
                late: true,
            }
        };
        let mut said = self.0.given.answering.answer(asked);
        let mut over = pin!(self.over(number));
        let (mut sources, mut text) = (Vec::new(), String::new());
        loop {
            match select(said.next(), over.as_mut()).await {
                Either::Left((Some(Said::Queued { .. }), _)) => {}
                Either::Left((Some(Said::Sources(all)), _)) => sources = all,
                Either::Left((Some(Said::Text(piece)), _)) => text += &piece,
                Either::Left((Some(Said::Done { rung }), _)) if rung != Rung::Kept => {
                    return Some((sources, text, rung));
                }
                _ => return None,
            }
            if text.len() > LONGEST_ANSWER {
                return Some((sources, text, Rung::Full));
            }
        }
    }

    /// Posts every letter that is due, and sets the alarm for those that are not.
    async fn post_letters(&self) {
        let given = &self.0.given;
        loop {
            let taken = self.0.record.borrow_mut().take_letter(self.now(), given.world.random());
            let Some((letter, row)) = taken else { return };
            // A letter whose attempt cannot be kept is still posted: twice is better than never, and its id tells.
            let _ = given.cabinet.keep(&row);
            self.set_alarm();
            let status = match &given.handoff.url {
                // An address taken away may come back: the letter waits.
                None => None,
                Some(url) => {
                    let posted = handoff::post(&letter, url, given.handoff.secret.as_deref(), self.now());
                    match select(given.cabinet.post(posted), given.world.sleep(handoff::ATTEMPT_MS)).await {
                        Either::Left((status, _)) => status.ok(),
                        Either::Right(_) => None,
                    }
                }
            };
            let accepted = status.is_some_and(|s| (200..300).contains(&s));
            if !accepted {
                // The shopper was told that a person will see it.
                let came = status.map_or_else(|| "no reply".to_owned(), |status| format!("status {status}"));
                let (id, tries) = (&letter.id, letter.attempts);
                given
                    .cabinet
                    .warn(&format!("HANDOFF_URL did not take {id} ({came}, attempt {tries}): it is posted again"));
            }
            let random = given.world.random();
            let row = self.0.record.borrow_mut().letter_ended(letter.number, accepted, self.now(), random);
            if let Some(row) = row {
                let _ = given.cabinet.keep(&row);
            }
            self.set_alarm();
        }
    }
}

fn cut_off() -> ApiError {
    ApiError::new(Kind::Timeout, "answer_cut_off", "The answer did not come to its end: ask again, or ask for a person")
}
