//! What an instance must not have before it is served (rewriting, step 17).

use std::collections::BTreeSet;

use model::{Error, Result};
use native::Connection;

use crate::config::invalid;
use crate::quote::literal;

/// The version whose behaviour policy was proved on.
const DUCKDB: &str = "v1.5.5";

/// The optimizers of that version. Another one may move predicates over a barrier.
const OPTIMIZERS: [&str; 33] = [
    "build_side_probe_side",
    "column_lifetime",
    "common_aggregate",
    "common_subexpressions",
    "common_subplan",
    "compressed_materialization",
    "cte_filter_pusher",
    "cte_inlining",
    "deliminator",
    "duplicate_groups",
    "empty_result_pullup",
    "expression_rewriter",
    "extension",
    "filter_pullup",
    "filter_pushdown",
    "in_clause",
    "join_elimination",
    "join_filter_pushdown",
    "join_order",
    "late_materialization",
    "limit_pushdown",
    "materialized_cte",
    "regex_range",
    "reorder_filter",
    "row_group_pruner",
    "sampling_pushdown",
    "statistics_propagation",
    "sum_rewriter",
    "top_n",
    "top_n_window_elimination",
    "unnest_rewriter",
    "unused_columns",
    "window_self_join",
];

/// Refuses a library that policy does not know.
pub(crate) fn check_library(connection: &Connection) -> Result<()> {
    let version = native::library_version();
    if version != DUCKDB {
        return Err(invalid(format!("DuckDB is {version}, not {DUCKDB}")));
    }
    let optimizers = names(connection, "select name from duckdb_optimizers()")?;
    let known: BTreeSet<_> = OPTIMIZERS.into_iter().collect();
    match optimizers
        .iter()
        .find(|name| !known.contains(name.as_str()))
    {
        Some(name) => Err(invalid(format!(
            "DuckDB has an unknown optimizer \"{name}\""
        ))),
        None => Ok(()),
    }
}

/// Refuses a database that captures names: a schema `recurring` is taken for recursion, a macro
/// named like a built-in function or operator is called in its place.
pub(crate) fn check_database(connection: &Connection, catalog: &str) -> Result<()> {
    let catalog = literal(catalog);
    let recurring = format!(
        "select schema_name from duckdb_schemas() \
         where database_name = {catalog} and lower(schema_name) = 'recurring'"
    );
    if let Some(schema) = names(connection, &recurring)?.first() {
        return Err(invalid(format!("a schema may not be named \"{schema}\"")));
    }
    let macros = format!(
        "select function_name from duckdb_functions() \
         where database_name = {catalog} and lower(function_name) in \
         (select lower(function_name) from duckdb_functions() where database_name = 'system')"
    );
    match names(connection, &macros)?.first() {
        Some(name) => Err(invalid(format!(
            "a macro may not be named like the built-in \"{name}\""
        ))),
        None => Ok(()),
    }
}

fn names(connection: &Connection, sql: &str) -> Result<Vec<String>> {
    let rows = connection.query(sql).map_err(Error::internal)?;
    Ok(rows
        .into_rows()
        .into_iter()
        .filter_map(|mut row| row.pop().flatten())
        .collect())
}
