//! A schema says whether a value fits and settles what is harmless.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a test fails by panicking")]

use madoguchi::json::{ReadAs, RepairKind, Schema, parse_as, parse_with_schema};
use serde::Deserialize;
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

#[test]
fn a_type_that_json_schema_does_not_know_is_refused_with_its_place() {
    let refused = |schema: Value| Schema::new(&schema).unwrap_err();
    let misspelt = refused(json!({"type": "object", "properties": {"tags": {"items": {"type": "str"}}}}));
    assert_eq!(misspelt.path, "/properties/tags/items");
    assert!(misspelt.to_string().contains("\"str\"") && misspelt.to_string().contains("string"), "{misspelt}");
    assert_eq!(refused(json!({"anyOf": [{"type": "null"}, {"type": "String"}]})).path, "/anyOf/1");
    assert!(refused(json!({"type": ["string", "none"]})).to_string().contains("\"none\""));
    for faulty in [json!([]), json!(["string", 1]), json!(null), json!({})] {
        refused(json!({ "type": faulty }));
    }
    for known in ["null", "boolean", "string", "array", "object", "number", "integer"] {
        assert!(Schema::new(&json!({"type": [known]})).is_ok() && Schema::new(&json!({ "type": known })).is_ok());
    }
    // What stands where no schema does is no schema, and a `$ref` to it lets nothing pass.
    let elsewhere = json!({"$ref": "#/examples/a", "examples": {"a": {"type": "any"}}});
    assert!(Schema::new(&elsewhere).unwrap().check(&json!(1)).is_err());
}

/// A reply, the schema of one property `x`, and what `x` becomes.
fn x(reply: &str, schema: Value) -> Option<Value> {
    let schema = json!({"type": "object", "properties": {"x": schema}, "required": ["x"]});
    parse_with_schema(reply, &Schema::new(&schema).unwrap()).ok().map(|p| p.value["x"].clone())
}

#[test]
fn each_harmless_difference_is_coerced_and_no_other() {
    let list = json!({"type": "array", "items": {"type": "string"}});
    for (reply, schema, wanted) in [
        (r#"{"x": "12"}"#, json!({"type": "integer"}), Some(json!(12))),
        (r#"{"x": "１２"}"#, json!({"type": "integer"}), Some(json!(12))),
        (r#"{"x": "1,980円"}"#, json!({"type": "number"}), Some(json!(1980))),
        (r#"{"x": "about 12"}"#, json!({"type": "integer"}), None),
        (r#"{"x": "true"}"#, json!({"type": "boolean"}), Some(json!(true))),
        (r#"{"x": "はい"}"#, json!({"type": "boolean"}), Some(json!(true))),
        (r#"{"x": 1}"#, json!({"type": "boolean"}), None),
        (r#"{"x": 12}"#, json!({"type": "string"}), Some(json!("12"))),
        (r#"{"x": "late"}"#, list.clone(), Some(json!(["late"]))),
        (r#"{"x": "[\"a\", \"b\"]"}"#, list.clone(), Some(json!(["a", "b"]))),
        (r#"{"x": null}"#, list, None),
        (r#"{"X": "a"}"#, json!({"type": "string"}), Some(json!("a"))),
        (r#"{"x": " High "}"#, json!({"enum": ["high", "low"]}), Some(json!("high"))),
        (r#"{"x": "in-progress"}"#, json!({"enum": ["in_progress", "done"]}), Some(json!("in_progress"))),
        (r#"{"x": "2"}"#, json!({"enum": [1, 2]}), Some(json!(2))),
        (r#"{"x": "medium"}"#, json!({"enum": ["high", "low"]}), None),
        (r#"{"x": "null"}"#, json!({"anyOf": [{"type": "integer"}, {"type": "null"}]}), Some(json!(null))),
        (r#"{"x": "{\"y\": 1}"}"#, json!({"type": "object"}), Some(json!({"y": 1}))),
        (r#"{"result": {"x": "a"}}"#, json!({"type": "string"}), Some(json!("a"))),
        (r#"[{"x": "a"}]"#, json!({"type": "string"}), Some(json!("a"))),
        (r#"["a", "b"]"#, json!({"type": "array"}), Some(json!(["a", "b"]))),
    ] {
        assert_eq!(x(reply, schema), wanted, "{reply}");
    }
}

#[test]
fn what_is_ambiguous_is_read_as_the_schema_asks() {
    let text = json!({"type": "string"});
    for (reply, schema, wanted) in [
        ("{x: 0600001}", &text, json!("0600001")),
        ("{x: 03-1234-5678}", &text, json!("03-1234-5678")),
        ("{x: true}", &text, json!("true")),
        ("{x: 1,980}", &json!({"type": "number"}), json!(1980)),
        ("The format is {\"y\": 0}.\n{\"y\": 0}\nThe answer: {\"x\": \"a\"}", &text, json!("a")),
        // A key that the schema does not know is no key, but text in quotes.
        (r#"{"x": "see "note": it is late"}"#, &text, json!("see \"note\": it is late")),
    ] {
        assert_eq!(x(reply, schema.clone()), Some(wanted), "{reply}");
    }
}

#[test]
fn a_coercion_is_told_at_its_key() {
    let text = r#"{"note": "a", "Tags": "late", "kind": "refund", "score": "0.5"}"#;
    let parsed = parse_with_schema(text, &reply()).unwrap();
    let places: Vec<&str> = parsed.repairs.iter().map(|r| &text[r.at..r.at + 4]).collect();
    assert_eq!(places, ["Tags", "Tags", "scor"]);
}

#[test]
fn a_schema_leaves_a_reply_that_fits_as_it_is() {
    let text = r#"{"kind": "refund", "score": 1, "tags": [], "note": "12"}"#;
    let parsed = parse_with_schema(text, &reply()).unwrap();
    assert_eq!((parsed.read_as, parsed.repairs.len()), (ReadAs::Strict, 0));
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Refund,
    InTransit,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Analysis {
    kind: Kind,
    key_points: Vec<String>,
    score: f32,
    count: Option<u32>,
    #[serde(default)]
    urgent: bool,
    zip: String,
}

#[test]
fn a_type_settles_what_a_schema_would() {
    let reply = "Here you are:\n```json\n{Kind: 'In-Transit', \"key_points\": \"late\", score: \"0.5\", count: \"none\", urgent: 'yes', zip: 0600001,}\n```";
    let wanted = Analysis {
        kind: Kind::InTransit,
        key_points: vec!["late".to_owned()],
        score: 0.5,
        count: None,
        urgent: true,
        zip: "0600001".to_owned(),
    };
    assert_eq!(parse_as::<Analysis>(reply).unwrap(), wanted);
    let valid = r#"{"kind": "refund", "keyPoints": ["a"], "score": 1, "count": 2, "zip": "1"}"#;
    assert_eq!(parse_as::<Analysis>(valid).unwrap().kind, Kind::Refund);
    let fault = parse_as::<Analysis>(r#"{"kind": "other", "keyPoints": [], "score": 1, "zip": "1"}"#).unwrap_err();
    assert!(fault.to_string().contains("other"), "{fault}");
    assert_eq!(parse_as::<Vec<u8>>("The list is [\"1\", 2]").unwrap(), [1, 2]);
}
