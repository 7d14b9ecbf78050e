//! The search's vocabulary, which an isolate fetches from the files beside the Worker when it first searches.

use std::thread;
use std::time::{Duration, Instant};

use madoguchi::knowledge::vocabulary::WAIT_MS;
use serde_json::json;

use crate::knowledge::load;
use crate::serve::Worker;
use crate::storage::Storage;
use crate::visitor::{SECRET, Visitor, text};

/// The storage of a shop whose documents were loaded by an isolate that is gone.
fn shop(name: &str) -> Storage {
    let storage = Storage::new(name);
    load(&open(&storage));
    storage
}

fn open(shop: &Storage) -> Worker {
    Worker::start(&[shop.variable(), ("ENTRY", "tests/worker/vocabulary.mjs"), ("VISITOR_SECRET", SECRET)])
}

fn make(worker: &Worker, vocabulary: &str) {
    worker.request("GET", "/healthz", &[("x-vocabulary", vocabulary)], Vec::new());
}

fn fetched(worker: &Worker) -> u32 {
    worker.request("GET", "/fetched", &[], Vec::new()).text.parse().unwrap()
}

/// The page that comes first.
fn found(worker: &Worker, question: &str) -> String {
    let answer = worker.post("/v1/answer", &json!({ "query": question })).json();
    answer["sources"][0]["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[test]
fn those_who_search_first_in_an_isolate_are_answered_with_the_vocabulary_fetched_once() {
    let shop = shop("first-use");
    let worker = open(&shop);
    assert_eq!(fetched(&worker), 0);
    thread::scope(|scope| {
        let asked: Vec<_> = (0..12).map(|_| scope.spawn(|| found(&worker, "へんぴんしたい"))).collect();
        asked.into_iter().for_each(|id| assert_eq!(id.join().unwrap(), "returns"));
    });
    assert_eq!(fetched(&worker), 1);
}

#[test]
fn without_the_vocabulary_the_search_goes_on_and_has_it_again_when_it_is_back() {
    let shop = shop("without");
    for vocabulary in ["gone", "another", "silent"] {
        let worker = open(&shop);
        make(&worker, vocabulary);
        let visitor = Visitor::new(&worker);
        let asked = Instant::now();
        let events = visitor.ask("m1", "送料はいくらですか", None, 99);
        assert!(text(&events).contains("送料"), "{events:?}");
        assert_eq!(events.last().unwrap().data["rung"], "passages");
        // A question with a history is searched twice, and its answer is quoted: each waits for the vocabulary no longer than this.
        assert!(asked.elapsed() < Duration::from_millis(2 * WAIT_MS), "{vocabulary}: {:?}", asked.elapsed());
        // By its characters a page is found; by how they sound none is.
        assert_eq!(found(&worker, "返品の送料はどちらの負担ですか"), "returns");
        let heard = worker.post("/v1/answer", &json!({ "query": "へんぴんしたい" })).json();
        assert_ne!(heard["sources"][0]["id"], "returns", "{heard}");
        make(&worker, "there");
        thread::sleep(Duration::from_millis(1_100));
        assert_eq!(found(&worker, "へんぴんしたい"), "returns", "{vocabulary}");
        let fetches = fetched(&worker);
        assert_eq!(found(&worker, "へんぴんしたい"), "returns");
        assert_eq!(fetched(&worker), fetches);
    }
}
