//! Parts of trees: which have parts of their own, where they stand, how deep they may be.

use model::{Error, ErrorKind, Result};
use serde_json::Value;
use tree::build;
use tree::grammar::Field;

/// Kinds of parts that have parts of their own to visit.
pub(crate) fn walkable(field: Field) -> Option<Field> {
    matches!(
        field,
        Field::Expr | Field::Node | Field::Table | Field::Query
    )
    .then_some(field)
}

/// An error with the place of this expression.
pub(crate) fn located(error: Error, expr: &Value) -> Error {
    match expr["query_location"].as_u64() {
        Some(at) if at != build::NOWHERE => {
            error.with_position(usize::try_from(at).unwrap_or_default())
        }
        _ => error,
    }
}

/// The strings of a list.
pub(crate) fn names(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// How many parts a tree has, as [`tree::MAX_NODES`] counts them.
pub(crate) fn size(tree: &Value) -> usize {
    match tree {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(fields) => {
            let is_part = fields.get("type").is_some_and(Value::is_string);
            let is_part = is_part || fields.contains_key("node");
            usize::from(is_part) + fields.values().map(size).sum::<usize>()
        }
        _ => 0,
    }
}

/// Fails where something is nested too deeply.
pub(crate) fn within(depth: usize, most: usize, what: &str) -> Result<()> {
    if depth <= most {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::TooComplex,
        format!("{what} are nested more than {most} deep"),
    ))
}
