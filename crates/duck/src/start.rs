//! The first step of a statement: from a sealed request to its first rows.

use std::cell::Cell;
use std::sync::Arc;

use arrow_array::RecordBatch;
use model::{
    CatalogMode, Error, ErrorKind, ExecKind, ExecRequest, Positions, RelationName, Result,
    ResultSchema,
};
use native::{ErrorType, NativeStream, Prepared, conform};
use tokio::sync::{mpsc, oneshot};

use crate::catalog::next_version;
use crate::control::Control;
use crate::core::{Checkout, Lease};
use crate::governed::client_error;
use crate::names::mismatch;
use crate::pump::{self, CHANNEL_BATCHES, Live};
use crate::ready::may_sample;
use crate::session::Shared;
use crate::shell;
use crate::tables;
use crate::transaction::roll_back;
use crate::verify::check_kind;
use crate::worker::Worker;
use crate::written::{REFUSED_ROW, Written, write};

/// Where a connection goes when its statement has ended.
pub(crate) enum Home {
    /// Back to the pool: the statement is its own transaction.
    Pool,
    /// To the session's transaction of that number.
    Transaction(u64),
    /// To the session's temporary objects of that number: the statement is its own transaction.
    Temporary(u64),
}

/// What a statement answers when its first rows are there.
pub(crate) struct Started {
    pub(crate) schema: Arc<ResultSchema>,
    pub(crate) batches: mpsc::Receiver<Result<RecordBatch>>,
}

/// A statement on its connection. However it ends, the connection goes home or is closed.
pub(crate) struct Run {
    pub(crate) worker: Arc<Worker>,
    session: Arc<Shared>,
    pub(crate) control: Arc<Control>,
    governed: bool,
    positions: Positions,
    /// Until the connection has gone there.
    home: Option<Home>,
    lease: Option<Lease>,
    /// Whether a transaction was opened for the statement alone.
    began: bool,
    /// Whether DuckDB has lost the reason of a failure.
    lost_reason: Cell<bool>,
    /// Whether rows were written that may not be committed.
    spoiled: bool,
}

enum Begun {
    Rows(Live, Option<RecordBatch>),
    Wrote(Written),
}

/// Runs a request to its first rows, answers, and goes on fetching.
pub(crate) fn start(
    mut run: Run,
    checkout: Checkout,
    request: &ExecRequest,
    reply: oneshot::Sender<Result<Started>>,
) {
    match checkout.open() {
        Ok(lease) => run.lease = Some(lease),
        Err(error) => return answer(reply, Err(error)),
    }
    run.enter();
    let mut begun = run.begin(request);
    if begun.is_err() && run.may_begin_again(request) {
        begun = run.begin(request);
    }
    match begun {
        Ok(Begun::Rows(live, Some(first))) => {
            let schema = Arc::clone(live.schema());
            let (sender, batches) = mpsc::channel(CHANNEL_BATCHES);
            // The channel is new and has room.
            let sent = sender.try_send(Ok(first));
            debug_assert!(sent.is_ok());
            answer(reply, Ok(Started { schema, batches }));
            pump::pump(run, live, sender);
        }
        Ok(Begun::Rows(live, None)) => {
            let schema = Arc::clone(live.schema());
            drop(live);
            answer(
                reply,
                run.finish().map(|()| Started {
                    schema,
                    batches: mpsc::channel(1).1,
                }),
            );
        }
        Ok(Begun::Wrote(written)) => {
            let outcome = run.wrote(request).and_then(|()| written.started());
            answer(reply, outcome);
        }
        Err(error) => {
            run.abandon();
            answer(reply, Err(error));
        }
    }
}

/// A caller that is gone has stopped the statement and wants no answer.
fn answer(reply: oneshot::Sender<Result<Started>>, outcome: Result<Started>) {
    let _unwanted = reply.send(outcome);
}

impl Run {
    /// A statement that has no connection yet.
    pub(crate) fn new(
        worker: Arc<Worker>,
        session: Arc<Shared>,
        control: Arc<Control>,
        home: Home,
        request: &ExecRequest,
    ) -> Self {
        Self {
            worker,
            session,
            control,
            governed: request.governed(),
            positions: request.positions(),
            home: Some(home),
            lease: None,
            began: false,
            lost_reason: Cell::new(false),
            spoiled: false,
        }
    }

