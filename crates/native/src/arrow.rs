//! Results cross as Arrow arrays through the C data interface.

use std::ptr;
use std::sync::Arc;

use arrow_array::ffi::{FFI_ArrowArray, from_ffi_and_data_type};
use arrow_array::{RecordBatch, RecordBatchOptions, StructArray};
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use libduckdb_sys as ffi;

use crate::connection::RawConnection;
use crate::text::to_c;
use crate::types::LogicalType;
use crate::{Error, ErrorType, Result};

/// How a connection's settings make Arrow arrays. Holds the connection: DuckDB's options point to
/// its client context.
pub(crate) struct ArrowOptions {
    raw: ffi::duckdb_arrow_options,
    _connection: Arc<RawConnection>,
}

// SAFETY: options are a plain copy of settings, used through one owner at a time.
unsafe impl Send for ArrowOptions {}

impl ArrowOptions {
    pub(crate) fn of_connection(connection: &Arc<RawConnection>) -> Result<Self> {
        let mut raw = ptr::null_mut();
        // SAFETY: the connection is open; the out pointer is ours.
        unsafe { ffi::duckdb_connection_get_arrow_options(connection.pointer(), &raw mut raw) };
        if raw.is_null() {
            return Err(Error::new(
                ErrorType::Internal,
                "DuckDB gave no Arrow options",
            ));
        }
        Ok(Self {
            raw,
            _connection: Arc::clone(connection),
        })
    }
}

impl Drop for ArrowOptions {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { ffi::duckdb_destroy_arrow_options(&raw mut self.raw) };
    }
}

/// The Arrow schema of columns of these types.
pub(crate) fn schema(
    options: &ArrowOptions,
    columns: &[(&str, &LogicalType)],
) -> Result<SchemaRef> {
    let names = columns
        .iter()
        .map(|(name, _)| to_c(name))
        .collect::<Result<Vec<_>>>()?;
    let mut name_pointers: Vec<_> = names.iter().map(|n| n.as_ptr()).collect();
    let mut types: Vec<_> = columns.iter().map(|(_, t)| t.0).collect();
    if types.iter().any(|t| t.is_null()) {
        return Err(Error::new(
            ErrorType::ParameterNotResolved,
            "a column's type is not known",
        ));
    }
    let mut exported = FFI_ArrowSchema::empty();
    // SAFETY: the arrays live during the call and have the given length. FFI_ArrowSchema is the
    // same C structure as ArrowSchema; what DuckDB writes there is released on drop.
    unsafe {
        Error::check_data(ffi::duckdb_to_arrow_schema(
            options.raw,
            types.as_mut_ptr(),
            name_pointers.as_mut_ptr(),
            columns.len() as ffi::idx_t,
            (&raw mut exported).cast::<ffi::ArrowSchema>(),
        ))?;
    }
    let schema = Schema::try_from(&exported).map_err(crossing)?;
    Ok(Arc::new(schema))
}

/// A chunk as a batch of that schema.
///
/// # Safety
/// `chunk` is alive, and `schema` was made from its types with these options.
pub(crate) unsafe fn batch(
    options: &ArrowOptions,
    schema: &SchemaRef,
    chunk: ffi::duckdb_data_chunk,
) -> Result<RecordBatch> {
    let mut exported = FFI_ArrowArray::empty();
    // SAFETY: FFI_ArrowArray is the same C structure as ArrowArray; what DuckDB writes there is
    // released when the arrays made from it are dropped. The types agree by the caller's word.
    let data = unsafe {
        Error::check_data(ffi::duckdb_data_chunk_to_arrow(
            options.raw,
            chunk,
            (&raw mut exported).cast::<ffi::ArrowArray>(),
        ))?;
        from_ffi_and_data_type(exported, DataType::Struct(schema.fields().clone()))
    };
    let mut data = data.map_err(crossing)?;
    // DuckDB aligns to 8 bytes, arrow-rs wants 16 for decimals: copies only what is not aligned.
    data.align_buffers();
    let rows = RecordBatchOptions::new().with_row_count(Some(data.len()));
    let (_, columns, _) = StructArray::from(data).into_parts();
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows).map_err(crossing)
}

fn crossing(error: ArrowError) -> Error {
    Error::new(ErrorType::Internal, format!("Arrow from DuckDB: {error}"))
}
