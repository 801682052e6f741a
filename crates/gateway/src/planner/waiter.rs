//! Who waits for a job of a planner thread, and what happens to the job when they go.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use runtime::CancellationToken;
use tokio::time::{Instant, timeout};
use tree::Interrupt;

use super::Queue;

/// Interrupts its job when dropped, for as long as that goes on.
pub(super) struct Waiter<'a> {
    queue: &'a Arc<Queue>,
    shared: Arc<Shared>,
}

/// The job's side.
pub(super) struct Turn(Arc<Shared>);

#[derive(Default)]
struct Shared {
    phase: Mutex<Phase>,
    interrupt: Interrupt,
    /// Cancelled when the work is over.
    over: CancellationToken,
}

#[derive(Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Queued,
    Working,
    /// Done, or not worth doing.
    Over,
}

/// How long a job may take to stop before another thread takes the place of its own.
const PATIENCE: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LAST_PAUSE: Duration = Duration::from_millis(100);

impl<'a> Waiter<'a> {
    pub(super) fn new(queue: &'a Arc<Queue>) -> Self {
        Self {
            queue,
            shared: Arc::default(),
        }
    }

    pub(super) fn turn(&self) -> Turn {
        Turn(Arc::clone(&self.shared))
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut phase = self.shared.phase.lock();
        match *phase {
            Phase::Queued => *phase = Phase::Over,
            Phase::Working => {
                self.shared.interrupt.stop();
                let (queue, shared) = (Arc::clone(self.queue), Arc::clone(&self.shared));
                self.queue.tasks.spawn("planner interrupt", async move {
                    shared.stop(&queue).await;
                });
            }
            Phase::Over => {}
        }
    }
}

impl Turn {
    /// Does the work, unless its waiter has gone.
    pub(super) fn take<T>(self, work: impl FnOnce() -> T) -> Option<T> {
        {
            let mut phase = self.0.phase.lock();
            if *phase == Phase::Over {
                return None;
            }
            *phase = Phase::Working;
        }
        Some(self.0.interrupt.during(work))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.0.phase.lock() = Phase::Over;
        self.0.over.cancel();
    }
}

impl Shared {
    /// Interrupts again and again, as one sent between two queries is lost. DuckDB does not look at
    /// interrupts while it binds, or within one row: past the patience another thread plans for the
    /// others.
    async fn stop(&self, queue: &Arc<Queue>) {
        let patience = Instant::now() + PATIENCE;
        let (mut pause, mut abandoned) = (FIRST_PAUSE, false);
        while timeout(pause, self.over.cancelled()).await.is_err() {
            self.interrupt.stop();
            if !abandoned && Instant::now() >= patience {
                abandoned = queue.abandon_one();
                if abandoned {
                    tracing::warn!("planning that was stopped goes on: its thread is abandoned");
                }
            }
            pause = (pause * 2).min(LAST_PAUSE);
        }
        if abandoned {
            queue.take_back_one();
        }
    }
}
