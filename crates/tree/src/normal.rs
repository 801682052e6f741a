//! Step 13 of the rewriting: a tree is brought into a form that DuckDB prints faithfully, and two
//! trees are compared in every field but their locations.

use model::Result;
use serde_json::{Value, json};

use crate::build;
use crate::grammar::{self, Field};
use crate::walk;

/// Rewrites constants and joins that DuckDB 1.5.5 prints as something else into equal forms that it
/// prints as they are.
pub fn normalize(query: &mut Value) -> Result<()> {
    visit(query, Field::Query)
}

fn visit(value: &mut Value, field: Field) -> Result<()> {
    match field {
        Field::Expr => constant(value),
        Field::Node => {
            if let Some(from) = value.get_mut("from_table") {
                joins(from, true);
            }
        }
        Field::Table | Field::Query => {}
        _ => return Ok(()),
    }
    walk::children(value, field, &mut visit)
}

/// Booleans, doubles and decimals without a scale print as words or numbers of another type.
fn constant(expr: &mut Value) {
    if grammar::text(expr, "class") != "CONSTANT" {
        return;
    }
    let value = &expr["value"];
    if value["is_null"] != Value::Bool(false) {
        return;
    }
    let text = match (grammar::text(&value["type"], "id"), &value["value"]) {
        ("BOOLEAN", Value::Bool(true)) => "t".to_owned(),
        ("BOOLEAN", Value::Bool(false)) => "f".to_owned(),
        ("DOUBLE" | "FLOAT", Value::Number(number)) => number.to_string(),
        ("DECIMAL", Value::Number(number)) if value["type"]["type_info"]["scale"] == 0 => {
            number.to_string()
        }
        _ => return,
    };
    let alias = expr["alias"].take();
    let location = expr["query_location"].take();
    let to = expr["value"]["type"].take();
    let mut cast = build::literal(&text, "VARCHAR");
    cast["cast_type"] = to;
    cast["alias"] = alias;
    cast["query_location"] = location;
    *expr = cast;
}

/// A cross join prints as a comma, which binds weaker than JOIN: it stays one only along the left
/// edge of FROM.
fn joins(table: &mut Value, left_edge: bool) {
    if grammar::text(table, "type") != "JOIN" {
        return;
    }
    let cross = grammar::text(table, "ref_type") == "CROSS";
    if cross && !left_edge {
        table["ref_type"] = json!("REGULAR");
        table["condition"] = build::literal("t", "BOOLEAN");
    }
    joins(&mut table["left"], left_edge && cross);
    joins(&mut table["right"], false);
}

/// A form in which two trees of the same meaning to DuckDB's parser and printer are equal: without
/// locations, with sets sorted, and without the extra SELECT that a VALUES list gets by printing.
pub fn canonical(value: &Value) -> Value {
    let mut canonical = value.clone();
    canonicalize(&mut canonical);
    canonical
}

/// Brings a tree into the form of [`canonical`].
pub fn canonicalize(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(canonicalize),
        Value::Object(fields) => {
            fields.remove("query_location");
            for (name, field) in fields.iter_mut() {
                canonicalize(field);
                if matches!(
                    name.as_str(),
                    "exclude_list" | "group_sets" | "qualified_exclude_list"
                ) {
                    sort(field);
                }
            }
            if let Some(inner) = values_list(fields) {
                *value = inner;
            }
        }
        _ => {}
    }
}

fn sort(value: &mut Value) {
    if let Some(items) = value.as_array_mut() {
        items.iter_mut().for_each(sort);
        items.sort_by_cached_key(ToString::to_string);
    }
}

/// `(select * from (values …) as valueslist) as valueslist` is `(values …) as valueslist`.
fn values_list(object: &serde_json::Map<String, Value>) -> Option<Value> {
    let is = |name: &str, text: &str| object.get(name).and_then(Value::as_str) == Some(text);
    if !is("type", "SUBQUERY") || !is("alias", "valueslist") || object.get("class").is_some() {
        return None;
    }
    if object.get("column_name_alias") != Some(&json!([]))
        || object.get("sample") != Some(&Value::Null)
    {
        return None;
    }
    let from = object
        .get("subquery")?
        .get("node")?
        .get("from_table")?
        .clone();
    if grammar::text(&from, "type") != "EXPRESSION_LIST"
        || grammar::text(&from, "alias") != "valueslist"
    {
        return None;
    }
    let bare = canonical(&build::select(
        vec![build::star()],
        from.clone(),
        None,
        false,
    ));
    (object.get("subquery") == Some(&bare)).then_some(from)
}
