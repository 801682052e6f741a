//! A session's temporary objects. DuckDB has them on one connection, which stays with the session for
//! as long as there are any.

use std::sync::Arc;
use std::time::Duration;

use model::{Catalog, CatalogSnapshot, Error, ErrorKind, Result};
use tokio::time::timeout;

use crate::catalog::next_version;
use crate::control::{Control, Stop};
use crate::core::{Checkout, Core, Lease};
use crate::seat::{Seat, Taken};
use crate::session::{LocalSession, Shared, State};
use crate::worker::Worker;

/// Temporary objects, and their connection. Once the connection is lost, their names stay taken: a
/// statement about one of them must not find a stored relation of that name.
pub(crate) struct Temporary {
    number: u64,
    seat: Seat,
    /// `None` until the first is made.
    objects: Option<Catalog>,
}

impl Temporary {
    /// The connection, for whoever ends it.
    pub(crate) fn lose(&mut self) -> Option<Lease> {
        self.seat.lose()
    }
}

impl State {
    /// What the session sees over what all see.
    pub(crate) fn seen(&mut self, shared: Arc<CatalogSnapshot>) -> Arc<CatalogSnapshot> {
        let Some(objects) = self.temporary.as_ref().and_then(|t| t.objects.as_ref()) else {
            return shared;
        };
        if let Some(seen) = &self.seen
            && let Some(below) = &seen.shared
            && below.version == shared.version
        {
            return Arc::clone(seen);
        }
        let seen = Arc::new(shared.with_temporary(next_version(), objects.clone()));
        Arc::clone(self.seen.insert(seen))
    }

    fn set_objects(&mut self, objects: Option<Catalog>) {
        self.seen = None;
        if let Some(temporary) = &mut self.temporary {
            temporary.objects = objects;
        }
    }

    fn forget_temporary(&mut self) {
        self.seen = None;
        self.temporary = None;
    }
}

impl Shared {
    /// The connection of the temporary objects, for a statement about them, with a number to bring it
    /// back under. The first of them takes one from the pool.
    pub(crate) async fn take_temporary(
        &self,
        control: &Arc<Control>,
        core: &Arc<Core>,
        makes: bool,
        patience: Duration,
    ) -> Result<(u64, Checkout)> {
        let taking = || {
            let mut state = self.state();
            if state.closed {
                return Err(Stop::Closed.error());
            }
            let Some(temporary) = &mut state.temporary else {
                if !makes {
                    return Err(gone());
                }
                let checkout = core.checkout()?;
                state.numbers += 1;
                let number = state.numbers;
                state.temporary = Some(Temporary {
                    number,
                    seat: Seat::With(Some(Arc::clone(control))),
                    objects: None,
                });
                return Ok(Some((number, checkout)));
            };
            match temporary.seat.take(Some(control)) {
                Taken::Lease(lease) => Ok(Some((temporary.number, Checkout::Idle(lease)))),
                Taken::Soon => Ok(None),
                Taken::Busy => Err(busy()),
                Taken::Lost => Err(lost()),
            }
        };
        let taken = timeout(patience, self.until_returned(taking)).await;
        taken.unwrap_or_else(|_| Err(busy()))
    }

    /// The same for a transaction; `None` where the session has no temporary objects. Until it is put
    /// back it counts as lost, as it is if the transaction does not end well.
    pub(crate) async fn take_temporary_for_transaction(
        &self,
        patience: Duration,
    ) -> Result<Option<Lease>> {
        let taking = || {
            let mut state = self.state();
            let Some(temporary) = &mut state.temporary else {
                return Ok(Some(None));
            };
            match temporary.seat.take(None) {
                Taken::Lease(lease) => {
                    temporary.seat = Seat::Lost;
                    Ok(Some(Some(lease)))
                }
                Taken::Soon => Ok(None),
                Taken::Busy => Err(busy()),
                // What is not about them goes on.
                Taken::Lost => Ok(Some(None)),
            }
        };
        let taken = timeout(patience, self.until_returned(taking)).await;
        taken.unwrap_or_else(|_| Err(busy()))
    }

    /// A statement about them has changed what there is.
    pub(crate) fn set_temporary(&self, number: u64, objects: Option<Catalog>) {
        let mut state = self.state();
        if state.temporary.as_ref().is_some_and(|t| t.number == number) {
            state.set_objects(objects);
        }
    }

    /// A statement about them has ended.
    pub(crate) fn take_back_temporary(&self, number: u64, lease: Lease) {
        let mut state = self.state();
        let closed = state.closed;
        let surplus = match &mut state.temporary {
            Some(t) if t.number == number && !closed => match t.objects {
                Some(_) => t.seat.put(lease).map(Surplus::Lost),
                None => {
                    state.forget_temporary();
                    Some(Surplus::Free(lease))
                }
            },
            _ => Some(Surplus::Lost(lease)),
        };
        drop(state);
        self.tell_returned();
        match surplus {
            Some(Surplus::Free(lease)) => lease.give_back(),
            Some(Surplus::Lost(lease)) => drop(lease),
            None => {}
        }
    }

    /// The connection of a statement about them is lost.
    pub(crate) fn lose_temporary(&self, number: u64) {
        let mut state = self.state();
        if let Some(temporary) = &mut state.temporary
            && temporary.number == number
        {
            temporary.seat = Seat::Lost;
            if temporary.objects.is_none() {
                state.forget_temporary();
            }
        }
        drop(state);
        self.tell_returned();
    }

    /// A transaction has ended on this connection: it stays with the session while it has temporary
    /// objects. Blocks: for step threads.
    pub(crate) fn settle(&self, worker: &Worker, lease: Lease) {
        let objects = match worker.reader().read_temporary(lease.connection()) {
            Ok(objects) => objects,
            Err(error) => {
                tracing::error!(?error, "can't read a session's temporary objects");
                return;
            }
        };
        let mut state = self.state();
        let surplus = match objects {
            _ if state.closed => Some(lease),
            None => {
                state.forget_temporary();
                drop(state);
                return lease.give_back();
            }
            Some(objects) => {
                state.numbers += 1;
                let mut seat = Seat::With(None);
                let surplus = seat.put(lease);
                state.temporary = Some(Temporary {
                    number: state.numbers,
                    seat,
                    objects: None,
                });
                state.set_objects(Some(objects));
                surplus
            }
        };
        drop(state);
        drop(surplus);
    }
}

/// A connection that has no place in the session.
enum Surplus {
    /// Nothing of the session's is on it.
    Free(Lease),
    Lost(Lease),
}

impl LocalSession {
    pub(crate) async fn drop_temporary(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        if self.shared.in_transaction()? {
            return Err(Error::new(
                ErrorKind::ActiveTransaction,
                "temporary objects cannot be discarded inside a transaction block",
            ));
        }
        let patience = self.worker.config().quiet_timeout;
        let lease = self.shared.take_temporary_for_transaction(patience).await?;
        self.shared.state().forget_temporary();
        match lease {
            Some(lease) => self.worker.step(move || drop(lease)).await,
            None => Ok(()),
        }
    }
}

fn busy() -> Error {
    Error::new(
        ErrorKind::ObjectInUse,
        "a result over temporary tables has not been read to its end",
    )
}

fn lost() -> Error {
    Error::new(
        ErrorKind::UndefinedTable,
        "the session's temporary tables do not exist any more: their connection was lost",
    )
    .with_hint("DISCARD TEMP, and make them anew")
}

fn gone() -> Error {
    Error::new(
        ErrorKind::Serialization,
        "the temporary tables have changed while the statement was planned",
    )
    .with_hint("run it again")
}
