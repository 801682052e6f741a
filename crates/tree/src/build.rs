//! Makes parts of a tree in DuckDB's own form.

use model::RelationName;
use serde_json::{Value, json};

/// The location of what has no place in the user's text.
pub const NOWHERE: u64 = u64::MAX;

/// `cast('text' as type)`, the one form in which policy writes literals.
pub fn literal(text: &str, type_id: &str) -> Value {
    cast(
        json!({
            "class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "", "query_location": NOWHERE,
            "value": {"type": {"id": "VARCHAR", "type_info": null}, "is_null": false, "value": text}
        }),
        json!({"id": type_id, "type_info": null}),
    )
}

/// `cast(child as type)`.
pub fn cast(child: Value, to: Value) -> Value {
    json!({
        "class": "CAST", "type": "OPERATOR_CAST", "alias": "", "query_location": NOWHERE,
        "child": child, "cast_type": to, "try_cast": false
    })
}

/// NULL.
pub fn null() -> Value {
    json!({
        "class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "", "query_location": NOWHERE,
        "value": {"type": {"id": "NULL", "type_info": null}, "is_null": true}
    })
}

/// A column reference.
pub fn column<S: AsRef<str>>(names: &[S]) -> Value {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    json!({
        "class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "query_location": NOWHERE,
        "column_names": names
    })
}

/// `a and b and …` or `a or b or …`; a single child is itself. Children of the same kind give up
/// theirs: DuckDB reads `(a or b) or c` as one OR of three.
pub fn conjunction(kind: &str, children: Vec<Value>) -> Option<Value> {
    let mut flat = Vec::with_capacity(children.len());
    for mut child in children {
        let alike = child["class"] == "CONJUNCTION" && child["type"] == kind;
        if alike && let Value::Array(own) = child["children"].take() {
            flat.extend(own);
        } else {
            flat.push(child);
        }
    }
    if flat.len() < 2 {
        return flat.pop();
    }
    Some(json!({
        "class": "CONJUNCTION", "type": kind, "alias": "", "query_location": NOWHERE, "children": flat
    }))
}

/// `case when condition then value else otherwise end`.
pub fn case(condition: Value, then: Value, otherwise: Value) -> Value {
    json!({
        "class": "CASE", "type": "CASE_EXPR", "alias": "", "query_location": NOWHERE,
        "case_checks": [{"when_expr": condition, "then_expr": then}], "else_expr": otherwise
    })
}

/// `expr is null`.
pub fn is_null(expr: Value) -> Value {
    json!({
        "class": "OPERATOR", "type": "OPERATOR_IS_NULL", "alias": "", "query_location": NOWHERE,
        "children": [expr]
    })
}

/// `list_value(…)`.
pub fn list(items: Vec<Value>) -> Value {
    call("list_value", items)
}

/// A call of one of DuckDB's own functions.
pub fn call(name: &str, arguments: Vec<Value>) -> Value {
    json!({
        "class": "FUNCTION", "type": "FUNCTION", "alias": "", "query_location": NOWHERE,
        "function_name": name, "schema": "main", "children": arguments, "filter": null,
        "order_bys": {"type": "ORDER_MODIFIER", "orders": []}, "distinct": false, "is_operator": false,
        "export_state": false, "catalog": "system"
    })
}

/// `*`.
pub fn star() -> Value {
    json!({
        "class": "STAR", "type": "STAR", "alias": "", "query_location": NOWHERE, "relation_name": "",
        "exclude_list": [], "replace_list": [], "columns": false, "expr": null,
        "qualified_exclude_list": [], "rename_list": []
    })
}

/// FROM of a query that has none.
pub fn nothing() -> Value {
    json!({"type": "EMPTY", "alias": "", "sample": null, "query_location": NOWHERE})
}

/// A base table by its three-part name.
pub fn base_table(name: &RelationName, alias: &str) -> Value {
    json!({
        "type": "BASE_TABLE", "alias": alias, "sample": null, "query_location": NOWHERE,
        "schema_name": name.schema, "table_name": name.name, "column_name_alias": [],
        "catalog_name": name.catalog, "at_clause": null
    })
}

/// `select items from table where condition`, with a limit that never binds where `barrier`.
pub fn select(items: Vec<Value>, from: Value, condition: Option<Value>, barrier: bool) -> Value {
    let modifiers = if barrier {
        json!([{
            "type": "LIMIT_MODIFIER",
            "limit": {
                "class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "", "query_location": NOWHERE,
                "value": {"type": {"id": "BIGINT", "type_info": null}, "is_null": false, "value": i64::MAX}
            },
            "offset": null
        }])
    } else {
        json!([])
    };
    json!({
        "node": {
            "type": "SELECT_NODE", "modifiers": modifiers, "cte_map": {"map": []}, "select_list": items,
            "from_table": from, "where_clause": condition, "group_expressions": [], "group_sets": [],
            "aggregate_handling": "STANDARD_HANDLING", "having": null, "sample": null, "qualify": null
        },
        "named_param_map": []
    })
}

/// `left <kind> join right on condition`, `kind` as DuckDB's tree spells it.
pub fn joined(left: Value, right: Value, condition: Value, kind: &str) -> Value {
    json!({
        "type": "JOIN", "alias": "", "sample": null, "query_location": NOWHERE, "left": left,
        "right": right, "condition": condition, "join_type": kind, "ref_type": "REGULAR",
        "using_columns": [], "delim_flipped": false, "duplicate_eliminated_columns": []
    })
}

/// A subquery in FROM.
pub fn subquery(query: Value, alias: &str, columns: Value, sample: Value) -> Value {
    json!({
        "type": "SUBQUERY", "alias": alias, "sample": sample, "query_location": NOWHERE,
        "subquery": query, "column_name_alias": columns
    })
}

/// The same expression under a name of its own.
#[must_use]
pub fn aliased(mut expr: Value, alias: &str) -> Value {
    expr["alias"] = Value::from(alias);
    expr
}
