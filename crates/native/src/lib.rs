//! RAII over libduckdb's C API: instance, connection, prepared statement, stream. All of Eider's
//! `unsafe` is here; nothing above this crate sees a pointer.
//!
//! The layer adds no policy. It runs what it is given, one statement per [`Connection::prepare`],
//! and hands errors up as DuckDB words them.

mod append;
mod arrow;
mod bind;
mod connection;
mod error;
mod instance;
mod prepared;
mod result_schema;
mod rows;
mod stream;
mod text;
mod types;

pub use append::Appender;
pub use connection::{Connection, InterruptHandle};
pub use error::{Error, ErrorType, Result};
pub use instance::{Instance, library_version};
pub use prepared::{Pending, Prepared, StatementKind};
pub use result_schema::{check_types, conform, result_schema};
pub use rows::Rows;
pub use stream::NativeStream;
