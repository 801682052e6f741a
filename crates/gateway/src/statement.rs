//! One statement from arrival to end: its entry in the registry, its deadline, its record.

use std::error::Error as _;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use metrics::{counter, histogram};
use model::{Error, ErrorKind, ExecRequest, ExecSession, Result, ResultStream, StatementId};
use parking_lot::Mutex;
use policy::{Asked, Authorised, Bound, Limits, PolicySet};

use crate::audit::Audit;
use crate::config::shorter;
use crate::metric;
use crate::plans::World;
use crate::registry::{CancelReason, Entry, Origin, Registry, StatementState};
use crate::run::kind;

/// How long a cancelled statement may take to say how it ended. The client has its answer after
/// that in any case; the worker is quietened behind it.
const CANCEL_GRACE: Duration = Duration::from_millis(900);

/// The kind of a statement that was not read so far.
const UNKNOWN: &str = "unknown";

/// A statement in work. Leaves the registry and writes its record when dropped.
pub(crate) struct Statement {
    registry: Arc<Registry>,
    entry: Arc<Entry>,
    deadline: Option<Instant>,
    kind: Option<&'static str>,
    ending: Ending,
    audit: Option<Arc<Audit>>,
    limits: Limits,
    /// By what it is judged.
    policy: Mutex<Arc<PolicySet>>,
    /// What it asked for, once it was read and refused.
    asked: Arc<OnceLock<Asked>>,
    /// Whether the audit has its beginning.
    begun: bool,
    /// Whether places in errors are of the text that the client sent.
    has_places: bool,
}

/// How a statement ended, as the label `outcome`.
#[derive(Debug)]
enum Ending {
    /// Dropped by its client before its end.
    Abandoned,
    Done,
    Failed(Error),
    /// Not worth a record: what follows it has one.
    Unrecorded,
}

impl Statement {
    /// A statement has arrived; it may take `timeout`, and what the policy lets its principal have.
    pub(crate) fn begin(
        registry: &Arc<Registry>,
        origin: Origin,
        sql: Arc<str>,
        state: StatementState,
        timeout: Option<Duration>,
        audit: Option<Arc<Audit>>,
        policy: Arc<PolicySet>,
    ) -> Self {
        let principal = policy.principal(&origin.principal);
        let limits = principal.map(|p| policy.limits(&p)).unwrap_or_default();
        let entry = registry.enter(origin, sql, state);
        Self {
            registry: Arc::clone(registry),
            deadline: shorter(timeout, Bound::most(limits.statement_timeout.as_ref()))
                .map(|t| entry.begun + t),
            entry,
            kind: None,
            ending: Ending::Abandoned,
            audit,
            limits,
            policy: Mutex::new(policy),
            asked: Arc::default(),
            begun: false,
            has_places: true,
        }
    }

    /// Errors from now on tell no place: what runs is not the text that the client sent.
    pub(crate) fn hide_places(&mut self) {
        self.has_places = false;
    }

    /// It is judged by this policy from now on. Where it is refused, what it asked for is put in what
    /// this returns.
    pub(crate) fn judge(&self, policy: &Arc<PolicySet>) -> Arc<OnceLock<Asked>> {
        *self.policy.lock() = Arc::clone(policy);
        Arc::clone(&self.asked)
    }

    /// Records that it begins: by a plan, or as a statement about the session. Call it before it has
    /// any effect.
    ///
    /// # Errors
    /// The audit is required, and can't be written.
    pub(crate) async fn record(&mut self, world: &World, plan: Option<&Authorised>) -> Result<()> {
        let Some(audit) = self.audit.clone() else {
            return Ok(());
        };
        let (entry, policy) = (&self.entry, &*world.policy);
        let kind = self.kind.unwrap_or(UNKNOWN);
        match plan {
            Some(plan) => audit.begin(entry, kind, policy, plan).await?,
            None => audit.begin_session(entry, kind, policy).await?,
        }
        self.begun = true;
        Ok(())
    }

    pub(crate) fn id(&self) -> StatementId {
        self.entry.id
    }

    /// What its principal may take up.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(crate) fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// Names the kind of statement for metrics and the record.
    pub(crate) fn set_kind(&mut self, kind: &'static str) {
        self.kind = Some(kind);
    }

    pub(crate) fn set_state(&self, state: StatementState) {
        self.entry.set_state(state);
    }

    /// Ends without a record, as planning that went well.
    pub(crate) fn end_unrecorded(mut self) {
        self.ending = Ending::Unrecorded;
    }

    /// Ends well.
    pub(crate) fn end_done(mut self) {
        self.ending = Ending::Done;
    }

    /// Ends with this error. Returns it for the client: its cause is logged here, and nowhere else.
    pub(crate) fn end_failed(mut self, error: Error) -> Error {
        let mut told = Error::new(error.kind(), error.message()).with_statement(self.entry.id);
        if let Some(detail) = error.detail() {
            told = told.with_detail(detail);
        }
        if let Some(hint) = error.hint() {
            told = told.with_hint(hint);
        } else if let Some(Bound { most, by }) = self.limit_passed(&error) {
            told = told.with_hint(format!("limit \"{by}\" gives a statement {most:?}"));
        }
        if let Some(position) = error.position().filter(|_| self.has_places) {
            told = told.with_position(position);
        }
        self.ending = Ending::Failed(error);
        told
    }

