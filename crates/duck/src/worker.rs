//! What all sessions share.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::{ArcSwap, ArcSwapOption};
use metrics::gauge;
use model::{CatalogSnapshot, Error, ErrorKind, Expected, Result, SpillLimit};
use native::{Connection, ErrorType};
use parking_lot::Mutex;
use runtime::{TaskHandle, Tasks};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::catalog::CatalogReader;
use crate::changes::Changes;
use crate::config::Config;
use crate::control::Control;
use crate::core::{Core, reopening};
use crate::metric;
use crate::open;
use crate::ready;
use crate::session::Shared;
use crate::spill::SpillWatch;
use crate::step::StepPool;
use crate::verify::Verifier;

/// The instance, its threads and what is known of its catalogs.
pub(crate) struct Worker {
    config: Config,
    tasks: Tasks,
    runtime: Handle,
    steps: StepPool,
    /// Empty while the instance is being opened again.
    core: ArcSwapOption<Core>,
    reader: CatalogReader,
    catalog: ArcSwap<CatalogSnapshot>,
    in_doubt: AtomicBool,
    /// Held while the shared snapshot is read, so that an older one never replaces a newer one.
    refreshing: Mutex<()>,
    verifier: Verifier,
    spill: SpillWatch,
    changes: Changes,
    /// Functions whose plans may be used again.
    repeatable: BTreeSet<String>,
    sessions: Mutex<Vec<Weak<Shared>>>,
    streams: Arc<Semaphore>,
}

/// The right to one open result.
pub(crate) struct StreamPlace(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

impl Worker {
    /// Opens the instance. Blocks: for a step thread.
    pub(crate) fn open(
        config: Config,
        tasks: &Tasks,
        runtime: Handle,
        steps: StepPool,
    ) -> Result<Arc<Self>> {
        let reader = CatalogReader::new(&config.catalogs);
        let (core, snapshot) = open_core(&config, &reader)?;
        let repeatable = ready::repeatable_functions(&core.connection()?)?;
        Ok(Arc::new(Self {
            tasks: tasks.clone(),
            runtime,
            steps,
            core: ArcSwapOption::from(Some(core)),
            reader,
            catalog: ArcSwap::from_pointee(snapshot),
            in_doubt: AtomicBool::new(false),
            refreshing: Mutex::default(),
            verifier: Verifier::new(),
            spill: SpillWatch::new(),
            changes: Changes::default(),
            repeatable,
            sessions: Mutex::default(),
            streams: Arc::new(Semaphore::new(config.open_streams)),
            config,
        }))
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn steps(&self) -> &StepPool {
        &self.steps
    }

    pub(crate) fn reader(&self) -> &CatalogReader {
        &self.reader
    }

    pub(crate) fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Ends the statement if the instance spills more than this while it works.
    pub(crate) fn watch_spill(
        self: &Arc<Self>,
        control: &Arc<Control>,
        limit: &SpillLimit,
    ) -> Result<()> {
        self.spill.watch(control, limit, self, &self.tasks)
    }

    /// Lets the threads end once they have nothing to do.
    pub(crate) fn end_threads(&self) {
        self.steps.close();
        self.spill.close();
    }

    /// What is committed to the instance. Every commit that may have changed something is counted.
    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Whether a plan that names these may be used again while nothing is committed: it reads no
    /// files, which others may change, and all functions give the same again.
    pub(crate) fn is_repeatable(&self, named: &Expected) -> bool {
        let mut relations = named.relations.iter();
        relations.all(|name| !self.reader.is_folder(&name.catalog))
            && named.functions.is_subset(&self.repeatable)
    }

    pub(crate) fn catalog(&self) -> Arc<CatalogSnapshot> {
        self.catalog.load_full()
    }

    /// The live instance.
    pub(crate) fn core(&self) -> Result<Arc<Core>> {
        self.core.load_full().ok_or_else(reopening)
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.core.load().is_some()
    }

    /// Takes the instance out, so that nothing new begins on it.
    pub(crate) fn take_core(&self) -> Option<Arc<Core>> {
        self.core.swap(None)
    }

    /// Opens the instance again. Blocks: for step threads.
    pub(crate) fn reopen(&self) -> Result<()> {
        let _guard = self.refreshing.lock();
        let (core, snapshot) = open_core(&self.config, &self.reader)?;
        self.catalog.store(Arc::new(snapshot));
        self.in_doubt.store(false, Ordering::SeqCst);
        self.core.store(Some(core));
        Ok(())
    }

    /// Reads the shared snapshot anew, after a change was committed on this connection.
    pub(crate) fn refresh(&self, connection: &Connection) -> Result<()> {
        let _guard = self.refreshing.lock();
        // Until it is read, what is shared may be of an older catalog.
        self.in_doubt.store(true, Ordering::SeqCst);
        connection.execute("begin").map_err(Error::internal)?;
        let snapshot = self.reader.read(connection);
        connection.execute("commit").map_err(Error::internal)?;
        self.catalog.store(Arc::new(snapshot?));
        self.in_doubt.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Whether the shared snapshot may be older than what is committed.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.in_doubt.load(Ordering::SeqCst)
    }

    /// Claims the right to an open result.
    pub(crate) fn stream_place(&self) -> Result<StreamPlace> {
        let permit = Arc::clone(&self.streams).try_acquire_owned().map_err(|_| {
            Error::new(ErrorKind::LimitExceeded, "too many open results")
                .with_hint("read or close other results first")
        })?;
        gauge!(metric::OPEN_STREAMS).increment(1.0);
        Ok(StreamPlace(permit))
    }

    /// Runs a tracked task from any thread.
    pub(crate) fn spawn<F>(
        &self,
        name: impl Into<Cow<'static, str>>,
        future: F,
    ) -> TaskHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let _inside = self.runtime.enter();
        self.tasks.spawn(name, future)
    }

    /// Runs a function on a step thread and waits for what it gives.
    pub(crate) async fn step<T: Send + 'static>(
        &self,
        function: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.steps.submit(Box::new(move || {
            // A caller that is gone does not want the answer.
            let _unwanted = reply.send(function());
        }));
        answer
            .await
            .map_err(|_| Error::new(ErrorKind::Shutdown, "the server is shutting down"))
    }

    pub(crate) fn register(&self, session: &Arc<Shared>) {
        let mut sessions = self.sessions.lock();
        sessions.retain(|s| s.strong_count() > 0);
        sessions.push(Arc::downgrade(session));
    }

    pub(crate) fn sessions(&self) -> Vec<Arc<Shared>> {
        self.sessions
            .lock()
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }

    /// Looks whether this error means that the instance is lost, and if so begins to close it and
    /// to open it again. Blocks: for step threads.
    pub(crate) fn look_for_loss(self: &Arc<Self>, core: &Arc<Core>, error: &native::Error) {
        let suspect = error.error_type() == ErrorType::Internal;
        if error.is_fatal() || (suspect && core.is_lost()) {
            crate::recover::recover(self, core, error);
        }
    }
}

fn open_core(config: &Config, reader: &CatalogReader) -> Result<(Arc<Core>, CatalogSnapshot)> {
    let opened = open::open(config)?;
    let connection = opened.instance.connect().map_err(Error::internal)?;
    let snapshot = reader.read(&connection)?;
    drop(connection);
    Ok((Core::new(opened, config.connections), snapshot))
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        gauge!(metric::OPEN_STREAMS).decrement(1.0);
    }
}
