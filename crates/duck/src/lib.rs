//! The local executor: DuckDB in this process behind `model`'s `Executor`.
//!
//! One instance has all catalogs attached and is locked down. A fixed pool of step threads makes
//! all calls into DuckDB. A result is fetched until its bounded channel is full; then the stream is
//! parked, not the thread. Per open stream Eider holds at most [`CHANNEL_BATCHES`] batches in the
//! channel and one in the making, each of about [`BATCH_BYTES`].

mod catalog;
mod changes;
mod coalesce;
mod config;
mod constraints;
mod control;
mod core;
mod described;
mod executor;
mod folder;
mod generated;
mod governed;
mod guard;
mod metric;
mod names;
mod open;
mod pump;
mod quote;
mod ready;
mod recover;
mod registry;
mod seat;
mod session;
mod shell;
mod shell_columns;
mod shell_ddl;
mod shell_merge;
mod shell_sequence;
mod spill;
mod start;
mod step;
mod tables;
mod temporary;
mod transaction;
mod verify;
mod views;
mod worker;
mod written;

pub use coalesce::{BATCH_BYTES, BATCH_ROWS};
pub use config::{CatalogConfig, Config};
pub use executor::LocalExecutor;
pub use metric::describe as describe_metrics;
pub use pump::CHANNEL_BATCHES;
