//! The engine: what all sessions share.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use model::{Error, ErrorKind, Executor, Principal, Result, StatementId, fold};
use parking_lot::Mutex;
use policy::PolicySet;
use runtime::Tasks;

use crate::admission::Admission;
use crate::audit::Audit;
use crate::planner::Planner;
use crate::plans::{Plans, Scope, World};
use crate::registry::{CancelReason, Registry};
use crate::{Config, Session, StatementInfo};

/// The way a statement came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// PostgreSQL wire protocol.
    Pg,
    /// Arrow Flight SQL.
    Flight,
    /// HTTP.
    Http,
}

impl Door {
    /// The door's lowercase name, as in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pg => "pg",
            Self::Flight => "flight",
            Self::Http => "http",
        }
    }
}

/// The engine's state for `/health`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether new sessions and statements are taken.
    pub accepting: bool,
    /// Statements that have their place: running or streaming.
    pub active: usize,
    /// Statements that wait for a place.
    pub queued: usize,
    /// Open sessions.
    pub sessions: usize,
}

/// Everything the sessions share. One per process, in an [`Arc`].
pub struct Engine {
    pub(crate) config: Config,
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) tasks: Tasks,
    pub(crate) registry: Arc<Registry>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) planner: Planner,
    pub(crate) plans: Arc<Plans>,
    policy: ArcSwap<PolicySet>,
    pub(crate) audit: Option<Arc<Audit>>,
    stopping: AtomicBool,
    sessions: Arc<AtomicUsize>,
    /// The sessions that are open, and some that were.
    open: Mutex<Vec<Weak<Session>>>,
}

/// One of the sessions that the engine allows, given back on drop.
pub(crate) struct SessionPlace(Arc<AtomicUsize>);

impl Engine {
    /// Starts an engine before `executor`. Statements are recorded in `audit`, where given. Its threads and tasks are members of `tasks`. Must be
    /// called inside a tokio runtime.
    ///
    /// # Errors
    /// A bad configuration, or no planner thread.
    pub fn start(
        config: Config,
        executor: Arc<dyn Executor>,
        policy: Arc<PolicySet>,
        audit: Option<Audit>,
        tasks: Tasks,
    ) -> Result<Arc<Self>> {
        let config = config.validate()?;
        let count = |n: usize| NonZeroUsize::new(n).unwrap_or(NonZeroUsize::MIN);
        Ok(Arc::new(Self {
            registry: Arc::default(),
            admission: Admission::new(config.admission()),
            planner: Planner::start(config.planner_threads, config.planner_queue, &tasks)?,
            plans: Arc::new(Plans::new(
                count(config.plan_cache_entries),
                config.plan_cache_bytes,
                count(config.view_cache_entries),
                count(config.sidecar_cache_entries),
            )),
            policy: ArcSwap::new(policy),
            audit: audit.map(Arc::new),
            stopping: AtomicBool::new(false),
            sessions: Arc::default(),
            open: Mutex::default(),
            config,
            executor,
            tasks,
        }))
    }

    /// Opens a session for a principal that its door has authenticated.
    ///
    /// `database` names the session's default catalog; `None` takes the configured one.
    ///
    /// # Errors
    /// `UndefinedCatalog` for a database that does not exist or is not visible to the principal;
    /// `TooManyConnections`; `Shutdown`.
    pub async fn open_session(
        self: &Arc<Self>,
        principal: &str,
        door: Door,
        peer: SocketAddr,
        database: Option<&str>,
    ) -> Result<Arc<Session>> {
        self.accepting()?;
        let place = self.session_place()?;
        let principal = self.principal(principal).ok_or_else(unknown_principal)?;
        let database = self.database(&principal, database).await?;
        let worker = self.executor.open_session(Arc::clone(&principal)).await?;
        let session = Session::new(
            Arc::clone(self),
            principal,
            door,
            peer,
            database,
            worker,
            place,
        );
        let mut open = self.open.lock();
        // Now and then, so that the list stays about as long as there are sessions.
        if open.len() == open.capacity() {
            open.retain(|session| session.strong_count() > 0);
        }
        open.push(Arc::downgrade(&session));
        Ok(session)
    }

