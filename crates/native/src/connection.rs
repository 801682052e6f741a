//! A connection, and the handle that interrupts it from elsewhere.

use std::cell::Cell;
use std::marker::PhantomData;
use std::mem;
use std::ptr;
use std::sync::Arc;

use libduckdb_sys as ffi;
use parking_lot::Mutex;

use crate::error::result_error;
use crate::instance::Handle;
use crate::text::{owned, to_c};
use crate::{Error, ErrorType, NativeStream, Prepared, Result, Rows};

/// A connection. It carries one live result: running or preparing another statement on it ends an
/// open stream.
pub struct Connection {
    raw: Arc<RawConnection>,
    /// Not `Sync`: statements of a connection are sent one after another.
    _not_sync: PhantomData<Cell<()>>,
}

/// Interrupts and watches a connection from any thread. Harmless once the connection is closed.
#[derive(Clone)]
pub struct InterruptHandle(Arc<Live>);

/// The open connection, shared by what was made on it. Disconnects with the last of them.
pub(crate) struct RawConnection {
    live: Arc<Live>,
    pointer: ffi::duckdb_connection,
    /// Dropped after the connection: closes the instance with its last connection.
    _instance: Arc<Handle>,
}

/// The pointer while the connection is open. The lock is held for the single call that uses it, so
/// that an interrupt never meets a connection that is being freed.
struct Live(Mutex<Option<ConnectionPointer>>);

struct ConnectionPointer(ffi::duckdb_connection);

// SAFETY: duckdb_interrupt and duckdb_query_progress only touch atomics of the client context and
// are documented for use from other threads.
unsafe impl Send for ConnectionPointer {}
// SAFETY: every call on the connection takes the client context's own lock; the pointer is never
// changed while shared.
unsafe impl Send for RawConnection {}
// SAFETY: as above.
unsafe impl Sync for RawConnection {}

impl Connection {
    /// # Safety
    /// `pointer` is an open connection of that instance, owned by the caller.
    pub(crate) unsafe fn new(pointer: ffi::duckdb_connection, instance: Arc<Handle>) -> Self {
        Self {
            raw: Arc::new(RawConnection {
                live: Arc::new(Live(Mutex::new(Some(ConnectionPointer(pointer))))),
                pointer,
                _instance: instance,
            }),
            _not_sync: PhantomData,
        }
    }

    /// A handle that interrupts this connection and reads its progress.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        InterruptHandle(Arc::clone(&self.raw.live))
    }

    /// How much of the running statement is done, from 0 to 1; see [`InterruptHandle::progress`].
    pub fn progress(&self) -> Option<f64> {
        self.interrupt_handle().progress()
    }

    /// Runs a text and collects the last statement's rows as text. For set-up and small answers;
    /// instants with a time zone are not printed (cast them).
    pub fn query(&self, sql: &str) -> Result<Rows> {
        self.run(sql)?.collect_rows()
    }

    /// Runs a text, which may hold several statements, and returns how many rows the last changed.
    pub fn execute(&self, sql: &str) -> Result<u64> {
        Ok(self.run(sql)?.rows_changed())
    }

    /// Parses a text and counts its statements. Runs nothing.
    pub fn statement_count(&self, sql: &str) -> Result<usize> {
        let sql = to_c(sql)?;
        let mut extracted = Extracted(ptr::null_mut());
        // SAFETY: connection and text live during the call; the out pointer is ours.
        let count = unsafe {
            ffi::duckdb_extract_statements(self.raw.pointer, sql.as_ptr(), &raw mut extracted.0)
        };
        extracted.check()?;
        usize::try_from(count)
            .map_err(|_| Error::new(ErrorType::Internal, "more statements than addresses"))
    }

    /// The tables that a query reads, views expanded, as DuckDB's own binder finds them: quoted
    /// full names if `qualified`. `None` where DuckDB does not say, as for INSERT.
    pub fn table_names(&self, sql: &str, qualified: bool) -> Result<Option<Vec<String>>> {
        let sql = to_c(sql)?;
        // SAFETY: connection and text live during the call; the value is destroyed below.
        unsafe {
            let mut list = ffi::duckdb_get_table_names(self.raw.pointer, sql.as_ptr(), qualified);
            if list.is_null() {
                return Ok(None);
            }
            let size = ffi::duckdb_get_list_size(list);
            let mut names = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
            for i in 0..size {
                let mut item = ffi::duckdb_get_list_child(list, i);
                names.extend(owned(ffi::duckdb_get_varchar(item)));
                ffi::duckdb_destroy_value(&raw mut item);
            }
            ffi::duckdb_destroy_value(&raw mut list);
            Ok(Some(names))
        }
    }

    /// Prepares a text that must hold exactly one statement. Runs nothing.
    ///
    /// `duckdb_prepare` would run all but the last statement of a text; here they are counted
    /// first, and the counted statement itself is prepared.
    pub fn prepare(&self, sql: &str) -> Result<Prepared> {
        let sql = to_c(sql)?;
        let mut extracted = Extracted(ptr::null_mut());
        let mut statement = ptr::null_mut();
        // SAFETY: connection, text and extracted statements live during the calls.
        let state = unsafe {
            let count = ffi::duckdb_extract_statements(
                self.raw.pointer,
                sql.as_ptr(),
                &raw mut extracted.0,
            );
            extracted.check()?;
            if count != 1 {
                return Err(Error::new(
                    ErrorType::Syntax,
                    format!("expected one statement, found {count}"),
                ));
            }
            ffi::duckdb_prepare_extracted_statement(
                self.raw.pointer,
                extracted.0,
                0,
                &raw mut statement,
            )
        };
        // SAFETY: a fresh statement of this connection, or null, given to nobody else.
        unsafe { Prepared::new(statement, state, Arc::clone(&self.raw)) }
    }

    /// For what is made on this connection and outlives it.
    pub(crate) fn shared(&self) -> Arc<RawConnection> {
        Arc::clone(&self.raw)
    }

    fn run(&self, sql: &str) -> Result<NativeStream> {
        let sql = to_c(sql)?;
        // SAFETY: all zeroes is the empty result, as in C.
        let mut result: ffi::duckdb_result = unsafe { mem::zeroed() };
        // SAFETY: connection and text live during the call; the stream takes the result over.
        unsafe {
            let state = ffi::duckdb_query(self.raw.pointer, sql.as_ptr(), &raw mut result);
            NativeStream::new(result, state, Arc::clone(&self.raw))
        }
    }
}

