//! One opened instance with its connections.

use std::cell::{RefCell, RefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use metrics::gauge;
use model::{Error, ErrorKind, Result};
use native::{Connection, Instance, Prepared};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::metric;
use crate::open::Opened;
use crate::quote::literal;
use crate::ready::Ready;
use crate::registry::OpenFile;

/// An instance, its idle connections, and the count of all. Dies with a fatal error.
pub(crate) struct Core {
    // Dropped in this order: connections, then the instance, then the claims on its files.
    idle: Mutex<Vec<Pooled>>,
    instance: Mutex<Option<Instance>>,
    files: Mutex<Vec<OpenFile>>,
    limit: usize,
    open: AtomicUsize,
    closed_one: Notify,
    dead: AtomicBool,
}

/// A clean connection: no transaction, temporary object or variable. Its only setting is the time
/// zone, which every statement sets before it runs.
struct Pooled {
    line: Box<Line>,
    place: Place,
}

/// A connection with what every statement needs there, prepared once: that halves the cost of a
/// transaction around a short statement.
struct Line {
    begin: Prepared,
    commit: Prepared,
    ready: RefCell<Ready>,
    connection: Connection,
    time_zone: Option<Arc<str>>,
}

/// The right to one connection. Counts until it is dropped.
pub(crate) struct Place(Arc<Core>);

/// A connection for a look at the instance, beside those of the pool.
pub(crate) struct Observer {
    // Closed before it stops counting.
    connection: Connection,
    _place: Place,
}

/// A connection in use by one session.
pub(crate) struct Lease {
    // Closed before the place is given back.
    line: Box<Line>,
    /// Whether a statement has run that may have left something on the connection.
    used_for_ddl: bool,
    place: Place,
}

impl Core {
    pub(crate) fn new(opened: Opened, limit: usize) -> Arc<Self> {
        Arc::new(Self {
            idle: Mutex::default(),
            instance: Mutex::new(Some(opened.instance)),
            files: Mutex::new(opened.files),
            limit,
            open: AtomicUsize::new(0),
            closed_one: Notify::new(),
            dead: AtomicBool::new(false),
        })
    }

    /// Claims an idle or a new connection, which is opened on a step thread by [`Checkout::open`].
    pub(crate) fn checkout(self: &Arc<Self>) -> Result<Checkout> {
        if self.is_dead() {
            return Err(reopening());
        }
        if let Some(pooled) = self.idle.lock().pop() {
            return Ok(Checkout::Idle(pooled.into()));
        }
        let claimed = self
            .open
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| {
                (n < self.limit).then_some(n + 1)
            });
        if claimed.is_err() {
            return Err(Error::new(
                ErrorKind::TooManyConnections,
                "all connections to the database are in use",
            ));
        }
        gauge!(metric::CONNECTIONS).increment(1.0);
        Ok(Checkout::New(Place(Arc::clone(self))))
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Acquire)
    }

    /// Whether the instance takes nothing any more. Blocks: for step threads.
    pub(crate) fn is_lost(&self) -> bool {
        let Some(instance) = self.instance.lock().clone() else {
            return true;
        };
        let probe = instance.connect().and_then(|c| c.query("select 1"));
        probe.is_err_and(|e| e.is_fatal())
    }

    /// Marks the instance as lost; says whether this call did. Idle connections are closed, so it
    /// belongs on a step thread.
    pub(crate) fn kill(&self) -> bool {
        if self.dead.swap(true, Ordering::AcqRel) {
            return false;
        }
        self.close_idle();
        true
    }

    /// Closes idle connections. Blocks: for step threads.
    pub(crate) fn close_idle(&self) {
        let idle = std::mem::take(&mut *self.idle.lock());
        drop(idle);
    }

    /// Waits until every connection is closed.
    pub(crate) async fn all_closed(&self) {
        loop {
            let closed = self.closed_one.notified();
            tokio::pin!(closed);
            closed.as_mut().enable();
            if self.open.load(Ordering::Acquire) == 0 {
                return;
            }
            closed.await;
        }
    }

    /// Closes the instance itself, which writes what is in its log into its files. Blocks: for step
    /// threads, after [`Self::all_closed`].
    pub(crate) fn close_instance(&self) {
        self.dead.store(true, Ordering::Release);
        drop(self.instance.lock().take());
        self.files.lock().clear();
    }

    /// A connection for the moment, beside the pool's. Blocks: for step threads.
    pub(crate) fn connection(&self) -> Result<Connection> {
        let instance = self.instance.lock().clone().ok_or_else(reopening)?;
        instance.connect().map_err(Error::internal)
    }

    /// A connection for the moment that counts as open, so that the instance is not closed under it,
    /// but not as one of the pool's. Blocks.
    pub(crate) fn observer(self: &Arc<Self>) -> Result<Observer> {
        self.open.fetch_add(1, Ordering::AcqRel);
        gauge!(metric::CONNECTIONS).increment(1.0);
        let place = Place(Arc::clone(self));
        if self.is_dead() {
            return Err(reopening());
        }
        Ok(Observer {
            connection: self.connection()?,
            _place: place,
        })
    }

    fn connect(&self) -> Result<Box<Line>> {
        Line::new(self.connection()?)
            .map(Box::new)
            .map_err(Error::internal)
    }
}

