//! The engine behind every door: sessions and their settings, planning, admission, the registry of
//! running statements, cancel, and the record of each statement.
//!
//! A door opens a [`Session`] for an authenticated principal, prepares a text and executes it. Text
//! becomes a sealed request only by way of `plan` and `policy`; this crate decides when it runs.

mod admission;
mod audit;
mod begin_end;
mod config;
mod engine;
mod explain_policy;
mod form;
mod metric;
mod named;
mod outcome;
mod pivot;
mod planner;
mod plans;
mod prepared;
mod registry;
mod results;
mod run;
mod session;
mod session_statement;
mod settings;
mod statement;
mod transaction;
mod wait;

pub use audit::Audit;
pub use config::Config;
pub use engine::{Door, Engine, Health};
pub use form::{FORMS, Form};
pub use metric::describe_metrics;
pub use outcome::{Done, Forget, Notice, Outcome, Rows};
pub use plan::Piece;
pub use prepared::Prepared;
pub use registry::{StatementInfo, StatementState};
pub use session::Session;
pub use transaction::TransactionStatus;
pub use wait::{Wait, WaitSender, WaitsFor};
