//! What a write answers: its count of rows, or the rows of RETURNING; and the check of what it wrote.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use model::{
    Error, ErrorKind, ExecRequest, Result, ResultColumn, ResultSchema, Returning, SqlType,
};
use native::{NativeStream, Prepared, conform, result_schema};
use tokio::sync::mpsc;

use crate::described::same_types;
use crate::names::mismatch;
use crate::start::{Run, Started};

/// The kind of the error for a row that its writer may not write.
pub(crate) const REFUSED_ROW: ErrorKind = ErrorKind::PermissionDenied;

/// Most that RETURNING may give, in Arrow's memory: the write is over before its rows are read.
const RETURNED_BYTES: u64 = 256 << 20;

/// The outcome of a write, not committed yet.
pub(crate) enum Written {
    /// It only defines.
    Nothing,
    /// So many rows.
    Count(u64),
    /// These.
    Rows(Arc<ResultSchema>, Vec<RecordBatch>),
}

/// Runs a write to its end.
///
/// # Errors
/// What DuckDB says; [`REFUSED_ROW`] for a row that may not be written; `LimitExceeded` for more rows
/// than can be kept.
pub(crate) fn write(run: &Run, prepared: &Prepared, request: &ExecRequest) -> Result<Written> {
    if let Some(returning) = request.returning() {
        let pending = prepared.start().map_err(|e| run.error(&e))?;
        let stream = pending.stream().map_err(|e| run.error(&e))?;
        return returned(run, stream, request, returning);
    }
    let rows = prepared.execute().map_err(|e| run.error(&e))?;
    // What only defines has no count; DuckDB reports 0 for it.
    Ok(match request.changes_rows() {
        true => Written::Count(rows),
        false => Written::Nothing,
    })
}

fn returned(
    run: &Run,
    mut stream: NativeStream,
    request: &ExecRequest,
    returning: &Returning,
) -> Result<Written> {
    let mut columns = stream.columns().map_err(|e| run.error(&e))?;
    let arrow = stream.schema().map_err(|e| run.error(&e))?;
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    if returning.checked {
        kept.pop();
        if columns
            .pop()
            .is_none_or(|(_, last)| last != SqlType::Boolean)
        {
            return Err(mismatch("the check of a row is no BOOLEAN"));
        }
    }
    let arrow = arrow.project(&kept).map_err(Error::internal)?;
    let own = result_schema(&columns, &Arc::new(arrow))?;
    let schema = match request.schema() {
        None if kept.is_empty() => Arc::new(own),
        Some(described) if same_types(&own, described) => Arc::clone(described),
        described => {
            return Err(mismatch(format!(
                "RETURNING {own:?}, described as {described:?}"
            )));
        }
    };
    let (most_rows, most_bytes) = returning.most;
    let most_bytes = most_bytes.map_or(RETURNED_BYTES, |most| most.min(RETURNED_BYTES));
    let (mut batches, mut rows, mut bytes) = (Vec::new(), 0, 0);
    while let Some(chunk) = stream.next_batch().map_err(|e| run.error(&e))? {
        run.control.check()?;
        if returning.checked && !all_true(chunk.column(kept.len())) {
            return Err(Error::new(
                REFUSED_ROW,
                "a new row is none of those that may be written",
            ));
        }
        rows += chunk.num_rows() as u64;
        if kept.is_empty() {
            continue;
        }
        let chunk = chunk.project(&kept).map_err(Error::internal)?;
        let chunk = conform(chunk, &schema.arrow).map_err(Error::internal)?;
        bytes += chunk.get_array_memory_size() as u64;
        if most_rows.is_some_and(|most| rows > most) || bytes > most_bytes {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                "RETURNING gives more rows or bytes than it may",
            )
            .with_hint("write fewer rows at once, or leave RETURNING out"));
        }
        batches.push(chunk);
    }
    Ok(match request.schema() {
        None => Written::Count(rows),
        Some(_) => Written::Rows(schema, batches),
    })
}

fn all_true(column: &dyn Array) -> bool {
    let values = column.as_boolean_opt();
    values.is_some_and(|values| values.true_count() == values.len())
}

impl Written {
    /// The answer, once it is committed.
    pub(crate) fn started(self) -> Result<Started> {
        let (schema, batches) = match self {
            Self::Nothing => {
                let schema = ResultSchema {
                    columns: Vec::new(),
                    arrow: Arc::new(Schema::empty()),
                };
                (Arc::new(schema), vec![])
            }
            Self::Count(rows) => count(rows)?,
            Self::Rows(schema, batches) => (schema, batches),
        };
        let (sender, receiver) = mpsc::channel(batches.len().max(1));
        for batch in batches {
            // The channel has room for all.
            let sent = sender.try_send(Ok(batch));
            debug_assert!(sent.is_ok());
        }
        Ok(Started {
            schema,
            batches: receiver,
        })
    }
}

fn count(rows: u64) -> Result<(Arc<ResultSchema>, Vec<RecordBatch>)> {
    let field = Field::new("Count", DataType::Int64, true);
    let arrow = Arc::new(Schema::new(vec![field]));
    let rows = i64::try_from(rows).map_err(Error::internal)?;
    let column = Arc::new(Int64Array::from(vec![rows]));
    let batch = RecordBatch::try_new(Arc::clone(&arrow), vec![column]);
    let columns = vec![ResultColumn {
        name: "Count".to_owned(),
        sql_type: SqlType::BigInt,
    }];
    let schema = Arc::new(ResultSchema { columns, arrow });
    Ok((schema, vec![batch.map_err(Error::internal)?]))
}
