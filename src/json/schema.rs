//! The part of JSON Schema that structured outputs use: is a value of the shape that was asked for?

use std::collections::HashSet;
use std::fmt;

use serde_json::Value;

/// A schema, checked for keywords of the wrong type when it was made.
#[derive(Debug, Clone)]
pub struct Schema {
    root: Value,
    /// The names of all properties anywhere in it, plain; nothing when it names none.
    names: Option<HashSet<String>>,
}

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError {
    /// Where in the schema, as a JSON pointer.
    pub path: String,
    /// What is wrong there.
    pub fault: String,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the schema at \"{}\" {}", self.path, self.fault)
    }
}

impl std::error::Error for SchemaError {}

/// The first place where a value does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Where in the value, as a JSON pointer.
    pub path: String,
    /// What the schema asks for.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at \"{}\" {} was expected, but {} was found", self.path, self.expected, self.found)
    }
}

impl std::error::Error for Misfit {}

/// Checks made for one value are bounded: a schema that multiplies its alternatives fails instead of hanging.
const MAX_CHECKS: usize = 200_000;
/// `$ref`s followed in a row, and schemas within schemas, before a cycle is called.
const MAX_NESTING: usize = 256;

/// The types that a value can have.
const TYPES: [&str; 7] = ["null", "boolean", "string", "array", "object", "number", "integer"];
const TYPES_TOLD: &str = "a type is one of null, boolean, string, array, object, number and integer";

impl Schema {
    /// Takes a schema.
    ///
    /// # Errors
    /// When it is neither an object nor a boolean, a keyword has a value of the wrong type, or a `type` is none of JSON
    /// Schema's: a word that is misspelt would let every value pass.
    pub fn new(schema: &Value) -> Result<Self, SchemaError> {
        let mut open = vec![(String::new(), schema)];
        let mut names = HashSet::new();
        while let Some((path, part)) = open.pop() {
            let fault = |fault: String| Err(SchemaError { path: path.clone(), fault });
            let map = match part {
                Value::Object(map) => map,
                Value::Bool(_) => continue,
                _ => return fault("is neither an object nor a boolean".to_owned()),
            };
            for (word, value) in map {
                let inner = format!("{path}/{word}");
                let right = match word.as_str() {
                    "type" => match value {
                        Value::Array(names) if !names.is_empty() => {
                            if let Some(unknown) = names.iter().find(|name| !is_type(name)) {
                                return fault(format!("has {unknown} among its types; {TYPES_TOLD}"));
                            }
                            true
                        }
                        Value::String(_) if !is_type(value) => {
                            return fault(format!("has the type {value}; {TYPES_TOLD}"));
                        }
                        other => other.is_string(),
                    },
                    "required" => value.as_array().is_some_and(|names| names.iter().all(Value::is_string)),
                    "enum" => value.is_array(),
                    "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => value.is_number(),
                    "minLength" | "maxLength" | "minItems" | "maxItems" => value.is_u64(),
                    "$ref" => {
                        value.as_str().is_some_and(|r| schema.pointer(r.strip_prefix('#').unwrap_or("/")).is_some())
                    }
                    "properties" | "$defs" | "definitions" => {
                        let parts = value.as_object();
                        if word == "properties" {
                            names.extend(parts.into_iter().flatten().map(|(name, _)| plain_key(name)));
                        }
                        open.extend(parts.into_iter().flatten().map(|(k, v)| (format!("{inner}/{k}"), v)));
                        parts.is_some()
                    }
                    "items" | "additionalProperties" => {
                        open.push((inner, value));
                        true
                    }
                    "anyOf" | "oneOf" | "allOf" => {
                        let parts = value.as_array();
                        let numbered = parts.into_iter().flatten().enumerate();
                        open.extend(numbered.map(|(i, v)| (format!("{inner}/{i}"), v)));
                        parts.is_some()
                    }
                    _ => true,
                };
                if !right {
                    return fault(format!("has a `{word}` that cannot be used"));
                }
            }
        }
        Ok(Self { root: schema.clone(), names: Some(names).filter(|names| !names.is_empty()) })
    }

