//! An isolate's copy of the shop's documents: when it is brought up to date, by whom, and what is done while the store is silent.
//!
//! A question never waits for the store longer than [`ASK_MS`] once there is a copy, and while the store answers no question is put to a
//! copy older than [`STALE_MS`]: one question asks early, those beside it take the copy as it is, and past that age each asks for itself,
//! since a request must not wait for what another one started. When the store fails, the old copy answers and the log says so.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use futures::future::{Either, LocalBoxFuture, join, select};

use super::index::Index;
use super::lexicon::Lexicon;
use super::loading::{Loader, Loading};
use super::store::{self, Changes, STALE_MS};
use crate::error::ApiError;

/// How long the store may take to bring a copy up to date, in milliseconds.
pub const ASK_MS: u64 = 2_000;
/// How long it may take where nothing can be done without it.
pub const FIRST_MS: u64 = 10_000;
/// From this age on a copy is brought up to date, so that it is done before it is stale.
const EARLY_MS: u64 = STALE_MS - ASK_MS;
/// A store that failed is left alone for so long.
const REST_MS: u64 = 5_000;

/// What a copy asks of the store.
pub trait Store: Loader {
    /// What has changed since a version.
    fn since(&self, version: u64) -> LocalBoxFuture<'static, Result<Changes, String>>;
    /// The vocabulary that documents and questions are read with; an empty one while it cannot be had.
    fn vocabulary(&self) -> LocalBoxFuture<'static, Arc<Lexicon>>;
}

/// The copy; nothing in it is lost when the isolate is.
#[derive(Default)]
pub struct Shelf {
    index: Rc<RefCell<Index>>,
    version: Cell<u64>,
    /// The time at which the store said no less than this; none before the first load.
    checked_ms: Cell<Option<u64>>,
    asking: Loading,
}

impl Shelf {
    /// The copy, brought up to date when it must be, and in any case when `fresh`.
    ///
    /// # Errors
    /// `knowledge_unavailable` where there is no copy yet, or an old one will not do, and the store cannot be asked.
    pub async fn index(&self, store: &dyn Store, fresh: bool) -> Result<Rc<RefCell<Index>>, ApiError> {
        let now = store.now_ms();
        if let Some(deadline_ms) = self.due(now, fresh)
            && let Err(why) = self.follow(store, deadline_ms).await
        {
            let Some(checked) = self.checked_ms.get().filter(|_| !fresh) else {
                store.warn(&format!("the shop's documents cannot be read: {why}"));
                return Err(store::unavailable());
            };
            self.asking.failed(store.now_ms());
            let age = now.saturating_sub(checked) / 1000;
            store.warn(&format!("the shop's documents are answered from as they were {age} s ago: {why}"));
        }
        // Where it came with the documents this costs nothing.
        let lexicon = store.vocabulary().await;
        self.index.borrow_mut().read_with(&lexicon);
        Ok(Rc::clone(&self.index))
    }

    /// Follows what this isolate itself has changed. What cannot be followed now is with the next question.
    pub async fn changed(&self, store: &dyn Store) {
        if let Err(why) = self.follow(store, FIRST_MS).await {
            store.warn(&format!("a change of the shop's documents is stored, and not seen here yet: {why}"));
            self.checked_ms.set(self.checked_ms.get().map(|_| 0));
        }
    }

    /// How long the store may be asked for; none where the copy will do.
    fn due(&self, now: u64, fresh: bool) -> Option<u64> {
        let Some(checked) = self.checked_ms.get().filter(|_| !fresh) else { return Some(FIRST_MS) };
        let age = now.saturating_sub(checked);
        let rests = self.asking.rests(now, REST_MS);
        let another_asks = age < STALE_MS && self.asking.runs();
        (age >= EARLY_MS && !rests && !another_asks).then_some(ASK_MS)
    }

