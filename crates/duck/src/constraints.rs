//! Reading from DuckDB what holds between rows: what a write can run against.

use std::collections::BTreeMap;

use model::{Column, Constraint, ConstraintKind, Error, RelationName, Result};
use native::Connection;

use crate::catalog::{query, text};
use crate::generated::Generated;
use crate::quote::literal;

/// The constraints of a catalog's tables.
#[derive(Default)]
pub(crate) struct Constraints {
    of: BTreeMap<RelationName, Vec<Constraint>>,
    /// Tables with a unique index besides their keys. It may be over expressions.
    indexed: Vec<RelationName>,
    generated: Generated,
}

impl Constraints {
    /// What this connection sees now. NOT NULL is a column's own affair and is left out.
    pub(crate) fn read(connection: &Connection, catalog: &str) -> Result<Self> {
        let mut found = Self::default();
        let rows = query(
            connection,
            &format!(
                "select schema_name, table_name, constraint_index, constraint_type, referenced_table, \
                 unnest(constraint_column_names), unnest(referenced_column_names) \
                 from duckdb_constraints() where database_name = {} \
                 and constraint_type <> 'NOT NULL' order by 1, 2, 3",
                literal(catalog)
            ),
        )?;
        let mut last = None;
        for row in rows.rows() {
            let table = RelationName::new(catalog, text(row, 0)?, text(row, 1)?);
            let this = (table.clone(), text(row, 2)?.to_owned());
            // DuckDB has no foreign keys from one schema to another.
            let other = row[4].as_deref();
            let other = other.map(|o| RelationName::new(catalog, &table.schema, o));
            let kind = match (text(row, 3)?, &other) {
                ("PRIMARY KEY" | "UNIQUE", _) => ConstraintKind::Unique,
                ("CHECK", _) => ConstraintKind::Check,
                ("FOREIGN KEY", Some(other)) => ConstraintKind::References(other.clone()),
                (kind, _) => return Err(Error::internal(format!("a constraint of kind {kind}"))),
            };
            let begins = last.as_ref() != Some(&this);
            if let Some(own) = row[5].as_deref() {
                found.add(&table, kind, begins, own);
            }
            if let (Some(other), Some(column)) = (other, row[6].as_deref()) {
                found.add(&other, ConstraintKind::ReferencedBy(table), begins, column);
            }
            last = Some(this);
        }
        found.generated = Generated::read(connection, catalog)?;
        let rows = query(
            connection,
            &format!(
                "select schema_name, table_name from duckdb_indexes() \
                 where is_unique and not is_primary and database_name = {}",
                literal(catalog)
            ),
        )?;
        for row in rows.rows() {
            let table = RelationName::new(catalog, text(row, 0)?, text(row, 1)?);
            found.indexed.push(table);
        }
        Ok(found)
    }

    /// The constraints of a table with these columns.
    pub(crate) fn take(&mut self, table: &RelationName, columns: &[Column]) -> Vec<Constraint> {
        let mut constraints = self.of.remove(table).unwrap_or_default();
        constraints.extend(self.generated.take(table, columns));
        if self.indexed.contains(table) {
            constraints.push(Constraint {
                kind: ConstraintKind::UniqueIndex,
                columns: columns.iter().map(|c| c.name.clone()).collect(),
            });
        }
        constraints
    }

    /// Adds a column to the last constraint of a table, or to a new one.
    fn add(&mut self, table: &RelationName, kind: ConstraintKind, begins: bool, column: &str) {
        let of = self.of.entry(table.clone()).or_default();
        if begins {
            of.push(Constraint {
                kind,
                columns: vec![column.to_owned()],
            });
        } else if let Some(last) = of.iter_mut().rev().find(|c| c.kind == kind) {
            last.columns.push(column.to_owned());
        }
    }
}
