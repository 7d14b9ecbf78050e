//! Reads a value as a type where the difference is harmless: a number in quotes, one item where a list is wanted, the
//! case of a key or of an enum's variant. The type says what it wants; the value's depth bounds the recursion.

use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};
use serde_json::{Error, Value};

use super::scalar;
use super::schema::plain_key;

pub(super) struct Lenient<'v>(pub &'v Value);

/// A number or literal that stands in quotes.
fn said(value: &Value) -> Option<Value> {
    let word = value.as_str()?.trim();
    let read = scalar::read(word, false).0;
    if read.is_string() { scalar::yes_or_no(word) } else { Some(read) }
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match said(self.0).filter(Value::is_number) {
                Some(number) => number.$method(visitor),
                None => one(self.0).$method(visitor),
            }
        }
    )*};
}

macro_rules! as_it_is {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.0.$method(visitor)
        }
    )*};
}

/// The only item of a list, where one value is wanted.
fn one(value: &Value) -> &Value {
    match value.as_array().map(Vec::as_slice) {
        Some([item]) if !item.is_array() => item,
        _ => value,
    }
}

impl<'de> Deserializer<'de> for Lenient<'de> {
    type Error = Error;

    numbers! { deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8
    deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 }

    as_it_is! { deserialize_any deserialize_char deserialize_bytes deserialize_byte_buf deserialize_ignored_any }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match said(self.0).filter(Value::is_boolean) {
            Some(read) => read.deserialize_bool(visitor),
            None => one(self.0).deserialize_bool(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match one(self.0) {
            scalar @ (Value::Number(_) | Value::Bool(_)) => visitor.visit_string(scalar.to_string()),
            other => other.deserialize_str(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.0.deserialize_identifier(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let none = self.0.is_null() || said(self.0).is_some_and(|v| v.is_null());
        if none { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.0.deserialize_unit(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.0.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let items = match self.0 {
            Value::Array(items) => items.as_slice(),
            Value::Null => return self.0.deserialize_seq(visitor),
            one => std::slice::from_ref(one),
        };
        visitor.visit_seq(Items(items.iter()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(map) => {
                let pairs = map.iter().map(|(name, value)| (name.as_str(), value)).collect();
                visitor.visit_map(Pairs { pairs, at: 0 })
            }
            other => other.deserialize_map(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Value::Object(map) = one(self.0) else { return self.0.deserialize_struct(name, fields, visitor) };
        // A key that is no field's, but for its case, is the field's; unless the field is there by its own name.
        let named = |key: &'de str| {
            let field = fields.iter().find(|f| **f == key).or_else(|| {
                let mut near = fields.iter().filter(|f| plain_key(f) == plain_key(key) && !map.contains_key(**f));
                near.next().filter(|_| near.next().is_none())
            });
            field.map_or(key, |f| *f)
        };
        let mut pairs: Vec<(&str, &Value)> = Vec::with_capacity(map.len());
        for (key, value) in map {
            let key = named(key);
            if pairs.iter().all(|(before, _)| *before != key) {
                pairs.push((key, value));
            }
        }
        visitor.visit_map(Pairs { pairs, at: 0 })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let variant = |said: &str| {
            let mut near = variants.iter().filter(|v| plain_key(v) == plain_key(said.trim()));
            near.next().filter(|_| near.next().is_none())
        };
        match one(self.0).as_str().and_then(variant) {
            Some(variant) => visitor.visit_enum((*variant).into_deserializer()),
            None => self.0.deserialize_enum(name, variants, visitor),
        }
    }
}

struct Items<'v>(std::slice::Iter<'v, Value>);

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|item| seed.deserialize(Lenient(item))).transpose()
    }
}

struct Pairs<'v> {
    pairs: Vec<(&'v str, &'v Value)>,
    at: usize,
}

impl<'de> de::MapAccess<'de> for Pairs<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((name, _)) = self.pairs.get(self.at) else { return Ok(None) };
        seed.deserialize((*name).into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (_, value) = self.pairs.get(self.at).ok_or_else(|| de::Error::custom("a value without its key"))?;
        self.at += 1;
        seed.deserialize(Lenient(value))
    }
}
