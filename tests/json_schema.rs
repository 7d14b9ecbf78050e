//! A schema says whether a value fits and settles what is harmless.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a test fails by panicking")]

use madoguchi::json::{ReadAs, RepairKind, Schema, parse_with_schema};
use serde_json::{Value, json};

fn reply() -> Schema {
    Schema::new(&json!({
        "type": "object",
        "properties": {
            "kind": { "enum": ["refund", "delivery"] },
            "score": { "type": "number", "minimum": 0, "maximum": 1 },
            "tags": { "type": "array", "items": { "type": "string", "maxLength": 5 } },
            "note": { "anyOf": [{ "type": "string" }, { "type": "null" }] }
        },
        "required": ["kind", "score", "tags", "note"],
        "additionalProperties": false
    }))
    .unwrap()
}

#[test]
fn a_misfit_tells_its_place() {
    let good = json!({"kind": "refund", "score": 0.5, "tags": ["a"], "note": null});
    assert_eq!(reply().check(&good), Ok(()));
    let at = |key: &str, value: Value| {
        let mut bad = good.clone();
        bad[key] = value;
        reply().check(&bad).unwrap_err().path
    };
    assert_eq!(at("kind", json!("other")), "/kind");
    assert_eq!(at("score", json!(2)), "/score");
    assert_eq!(at("tags", json!(["a", 1])), "/tags/1");
    assert_eq!(at("tags", json!(["too long"])), "/tags/0");
    assert_eq!(at("more", json!(1)), "");
}

#[test]
fn harmless_differences_are_coerced_and_told() {
    let text = r#"{"Kind": "REFUND", "score": "0.5", "tags": "a"}"#;
    let parsed = parse_with_schema(text, &reply()).unwrap();
    assert_eq!(parsed.value, json!({"kind": "refund", "score": 0.5, "tags": ["a"], "note": null}));
    assert_eq!(parsed.read_as, ReadAs::Repaired);
    assert!(parsed.repairs.iter().all(|r| r.kind == RepairKind::Coerced) && !parsed.repairs.is_empty());
}

#[test]
fn what_cannot_be_settled_is_refused_with_its_place() {
    let text = r#"{"kind": "refund", "score": "high", "tags": [], "note": null}"#;
    assert!(parse_with_schema(text, &reply()).unwrap_err().to_string().contains("/score"));
}

#[test]
fn references_in_a_circle_end() {
    let tree = json!({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties":
        {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}, "required": ["next"]}}});
    let tree = Schema::new(&tree).unwrap();
    assert!(tree.check(&json!({"next": {"next": null}})).is_ok());
    assert!(tree.check(&json!({"next": {"next": 1}})).is_err());
    let empty = json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}});
    assert!(Schema::new(&empty).unwrap().check(&json!(1)).is_err());
    let any = json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"type": "null"}]});
    assert!(Schema::new(&any).unwrap().check(&json!(1)).is_err());
}

#[test]
fn a_schema_with_a_faulty_keyword_is_refused() {
    assert_eq!(Schema::new(&json!({"properties": {"a": {"required": 1}}})).unwrap_err().path, "/properties/a");
    assert!(Schema::new(&json!({"$ref": "#/$defs/none"})).is_err());
}