    /// A step begins.
    pub(crate) fn enter(&self) {
        if let Some(lease) = &self.lease {
            self.control.enter(&lease.connection().interrupt_handle());
        }
    }

    /// The error for the client. An error after a stop is the stop's; a lost instance is noticed.
    pub(crate) fn error(&self, error: &native::Error) -> Error {
        if let Some(lease) = &self.lease {
            self.worker.look_for_loss(lease.core(), error);
        }
        match self.control.check() {
            Err(stopped) => stopped.with_cause(error.clone()),
            // One of DuckDB's threads failed and interrupted this one, which took it for a stop.
            Ok(()) if error.error_type() == ErrorType::Interrupt => {
                self.lost_reason.set(true);
                Error::new(
                    ErrorKind::DataException,
                    "the statement failed for a reason that was lost",
                )
                .with_hint("run it again to see the reason")
                .with_cause(error.clone())
            }
            Ok(()) => client_error(error, self.governed, &self.positions),
        }
    }

    /// Ends a statement that has done its work: commits it if it is its own transaction.
    pub(crate) fn finish(mut self) -> Result<()> {
        let committed = self.commit();
        self.go_home(committed.is_ok());
        committed
    }

    /// Ends a statement that failed or is not wanted any more.
    pub(crate) fn abandon(mut self) {
        self.go_home(false);
    }

    fn begin(&mut self, request: &ExecRequest) -> Result<Begun> {
        self.control.check()?;
        self.check_write(request)?;
        self.set_time_zone(request)?;
        match self.again(request)? {
            Some(begun) => Ok(begun),
            None => self.anew(request),
        }
    }

    /// Whether the statement, which has failed, may begin once more: it has done nothing yet, and
    /// DuckDB did not say why it failed.
    fn may_begin_again(&mut self, request: &ExecRequest) -> bool {
        let query_alone = matches!(self.home, Some(Home::Pool))
            && request.kind().written(request.expected()).next().is_none();
        let again = query_alone
            && self.lost_reason.take()
            && self
                .lease()
                .is_ok_and(|lease| lease.leave_transaction(self.began));
        if again {
            self.began = false;
        }
        again
    }

    /// Runs a statement that this connection has prepared and checked before, if nothing was
    /// committed since. DuckDB's own transaction around it is enough: it has begun before the
    /// second look at the commits, and ends with the result.
    fn again(&mut self, request: &ExecRequest) -> Result<Option<Begun>> {
        if !self.is_repeatable(request) {
            return Ok(None);
        }
        let Some(settled) = self.worker.changes().settled() else {
            return Ok(None);
        };
        let mut ready = self.lease()?.ready();
        let Some(prepared) = ready.find(settled, request) else {
            return Ok(None);
        };
        shell::check(request)?;
        prepared.clear_bindings();
        let pending = bind(prepared, request)
            .and_then(|()| prepared.start())
            .map_err(|e| self.error(&e))?;
        if !self.worker.changes().is_still(settled) {
            return Ok(None);
        }
        let stream = pending.stream().map_err(|e| self.error(&e))?;
        self.rows(request, stream).map(Some)
    }

