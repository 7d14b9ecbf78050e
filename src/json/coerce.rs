//! Makes a value fit a schema where the difference is harmless: what was meant is not in doubt.

use serde_json::{Map, Value};

use super::scalar;
use super::schema::Schema;

/// Coerces in place; the number of places changed. The walk goes no deeper than the value, whose depth is bounded.
pub(super) fn fit(value: &mut Value, schema: &Schema) -> usize {
    let mut changed = 0;
    let mut left = 20_000;
    part(value, schema, schema.root(), 0, &mut changed, &mut left);
    changed
}

fn part(value: &mut Value, schema: &Schema, wanted: &Value, nesting: usize, changed: &mut usize, left: &mut usize) {
    *left = usize::saturating_sub(*left, 1);
    if *left == 0 || nesting > 2 * super::MAX_DEPTH {
        return;
    }
    let Some(wanted) = schema.resolved(wanted) else { return };
    let fits = |value: &Value| schema.fits(wanted, value, "", 0, &mut 5_000).is_ok();
    if fits(value) {
        return;
    }
    for word in ["anyOf", "oneOf"] {
        let Some(all) = wanted.get(word).and_then(Value::as_array) else { continue };
        // The first alternative that the value can be made to fit.
        for one in all {
            let mut tried = value.clone();
            let mut here = 0;
            part(&mut tried, schema, one, nesting + 1, &mut here, left);
            if fits(&tried) {
                *value = tried;
                *changed += here;
                return;
            }
        }
    }
    for one in wanted.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        part(value, schema, one, nesting + 1, changed, left);
    }
    if let Some(all) = wanted.get("enum").and_then(Value::as_array)
        && let Some(said) = value.as_str()
    {
        let plain = |s: &str| s.trim().to_lowercase().replace([' ', '-'], "_");
        let mut near = all.iter().filter(|one| one.as_str().is_some_and(|one| plain(one) == plain(said)));
        if let (Some(one), None) = (near.next(), near.next()) {
            *value = one.clone();
            *changed += 1;
            return;
        }
    }
    let types: Vec<&str> = match wanted.get("type") {
        Some(Value::String(name)) => vec![name.as_str()],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.iter().any(|name| schema.fits(&serde_json::json!({ "type": name }), value, "", 0, &mut 9).is_ok()) {
        for name in &types {
            if let Some(other) = converted(value, name) {
                *value = other;
                *changed += 1;
                break;
            }
        }
    }
    match value {
        Value::Object(map) => object(map, schema, wanted, nesting, changed, left),
        Value::Array(items) => {
            if let Some(each) = wanted.get("items") {
                for item in items {
                    part(item, schema, each, nesting + 1, changed, left);
                }
            }
        }
        _ => {}
    }
}

fn object(
    map: &mut Map<String, Value>,
    schema: &Schema,
    wanted: &Value,
    nesting: usize,
    changed: &mut usize,
    left: &mut usize,
) {
    let Some(known) = wanted.get("properties").and_then(Value::as_object) else { return };
    let plain = |s: &str| s.to_lowercase().replace(['_', '-', ' '], "");
    let required = wanted.get("required").and_then(Value::as_array);
    for (name, inner) in known {
        if !map.contains_key(name) {
            let mut near = map.keys().filter(|k| !known.contains_key(*k) && plain(k) == plain(name));
            if let (Some(key), None) = (near.next().cloned(), near.next())
                && let Some(item) = map.shift_remove(&key)
            {
                map.insert(name.clone(), item);
                *changed += 1;
            }
        }
        let needed = required.is_some_and(|names| names.iter().any(|n| n == name.as_str()));
        match map.get_mut(name) {
            // An optional value that is null where null does not fit was not given.
            Some(Value::Null) if !needed && schema.fits(inner, &Value::Null, "", 0, &mut 5_000).is_err() => {
                map.shift_remove(name);
                *changed += 1;
            }
            Some(item) => part(item, schema, inner, nesting + 1, changed, left),
            None if needed && schema.fits(inner, &Value::Null, "", 0, &mut 5_000).is_ok() => {
                // In structured outputs an optional value is a required one that may be null.
                map.insert(name.clone(), Value::Null);
                *changed += 1;
            }
            None => {}
        }
    }
}

/// The same value as another type, when it says the same.
fn converted(value: &Value, name: &str) -> Option<Value> {
    match (name, value) {
        ("number" | "integer" | "boolean", Value::String(said)) => {
            let read = scalar::read(said.trim(), false).0;
            let right = if name == "boolean" { read.is_boolean() } else { read.is_number() };
            right.then_some(read)
        }
        ("null", Value::String(said)) => {
            let said = said.trim();
            (said.is_empty() || (scalar::whole(said) && scalar::read(said, false).0.is_null())).then_some(Value::Null)
        }
        ("string", Value::Number(_) | Value::Bool(_)) => Some(Value::String(value.to_string())),
        ("array", Value::Null) => None,
        ("array", one) => Some(Value::Array(vec![one.clone()])),
        ("object" | "string" | "number" | "integer" | "boolean", Value::Array(items)) if items.len() == 1 => {
            items.first().filter(|item| !item.is_array()).cloned()
        }
        ("object", Value::String(said)) => serde_json::from_str(said).ok().filter(Value::is_object),
        _ => None,
    }
}