impl InterruptHandle {
    /// Asks the running statement to stop. Lost if nothing runs at this moment.
    pub fn interrupt(&self) {
        if let Some(connection) = &*self.0.0.lock() {
            // SAFETY: open, as the lock is held and closing takes the pointer out first.
            unsafe { ffi::duckdb_interrupt(connection.0) };
        }
    }

    /// How much of the running statement is done, from 0 to 1, where DuckDB tells: only with
    /// `enable_progress_bar` set on the connection.
    pub fn progress(&self) -> Option<f64> {
        let guard = self.0.0.lock();
        let connection = guard.as_ref()?;
        // SAFETY: open, as above.
        let progress = unsafe { ffi::duckdb_query_progress(connection.0) };
        (progress.percentage >= 0.0).then(|| (progress.percentage / 100.0).min(1.0))
    }

    /// Whether the connection has been closed.
    pub fn is_closed(&self) -> bool {
        self.0.0.lock().is_none()
    }
}

impl RawConnection {
    pub(crate) fn pointer(&self) -> ffi::duckdb_connection {
        self.pointer
    }
}

impl Drop for RawConnection {
    fn drop(&mut self) {
        // First out of the interrupters' reach, then freed.
        *self.live.0.lock() = None;
        // SAFETY: open and ours; statements and streams hold this, so none is left.
        unsafe { ffi::duckdb_disconnect(&raw mut self.pointer) };
    }
}

struct Extracted(ffi::duckdb_extracted_statements);

impl Extracted {
    fn check(&self) -> Result<()> {
        // SAFETY: null or filled by DuckDB; the text is copied at once.
        let text = unsafe { crate::text::borrowed(ffi::duckdb_extract_statements_error(self.0)) };
        match text {
            Some(text) if !text.is_empty() => Err(Error::from_text(text)),
            _ => Ok(()),
        }
    }
}

impl Drop for Extracted {
    fn drop(&mut self) {
        // SAFETY: ours; null is allowed.
        unsafe { ffi::duckdb_destroy_extracted(&raw mut self.0) };
    }
}

/// Fails with the result's error if it carries one.
///
/// # Safety
/// As for [`result_error`].
pub(crate) unsafe fn check_result(
    result: &mut ffi::duckdb_result,
    state: ffi::duckdb_state,
) -> Result<()> {
    // SAFETY: by the caller's word.
    unsafe {
        if state != ffi::DuckDBSuccess {
            return Err(Error::of_result(result));
        }
        result_error(result).map_or(Ok(()), Err)
    }
}
