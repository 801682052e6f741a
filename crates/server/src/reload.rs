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
use policy::PolicySet;
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
    pub(crate) looks: Looks,
    pub(crate) engine: Arc<Engine>,
    pub(crate) executor: Arc<LocalExecutor>,
    pub(crate) authenticator: Authenticator,
    pub(crate) flight: Option<frontend_flight::Door>,
}

/// What looks at the files have shown.
pub(crate) struct Looks {
    /// The files as they were before they were last read.
    read: Stamps,
    /// The files at the last look.
    last: Stamps,
}

impl Looks {
    /// `stamps`: as the files were before the policy in force was read.
    pub(crate) fn new(stamps: Stamps) -> Self {
        Self {
            read: stamps.clone(),
            last: stamps,
        }
    }

    /// Whether the files are to be read, as they are now. A change that nobody has asked to be read
    /// waits until two looks in a row have found the same: half a file may be a good policy.
    fn is_due(&mut self, now: Stamps, is_asked: bool) -> bool {
        let is_settled = now == self.last;
        let is_due = is_asked || is_settled && now != self.read;
        if is_due {
            self.read = now.clone();
        }
        self.last = now;
        is_due
    }
}

/// When each file of a policy was changed, and its length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
            let is_asked = woken.is_ok();
            if !self.looks.is_due(Stamps::of(&self.path), is_asked) {
                continue;
            }
            let loaded = self.load();
            if !is_asked && Stamps::of(&self.path) != self.looks.read {
                // Changed as it was read: later looks find it.
                continue;
            }
            match loaded.and_then(|policy| self.put_in_force(policy, runtime)) {
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

    fn load(&self) -> Result<PolicySet> {
        let parser = tree::Parser::open()?;
        policy_file::load(&self.path, &self.executor.catalog(), &parser)
    }

    fn put_in_force(&self, policy: PolicySet, runtime: &Handle) -> Result<u64> {
        let version = policy.version();
        let verifiers = policy.verifiers();
        let directory: Vec<_> = verifiers
            .map(|(name, verifier)| (name.to_owned(), verifier.to_owned()))
            .collect();
        let revoked = self.authenticator.reload(directory)?;
        policy_file::log_warnings(&policy, &self.executor.catalog());
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

#[cfg(test)]
mod tests {
    use std::iter::once;

    use super::*;

    fn of_length(length: u64) -> Stamps {
        let path = PathBuf::from("policy.toml");
        Stamps(once((path, None, length)).collect())
    }

    #[test]
    fn a_change_is_read_when_two_looks_have_found_the_same() {
        let mut looks = Looks::new(of_length(9));
        let found = [9, 0, 3, 7, 7, 7, 8, 7, 7, 9, 9];
        let is_read = found.map(|length| looks.is_due(of_length(length), false));
        let read_at: Vec<usize> = (0..found.len()).filter(|at| is_read[*at]).collect();
        assert_eq!(read_at, [4, 10]);
    }

    #[test]
    fn who_asks_need_not_wait() {
        let mut looks = Looks::new(of_length(9));
        assert!(looks.is_due(of_length(9), true));
        assert!(looks.is_due(of_length(5), true));
        assert!(!looks.is_due(of_length(5), false));
        assert!(!looks.is_due(of_length(5), false));
    }
}
