//! A principal's place on the executor.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use async_trait::async_trait;
use futures::stream::BoxStream;
use model::{
    CatalogSnapshot, Error, ErrorKind, ExecKind, ExecRequest, ExecSession, Result, ResultStream,
    StatementId,
};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use crate::control::{Control, Stop};
use crate::core::{Checkout, Lease};
use crate::pump;
use crate::start::{Home, Run, start};
use crate::temporary::Temporary;
use crate::transaction::Transaction;
use crate::worker::Worker;

/// How long the end of a session waits for its statements to leave their connections.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// A session, and the state that its statements share with it.
pub(crate) struct LocalSession {
    pub(crate) worker: Arc<Worker>,
    pub(crate) shared: Arc<Shared>,
    /// Held over BEGIN, COMMIT and ROLLBACK, so that they run one after another.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

/// What outlives a single call: the transaction, and the statements that run.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Told when a connection has come back to the transaction.
    returned: Notify,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) closed: bool,
    /// The last number given to a transaction, or to temporary objects.
    pub(crate) numbers: u64,
    pub(crate) transaction: Option<Transaction>,
    pub(crate) temporary: Option<Temporary>,
    /// The shared snapshot with the temporary objects over it, as last asked for.
    pub(crate) seen: Option<Arc<CatalogSnapshot>>,
    running: HashMap<StatementId, Arc<Control>>,
}

impl LocalSession {
    pub(crate) fn open(worker: Arc<Worker>) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            returned: Notify::new(),
        });
        worker.register(&shared);
        Self {
            worker,
            shared,
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// A connection for a statement: the transaction's, that of the temporary objects, or one of its
    /// own.
    async fn acquire(
        &self,
        control: &Arc<Control>,
        request: &ExecRequest,
    ) -> Result<(Checkout, Home)> {
        let patience = self.worker.config().quiet_timeout;
        if self.shared.in_transaction()? {
            let (number, lease) = self.shared.take_lease(Some(control), patience).await?;
            return Ok((Checkout::Idle(lease), Home::Transaction(number)));
        }
        let core = self.worker.core()?;
        if !request.uses_temporary() {
            return Ok((core.checkout()?, Home::Pool));
        }
        let makes = matches!(request.kind(), ExecKind::Write { target, changes_catalog: true }
            if target.is_temporary());
        let taking = self.shared.take_temporary(control, &core, makes, patience);
        let (number, checkout) = taking.await?;
        Ok((checkout, Home::Temporary(number)))
    }
}

#[async_trait]
impl ExecSession for LocalSession {
    async fn execute(&self, request: ExecRequest) -> Result<ResultStream> {
        let worker = &self.worker;
        let place = match request.kind() {
            ExecKind::Query => Some(worker.stream_place()?),
            ExecKind::Write { .. } => None,
        };
        let control = Control::new(&request);
        let (checkout, home) = self.acquire(&control, &request).await?;
        // Stops the statement if this call is dropped before its answer.
        let mut guard = StopOnDrop {
            control: Some(&control),
            worker,
        };
        self.shared.register(&control);
        let (reply, answer) = oneshot::channel();
        let by = Arc::clone(&control);
        let session = Arc::clone(&self.shared);
        let run = Run::new(Arc::clone(worker), session, by, home, &request);
        if let Some(limit) = request.spill() {
            worker.watch_spill(&control, limit)?;
        }
        worker
            .steps()
            .submit(Box::new(move || start(run, checkout, &request, reply)));
        let started = tokio::select! {
            biased;
            stop = control.stopped(worker) => Err(stop.error()),
            answer = answer => answer
                .unwrap_or_else(|_| Err(Error::internal("the step thread gave no answer"))),
        };
        guard.control = None;
        let started = started?;
        let batches = pump::read(
            started.batches,
            Arc::clone(&control),
            Arc::clone(worker),
            place,
        );
        Ok(ResultStream::new(started.schema, batches))
    }

    async fn ingest(
        &self,
        _request: ExecRequest,
        _batches: BoxStream<'static, Result<RecordBatch>>,
    ) -> Result<u64> {
        Err(Error::not_supported("bulk ingestion").with_hint("use INSERT"))
    }

    async fn begin(&self, read_only: bool) -> Result<()> {
        self.begin_transaction(read_only).await
    }

    async fn commit(&self) -> Result<()> {
        self.commit_transaction().await
    }

    async fn rollback(&self) -> Result<()> {
        self.roll_back_transaction().await
    }

    async fn discard_temporary(&self) -> Result<()> {
        self.drop_temporary().await
    }

    fn catalog(&self) -> Arc<CatalogSnapshot> {
        self.shared.catalog(&self.worker)
    }