impl Observer {
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }
}

impl Line {
    fn new(connection: Connection) -> native::Result<Self> {
        // Progress is told to those who may know it; nothing is printed.
        connection
            .execute("set enable_progress_bar = true; set enable_progress_bar_print = false")?;
        Ok(Self {
            begin: connection.prepare("begin")?,
            commit: connection.prepare("commit")?,
            ready: RefCell::new(Ready::new()),
            connection,
            time_zone: None,
        })
    }
}

/// A claim on a connection that may have to be opened first.
pub(crate) enum Checkout {
    Idle(Lease),
    New(Place),
}

impl Checkout {
    /// The connection. Blocks: for step threads.
    pub(crate) fn open(self) -> Result<Lease> {
        match self {
            Self::Idle(lease) => Ok(lease),
            Self::New(place) => Ok(Lease {
                line: place.0.connect()?,
                used_for_ddl: false,
                place,
            }),
        }
    }
}

impl From<Pooled> for Lease {
    fn from(pooled: Pooled) -> Self {
        Self {
            line: pooled.line,
            used_for_ddl: false,
            place: pooled.place,
        }
    }
}

impl Lease {
    pub(crate) fn connection(&self) -> &Connection {
        &self.line.connection
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.place.0
    }

    pub(crate) fn begin(&self) -> native::Result<()> {
        self.line.begin.execute().map(|_| ())
    }

    pub(crate) fn commit(&self) -> native::Result<()> {
        self.line.commit.execute().map(|_| ())
    }

    /// Ends what a statement that was given up has left: the transaction opened for it, if one was,
    /// else DuckDB's own around it. Says whether the connection is outside a transaction now.
    pub(crate) fn leave_transaction(&self, began: bool) -> bool {
        // DuckDB ends its own transaction before the next statement. A failed COMMIT has rolled
        // back already; then this fails, and the connection is closed.
        (began || self.begin().is_ok()) && self.connection().execute("rollback").is_ok()
    }

    /// What the connection has prepared before.
    pub(crate) fn ready(&self) -> RefMut<'_, Ready> {
        self.line.ready.borrow_mut()
    }

    /// Sets the session's time zone unless the connection has it.
    pub(crate) fn set_time_zone(&mut self, zone: &Arc<str>) -> native::Result<()> {
        if self.line.time_zone.as_ref() == Some(zone) {
            return Ok(());
        }
        self.line.time_zone = None;
        let set = format!("set TimeZone = {}", literal(zone));
        self.line.connection.execute(&set)?;
        self.line.time_zone = Some(Arc::clone(zone));
        Ok(())
    }

    /// After DDL the connection is closed at its return, not passed on.
    pub(crate) fn mark_ddl(&mut self) {
        self.used_for_ddl = true;
    }

    /// Returns a connection that is outside a transaction. Any other is dropped instead, which
    /// closes it and rolls back. Blocks where it closes: for step threads.
    pub(crate) fn give_back(self) {
        if self.used_for_ddl || self.core().is_dead() {
            return;
        }
        let core = Arc::clone(self.core());
        core.idle.lock().push(Pooled {
            line: self.line,
            place: self.place,
        });
        // The instance may have been lost between the question and the push.
        if core.is_dead() {
            core.close_idle();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
        gauge!(metric::CONNECTIONS).decrement(1.0);
        self.0.closed_one.notify_waiters();
    }
}

pub(crate) fn reopening() -> Error {
    Error::new(
        ErrorKind::CannotConnectNow,
        "the database is being reopened",
    )
}
