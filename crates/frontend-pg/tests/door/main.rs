//! The door over loopback, before a real engine and a real DuckDB.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod conversations;
mod hostile;
mod login;
mod running;
mod support;
mod tls;
mod values;
mod waiting;