    /// Whether a value fits.
    ///
    /// # Errors
    /// The first place where it does not.
    pub fn check(&self, value: &Value) -> Result<(), Misfit> {
        let mut left = MAX_CHECKS;
        self.fits(&self.root, value, "", 0, &mut left)
    }

    pub(super) const fn root(&self) -> &Value {
        &self.root
    }

    /// Whether the names of properties are known at all.
    pub(super) const fn knows_keys(&self) -> bool {
        self.names.is_some()
    }

    /// Whether some object of the schema has a property of this name, in any case.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.names.as_ref().is_some_and(|names| names.contains(&plain_key(name)))
    }

    /// The schema of an object's property.
    pub(super) fn of_key<'s>(&'s self, object: &'s Value, key: &str) -> Option<&'s Value> {
        let object = self.resolved(object)?;
        let direct = object.get("properties").and_then(|p| p.get(key)).or_else(|| {
            let all = object.get("properties").and_then(Value::as_object)?;
            all.iter().find(|(known, _)| plain_key(known) == plain_key(key)).map(|(_, inner)| inner)
        });
        self.resolved(direct.or_else(|| object.get("additionalProperties").filter(|a| a.is_object()))?)
    }

    /// The schema of a list's items.
    pub(super) fn of_item<'s>(&'s self, list: &'s Value) -> Option<&'s Value> {
        self.resolved(self.resolved(list)?.get("items")?)
    }

    /// Whether a part asks for a text and for nothing else, but perhaps null.
    pub(super) fn wants_text(&self, part: &Value) -> bool {
        let one = |name: &Value| name == "string" || name == "null";
        match part.get("type") {
            Some(Value::Array(names)) => names.iter().all(one) && names.iter().any(|n| n == "string"),
            Some(name) => name == "string",
            None => {
                let all = part.get("anyOf").or_else(|| part.get("oneOf")).and_then(Value::as_array);
                all.is_some_and(|all| {
                    let types = || all.iter().filter_map(|one| self.resolved(one)?.get("type"));
                    types().count() == all.len() && types().all(one) && types().any(|n| n == "string")
                })
            }
        }
    }

    /// The schema behind its `$ref`s; nothing when they go round in a circle.
    pub(super) fn resolved<'s>(&'s self, mut part: &'s Value) -> Option<&'s Value> {
        for _ in 0..MAX_NESTING {
            match part.get("$ref").and_then(Value::as_str) {
                Some(to) => part = self.root.pointer(to.strip_prefix('#')?)?,
                None => return Some(part),
            }
        }
        None
    }

    /// The nesting is bounded by `MAX_NESTING`, the work by `left`: neither value nor schema can drive it further.
    pub(super) fn fits(
        &self,
        part: &Value,
        value: &Value,
        path: &str,
        nesting: usize,
        left: &mut usize,
    ) -> Result<(), Misfit> {
        let misfit = |expected: String| Err(Misfit { path: path.to_owned(), expected, found: shown(value) });
        *left = left.saturating_sub(1);
        if *left == 0 || nesting > MAX_NESTING {
            return misfit("a schema that can be checked within its bounds".to_owned());
        }
        let map = match part {
            Value::Bool(true) => return Ok(()),
            Value::Object(map) => map,
            _ => return misfit("nothing at all".to_owned()),
        };
        for (word, wanted) in map {
            let number = |holds: fn(f64, f64) -> bool| match (value.as_f64(), wanted.as_f64()) {
                (Some(v), Some(w)) => holds(v, w),
                _ => true,
            };
            let size = |size: Option<usize>, holds: fn(u64, u64) -> bool| match (size, wanted.as_u64()) {
                (Some(s), Some(w)) => holds(s as u64, w),
                _ => true,
            };
            let length = || value.as_str().map(|s| s.chars().count());
            let items = || value.as_array().map(Vec::len);
            let holds = match word.as_str() {
                "$ref" => match self.resolved(part) {
                    Some(target) => {
                        self.fits(target, value, path, nesting + 1, left)?;
                        true
                    }
                    None => false,
                },
                "type" => match wanted {
                    Value::String(name) => is_a(value, name),
                    Value::Array(names) => names.iter().filter_map(Value::as_str).any(|name| is_a(value, name)),
                    _ => true,
                },
                "enum" => wanted.as_array().is_some_and(|all| all.iter().any(|one| same(one, value))),
                "const" => same(wanted, value),
                "minimum" => number(|v, w| v >= w),
                "maximum" => number(|v, w| v <= w),
                "exclusiveMinimum" => number(|v, w| v > w),
                "exclusiveMaximum" => number(|v, w| v < w),
                "multipleOf" => number(|v, w| w == 0.0 || ((v / w).round() - v / w).abs() < 1e-9),
                "minLength" => size(length(), |s, w| s >= w),
                "maxLength" => size(length(), |s, w| s <= w),
                "minItems" => size(items(), |s, w| s >= w),
                "maxItems" => size(items(), |s, w| s <= w),
                "allOf" => {
                    for one in wanted.as_array().into_iter().flatten() {
                        self.fits(one, value, path, nesting + 1, left)?;
                    }
                    true
                }
                "anyOf" | "oneOf" => {
                    let all = wanted.as_array().map_or(&[][..], Vec::as_slice);
                    let mut fitting = 0;
                    let mut first = None;
                    for one in all {
                        match self.fits(one, value, path, nesting + 1, left) {
                            Ok(()) => fitting += 1,
                            // The fault that lies deepest tells most about the alternative that was meant.
                            Err(m) => {
                                if first.as_ref().is_none_or(|f: &Misfit| m.path.len() > f.path.len()) {
                                    first = Some(m);
                                }
                            }
                        }
                    }
                    if fitting == 0
                        && let Some(deeper) = first.filter(|m| m.path.len() > path.len())
                    {
                        return Err(deeper);
                    }
                    if word == "anyOf" { fitting > 0 } else { fitting == 1 }
                }
                "required" => {
                    let names = wanted.as_array().into_iter().flatten().filter_map(Value::as_str);
                    if let Some(object) = value.as_object()
                        && let Some(absent) = names.into_iter().find(|name| !object.contains_key(*name))
                    {
                        return misfit(format!("an object with the key \"{absent}\""));
                    }
                    true
                }
                "items" => {
                    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.fits(wanted, item, &format!("{path}/{i}"), nesting + 1, left)?;
                    }
                    true
                }
                "properties" => {
                    for (key, inner) in wanted.as_object().into_iter().flatten() {
                        if let Some(item) = value.get(key) {
                            self.fits(inner, item, &format!("{path}/{}", token(key)), nesting + 1, left)?;
                        }
                    }
                    true
                }
                "additionalProperties" => {
                    let known = map.get("properties").and_then(Value::as_object);
                    for (key, item) in value.as_object().into_iter().flatten() {
                        if known.is_some_and(|k| k.contains_key(key)) {
                            continue;
                        }
                        if wanted == &Value::Bool(false) {
                            return misfit(format!("an object without the key \"{key}\""));
                        }
                        self.fits(wanted, item, &format!("{path}/{}", token(key)), nesting + 1, left)?;
                    }
                    true
                }
                _ => true,
            };
            if !holds {
                return misfit(match word.as_str() {
                    "type" => format!("a value of type {}", wanted.to_string().replace('"', "")),
                    "enum" => format!("one of {wanted}"),
                    "const" => wanted.to_string(),
                    "anyOf" => "one of the alternatives".to_owned(),
                    "oneOf" => "exactly one of the alternatives".to_owned(),
                    _ => format!("a value with {word} {wanted}"),
                });
            }
        }
        Ok(())
    }
}

fn is_type(name: &Value) -> bool {
    TYPES.iter().any(|known| name == known)
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0),
        // Only behind a `$ref` to where no schema stands.
        _ => false,
    }
}

/// Equal as JSON Schema has it: 1 and 1.0 are the same number.
fn same(a: &Value, b: &Value) -> bool {
    a == b || (a.is_number() && b.is_number() && a.as_f64() == b.as_f64())
}

/// A key without case and without the marks that styles of naming differ in.
pub(super) fn plain_key(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

fn token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A value in short.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(map) => {
            let keys: Vec<&str> = map.keys().take(8).map(String::as_str).collect();
            format!("an object with the keys [{}]", keys.join(", "))
        }
        other => other.to_string().chars().take(80).collect(),
    }
}
