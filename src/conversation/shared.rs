//! One answer for all who ask the same first question at once or moments after: made once, told to each from its beginning.
//!
//! Only a first question is shared, for nothing but its words enters its answer, and only one whose words are nobody's own. A
//! finished answer is also remembered in each isolate, so that a question that everybody asks does not wear out its object.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures::future::LocalBoxFuture;
use futures::stream::{self, LocalBoxStream, StreamExt};
use serde::{Deserialize, Serialize};

use super::answering::Said;
use crate::knowledge::normal::narrow;
use crate::ladder::Rung;

/// Longer questions are hardly asked twice, in letters.
const LONGEST: usize = 120;
/// As many digits are an order's number, a postal code or a telephone's.
const DIGITS: usize = 5;
/// Answers remembered in an isolate.
const MOST: usize = 200;

/// The name under which a first question's answer is shared: what it says in narrow, small letters; none where its words may be the shopper's own.
///
/// Only what never tells two questions apart is left out: spaces, but for those between two words of Latin letters, and the marks that end
/// or part sentences. Size 2.5 is not size 25, and C++ is not C.
pub fn name(question: &str) -> Option<String> {
    let mut letters = question.chars().map(narrow).flat_map(char::to_lowercase).peekable();
    let (mut words, mut spaced) = (String::new(), false);
    while let Some(c) = letters.next() {
        if c.is_whitespace() {
            spaced = true;
            continue;
        }
        let parts = spaced && c.is_ascii_alphanumeric() && words.ends_with(|c: char| c.is_ascii_alphanumeric());
        spaced = false;
        match c {
            '、' | '。' | '?' | '!' | '…' => {}
            '.' | ',' if letters.peek().is_none_or(|c| c.is_whitespace()) => {}
            c => {
                words.extend(parts.then_some(' '));
                words.push(c);
            }
        }
    }
    let digits = question.chars().filter(|c| c.is_numeric()).count();
    if !words.contains(char::is_alphanumeric)
        || words.chars().count() > LONGEST
        || digits >= DIGITS
        || question.contains(['@', '＠'])
    {
        return None;
    }
    Some(words)
}

/// What an asker sends to the question's object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The question as this asker wrote it.
    pub question: String,
    /// The id under which hosts log it, should this asker be the first.
    pub request_id: String,
    /// The asker's number, for fair shares.
    pub party: u64,
}

/// One making of the answer.
#[derive(Default)]
struct Run {
    said: RefCell<Vec<Said>>,
    ended_ms: Cell<Option<u64>>,
    listeners: RefCell<Vec<Waker>>,
}

impl Run {
    fn changed(&self) {
        let listeners = std::mem::take(&mut *self.listeners.borrow_mut());
        listeners.into_iter().for_each(Waker::wake);
    }

    /// Whether it ended with an answer that a model gave.
    fn is_good(&self) -> bool {
        matches!(self.said.borrow().last(), Some(Said::Done { rung }) if rung.is_a_models())
    }

    /// All that is said from the beginning on.
    fn listen(self: Rc<Self>, follows: bool) -> LocalBoxStream<'static, Said> {
        stream::unfold((self, 0), move |(run, mut at)| async move {
            std::future::poll_fn(|cx| {
                if at < run.said.borrow().len() || run.ended_ms.get().is_some() {
                    return Poll::Ready(());
                }
                run.listeners.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            })
            .await;
            let said = {
                let all = run.said.borrow();
                // Of the words about the queue the last is true.
                while matches!(all.get(at), Some(Said::Queued { .. })) && at + 1 < all.len() {
                    at += 1;
                }
                all.get(at)?.clone()
            };
            let said = match said {
                Said::Done { rung } if follows && rung.is_a_models() => Said::Done { rung: Rung::Shared },
                said => said,
            };
            Some((said, (run, at + 1)))
        })
        .boxed_local()
    }
}

/// Ends a run however the work on it ends.
struct Ending(Rc<Run>, u64);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.ended_ms.set(Some(self.1));
        self.0.changed();
    }
}

/// The object of one question.
#[derive(Default)]
pub struct Shared(RefCell<Option<Rc<Run>>>);

/// What an asker gets.
pub struct Joined {
    /// What is said.
    pub said: LocalBoxStream<'static, Said>,
    /// How old the answer is, in milliseconds; 0 while it is made.
    pub age_ms: u64,
    /// The making of the answer, for the caller to run; none where it is being made or was.
    pub work: Option<LocalBoxFuture<'static, ()>>,
}

