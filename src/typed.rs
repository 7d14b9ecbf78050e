//! JSON into this program's own types.
//!
//! `serde_json` compiles its whole reader anew for every type, a list in a struct's place included; this one, by way of a value, adds
//! to a type only what its fields need. Calls and replies, which are read at every request, go the direct way.

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde_json::{Error, Map, Value};

/// Reads a text.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    of(serde_json::from_str(text)?)
}

/// Reads a value.
pub fn of<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    T::deserialize(Reader(value))
}

struct Reader(Value);

fn misfit(value: &Value, expected: &dyn serde::de::Expected) -> Error {
    let found = match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(b) => Unexpected::Bool(*b),
        Value::Number(n) => match (n.as_u64(), n.as_i64(), n.as_f64()) {
            (Some(n), _, _) => Unexpected::Unsigned(n),
            (_, Some(n), _) => Unexpected::Signed(n),
            (_, _, n) => Unexpected::Float(n.unwrap_or_default()),
        },
        Value::String(s) => Unexpected::Str(s),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    };
    Error::invalid_type(found, expected)
}

macro_rules! as_number {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match &self.0 {
                Value::Number(n) => match (n.as_u64(), n.as_i64(), n.as_f64()) {
                    (Some(n), _, _) => visitor.visit_u64(n),
                    (_, Some(n), _) => visitor.visit_i64(n),
                    (_, _, n) => visitor.visit_f64(n.unwrap_or_default()),
                },
                other => Err(misfit(other, &visitor)),
            }
        })*
    };
}

macro_rules! as_text {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0 {
                Value::String(text) => visitor.visit_string(text),
                other => Err(misfit(&other, &visitor)),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Reader {
    type Error = Error;

    as_number! { deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32
    deserialize_u64 deserialize_f32 deserialize_f64 }

    as_text! { deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_identifier }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Bool(b) => visitor.visit_bool(b),
            other => Err(misfit(&other, &visitor)),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            other => Err(misfit(&other, &visitor)),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(Items(items.into_iter())),
            other => Err(misfit(&other, &visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) if items.len() == length => visitor.visit_seq(Items(items.into_iter())),
            Value::Array(items) => Err(Error::invalid_length(items.len(), &visitor)),
            other => Err(misfit(&other, &visitor)),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(fields) => visitor.visit_map(Entries { left: fields.into_iter(), value: Value::Null }),
            other => Err(misfit(&other, &visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

struct Items(std::vec::IntoIter<Value>);

impl<'de> SeqAccess<'de> for Items {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|item| seed.deserialize(Reader(item))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Entries {
    left: <Map<String, Value> as IntoIterator>::IntoIter,
    value: Value,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((name, value)) = self.left.next() else { return Ok(None) };
        self.value = value;
        seed.deserialize(Reader(Value::String(name))).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(Reader(self.value.take()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::HashMap;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        One,
        Other { of: Option<String> },
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Thing {
        name: String,
        count: u32,
        #[serde(default)]
        share: f32,
        pair: (i64, bool),
        kinds: Vec<Kind>,
        more: HashMap<String, Value>,
        of: Option<Box<Thing>>,
    }

    #[test]
    fn what_serde_json_reads_is_read_the_same() {
        let inner = r#"{"name":"あ","count":7,"share":0.5,"pair":[-1,true],"kinds":["one",{"other":{"of":null}}],"more":{"a":[1,{}]}}"#;
        let outer = inner.replacen('{', &format!("{{\"unknown\":[{{}}],\"of\":{inner},"), 1);
        for text in [inner, outer.as_str()] {
            let plain: Thing = serde_json::from_str(text).unwrap();
            assert_eq!(read::<Thing>(text).unwrap(), plain);
        }
        assert_eq!(read::<Vec<u8>>("[1,2]").unwrap(), [1, 2]);
        assert_eq!(read::<Option<bool>>("null").unwrap(), None);
    }

    #[test]
    fn what_does_not_fit_is_refused_in_the_words_of_serde_json() {
        fn same<T: DeserializeOwned + std::fmt::Debug>(text: &str) {
            let theirs = serde_json::from_str::<T>(text).unwrap_err().to_string();
            let ours = read::<T>(text).unwrap_err().to_string();
            assert_eq!(theirs.split(" at line").next(), Some(ours.as_str()), "{text}");
        }
        same::<u32>("-1");
        same::<u8>("300");
        same::<u32>("\"1\"");
        same::<String>("1.5");
        same::<bool>("null");
        same::<Vec<u8>>("{}");
        same::<Vec<String>>("[[]]");
        same::<Thing>("{}");
        same::<Thing>(r#"{"name":1}"#);
        same::<Thing>("7");
        same::<Kind>("\"two\"");
    }
}
