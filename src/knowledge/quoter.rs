//! The passages that an isolate quoted lately, ready to be quoted again: in a rush with no model all shoppers are told from the same few.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::lexicon::Lexicon;
use super::quote::Quotable;

/// Passages of so many bytes together are kept ready; what is kept of one is some hundred times its length.
const MOST_BYTES: usize = 64 << 10;

/// Quotes passages.
#[derive(Debug, Default)]
pub struct Quoter {
    ready: RefCell<HashMap<(Option<String>, String), Ready>>,
    /// Of the passages in it.
    bytes: Cell<usize>,
    /// Quotations so far.
    quoted: Cell<u64>,
}

#[derive(Debug)]
struct Ready {
    quotable: Rc<Quotable>,
    /// Which quotation it served last.
    used: u64,
}

impl Quoter {
    /// The part of a passage that answers a question best; see [`Quotable::quote`]. `title` is the page's.
    pub fn quote(&self, lexicon: &Arc<Lexicon>, question: &str, title: Option<&str>, passage: &str) -> String {
        self.ready(lexicon, title, passage).quote(question)
    }

    fn ready(&self, lexicon: &Arc<Lexicon>, title: Option<&str>, passage: &str) -> Rc<Quotable> {
        let used = self.quoted.get() + 1;
        self.quoted.set(used);
        let key = (title.map(str::to_owned), passage.to_owned());
        let mut ready = self.ready.borrow_mut();
        if let Some(known) = ready.get_mut(&key) {
            known.used = used;
            if !known.quotable.is_read_with(lexicon) {
                known.quotable = Rc::new(Quotable::new(lexicon, title, passage));
            }
            return Rc::clone(&known.quotable);
        }
        let mut bytes = self.bytes.get() + passage.len();
        while bytes > MOST_BYTES {
            let Some(least) = ready.iter().min_by_key(|(_, r)| r.used).map(|(key, _)| key.clone()) else { break };
            bytes -= least.1.len();
            ready.remove(&least);
        }
        self.bytes.set(bytes);
        let quotable = Rc::new(Quotable::new(lexicon, title, passage));
        ready.insert(key, Ready { quotable: Rc::clone(&quotable), used });
        quotable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passage_that_is_quoted_again_is_ready_and_only_the_last_ones_are_kept() {
        let (quoter, lexicon) = (Quoter::default(), Lexicon::built());
        let passage = |n: usize| format!("第{n}地区の送料は{n}00円です。");
        let first = quoter.ready(&lexicon, None, &passage(0));
        for n in 1..2 * MOST_BYTES / passage(1).len() {
            assert_eq!(quoter.quote(&lexicon, "送料", None, &passage(n)), passage(n));
            assert!(Rc::ptr_eq(&first, &quoter.ready(&lexicon, None, &passage(0))));
        }
        let ready = quoter.ready.borrow();
        let kept: usize = ready.keys().map(|(_, passage)| passage.len()).sum();
        assert!(kept == quoter.bytes.get() && kept <= MOST_BYTES && kept > MOST_BYTES / 2, "{kept}");
        drop(ready);
        assert!(!Rc::ptr_eq(&first, &quoter.ready(&lexicon, Some("送料"), &passage(0))));
    }
}
