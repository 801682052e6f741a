//! What a sidecar can have a table like. Nothing is bound without one, so that a relation which has none
//! is hidden from everybody, whatever the rules say, and is not made.

use model::{Column, Error, ErrorKind, Relation, RelationKind, Result};
use tree::Sidecar;

/// Fails for a relation that `sidecar`, of all there is, has no table like, as one that a database file
/// brings may be.
///
/// # Errors
/// Why, for the log.
pub(crate) fn check(relation: &Relation, sidecar: &Sidecar) -> Result<()> {
    check_columns(&relation.columns)?;
    // A view without columns has a query that says why.
    if relation.kind == RelationKind::Table && relation.columns.is_empty() {
        return Err(Error::new(
            ErrorKind::UndefinedColumn,
            "DuckDB can't read the table's columns",
        ));
    }
    let mut left_out = sidecar.left_out().iter();
    match left_out.find(|(name, _)| *name == relation.name) {
        None => Ok(()),
        Some((_, why)) => Err(why.clone()),
    }
}

/// Fails for columns that no table can be made with.
///
/// # Errors
/// `NotSupported`.
pub(crate) fn check_columns(columns: &[Column]) -> Result<()> {
    for column in columns {
        let name = &column.name;
        if name.is_empty() {
            return Err(Error::not_supported("a column without a name"));
        }
        if column.sql_type.is_unknown() {
            let what = format_args!("column \"{name}\", the type of which is not known,");
            return Err(Error::not_supported(what));
        }
        if !column.sql_type.has_text() {
            let what = format_args!(
                "column \"{name}\", a STRUCT of which has fields without names of their own,"
            );
            return Err(
                Error::not_supported(what).with_hint("name the fields of row(): {'a': 1, 'b': 2}")
            );
        }
    }
    Ok(())
}
