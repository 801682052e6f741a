//! Staged, bounded shutdown.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::Tasks;

/// One step of a shutdown: these tasks are asked to end, and given so long for it.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What ends, for the log.
    pub name: &'static str,
    /// Who is asked.
    pub tasks: Tasks,
    /// How long the next stage waits for this one at most.
    pub within: Duration,
}

/// Shuts stages down one after the other, each within its bound, and returns the names of the
/// tasks that did not end in time; they are logged too.
pub async fn run_stages(stages: impl IntoIterator<Item = Stage>) -> Vec<String> {
    let mut stragglers = Vec::new();
    for stage in stages {
        tracing::info!(stage = stage.name, within = ?stage.within, "stopping");
        stage.tasks.shutdown();
        let left = stage.tasks.wait(stage.within).await;
        if !left.is_empty() {
            tracing::warn!(stage = stage.name, tasks = ?left, "not stopped in time");
        }
        stragglers.extend(left);
    }
    stragglers
}

/// Listens for SIGTERM and SIGINT. The first one cancels the returned token; a second one ends the
/// process at once with the status a shell gives for it. The listener ends with `tasks`, so make it
/// part of a group that is shut down last.
///
/// # Errors
/// The handlers or their thread can't be set up.
pub fn termination(tasks: &Tasks) -> io::Result<CancellationToken> {
    // A thread and runtime of its own: a second signal must work even when the first one found
    // every other thread stuck.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let (mut terminate, mut interrupt) = {
        let _entered = runtime.enter();
        (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        )
    };
    let requested = CancellationToken::new();
    let (token, stop) = (requested.clone(), tasks.shutdown_token());
    let listen = async move {
        loop {
            let (name, status) = tokio::select! {
                _ = terminate.recv() => ("SIGTERM", 143),
                _ = interrupt.recv() => ("SIGINT", 130),
                () = stop.cancelled() => return,
            };
            if token.is_cancelled() {
                tracing::warn!(signal = name, "second signal: ending now");
                std::process::exit(status);
            }
            tracing::info!(signal = name, "shutting down");
            token.cancel();
        }
    };
    tasks.thread("signals", 256 << 10, move || runtime.block_on(listen))?;
    Ok(requested)
}

/// Each SIGHUP from now on, by which an operator asks to read what has changed. Must be called
/// inside a tokio runtime.
///
/// # Errors
/// The handler can't be set up.
pub fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn stages_end_in_order_and_in_bounded_time() {
        let root = Tasks::new("server");
        let order = Arc::new(Mutex::new(Vec::new()));
        let stages: Vec<Stage> = ["accept", "drain", "close"]
            .into_iter()
            .map(|name| {
                let tasks = root.child(name);
                let (token, order) = (tasks.shutdown_token(), Arc::clone(&order));
                tasks.spawn("worker", async move {
                    token.cancelled().await;
                    order.lock().push(name);
                    if name == "drain" {
                        std::future::pending::<()>().await;
                    }
                });
                let within = Duration::from_secs(5);
                Stage {
                    name,
                    tasks,
                    within,
                }
            })
            .collect();

        let start = tokio::time::Instant::now();
        assert_eq!(run_stages(stages).await, ["server/drain/worker"]);
        assert_eq!(*order.lock(), ["accept", "drain", "close"]);
        assert_eq!(start.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test]
    async fn a_signal_asks_for_termination() {
        let tasks = Tasks::new("server");
        let requested = termination(&tasks).expect("handlers");
        assert!(!requested.is_cancelled());
        let kill = format!("kill -TERM {}", std::process::id());
        let status = std::process::Command::new("sh")
            .args(["-c", &kill])
            .status();
        assert!(status.expect("a shell").success());
        requested.cancelled().await;
        tasks.shutdown();
        assert_eq!(tasks.wait(Duration::from_secs(60)).await, [""; 0]);
    }
}
