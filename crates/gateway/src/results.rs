//! The rows of a running statement on their way to its door.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use arrow_array::RecordBatch;
use futures::Stream;
use metrics::{Counter, counter, gauge};
use model::{Error, ErrorKind, Result, ResultStream};
use parking_lot::Mutex;
use policy::{Bound, Limits};

use crate::admission::Place;
use crate::metric;
use crate::registry::{CancelReason, Entry, StatementState};
use crate::statement::Statement;
use crate::transaction::Transaction;

/// The worker's stream, which its session can take away while the door still holds the result.
#[derive(Default)]
pub(crate) struct OpenResults(Mutex<Vec<Weak<Slot>>>);

struct Slot {
    stream: Mutex<Option<ResultStream>>,
    entry: Arc<Entry>,
}

impl OpenResults {
    /// Closes what is open, as when its transaction ends.
    pub(crate) fn close(&self) {
        for slot in self.0.lock().drain(..).filter_map(|slot| slot.upgrade()) {
            let stream = slot.stream.lock().take();
            if stream.is_some() {
                // Dropping the stream ends it on the worker. An interrupt besides could hit the
                // COMMIT that follows.
                slot.entry.stop(CancelReason::TransactionEnded);
            }
        }
    }

    fn add(&self, slot: &Arc<Slot>) {
        let mut open = self.0.lock();
        open.retain(|slot| slot.strong_count() > 0);
        open.push(Arc::downgrade(slot));
    }
}

/// Wraps a worker's stream so that it counts, stops when the statement has to, gives its place back
/// at the end, and fails its transaction when it fails.
pub(crate) fn results(
    stream: ResultStream,
    statement: Statement,
    place: Option<Place>,
    transaction: Option<(&Arc<Transaction>, &OpenResults)>,
) -> ResultStream {
    statement.set_state(StatementState::Streaming);
    let schema = Arc::clone(stream.schema());
    let slot = Arc::new(Slot {
        stream: Mutex::new(Some(stream)),
        entry: Arc::clone(statement.entry()),
    });
    if let Some((_, open)) = transaction {
        open.add(&slot);
    }
    let door = slot.entry.origin.door.as_str();
    gauge!(metric::STREAMS, "door" => door).increment(1.0);
    let running = Running {
        interrupted: Box::pin(statement.interrupted()),
        rows: counter!(metric::RESULT_ROWS, "door" => door),
        bytes: counter!(metric::RESULT_BYTES, "door" => door),
        statement,
        slot,
        transaction: transaction.map(|(transaction, _)| Arc::clone(transaction)),
        _place: place,
    };
    ResultStream::new(schema, Results(Some(running)))
}

/// `None` once it has ended.
struct Results(Option<Running>);

struct Running {
    interrupted: Pin<Box<dyn Future<Output = Error> + Send>>,
    rows: Counter,
    bytes: Counter,
    statement: Statement,
    slot: Arc<Slot>,
    transaction: Option<Arc<Transaction>>,
    _place: Option<Place>,
}

impl Running {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<RecordBatch>>> {
        if let Poll::Ready(error) = self.interrupted.as_mut().poll(cx) {
            return Poll::Ready(Some(Err(error)));
        }
        let mut stream = self.slot.stream.lock();
        let Some(stream) = stream.as_mut() else {
            return Poll::Ready(Some(Err(CancelReason::TransactionEnded.error())));
        };
        let polled = Pin::new(stream).poll_next(cx);
        if let Poll::Ready(Some(Ok(batch))) = &polled {
            let (rows, bytes) = (batch.num_rows(), batch.get_array_memory_size());
            let (rows, bytes) = (rows as u64, bytes as u64);
            let entry = &self.slot.entry;
            let all_rows = entry.rows.fetch_add(rows, Ordering::Relaxed) + rows;
            let all_bytes = entry.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
            if let Err(error) = within(self.statement.limits(), all_rows, all_bytes) {
                return Poll::Ready(Some(Err(error)));
            }
            self.rows.increment(rows);
            self.bytes.increment(bytes);
        }
        polled
    }

    /// The error to answer with, once the statement has failed with `error`.
    fn fail(self, error: Error) -> Error {
        let reason = self.slot.entry.reason();
        let error = match (error.kind(), reason) {
            (ErrorKind::QueryCanceled, Some(reason)) => reason.error(),
            _ => error,
        };
        // A result closed by the end of its transaction does not belong to the next one.
        if let (Some(transaction), true) = (
            &self.transaction,
            reason != Some(CancelReason::TransactionEnded),
        ) {
            transaction.fail();
        }
        self.close().end_failed(error)
    }

    /// Lets go of the worker's stream, then of the place.
    fn close(self) -> Statement {
        let door = self.slot.entry.origin.door.as_str();
        gauge!(metric::STREAMS, "door" => door).decrement(1.0);
        drop(self.slot.stream.lock().take());
        self.statement
    }
}

/// Fails where a result has become larger than its principal may have.
fn within(limits: &Limits, rows: u64, bytes: u64) -> Result<()> {
    let error = |what: String, by: &str| {
        let message = format!("the result has more than {what}: limit \"{by}\"");
        let error = Error::new(ErrorKind::LimitExceeded, message);
        Err(error.with_hint("ask for less, or ask an administrator for a higher limit"))
    };
    match (&limits.result_rows, &limits.result_bytes) {
        (Some(Bound { most, by }), _) if rows > *most => error(format!("{most} rows"), by),
        (_, Some(Bound { most, by })) if bytes > *most => error(format!("{most} bytes"), by),
        _ => Ok(()),
    }
}

impl Stream for Results {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(running) = self.0.as_mut() else {
            return Poll::Ready(None);
        };
        let polled = std::task::ready!(running.poll(cx));
        Poll::Ready(match polled {
            Some(Ok(batch)) => Some(Ok(batch)),
            Some(Err(error)) => self.0.take().map(|running| Err(running.fail(error))),
            None => {
                if let Some(running) = self.0.take() {
                    running.close().end_done();
                }
                None
            }
        })
    }
}

impl Drop for Results {
    fn drop(&mut self) {
        if let Some(running) = self.0.take() {
            drop(running.close());
        }
    }
}
