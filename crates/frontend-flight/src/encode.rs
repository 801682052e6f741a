//! Record batches as Flight messages.
//!
//! A stream is encoded where it is polled: one batch at a time, into a buffer of its size, one copy.
//! DuckDB's threads fill the stream ahead, and the connection's task writes behind, so encoding
//! overlaps with both without a queue of its own.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use arrow_array::{Array, RecordBatch};
use arrow_flight::{FlightData, IpcMessage, SchemaAsIpc};
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use bytes::Bytes;
use futures::Stream;
use model::{Error, Result};

use crate::metric;

/// The most bytes of Arrow data in one message. Several clients take no message above 4 MiB, and
/// headers and padding come on top. A single row is never split.
const MAX_BODY_BYTES: usize = 3 << 20;

/// The schema as an encapsulated IPC message: the form in FlightInfo, SchemaResult and GetTables.
pub(crate) fn schema_bytes(schema: &Schema) -> Result<Bytes, ArrowError> {
    let IpcMessage(bytes) = SchemaAsIpc::new(schema, &IpcWriteOptions::default()).try_into()?;
    Ok(bytes)
}

/// A stream of Flight messages: the schema first, always, then the batches.
pub(crate) struct Encoder<S> {
    batches: S,
    schema: SchemaRef,
    schema_sent: bool,
    /// Parts of the last batch that are yet to be sent.
    parts: VecDeque<RecordBatch>,
    done: bool,
    generator: IpcDataGenerator,
    dictionaries: DictionaryTracker,
    options: IpcWriteOptions,
    context: IpcWriteContext,
    bytes_sent: metrics::Counter,
}

impl<S> Encoder<S>
where
    S: Stream<Item = Result<RecordBatch>> + Unpin,
{
    /// Encodes batches, which must have that schema, without dictionaries.
    pub(crate) fn new(schema: SchemaRef, batches: S) -> Self {
        let mut context = IpcWriteContext::default();
        // The next body is most likely as large as the last.
        context.set_reserve_scratch(true);
        Self {
            batches,
            schema,
            schema_sent: false,
            parts: VecDeque::new(),
            done: false,
            generator: IpcDataGenerator::default(),
            dictionaries: DictionaryTracker::new(true),
            options: IpcWriteOptions::default(),
            context,
            bytes_sent: metric::sent(),
        }
    }

    fn encode(&mut self, part: &RecordBatch) -> Result<FlightData> {
        let (dictionaries, data) = self
            .generator
            .encode(
                part,
                &mut self.dictionaries,
                &self.options,
                &mut self.context,
            )
            .map_err(defect)?;
        if !dictionaries.is_empty() {
            return Err(defect("a dictionary in a batch to be sent"));
        }
        self.bytes_sent.increment(data.arrow_data.len() as u64);
        Ok(FlightData {
            data_header: data.ipc_message.into(),
            data_body: data.arrow_data.into(),
            ..FlightData::default()
        })
    }

    /// A batch of another schema than the promised one would be read as garbage by the client.
    fn check(&self, batch: &RecordBatch) -> Result<()> {
        let schema = batch.schema_ref();
        if Arc::ptr_eq(schema, &self.schema) || schema.fields() == self.schema.fields() {
            return Ok(());
        }
        Err(defect(format!(
            "a batch of {schema:?} in a stream of {:?}",
            self.schema
        )))
    }
}

impl<S> Stream for Encoder<S>
where
    S: Stream<Item = Result<RecordBatch>> + Unpin,
{
    type Item = Result<FlightData>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if !this.schema_sent {
            this.schema_sent = true;
            let message = SchemaAsIpc::new(&this.schema, &this.options).into();
            return Poll::Ready(Some(Ok(message)));
        }
        loop {
            if let Some(part) = this.parts.pop_front() {
                let message = this.encode(&part);
                this.done |= message.is_err();
                return Poll::Ready(Some(message));
            }
            if this.done {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut this.batches).poll_next(cx)) {
                None => this.done = true,
                Some(Err(error)) => {
                    this.done = true;
                    return Poll::Ready(Some(Err(error)));
                }
                Some(Ok(batch)) => {
                    if let Err(error) = this.check(&batch) {
                        this.done = true;
                        return Poll::Ready(Some(Err(error)));
                    }
                    split(batch, &mut this.parts);
                }
            }
        }
    }
}

fn defect(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let cause = cause.into();
    tracing::error!(door = "flight", %cause, "a result can't be encoded");
    Error::internal(cause)
}

