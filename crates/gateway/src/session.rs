//! A client's session.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use metrics::{counter, gauge};
use model::{
    CatalogSnapshot, Error, ErrorKind, ExecSession, ParamValue, Principal, Result, SessionId,
    SqlType,
};
use parking_lot::Mutex;
use plan::{Piece, SessionStatement};
use runtime::CancellationToken;
use tokio::sync::{Notify, RwLock};

use crate::config::shorter;
use crate::engine::{SessionPlace, unknown_principal};
use crate::metric;
use crate::named::Named;
use crate::pivot;
use crate::plans::{PlanKey, Scope, World};
use crate::prepared::Body;
use crate::registry::{CancelReason, Origin, StatementState};
use crate::results::OpenResults;
use crate::settings::{Setting, Settings};
use crate::statement::Statement;
use crate::transaction::Transaction;
use crate::{Door, Engine, Outcome, Prepared, TransactionStatus, session_statement};

/// One client's place: its settings, its transaction, its running statements.
///
/// Methods may be called from several tasks. Outside a transaction, statements run beside open
/// results; inside one, a statement beside an open result is `ObjectInUse`.
pub struct Session {
    pub(crate) engine: Arc<Engine>,
    pub(crate) principal: Arc<Principal>,
    pub(crate) worker: Arc<dyn ExecSession>,
    pub(crate) settings: Mutex<Settings>,
    pub(crate) transaction: Arc<Transaction>,
    pub(crate) open_results: OpenResults,
    pub(crate) named: Named,
    /// Shared by statements outside a transaction until their first rows; exclusive for those
    /// inside one, and for its beginning and end.
    pub(crate) turn: RwLock<()>,
    pub(crate) this: Weak<Self>,
    /// Wakes whoever looks for an idle transaction.
    pub(crate) look_again: Arc<Notify>,
    origin: Origin,
    database: Arc<str>,
    closed: AtomicBool,
    revoked: CancellationToken,
    _place: SessionPlace,
}

impl Session {
    pub(crate) fn new(
        engine: Arc<Engine>,
        principal: Arc<Principal>,
        door: Door,
        peer: SocketAddr,
        database: Arc<str>,
        worker: Arc<dyn ExecSession>,
        place: SessionPlace,
    ) -> Arc<Self> {
        gauge!(metric::SESSIONS, "door" => door.as_str()).increment(1.0);
        let origin = Origin {
            session: SessionId::new(),
            principal: principal.name.as_str().into(),
            door,
            peer,
        };
        tracing::debug!(session = %origin.session, principal = principal.name, door = door.as_str(), "session opened");
        Arc::new_cyclic(|this| Self {
            settings: Mutex::new(Settings::new(&principal.name, principal.admin)),
            transaction: Arc::default(),
            open_results: OpenResults::default(),
            named: Named::default(),
            turn: RwLock::new(()),
            this: Weak::clone(this),
            look_again: Arc::default(),
            origin,
            database,
            closed: AtomicBool::new(false),
            revoked: CancellationToken::new(),
            _place: place,
            engine,
            principal,
            worker,
        })
    }

    /// The session's id.
    pub fn id(&self) -> SessionId {
        self.origin.session
    }

