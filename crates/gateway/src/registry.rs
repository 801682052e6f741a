//! The statements that are being worked on now.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use model::{Error, ErrorKind, ExecSession, SessionId, StatementId};
use parking_lot::Mutex;
use runtime::CancellationToken;
use tokio::sync::Notify;

use crate::Door;
use crate::wait::{Wait, WaitsFor};

/// How far a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum StatementState {
    /// Being read, rewritten and checked.
    Planning,
    /// Waiting, for its session or a place: see [`StatementInfo::wait`].
    Queued,
    /// On its worker, before the first rows.
    Running,
    /// Rows are being fetched by the client.
    Streaming,
}

/// A picture of one statement in work.
#[derive(Clone, Debug)]
pub struct StatementInfo {
    /// The statement's id.
    pub id: StatementId,
    /// Its session.
    pub session: SessionId,
    /// Who asked.
    pub principal: Arc<str>,
    /// Through which door.
    pub door: Door,
    /// From where.
    pub peer: SocketAddr,
    /// How far it is.
    pub state: StatementState,
    /// What it waits for, while it is queued. Show it to admins only: the place in the queue tells
    /// of others.
    pub wait: Option<Wait>,
    /// Its text. Show it to admins and to its own principal only.
    pub sql: Arc<str>,
    /// When it arrived.
    pub started: SystemTime,
    /// Time since then.
    pub elapsed: Duration,
    /// Rows handed to the door so far.
    pub rows: u64,
    /// Bytes of Arrow memory handed to the door so far.
    pub bytes: u64,
}

/// Why a statement is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CancelReason {
    /// Its client asked for it.
    User,
    /// An administrator asked for it.
    Administrator,
    /// It took too long.
    Timeout,
    /// Its session ends.
    SessionClosed,
    /// The server stops.
    Shutdown,
    /// The transaction that its rows belong to has ended.
    TransactionEnded,
}

/// All entries, oldest first: ids grow with time.
#[derive(Default)]
pub(crate) struct Registry {
    entries: Mutex<BTreeMap<StatementId, Arc<Entry>>>,
    empty: Notify,
}

/// What is fixed about a statement when it arrives.
#[derive(Clone)]
pub(crate) struct Origin {
    pub session: SessionId,
    pub principal: Arc<str>,
    pub door: Door,
    pub peer: SocketAddr,
}

/// One statement in work.
pub(crate) struct Entry {
    pub id: StatementId,
    pub origin: Origin,
    pub sql: Arc<str>,
    pub begun: Instant,
    pub rows: AtomicU64,
    pub bytes: AtomicU64,
    started: SystemTime,
    state: AtomicU8,
    reason: OnceLock<CancelReason>,
    stop: CancellationToken,
    worker: OnceLock<Arc<dyn ExecSession>>,
}

impl Registry {
    /// Takes a statement in. It stays until [`Registry::leave`].
    pub(crate) fn enter(&self, origin: Origin, sql: Arc<str>, state: StatementState) -> Arc<Entry> {
        let entry = Arc::new(Entry {
            id: StatementId::new(),
            origin,
            sql,
            begun: Instant::now(),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            started: SystemTime::now(),
            state: AtomicU8::new(state as u8),
            reason: OnceLock::new(),
            stop: CancellationToken::new(),
            worker: OnceLock::new(),
        });
        self.entries.lock().insert(entry.id, Arc::clone(&entry));
        entry
    }

    pub(crate) fn leave(&self, id: StatementId) {
        let mut entries = self.entries.lock();
        entries.remove(&id);
        if entries.is_empty() {
            self.empty.notify_waiters();
        }
    }

    /// Pictures of all statements, oldest first; `places` are the waits of those that wait for a
    /// place.
    pub(crate) fn list(&self, mut places: HashMap<StatementId, Wait>) -> Vec<StatementInfo> {
        let entries = self.entries.lock();
        let info = |entry: &Arc<Entry>| entry.info(places.remove(&entry.id));
        entries.values().map(info).collect()
    }

    /// Stops one statement; whether there is one of that id.
    pub(crate) fn cancel(&self, id: StatementId, reason: CancelReason) -> bool {
        let entry = self.entries.lock().get(&id).cloned();
        entry.inspect(|e| e.cancel(reason)).is_some()
    }

