//! A result that is fetched chunk by chunk.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use libduckdb_sys as ffi;
use model::SqlType;

use crate::arrow::{ArrowOptions, batch, schema};
use crate::connection::{RawConnection, check_result};
use crate::error::result_error;
use crate::text::borrowed;
use crate::types::LogicalType;
use crate::{Result, Rows};

/// A live result of one connection. May move between threads; dropping it ends the statement.
pub struct NativeStream {
    result: RawResult,
    /// Made with the first use: most statements of set-up have no rows to convert.
    arrow: Option<(ArrowOptions, SchemaRef)>,
    finished: bool,
    connection: Arc<RawConnection>,
}

struct RawResult(ffi::duckdb_result);

// SAFETY: a result is used through one owner at a time, and fetching takes the client context's
// lock.
unsafe impl Send for RawResult {}

impl NativeStream {
    /// # Safety
    /// `result` was filled by a call on that connection with outcome `state`, and is owned by the
    /// caller.
    pub(crate) unsafe fn new(
        result: ffi::duckdb_result,
        state: ffi::duckdb_state,
        connection: Arc<RawConnection>,
    ) -> Result<Self> {
        let mut result = RawResult(result);
        // SAFETY: filled by DuckDB and alive.
        unsafe { check_result(&mut result.0, state)? };
        Ok(Self {
            result,
            arrow: None,
            finished: false,
            connection,
        })
    }

    /// Names and types of the columns, as they are now that parameters have values.
    pub fn columns(&mut self) -> Result<Vec<(String, SqlType)>> {
        self.logical_columns()
            .into_iter()
            .map(|(name, logical)| Ok((name, logical.sql_type()?)))
            .collect()
    }

    /// The schema of the batches.
    pub fn schema(&mut self) -> Result<SchemaRef> {
        Ok(Arc::clone(&self.arrow()?.1))
    }

    /// The next chunk of at most 2,048 rows; `None` at the end. Blocks while DuckDB works. After an
    /// error the result is at its end.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        if self.finished {
            return Ok(None);
        }
        // Set first: whatever fails below, nothing is fetched after it.
        self.finished = true;
        // SAFETY: the result is alive; the chunk is ours.
        let chunk = Chunk(unsafe { ffi::duckdb_fetch_chunk(self.result.0) });
        if chunk.0.is_null() {
            // SAFETY: the result is alive.
            return unsafe { result_error(&mut self.result.0) }.map_or(Ok(None), Err);
        }
        // SAFETY: the chunk is alive.
        if unsafe { ffi::duckdb_data_chunk_get_size(chunk.0) } == 0 {
            return Ok(None);
        }
        let (options, schema) = self.arrow()?;
        // SAFETY: chunk, options and schema belong to this result.
        let batch = unsafe { batch(options, schema, chunk.0)? };
        self.finished = false;
        Ok(Some(batch))
    }

    /// How many rows the statement changed.
    pub(crate) fn rows_changed(&mut self) -> u64 {
        // SAFETY: the result is alive.
        unsafe { ffi::duckdb_rows_changed(&raw mut self.result.0) }
    }

    pub(crate) fn collect_rows(mut self) -> Result<Rows> {
        Rows::collect(&mut self)
    }

    fn arrow(&mut self) -> Result<&(ArrowOptions, SchemaRef)> {
        if self.arrow.is_none() {
            let options = ArrowOptions::of_connection(&self.connection)?;
            let columns = self.logical_columns();
            let columns: Vec<_> = columns.iter().map(|(n, t)| (n.as_str(), t)).collect();
            let schema = schema(&options, &columns)?;
            self.arrow = Some((options, schema));
        }
        Ok(self.arrow.as_ref().expect("filled just above"))
    }

    fn logical_columns(&mut self) -> Vec<(String, LogicalType)> {
        let result = &raw mut self.result.0;
        // SAFETY: the result is alive; types are given to us, names are copied.
        unsafe {
            (0..ffi::duckdb_column_count(result))
                .map(|i| {
                    let name = borrowed(ffi::duckdb_column_name(result, i)).unwrap_or_default();
                    (
                        name,
                        LogicalType(ffi::duckdb_column_logical_type(result, i)),
                    )
                })
                .collect()
        }
    }
}

impl Drop for RawResult {
    fn drop(&mut self) {
        // SAFETY: ours; a zeroed result is allowed.
        unsafe { ffi::duckdb_destroy_result(&raw mut self.0) };
    }
}

struct Chunk(ffi::duckdb_data_chunk);

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: ours; null is allowed.
        unsafe { ffi::duckdb_destroy_data_chunk(&raw mut self.0) };
    }
}
