//! The door's metrics. What statements do is counted by `gateway` for all doors.

use metrics::{counter, gauge};

/// Counter: bytes read from clients.
const RECEIVED: &str = "eider_pg_received_bytes_total";
/// Counter: bytes written to clients.
const SENT: &str = "eider_pg_sent_bytes_total";
/// Gauge: open connections, those that log in included.
const CONNECTIONS: &str = "eider_pg_connections";
/// Counter, by `reason`: connections that were refused or ended by the server.
const ENDED: &str = "eider_pg_connections_ended_total";
/// Counter, by `code`: errors told to clients.
const ERRORS: &str = "eider_pg_errors_total";
/// Counter, by `result` (`known`, `unknown`): requests to cancel.
const CANCELS: &str = "eider_pg_cancel_requests_total";

pub(crate) fn received(bytes: usize) {
    counter!(RECEIVED).increment(bytes as u64);
}

pub(crate) fn sent(bytes: usize) {
    counter!(SENT).increment(bytes as u64);
}

pub(crate) fn ended(reason: &'static str) {
    counter!(ENDED, "reason" => reason).increment(1);
}

pub(crate) fn error(code: &'static str) {
    counter!(ERRORS, "code" => code).increment(1);
}

pub(crate) fn cancel(known: bool) {
    let result = if known { "known" } else { "unknown" };
    counter!(CANCELS, "result" => result).increment(1);
}

/// An open connection in the gauge.
pub(crate) struct Open(());

impl Open {
    pub(crate) fn new() -> Self {
        gauge!(CONNECTIONS).increment(1.0);
        Self(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        gauge!(CONNECTIONS).decrement(1.0);
    }
}
