//! JSON as it was sent: unlike `serde_json::Value`, an object remembers which keys came twice.
//!
//! Nesting is limited by `serde_json`, 128 levels.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

#[derive(Debug)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Whole(u64),
    /// Negative, written with a point or an exponent, or beyond 64 bits.
    OtherNumber(f64),
    String(String),
    Array(Vec<Json>),
    Object(Object),
}

#[derive(Debug, Default)]
pub(super) struct Object {
    /// The first value of each key.
    pub(super) entries: BTreeMap<String, Json>,
    pub(super) repeated: BTreeSet<String>,
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Whole(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        // Comes for negative numbers only, of which nobody needs the exact value.
        Ok(Json::OtherNumber(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::OtherNumber(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut object = Object::default();
        while let Some((key, value)) = map.next_entry::<String, Json>()? {
            match object.entries.entry(key) {
                Entry::Occupied(first) => {
                    object.repeated.insert(first.key().clone());
                }
                Entry::Vacant(place) => {
                    place.insert(value);
                }
            }
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_keeps_the_first_value_and_the_names_of_repeated_keys() {
        let text = br#"{"a":1,"b":[{"c":-1,"c":"x","\u0063":null}],"a":2.5}"#;
        let Json::Object(object) = serde_json::from_slice(text).unwrap() else {
            panic!("no object");
        };
        assert_eq!(object.repeated, BTreeSet::from(["a".to_owned()]));
        assert!(matches!(object.entries.get("a"), Some(Json::Whole(1))));
        let Some(Json::Array(items)) = object.entries.get("b") else {
            panic!("no array");
        };
        assert!(matches!(items.as_slice(), [Json::Object(inner)] if inner.repeated.contains("c")));
    }
}
