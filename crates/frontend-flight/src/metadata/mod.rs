//! Flight SQL's metadata commands: their exact schemas, and their rows from what the principal may
//! see. ADBC compares the schemas, without metadata, for equality.

mod catalogs;
mod keys;
mod pattern;
mod schemas;
mod sql_info;
mod tables;
#[cfg(test)]
mod tests;
mod xdbc;

use arrow_array::RecordBatch;
use arrow_flight::sql::Command;
use arrow_schema::{ArrowError, SchemaRef};
use model::CatalogSnapshot;

/// The schema of the command's rows; `None` if it is no metadata command.
pub(crate) fn schema(command: &Command) -> Option<SchemaRef> {
    Some(match command {
        Command::CommandGetCatalogs(_) => catalogs::schema(),
        Command::CommandGetDbSchemas(_) => schemas::schema(),
        Command::CommandGetTables(c) => tables::schema(c.include_schema),
        Command::CommandGetTableTypes(_) => tables::types_schema(),
        Command::CommandGetSqlInfo(_) => sql_info::schema(),
        Command::CommandGetXdbcTypeInfo(_) => xdbc::schema(),
        Command::CommandGetPrimaryKeys(_) => keys::primary_schema(),
        Command::CommandGetExportedKeys(_)
        | Command::CommandGetImportedKeys(_)
        | Command::CommandGetCrossReference(_) => keys::foreign_schema(),
        _ => return None,
    })
}

/// The command's rows, of what is visible; `None` if it is no metadata command.
pub(crate) fn rows(
    command: &Command,
    visible: &CatalogSnapshot,
) -> Option<Result<RecordBatch, ArrowError>> {
    Some(match command {
        Command::CommandGetCatalogs(_) => catalogs::rows(visible),
        Command::CommandGetDbSchemas(c) => schemas::rows(c, visible),
        Command::CommandGetTables(c) => tables::rows(c, visible),
        Command::CommandGetTableTypes(_) => tables::types_rows(),
        Command::CommandGetSqlInfo(c) => sql_info::rows(&c.info),
        Command::CommandGetXdbcTypeInfo(c) => xdbc::rows(c.data_type),
        Command::CommandGetPrimaryKeys(_) => Ok(RecordBatch::new_empty(keys::primary_schema())),
        Command::CommandGetExportedKeys(_)
        | Command::CommandGetImportedKeys(_)
        | Command::CommandGetCrossReference(_) => {
            Ok(RecordBatch::new_empty(keys::foreign_schema()))
        }
        _ => return None,
    })
}
