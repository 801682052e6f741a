//! Names that must still mean tables. A view is put in place of its name by policy; one that was made
//! under a table's name since then would be read past policy.

use std::collections::BTreeSet;

use model::{Error, ErrorKind, ExecRequest, RelationName, Result};
use native::Connection;

use crate::catalog::CatalogReader;
use crate::quote::literal;
use crate::shell;

/// Fails if an expected relation is a view in the connection's transaction. For requests that were
/// made for another catalog than the transaction sees. What is gone is an error when it is bound.
pub(crate) fn check(
    connection: &Connection,
    request: &ExecRequest,
    catalogs: &CatalogReader,
) -> Result<()> {
    if shell::defines_view(request) {
        return Ok(());
    }
    if !any_view(connection, &request.expected().relations, catalogs)? {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Serialization,
        "the catalog has changed while the statement was planned",
    )
    .with_hint("run it again"))
}

/// Whether one of these names is a user's view in the connection's transaction.
pub(crate) fn any_view(
    connection: &Connection,
    relations: &BTreeSet<RelationName>,
    catalogs: &CatalogReader,
) -> Result<bool> {
    // Nobody makes anything in a folder's catalog, whose relations are views of our own.
    let names: Vec<String> = relations
        .iter()
        .filter(|name| !catalogs.is_folder(&name.catalog))
        .map(row)
        .collect();
    if names.is_empty() {
        return Ok(false);
    }
    let found = connection
        .query(&format!(
            "select count(*) from duckdb_views() \
             where (database_name, schema_name, view_name) in ({})",
            names.join(", ")
        ))
        .map_err(Error::internal)?
        .scalar();
    Ok(found.as_deref() != Some("0"))
}

fn row(name: &RelationName) -> String {
    format!(
        "({}, {}, {})",
        literal(&name.catalog),
        literal(&name.schema),
        literal(&name.name)
    )
}
