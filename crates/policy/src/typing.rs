//! The types of expressions in policies.

use std::collections::BTreeSet;

use model::{Result, SqlType};
use serde_json::Value;
use tree::build;
use tree::grammar::text;

use crate::compile::{SELF, Scope, bad, literal_text};
use crate::mapping::{MAPPING, without_lookups};

impl Scope<'_> {
    /// What DuckDB makes of the expression.
    pub(crate) fn type_of(&self, expr: &Value) -> Result<SqlType> {
        if let Some(known) = self.known_type(expr) {
            return Ok(known);
        }
        let expr = &without_lookups(expr);
        let mut used = BTreeSet::new();
        columns_in(expr, &mut used);
        // Not the relations themselves: a view's columns are the reader's own, and no catalog has them.
        let nulls = |alias: &str| {
            let columns = used.iter().filter(|(qualifier, _)| *qualifier == alias);
            let columns: Vec<String> = columns
                .filter_map(|(_, name)| {
                    let sql_type = self.column_type(alias, name)?;
                    Some(format!("cast(null as {sql_type}) as {}", tree::quote(name)))
                })
                .collect();
            (!columns.is_empty()).then(|| format!("(select {}) as {alias}", columns.join(", ")))
        };
        let from: Vec<String> = [SELF, MAPPING].into_iter().filter_map(nulls).collect();
        let nothing = build::nothing();
        let mut query = build::select(vec![expr.clone()], nothing, None, false);
        tree::normalize(&mut query)?;
        let mut printed = self.compiler.parser.print(&query)?;
        if !from.is_empty() {
            printed = format!("{printed} from {}", from.join(", "));
        }
        let description = self.compiler.sidecar.describe(&printed)?;
        description
            .schema
            .as_ref()
            .and_then(|s| s.columns.first())
            .map(|c| c.sql_type.clone())
            .ok_or_else(|| bad("the type of the expression is not known"))
    }

    /// The type of a column, or of a literal of a simple type: most operands are one of these.
    fn known_type(&self, expr: &Value) -> Option<SqlType> {
        if let Some((qualifier, name)) = own_column(expr) {
            return self.column_type(qualifier, name).cloned();
        }
        literal_text(expr)?;
        Some(match text(&expr["cast_type"], "id") {
            "VARCHAR" => SqlType::Varchar,
            "BOOLEAN" => SqlType::Boolean,
            "INTEGER" => SqlType::Integer,
            "BIGINT" => SqlType::BigInt,
            "DOUBLE" => SqlType::Double,
            "DATE" => SqlType::Date,
            _ => return None,
        })
    }

    fn column_type(&self, qualifier: &str, name: &str) -> Option<&SqlType> {
        match &self.mapped {
            Some(mapped) if qualifier == MAPPING => mapped.type_of(name),
            _ => self.relation.column(name).map(|c| &c.sql_type),
        }
    }
}

fn columns_in<'v>(value: &'v Value, found: &mut BTreeSet<(&'v str, &'v str)>) {
    found.extend(own_column(value));
    match value {
        Value::Array(items) => items.iter().for_each(|v| columns_in(v, found)),
        Value::Object(fields) => fields.values().for_each(|v| columns_in(v, found)),
        _ => {}
    }
}

/// Alias and name of a column of the relation, or of a mapping table.
fn own_column(expr: &Value) -> Option<(&str, &str)> {
    match expr["column_names"].as_array().map(Vec::as_slice) {
        Some([Value::String(qualifier), Value::String(name)])
            if [SELF, MAPPING].contains(&qualifier.as_str()) =>
        {
            Some((qualifier, name))
        }
        _ => None,
    }
}
