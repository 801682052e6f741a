//! Stopping a statement: who may, when it is too late, and how DuckDB is made to listen.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use model::{ByteSize, Error, ErrorKind, ExecRequest, SpillLimit, StatementId};
use native::InterruptHandle;
use parking_lot::Mutex;
use runtime::CancellationToken;
use tokio::time::{Instant, sleep, sleep_until};

use crate::metric;
use crate::step::end_this_thread;
use crate::worker::Worker;

/// Why a statement was stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The client asked.
    User,
    /// Its deadline passed.
    Timeout,
    /// Its reader did not come back.
    Idle,
    /// Its result was dropped; nobody waits for an answer.
    Dropped,
    /// Its session ended.
    Closed,
    /// Its instance had to be closed.
    Instance,
    /// Its instance has spilled too much.
    Spill(SpillLimit),
}

impl Stop {
    pub(crate) fn error(&self) -> Error {
        let (kind, message) = match self {
            Self::User | Self::Dropped => (
                ErrorKind::QueryCanceled,
                "canceling statement due to user request",
            ),
            Self::Timeout => (
                ErrorKind::QueryCanceled,
                "canceling statement due to statement timeout",
            ),
            Self::Idle => (
                ErrorKind::QueryCanceled,
                "canceling statement due to stream idle timeout",
            ),
            Self::Closed => (
                ErrorKind::Shutdown,
                "terminating statement: the session has ended",
            ),
            Self::Instance => (
                ErrorKind::Shutdown,
                "terminating statement: the database is being reopened",
            ),
            Self::Spill(limit) => return spilled(limit),
        };
        Error::new(kind, message)
    }
}

fn spilled(limit: &SpillLimit) -> Error {
    let message = format!(
        "temporary files have grown by more than {} while the statement ran: limit \"{}\"",
        ByteSize(limit.bytes),
        limit.by
    );
    Error::new(ErrorKind::LimitExceeded, message)
        .with_hint("sort, group or join less at once, or ask an administrator for a higher limit")
}

/// One running statement, as seen by all who may stop it.
pub(crate) struct Control {
    id: StatementId,
    governed: bool,
    deadline: Option<Instant>,
    state: Mutex<State>,
    /// Cancelled when the statement is stopped: its client has its answer then.
    stopped: CancellationToken,
    /// Cancelled when the statement has left its connection.
    quiet: CancellationToken,
}

#[derive(Default)]
struct State {
    stop: Option<Stop>,
    /// Past the point where it can be stopped: its COMMIT has been sent.
    committing: bool,
    /// A step thread is in the statement now.
    stepping: bool,
    /// Another thread was started in the place of the one that is in the statement.
    replaced: bool,
    /// It has come to its end without an error.
    complete: bool,
    /// The connection, while it is the statement's. Interrupts go through this lock, so that none
    /// meets the connection's next statement.
    connection: Option<InterruptHandle>,
}

impl State {
    /// The step thread, which this runs on, leaves the statement.
    fn end_step(&mut self) {
        self.stepping = false;
        if std::mem::take(&mut self.replaced) {
            end_this_thread();
        }
    }
}

impl Control {
    pub(crate) fn new(request: &ExecRequest) -> Arc<Self> {
        Arc::new(Self {
            id: request.id(),
            governed: request.governed(),
            deadline: request.deadline().map(Instant::from_std),
            state: Mutex::default(),
            stopped: CancellationToken::new(),
            quiet: CancellationToken::new(),
        })
    }

    pub(crate) fn id(&self) -> StatementId {
        self.id
    }

