//! A session's transaction.

use std::sync::Arc;

use model::{CatalogSnapshot, Error, ErrorKind, Positions, Result, TEMPORARY};

use crate::control::{Control, Stop};
use crate::core::{Checkout, Lease};
use crate::governed::client_error;
use crate::seat::{Seat, Taken};
use crate::session::{LocalSession, Shared};
use crate::worker::Worker;

/// An open transaction, and its connection while no statement runs on it.
pub(crate) struct Transaction {
    number: u64,
    read_only: bool,
    seat: Seat,
    /// The catalog written: besides temporary objects DuckDB writes one database per transaction.
    written: Option<String>,
    changed_catalog: bool,
    /// Whether its connection has, or may have, temporary objects.
    temporary: bool,
    /// What the transaction sees: what there was at its beginning, and changes of its own.
    catalog: Arc<CatalogSnapshot>,
}

impl Transaction {
    pub(crate) fn is(&self, number: u64) -> bool {
        self.number == number
    }

    /// The connection, if it is here; `None` if it soon will be.
    pub(crate) fn take(
        &mut self,
        for_statement: Option<&Arc<Control>>,
    ) -> Result<Option<(u64, Lease)>> {
        match self.seat.take(for_statement) {
            Taken::Lease(lease) => Ok(Some((self.number, lease))),
            Taken::Soon => Ok(None),
            Taken::Busy => Err(Error::new(
                ErrorKind::ObjectInUse,
                "a result of this transaction has not been read to its end",
            )),
            Taken::Lost => Err(lost()),
        }
    }

    /// Puts the connection back; returns it if the transaction has been given up.
    pub(crate) fn put(&mut self, lease: Lease) -> Option<Lease> {
        self.seat.put(lease)
    }

    /// Gives the transaction up; returns the connection if it is here.
    pub(crate) fn lose(&mut self) -> Option<Lease> {
        self.seat.lose()
    }
}

impl Shared {
    /// The catalogs as the session sees them.
    pub(crate) fn catalog(&self, worker: &Worker) -> Arc<CatalogSnapshot> {
        let mut state = self.state();
        match &state.transaction {
            Some(transaction) => Arc::clone(&transaction.catalog),
            None => state.seen(worker.catalog()),
        }
    }

    pub(crate) fn set_catalog(&self, number: u64, catalog: Arc<CatalogSnapshot>) {
        if let Some(transaction) = &mut self.state().transaction
            && transaction.is(number)
        {
            transaction.catalog = catalog;
        }
    }

    /// Whether the transaction may write this catalog. Temporary objects may be written in any, as in
    /// PostgreSQL.
    pub(crate) fn check_write(&self, catalog: &str) -> Result<()> {
        if catalog == TEMPORARY {
            return Ok(());
        }
        let state = self.state();
        let Some(transaction) = &state.transaction else {
            return Ok(());
        };
        if transaction.read_only {
            return Err(Error::new(
                ErrorKind::ReadOnly,
                "cannot write in a read-only transaction",
            ));
        }
        match &transaction.written {
            Some(written) if written != catalog => Err(Error::not_supported(format!(
                "writing to \"{catalog}\" in a transaction that has written to \"{written}\""
            ))),
            _ => Ok(()),
        }
    }

    pub(crate) fn note_write(&self, number: u64, catalog: &str, changed_catalog: bool) {
        if let Some(transaction) = &mut self.state().transaction
            && transaction.is(number)
        {
            if catalog == TEMPORARY {
                transaction.temporary |= changed_catalog;
                return;
            }
            transaction
                .written
                .get_or_insert_with(|| catalog.to_owned());
            transaction.changed_catalog |= changed_catalog;
        }
    }

    /// Whether the connection of that transaction may have temporary objects.
    pub(crate) fn has_temporary(&self, number: u64) -> bool {
        let state = self.state();
        let transaction = state.transaction.as_ref().filter(|t| t.is(number));
        transaction.is_some_and(|t| t.temporary)
    }
}

impl LocalSession {
    pub(crate) async fn begin_transaction(&self, read_only: bool) -> Result<()> {
        let _turn = self.turn.lock().await;
        {
            let state = self.shared.state();
            if state.closed {
                return Err(Stop::Closed.error());
            }
            if state.transaction.is_some() {
                return Err(Error::new(
                    ErrorKind::ActiveTransaction,
                    "there is already a transaction in progress",
                ));
            }
        }
        let patience = self.worker.config().quiet_timeout;
        let own = self.shared.take_temporary_for_transaction(patience).await?;
        let temporary = own.is_some();
        let checkout = match own {
            Some(lease) => Checkout::Idle(lease),
            None => self.worker.core()?.checkout()?,
        };
        let worker = Arc::clone(&self.worker);
        let (lease, catalog) = self
            .worker
            .step(move || begin(&worker, checkout, read_only))
            .await??;
        let mut state = self.shared.state();
        // A session that ended meanwhile has no use for it; dropping closes and rolls back.
        if state.closed {
            return Err(Stop::Closed.error());
        }
        state.numbers += 1;
        let catalog = state.seen(catalog);
        state.transaction = Some(Transaction {
            number: state.numbers,
            read_only,
            seat: Seat::Here(lease),
            written: None,
            changed_catalog: false,
            temporary,
            catalog,
        });
        Ok(())
    }