    /// Who logged in, as the policy knew them then.
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// The session's default catalog.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Cuts a text into its statements. Empty ones and mere comments are left out.
    ///
    /// # Errors
    /// `TooComplex` for too long a text; `CharacterNotInRepertoire` for a NUL in it; `Syntax` for
    /// one that does not end where it should, as in the middle of a string.
    pub fn split<'a>(&self, text: &'a str) -> Result<Vec<Piece<'a>>> {
        let pieces = self.check_text(text).and_then(|()| plan::split(text));
        pieces.map_err(|error| self.refused(text, error))
    }

    /// Whether these statements of one simple query have to run in one implicit transaction: more
    /// than one of them, and perhaps a write among them.
    pub fn wants_implicit(&self, pieces: &[Piece<'_>]) -> bool {
        pieces.len() > 1
            && self.transaction() == TransactionStatus::Idle
            && pieces.iter().any(|p| session_statement::may_write(p.text))
    }

    /// Opens the implicit transaction of a simple query with several statements. Without effect
    /// inside a transaction. BEGIN makes it an explicit one.
    ///
    /// # Errors
    /// The session is closed.
    pub async fn begin_implicit(&self) -> Result<()> {
        self.begin_transaction(true, None).await.map(drop)
    }

    /// Ends the implicit transaction: commits if `ok`, else rolls back. Without effect if there is
    /// none any more. Returns the reported settings that changed by it.
    ///
    /// # Errors
    /// The commit failed, and all of it was rolled back.
    pub async fn end_implicit(&self, ok: bool) -> Result<Vec<(String, String)>> {
        self.end_implicit_transaction(ok).await
    }

    /// Plans and authorises one statement; executes nothing. `declared` are the parameter types
    /// that the client fixes, `None` where it leaves one open; it may be shorter than the list of
    /// parameters.
    ///
    /// # Errors
    /// What is wrong with the statement, with a position in `sql` where known. It fails an open
    /// transaction.
    pub async fn prepare(&self, sql: &str, declared: &[Option<SqlType>]) -> Result<Arc<Prepared>> {
        let prepared = self.plan_or_answer(sql, declared).await;
        prepared.map_err(|error| self.refused(sql, error))
    }

    /// Runs a prepared statement. It is planned again if catalog or policy moved since.
    ///
    /// Dropping the future, or the stream of the outcome, cancels the statement.
    ///
    /// # Errors
    /// What went wrong. It fails an open transaction.
    pub async fn execute(&self, prepared: &Prepared, params: Vec<ParamValue>) -> Result<Outcome> {
        let outcome = match &prepared.body {
            Body::Session { statement, schema } => {
                self.answer(&prepared.sql, statement, schema.as_ref()).await
            }
            Body::Execute { execute, statement } => {
                self.execute_named(&prepared.sql, execute, statement).await
            }
            Body::Plan { .. } => Box::pin(self.run(prepared, params)).await,
        };
        outcome.inspect_err(|_| self.transaction.fail())
    }

    /// Whether a transaction is open.
    pub fn transaction(&self) -> TransactionStatus {
        self.transaction.status()
    }

    /// Fails the open transaction, if any: for errors that a door finds itself.
    pub fn fail_transaction(&self) {
        self.transaction.fail();
    }

    /// Cancels whatever runs now in this session. Returns at once.
    pub fn cancel(&self) {
        let registry = &self.engine.registry;
        let statements = registry.cancel_all(Some(self.id()), CancelReason::User);
        tracing::debug!(session = %self.id(), statements, "cancel");
    }

    /// The value of a setting as SHOW prints it; `None` for an unknown one.
    pub fn setting(&self, name: &str) -> Option<String> {
        let settings = self.settings.lock();
        settings.show(name).ok().map(|(_, value)| value.to_owned())
    }

    /// Sets a startup parameter or session option: the value that RESET returns to.
    ///
    /// # Errors
    /// `UndefinedObject`, `InvalidParameterValue`, or `PermissionDenied` for a setting that tells
    /// about the server.
    pub fn set_startup(&self, name: &str, value: &str) -> Result<()> {
        self.settings.lock().set_startup(name, value)
    }

    /// Every reported setting with its value, for ParameterStatus after login.
    pub fn reportable_settings(&self) -> Vec<(String, String)> {
        self.settings.lock().reported()
    }

    /// What exists for this principal, with the session's own uncommitted changes.
    ///
    /// # Errors
    /// The principal does not exist any more.
    pub async fn catalog(&self) -> Result<Arc<CatalogSnapshot>> {
        let world = self.world();
        let scope = self.scope(&world)?;
        let view = self.engine.view(scope, world).await?;
        Ok(Arc::clone(view.visible()))
    }

    /// Waits until the session is taken from its client: its principal is gone, or has another
    /// password. A door then says so and closes.
    pub async fn revoked(&self) {
        self.revoked.cancelled().await;
    }

    /// Takes the session from its client. What the worker holds for it is let go at its close.
    pub(crate) fn revoke(&self) {
        self.revoked.cancel();
        let registry = &self.engine.registry;
        registry.cancel_all(Some(self.id()), CancelReason::SessionClosed);
    }

    /// Ends the session: cancels, rolls back. Idempotent.
    pub async fn close(&self) {
        if self.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        let registry = &self.engine.registry;
        registry.cancel_all(Some(self.id()), CancelReason::SessionClosed);
        self.worker.close().await;
        tracing::debug!(session = %self.id(), "session closed");
    }
}

/// What running statements of all kinds need.
impl Session {
    /// A statement of this session has arrived.
    pub(crate) fn begin_statement(
        &self,
        sql: &Arc<str>,
        state: StatementState,
    ) -> Result<Statement> {
        if self.closed.load(Ordering::Relaxed) || self.revoked.is_cancelled() {
            return Err(CancelReason::SessionClosed.error());
        }
        let (origin, sql) = (self.origin.clone(), Arc::clone(sql));
        let (registry, timeout) = (&self.engine.registry, self.statement_timeout());
        let audit = self.engine.audit.clone();
        let policy = self.engine.policy();
        Ok(Statement::begin(
            registry, origin, sql, state, timeout, audit, policy,
        ))
    }

    /// The error that a statement is refused with. Where that was before its record began, it has one
    /// now.
    fn refused(&self, sql: &str, error: Error) -> Error {
        self.transaction.fail();
        if error.statement().is_some() {
            return error;
        }
        match self.begin_statement(&sql.into(), StatementState::Planning) {
            Ok(statement) => statement.end_failed(error),
            // The session is closed, and its statements are not counted any more.
            Err(_) => error,
        }
    }

