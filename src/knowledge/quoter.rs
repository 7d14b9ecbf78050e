//! The passages that an isolate quoted lately, ready to be quoted again: in a rush with no model all shoppers are told from the same few.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::quote::Quotable;

/// Passages kept ready, some tens of kilobytes each.
const MOST: usize = 96;

/// Quotes passages.
#[derive(Debug, Default)]
pub struct Quoter {
    ready: RefCell<HashMap<(Option<String>, String), Ready>>,
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
    pub fn quote(&self, question: &str, title: Option<&str>, passage: &str) -> String {
        self.ready(title, passage).quote(question)
    }

    fn ready(&self, title: Option<&str>, passage: &str) -> Rc<Quotable> {
        let used = self.quoted.get() + 1;
        self.quoted.set(used);
        let key = (title.map(str::to_owned), passage.to_owned());
        let mut ready = self.ready.borrow_mut();
        if let Some(known) = ready.get_mut(&key) {
            known.used = used;
            return Rc::clone(&known.quotable);
        }
        let least = ready.iter().min_by_key(|(_, r)| r.used).map(|(key, _)| key.clone());
        if let Some(least) = least.filter(|_| ready.len() >= MOST) {
            ready.remove(&least);
        }
        let quotable = Rc::new(Quotable::new(title, passage));
        ready.insert(key, Ready { quotable: Rc::clone(&quotable), used });
        quotable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passage_that_is_quoted_again_is_ready_and_only_the_last_ones_are_kept() {
        let quoter = Quoter::default();
        let passage = |n: usize| format!("第{n}地区の送料は{n}00円です。");
        let first = quoter.ready(None, &passage(0));
        for n in 1..MOST * 2 {
            assert_eq!(quoter.quote("送料", None, &passage(n)), passage(n));
            assert!(Rc::ptr_eq(&first, &quoter.ready(None, &passage(0))));
        }
        assert_eq!(quoter.ready.borrow().len(), MOST);
        assert!(!Rc::ptr_eq(&first, &quoter.ready(Some("送料"), &passage(0))));
    }
}
