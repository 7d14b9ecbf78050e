//! How an isolate comes by the search's vocabulary: when its file is fetched, by whom, and what is done while it is not there.
//!
//! The file is a megabyte, so one request fetches it, and those beside it wait with timers of their own: a request must not be woken by what
//! belongs to another, and the one that fetches may be given up. Nobody waits longer than [`WAIT_MS`]. While there is no vocabulary the
//! search goes on with an empty one, by pairs of characters: it finds half of what it should, which is better for a shopper than no
//! answer, and the log says so. What was read so is read again when the vocabulary has come.

use std::cell::RefCell;
use std::pin::pin;
use std::sync::Arc;

use futures::future::{Either, LocalBoxFuture, select};

use super::lexicon::Lexicon;
use super::loading::{Loader, Loading};

/// The longest that a question waits for the vocabulary, in milliseconds; less than it waits for the documents beside it.
pub const WAIT_MS: u64 = 1_500;
/// How often one that does not fetch looks whether it has come, in milliseconds.
const LOOK_MS: u64 = 20;
/// So long after a failure the next use tries again, in milliseconds.
const REST_MS: u64 = 1_000;

/// Where the file is.
pub trait Source: Loader {
    /// The file's bytes.
    fn file(&self) -> LocalBoxFuture<'static, Result<Vec<u8>, String>>;
}

/// An isolate's vocabulary.
#[derive(Default)]
pub struct Vocabulary {
    lexicon: RefCell<Arc<Lexicon>>,
    fetching: Loading,
}

impl Vocabulary {
    /// The vocabulary; an empty one where it cannot be had now.
    pub async fn get(&self, source: &dyn Source) -> Arc<Lexicon> {
        let began = source.now_ms();
        while self.lexicon.borrow().is_empty() && !self.fetching.rests(source.now_ms(), REST_MS) {
            let left_ms = (began + WAIT_MS).saturating_sub(source.now_ms());
            if left_ms == 0 {
                break;
            }
            if self.fetching.runs() {
                source.sleep(LOOK_MS.min(left_ms)).await;
            } else {
                self.load(source, left_ms).await;
            }
        }
        Arc::clone(&self.lexicon.borrow())
    }

    async fn load(&self, source: &dyn Source, deadline_ms: u64) {
        let _turn = self.fetching.begin();
        let read = match select(pin!(source.file()), source.sleep(deadline_ms)).await {
            Either::Left((file, _)) => file.and_then(|file| Lexicon::read(file).map_err(|e| e.to_string())),
            Either::Right(_) => Err(format!("it did not come within {deadline_ms} ms")),
        };
        match read {
            Ok(lexicon) => *self.lexicon.borrow_mut() = Arc::new(lexicon),
            Err(why) => {
                self.fetching.failed(source.now_ms());
                source.warn(&format!("the search goes on without its vocabulary and finds less: {why}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;

    const FILE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/vocabulary"));

    /// A source that takes 50 ms.
    struct Served {
        began: Instant,
        fetched: Cell<u32>,
        file: RefCell<Option<Result<Vec<u8>, String>>>,
        log: RefCell<Vec<String>>,
    }

    impl Served {
        /// A source of this file; of none, it never answers.
        fn new(file: Option<Result<Vec<u8>, String>>) -> Self {
            Self { began: Instant::now(), fetched: Cell::default(), file: RefCell::new(file), log: RefCell::default() }
        }
    }

    impl Loader for Served {
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

    impl Source for Served {
        fn file(&self) -> LocalBoxFuture<'static, Result<Vec<u8>, String>> {
            self.fetched.set(self.fetched.get() + 1);
            let file = self.file.borrow().clone();
            Box::pin(async move {
                sleep(Duration::from_millis(50)).await;
                match file {
                    Some(file) => file,
                    None => std::future::pending().await,
                }
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_searches_first_fetches_it_and_those_beside_and_after_have_it_from_there() {
        let (source, vocabulary) = (Served::new(Some(Ok(FILE.to_vec()))), Vocabulary::default());
        let told = futures::future::join_all((0..30).map(|_| vocabulary.get(&source))).await;
        assert!(told.iter().all(|lexicon| !lexicon.is_empty() && Arc::ptr_eq(lexicon, &told[0])));
        assert!(source.began.elapsed() < Duration::from_millis(100), "{:?}", source.began.elapsed());
        vocabulary.get(&source).await;
        assert_eq!(source.fetched.get(), 1);
        assert!(source.log.borrow().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_is_given_up_while_it_fetches_leaves_the_fetching_to_one_that_waits() {
        let (source, vocabulary) = (Served::new(Some(Ok(FILE.to_vec()))), Vocabulary::default());
        let given_up = async {
            tokio::select! { _ = vocabulary.get(&source) => panic!("too soon"), () = sleep(Duration::from_millis(10)) => {} }
        };
        let ((), lexicon) = futures::join!(given_up, vocabulary.get(&source));
        assert!(!lexicon.is_empty());
        assert_eq!(source.fetched.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_fails_or_is_another_leaves_the_search_without_it_at_once_and_is_tried_again() {
        let mut other = FILE.to_vec();
        other[100] ^= 1;
        let cut = FILE[..FILE.len() - 1].to_vec();
        for file in [Err("404".to_owned()), Ok(Vec::new()), Ok(b"<!doctype html>".to_vec()), Ok(other), Ok(cut)] {
            let (source, vocabulary) = (Served::new(Some(file)), Vocabulary::default());
            let told = futures::future::join_all((0..30).map(|_| vocabulary.get(&source))).await;
            assert!(told.iter().all(|lexicon| lexicon.is_empty()));
            assert!(source.began.elapsed() < Duration::from_millis(100), "{:?}", source.began.elapsed());
            assert_eq!((source.fetched.get(), source.log.borrow().len()), (1, 1));
            // Those that come at once after it do not wait for another failure.
            vocabulary.get(&source).await;
            assert_eq!(source.fetched.get(), 1);
            sleep(Duration::from_millis(REST_MS)).await;
            *source.file.borrow_mut() = Some(Ok(FILE.to_vec()));
            assert!(!vocabulary.get(&source).await.is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_is_meant_for_a_source_that_is_silent() {
        let (source, vocabulary) = (Served::new(None), Vocabulary::default());
        let ask = async |after: u64| {
            sleep(Duration::from_millis(after)).await;
            let asked = Instant::now();
            assert!(vocabulary.get(&source).await.is_empty());
            assert!(asked.elapsed() <= Duration::from_millis(WAIT_MS), "{:?}", asked.elapsed());
        };
        futures::future::join_all((0..40).map(|n| ask(n * 100))).await;
        assert!(source.fetched.get() <= 4, "{}", source.fetched.get());
    }
}
