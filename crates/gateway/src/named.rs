//! Statements that a session has by name: those of PREPARE, and those that its door's protocol named.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Error, ErrorKind, ParamValue, Result, SqlType};
use parking_lot::Mutex;
use plan::{ExecuteStatement, PrepareStatement};

use crate::prepared::Body;
use crate::registry::StatementState;
use crate::settings::Setting;
use crate::statement::Statement;
use crate::{Outcome, Prepared, Session};

/// Statements that a session may have at once: its memory is bounded.
const LIMIT: usize = 10_000;

/// Statements by name. A text without a statement has a name, too.
#[derive(Default)]
pub(crate) struct Named(Mutex<HashMap<String, Option<Arc<Prepared>>>>);

impl Named {
    fn check_new(&self, name: &str) -> Result<()> {
        let named = self.0.lock();
        if named.contains_key(name) {
            let message = format!("prepared statement \"{name}\" already exists");
            return Err(Error::new(ErrorKind::DuplicateStatement, message));
        }
        if named.len() >= LIMIT {
            let message = format!("a session can have at most {LIMIT} prepared statements");
            return Err(Error::new(ErrorKind::LimitExceeded, message));
        }
        Ok(())
    }

    fn get(&self, name: &str) -> Option<Option<Arc<Prepared>>> {
        self.0.lock().get(name).cloned()
    }

    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }
}

/// What doors need of them.
impl Session {
    /// Whether there may be one more statement of that name. The empty name stands for no name.
    ///
    /// # Errors
    /// `DuplicateStatement`; `LimitExceeded`.
    pub fn check_new_statement(&self, name: &str) -> Result<()> {
        if name.is_empty() {
            return Ok(());
        }
        self.named.check_new(name)
    }

    /// Gives a statement a name for EXECUTE and DEALLOCATE; `None` stands for an empty text.
    pub fn name_statement(&self, name: &str, prepared: Option<Arc<Prepared>>) {
        if !name.is_empty() {
            self.named.0.lock().insert(name.to_owned(), prepared);
        }
    }

    /// The statement of that name.
    pub fn named_statement(&self, name: &str) -> Option<Arc<Prepared>> {
        self.named.get(name).flatten()
    }

    /// Forgets a name. Whether there was one.
    pub fn forget_statement(&self, name: &str) -> bool {
        self.named.0.lock().remove(name).is_some()
    }
}

/// The error for a prepared statement that is not there.
pub(crate) fn unknown(name: &str) -> Error {
    Error::new(
        ErrorKind::UndefinedStatement,
        format!("prepared statement \"{name}\" does not exist"),
    )
}

impl Session {
    /// PREPARE.
    pub(crate) async fn prepare_named(
        &self,
        record: &Statement,
        prepare: &PrepareStatement,
    ) -> Result<()> {
        self.named.check_new(&prepare.name)?;
        let declared = self.parameter_types(record, &prepare.types).await?;
        let declared: Vec<Option<SqlType>> = declared.into_iter().map(Some).collect();
        let prepared = Box::pin(self.prepare(&prepare.statement, &declared)).await?;
        if !matches!(prepared.body, Body::Plan { .. }) {
            return Err(Error::new(
                ErrorKind::Syntax,
                "only statements over relations can be prepared",
            ));
        }
        self.named.check_new(&prepare.name)?;
        self.name_statement(&prepare.name, Some(prepared));
        Ok(())
    }

    async fn parameter_types(&self, record: &Statement, texts: &[String]) -> Result<Vec<SqlType>> {
        if texts.is_empty() {
            return Ok(vec![]);
        }
        let world = self.world();
        let scope = self.scope(&world)?;
        let (plans, texts) = (Arc::clone(&self.engine.plans), texts.to_vec());
        let types = move |parser: &tree::Parser| {
            let (view, sidecar) = plans.place(&scope, &world, parser)?;
            policy::parameter_types(&texts, &view, &sidecar, parser)
        };
        record.wait(self.engine.planner.run(types)).await
    }

    /// What EXECUTE stands for at this moment.
    pub(crate) fn prepare_execute(&self, execute: ExecuteStatement) -> Result<Body> {
        let statement = self.executed(&execute.name)?;
        Ok(Body::Execute { execute, statement })
    }

    fn executed(&self, name: &str) -> Result<Arc<Prepared>> {
        match self.named.get(name) {
            Some(Some(statement)) if matches!(statement.body, Body::Plan { .. }) => Ok(statement),
            Some(_) => Err(Error::not_supported(
                "EXECUTE of a statement about the session, or of an empty one",
            )),
            None => Err(unknown(name)),
        }
    }

    /// EXECUTE. The statement has been `told` of to the client; another one of its name must not give
    /// other columns.
    pub(crate) async fn execute_named(
        &self,
        sql: &Arc<str>,
        execute: &ExecuteStatement,
        told: &Prepared,
    ) -> Result<Outcome> {
        let statement = self.executed(&execute.name)?;
        if statement.schema() != told.schema() || statement.is_query() != told.is_query() {
            return Err(Error::new(
                ErrorKind::NotSupported,
                "cached plan must not change result type",
            ));
        }
        let values = self.arguments(sql, execute, statement.parameters()).await?;
        Box::pin(self.run_text(&statement, values, false)).await
    }

    async fn arguments(
        &self,
        sql: &Arc<str>,
        execute: &ExecuteStatement,
        types: &[SqlType],
    ) -> Result<Vec<ParamValue>> {
        let Some(text) = execute.arguments.clone() else {
            return match types.len() {
                0 => Ok(vec![]),
                wanted => Err(wrong_number(wanted)),
            };
        };
        self.transaction.usable()?;
        let record = self.begin_statement(sql, StatementState::Planning)?;
        let world = self.world();
        let scope = self.scope(&world)?;
        let zone = Arc::clone(self.settings.lock().get(Setting::TimeZone));
        let (plans, types) = (Arc::clone(&self.engine.plans), types.to_vec());
        let evaluate = move |parser: &tree::Parser| {
            let (view, sidecar) = plans.place(&scope, &world, parser)?;
            policy::constants(&text, &types, &view, &sidecar, &zone, parser)
        };
        match record.wait(self.engine.planner.run(evaluate)).await {
            Ok(values) => {
                record.end_unrecorded();
                Ok(values)
            }
            Err(error) => Err(record.end_failed(error)),
        }
    }
}

fn wrong_number(wanted: usize) -> Error {
    Error::new(
        ErrorKind::Syntax,
        "wrong number of parameters for the prepared statement",
    )
    .with_detail(format!("expected {wanted} parameters but got 0"))
}
