//! Beginning and ending transactions.

use std::sync::{Arc, Weak};
use std::time::Duration;

use model::{ErrorKind, Result};
use tokio::time::Instant;

use crate::config::shorter;
use crate::session_statement::{done, outside};
use crate::settings::Setting;
use crate::statement::Statement;
use crate::transaction::{Open, State};
use crate::{Done, Notice, Session};

impl Session {
    /// BEGIN, or the beginning of an implicit transaction. The worker's own begins with the first
    /// statement that needs it.
    pub(crate) async fn begin_transaction(
        &self,
        implicit: bool,
        read_only: Option<bool>,
    ) -> Result<Option<Notice>> {
        let _alone = self.turn.write().await;
        let open = match self.transaction.usable() {
            Ok(open) => open,
            Err(_) if implicit => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut settings = self.settings.lock();
        match open {
            Some(_) if implicit => {}
            Some(open) if !open.implicit => {
                return Ok(Some(Notice {
                    kind: ErrorKind::ActiveTransaction,
                    message: "there is already a transaction in progress".to_owned(),
                }));
            }
            Some(open) => {
                if let (Some(on), false) = (read_only, open.on_worker) {
                    let value = if on { "on" } else { "off" };
                    settings.set(Setting::TransactionReadOnly.name(), Some(value), true)?;
                }
                self.transaction.set(State::Open(Open {
                    implicit: false,
                    ..open
                }));
            }
            None => {
                let read_only = read_only.unwrap_or(settings.is_on(Setting::DefaultReadOnly));
                settings.begin(read_only);
                self.transaction.set(State::Open(Open::new(implicit)));
            }
        }
        Ok(None)
    }

    /// COMMIT or ROLLBACK. A transaction that has failed is rolled back by either.
    pub(crate) async fn end_transaction(&self, commit: bool) -> Result<Done> {
        let _alone = self.turn.write().await;
        let wanted = if commit { "COMMIT" } else { "ROLLBACK" };
        let no_transaction = || outside("there is no transaction in progress");
        match self.transaction.state() {
            State::Idle => Ok(done(wanted).with_notice(Some(no_transaction()))),
            State::Open(open) => {
                let commit = commit && !open.failed;
                let settings = self.end_open(open, commit).await?;
                let ended = Done {
                    settings,
                    ..done(if commit { "COMMIT" } else { "ROLLBACK" })
                };
                Ok(ended.with_notice(open.implicit.then(no_transaction)))
            }
        }
    }

    /// The end of a simple query's implicit transaction.
    pub(crate) async fn end_implicit_transaction(&self, ok: bool) -> Result<Vec<(String, String)>> {
        let _alone = self.turn.write().await;
        match self.transaction.state() {
            State::Open(open) if open.implicit => self.end_open(open, ok && !open.failed).await,
            _ => Ok(Vec::new()),
        }
    }

    /// Ends the open transaction, and returns the reported settings that changed by it.
    async fn end_open(&self, open: Open, commit: bool) -> Result<Vec<(String, String)>> {
        self.open_results.close();
        let ended = match (open.on_worker, commit) {
            (false, _) => Ok(()),
            (true, true) => self.worker.commit().await,
            (true, false) => {
                self.roll_back().await;
                Ok(())
            }
        };
        // Whatever the worker said, its transaction is over.
        self.transaction.set(State::Idle);
        let mut settings = self.settings.lock();
        let before = settings.clone();
        settings.end(commit && ended.is_ok());
        ended.map(|()| settings.reported_since(&before))
    }

    /// Begins the worker's transaction if it has none yet.
    pub(crate) async fn begin_on_worker(&self, statement: &Statement) -> Result<()> {
        let State::Open(open) = self.transaction.state() else {
            return Ok(());
        };
        self.transaction.touch();
        if open.on_worker {
            self.watch_idle();
            return Ok(());
        }
        let read_only = self.settings.lock().is_on(Setting::TransactionReadOnly);
        // From here on in doubt, so that a cancelled begin is rolled back.
        self.transaction.begun_on_worker();
        let begin = async { Ok(self.worker.begin(read_only).await) };
        if let Err(error) = statement.wait(begin).await? {
            self.transaction.not_begun_on_worker();
            return Err(error);
        }
        self.watch_idle();
        Ok(())
    }

    /// Makes sure that someone looks whether the worker's transaction idles: one task a session,
    /// which lives on for the transactions that follow.
    fn watch_idle(&self) {
        if self.idle_timeout().is_none() || !self.transaction.take_watch() {
            return;
        }
        let session = Weak::clone(&self.this);
        let look_again = Arc::clone(&self.look_again);
        let stop = self.engine.tasks.shutdown_token();
        self.engine.tasks.spawn("idle transaction", async move {
            let mut next = Instant::now();
            loop {
                tokio::select! {
                    () = tokio::time::sleep_until(next) => {}
                    () = look_again.notified() => {}
                    () = stop.cancelled() => return,
                }
                let Some(session) = Weak::upgrade(&session) else {
                    return;
                };
                match session.expire().await {
                    Some(due) => next = due,
                    None => return,
                }
            }
        });
    }

    fn idle_timeout(&self) -> Option<Duration> {
        let own = self
            .settings
            .lock()
            .duration(Setting::IdleInTransactionTimeout);
        shorter(own, self.engine.config.idle_transaction_timeout)
    }

    /// Rolls the worker's transaction back if it has idled. Returns when to look again; `None` if
    /// there is none, or no bound, and the watch is over.
    async fn expire(&self) -> Option<Instant> {
        let timeout = self.idle_timeout();
        let due = self.transaction.due(timeout)?;
        if Instant::now() < due {
            return Some(due);
        }
        let busy = self.engine.registry.has_statement_of(self.id());
        let Some(_alone) = self.turn.try_write().ok().filter(|_| !busy) else {
            self.transaction.touch();
            return self.transaction.due(timeout);
        };
        tracing::warn!(session = %self.id(), principal = &**self.principal_name(), ?timeout, "idle transaction rolled back");
        self.transaction.expire();
        self.roll_back().await;
        self.transaction.due(timeout)
    }

    /// Rolls the worker's transaction back. It is over in any case: a worker that can't do it gives
    /// the connection up.
    async fn roll_back(&self) {
        if let Err(error) = self.worker.rollback().await {
            tracing::warn!(session = %self.id(), ?error, "rollback failed");
        }
    }
}