    fn cancel(&self, id: StatementId) {
        let control = self.shared.state.lock().running.get(&id).cloned();
        if let Some(control) = control {
            control.stop(Stop::User, &self.worker);
        }
    }

    fn progress(&self, id: StatementId) -> Option<f64> {
        let control = self.shared.state.lock().running.get(&id).cloned()?;
        control.progress()
    }

    async fn close(&self) {
        self.shared.state.lock().closed = true;
        for control in self.shared.end(Stop::Closed, &self.worker) {
            // Past this time its own interrupter goes on, and the connection is closed when it
            // comes back.
            let _elapsed = timeout(CLOSE_WITHIN, control.quiet()).await;
        }
    }
}

impl Drop for LocalSession {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.end(Stop::Closed, &self.worker);
    }
}

impl Shared {
    pub(crate) fn state(&self) -> parking_lot::MutexGuard<'_, State> {
        self.state.lock()
    }

    fn register(&self, control: &Arc<Control>) {
        let mut state = self.state.lock();
        state.running.retain(|_, control| !control.is_quiet());
        state.running.insert(control.id(), Arc::clone(control));
    }

    pub(crate) fn in_transaction(&self) -> Result<bool> {
        let state = self.state.lock();
        if state.closed {
            return Err(Stop::Closed.error());
        }
        Ok(state.transaction.is_some())
    }

    /// Stops all that runs and closes the connections of the transaction and of temporary objects, or
    /// has them closed when they come back. Returns what has been stopped.
    pub(crate) fn end(&self, why: Stop, worker: &Arc<Worker>) -> Vec<Arc<Control>> {
        let mut state = self.state.lock();
        let leases = [
            state.transaction.as_mut().and_then(Transaction::lose),
            state.temporary.as_mut().and_then(Temporary::lose),
        ];
        let running: Vec<_> = state.running.drain().map(|(_, control)| control).collect();
        drop(state);
        for lease in leases.into_iter().flatten() {
            worker.steps().submit(Box::new(move || drop(lease)));
        }
        for control in &running {
            control.stop(why.clone(), worker);
        }
        running
    }

    /// Takes the transaction's connection. Waits for a statement that has been stopped and is not
    /// quiet yet; one that goes on is an error.
    pub(crate) async fn take_lease(
        &self,
        for_statement: Option<&Arc<Control>>,
        patience: Duration,
    ) -> Result<(u64, Lease)> {
        let waiting = self.until_returned(|| self.try_take_lease(for_statement));
        timeout(patience, waiting).await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::ObjectInUse,
                "the cancelled statement has not stopped yet",
            ))
        })
    }

    /// Asks until there is an answer, again whenever a connection has come back.
    pub(crate) async fn until_returned<T>(
        &self,
        mut ask: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        loop {
            let returned = self.returned.notified();
            tokio::pin!(returned);
            returned.as_mut().enable();
            if let Some(taken) = ask()? {
                return Ok(taken);
            }
            returned.await;
        }
    }

    pub(crate) fn tell_returned(&self) {
        self.returned.notify_waiters();
    }

    fn try_take_lease(&self, for_statement: Option<&Arc<Control>>) -> Result<Option<(u64, Lease)>> {
        let mut state = self.state.lock();
        let transaction = state.transaction.as_mut().ok_or_else(|| {
            Error::new(
                ErrorKind::NoActiveTransaction,
                "there is no transaction in progress",
            )
        })?;
        transaction.take(for_statement)
    }

    /// A statement of that transaction has ended.
    pub(crate) fn take_back(&self, number: u64, lease: Lease) {
        let mut state = self.state.lock();
        let closed = state.closed;
        let surplus = match &mut state.transaction {
            Some(transaction) if transaction.is(number) && !closed => transaction.put(lease),
            _ => Some(lease),
        };
        drop(state);
        self.returned.notify_waiters();
        // Its transaction is gone: closing rolls back.
        drop(surplus);
    }

    /// Takes the transaction out; who waits for its connection learns that it is over.
    pub(crate) fn end_transaction(&self) -> Option<Transaction> {
        let ended = self.state.lock().transaction.take();
        self.returned.notify_waiters();
        ended
    }

    /// The connection of that transaction is lost.
    pub(crate) fn lose(&self, number: u64) {
        if let Some(transaction) = &mut self.state.lock().transaction
            && transaction.is(number)
        {
            transaction.lose();
        }
        self.returned.notify_waiters();
    }
}

struct StopOnDrop<'a> {
    control: Option<&'a Arc<Control>>,
    worker: &'a Arc<Worker>,
}

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(control) = self.control {
            control.stop(Stop::Dropped, self.worker);
        }
    }
}
