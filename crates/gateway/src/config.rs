//! The engine's configuration.

use std::time::Duration;

use model::{Error, ErrorKind, Result, Share};

use crate::admission::AdmissionLimits;

/// What the engine may use. Counts are of statements or sessions, sizes in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The catalog of sessions that name none.
    pub default_catalog: String,
    /// Threads that read, rewrite and check statements. Each has a stack of 64 MiB.
    pub planner_threads: usize,
    /// Statements that wait for a planner thread.
    pub planner_queue: usize,
    /// Plans kept for use again.
    pub plan_cache_entries: usize,
    /// Memory of those plans, estimated.
    pub plan_cache_bytes: usize,
    /// Views of principals on the catalog kept.
    pub view_cache_entries: usize,
    /// Schema-only instances kept, one for each set of relations that someone sees. Each takes a
    /// few megabytes.
    pub sidecar_cache_entries: usize,
    /// Longest text of a statement, or of several sent as one.
    pub max_sql_bytes: usize,
    /// Sessions at once.
    pub max_sessions: usize,
    /// Statements that run or stream at once.
    pub max_statements: usize,
    /// The same for one principal.
    pub max_statements_per_principal: usize,
    /// Statements that wait for a place.
    pub queue_length: usize,
    /// How much of that queue one principal may take.
    pub queue_share: Share,
    /// How long one waits for its place.
    pub queue_timeout: Duration,
    /// How long a statement may take, from its arrival to its last row; `None` sets no bound. A
    /// session's `statement_timeout` can shorten it.
    pub statement_timeout: Option<Duration>,
    /// How long a transaction may idle before it is rolled back; `None` sets no bound. A session's
    /// `idle_in_transaction_session_timeout` can shorten it.
    pub idle_transaction_timeout: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            default_catalog: "main".to_owned(),
            planner_threads: 2,
            planner_queue: 256,
            plan_cache_entries: 4096,
            plan_cache_bytes: 64 << 20,
            view_cache_entries: 256,
            sidecar_cache_entries: 32,
            max_sql_bytes: 1 << 20,
            max_sessions: 1000,
            max_statements: 64,
            max_statements_per_principal: 32,
            queue_length: 1000,
            queue_share: Share::HALF,
            queue_timeout: Duration::from_secs(30),
            statement_timeout: Some(Duration::from_secs(3600)),
            idle_transaction_timeout: Some(Duration::from_secs(600)),
        }
    }
}

impl Config {
    /// Checks that every count allows work at all.
    ///
    /// # Errors
    /// `Config`, naming the first value that does not.
    pub fn validate(self) -> Result<Self> {
        let counts = [
            ("planner_threads", self.planner_threads),
            ("planner_queue", self.planner_queue),
            ("plan_cache_entries", self.plan_cache_entries),
            ("view_cache_entries", self.view_cache_entries),
            ("sidecar_cache_entries", self.sidecar_cache_entries),
            ("max_sql_bytes", self.max_sql_bytes),
            ("max_sessions", self.max_sessions),
            ("max_statements", self.max_statements),
            (
                "max_statements_per_principal",
                self.max_statements_per_principal,
            ),
        ];
        let bad = |message: String| Err(Error::new(ErrorKind::Config, message));
        if let Some((name, _)) = counts.iter().find(|(_, count)| *count == 0) {
            return bad(format!("{name} must be at least 1"));
        }
        if self.planner_threads > 64 {
            return bad("planner_threads must be at most 64".to_owned());
        }
        if self.default_catalog.is_empty() {
            return bad("default_catalog must name a catalog".to_owned());
        }
        Ok(self)
    }

    pub(crate) fn admission(&self) -> AdmissionLimits {
        AdmissionLimits {
            statements: self.max_statements,
            statements_per_principal: self.max_statements_per_principal,
            queue_length: self.queue_length,
            queue_share: self.queue_share,
            queue_timeout: self.queue_timeout,
        }
    }
}

/// The shorter of two optional bounds.
pub(crate) fn shorter(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
