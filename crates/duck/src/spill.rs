//! Ending statements while whose work their instance spills too much.
//!
//! DuckDB 1.5.5 counts temporary files for the whole instance only: its table functions know no
//! connection, and a profile tells the instance's peak, when the statement has ended. So what counts
//! against a statement is how much the files of its instance grow while it works, whoever makes them
//! grow. Statements whose result waits for its reader do not work.

use std::sync::{Arc, Weak};
use std::time::Duration;

use model::{Error, Result, SpillLimit};
use parking_lot::{Condvar, Mutex};
use runtime::Tasks;

use crate::control::{Control, Stop};
use crate::core::Core;
use crate::worker::Worker;

/// How often the files are looked at while a statement with a limit runs. A disk takes some hundred
/// megabytes meanwhile, by which a limit may be passed; a look costs a few milliseconds.
const EVERY: Duration = Duration::from_millis(100);

/// Looks at the temporary files of a worker's instance, on a thread of its own: with all step
/// threads at work, as they are when much is spilled, a look would come too late.
pub(crate) struct SpillWatch(Arc<Shared>);

#[derive(Default)]
struct Shared {
    watch: Mutex<Watch>,
    changed: Condvar,
}

#[derive(Default)]
struct Watch {
    statements: Vec<Watched>,
    /// What the last look found, while there was a statement since.
    seen: Option<u64>,
    has_thread: bool,
    closed: bool,
}

/// A statement with a limit.
struct Watched {
    control: Arc<Control>,
    limit: SpillLimit,
    /// By how much the files have grown while it worked, less what was given back.
    grown: u64,
    /// Whether it worked at the last look; `None` before the first, whose growth may be older than
    /// the statement.
    worked: Option<bool>,
}

impl SpillWatch {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Watches a statement until it has left its connection.
    ///
    /// # Errors
    /// There is no thread to watch it.
    pub(crate) fn watch(
        &self,
        control: &Arc<Control>,
        limit: &SpillLimit,
        worker: &Arc<Worker>,
        tasks: &Tasks,
    ) -> Result<()> {
        let mut watch = self.0.watch.lock();
        if !watch.has_thread {
            let (shared, worker) = (Arc::clone(&self.0), Arc::downgrade(worker));
            tasks
                .thread("spill", tree::STACK_BYTES, move || shared.look_on(&worker))
                .map_err(Error::internal)?;
            watch.has_thread = true;
        }
        watch.statements.push(Watched {
            control: Arc::clone(control),
            limit: limit.clone(),
            grown: 0,
            worked: None,
        });
        self.0.changed.notify_one();
        Ok(())
    }

    /// Lets the thread end.
    pub(crate) fn close(&self) {
        self.0.watch.lock().closed = true;
        self.0.changed.notify_one();
    }
}

impl Drop for SpillWatch {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn look_on(&self, worker: &Weak<Worker>) {
        let mut watch = self.watch.lock();
        while !watch.closed {
            watch.statements.retain(|s| !s.control.is_quiet());
            if watch.statements.is_empty() {
                watch.seen = None;
                self.changed.wait(&mut watch);
                continue;
            }
            // A close is the only reason to wake early; more statements are not.
            let next = std::time::Instant::now() + EVERY;
            while !watch.closed && !self.changed.wait_until(&mut watch, next).timed_out() {}
            watch.statements.retain(|s| !s.control.is_quiet());
            let Some(worker) = worker.upgrade() else {
                return;
            };
            if watch.closed || watch.statements.is_empty() {
                continue;
            }
            drop(watch);
            let found = worker.core().and_then(|core| temporary_bytes(&core));
            watch = self.watch.lock();
            match found {
                Ok(bytes) => watch.found(bytes, &worker),
                // The instance is being opened again, and nothing on it goes on.
                Err(error) => tracing::debug!(?error, "temporary files were not looked at"),
            }
        }
    }
}

impl Watch {
    /// Settles what a look has found, and ends a statement that is over its limit.
    fn found(&mut self, bytes: u64, worker: &Arc<Worker>) {
        let before = self.seen.replace(bytes).unwrap_or(bytes);
        for statement in &mut self.statements {
            statement.account(before, bytes);
        }
        // One at a time: it may have spilled all, and then the others get along with what it gives
        // back.
        let ending = |s: &Watched| s.control.is_stopped() && !s.control.is_quiet();
        if self.statements.iter().any(ending) {
            return;
        }
        let over = self.statements.iter().filter(|s| s.grown > s.limit.bytes);
        if let Some(worst) = over.max_by_key(|s| s.grown - s.limit.bytes) {
            worst.control.stop(Stop::Spill(worst.limit.clone()), worker);
        }
    }
}

impl Watched {
    fn account(&mut self, before: u64, now: u64) {
        let works = self.control.is_stepping();
        match self.worked.replace(works) {
            None => {}
            Some(_) if now < before => self.grown = self.grown.saturating_sub(before - now),
            Some(worked) if worked || works => self.grown += now - before,
            Some(_) => {}
        }
    }
}

/// How many bytes are in temporary files. Blocks: for the thread above.
fn temporary_bytes(core: &Arc<Core>) -> Result<u64> {
    let observer = core.observer()?;
    let rows = observer
        .connection()
        .query("select coalesce(sum(temporary_storage_bytes), 0)::ubigint from duckdb_memory()");
    let bytes = rows
        .map_err(Error::internal)?
        .into_rows()
        .pop()
        .and_then(|mut row| row.pop().flatten())
        .and_then(|bytes| bytes.parse().ok());
    bytes.ok_or_else(|| Error::internal("DuckDB does not tell the size of its temporary files"))
}
