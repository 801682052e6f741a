//! A prepared statement.

use std::mem;
use std::ptr;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use libduckdb_sys as ffi;
use model::{ParamValue, SqlType};

use crate::arrow::{ArrowOptions, schema};
use crate::bind;
use crate::connection::RawConnection;
use crate::text::{borrowed, owned};
use crate::types::LogicalType;
use crate::{Error, ErrorType, NativeStream, Result, Rows};

/// What a statement does, by DuckDB's own classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "variants are DuckDB's statement types")]
pub enum StatementKind {
    Select,
    Insert,
    Update,
    Delete,
    Merge,
    Create,
    Drop,
    Alter,
    Explain,
    Transaction,
    Copy,
    Set,
    Call,
    Pragma,
    Vacuum,
    /// Any other, by DuckDB's number.
    Other(u32),
}

/// A prepared statement of one connection. Preparing has ended any open stream there.
pub struct Prepared {
    statement: Statement,
    columns: Vec<(String, LogicalType, SqlType)>,
    parameters: Vec<(String, SqlType)>,
    connection: Arc<RawConnection>,
}

struct Statement(ffi::duckdb_prepared_statement);

// SAFETY: a statement is used through one owner at a time, and its calls into the connection take
// the client context's lock.
unsafe impl Send for Statement {}

impl Prepared {
    /// # Safety
    /// `statement` was prepared on that connection with outcome `state`, and is owned by the caller.
    pub(crate) unsafe fn new(
        statement: ffi::duckdb_prepared_statement,
        state: ffi::duckdb_state,
        connection: Arc<RawConnection>,
    ) -> Result<Self> {
        let statement = Statement(statement);
        if state != ffi::DuckDBSuccess {
            return Err(statement.error());
        }
        Ok(Self {
            columns: statement.columns()?,
            parameters: statement.parameters()?,
            statement,
            connection,
        })
    }

    /// Names and types of the result's columns. Types that depend on an open parameter are
    /// [`SqlType::Unknown`].
    pub fn columns(&self) -> Vec<(String, SqlType)> {
        self.columns
            .iter()
            .map(|(name, _, sql_type)| (name.clone(), sql_type.clone()))
            .collect()
    }

    /// Names (`1`, `2`, … for `$n`) and types of the parameters, [`SqlType::Unknown`] where nothing
    /// fixes the type.
    pub fn parameters(&self) -> Vec<(String, SqlType)> {
        self.parameters.clone()
    }

    /// What the statement does.
    pub fn kind(&self) -> StatementKind {
        // SAFETY: the statement is alive.
        let kind = unsafe { ffi::duckdb_prepared_statement_type(self.statement.0) };
        kind_of(kind)
    }

    /// The Arrow schema of the batches. Fails where a type is unknown or has no Arrow form.
    pub fn arrow_schema(&self) -> Result<SchemaRef> {
        let options = ArrowOptions::of_connection(&self.connection)?;
        let columns: Vec<_> = self
            .columns
            .iter()
            .map(|(n, t, _)| (n.as_str(), t))
            .collect();
        schema(&options, &columns)
    }

    /// Binds the value of parameter `index`, counted from 1 in the order of [`Self::parameters`].
    pub fn bind(&self, index: usize, value: &ParamValue) -> Result<()> {
        let value = bind::value(value)?;
        // SAFETY: statement and value are alive; DuckDB copies the value.
        let state =
            unsafe { ffi::duckdb_bind_value(self.statement.0, index as ffi::idx_t, value.0) };
        if state == ffi::DuckDBSuccess {
            Ok(())
        } else {
            Err(self.statement.error())
        }
    }

    /// Forgets the bound values.
    pub fn clear_bindings(&self) {
        // SAFETY: the statement is alive. It fails only for a statement that failed to prepare.
        unsafe { ffi::duckdb_clear_bindings(self.statement.0) };
    }

    /// Begins the statement: it is planned for the bound values, and sees what is committed by now.
    pub fn start(&self) -> Result<Pending> {
        let mut pending = Pending {
            pending: ptr::null_mut(),
            connection: Arc::clone(&self.connection),
        };
        // SAFETY: the statement is alive; the pending result is ours and told its outcome.
        let state = unsafe {
            ffi::duckdb_pending_prepared_streaming(self.statement.0, &raw mut pending.pending)
        };
        if state == ffi::DuckDBSuccess {
            Ok(pending)
        } else {
            Err(pending.error())
        }
    }

    /// Runs the statement to its first rows, and hands the rest out as it is made.
    pub fn execute_streaming(&self) -> Result<NativeStream> {
        self.start()?.stream()
    }

