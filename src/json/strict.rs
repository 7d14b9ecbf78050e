//! The fast path: a reply that is valid JSON goes straight to `serde_json`, which also counts its duplicate keys.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::types::{Parsed, ReadAs};

/// The whole text as valid JSON, or nothing. A string that holds a whole JSON object or list is left to `find`.
pub(super) fn read(text: &str) -> Option<Parsed> {
    let duplicates = Cell::new(false);
    let mut from = serde_json::Deserializer::from_str(text);
    let value = Seed(&duplicates).deserialize(&mut from).ok()?;
    from.end().ok()?;
    if let Value::String(inner) = &value
        && inner.trim_start().starts_with(['{', '['])
        && inner.trim_end().ends_with(['}', ']'])
        && serde_json::from_str::<Value>(inner).is_ok()
    {
        return None;
    }
    let mut repairs = Vec::new();
    if duplicates.get() {
        // Where they stand is only known to the mender, which reads valid JSON to the same value.
        repairs = super::find::duplicates(text);
    }
    Some(Parsed { value, read_as: ReadAs::Strict, repairs })
}

/// A value with no key twice; one with a key twice is an error.
pub(super) struct Single(pub Value);

impl<'de> serde::Deserialize<'de> for Single {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let duplicates = Cell::new(false);
        let value = Seed(&duplicates).deserialize(from)?;
        if duplicates.get() { Err(serde::de::Error::custom("a key came twice")) } else { Ok(Self(value)) }
    }
}

/// Reads a `Value` as serde_json's own `Deserialize` does, noting whether a key came twice.
#[derive(Clone, Copy)]
struct Seed<'a>(&'a Cell<bool>);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Number::from_f64(v).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(Value::String(v))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = seq.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = pairs.next_key::<String>()? {
            if map.insert(key, pairs.next_value_seed(self)?).is_some() {
                self.0.set(true);
            }
        }
        Ok(Value::Object(map))
    }
}
