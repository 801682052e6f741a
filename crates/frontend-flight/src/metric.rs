//! The door's metrics. What statements do is counted by `gateway` for all doors.

use metrics::{Counter, counter, gauge};
use tonic::Code;

/// Counter, by `method`: calls.
const REQUESTS: &str = "eider_flight_requests_total";
/// Counter, by `code` of gRPC: errors told to clients.
const ERRORS: &str = "eider_flight_errors_total";
/// Counter: bytes of Arrow data sent.
const SENT: &str = "eider_flight_sent_bytes_total";
/// Gauge: open connections.
const CONNECTIONS: &str = "eider_flight_connections";

pub(crate) fn request(method: &'static str) {
    counter!(REQUESTS, "method" => method).increment(1);
}

pub(crate) fn error(code: Code) {
    counter!(ERRORS, "code" => format!("{code:?}")).increment(1);
}

pub(crate) fn sent() -> Counter {
    counter!(SENT)
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