    /// Runs the statement to its end and returns how many rows it changed.
    pub fn execute(&self) -> Result<u64> {
        let mut result = self.run()?;
        // Of CREATE TABLE AS, DuckDB tells the count in the result only.
        if self.kind() == StatementKind::Create {
            let count = result.collect_rows()?.scalar();
            return Ok(count.and_then(|n| n.parse().ok()).unwrap_or(0));
        }
        Ok(result.rows_changed())
    }

    /// Runs the statement and collects its rows as text. For small answers.
    pub fn query(&self) -> Result<Rows> {
        self.run()?.collect_rows()
    }

    fn run(&self) -> Result<NativeStream> {
        // SAFETY: all zeroes is the empty result, as in C.
        let mut result: ffi::duckdb_result = unsafe { mem::zeroed() };
        // SAFETY: the statement is alive; the stream takes the result over.
        unsafe {
            let state = ffi::duckdb_execute_prepared(self.statement.0, &raw mut result);
            NativeStream::new(result, state, Arc::clone(&self.connection))
        }
    }
}

impl Statement {
    fn error(&self) -> Error {
        // SAFETY: null or alive; the text is copied at once.
        let text = unsafe { borrowed(ffi::duckdb_prepare_error(self.0)) };
        text.map_or_else(
            || Error::new(ErrorType::Internal, "DuckDB gave no error text"),
            Error::from_text,
        )
    }

    fn columns(&self) -> Result<Vec<(String, LogicalType, SqlType)>> {
        // SAFETY: the statement is alive; names and types are given to us.
        unsafe {
            (0..ffi::duckdb_prepared_statement_column_count(self.0))
                .map(|i| {
                    let name =
                        owned(ffi::duckdb_prepared_statement_column_name(self.0, i).cast_mut());
                    let logical = LogicalType(ffi::duckdb_prepared_statement_column_logical_type(
                        self.0, i,
                    ));
                    let sql_type = logical.sql_type()?;
                    Ok((name.unwrap_or_default(), logical, sql_type))
                })
                .collect()
        }
    }

    fn parameters(&self) -> Result<Vec<(String, SqlType)>> {
        // SAFETY: the statement is alive; names and types are given to us.
        unsafe {
            (1..=ffi::duckdb_nparams(self.0))
                .map(|i| {
                    let name = owned(ffi::duckdb_parameter_name(self.0, i).cast_mut());
                    let logical = LogicalType(ffi::duckdb_param_logical_type(self.0, i));
                    Ok((name.unwrap_or_default(), logical.sql_type()?))
                })
                .collect()
        }
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: ours; null is allowed.
        unsafe { ffi::duckdb_destroy_prepare(&raw mut self.0) };
    }
}

/// A statement that has begun. Dropping it gives the statement up.
pub struct Pending {
    pending: ffi::duckdb_pending_result,
    connection: Arc<RawConnection>,
}

// SAFETY: used through one owner at a time; its calls take the client context's lock.
unsafe impl Send for Pending {}

impl Pending {
    /// Runs the statement to its first rows, and hands the rest out as it is made.
    pub fn stream(self) -> Result<NativeStream> {
        // SAFETY: all zeroes is the empty result, as in C.
        let mut result: ffi::duckdb_result = unsafe { mem::zeroed() };
        // SAFETY: the pending result is alive; the stream takes the result over.
        unsafe {
            let state = ffi::duckdb_execute_pending(self.pending, &raw mut result);
            NativeStream::new(result, state, Arc::clone(&self.connection))
        }
    }

    fn error(&self) -> Error {
        // SAFETY: null or alive; the text is copied at once.
        let text = unsafe { borrowed(ffi::duckdb_pending_error(self.pending)) };
        text.map_or_else(
            || Error::new(ErrorType::Internal, "DuckDB gave no error text"),
            Error::from_text,
        )
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // SAFETY: ours; null is allowed.
        unsafe { ffi::duckdb_destroy_pending(&raw mut self.pending) };
    }
}

fn kind_of(kind: ffi::duckdb_statement_type) -> StatementKind {
    match kind {
        ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_SELECT => StatementKind::Select,
        ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_INSERT => StatementKind::Insert,
        ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_UPDATE => StatementKind::Update,
        ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_DELETE => StatementKind::Delete,
        ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_MERGE_INTO => StatementKind::Merge,
        ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_CREATE => StatementKind::Create,
        ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_DROP => StatementKind::Drop,
        ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_ALTER => StatementKind::Alter,
        ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_VACUUM => StatementKind::Vacuum,
        ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_EXPLAIN => StatementKind::Explain,
        ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_TRANSACTION => StatementKind::Transaction,
        ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_COPY => StatementKind::Copy,
        ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_SET
        | ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_VARIABLE_SET => StatementKind::Set,
        ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_CALL => StatementKind::Call,
        ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_PRAGMA => StatementKind::Pragma,
        other => StatementKind::Other(other),
    }
}