    async fn follow(&self, store: &dyn Store, deadline_ms: u64) -> Result<(), String> {
        let _turn = self.asking.begin();
        let began = store.now_ms();
        match select(pin!(self.take_changes(store)), store.sleep(deadline_ms)).await {
            Either::Left((followed, _)) => followed?,
            Either::Right(_) => return Err(format!("the store did not answer within {deadline_ms} ms")),
        }
        self.checked_ms.set(self.checked_ms.get().max(Some(began)));
        self.asking.succeeded();
        Ok(())
    }

    async fn take_changes(&self, store: &dyn Store) -> Result<(), String> {
        loop {
            let from = self.version.get();
            // Neither waits for the other, and a copy of all documents is read but once.
            let (changes, lexicon) = join(store.since(from), store.vocabulary()).await;
            let changes = changes?;
            // Another request may have brought the copy further meanwhile.
            if self.version.get() != from {
                continue;
            }
            let more = changes.more;
            self.version.set(changes.version);
            let mut index = self.index.borrow_mut();
            index.read_with(&lexicon);
            changes.apply(&mut index);
            if !more {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::super::index::Document;
    use super::super::store::Change;
    use super::*;

    /// A store that holds one document, whose text is its version.
    struct Kept {
        began: Instant,
        version: Cell<u64>,
        asked: Cell<u32>,
        /// How long it takes; none never answers.
        takes_ms: Cell<Option<u64>>,
        fails: Cell<bool>,
        log: RefCell<Vec<String>>,
        lexicon: RefCell<Arc<Lexicon>>,
    }

    impl Kept {
        fn new() -> Self {
            Self {
                began: Instant::now(),
                version: Cell::new(1),
                asked: Cell::default(),
                takes_ms: Cell::new(Some(20)),
                fails: Cell::default(),
                log: RefCell::default(),
                lexicon: RefCell::new(Lexicon::built()),
            }
        }
    }

    impl Loader for Kept {
        fn now_ms(&self) -> u64 {
            1_000_000 + self.began.elapsed().as_millis() as u64
        }
        fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
            Box::pin(sleep(Duration::from_millis(ms)))
        }
        fn warn(&self, line: &str) {
            self.log.borrow_mut().push(line.to_owned());
        }
    }

    impl Store for Kept {
        fn since(&self, version: u64) -> LocalBoxFuture<'static, Result<Changes, String>> {
            self.asked.set(self.asked.get() + 1);
            let (latest, takes, fails) = (self.version.get(), self.takes_ms.get(), self.fails.get());
            Box::pin(async move {
                match takes {
                    Some(ms) => sleep(Duration::from_millis(ms)).await,
                    None => std::future::pending().await,
                }
                let document =
                    Document { id: "d".into(), title: None, content: latest.to_string(), url: None, lang: None };
                let change = Change { id: "d".into(), document: Some(document) };
                let changes = if version < latest { vec![change] } else { Vec::new() };
                if fails {
                    return Err("out of order".to_owned());
                }
                Ok(Changes { version: latest, changes, ..Changes::default() })
            })
        }
        fn vocabulary(&self) -> LocalBoxFuture<'static, Arc<Lexicon>> {
            Box::pin(std::future::ready(Arc::clone(&self.lexicon.borrow())))
        }
    }

    async fn text(shelf: &Shelf, store: &Kept) -> String {
        let index = shelf.index(store, false).await.unwrap();
        index.borrow().get("d").unwrap().content.clone()
    }