    /// Stops all statements of a session, or of all; returns how many there were.
    pub(crate) fn cancel_all(&self, session: Option<SessionId>, reason: CancelReason) -> usize {
        let entries: Vec<_> = {
            let entries = self.entries.lock();
            let of_session = |e: &&Arc<Entry>| session.is_none_or(|id| e.origin.session == id);
            entries.values().filter(of_session).cloned().collect()
        };
        for entry in &entries {
            entry.cancel(reason);
        }
        entries.len()
    }

    /// Whether a statement of that session is in work.
    pub(crate) fn has_statement_of(&self, session: SessionId) -> bool {
        let entries = self.entries.lock();
        entries.values().any(|e| e.origin.session == session)
    }

    /// Waits until no statement is in work.
    pub(crate) async fn drained(&self) {
        loop {
            let empty = self.empty.notified();
            if self.entries.lock().is_empty() {
                return;
            }
            empty.await;
        }
    }
}

impl Entry {
    pub(crate) fn set_state(&self, state: StatementState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    pub(crate) fn add_rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Tells who runs the statement, so that a cancel reaches it.
    pub(crate) fn set_worker(&self, worker: Arc<dyn ExecSession>) {
        // A statement runs once; a second worker would be the same one.
        let _ = self.worker.set(worker);
    }

    /// Asks the statement to stop, and its worker. The first reason counts. Returns at once.
    pub(crate) fn cancel(&self, reason: CancelReason) {
        self.stop(reason);
        self.interrupt();
    }

    /// Asks the statement to stop, without a word to its worker.
    pub(crate) fn stop(&self, reason: CancelReason) {
        let _ = self.reason.set(reason);
        self.stop.cancel();
    }

    /// Interrupts the worker, if one has the statement.
    pub(crate) fn interrupt(&self) {
        if let Some(worker) = self.worker.get() {
            worker.cancel(self.id);
        }
    }

    /// Why the statement was asked to stop, if it was.
    pub(crate) fn reason(&self) -> Option<CancelReason> {
        self.reason.get().copied()
    }

    /// Waits until the statement is asked to stop.
    pub(crate) async fn cancelled(self: Arc<Self>) -> CancelReason {
        self.stop.cancelled().await;
        self.reason().unwrap_or(CancelReason::User)
    }

    /// A statement that is queued, but waits for no place, waits for its session from the beginning.
    fn info(&self, place: Option<Wait>) -> StatementInfo {
        let elapsed = self.begun.elapsed();
        let state = StatementState::from_u8(self.state.load(Ordering::Relaxed));
        let session = (state == StatementState::Queued).then_some(Wait {
            waits_for: WaitsFor::Session,
            waited: elapsed,
            place: None,
        });
        StatementInfo {
            id: self.id,
            session: self.origin.session,
            principal: Arc::clone(&self.origin.principal),
            door: self.origin.door,
            peer: self.origin.peer,
            state: place.as_ref().map_or(state, |_| StatementState::Queued),
            wait: place.or(session),
            sql: Arc::clone(&self.sql),
            started: self.started,
            elapsed,
            rows: self.rows.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

impl CancelReason {
    /// What the client of the statement is told.
    pub(crate) fn error(self) -> Error {
        let (kind, message) = match self {
            Self::User => (
                ErrorKind::QueryCanceled,
                "canceling statement due to user request",
            ),
            Self::Administrator => (
                ErrorKind::QueryCanceled,
                "canceling statement due to administrator command",
            ),
            Self::Timeout => (
                ErrorKind::QueryCanceled,
                "canceling statement due to statement timeout",
            ),
            Self::SessionClosed => (ErrorKind::QueryCanceled, "the session was closed"),
            Self::Shutdown => (ErrorKind::Shutdown, "the server is shutting down"),
            Self::TransactionEnded => (
                ErrorKind::UndefinedCursor,
                "the result was closed by the end of its transaction",
            ),
        };
        Error::new(kind, message)
    }
}

impl StatementState {
    /// The state's lowercase name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Streaming => "streaming",
        }
    }

    fn from_u8(state: u8) -> Self {
        [Self::Planning, Self::Queued, Self::Running]
            .into_iter()
            .find(|s| *s as u8 == state)
            .unwrap_or(Self::Streaming)
    }
}

impl fmt::Display for StatementState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
