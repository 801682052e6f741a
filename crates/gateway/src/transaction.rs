//! The state of a session's transaction, after PostgreSQL.

use std::time::Duration;

use model::{Error, ErrorKind, Result};
use parking_lot::Mutex;
use tokio::time::Instant;

/// Whether a transaction is open, as ReadyForQuery tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransactionStatus {
    /// None is open.
    Idle,
    /// One is open.
    Active,
    /// One is open and has failed: only ROLLBACK and COMMIT are taken.
    Failed,
}

/// A session's transaction. Shared with its open results, whose errors fail it.
#[derive(Debug)]
pub(crate) struct Transaction(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    state: State,
    last_used: Instant,
    /// Whether someone looks for idling.
    watched: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Idle,
    Open(Open),
}

/// An open transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    /// Begun for a simple query of several statements, not by BEGIN.
    pub implicit: bool,
    /// Whether the worker has one too: it gets it with the first statement that needs it, so that
    /// an idle BEGIN holds no connection.
    pub on_worker: bool,
    pub failed: bool,
    /// Whether it failed by idling too long.
    pub expired: bool,
}

impl Open {
    pub(crate) fn new(implicit: bool) -> Self {
        Self {
            implicit,
            on_worker: false,
            failed: false,
            expired: false,
        }
    }
}

impl Default for Transaction {
    fn default() -> Self {
        Self(Mutex::new(Inner {
            state: State::Idle,
            last_used: Instant::now(),
            watched: false,
        }))
    }
}

impl Transaction {
    pub(crate) fn state(&self) -> State {
        self.0.lock().state
    }

    pub(crate) fn set(&self, state: State) {
        self.0.lock().state = state;
    }

    pub(crate) fn status(&self) -> TransactionStatus {
        match self.state() {
            State::Idle => TransactionStatus::Idle,
            State::Open(open) if open.failed => TransactionStatus::Failed,
            State::Open(_) => TransactionStatus::Active,
        }
    }

    /// Fails the transaction, if one is open.
    pub(crate) fn fail(&self) {
        self.change(|open| open.failed = true);
    }

    /// The worker has rolled it back because it idled.
    pub(crate) fn expire(&self) {
        self.change(|open| {
            open.failed = true;
            open.expired = true;
            open.on_worker = false;
        });
    }

    /// The worker's transaction begins.
    pub(crate) fn begun_on_worker(&self) {
        self.change(|open| open.on_worker = true);
    }

    /// The worker could not begin one.
    pub(crate) fn not_begun_on_worker(&self) {
        self.change(|open| open.on_worker = false);
    }

    /// Whether nobody has looked for idling, so that the caller has to from now on.
    pub(crate) fn take_watch(&self) -> bool {
        !std::mem::replace(&mut self.0.lock().watched, true)
    }

    /// When the worker's transaction has idled for so long. `None` if there is none, or no bound:
    /// then nobody looks any more.
    pub(crate) fn due(&self, timeout: Option<Duration>) -> Option<Instant> {
        let mut inner = self.0.lock();
        let due = match inner.state {
            State::Open(open) if open.on_worker => timeout.map(|t| inner.last_used + t),
            _ => None,
        };
        inner.watched = due.is_some();
        due
    }

    /// It is used now.
    pub(crate) fn touch(&self) {
        self.0.lock().last_used = Instant::now();
    }

    /// The open transaction, if any.
    ///
    /// # Errors
    /// `FailedTransaction` if it has failed.
    pub(crate) fn usable(&self) -> Result<Option<Open>> {
        match self.state() {
            State::Idle => Ok(None),
            State::Open(open) if open.failed => {
                let error = Error::new(
                    ErrorKind::FailedTransaction,
                    "current transaction is aborted, commands ignored until end of transaction block",
                );
                Err(match open.expired {
                    true => error.with_detail("it was rolled back because it idled too long"),
                    false => error,
                })
            }
            State::Open(open) => Ok(Some(open)),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Open)) {
        if let State::Open(open) = &mut self.0.lock().state {
            change(open);
        }
    }
}
