//! A statement that was planned and authorised, ready to run.

use std::sync::Arc;

use model::{ResultSchema, SqlType};
use plan::{ExecuteStatement, SessionStatement};
use policy::Authorised;

use crate::plans::PlanKey;

/// A statement prepared in one session. It belongs to that session; it is planned again at
/// execution if the catalog or the policy has moved.
pub struct Prepared {
    pub(crate) sql: Arc<str>,
    /// What is planned: the statement's text, or what it stands for since it was prepared.
    pub(crate) planned: Arc<str>,
    pub(crate) declared: Arc<[Option<SqlType>]>,
    pub(crate) body: Body,
}

pub(crate) enum Body {
    /// Answered by the gateway.
    Session {
        statement: SessionStatement,
        /// The columns of SHOW.
        schema: Option<Arc<ResultSchema>>,
    },
    /// Runs a statement of the session's own.
    Execute {
        execute: ExecuteStatement,
        statement: Arc<Prepared>,
    },
    /// Runs on a worker.
    Plan {
        plan: Arc<Authorised>,
        policy_version: u64,
        catalog_version: u64,
    },
}

impl Body {
    pub(crate) fn plan(plan: Arc<Authorised>, key: &PlanKey) -> Self {
        Self::Plan {
            plan,
            policy_version: key.scope.policy_version,
            catalog_version: key.scope.catalog_version,
        }
    }
}

impl Prepared {
    /// The types of `$1`, `$2`, …; `Unknown` where nothing fixes one.
    pub fn parameters(&self) -> &[SqlType] {
        match &self.body {
            Body::Session { .. } | Body::Execute { .. } => &[],
            Body::Plan { plan, .. } => &plan.description().parameters,
        }
    }

    /// The result's columns. `None` for statements without rows, and for a query while a parameter
    /// of unknown type leaves the type of a column open: prepare it again with that type declared,
    /// or take the schema from the stream.
    pub fn schema(&self) -> Option<&Arc<ResultSchema>> {
        match &self.body {
            Body::Session { schema, .. } => schema.as_ref(),
            Body::Execute { statement, .. } => statement.schema(),
            Body::Plan { plan, .. } if plan.gives_rows() => plan.description().schema.as_ref(),
            Body::Plan { .. } => None,
        }
    }

    /// Whether the statement gives rows: a query, or a write with RETURNING.
    pub fn is_query(&self) -> bool {
        match &self.body {
            Body::Session { schema, .. } => schema.is_some(),
            Body::Execute { statement, .. } => statement.is_query(),
            Body::Plan { plan, .. } => plan.gives_rows(),
        }
    }

    /// Whether the statement writes to a catalog. It may give rows besides.
    pub fn is_write(&self) -> bool {
        match &self.body {
            Body::Session { .. } => false,
            Body::Execute { statement, .. } => statement.is_write(),
            Body::Plan { plan, .. } => is_write(plan),
        }
    }

    /// The statement's own text.
    pub fn sql(&self) -> &str {
        &self.sql
    }
}

pub(crate) fn is_write(plan: &Authorised) -> bool {
    matches!(plan.kind(), model::ExecKind::Write { .. })
}