    /// The policy's limit, if that is why a statement ran out of time.
    fn limit_passed(&self, error: &Error) -> Option<&Bound<Duration>> {
        let bound = self.limits.statement_timeout.as_ref()?;
        let is_nearest = self.deadline == Some(self.entry.begun + bound.most);
        let is_over = self
            .deadline
            .is_some_and(|deadline| deadline <= Instant::now());
        let is_canceled = error.kind() == ErrorKind::QueryCanceled;
        (is_canceled && is_nearest && is_over).then_some(bound)
    }

    /// The error to answer with once the statement has to stop: cancelled, or out of time. Never
    /// ends otherwise.
    pub(crate) fn interrupted(&self) -> impl Future<Output = Error> + Send + 'static {
        let entry = Arc::clone(&self.entry);
        let deadline = self.deadline;
        async move {
            let reason = match deadline {
                None => entry.cancelled().await,
                Some(deadline) => {
                    let out_of_time = tokio::time::sleep_until(deadline.into());
                    tokio::select! {
                        reason = Arc::clone(&entry).cancelled() => reason,
                        () = out_of_time => {
                            entry.cancel(CancelReason::Timeout);
                            CancelReason::Timeout
                        }
                    }
                }
            };
            reason.error()
        }
    }

    /// Waits for something that has no effect outside until the statement has to stop.
    pub(crate) async fn wait<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            error = self.interrupted() => Err(error),
            result = future => result,
        }
    }

    /// Runs the request. A write that had succeeded before a cancel reached it is a success.
    pub(crate) async fn run(
        &self,
        worker: &Arc<dyn ExecSession>,
        request: ExecRequest,
        is_write: bool,
    ) -> Result<ResultStream> {
        self.set_state(StatementState::Running);
        self.entry.set_worker(Arc::clone(worker));
        let mut unfinished = Unfinished(Some(&self.entry));
        let mut execution = pin!(worker.execute(request));
        let result = tokio::select! {
            biased;
            result = &mut execution => result,
            error = self.interrupted() => {
                self.entry.interrupt();
                match tokio::time::timeout(CANCEL_GRACE, execution).await {
                    Ok(Ok(stream)) if is_write => Ok(stream),
                    Ok(Err(other)) if other.kind() != ErrorKind::QueryCanceled => Err(other),
                    Ok(_) => Err(error),
                    // Still at work: dropping it interrupts again.
                    Err(_) => return Err(error),
                }
            }
        };
        unfinished.0 = None;
        // The worker's own word for an interrupt does not know who asked for it.
        result.map_err(|error| match (error.kind(), self.entry.reason()) {
            (ErrorKind::QueryCanceled, Some(reason)) => reason.error(),
            _ => error,
        })
    }
}

/// Interrupts the worker when a running execution is dropped.
struct Unfinished<'a>(Option<&'a Arc<Entry>>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.0 {
            entry.interrupt();
        }
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        self.registry.leave(self.entry.id);
        let (outcome, error) = match &self.ending {
            Ending::Unrecorded => return,
            Ending::Done => ("ok", None),
            Ending::Abandoned => ("cancelled", None),
            Ending::Failed(error) if error.kind() == ErrorKind::QueryCanceled => {
                ("cancelled", Some(error))
            }
            Ending::Failed(error) => ("error", Some(error)),
        };
        let entry = &*self.entry;
        let asked = self.asked.get();
        let kind = self.kind.or(asked.map(|asked| kind(asked.tag)));
        let kind = kind.unwrap_or(UNKNOWN);
        match &self.audit {
            Some(audit) if self.begun => audit.end(entry, kind, outcome, error),
            Some(audit) => {
                let judged = (&**self.policy.lock(), asked);
                audit.refuse(entry, kind, judged, outcome, error);
            }
            None => {}
        }
        let door = entry.origin.door.as_str();
        let elapsed = entry.begun.elapsed();
        counter!(metric::STATEMENTS, "door" => door, "kind" => kind, "outcome" => outcome)
            .increment(1);
        histogram!(metric::STATEMENT_SECONDS, "door" => door, "kind" => kind).record(elapsed);
        if let Some(error) = error {
            let class = format!("{:?}", error.kind());
            counter!(metric::ERRORS, "door" => door, "kind" => class).increment(1);
        }
        tracing::info!(
            statement = %entry.id,
            session = %entry.origin.session,
            principal = &*entry.origin.principal,
            door,
            kind,
            outcome,
            seconds = elapsed.as_secs_f64(),
            rows = entry.rows.load(Ordering::Relaxed),
            bytes = entry.bytes.load(Ordering::Relaxed),
            error = error.map(|e| tracing::field::debug(e.kind())),
            "statement ended",
        );
        if let Some(error) = error {
            log_cause(entry.id, error);
        }
    }
}

/// Logs what lies behind an error. A defect is an operator's business; other
/// causes may quote data and are shown only when asked for.
fn log_cause(id: StatementId, error: &Error) {
    let Some(cause) = error.source() else {
        return;
    };
    let mut causes = vec![cause.to_string()];
    let mut below = cause.source();
    while let Some(cause) = below {
        causes.push(cause.to_string());
        below = cause.source();
    }
    match error.kind() {
        ErrorKind::Internal => tracing::error!(statement = %id, ?causes, "internal error"),
        _ => tracing::debug!(statement = %id, ?causes, "cause of the statement's error"),
    }
}
