//! Which columns DuckDB computes of others, and of which.

use std::collections::{BTreeMap, BTreeSet};

use model::{Column, Constraint, ConstraintKind, RelationName, Result, fold};
use native::Connection;
use serde_json::Value;

use crate::catalog::{query, text};
use crate::names::parse;
use crate::quote::{identifier, literal};

/// A catalog's columns with an expression that may read others.
#[derive(Default)]
pub(crate) struct Generated {
    of: BTreeMap<RelationName, Vec<Computed>>,
}

/// A column, and the names in its expression; `None` if these can't all be told.
struct Computed {
    column: String,
    names: Option<Vec<String>>,
}

impl Generated {
    /// What this connection sees now. DuckDB's catalog tells the expressions of defaults likewise, and
    /// the text of `current_date` is that of a column of this name.
    pub(crate) fn read(connection: &Connection, catalog: &str) -> Result<Self> {
        let rows = query(
            connection,
            &format!(
                "select schema_name, table_name, column_name, \
                 json_serialize_sql('select ' || column_default) from duckdb_columns() \
                 where database_name = {} and column_default is not null \
                 order by 1, 2, column_index",
                literal(catalog)
            ),
        )?;
        let mut of: BTreeMap<RelationName, Vec<Computed>> = BTreeMap::new();
        for row in rows.rows() {
            let names = names(text(row, 3)?);
            // A default that is a constant, most often.
            if names.as_ref().is_some_and(Vec::is_empty) {
                continue;
            }
            let table = RelationName::new(catalog, text(row, 0)?, text(row, 1)?);
            let column = text(row, 2)?.to_owned();
            of.entry(table)
                .or_default()
                .push(Computed { column, names });
        }
        for (table, columns) in &mut of {
            let defaults = defaults(connection, table);
            columns.retain(|c| !defaults.contains(&c.column));
        }
        Ok(Self { of })
    }

    /// What holds for a table with these columns.
    pub(crate) fn take(&mut self, table: &RelationName, columns: &[Column]) -> Vec<Constraint> {
        let computed = self.of.remove(table).unwrap_or_default().into_iter();
        let constraint = |Computed { column, names }: Computed| {
            let is_column = |name: &String| columns.iter().any(|c| fold(&c.name) == fold(name));
            let others = || {
                let others = columns.iter().map(|c| c.name.clone());
                others.filter(|name| *name != column).collect()
            };
            // What is not understood may read anything.
            let read = names.filter(|names| names.iter().all(is_column));
            let read: Vec<String> = read.unwrap_or_else(others);
            Constraint {
                kind: ConstraintKind::Generated,
                columns: [column].into_iter().chain(read).collect(),
            }
        };
        computed.map(constraint).collect()
    }
}

/// The columns whose expressions are defaults: DESCRIBE tells those and no others. None where it fails.
fn defaults(connection: &Connection, table: &RelationName) -> BTreeSet<String> {
    let described = connection.query(&format!(
        "select column_name from (describe {}.{}.{}) where \"default\" is not null",
        identifier(&table.catalog),
        identifier(&table.schema),
        identifier(&table.name)
    ));
    let rows = described.map(native::Rows::into_rows).unwrap_or_default();
    rows.into_iter().flatten().flatten().collect()
}

/// All names in an expression that may be columns, given as DuckDB's tree of `select <expression>`.
fn names(tree: &str) -> Option<Vec<String>> {
    let tree = parse(tree).ok()?;
    let [statement] = tree["statements"].as_array()?.as_slice() else {
        return None;
    };
    let [expression] = statement["node"]["select_list"].as_array()?.as_slice() else {
        return None;
    };
    let mut names = Vec::new();
    gather(expression, &mut names).then_some(names)
}

/// Whether everything in a part of an expression is understood.
fn gather(value: &Value, names: &mut Vec<String>) -> bool {
    let text = |field: &str| value[field].as_str();
    match value {
        Value::Array(items) => items.iter().all(|item| gather(item, names)),
        Value::Object(fields) => {
            match text("class") {
                Some("COLUMN_REF") => {
                    let parts = value["column_names"].as_array();
                    let parts = parts.into_iter().flatten().filter_map(Value::as_str);
                    names.extend(parts.map(str::to_owned));
                }
                // `a.lower()` is read as a function of the schema `a`.
                Some("FUNCTION") => {
                    let parts = ["catalog", "schema"].into_iter().filter_map(text);
                    let own = ["", "main", "system"];
                    names.extend(parts.filter(|p| !own.contains(p)).map(str::to_owned));
                }
                None
                | Some(
                    "BETWEEN" | "CASE" | "CAST" | "COLLATE" | "COMPARISON" | "CONJUNCTION"
                    | "CONSTANT" | "OPERATOR",
                ) => {}
                Some(_) => return false,
            }
            fields.values().all(|field| gather(field, names))
        }
        _ => true,
    }
}
