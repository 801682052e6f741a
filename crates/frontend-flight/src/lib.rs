//! The Arrow Flight SQL door: ADBC, JDBC and ODBC drivers of Flight SQL, and plain Flight clients.
//!
//! A token from Handshake is one session of the gateway. Basic credentials on every call make a
//! session for that call; what such clients hold handles of belongs to their principal. A query is
//! planned at GetFlightInfo and runs at DoGet; anything else runs once, at GetFlightInfo.

mod actions;
mod auth;
mod body;
mod config;
mod connection;
mod encode;
mod error;
mod fetch;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod gate;
mod health;
mod message;
mod metadata;
mod metric;
mod options;
mod params;
mod prepared;
mod put;
mod server;
mod service;
mod session;
mod sessions;
mod shelf;
mod statement;
mod ticket;
mod transactions;
mod types;
mod waiting;

pub use config::Config;
pub use server::Door;

/// The forms in which this door takes statements.
pub const FORMS: &[gateway::Form] = &[
    gateway::Form::FlightStatement,
    gateway::Form::FlightPrepared,
];
