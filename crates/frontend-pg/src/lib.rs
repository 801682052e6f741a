//! The PostgreSQL wire door: protocol 3.0 to 3.2 as PostgreSQL 15 speaks it, in front of `gateway`.
//!
//! Backend messages are pgwire's; reading messages, the loop over them and the encoders of values
//! are this crate's own. What holds of every connection:
//!
//! - Nothing is read before its length is known to be allowed, and no result is held: a batch is
//!   encoded in chunks of 64 KiB, each written before the next is made.
//! - While a statement runs the socket is read ahead, so that a client that leaves, or cancels by
//!   its key, stops it.
//! - After an error the connection is usable, unless the stream of messages can't be followed.
//!
//! COPY, the function call protocol and replication are refused with 0A000.

mod cancel;
mod config;
mod connection;
mod error;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod link;
mod login;
mod message;
mod metric;
mod params;
mod query;
mod row;
mod server;
mod startup;
mod tls;
mod types;

pub use config::Config;
pub use server::serve;
pub use tls::Tls;

/// The forms in which this door takes statements.
pub const FORMS: &[gateway::Form] = &[
    gateway::Form::PgSimple,
    gateway::Form::PgExtendedText,
    gateway::Form::PgExtendedBinary,
];
