//! The worker's own reading of a query's text: the relations and functions in DuckDB's tree of it.
//! Written apart from policy's, so that one mistake is not made twice.

use std::collections::BTreeSet;

use model::{Error, Expected, ParamValue, RelationName, Result, fold};
use native::Connection;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Deeper trees are refused; the step threads' stacks hold several times this.
const MAX_DEPTH: usize = 4_000;

/// Reads the text with DuckDB and collects what it names.
pub(crate) fn read(connection: &Connection, text: &str) -> Result<Expected> {
    let json = serialise(connection, text).map_err(Error::internal)?;
    let tree = parse(&json)?;
    let statements = tree["statements"].as_array().map(Vec::as_slice);
    let [statement] = statements.unwrap_or_default() else {
        return Err(mismatch("not one statement"));
    };
    let mut found = Expected::default();
    visit(&statement["node"], &Scope::default(), &mut found)?;
    Ok(found)
}

/// The error for a text that is not what policy sends.
pub(crate) fn mismatch(what: impl std::fmt::Display) -> Error {
    Error::internal(format!("second reading: {what}"))
}

/// DuckDB's tree of a text, as JSON.
pub(crate) fn serialise(connection: &Connection, text: &str) -> native::Result<String> {
    let prepared =
        connection.prepare("select system.main.json_serialize_sql(cast($1 as varchar))")?;
    prepared.bind(1, &ParamValue::Varchar(text.to_owned()))?;
    prepared.query()?.scalar().ok_or_else(|| {
        native::Error::new(
            native::ErrorType::Internal,
            "json_serialize_sql gave no answer",
        )
    })
}

/// Reads such a tree, on a thread whose stack holds it.
///
/// # Errors
/// It is too deep.
pub(crate) fn parse(json: &str) -> Result<Value> {
    let mut depth = 0_usize;
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(mismatch("the tree is too deep"));
        }
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    reader.disable_recursion_limit();
    Value::deserialize(&mut reader).map_err(Error::internal)
}

/// Names of CTEs that a place in the tree sees.
#[derive(Default)]
struct Scope<'a> {
    names: Vec<&'a str>,
    outer: Option<&'a Scope<'a>>,
}

impl Scope<'_> {
    fn sees(&self, name: &str) -> bool {
        self.names.contains(&name) || self.outer.is_some_and(|outer| outer.sees(name))
    }
}

fn visit(value: &Value, scope: &Scope<'_>, found: &mut Expected) -> Result<()> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| visit(item, scope, found)),
        Value::Object(object) => visit_object(object, scope, found),
        _ => Ok(()),
    }
}

fn visit_object(
    object: &Map<String, Value>,
    scope: &Scope<'_>,
    found: &mut Expected,
) -> Result<()> {
    if object.contains_key("function_name") {
        function(object, found)?;
    }
    if !text(object, "pivot_enum").is_empty() {
        return Err(mismatch("a PIVOT over a type"));
    }
    let kind = text(object, "type");
    // Expressions have a class; query nodes and table references have a type only.
    if !object.contains_key("class") {
        match kind {
            "BASE_TABLE" => base_table(object, scope, found)?,
            "SELECT_NODE" | "SET_OPERATION_NODE" | "RECURSIVE_CTE_NODE" => {
                return query_node(object, scope, found);
            }
            _ if is_refused(kind) => return Err(mismatch(format!("a node of type {kind}"))),
            _ => {}
        }
    }
    object
        .values()
        .try_for_each(|child| visit(child, scope, found))
}

/// Query nodes and table references that policy never sends.
fn is_refused(kind: &str) -> bool {
    kind.ends_with("_NODE")
        || matches!(
            kind,
            "SHOW_REF" | "COLUMN_DATA" | "DELIM_GET" | "BOUND_TABLE_REF" | "CTE"
        )
}

