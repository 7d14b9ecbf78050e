//! Makes a value fit a schema where the difference is harmless: what was meant is not in doubt.

use serde_json::{Map, Value};

use super::chars::narrow;
use super::scalar;
use super::schema::{Schema, plain_key};

/// The keys that lead to a place.
type Path = Vec<String>;

struct Coercion<'s> {
    schema: &'s Schema,
    /// Where the walk is.
    path: Path,
    /// Where something was changed.
    changed: Vec<Path>,
    /// Steps left: a schema that multiplies its alternatives ends.
    left: usize,
}

/// Coerces in place; the places changed. The walk goes no deeper than the value, whose depth is bounded.
pub(super) fn fit(value: &mut Value, schema: &Schema) -> Vec<Path> {
    let mut coercion = Coercion { schema, path: Vec::new(), changed: Vec::new(), left: 20_000 };
    coercion.part(value, schema.root(), 0);
    coercion.changed
}

impl Coercion<'_> {
    fn note(&mut self) {
        self.changed.push(self.path.clone());
    }

    fn part(&mut self, value: &mut Value, wanted: &Value, nesting: usize) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 || nesting > 2 * super::MAX_DEPTH {
            return;
        }
        let schema = self.schema;
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
                let before = self.changed.len();
                self.part(&mut tried, one, nesting + 1);
                if fits(&tried) {
                    *value = tried;
                    return;
                }
                self.changed.truncate(before);
            }
        }
        for one in wanted.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.part(value, one, nesting + 1);
        }
        if let Some(one) = named(value, wanted) {
            *value = one;
            self.note();
            return;
        }
        let types: Vec<&str> = match wanted.get("type") {
            Some(Value::String(name)) => vec![name.as_str()],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let is_one = |value: &Value| {
            types.iter().any(|name| schema.fits(&serde_json::json!({ "type": name }), value, "", 0, &mut 9).is_ok())
        };
        if !types.is_empty() && !is_one(value) {
            let wrapped = self.wrapped(value, wanted, &types);
            if let Some(other) = wrapped.or_else(|| types.iter().find_map(|name| converted(value, name))) {
                *value = other;
                self.note();
            }
        }
        if let Some(inner) = self.unwrapped(value, wanted, nesting) {
            *value = inner;
            self.note();
        }
        match value {
            Value::Object(map) => self.object(map, wanted, nesting),
            Value::Array(items) => {
                if let Some(each) = wanted.get("items") {
                    for item in items {
                        self.part(item, each, nesting + 1);
                    }
                }
            }
            _ => {}
        }
    }

    /// A list where an object is wanted that holds nothing but one list.
    fn wrapped(&self, value: &Value, wanted: &Value, types: &[&str]) -> Option<Value> {
        let items = value.as_array()?;
        let known = wanted.get("properties").and_then(Value::as_object).filter(|_| types.contains(&"object"))?;
        let (name, list) = known.iter().next().filter(|_| known.len() == 1)?;
        let list = self.schema.resolved(list)?;
        if list.get("type").is_none_or(|t| t != "array") || items.len() == 1 && items.first()?.get(name).is_some() {
            return None;
        }
        let mut map = Map::new();
        map.insert(name.clone(), value.clone());
        Some(Value::Object(map))
    }

    /// An object that holds nothing but the wanted one, under a key that is not asked for.
    fn unwrapped(&mut self, value: &Value, wanted: &Value, nesting: usize) -> Option<Value> {
        let (key, inner) = value.as_object().filter(|map| map.len() == 1)?.iter().next()?;
        let known = wanted.get("properties").and_then(Value::as_object)?;
        if known.keys().any(|name| plain_key(name) == plain_key(key)) || !inner.is_object() {
            return None;
        }
        let mut tried = inner.clone();
        let before = self.changed.len();
        self.part(&mut tried, wanted, nesting + 1);
        self.changed.truncate(before);
        self.schema.fits(wanted, &tried, "", 0, &mut 5_000).is_ok().then(|| inner.clone())
    }

    fn object(&mut self, map: &mut Map<String, Value>, wanted: &Value, nesting: usize) {
        let Some(known) = wanted.get("properties").and_then(Value::as_object) else { return };
        let schema = self.schema;
        let required = wanted.get("required").and_then(Value::as_array);
        for (name, inner) in known {
            self.path.push(name.clone());
            if !map.contains_key(name) {
                let mut near = map.keys().filter(|k| !known.contains_key(*k) && plain_key(k) == plain_key(name));
                if let (Some(key), None) = (near.next().cloned(), near.next()) {
                    *map = std::mem::take(map)
                        .into_iter()
                        .map(|(k, item)| (if k == key { name.clone() } else { k }, item))
                        .collect();
                    if let Some(last) = self.path.last_mut() {
                        *last = key;
                    }
                    self.note();
                }
            }
            let needed = required.is_some_and(|names| names.iter().any(|n| n == name.as_str()));
            let may_be_null = || schema.fits(inner, &Value::Null, "", 0, &mut 5_000).is_ok();
            match map.get_mut(name) {
                // An optional value that is null where null does not fit was not given.
                Some(Value::Null) if !needed && !may_be_null() => {
                    map.shift_remove(name);
                    self.note();
                }
                Some(item) => self.part(item, inner, nesting + 1),
                None if needed && may_be_null() => {
                    // In structured outputs an optional value is a required one that may be null.
                    map.insert(name.clone(), Value::Null);
                    self.note();
                }
                None => {}
            }
            self.path.pop();
        }
    }
}

