//! What holds of any bytes that a client or a file may bring: the bodies of the fuzz targets in
//! `fuzz/`, plain functions that stable tests drive too.
//!
//! Each takes bytes and panics where a promise is broken. [`Statements`] and [`Policies`] have a DuckDB
//! and need a stack as planner threads have it (`tree::STACK_BYTES`).

mod rules;
mod statement;

pub use rules::Policies;
pub use statement::{Outcome, Statements};

/// A message of a PostgreSQL client, before and after login: read or refused.
pub fn pg(data: &[u8]) {
    frontend_pg::fuzzing::message(data);
}

/// What a Flight client sends: commands, tickets and the bodies of actions, read or refused.
pub fn flight(data: &[u8]) {
    frontend_flight::fuzzing::message(data);
}
