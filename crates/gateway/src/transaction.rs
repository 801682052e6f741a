//! The state of a session's transaction, after PostgreSQL.

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
    /// Counts transactions begun on the worker.
    begun: u64,
    last_used: Instant,
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
            begun: 0,
            last_used: Instant::now(),
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
        self.0.lock().begun += 1;
        self.change(|open| open.on_worker = true);
    }

    /// Which of the session's transactions on the worker was the last to begin.
    pub(crate) fn begun(&self) -> u64 {
        self.0.lock().begun
    }

    /// It is used now.
    pub(crate) fn touch(&self) {
        self.0.lock().last_used = Instant::now();
    }

    pub(crate) fn last_used(&self) -> Instant {
        self.0.lock().last_used
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