    /// Checks, prepares and runs the statement in one transaction, as DuckDB binds again without a
    /// word when something has changed.
    fn anew(&mut self, request: &ExecRequest) -> Result<Begun> {
        let settled = self.worker.changes().settled();
        self.open_transaction()?;
        let version = self.catalog_version();
        let lease = self.lease()?;
        let connection = lease.connection();
        let tables = || tables::check(connection, request, self.worker.reader());
        let was_sure = self.is_of_catalog(request, settled);
        if !was_sure {
            tables()?;
        }
        self.worker
            .verifier()
            .check(connection, request, self.worker.reader(), version)?;
        let prepared = connection
            .prepare(request.sql())
            .map_err(|e| self.error(&e))?;
        check_kind(request, &prepared)?;
        // Only by now DuckDB has looked at all databases in question, and goes on with what it saw.
        if was_sure && !self.is_of_catalog(request, settled) {
            tables()?;
        }
        bind(&prepared, request).map_err(|e| self.error(&e))?;
        match request.kind() {
            ExecKind::Query => {
                let pending = prepared.start().map_err(|e| self.error(&e))?;
                let stream = pending.stream().map_err(|e| self.error(&e))?;
                let begun = self.rows(request, stream)?;
                if let Some(settled) = settled
                    && self.is_repeatable(request)
                    && self.worker.changes().is_still(settled)
                {
                    lease.ready().keep(settled, request, prepared);
                }
                Ok(begun)
            }
            ExecKind::Write { .. } => {
                let outcome = write(self, &prepared, request);
                // In a transaction of the session's nothing but its end takes the rows back.
                self.spoiled = matches!(&outcome, Err(e) if e.kind() == REFUSED_ROW);
                outcome.map(Begun::Wrote)
            }
        }
    }

    /// Whether the catalog that the transaction sees is the one that the text was made for.
    fn is_of_catalog(&self, request: &ExecRequest, settled: Option<u64>) -> bool {
        let same = self.catalog_version() == request.catalog_version();
        // A session's transaction has a catalog of its own from its beginning. Another one has begun
        // after `settled`, and sees what is shared if nothing was committed since.
        let pinned = matches!(self.home, Some(Home::Transaction(_)))
            || settled.is_some_and(|count| self.worker.changes().is_still(count))
                && !self.worker.is_in_doubt();
        same && pinned
    }

    fn catalog_version(&self) -> u64 {
        self.session.catalog(&self.worker).version
    }

    /// Whether the same prepared statement may serve the next request with this text.
    fn is_repeatable(&self, request: &ExecRequest) -> bool {
        matches!(self.home, Some(Home::Pool))
            && matches!(request.kind(), ExecKind::Query)
            && self.worker.is_repeatable(request.expected())
            && !may_sample(request.sql())
    }

    fn set_time_zone(&mut self, request: &ExecRequest) -> Result<()> {
        let lease = self.lease.as_mut().ok_or_else(no_connection)?;
        let outcome = lease.set_time_zone(request.time_zone());
        outcome.map_err(|e| self.error(&e))
    }

    fn open_transaction(&mut self) -> Result<()> {
        if let Some(Home::Pool | Home::Temporary(_)) = self.home {
            self.lease()?.begin().map_err(|e| self.error(&e))?;
            self.began = true;
        }
        Ok(())
    }

    fn check_write(&self, request: &ExecRequest) -> Result<()> {
        for catalog in request.kind().written(request.expected()) {
            match self.worker.reader().mode(catalog) {
                Some(CatalogMode::ReadWrite) => {}
                Some(CatalogMode::ReadOnly) => {
                    return Err(Error::new(
                        ErrorKind::ReadOnly,
                        format!("catalog \"{catalog}\" is read-only"),
                    ));
                }
                None => return Err(mismatch(format!("no catalog {catalog}"))),
            }
            if let Some(Home::Transaction(number)) = self.home {
                self.session.check_write(catalog)?;
                // A query that draws from a sequence has its rows read later: it counts from now on.
                if matches!(request.kind(), ExecKind::Query) {
                    self.session.note_write(number, catalog, false);
                }
            }
        }
        Ok(())
    }

    fn rows(&self, request: &ExecRequest, mut stream: NativeStream) -> Result<Begun> {
        let schema = self.schema(request, &mut stream)?;
        let first = stream.next_batch().map_err(|e| self.error(&e))?;
        let first = first
            .map(|chunk| conform(chunk, &schema.arrow).map_err(Error::internal))
            .transpose()?;
        Ok(Begun::Rows(Live::new(stream, schema), first))
    }

