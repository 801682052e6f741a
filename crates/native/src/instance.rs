//! A DuckDB instance.

use std::path::Path;
use std::ptr;
use std::sync::Arc;

use libduckdb_sys as ffi;

use crate::text::{borrowed, owned, to_c};
use crate::{Connection, Error, ErrorType, Result};

/// An open DuckDB instance. Clones share it; it closes when the last clone, connection, statement
/// and stream is gone.
///
/// The last of these must not be in a thread-local: closing uses C++ thread-locals of DuckDB, which
/// may have been destroyed before those of Rust (a use after free in 1.5.5's block allocator).
#[derive(Clone)]
pub struct Instance(Arc<Handle>);

/// The open database behind an [`Instance`].
pub(crate) struct Handle(ffi::duckdb_database);

// SAFETY: duckdb_database is a pointer to a shared, internally locked object; DuckDB documents
// connecting from several threads as safe.
unsafe impl Send for Handle {}
// SAFETY: as above; the only call through a shared reference is duckdb_connect.
unsafe impl Sync for Handle {}

impl Instance {
    /// Opens the file, or an in-memory instance, with these configuration options.
    pub fn open(path: Option<&Path>, config: &[(&str, &str)]) -> Result<Self> {
        let path = match path {
            None => None,
            Some(path) => Some(to_c(path.to_str().ok_or_else(|| {
                Error::new(
                    ErrorType::Io,
                    format!("path {} is not UTF-8", path.display()),
                )
            })?)?),
        };
        let options = Options::new(config)?;
        let mut database = ptr::null_mut();
        let mut message = ptr::null_mut();
        // SAFETY: path and options live during the call; the out pointers are ours.
        let state = unsafe {
            ffi::duckdb_open_ext(
                path.as_ref().map_or(ptr::null(), |p| p.as_ptr()),
                &raw mut database,
                options.0,
                &raw mut message,
            )
        };
        // SAFETY: the message is null or allocated for us.
        let message = unsafe { owned(message) };
        if state != ffi::DuckDBSuccess {
            let text = message.unwrap_or_else(|| "DuckDB could not be opened".to_owned());
            return Err(Error::from_text(text));
        }
        Ok(Self(Arc::new(Handle(database))))
    }

    /// Opens a connection. Each has its own transaction, temporary objects and settings.
    pub fn connect(&self) -> Result<Connection> {
        let mut connection = ptr::null_mut();
        // SAFETY: the database is open as long as the handle lives.
        let state = unsafe { ffi::duckdb_connect(self.0.0, &raw mut connection) };
        if state != ffi::DuckDBSuccess {
            return Err(Error::new(
                ErrorType::Connection,
                "DuckDB took no connection",
            ));
        }
        // SAFETY: a fresh connection of that database, given to nobody else.
        Ok(unsafe { Connection::new(connection, Arc::clone(&self.0)) })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: open and ours; connections hold the handle, so none is left.
        unsafe { ffi::duckdb_close(&raw mut self.0) };
    }
}

/// The version of the library that runs, such as `v1.5.5`.
pub fn library_version() -> String {
    // SAFETY: a static string.
    unsafe { borrowed(ffi::duckdb_library_version()) }.unwrap_or_default()
}

struct Options(ffi::duckdb_config);

impl Options {
    fn new(config: &[(&str, &str)]) -> Result<Self> {
        let mut raw = ptr::null_mut();
        // SAFETY: the out pointer is ours.
        let state = unsafe { ffi::duckdb_create_config(&raw mut raw) };
        let options = Self(raw);
        if state != ffi::DuckDBSuccess {
            return Err(Error::new(
                ErrorType::OutOfMemory,
                "DuckDB made no configuration",
            ));
        }
        for (name, value) in config {
            let (c_name, c_value) = (to_c(name)?, to_c(value)?);
            // SAFETY: all live during the call.
            let state =
                unsafe { ffi::duckdb_set_config(options.0, c_name.as_ptr(), c_value.as_ptr()) };
            if state != ffi::DuckDBSuccess {
                return Err(Error::new(
                    ErrorType::InvalidConfiguration,
                    format!("DuckDB does not take {name} = {value}"),
                ));
            }
        }
        Ok(options)
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: ours; null is allowed.
        unsafe { ffi::duckdb_destroy_config(&raw mut self.0) };
    }
}
