//! What holds for every text.

use madoguchi::json::{ReadAs, parse};
use proptest::prelude::*;
use serde_json::Value;

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

/// An object that is not empty.
fn object() -> impl Strategy<Value = Value> {
    prop::collection::vec((any::<String>(), value()), 1..6).prop_map(|p| Value::Object(p.into_iter().collect()))
}

/// A string that may be JSON itself is read as what it holds.
fn may_hold_json(value: &Value) -> bool {
    value.as_str().is_some_and(|s| s.trim_start().starts_with(['{', '[', '`', '"']))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn valid_json_reads_as_serde_json_reads_it(value in value()) {
        prop_assume!(!may_hold_json(&value));
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let theirs: Value = serde_json::from_str(&text).unwrap();
            let ours = parse(&text).unwrap();
            prop_assert_eq!(ours.value, theirs);
            prop_assert_eq!(ours.read_as, ReadAs::Strict);
        }
    }

    #[test]
    fn valid_json_after_prose_is_not_changed(value in object()) {
        let text = value.to_string();
        let theirs: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(parse(&format!("Here is the answer:\n```json\n{text}\n```\nDone.")).unwrap().value, theirs);
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), marks in "[\\[\\]{}\"',:\\\\ \n`a1「」“”().#/…tn<>-]{0,80}") {
        let _ = parse(&text);
        let _ = parse(&marks);
    }
}