    /// Ends a write: committed and seen by all, or seen by its transaction, before the reply.
    fn wrote(mut self, request: &ExecRequest) -> Result<()> {
        let ExecKind::Write {
            target,
            changes_catalog,
        } = request.kind()
        else {
            return self.finish();
        };
        let worker = Arc::clone(&self.worker);
        // What is temporary nobody else sees.
        let change = (!target.is_temporary()).then(|| worker.changes().begin());
        let committed = self.commit().and_then(|()| match changes_catalog {
            true => self.see_change(target),
            false => Ok(()),
        });
        drop(change);
        if let Some(Home::Transaction(number)) = self.home {
            // Also where its change could not be read.
            let session = &self.session;
            session.note_write(number, &target.catalog, *changes_catalog);
        }
        self.go_home(committed.is_ok());
        committed
    }

    /// The change is made. Where the new shared snapshot can't be read, the old one stays in doubt, and
    /// later statements on what changed fail: the error is for the operator.
    fn see_change(&mut self, target: &RelationName) -> Result<()> {
        let lease = self.lease.as_mut().ok_or_else(no_connection)?;
        lease.mark_ddl();
        let reader = self.worker.reader();
        match self.home {
            // Its transaction can't go on with names that may mean something else.
            Some(Home::Transaction(number)) => {
                let connection = lease.connection();
                let before = self.session.catalog(&self.worker);
                let temporary = match target.is_temporary() || before.temporary().is_some() {
                    true => reader.read_temporary(connection)?,
                    false => None,
                };
                let shared = match target.is_temporary() {
                    true => before.shared.clone().unwrap_or(before),
                    false => Arc::new(reader.read(connection)?),
                };
                let snapshot = match temporary {
                    Some(objects) => Arc::new(shared.with_temporary(next_version(), objects)),
                    None => shared,
                };
                self.session.set_catalog(number, snapshot);
            }
            Some(Home::Temporary(number)) if target.is_temporary() => {
                let objects = reader.read_temporary(lease.connection())?;
                self.session.set_temporary(number, objects);
            }
            Some(Home::Pool | Home::Temporary(_)) | None => {
                if let Err(error) = self.worker.refresh(lease.connection()) {
                    tracing::error!(?error, "can't read the catalogs after a change");
                }
            }
        }
        Ok(())
    }

    fn commit(&self) -> Result<()> {
        self.control.commit()?;
        if !self.began {
            return Ok(());
        }
        self.lease()?.commit().map_err(|e| self.error(&e))
    }

    fn lease(&self) -> Result<&Lease> {
        self.lease.as_ref().ok_or_else(no_connection)
    }

    fn go_home(&mut self, done: bool) {
        let (Some(home), Some(lease)) = (self.home.take(), self.lease.take()) else {
            return;
        };
        // Before the connection is made clean and anyone else gets it: no interrupt may follow it.
        self.control.finish(done);
        let clean = match home {
            Home::Transaction(_) => true,
            Home::Pool | Home::Temporary(_) => done || lease.leave_transaction(self.began),
        };
        let session = &self.session;
        match home {
            Home::Transaction(number) if self.spoiled => {
                let temporary = session.has_temporary(number);
                roll_back(&self.worker, session, lease, temporary);
                session.lose(number);
            }
            Home::Transaction(number) => session.take_back(number, lease),
            Home::Temporary(number) if clean => session.take_back_temporary(number, lease),
            Home::Temporary(number) => {
                drop(lease);
                session.lose_temporary(number);
            }
            Home::Pool if clean => lease.give_back(),
            Home::Pool => drop(lease),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // After a panic, or when it never ran: the connection's state is in doubt.
        if let Some(home) = self.home.take() {
            self.control.finish(false);
            drop(self.lease.take());
            match home {
                Home::Transaction(number) => self.session.lose(number),
                Home::Temporary(number) => self.session.lose_temporary(number),
                Home::Pool => {}
            }
        }
    }
}

fn bind(prepared: &Prepared, request: &ExecRequest) -> native::Result<()> {
    // Parameters are named by their number; a number that the text does not use has no place.
    for (index, (name, _)) in prepared.parameters().iter().enumerate() {
        let value = name
            .parse::<usize>()
            .ok()
            .and_then(|number| request.params().get(number.checked_sub(1)?));
        if let Some(value) = value {
            prepared.bind(index + 1, value)?;
        }
    }
    Ok(())
}

fn no_connection() -> Error {
    Error::internal("the statement has no connection")
}
