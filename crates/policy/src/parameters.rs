//! Parameters: `$1`, `$2`, …, and the types that they get where DuckDB can't tell them.

use model::{Error, Result, SqlType};
use serde_json::{Value, json};
use tree::grammar::{Field, text};
use tree::{build, walk};

use crate::part::walkable;

/// Refuses named parameters, which no protocol of Eider's has.
pub(crate) fn check(expr: &Value) -> Result<()> {
    let identifier = text(expr, "identifier");
    if identifier.parse::<u16>().is_ok_and(|n| n > 0) && !identifier.starts_with('+') {
        return Ok(());
    }
    Err(
        Error::not_supported(format_args!("the parameter ${identifier}"))
            .with_hint("write $1, $2, …"),
    )
}

/// Puts `cast($n as type)` for the parameters that `types` knows.
pub(crate) fn cast_parameters(
    value: &mut Value,
    field: Field,
    types: &dyn Fn(usize) -> Result<Option<Value>>,
) -> Result<()> {
    if field == Field::Expr && text(value, "class") == "PARAMETER" {
        let number = text(value, "identifier")
            .parse::<usize>()
            .unwrap_or_default();
        if let Some(to) = types(number)? {
            let alias = value["alias"].take();
            value["alias"] = json!("");
            let mut cast = build::cast(value.take(), to);
            cast["alias"] = alias;
            *value = cast;
        }
        return Ok(());
    }
    walkable(field).map_or(Ok(()), |field| {
        walk::children(value, field, &mut |v, f| cast_parameters(v, f, types))
    })
}

/// A column that is a parameter and no more keeps its name when the parameter gets its type.
pub(crate) fn name_parameters(query: &mut Value) {
    let items = query["node"]["select_list"].as_array_mut();
    for item in items.into_iter().flatten() {
        let child = &item["child"];
        let is_bare = text(item, "class") == "CAST" && text(child, "class") == "PARAMETER";
        if is_bare && text(item, "alias").is_empty() {
            item["alias"] = json!(format!("${}", text(child, "identifier")));
        }
    }
}

/// The type that a parameter of unknown type gets: as declared, else text, as in PostgreSQL.
pub(crate) fn settled_type(declared: Option<&SqlType>) -> SqlType {
    declared
        .filter(|t| !t.is_unknown())
        .cloned()
        .unwrap_or(SqlType::Varchar)
}
