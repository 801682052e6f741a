//! Rows on their way into a table, as Arrow batches.

use std::ptr;
use std::sync::Arc;

use arrow_array::ffi::FFI_ArrowArray;
use arrow_array::{Array, RecordBatch, StructArray};
use arrow_schema::SchemaRef;
use arrow_schema::ffi::FFI_ArrowSchema;
use libduckdb_sys as ffi;

use crate::connection::RawConnection;
use crate::text::to_c;
use crate::{Connection, Error, ErrorType, Result};

/// Rows that are handed over at once, as in DuckDB's own vectors.
const CHUNK: usize = 2048;

/// Puts rows at the end of a table. What has not been finished may or may not be there.
pub struct Appender {
    raw: ffi::duckdb_appender,
    converted: ffi::duckdb_arrow_converted_schema,
    schema: SchemaRef,
    connection: Arc<RawConnection>,
}

impl Connection {
    /// Takes rows of that schema for the table of that catalog, schema and name, whose columns they have
    /// in their order. Values are cast to the columns' types.
    ///
    /// # Errors
    /// There is no such table, or DuckDB knows no type for a field.
    pub fn appender(
        &self,
        [catalog, schema, name]: [&str; 3],
        rows: &SchemaRef,
    ) -> Result<Appender> {
        let (catalog, schema, name) = (to_c(catalog)?, to_c(schema)?, to_c(name)?);
        let mut appender = Appender {
            raw: ptr::null_mut(),
            converted: ptr::null_mut(),
            schema: Arc::clone(rows),
            connection: self.shared(),
        };
        // SAFETY: connection and names live during the call; the appender is destroyed on drop, after
        // failure too.
        let state = unsafe {
            ffi::duckdb_appender_create_ext(
                appender.connection.pointer(),
                catalog.as_ptr(),
                schema.as_ptr(),
                name.as_ptr(),
                &raw mut appender.raw,
            )
        };
        appender.check(state)?;
        let mut exported = FFI_ArrowSchema::try_from(rows.as_ref())
            .map_err(|e| Error::new(ErrorType::NotImplemented, e.to_string()))?;
        // SAFETY: FFI_ArrowSchema is the same C structure as ArrowSchema, and is released on drop; the
        // converted schema is destroyed on drop.
        unsafe {
            Error::check_data(ffi::duckdb_schema_from_arrow(
                appender.connection.pointer(),
                (&raw mut exported).cast::<ffi::ArrowSchema>(),
                &raw mut appender.converted,
            ))?;
        }
        Ok(appender)
    }
}

impl Appender {
    /// Appends a batch, which must have the schema that was told.
    ///
    /// # Errors
    /// It has another schema, or a value does not fit its column.
    pub fn append(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.schema_ref().fields() != self.schema.fields() {
            return Err(Error::new(
                ErrorType::InvalidInput,
                "a batch of another schema",
            ));
        }
        for start in (0..batch.num_rows()).step_by(CHUNK) {
            let rows = CHUNK.min(batch.num_rows() - start);
            self.chunk(&batch.slice(start, rows))?;
        }
        Ok(())
    }

    /// Writes all that was appended.
    ///
    /// # Errors
    /// The table does not take it.
    pub fn finish(self) -> Result<()> {
        // SAFETY: open and ours.
        let state = unsafe { ffi::duckdb_appender_close(self.raw) };
        self.check(state)
    }

    fn chunk(&self, rows: &RecordBatch) -> Result<()> {
        let mut exported = FFI_ArrowArray::new(&StructArray::from(rows.clone()).to_data());
        let mut chunk = Chunk(ptr::null_mut());
        // SAFETY: FFI_ArrowArray is the same C structure as ArrowArray. DuckDB takes it over, and empties
        // ours, or leaves it to be released on drop; either way `rows` keeps the memory until the chunk is
        // gone. The schema is that of the rows, as `append` has checked.
        let state = unsafe {
            Error::check_data(ffi::duckdb_data_chunk_from_arrow(
                self.connection.pointer(),
                (&raw mut exported).cast::<ffi::ArrowArray>(),
                self.converted,
                &raw mut chunk.0,
            ))?;
            ffi::duckdb_append_data_chunk(self.raw, chunk.0)
        };
        self.check(state)
    }

    fn check(&self, state: ffi::duckdb_state) -> Result<()> {
        if state == ffi::DuckDBSuccess {
            return Ok(());
        }
        // SAFETY: the appender is null or alive; the data is ours.
        let told = unsafe { Error::check_data(ffi::duckdb_appender_error_data(self.raw)) };
        told.and(Err(Error::new(
            ErrorType::Internal,
            "DuckDB gave no error text",
        )))
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        // SAFETY: ours; null is allowed. What destroying still writes is told by `finish` alone.
        unsafe {
            ffi::duckdb_appender_destroy(&raw mut self.raw);
            ffi::duckdb_destroy_arrow_converted_schema(&raw mut self.converted);
        }
    }
}

struct Chunk(ffi::duckdb_data_chunk);

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: ours; null is allowed.
        unsafe { ffi::duckdb_destroy_data_chunk(&raw mut self.0) };
    }
}
