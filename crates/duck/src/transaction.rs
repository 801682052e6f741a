//! A session's transaction.

use std::sync::Arc;

use model::{CatalogSnapshot, Error, ErrorKind, Result};

use crate::control::{Control, Stop};
use crate::core::{Checkout, Lease};
use crate::governed::client_error;
use crate::session::{LocalSession, Shared};
use crate::worker::Worker;

/// An open transaction, and its connection while no statement runs on it.
pub(crate) struct Transaction {
    number: u64,
    read_only: bool,
    place: Place,
    /// The catalog written: DuckDB writes one database per transaction.
    written: Option<String>,
    changed_catalog: bool,
    /// What the transaction sees: what there was at its beginning, and changes of its own.
    catalog: Arc<CatalogSnapshot>,
}

enum Place {
    Here(Lease),
    With(Option<Arc<Control>>),
    Lost,
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
        match std::mem::replace(&mut self.place, Place::With(for_statement.cloned())) {
            Place::Here(lease) => Ok(Some((self.number, lease))),
            Place::Lost => {
                self.place = Place::Lost;
                Err(lost())
            }
            Place::With(control) => {
                let ends = control
                    .as_ref()
                    .is_none_or(|c| c.is_stopped() || c.is_quiet());
                self.place = Place::With(control);
                if ends {
                    return Ok(None);
                }
                Err(Error::new(
                    ErrorKind::ObjectInUse,
                    "a result of this transaction has not been read to its end",
                ))
            }
        }
    }

    /// Puts the connection back; returns it if the transaction has been given up.
    pub(crate) fn put(&mut self, lease: Lease) -> Option<Lease> {
        if matches!(self.place, Place::Lost) || lease.core().is_dead() {
            self.place = Place::Lost;
            return Some(lease);
        }
        self.place = Place::Here(lease);
        None
    }

    /// Gives the transaction up; returns the connection if it is here.
    pub(crate) fn lose(&mut self) -> Option<Lease> {
        match std::mem::replace(&mut self.place, Place::Lost) {
            Place::Here(lease) => Some(lease),
            Place::With(_) | Place::Lost => None,
        }
    }
}

impl Shared {
    /// The catalogs as the session sees them.
    pub(crate) fn catalog(&self, worker: &Worker) -> Arc<CatalogSnapshot> {
        let own = self
            .state()
            .transaction
            .as_ref()
            .map(|t| Arc::clone(&t.catalog));
        own.unwrap_or_else(|| worker.catalog())
    }

    pub(crate) fn set_catalog(&self, number: u64, catalog: Arc<CatalogSnapshot>) {
        if let Some(transaction) = &mut self.state().transaction
            && transaction.is(number)
        {
            transaction.catalog = catalog;
        }
    }

    /// Whether the transaction may write this catalog.
    pub(crate) fn check_write(&self, catalog: &str) -> Result<()> {
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
            transaction
                .written
                .get_or_insert_with(|| catalog.to_owned());
            transaction.changed_catalog |= changed_catalog;
        }
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
        let checkout = self.worker.core()?.checkout()?;
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
        state.transactions += 1;
        state.transaction = Some(Transaction {
            number: state.transactions,
            read_only,
            place: Place::Here(lease),
            written: None,
            changed_catalog: false,
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
        let transaction = self.shared.end_transaction();
        let (wrote, changed_catalog) =
            transaction.map_or((false, false), |t| (t.written.is_some(), t.changed_catalog));
        let worker = Arc::clone(&self.worker);
        self.worker
            .step(move || {
                let _change = wrote.then(|| worker.changes().begin());
                commit(&worker, lease, changed_catalog)
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
            Some(Transaction {
                place: Place::With(control),
                ..
            }) => control.clone(),
            Some(_) => None,
        };
        // An open result of the transaction ends with it.
        if let Some(control) = running {
            control.stop(Stop::User, &self.worker);
        }
        let patience = self.worker.config().quiet_timeout;
        let taken = self.shared.take_lease(None, patience).await;
        // A connection that is not here is closed when it comes back, which rolls back too.
        self.shared.end_transaction();
        match taken {
            Ok((_, lease)) => self.worker.step(move || roll_back(lease)).await,
            Err(_) => Ok(()),
        }
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
        return Err(client_error(&error, true));
    }
    let shared = worker.catalog();
    let catalog = match settled {
        Some(count) if worker.changes().is_still(count) && !worker.is_in_doubt() => shared,
        _ => Arc::new(worker.reader().read(connection)?),
    };
    Ok((lease, catalog))
}

fn commit(worker: &Arc<Worker>, lease: Lease, changed_catalog: bool) -> Result<()> {
    if let Err(error) = lease.commit() {
        worker.look_for_loss(lease.core(), &error);
        roll_back(lease);
        return Err(client_error(&error, true));
    }
    if changed_catalog && let Err(error) = worker.refresh(lease.connection()) {
        tracing::error!(?error, "can't read the catalogs after a change");
    }
    lease.give_back();
    Ok(())
}

/// Rolls back and returns the connection, or closes it where that fails.
fn roll_back(lease: Lease) {
    if lease.connection().execute("rollback").is_ok() {
        lease.give_back();
    }
}

fn lost() -> Error {
    Error::new(
        ErrorKind::Shutdown,
        "the transaction was lost as the database had to be reopened",
    )
}
