//! Names of this crate's metrics.

use metrics::{describe_counter, describe_gauge};

pub(crate) const CONNECTIONS: &str = "eider_pool_connections";
pub(crate) const OPEN_STREAMS: &str = "eider_pool_open_streams";
pub(crate) const PARKED_STREAMS: &str = "eider_pool_parked_streams";
pub(crate) const ABANDONED: &str = "eider_pool_abandoned_total";
pub(crate) const ABANDONED_NOW: &str = "eider_pool_abandoned";
pub(crate) const REOPENED: &str = "eider_pool_reopened_total";
pub(crate) const MISMATCHES: &str = "eider_pool_mismatches_total";
pub(crate) const BATCH_BYTES: &str = "eider_pool_batch_bytes_total";

/// Describes this crate's metrics to the installed recorder.
pub fn describe() {
    describe_gauge!(CONNECTIONS, "Open DuckDB connections");
    describe_gauge!(OPEN_STREAMS, "Results started and not read to their end");
    describe_gauge!(PARKED_STREAMS, "Results waiting for their reader");
    describe_counter!(ABANDONED, "Cancelled statements that did not stop in time");
    describe_gauge!(
        ABANDONED_NOW,
        "Cancelled statements that still run after that time"
    );
    describe_counter!(
        REOPENED,
        "Times the instance was reopened after a fatal error"
    );
    describe_counter!(
        MISMATCHES,
        "Statements refused as the second reading differed"
    );
    describe_counter!(BATCH_BYTES, "Bytes of Arrow batches handed out");
}
