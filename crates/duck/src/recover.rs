//! After a fatal error: end what runs, close everything, open the files again.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use runtime::Backoff;

use crate::control::Stop;
use crate::core::Core;
use crate::metric;
use crate::worker::Worker;

/// Begins the recovery of a lost instance, once. Blocks briefly: for step threads.
pub(crate) fn recover(worker: &Arc<Worker>, core: &Arc<Core>, cause: &native::Error) {
    if !core.kill() {
        return;
    }
    tracing::error!(
        cause = cause.text(),
        "DuckDB's instance is lost: opening it again"
    );
    counter!(metric::REOPENED).increment(1);
    drop(worker.take_core());
    for session in worker.sessions() {
        session.end(Stop::Instance, worker);
    }
    let (worker, core) = (Arc::clone(worker), Arc::clone(core));
    let on = Arc::clone(&worker);
    worker.spawn("recover", async move { reopen(on, core).await });
}

/// Two instances on one file lose rows, so every connection is waited for, however long it takes.
async fn reopen(worker: Arc<Worker>, core: Arc<Core>) {
    core.all_closed().await;
    let closing = worker.step(move || core.close_instance()).await;
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(10));
    let mut outcome = closing.map(|()| false);
    while let Ok(false) = outcome {
        let on = Arc::clone(&worker);
        outcome = worker
            .step(move || on.reopen())
            .await
            .map(|opened| match opened {
                Ok(()) => true,
                Err(error) => {
                    tracing::error!(%error, "can't open the catalogs again: trying on");
                    false
                }
            });
        if let Ok(false) = outcome {
            tokio::time::sleep(backoff.next_delay()).await;
        }
    }
    match outcome {
        Ok(_) => tracing::info!("DuckDB's instance is open again"),
        Err(error) => tracing::info!(%error, "not opened again"),
    }
}
