//! Watching the policy: a change is validated whole and takes effect at once, or not at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, SystemTime};

use auth::Authenticator;
use duck::LocalExecutor;
use gateway::Engine;
use metrics::{counter, describe_counter, describe_gauge, gauge};
use model::{Error, Executor, Result};
use runtime::Tasks;
use tokio::runtime::Handle;

use crate::policy_file;

/// Counter, by `outcome`: `ok` or `error`.
const RELOADS: &str = "eider_policy_reloads_total";
/// Gauge: 1 while the files hold a policy that could not be loaded, and an older one is in force.
const STALE: &str = "eider_policy_stale";

/// What a new policy is given to.
pub(crate) struct Watch {
    pub(crate) path: PathBuf,
    /// How often the files are looked at; `None`: only when asked by SIGHUP.
    pub(crate) interval: Option<Duration>,
    /// The files as they were before the policy in force was read.
    pub(crate) stamps: Stamps,
    pub(crate) engine: Arc<Engine>,
    pub(crate) executor: Arc<LocalExecutor>,
    pub(crate) authenticator: Authenticator,
    pub(crate) flight: Option<frontend_flight::Door>,
}

/// When each file of a policy was changed, and its length.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamps(Vec<(PathBuf, Option<SystemTime>, u64)>);

impl Stamps {
    /// Of a file, or of what is in a folder. What can't be read is left out, and so is a change.
    pub(crate) fn of(path: &Path) -> Self {
        let mut paths = vec![path.to_owned()];
        if let Ok(entries) = fs::read_dir(path) {
            paths.extend(entries.filter_map(|e| e.ok().map(|e| e.path())));
        }
        paths.sort();
        let stamp = |path: PathBuf| {
            let metadata = fs::metadata(&path).ok()?;
            Some((path, metadata.modified().ok(), metadata.len()))
        };
        Self(paths.into_iter().filter_map(stamp).collect())
    }
}

impl Watch {
    /// Begins to watch, until the tasks are asked to shut down.
    pub(crate) fn start(self, tasks: &Tasks) -> Result<()> {
        describe_counter!(
            RELOADS,
            "Times that a changed policy was read; outcome: ok or error"
        );
        describe_gauge!(
            STALE,
            "Whether the policy's files could not be loaded, so that an older policy is in force"
        );
        gauge!(STALE).set(0.0);
        let (ask, asked) = mpsc::channel();
        let mut hangups = runtime::hangups().map_err(Error::internal)?;
        let stop = tasks.shutdown_token();
        tasks.spawn("hangup", async move {
            loop {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    _ = hangups.recv() => {}
                }
                if ask.send(()).is_err() {
                    return;
                }
            }
        });
        let runtime = Handle::current();
        let watch = move || self.watch(&asked, &runtime);
        tasks
            .thread("policy watch", tree::STACK_BYTES, watch)
            .map(drop)
            .map_err(Error::internal)
    }

    fn watch(mut self, asked: &Receiver<()>, runtime: &Handle) {
        loop {
            let woken = match self.interval {
                Some(interval) => asked.recv_timeout(interval),
                None => asked.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            if woken == Err(RecvTimeoutError::Disconnected) {
                return;
            }
            let stamps = Stamps::of(&self.path);
            if woken.is_err() && stamps == self.stamps {
                continue;
            }
            self.stamps = stamps;
            match self.reload(runtime) {
                Ok(version) => {
                    gauge!(STALE).set(0.0);
                    counter!(RELOADS, "outcome" => "ok").increment(1);
                    tracing::info!(version, "a new policy is in force");
                }
                Err(error) => {
                    gauge!(STALE).set(1.0);
                    counter!(RELOADS, "outcome" => "error").increment(1);
                    tracing::error!(%error, hint = error.hint(), "the changed policy is refused: the last good one stays in force");
                }
            }
        }
    }

    fn reload(&self, runtime: &Handle) -> Result<u64> {
        let parser = tree::Parser::open()?;
        let policy = policy_file::load(&self.path, &self.executor.catalog(), &parser)?;
        let version = policy.version();
        let verifiers = policy.verifiers();
        let directory: Vec<_> = verifiers
            .map(|(name, verifier)| (name.to_owned(), verifier.to_owned()))
            .collect();
        let revoked = self.authenticator.reload(directory)?;
        self.engine.set_policy(Arc::new(policy));
        for name in &revoked {
            tracing::info!(
                principal = name,
                "ending the sessions of a changed principal"
            );
            self.engine.revoke(name);
            if let Some(flight) = &self.flight {
                runtime.block_on(flight.end_sessions_of(name));
            }
        }
        Ok(version)
    }
}