impl Shared {
    /// Joins those who ask. A good answer is told for `life_ms` after its end; `answer` makes a new one, and `now` tells the time.
    pub fn join(
        &self,
        life_ms: u64,
        now: impl Fn() -> u64 + 'static,
        answer: impl FnOnce() -> LocalBoxStream<'static, Said>,
    ) -> Joined {
        let mut slot = self.0.borrow_mut();
        if let Some(run) = &*slot {
            let age = run.ended_ms.get().map(|at| now().saturating_sub(at));
            if age.is_none_or(|age| age < life_ms && run.is_good()) {
                return Joined { said: run.clone().listen(true), age_ms: age.unwrap_or(0), work: None };
            }
        }
        let run = Rc::new(Run::default());
        *slot = Some(run.clone());
        let (said, mut answer) = (run.clone().listen(false), answer());
        let ending = Ending(run.clone(), now());
        let work = async move {
            // Taken whole, and not by the field that is set.
            let mut ending = ending;
            while let Some(said) = answer.next().await {
                run.said.borrow_mut().push(said);
                run.changed();
            }
            ending.1 = now();
        };
        Joined { said, age_ms: 0, work: Some(Box::pin(work)) }
    }
}

struct Memory {
    until_ms: u64,
    said: Rc<Vec<Said>>,
}

/// Answers that an isolate remembers.
#[derive(Default)]
pub struct Remembered(RefCell<HashMap<String, Memory>>);

impl Remembered {
    /// An answer that is still good.
    pub fn get(&self, name: &str, now_ms: u64) -> Option<Rc<Vec<Said>>> {
        self.0.borrow().get(name).filter(|m| now_ms < m.until_ms).map(|m| m.said.clone())
    }

    /// Remembers an answer until a time.
    pub fn keep(&self, name: String, said: Vec<Said>, until_ms: u64, now_ms: u64) {
        let mut all = self.0.borrow_mut();
        if all.len() >= MOST {
            all.retain(|_, m| now_ms < m.until_ms);
        }
        if all.len() < MOST {
            all.insert(name, Memory { until_ms, said: Rc::new(said) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn the_same_question_has_one_name_and_a_shoppers_own_words_have_none() {
        assert_eq!(name("送料は いくらですか？"), name("送料はいくらですか"));
        assert_eq!(name("Do you ship abroad?"), name("do you ship ＡＢＲＯＡＤ"));
        assert_eq!(name("送料は、いくらですか。"), name("送料はいくらですか!"));
        assert_eq!(name("Hello, do you  ship abroad."), name("hello do you ship abroad"));
        assert_ne!(name("送料はいくらですか"), name("返品はできますか"));
        for (one, other) in [
            ("Do you have size 2.5?", "Do you have size 25?"),
            ("24.5cmはありますか", "245cmはありますか"),
            ("1/2カップは何mlですか", "12カップは何mlですか"),
            ("Is -5 degrees fine?", "Is 5 degrees fine?"),
            ("Does it come in 10-12?", "Does it come in 10 12?"),
            ("♂用はありますか", "♀用はありますか"),
            ("C++の本はありますか", "Cの本はありますか"),
        ] {
            assert_ne!(name(one), name(other), "{one}");
        }
        for own in
            ["注文番号12345はどこですか", "me@example.com に送って", "０９０-1234-5678", "？！", &"長".repeat(200)]
        {
            assert_eq!(name(own), None, "{own}");
        }
    }

    fn done(rung: Rung) -> Vec<Said> {
        vec![
            Said::Queued { eta_ms: 9, ahead: 1 },
            Said::Sources(vec![]),
            Said::Text("答え".into()),
            Said::Done { rung },
        ]
    }

    fn heard(said: LocalBoxStream<'static, Said>) -> Vec<Said> {
        said.collect::<Vec<_>>().now_or_never().expect("nothing is waited for")
    }

    #[test]
    fn all_who_ask_at_once_hear_one_answer_and_those_who_come_later_too_while_it_is_good() {
        let shared = Shared::default();
        let time = Rc::new(Cell::new(0));
        let clock = || {
            let time = time.clone();
            move || time.get()
        };
        let join = |rung: Rung| shared.join(1_000, clock(), move || stream::iter(done(rung)).boxed_local());
        let first = join(Rung::Full);
        let second = join(Rung::Full);
        assert!(second.work.is_none());
        first.work.unwrap().now_or_never().unwrap();
        assert_eq!(heard(first.said).last(), Some(&Said::Done { rung: Rung::Full }));
        assert_eq!(heard(second.said), [&done(Rung::Full)[1..3], &[Said::Done { rung: Rung::Shared }]].concat());
        time.set(999);
        let third = join(Rung::Full);
        assert_eq!((third.age_ms, third.work.is_none()), (999, true));
        time.set(1_000);
        assert!(join(Rung::Passages).work.is_some());
    }

    #[test]
    fn an_answer_with_no_model_and_one_that_was_cut_off_are_not_told_again() {
        let shared = Shared::default();
        let joined = shared.join(1_000, || 0, || stream::iter(done(Rung::Passages)).boxed_local());
        joined.work.unwrap().now_or_never().unwrap();
        let cut = shared.join(1_000, || 0, || stream::pending().boxed_local());
        let follower = shared.join(1_000, || 0, || unreachable!());
        drop(cut.work);
        let _ = follower;
        assert!(shared.join(1_000, || 0, || stream::pending().boxed_local()).work.is_some());
    }
}
