//! Stopping what one thread has DuckDB do, from another.

use std::cell::RefCell;
use std::sync::Arc;

use model::{Error, ErrorKind, Result};
use native::{Connection, ErrorType, InterruptHandle};
use parking_lot::Mutex;

/// Stops one piece of work on a thread: what parsers and sidecars do for it, but nothing else. Cheap to clone.
///
/// DuckDB looks at interrupts between the chunks and steps of a query that runs. It does not while
/// it parses, binds, or computes one call of a function: there it ends at the next call into it.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    stopped: bool,
    /// What is being called. Interrupts go through this lock, so that none meets the connection's
    /// next call.
    calling: Option<InterruptHandle>,
}

thread_local! {
    /// What stops the work in progress on this thread.
    static CURRENT: RefCell<Option<Interrupt>> = const { RefCell::new(None) };
}

impl Interrupt {
    /// Does work that can be stopped: parsers and sidecars that it calls on this thread then fail with
    /// `QueryCanceled`.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        let _restored = Restored(CURRENT.replace(Some(self.clone())));
        work()
    }

    /// Asks the work to stop. DuckDB forgets it when it begins a query: repeat it until the work is over.
    pub fn stop(&self) {
        let mut state = self.0.lock();
        state.stopped = true;
        if let Some(connection) = &state.calling {
            connection.interrupt();
        }
    }

    fn enter(&self, connection: &Connection) -> native::Result<Calling<'_>> {
        let mut state = self.0.lock();
        if state.stopped {
            return Err(native::Error::new(ErrorType::Interrupt, "Interrupted!"));
        }
        state.calling = Some(connection.interrupt_handle());
        Ok(Calling(self))
    }
}

/// Does work on this thread that is not stopped in the middle: others want its outcome, too.
pub fn uninterrupted<T>(work: impl FnOnce() -> T) -> T {
    let _restored = Restored(CURRENT.take());
    work()
}

/// Whether the work in progress on this thread may go on.
///
/// # Errors
/// `QueryCanceled` if it was asked to stop.
pub fn check_interrupt() -> Result<()> {
    let stopped =
        CURRENT.with_borrow(|current| current.as_ref().is_some_and(|i| i.0.lock().stopped));
    match stopped {
        true => Err(Error::new(ErrorKind::QueryCanceled, "planning was stopped")),
        false => Ok(()),
    }
}

/// One call into DuckDB on behalf of the work in progress on this thread.
pub(crate) fn calling<T>(
    connection: &Connection,
    call: impl FnOnce() -> native::Result<T>,
) -> native::Result<T> {
    let current = CURRENT.with_borrow(Clone::clone);
    let _calling = current.as_ref().map(|i| i.enter(connection)).transpose()?;
    call()
}

struct Calling<'a>(&'a Interrupt);

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        self.0.0.lock().calling = None;
    }
}

struct Restored(Option<Interrupt>);

impl Drop for Restored {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}