    async fn pass(ms: u64) {
        sleep(Duration::from_millis(ms)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn no_question_is_put_to_a_copy_that_is_stale_and_few_ask_the_store() {
        let (store, shelf) = (Kept::new(), Shelf::default());
        let mut changed_at = vec![store.now_ms()];
        let mut asked = 0;
        for _ in 0..600 {
            // Three questions at once, each 10 to 260 ms after the last.
            let told = futures::join!(text(&shelf, &store), text(&shelf, &store), text(&shelf, &store));
            for text in [told.0, told.1, told.2] {
                let seen: usize = text.parse().unwrap();
                let stale = changed_at.get(seen).is_some_and(|at| at + STALE_MS + 100 < store.now_ms());
                assert!(!stale, "version {seen} told at {}", store.now_ms());
                asked += 1;
            }
            pass(10 + asked * 37 % 250).await;
            if asked % 7 == 0 {
                store.version.set(store.version.get() + 1);
                changed_at.push(store.now_ms());
            }
        }
        let seconds = store.began.elapsed().as_secs() as u32;
        assert!(store.asked.get() <= 4 + seconds / 3, "{} in {seconds} s", store.asked.get());
        assert!(store.log.borrow().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_idle_hour_those_beside_the_one_that_asks_do_not_take_the_old_copy() {
        let (store, shelf) = (Kept::new(), Shelf::default());
        assert_eq!(text(&shelf, &store).await, "1");
        store.version.set(2);
        pass(3_600_000).await;
        let told = futures::join!(text(&shelf, &store), text(&shelf, &store));
        assert_eq!(told, ("2".to_owned(), "2".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_silent_or_fails_is_answered_for_by_the_old_copy_in_time_and_the_log_says_so() {
        for fails in [false, true] {
            let (store, shelf) = (Kept::new(), Shelf::default());
            assert_eq!(text(&shelf, &store).await, "1");
            store.version.set(2);
            pass(60_000).await;
            store.fails.set(fails);
            store.takes_ms.set(fails.then_some(20));
            let asked = Instant::now();
            assert_eq!(text(&shelf, &store).await, "1");
            assert!(asked.elapsed() <= Duration::from_millis(ASK_MS), "{:?}", asked.elapsed());
            assert!(store.log.borrow()[0].contains("60 s ago"), "{:?}", store.log.borrow());
            // The next questions do not wait again.
            let (before, count) = (Instant::now(), store.asked.get());
            for _ in 0..50 {
                text(&shelf, &store).await;
            }
            assert_eq!((before.elapsed(), store.asked.get()), (Duration::ZERO, count));
            // What must be true now is not answered from it.
            assert_eq!(shelf.index(&store, true).await.unwrap_err().status, 503);
            store.fails.set(false);
            store.takes_ms.set(Some(20));
            pass(REST_MS).await;
            assert_eq!(text(&shelf, &store).await, "2");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_any_copy_a_silent_store_is_an_error_and_not_a_wait_without_end() {
        let (store, shelf) = (Kept::new(), Shelf::default());
        store.takes_ms.set(None);
        let asked = Instant::now();
        assert_eq!(shelf.index(&store, false).await.unwrap_err().code, "knowledge_unavailable");
        assert_eq!(asked.elapsed(), Duration::from_millis(FIRST_MS));
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_given_up_while_it_asks_leaves_the_asking_to_the_next() {
        let (store, shelf) = (Kept::new(), Shelf::default());
        text(&shelf, &store).await;
        store.version.set(2);
        pass(EARLY_MS).await;
        tokio::select! { _ = text(&shelf, &store) => panic!("too soon"), () = pass(5) => {} }
        assert_eq!(text(&shelf, &store).await, "2");
    }

    #[tokio::test(start_paused = true)]
    async fn what_this_isolate_changes_it_sees_at_once_or_with_the_next_question() {
        let (store, shelf) = (Kept::new(), Shelf::default());
        text(&shelf, &store).await;
        store.version.set(2);
        shelf.changed(&store).await;
        assert_eq!(text(&shelf, &store).await, "2");
        store.version.set(3);
        store.fails.set(true);
        shelf.changed(&store).await;
        store.fails.set(false);
        assert_eq!(text(&shelf, &store).await, "3");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_read_without_the_vocabulary_is_read_again_when_it_has_come() {
        let (store, shelf) = (Kept::new(), Shelf::default());
        let built = store.lexicon.replace(Arc::default());
        assert_eq!(text(&shelf, &store).await, "1");
        assert!(!shelf.index.borrow().is_read_with(&built));
        *store.lexicon.borrow_mut() = Arc::clone(&built);
        assert_eq!(text(&shelf, &store).await, "1");
        assert!(shelf.index.borrow().is_read_with(&built));
        assert_eq!(store.asked.get(), 1);
    }
}