    /// The error of a statement that has been stopped.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.state
            .lock()
            .stop
            .as_ref()
            .map_or(Ok(()), |stop| Err(stop.error()))
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.is_cancelled()
    }

    /// Waits until the statement is stopped, by its deadline if by nothing else, and says why. Who
    /// waits for a statement waits for this too.
    pub(crate) async fn stopped(self: &Arc<Self>, worker: &Arc<Worker>) -> Stop {
        let due = async {
            match self.deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.stopped.cancelled() => {}
            () = due => {
                self.stop(Stop::Timeout, worker);
                // Past the point of no return it goes on to its end, which is near.
                self.stopped.cancelled().await;
            }
        }
        self.state.lock().stop.clone().unwrap_or(Stop::User)
    }

    /// Stops the statement if its deadline has passed.
    pub(crate) fn check_deadline(self: &Arc<Self>, worker: &Arc<Worker>) {
        if self
            .deadline
            .is_some_and(|deadline| deadline <= Instant::now())
        {
            self.stop(Stop::Timeout, worker);
        }
    }

    /// Waits until the statement has left its connection.
    pub(crate) async fn quiet(&self) {
        self.quiet.cancelled().await;
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet.is_cancelled()
    }

    /// Whether a step thread is in the statement now, and not its reader to be waited for.
    pub(crate) fn is_stepping(&self) -> bool {
        self.state.lock().stepping
    }

    /// A step begins, on this connection.
    pub(crate) fn enter(&self, connection: &InterruptHandle) {
        let mut state = self.state.lock();
        state.connection.get_or_insert_with(|| connection.clone());
        state.stepping = true;
    }

    /// A step has ended; the statement is parked.
    pub(crate) fn leave(&self) {
        self.state.lock().end_step();
    }

    /// The point of no return. From here on it cannot be stopped.
    pub(crate) fn commit(&self) -> Result<(), Error> {
        let mut state = self.state.lock();
        match &state.stop {
            Some(stop) => Err(stop.error()),
            None => {
                state.committing = true;
                Ok(())
            }
        }
    }

    /// The statement lets go of its connection, which may serve another from now on.
    pub(crate) fn finish(&self, complete: bool) {
        let mut state = self.state.lock();
        state.connection = None;
        state.complete = complete;
        state.end_step();
        drop(state);
        self.quiet.cancel();
    }

    /// Whether the statement has come to its end without an error.
    pub(crate) fn is_complete(&self) -> bool {
        self.state.lock().complete
    }

    /// How much is done. Of governed relations that would tell how many rows are hidden.
    pub(crate) fn progress(&self) -> Option<f64> {
        if self.governed {
            return None;
        }
        self.state.lock().connection.as_ref()?.progress()
    }

    /// Stops the statement unless it is too late. The client's answer does not wait for DuckDB.
    pub(crate) fn stop(self: &Arc<Self>, why: Stop, worker: &Arc<Worker>) -> bool {
        let mut state = self.state.lock();
        if state.stop.is_some() || state.committing || self.is_quiet() {
            return false;
        }
        state.stop = Some(why.clone());
        drop(state);
        self.stopped.cancel();
        let (control, on) = (Arc::clone(self), Arc::clone(worker));
        worker.spawn("interrupt", async move {
            control.interrupt_until_quiet(why, &on).await
        });
        true
    }

    /// Interrupts again and again, as one sent between two calls is lost, until the statement has
    /// left its connection. Past the patience the connection is abandoned: counted, and another
    /// thread takes the place of the one that is stuck.
    async fn interrupt_until_quiet(&self, why: Stop, worker: &Worker) {
        // Nobody waits for the answer to a dropped stream, and an interrupt would fail its
        // transaction: the step in progress mostly ends by itself.
        let grace = if why == Stop::Dropped {
            DROP_GRACE
        } else {
            Duration::ZERO
        };
        let patience = Instant::now() + worker.config().quiet_timeout;
        let mut pause = FIRST_PAUSE;
        let mut abandoned = false;
        if self.quiet_within(grace).await {
            return;
        }
        while !self.quiet_within(pause).await {
            let mut state = self.state.lock();
            if let Some(connection) = state.connection.as_ref().filter(|_| state.stepping) {
                connection.interrupt();
            }
            // A step that still waits for a thread is not stuck.
            if state.stepping && !abandoned && Instant::now() >= patience {
                abandoned = true;
                state.replaced = worker.steps().replace_one();
                counter!(metric::ABANDONED).increment(1);
                gauge!(metric::ABANDONED_NOW).increment(1.0);
                tracing::warn!(statement = %self.id, "cancelled statement does not stop: abandoned");
            }
            drop(state);
            pause = (pause * 2).min(LAST_PAUSE);
        }
        if abandoned {
            gauge!(metric::ABANDONED_NOW).decrement(1.0);
            tracing::info!(statement = %self.id, "abandoned statement has stopped");
        }
    }

    async fn quiet_within(&self, time: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.quiet.cancelled() => true,
            () = sleep(time) => false,
        }
    }
}

const DROP_GRACE: Duration = Duration::from_millis(50);
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LAST_PAUSE: Duration = Duration::from_millis(100);