fn query_node(node: &Map<String, Value>, scope: &Scope<'_>, found: &mut Expected) -> Result<()> {
    let entries = node.get("cte_map").and_then(|m| m["map"].as_array());
    let mut inner = Scope {
        names: Vec::new(),
        outer: Some(scope),
    };
    for entry in entries.into_iter().flatten() {
        let name = entry["key"]
            .as_str()
            .ok_or_else(|| mismatch("a CTE without a name"))?;
        // An entry sees those before it; itself only in recursion.
        let recursive = entry["value"]["query"]["node"]["type"] == "RECURSIVE_CTE_NODE";
        if recursive {
            inner.names.push(name);
        }
        visit(&entry["value"], &inner, found)?;
        if !recursive {
            inner.names.push(name);
        }
    }
    node.iter()
        .filter(|(field, _)| *field != "cte_map")
        .try_for_each(|(_, child)| visit(child, &inner, found))
}

fn base_table(table: &Map<String, Value>, scope: &Scope<'_>, found: &mut Expected) -> Result<()> {
    let name = text(table, "table_name");
    let parts = (text(table, "catalog_name"), text(table, "schema_name"));
    if table.get("at_clause").is_some_and(|at| !at.is_null()) {
        return Err(mismatch("a table at a point in time"));
    }
    match parts {
        ("", "" | "recurring") if scope.sees(name) => Ok(()),
        ("", _) | (_, "") => Err(mismatch(format!("the name \"{name}\" is not complete"))),
        (catalog, schema) => {
            found
                .relations
                .insert(RelationName::new(catalog, schema, name));
            Ok(())
        }
    }
}

fn function(call: &Map<String, Value>, found: &mut Expected) -> Result<()> {
    let name = text(call, "function_name");
    match (text(call, "catalog"), text(call, "schema")) {
        ("" | "system", "" | "main") => {
            let folded = fold(name);
            if folded == "nextval" || folded == "currval" {
                let sequence = sequence(call).ok_or_else(|| {
                    mismatch(format!(
                        "{folded} of something else than a sequence's full name"
                    ))
                })?;
                if folded == "nextval" {
                    found.drawn.insert(sequence.clone());
                }
                found.sequences.insert(sequence);
            }
            found.functions.insert(folded);
            Ok(())
        }
        _ => Err(mismatch(format!(
            "the function \"{name}\" of another schema"
        ))),
    }
}

/// The sequence that a call names: by one literal of three parts in quotes. DuckDB knows no quote inside
/// of a part: of a doubled one it makes two parts of a name without it.
fn sequence(call: &Map<String, Value>) -> Option<RelationName> {
    let [argument] = call.get("children")?.as_array()?.as_slice() else {
        return None;
    };
    let value = &argument["value"];
    if argument["class"] != "CONSTANT" || value["type"]["id"] != "VARCHAR" {
        return None;
    }
    let mut rest = value["value"].as_str()?;
    let mut parts = Vec::new();
    for end in ["\".", "\".", "\""] {
        let inside = rest.strip_prefix('"')?;
        let (part, _) = inside
            .split_once('"')
            .filter(|(part, _)| !part.is_empty())?;
        parts.push(part);
        rest = inside[part.len()..].strip_prefix(end)?;
    }
    match parts.as_slice() {
        [catalog, schema, name] if rest.is_empty() => {
            Some(RelationName::new(*catalog, *schema, *name))
        }
        _ => None,
    }
}