    /// Ends all sessions of a principal, as when it is removed or its password has changed: what
    /// runs is cancelled, nothing more is taken, and doors hear of it by [`Session::revoked`].
    pub fn revoke(&self, principal: &str) {
        let sessions: Vec<_> = self.open.lock().iter().filter_map(Weak::upgrade).collect();
        for session in sessions {
            if &**session.principal_name() == principal {
                session.revoke();
            }
        }
    }

    /// The principal of that name in the policy of now.
    pub fn principal(&self, name: &str) -> Option<Arc<Principal>> {
        self.policy.load().principal(name)
    }

    /// Replaces the policy. Statements that are running end under the one they began with; every
    /// other, prepared ones too, is planned under the new one.
    pub fn set_policy(&self, policy: Arc<PolicySet>) {
        self.policy.store(policy);
    }

    /// All statements in work, oldest first. For admins only: a door shows others those of
    /// their own [`StatementInfo::principal`].
    pub fn statements(&self) -> Vec<StatementInfo> {
        self.registry.list(self.admission.waits())
    }

    /// Cancels a statement. Returns at once; whether there was one of that id. For admins only.
    pub fn kill(&self, id: StatementId) -> bool {
        self.registry.cancel(id, CancelReason::Administrator)
    }

    /// The engine's state.
    pub fn health(&self) -> Health {
        let (active, queued) = self.admission.load();
        Health {
            accepting: !self.stopping.load(Ordering::Relaxed),
            active,
            queued,
            sessions: self.sessions.load(Ordering::Relaxed),
        }
    }

    /// Takes no new sessions and statements from now on, waits for those in work, at most for
    /// `within`, and cancels the rest. Open transactions get no further statement but their end.
    pub async fn drain(&self, within: Duration) {
        self.stopping.store(true, Ordering::Relaxed);
        if tokio::time::timeout(within, self.registry.drained())
            .await
            .is_err()
        {
            self.registry.cancel_all(None, CancelReason::Shutdown);
        }
    }

    /// Whether new work is taken.
    pub(crate) fn accepting(&self) -> Result<()> {
        match self.stopping.load(Ordering::Relaxed) {
            true => Err(CancelReason::Shutdown.error()),
            false => Ok(()),
        }
    }

    pub(crate) fn policy(&self) -> Arc<PolicySet> {
        self.policy.load_full()
    }

    fn session_place(&self) -> Result<SessionPlace> {
        let bound = self.config.max_sessions;
        let taken = self.sessions.fetch_add(1, Ordering::Relaxed);
        let place = SessionPlace(Arc::clone(&self.sessions));
        if taken < bound {
            return Ok(place);
        }
        Err(Error::new(
            ErrorKind::TooManyConnections,
            format!("too many sessions: the server takes {bound}"),
        ))
    }

    /// The default catalog of a session, as the catalog spells it. The configured default is no
    /// secret, so it can be named by those who see nothing in it.
    async fn database(
        self: &Arc<Self>,
        principal: &Arc<Principal>,
        name: Option<&str>,
    ) -> Result<Arc<str>> {
        let configured = &self.config.default_catalog;
        let Some(name) = name.filter(|n| fold(n) != fold(configured)) else {
            return Ok(configured.as_str().into());
        };
        let world = World {
            policy: self.policy(),
            catalog: self.executor.catalog(),
        };
        let scope = Scope {
            principal: Arc::clone(principal),
            policy_version: world.policy.version(),
            catalog_version: world.catalog.version,
            default_catalog: configured.as_str().into(),
        };
        let view = self.view(scope, world).await?;
        match view.visible().catalog(name) {
            Some(catalog) => Ok(catalog.name.as_str().into()),
            None => {
                let shown: String = name.chars().take(100).collect();
                Err(Error::new(
                    ErrorKind::UndefinedCatalog,
                    format!("database \"{shown}\" does not exist"),
                ))
            }
        }
    }

    /// A view from the cache, else made on a planner thread.
    pub(crate) async fn view(&self, scope: Scope, world: World) -> Result<Arc<policy::View>> {
        if let Some(view) = self.plans.find_view(&scope) {
            return Ok(view);
        }
        let plans = Arc::clone(&self.plans);
        let make = move |parser: &tree::Parser| plans.view(&scope, &world, parser);
        self.planner.run(make).await
    }
}

/// The principal was authenticated a moment ago, or logged in under an earlier policy.
pub(crate) fn unknown_principal() -> Error {
    Error::new(
        ErrorKind::InvalidAuthorization,
        "this principal does not exist any more",
    )
}

impl Drop for SessionPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
