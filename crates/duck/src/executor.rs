//! The executor itself.

use std::sync::Arc;

use async_trait::async_trait;
use model::{CatalogSnapshot, Error, ExecSession, Executor, Principal, Result};
use runtime::Tasks;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::config::Config;
use crate::control::Stop;
use crate::session::LocalSession;
use crate::step::{StepPool, yield_to_others};
use crate::worker::Worker;

/// DuckDB in this process, with all configured catalogs.
pub struct LocalExecutor {
    worker: Arc<Worker>,
}

impl LocalExecutor {
    /// Opens and locks the instance. It closes by itself when `tasks` is asked to shut down.
    ///
    /// # Errors
    /// `Config`, naming the path or setting that is wrong.
    pub async fn open(config: Config, tasks: &Tasks) -> Result<Arc<Self>> {
        config.validate()?;
        let tasks = tasks.child("duck");
        let steps = StepPool::start(&tasks, config.step_threads)?;
        let runtime = Handle::current();
        let (reply, opened) = oneshot::channel();
        let group = tasks.clone();
        // On a thread with a large stack that may block, as all calls into DuckDB.
        tasks
            .thread("duckdb", tree::STACK_BYTES, move || {
                // DuckDB's own threads are started by this one and inherit its priority and name.
                yield_to_others();
                let _unwanted = reply.send(Worker::open(config, &group, runtime, steps));
            })
            .map_err(Error::internal)?;
        let worker = opened.await.map_err(Error::internal)??;
        let executor = Arc::new(Self {
            worker: Arc::clone(&worker),
        });
        let stopping = tasks.shutdown_token();
        tasks.spawn("close", async move {
            stopping.cancelled().await;
            close(&worker).await;
        });
        Ok(executor)
    }

    /// Whether the instance is open: it is not while it recovers from a fatal error.
    pub fn is_ready(&self) -> bool {
        self.worker.is_ready()
    }

    /// Stops all that runs, closes the instance and ends its threads. Idempotent.
    pub async fn close(&self) {
        close(&self.worker).await;
    }
}

async fn close(worker: &Arc<Worker>) {
    let core = worker.take_core();
    for session in worker.sessions() {
        session.end(Stop::Closed, worker);
    }
    if let Some(core) = core {
        let idle = Arc::clone(&core);
        let patience = worker.config().quiet_timeout;
        let closing = async {
            worker.step(move || idle.kill()).await?;
            core.all_closed().await;
            worker.step(move || core.close_instance()).await
        };
        match tokio::time::timeout(patience, closing).await {
            Ok(Ok(())) => tracing::info!("DuckDB's instance is closed"),
            Ok(Err(error)) => tracing::error!(%error, "DuckDB's instance was not closed"),
            Err(_) => tracing::error!("DuckDB's instance was not closed in time"),
        }
    }
    worker.end_threads();
}

#[async_trait]
impl Executor for LocalExecutor {
    fn catalog(&self) -> Arc<CatalogSnapshot> {
        self.worker.catalog()
    }

    async fn open_session(&self, _principal: Arc<Principal>) -> Result<Arc<dyn ExecSession>> {
        Ok(Arc::new(LocalSession::open(Arc::clone(&self.worker))))
    }
}