    pub(crate) async fn commit_transaction(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        let patience = self.worker.config().quiet_timeout;
        let taken = self.shared.take_lease(None, patience).await;
        let lease = match taken {
            Ok((_, lease)) => lease,
            Err(error) => {
                // With its connection gone, the transaction is over.
                if error.kind() == ErrorKind::Shutdown {
                    self.shared.end_transaction();
                }
                return Err(error);
            }
        };
        let Some(transaction) = self.shared.end_transaction() else {
            return Err(Error::internal("the transaction ended as it was committed"));
        };
        let (worker, shared) = (Arc::clone(&self.worker), Arc::clone(&self.shared));
        self.worker
            .step(move || {
                let _change = transaction
                    .written
                    .is_some()
                    .then(|| worker.changes().begin());
                commit(&worker, &shared, lease, &transaction)
            })
            .await?
    }

    pub(crate) async fn roll_back_transaction(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        let running = match &self.shared.state().transaction {
            None => {
                return Err(Error::new(
                    ErrorKind::NoActiveTransaction,
                    "there is no transaction in progress",
                ));
            }
            Some(transaction) => transaction.seat.statement(),
        };
        // An open result of the transaction ends with it.
        if let Some(control) = running {
            control.stop(Stop::User, &self.worker);
        }
        let patience = self.worker.config().quiet_timeout;
        let taken = self.shared.take_lease(None, patience).await;
        // A connection that is not here is closed when it comes back, which rolls back too.
        let ended = self.shared.end_transaction();
        let temporary = ended.is_some_and(|t| t.temporary);
        let Ok((_, lease)) = taken else {
            return Ok(());
        };
        let (worker, shared) = (Arc::clone(&self.worker), Arc::clone(&self.shared));
        self.worker
            .step(move || roll_back(&worker, &shared, lease, temporary))
            .await
    }
}

/// Begins, and says what the transaction sees from now on.
fn begin(
    worker: &Arc<Worker>,
    checkout: Checkout,
    read_only: bool,
) -> Result<(Lease, Arc<CatalogSnapshot>)> {
    let lease = checkout.open()?;
    let mode = if read_only { " read only" } else { "" };
    let settled = worker.changes().settled();
    let connection = lease.connection();
    // DuckDB begins in each database when it is first looked at: here, in all.
    let begun = connection
        .execute(&format!("begin transaction{mode}"))
        .and_then(|_| connection.execute("select count(*) from duckdb_schemas()"));
    if let Err(error) = begun {
        worker.look_for_loss(lease.core(), &error);
        return Err(client_error(&error, true, &Positions::default()));
    }
    let shared = worker.catalog();
    let catalog = match settled {
        Some(count) if worker.changes().is_still(count) && !worker.is_in_doubt() => shared,
        _ => Arc::new(worker.reader().read(connection)?),
    };
    Ok((lease, catalog))
}

fn commit(
    worker: &Arc<Worker>,
    shared: &Shared,
    lease: Lease,
    transaction: &Transaction,
) -> Result<()> {
    if let Err(error) = lease.commit() {
        worker.look_for_loss(lease.core(), &error);
        roll_back(worker, shared, lease, transaction.temporary);
        return Err(client_error(&error, true, &Positions::default()));
    }
    if transaction.changed_catalog
        && let Err(error) = worker.refresh(lease.connection())
    {
        tracing::error!(?error, "can't read the catalogs after a change");
    }
    leave(worker, shared, lease, transaction.temporary);
    Ok(())
}

/// Rolls back and returns the connection, or closes it where that fails. Blocks: for step threads.
pub(crate) fn roll_back(worker: &Worker, shared: &Shared, lease: Lease, temporary: bool) {
    if lease.connection().execute("rollback").is_ok() {
        leave(worker, shared, lease, temporary);
    }
}

/// Returns a connection to the pool, or to the session if there are temporary objects on it.
fn leave(worker: &Worker, shared: &Shared, lease: Lease, temporary: bool) {
    match temporary {
        true => shared.settle(worker, lease),
        false => lease.give_back(),
    }
}

fn lost() -> Error {
    Error::new(
        ErrorKind::Shutdown,
        "the transaction was lost as the database had to be reopened",
    )
}