fn text<'a>(object: &'a Map<String, Value>, field: &str) -> &'a str {
    object
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The difference between what is expected and what is there, for the audit.
pub(crate) fn difference(expected: &Expected, found: &Expected) -> String {
    fn list<T: Ord + ToString>(a: &BTreeSet<T>, b: &BTreeSet<T>) -> String {
        let items: Vec<_> = a.symmetric_difference(b).map(ToString::to_string).collect();
        items.join(", ")
    }
    format!(
        "relations [{}], functions [{}], sequences [{}], drawn [{}]",
        list(&expected.relations, &found.relations),
        list(&expected.functions, &found.functions),
        list(&expected.sequences, &found.sequences),
        list(&expected.drawn, &found.drawn)
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn connection() -> Connection {
        native::Instance::open(None, &[])
            .unwrap()
            .connect()
            .unwrap()
    }

    fn relations(sql: &str) -> Vec<String> {
        let found = read(&connection(), sql).unwrap();
        found.relations.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tables_are_found_wherever_they_hide() {
        assert_eq!(
            relations(
                "with c as (from a.b.t1) select (select max(x) from a.b.t2) from c \
                 join lateral (from a.b.t3) l on true \
                 join (from (from a.b.t8) pivot (sum(x) for y in (1))) p on true \
                 join (unpivot a.b.t9 on x) q on true \
                 where exists (from a.b.t4) group by all having 1 in (from a.b.t5) \
                 order by (select 1 from a.b.t6) limit (select 1 from a.b.t7)"
            ),
            [
                "a.b.t1", "a.b.t2", "a.b.t3", "a.b.t4", "a.b.t5", "a.b.t6", "a.b.t7", "a.b.t8",
                "a.b.t9"
            ]
        );
    }

    #[test]
    fn functions_are_found_wherever_they_hide() {
        let found = read(
            &connection(),
            "select Sum(x) over (order by lower(y)), -x, [1], row_number() over () \
             from a.b.t, range(3), unnest([1]) where x like 'a' order by md5(y)",
        )
        .unwrap();
        let functions: Vec<_> = found.functions.iter().map(String::as_str).collect();
        for name in [
            "sum",
            "lower",
            "-",
            "list_value",
            "range",
            "unnest",
            "~~",
            "md5",
            "row_number",
        ] {
            assert!(functions.contains(&name), "{name} not in {functions:?}");
        }
    }

    #[test]
    fn sequences_are_named_by_literals_in_full() {
        let c = connection();
        let found = read(
            &c,
            "select nextval('\"a\".\"b c\".\"it''s\"'), 1 + (select system.main.CurrVal('\"a\".\"b.c\".\"d\"'))",
        )
        .unwrap();
        let list = |set: &BTreeSet<RelationName>| set.iter().cloned().collect::<Vec<_>>();
        let [drawn, read_only] =
            [("b c", "it's"), ("b.c", "d")].map(|(s, n)| RelationName::new("a", s, n));
        assert_eq!(list(&found.sequences), [drawn.clone(), read_only]);
        assert_eq!(list(&found.drawn), [drawn]);
        for bad in [
            "'s'",
            "'a.b.c'",
            "'\"a\".\"b\"'",
            "'\"a\".\"b\".c'",
            "'\"a\".\"b\".\"c\".\"d\"'",
            "'\"a\".\"b\".\"c\"\"d\"'",
            "'\"a\".\"b\".\"c\" '",
            "'\"a\".\"\".\"c\"'",
            "'\"a\".\"b\".\"c'",
            "'\"a\".\"b\".' || '\"c\"'",
            "cast('\"a\".\"b\".\"c\"' as varchar)",
            "null",
            "$1",
            "x",
        ] {
            assert!(
                read(&c, &format!("select nextval({bad}) from a.b.t")).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_short_name_must_be_a_cte_in_scope() {
        let c = connection();
        for good in [
            "with a as (select 1), b as (from a) from b",
            "with recursive a(i) as (select 1 union all select i + 1 from a where i < 3) from a",
            "with a as (select 1) select (select 1 from a) from (from a)",
        ] {
            assert!(read(&c, good).unwrap().relations.is_empty(), "{good}");
        }
        for bad in [
            "from t",
            "from s.t",
            "with a as (from b), b as (select 1) from a",
            "with a as (from a) from a",
            "select * from (with a as (select 1) from a), a",
            "from a.b.t at (version => 1)",
            "describe a.b.t",
            "select x.main.f(1)",
            "select 1; select 2",
            "delete from a.b.t",
            "pivot a.b.t on x in some_enum using sum(y)",
            "pivot t on x in (1) using sum(y)",
        ] {
            assert!(read(&c, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_deep_tree_is_read_or_refused_and_not_crashed_on() {
        let text = |n: usize| format!("select 1{}", " + 1".repeat(n));
        let (shallow, deep) = std::thread::Builder::new()
            .stack_size(tree::STACK_BYTES)
            .spawn(move || {
                let c = connection();
                (
                    read(&c, &text(500)).is_ok(),
                    read(&c, &text(20_000)).is_err(),
                )
            })
            .unwrap()
            .join()
            .unwrap();
        assert!(shallow && deep);
    }
}