/// The one value of an enum, or the constant, that was said in another case, width or type.
fn named(value: &Value, wanted: &Value) -> Option<Value> {
    let alone = wanted.get("const").map(std::slice::from_ref);
    let all = wanted.get("enum").and_then(Value::as_array).map(Vec::as_slice).or(alone)?;
    let text = |v: &Value| match v {
        Value::String(s) => Some(s.clone()),
        Value::Number(_) | Value::Bool(_) => Some(v.to_string()),
        _ => None,
    };
    let plain = |v: &Value| text(v).map(|s| plain_key(&s.trim().chars().map(narrow).collect::<String>()));
    let said = plain(value)?;
    let mut near = all.iter().filter(|one| plain(one).as_ref() == Some(&said));
    near.next().filter(|_| near.next().is_none()).cloned()
}

/// The same value as another type, when it says the same.
fn converted(value: &Value, name: &str) -> Option<Value> {
    match (name, value) {
        ("number" | "integer" | "boolean", Value::String(said)) => {
            let read = scalar::read(said.trim(), false).0;
            let read = if name == "boolean" { scalar::yes_or_no(said.trim()).unwrap_or(read) } else { read };
            let right = if name == "boolean" { read.is_boolean() } else { read.is_number() };
            right.then_some(read)
        }
        ("null", Value::String(said)) => {
            let said = said.trim();
            (said.is_empty() || (scalar::whole(said) && scalar::read(said, false).0.is_null())).then_some(Value::Null)
        }
        ("string", Value::Number(_) | Value::Bool(_)) => Some(Value::String(value.to_string())),
        ("array", Value::Null) => None,
        ("array", Value::String(said)) if said.trim_start().starts_with('[') => {
            let list = super::parse(said).ok().map(|p| p.value).filter(Value::is_array);
            list.or_else(|| Some(Value::Array(vec![value.clone()])))
        }
        ("array", one) => Some(Value::Array(vec![one.clone()])),
        ("object" | "string" | "number" | "integer" | "boolean", Value::Array(items)) if items.len() == 1 => {
            items.first().filter(|item| !item.is_array()).cloned()
        }
        ("object", Value::String(said)) => super::parse(said).ok().map(|p| p.value).filter(Value::is_object),
        _ => None,
    }
}
