//! What every long-lived part of Eider stands on: named tracked tasks and threads, staged bounded
//! shutdown, time that tests can move, backoff, logs and metrics.
//!
//! Nothing outside this crate spawns tasks or threads: [`Tasks`] does, so that everything that runs
//! has a name and is joined, or named as a straggler, at shutdown.

mod backoff;
mod clock;
mod journal;
mod log_writer;
pub mod metrics;
mod process;
mod shutdown;
mod tasks;
pub mod telemetry;

pub use backoff::Backoff;
pub use clock::{Clock, ManualClock};
pub use journal::{Journal, JournalConfig};
pub use shutdown::{Stage, hangups, run_stages, termination};
pub use tasks::{TaskFailed, TaskHandle, Tasks, ThreadHandle};
pub use tokio_util::sync::CancellationToken;
