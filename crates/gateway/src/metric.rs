//! Names of the gateway's metrics. They are stable: dashboards hang on them.

/// Counter, by `door`, `kind` and `outcome`: statements that ended. `outcome` is `ok`, `error` or
/// `cancelled`.
pub(crate) const STATEMENTS: &str = "eider_statements_total";
/// Histogram, by `door` and `kind`: seconds from arrival to the end of the last row.
pub(crate) const STATEMENT_SECONDS: &str = "eider_statement_seconds";
/// Counter, by `door` and `kind`: errors, by kind of error.
pub(crate) const ERRORS: &str = "eider_errors_total";
/// Gauge: statements that hold a place.
pub(crate) const STATEMENTS_ACTIVE: &str = "eider_statements_active";
/// Gauge: statements that wait for a place.
pub(crate) const QUEUE_LENGTH: &str = "eider_queue_length";
/// Histogram: seconds that a statement waited for its place.
pub(crate) const QUEUE_SECONDS: &str = "eider_queue_seconds";
/// Gauge, by `door`: open results.
pub(crate) const STREAMS: &str = "eider_streams";
/// Counter, by `door`: rows handed to doors.
pub(crate) const RESULT_ROWS: &str = "eider_result_rows_total";
/// Counter, by `door`: bytes of Arrow memory handed to doors.
pub(crate) const RESULT_BYTES: &str = "eider_result_bytes_total";
/// Gauge, by `door`: open sessions.
pub(crate) const SESSIONS: &str = "eider_sessions";
/// Counter, by `result` (`hit`, `miss`): look-ups in the plan cache.
pub(crate) const PLAN_CACHE: &str = "eider_plan_cache_total";
/// Histogram: seconds on a planner thread for one statement that the cache did not have.
pub(crate) const PLAN_SECONDS: &str = "eider_plan_seconds";
