//! DuckDB in this process: what Eider is measured against.

use std::path::Path;

use model::ParamValue;
use native::{Connection, Instance, Prepared};

use crate::Result;
use crate::configuration::{CATALOG, MEMORY_BYTES};

/// An instance with the same data and the same settings as a worker's of Eider, without policy,
/// second reading and lock.
pub(crate) struct Embedded(Instance);

impl Embedded {
    /// Opens the database that the server serves, beside it.
    pub(crate) fn open(database: &Path, threads: usize) -> Result<Self> {
        let instance = Instance::open(None, &[])?;
        let connection = instance.connect()?;
        connection.execute(&format!(
            "set global threads = {threads}; set global memory_limit = '{MEMORY_BYTES}B'; \
             set global preserve_insertion_order = false"
        ))?;
        let database = database.display();
        connection.execute(&format!("attach '{database}' as {CATALOG} (read_only)"))?;
        Ok(Self(instance))
    }

    /// A connection with the data as its default catalog.
    pub(crate) fn connect(&self) -> Result<Connection> {
        let connection = self.0.connect()?;
        connection.execute(&format!("use {CATALOG}"))?;
        Ok(connection)
    }
}

/// Runs a statement and turns every row to Arrow. Returns how many there were.
pub(crate) fn drain(statement: &Prepared) -> Result<usize> {
    let mut stream = statement.execute_streaming()?;
    let mut rows = 0;
    while let Some(batch) = stream.next_batch()? {
        rows += batch.num_rows();
    }
    Ok(rows)
}

/// Binds the key, if the statement takes one, and runs it.
pub(crate) fn run_prepared(statement: &Prepared, key: Option<i64>) -> Result<usize> {
    if let Some(key) = key {
        statement.bind(1, &ParamValue::BigInt(key))?;
    }
    drain(statement)
}
