//! `attributes` of a principal as they are written. An error names the attribute and what it may be.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Unexpected, Visitor};

/// A value in `attributes`.
#[derive(Clone, Debug)]
pub(crate) enum AttributeValue {
    Boolean(bool),
    Integer(i64),
    Text(String),
}

/// Reads all attributes of a principal.
pub(crate) fn read<'de, D: Deserializer<'de>>(
    values: D,
) -> Result<BTreeMap<String, AttributeValue>, D::Error> {
    values.deserialize_map(All)
}

struct All;

impl<'de> Visitor<'de> for All {
    type Value = BTreeMap<String, AttributeValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(Named(&name))?;
            all.insert(name, value);
        }
        Ok(all)
    }
}

/// The value of the attribute of that name.
struct Named<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Named<'_> {
    type Value = AttributeValue;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<AttributeValue, D::Error> {
        value.deserialize_any(self)
    }
}

impl Visitor<'_> for Named<'_> {
    type Value = AttributeValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0;
        write!(
            f,
            "text, a 64-bit integer or a boolean as attribute `{name}`"
        )
    }

    fn visit_bool<E>(self, value: bool) -> Result<AttributeValue, E> {
        Ok(AttributeValue::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<AttributeValue, E> {
        Ok(AttributeValue::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<AttributeValue, E> {
        let fitting = i64::try_from(value).map(AttributeValue::Integer);
        fitting.map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_str<E>(self, value: &str) -> Result<AttributeValue, E> {
        Ok(AttributeValue::Text(value.to_owned()))
    }
}