/// Cuts a batch in halves until each is small enough. Empty batches are left out.
fn split(batch: RecordBatch, parts: &mut VecDeque<RecordBatch>) {
    let rows = batch.num_rows();
    if rows == 0 {
        return;
    }
    if rows == 1 || size(&batch) <= MAX_BODY_BYTES {
        parts.push_back(batch);
        return;
    }
    let half = rows / 2;
    split(batch.slice(0, half), parts);
    split(batch.slice(half, rows - half), parts);
}

/// Bytes of the rows themselves, not of the buffers that they are slices of.
fn size(batch: &RecordBatch) -> usize {
    batch
        .columns()
        .iter()
        .map(|column| {
            let data = column.to_data();
            data.get_slice_memory_size()
                .unwrap_or_else(|_| column.get_buffer_memory_size())
        })
        .sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use arrow_array::{ArrayRef, Int64Array, StringArray};
    use arrow_flight::decode::FlightRecordBatchStream;
    use arrow_schema::{DataType, Field};
    use futures::{StreamExt, TryStreamExt};
    use model::ErrorKind;

    use super::*;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("n", DataType::Int64, true),
            Field::new("s", DataType::Utf8, true),
        ]))
    }

    fn batch(rows: usize, width: usize) -> RecordBatch {
        let n: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows as i64));
        let s: ArrayRef = Arc::new(StringArray::from_iter_values(
            (0..rows).map(|i| i.to_string() + &"-".repeat(width)),
        ));
        RecordBatch::try_new(schema(), vec![n, s]).unwrap()
    }

    async fn messages(batches: Vec<Result<RecordBatch>>) -> Vec<Result<FlightData>> {
        Encoder::new(schema(), futures::stream::iter(batches))
            .collect()
            .await
    }

    async fn decoded(messages: Vec<Result<FlightData>>) -> Vec<RecordBatch> {
        let messages = futures::stream::iter(messages.into_iter().map(|m| Ok(m.unwrap())));
        FlightRecordBatchStream::new_from_flight_data(messages)
            .try_collect()
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn an_empty_result_still_has_its_schema() {
        let messages = messages(vec![]).await;
        assert_eq!(messages.len(), 1);
        let header = &messages[0].as_ref().unwrap().data_header;
        let message = arrow_ipc::root_as_message(header).unwrap();
        let read = arrow_ipc::convert::fb_to_schema(message.header_as_schema().unwrap());
        assert_eq!(read, *schema());
    }

    #[tokio::test]
    async fn large_batches_are_cut_by_their_true_size_and_come_back_whole() {
        let whole = batch(1000, 20_000);
        // A slice of 10 rows of a 20 MB batch is small and must stay one message.
        let sliced = whole.slice(500, 10);
        let messages = messages(vec![Ok(whole.clone()), Ok(sliced.clone())]).await;
        for message in &messages {
            let body = message.as_ref().unwrap().data_body.len();
            assert!(body < 4 << 20, "{body}");
        }
        assert_eq!(messages.len(), 1 + 8 + 1);
        let batches = decoded(messages).await;
        let (last, first) = batches.split_last().unwrap();
        assert_eq!(last, &sliced);
        let mut row = 0;
        for part in first {
            assert_eq!(part, &whole.slice(row, part.num_rows()));
            row += part.num_rows();
        }
        assert_eq!(row, whole.num_rows());
    }

    #[tokio::test]
    async fn one_huge_row_is_sent_as_it_is() {
        let messages = messages(vec![Ok(batch(1, 5 << 20))]).await;
        assert_eq!(decoded(messages).await, [batch(1, 5 << 20)]);
    }

    #[tokio::test]
    async fn the_stream_ends_after_an_error() {
        let failure = Error::new(ErrorKind::QueryCanceled, "canceled");
        let messages = messages(vec![Ok(batch(1, 1)), Err(failure), Ok(batch(1, 1))]).await;
        assert_eq!(messages.len(), 3);
        assert_eq!(
            messages[2].as_ref().unwrap_err().kind(),
            ErrorKind::QueryCanceled
        );
    }

    #[tokio::test]
    async fn a_batch_of_another_schema_is_never_sent() {
        let other =
            RecordBatch::try_from_iter([("n", Arc::new(StringArray::from(vec!["x"])) as ArrayRef)])
                .unwrap();
        let messages = messages(vec![Ok(other)]).await;
        assert_eq!(
            messages[1].as_ref().unwrap_err().kind(),
            ErrorKind::Internal
        );
    }
}