    pub(crate) fn principal_name(&self) -> &Arc<str> {
        &self.origin.principal
    }

    /// Policy and catalog of this moment, for this session.
    pub(crate) fn world(&self) -> World {
        World {
            policy: self.engine.policy(),
            catalog: self.worker.catalog(),
        }
    }

    pub(crate) fn key(
        &self,
        text: Arc<str>,
        declared: Arc<[Option<SqlType>]>,
        world: &World,
    ) -> Result<PlanKey> {
        let scope = self.scope(world)?;
        Ok(PlanKey {
            text,
            declared,
            scope,
        })
    }

    pub(crate) fn scope(&self, world: &World) -> Result<Scope> {
        let principal = world.policy.principal(&self.principal.name);
        Ok(Scope {
            principal: principal.ok_or_else(unknown_principal)?,
            policy_version: world.policy.version(),
            catalog_version: world.catalog.version,
            default_catalog: Arc::clone(&self.database),
        })
    }

    fn statement_timeout(&self) -> Option<Duration> {
        let own = self.settings.lock().duration(Setting::StatementTimeout);
        shorter(own, self.engine.config.statement_timeout)
    }

    fn check_text(&self, text: &str) -> Result<()> {
        let bound = self.engine.config.max_sql_bytes;
        if text.len() > bound {
            let message = format!("the statement is longer than {bound} bytes");
            return Err(Error::new(ErrorKind::TooComplex, message));
        }
        match text.find('\0') {
            Some(place) => Err(Error::new(
                ErrorKind::CharacterNotInRepertoire,
                "the statement contains a NUL character",
            )
            .with_position(place)),
            None => Ok(()),
        }
    }

    async fn plan_or_answer(
        &self,
        sql: &str,
        declared: &[Option<SqlType>],
    ) -> Result<Arc<Prepared>> {
        self.check_text(sql)?;
        let usable = self.transaction.usable();
        let text: Arc<str> = sql.into();
        let declared: Arc<[Option<SqlType>]> = declared.into();
        let prepared = |planned: &Arc<str>, body| {
            Ok(Arc::new(Prepared {
                sql: Arc::clone(&text),
                planned: Arc::clone(planned),
                declared: Arc::clone(&declared),
                body,
            }))
        };
        let world = self.world();
        let key = self.key(Arc::clone(&text), Arc::clone(&declared), &world);
        if let (Ok(_), Ok(key)) = (&usable, &key)
            && let Some(plan) = self.engine.plans.find(key)
        {
            counter!(metric::PLAN_CACHE, "result" => "hit").increment(1);
            return prepared(&text, Body::plan(plan, key));
        }
        if let Some(statement) = plan::session_statement(sql)? {
            if !session_statement::ends_transaction(&statement) {
                usable?;
            }
            if let SessionStatement::Execute(execute) = statement {
                return prepared(&text, self.prepare_execute(execute)?);
            }
            let schema = session_statement::schema(&statement)?;
            return prepared(&text, Body::Session { statement, schema });
        }
        if usable?.is_none() {
            self.engine.accepting()?;
        }
        if let Some(closed) = self.with_pivot_values(&text, &declared).await? {
            let planned = closed.text().into();
            let plan = self.plan_now(&text, Arc::clone(&planned), Arc::clone(&declared));
            let body = plan.await.map_err(|e| pivot::located(e, &closed))?;
            return prepared(&planned, body);
        }
        let plan = self.plan_now(&text, Arc::clone(&text), Arc::clone(&declared));
        prepared(&text, plan.await?)
    }

    /// Plans `planned`, which the statement `text` stands for.
    async fn plan_now(
        &self,
        text: &Arc<str>,
        planned: Arc<str>,
        declared: Arc<[Option<SqlType>]>,
    ) -> Result<Body> {
        let world = self.world();
        let key = self.key(planned, declared, &world)?;
        let statement = self.begin_statement(text, StatementState::Planning)?;
        match self.make_plan(key.clone(), world, &statement).await {
            Ok(plan) => {
                statement.end_unrecorded();
                Ok(Body::plan(plan, &key))
            }
            Err(error) => Err(statement.end_failed(error)),
        }
    }

    /// Plans on a planner thread, until the statement has to stop.
    pub(crate) async fn make_plan(
        &self,
        key: PlanKey,
        world: World,
        statement: &Statement,
    ) -> Result<Arc<policy::Authorised>> {
        let plans = Arc::clone(&self.engine.plans);
        let asked = statement.judge(&world.policy);
        let make = move |parser: &tree::Parser| plans.make(key, &world, parser, &asked);
        statement.wait(self.engine.planner.run(make)).await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.look_again.notify_one();
        let door = self.origin.door.as_str();
        gauge!(metric::SESSIONS, "door" => door).decrement(1.0);
    }
}
