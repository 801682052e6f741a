//! DoPut: updates, and values for prepared statements.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::{Command, DoPutPreparedStatementResult, DoPutUpdateResult};
use arrow_flight::{FlightData, PutResult};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use model::{Error, ErrorKind};
use prost::Message;
use tonic::Status;

use crate::error::{invalid, status};
use crate::service::command;
use crate::session::Session;
use crate::statement::Statement;
use crate::{prepared, transactions};

/// Performs the command that the first message names; what follows are its values.
pub(crate) async fn perform(
    session: &Arc<Session>,
    mut messages: impl Stream<Item = Result<FlightData, Status>> + Send + Unpin + 'static,
    max_bytes: usize,
) -> Result<PutResult, Status> {
    let first = messages.next().await;
    let first = first.ok_or_else(|| invalid("the stream has no message"))??;
    let descriptor = first
        .flight_descriptor
        .as_ref()
        .ok_or_else(|| invalid("the first message has no descriptor"))?;
    let metadata = match command(descriptor)? {
        Command::CommandStatementUpdate(update) => {
            transactions::check(session, update.transaction_id.as_deref())
                .map_err(|e| status(&e))?;
            let statement = Statement::plan(session, &update.query, Vec::new())
                .await
                .map_err(|e| status(&e))?;
            counted(Arc::new(statement).update(session, None).await)?
        }
        Command::CommandPreparedStatementUpdate(update) => {
            let batches = batches(first, messages, max_bytes).await?;
            let handle = &update.prepared_statement_handle;
            counted(prepared::update(session, handle, &batches).await)?
        }
        Command::CommandPreparedStatementQuery(query) => {
            let batches = batches(first, messages, max_bytes).await?;
            let handle = query.prepared_statement_handle;
            let bound = prepared::bind(session, &handle, &batches).await;
            bound.map_err(|e| status(&e))?;
            // Always a handle: the Java client takes a missing one for an empty one.
            let result = DoPutPreparedStatementResult {
                prepared_statement_handle: Some(handle),
            };
            result.encode_to_vec()
        }
        Command::CommandStatementIngest(_) => {
            return Err(status(&Error::not_supported("bulk ingestion")));
        }
        Command::CommandStatementSubstraitPlan(_) => {
            return Err(status(&Error::not_supported("Substrait")));
        }
        other => {
            return Err(invalid(format!(
                "{} is no command of DoPut",
                other.type_url()
            )));
        }
    };
    Ok(PutResult {
        app_metadata: metadata.into(),
    })
}

fn counted(rows: Result<Option<u64>, Error>) -> Result<Vec<u8>, Status> {
    let rows = rows.map_err(|e| status(&e))?;
    let result = DoPutUpdateResult {
        record_count: count(rows),
    };
    Ok(result.encode_to_vec())
}

/// A count of rows on the wire: -1 if it is not known.
pub(crate) fn count(rows: Option<u64>) -> i64 {
    rows.and_then(|n| i64::try_from(n).ok()).unwrap_or(-1)
}

/// Reads the batches of a stream. Messages without data are passed over: the first may hold the
/// descriptor alone.
async fn batches(
    first: FlightData,
    rest: impl Stream<Item = Result<FlightData, Status>> + Send + 'static,
    max_bytes: usize,
) -> Result<Vec<RecordBatch>, Status> {
    let messages = stream::iter([Ok(first)])
        .chain(rest)
        .try_filter(|m| {
            let has_data = !m.data_header.is_empty() || !m.data_body.is_empty();
            std::future::ready(has_data)
        })
        .map_err(|status| FlightError::Tonic(Box::new(status)));
    let mut decoded = FlightRecordBatchStream::new_from_flight_data(messages);
    let mut batches = Vec::new();
    let mut bytes = 0;
    while let Some(batch) = decoded.next().await {
        let batch = batch.map_err(|error| match error {
            FlightError::Tonic(status) => *status,
            other => invalid(format!("the parameters can't be read: {other}")),
        })?;
        bytes += batch.get_array_memory_size();
        if bytes > max_bytes {
            return Err(status(&Error::new(
                ErrorKind::LimitExceeded,
                format!("the parameters take more than {max_bytes} bytes"),
            )));
        }
        batches.push(batch);
    }
    Ok(batches)
}
