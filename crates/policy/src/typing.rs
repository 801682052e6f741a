//! The types of expressions in policies.

use std::collections::BTreeSet;

use model::{Result, SqlType};
use serde_json::{Value, json};
use tree::build;
use tree::grammar::text;

use crate::compile::{SELF, Scope, bad, literal_text};

impl Scope<'_> {
    /// What DuckDB makes of the expression.
    pub(crate) fn type_of(&self, expr: &Value) -> Result<SqlType> {
        if let Some(known) = self.known_type(expr) {
            return Ok(known);
        }
        let mut used = BTreeSet::new();
        self.columns_in(expr, &mut used);
        let nulls: Vec<String> = used
            .into_iter()
            .filter_map(|name| self.relation.column(name))
            .map(|c| format!("cast(null as {}) as {}", c.sql_type, tree::quote(&c.name)))
            .collect();
        let nothing =
            json!({"type": "EMPTY", "alias": "", "sample": null, "query_location": build::NOWHERE});
        let mut query = build::select(vec![expr.clone()], nothing, None, false);
        tree::normalize(&mut query)?;
        let mut printed = self.compiler.parser.print(&query)?;
        if !nulls.is_empty() {
            // Not the relation itself: a view's columns are the reader's own, and no catalog has them.
            printed = format!("{printed} from (select {}) as {SELF}", nulls.join(", "));
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
        if let Some(name) = own_column(expr) {
            return self.relation.column(name).map(|c| c.sql_type.clone());
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

    fn columns_in<'v>(&self, value: &'v Value, found: &mut BTreeSet<&'v str>) {
        found.extend(own_column(value));
        match value {
            Value::Array(items) => items.iter().for_each(|v| self.columns_in(v, found)),
            Value::Object(fields) => fields.values().for_each(|v| self.columns_in(v, found)),
            _ => {}
        }
    }
}

/// The name of a column of the relation.
fn own_column(expr: &Value) -> Option<&str> {
    match expr["column_names"].as_array().map(Vec::as_slice) {
        Some([qualifier, name]) if qualifier == SELF => name.as_str(),
        _ => None,
    }
}
