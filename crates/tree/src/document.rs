//! A tree as the JSON that DuckDB prints from: without what it takes for granted where it is missing.
//! That makes the document a third shorter, and both of DuckDB's readings of it.

use serde::{Serialize, Serializer};
use serde_json::Value;

/// Fields that may be missing where they hold nothing, as locations always may. DuckDB's generated code reads each of them with a
/// default; should one of them mean something else in a later version, the text read back differs and
/// the statement is refused.
const OPTIONAL: [&str; 13] = [
    "alias",
    "at_clause",
    "catalog",
    "catalog_name",
    "column_name_alias",
    "distinct",
    "export_state",
    "filter",
    "is_operator",
    "sample",
    "schema",
    "schema_name",
    "type_info",
];

/// The document of one query.
pub(crate) fn document(query: &Value) -> serde_json::Result<String> {
    let query = serde_json::to_string(&Needed(query))?;
    Ok(format!(r#"{{"error":false,"statements":[{query}]}}"#))
}

struct Needed<'a>(&'a Value);

impl Serialize for Needed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Array(items) => serializer.collect_seq(items.iter().map(Needed)),
            Value::Object(fields) => {
                let needed = fields
                    .iter()
                    .filter(|(name, value)| !may_be_missing(name, value));
                serializer.collect_map(needed.map(|(name, value)| (name, Needed(value))))
            }
            plain => plain.serialize(serializer),
        }
    }
}

fn may_be_missing(name: &str, value: &Value) -> bool {
    if name == "query_location" {
        return true;
    }
    let is_nothing = match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::Object(_) => false,
    };
    is_nothing && OPTIONAL.contains(&name)
}
