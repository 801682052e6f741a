//! From the first rows to the last: fetching while there is room, parking while there is none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use futures::Stream;
use futures::stream::unfold;
use metrics::{counter, gauge};
use model::{Error, Result, ResultSchema};
use native::{NativeStream, conform};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{OwnedPermit, Receiver, Sender};

use crate::coalesce::Coalescer;
use crate::control::{Control, Stop};
use crate::metric;
use crate::start::Run;
use crate::worker::{StreamPlace, Worker};

/// Batches that wait for the reader of one stream.
pub const CHANNEL_BATCHES: usize = 3;

/// Rows that trickle are sent after this time, however few.
const FLUSH_AFTER: Duration = Duration::from_millis(50);

/// An open result on its connection.
pub(crate) struct Live {
    stream: NativeStream,
    schema: Arc<ResultSchema>,
}

type Batches = Sender<Result<RecordBatch>>;

impl Live {
    pub(crate) fn new(stream: NativeStream, schema: Arc<ResultSchema>) -> Self {
        Self { stream, schema }
    }

    pub(crate) fn schema(&self) -> &Arc<ResultSchema> {
        &self.schema
    }

    /// The next batch, and whether more may follow.
    fn next(&mut self, run: &Run) -> Result<(Option<RecordBatch>, bool)> {
        let started = Instant::now();
        let mut coalescer = Coalescer::default();
        let mut more = true;
        while more {
            run.control.check_deadline(&run.worker);
            run.control.check()?;
            let due = match self.stream.next_batch().map_err(|e| run.error(&e))? {
                None => {
                    more = false;
                    true
                }
                Some(chunk) => {
                    let chunk = conform(chunk, &self.schema.arrow).map_err(Error::internal)?;
                    coalescer.push(chunk)
                }
            };
            if due || started.elapsed() >= FLUSH_AFTER {
                break;
            }
        }
        let batch = coalescer
            .take(&self.schema.arrow)
            .map_err(Error::internal)?;
        Ok((batch, more))
    }
}

/// Fetches batches while the channel has room and no other statement waits for the thread.
pub(crate) fn pump(run: Run, live: Live, sender: Batches) {
    match sender.try_reserve_owned() {
        Ok(permit) => step(run, live, permit),
        Err(TrySendError::Full(sender)) => park(run, live, sender),
        Err(TrySendError::Closed(_)) => end(run, live),
    }
}

fn step(run: Run, mut live: Live, permit: OwnedPermit<Result<RecordBatch>>) {
    let mut permit = permit;
    loop {
        let (batch, more) = match live.next(&run) {
            Ok(next) => next,
            Err(error) => {
                end(run, live);
                permit.send(Err(error));
                return;
            }
        };
        if !more {
            drop(live);
            // Committed before the last rows are there: who has seen the end has a free session.
            match run.finish() {
                Ok(()) => send_last(permit, batch),
                Err(error) => drop(permit.send(Err(error))),
            }
            return;
        }
        let sender = match batch {
            Some(batch) => send(permit, batch),
            None => permit.release(),
        };
        permit = match sender.try_reserve_owned() {
            Ok(permit) if !run.worker.steps().is_busy() => permit,
            Ok(permit) => return queue(run, live, permit),
            Err(TrySendError::Full(sender)) => return park(run, live, sender),
            Err(TrySendError::Closed(_)) => return end(run, live),
        };
    }
}

fn send(permit: OwnedPermit<Result<RecordBatch>>, batch: RecordBatch) -> Batches {
    counter!(metric::BATCH_BYTES).increment(batch.get_array_memory_size() as u64);
    permit.send(Ok(batch))
}

fn send_last(permit: OwnedPermit<Result<RecordBatch>>, batch: Option<RecordBatch>) {
    match batch {
        Some(batch) => drop(send(permit, batch)),
        None => drop(permit.release()),
    }
}

/// Ends a statement whose rest is not wanted: first the result, then its transaction.
fn end(run: Run, live: Live) {
    drop(live);
    run.abandon();
}

/// Goes to the end of the queue.
fn queue(run: Run, live: Live, permit: OwnedPermit<Result<RecordBatch>>) {
    run.control.leave();
    let worker = Arc::clone(&run.worker);
    worker.steps().submit(Box::new(move || {
        run.enter();
        step(run, live, permit);
    }));
}

/// Waits for room without a thread. What no reader comes back for is stopped.
fn park(run: Run, live: Live, sender: Batches) {
    run.control.leave();
    let worker = Arc::clone(&run.worker);
    gauge!(metric::PARKED_STREAMS).increment(1.0);
    worker.spawn("parked", async move {
        let permit = tokio::select! {
            biased;
            _ = run.control.stopped(&run.worker) => None,
            permit = sender.reserve_owned() => permit.ok(),
            () = tokio::time::sleep(run.worker.config().stream_idle_timeout) => {
                run.control.stop(Stop::Idle, &run.worker);
                None
            }
        };
        gauge!(metric::PARKED_STREAMS).decrement(1.0);
        let steps = Arc::clone(&run.worker);
        match permit {
            Some(permit) => queue(run, live, permit),
            // Closing a result waits for DuckDB's threads.
            None => steps.steps().submit(Box::new(move || {
                run.enter();
                end(run, live);
            })),
        }
    });
}

/// The reader's end of a result. Dropping it stops the statement.
struct Reader {
    batches: Receiver<Result<RecordBatch>>,
    control: Arc<Control>,
    worker: Arc<Worker>,
    done: bool,
    _place: Option<StreamPlace>,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<RecordBatch>> {
        if self.done {
            return None;
        }
        let item = tokio::select! {
            biased;
            stop = self.control.stopped(&self.worker) => Some(Err(stop.error())),
            item = self.batches.recv() => item,
        };
        match item {
            Some(Ok(batch)) => Some(Ok(batch)),
            Some(Err(error)) => {
                self.done = true;
                Some(Err(error))
            }
            None => {
                self.done = true;
                // The end is only the end if the statement said so.
                (!self.control.is_complete()).then(|| Err(Error::internal("the result broke off")))
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.control.stop(Stop::Dropped, &self.worker);
    }
}

/// The batches as a stream that ends with its first error, and that a stop ends at once.
pub(crate) fn read(
    batches: Receiver<Result<RecordBatch>>,
    control: Arc<Control>,
    worker: Arc<Worker>,
    place: Option<StreamPlace>,
) -> impl Stream<Item = Result<RecordBatch>> + Send + 'static {
    let reader = Reader {
        batches,
        control,
        worker,
        done: false,
        _place: place,
    };
    unfold(reader, |mut reader| async move {
        let item = reader.next().await?;
        Some((item, reader))
    })
}
