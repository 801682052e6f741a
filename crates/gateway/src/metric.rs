//! Names of the gateway's metrics. They are stable: dashboards hang on them.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};

/// Counter, by `door`, `kind` and `outcome`.
pub(crate) const STATEMENTS: &str = "eider_statements_total";
/// Histogram, by `door` and `kind`.
pub(crate) const STATEMENT_SECONDS: &str = "eider_statement_seconds";
/// Counter, by `door` and `kind`.
pub(crate) const ERRORS: &str = "eider_errors_total";
/// Gauge.
pub(crate) const STATEMENTS_ACTIVE: &str = "eider_statements_active";
/// Gauge.
pub(crate) const QUEUE_LENGTH: &str = "eider_queue_length";
/// Histogram.
pub(crate) const QUEUE_SECONDS: &str = "eider_queue_seconds";
/// Counter, by `reason`: `queue`, `share` or `timeout`.
pub(crate) const QUEUE_REFUSED: &str = "eider_queue_refused_total";
/// Gauge, by `door`.
pub(crate) const STREAMS: &str = "eider_streams";
/// Counter, by `door`.
pub(crate) const RESULT_ROWS: &str = "eider_result_rows_total";
/// Counter, by `door`.
pub(crate) const RESULT_BYTES: &str = "eider_result_bytes_total";
/// Gauge, by `door`.
pub(crate) const SESSIONS: &str = "eider_sessions";
/// Counter, by `result`: `hit` or `miss`.
pub(crate) const PLAN_CACHE: &str = "eider_plan_cache_total";
/// Histogram.
pub(crate) const PLAN_SECONDS: &str = "eider_plan_seconds";

/// Describes the gateway's metrics to the installed recorder, and shows the gauges from the start.
pub fn describe_metrics() {
    describe_counter!(
        STATEMENTS,
        "Statements that ended; outcome: ok, error or cancelled"
    );
    describe_histogram!(
        STATEMENT_SECONDS,
        Unit::Seconds,
        "Time from a statement's arrival to the end of its last row"
    );
    describe_counter!(ERRORS, "Statements that ended with an error, by its kind");
    describe_gauge!(STATEMENTS_ACTIVE, "Statements that run or are being read");
    describe_gauge!(QUEUE_LENGTH, "Statements that wait for their turn");
    describe_histogram!(
        QUEUE_SECONDS,
        Unit::Seconds,
        "Time that statements waited for their turn"
    );
    describe_counter!(
        QUEUE_REFUSED,
        "Statements that got no place; reason: the queue was full, their principal's share of it was, or they waited too long"
    );
    describe_gauge!(STREAMS, "Open results");
    describe_counter!(RESULT_ROWS, "Rows handed to doors");
    describe_counter!(RESULT_BYTES, Unit::Bytes, "Arrow memory handed to doors");
    describe_gauge!(SESSIONS, "Open sessions");
    describe_counter!(
        PLAN_CACHE,
        "Look-ups in the plan cache; result: hit or miss"
    );
    describe_histogram!(
        PLAN_SECONDS,
        Unit::Seconds,
        "Time on a planner thread of statements that the cache did not have"
    );
    gauge!(STATEMENTS_ACTIVE).set(0.0);
    gauge!(QUEUE_LENGTH).set(0.0);
}
