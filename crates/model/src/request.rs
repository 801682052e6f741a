//! What a worker takes: a request that only `policy` can make.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use crate::{ParamValue, Positions, Principal, RelationName, ResultSchema, StatementId};

/// What a request does to the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecKind {
    /// Reads rows.
    Query,
    /// Writes to, or makes, or drops this relation. Its result are the rows of RETURNING where it has
    /// one, else one BIGINT column with the count of rows for DML, and nothing for DDL.
    Write {
        /// The relation written. Its name is empty where it is a schema, and its schema too where it
        /// is a whole catalog.
        target: RelationName,
        /// Whether the catalog's relations or columns change, so that the snapshot must be read anew.
        changes_catalog: bool,
    },
}

impl ExecKind {
    /// The catalogs that a request of this kind writes to: its target's, and those of sequences that are
    /// drawn from. One may come more than once.
    pub fn written<'a>(&'a self, expected: &'a Expected) -> impl Iterator<Item = &'a str> {
        let target = match self {
            Self::Query => None,
            Self::Write { target, .. } => Some(target),
        };
        let names = target.into_iter().chain(&expected.drawn);
        names.map(|name| name.catalog.as_str())
    }
}

/// What a write gives back of each row that it wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returning {
    /// The list of expressions, as it stands at the end of the statement's text.
    pub list: Arc<str>,
    /// Most rows that it may give, and how many bytes of Arrow's memory, where that is bounded: with
    /// more the statement fails before it is committed.
    pub most: (Option<u64>, Option<u64>),
    /// Whether the last of them says if the row may be written at all. It is no part of the result,
    /// and where it is not true the statement fails and leaves nothing behind.
    pub checked: bool,
}

/// What an INSERT does with a row whose key is there already: ON CONFLICT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnConflict {
    /// The key's columns, where the statement names them.
    pub key: Vec<String>,
    /// Columns of the row that is there, and the texts of the expressions that they are set to.
    /// None is DO NOTHING.
    pub set: Vec<(String, Arc<str>)>,
    /// The text of the condition for it.
    pub condition: Option<Arc<str>>,
}

/// What the worker must find when it reads the text again, else it refuses to run it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Relations that the text reads, by full name: exactly these.
    pub relations: BTreeSet<RelationName>,
    /// Functions, operators and table functions in the text, folded: exactly these.
    pub functions: BTreeSet<String>,
    /// Sequences that the text names, by full name: exactly these.
    pub sequences: BTreeSet<RelationName>,
    /// Those of them that `nextval` draws from, so that running the text writes: exactly these.
    pub drawn: BTreeSet<RelationName>,
}

/// How much a statement's instance may spill while the statement runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpillLimit {
    /// By how many bytes its temporary files may grow.
    pub bytes: u64,
    /// The limit that says so, for the error.
    pub by: Arc<str>,
}

/// The parts of an [`ExecRequest`]; see its accessors.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "documented at the accessors of ExecRequest")]
pub struct RequestParts {
    pub id: StatementId,
    pub principal: Arc<Principal>,
    pub kind: ExecKind,
    pub sql: Arc<str>,
    pub query: Option<Arc<str>>,
    pub on_conflict: Option<OnConflict>,
    pub returning: Option<Returning>,
    pub params: Vec<ParamValue>,
    pub expected: Arc<Expected>,
    pub schema: Option<Arc<ResultSchema>>,
    pub governed: bool,
    pub positions: Positions,
    pub catalog_version: u64,
    pub time_zone: Arc<str>,
    pub deadline: Option<Instant>,
    pub spill: Option<SpillLimit>,
}

/// A statement that policy has rewritten and checked. Nothing else reaches a worker.
#[derive(Clone, Debug)]
pub struct ExecRequest(RequestParts);

impl ExecRequest {
    /// Seals a request. Clippy's `disallowed-methods` lets only `policy` call this (and, later, the
    /// agent's decoder of authenticated requests).
    pub fn seal(parts: RequestParts) -> Self {
        Self(parts)
    }

    /// The statement's id.
    pub fn id(&self) -> StatementId {
        self.0.id
    }

    /// Who asks.
    pub fn principal(&self) -> &Arc<Principal> {
        &self.0.principal
    }

    /// Query or write.
    pub fn kind(&self) -> &ExecKind {
        &self.0.kind
    }

    /// The exact text to run: one statement.
    pub fn sql(&self) -> &Arc<str> {
        &self.0.sql
    }

    /// The query inside the statement, for the worker's second reading: `sql` itself for a query,
    /// the SELECT of `insert … select` or `create table … as`, the rows that an `update` or `delete`
    /// is about, `None` where there is none.
    pub fn query(&self) -> Option<&Arc<str>> {
        self.0.query.as_ref()
    }

    /// What an INSERT does with rows whose key is there; `None` where it fails.
    pub fn on_conflict(&self) -> Option<&OnConflict> {
        self.0.on_conflict.as_ref()
    }

    /// What a write gives back of its rows, or is checked by; `None` where it only counts them.
    pub fn returning(&self) -> Option<&Returning> {
        self.0.returning.as_ref()
    }

    /// Whether it writes rows, and so counts them: DML, and CREATE TABLE AS.
    pub fn changes_rows(&self) -> bool {
        match self.kind() {
            ExecKind::Query => false,
            ExecKind::Write {
                changes_catalog, ..
            } => !changes_catalog || self.query().is_some(),
        }
    }

    /// Whether it is about the session's temporary objects, which live on one connection.
    pub fn uses_temporary(&self) -> bool {
        let target = match self.kind() {
            ExecKind::Query => None,
            ExecKind::Write { target, .. } => Some(target),
        };
        let mut named = self.expected().relations.iter().chain(target);
        named.any(RelationName::is_temporary)
    }

    /// The same request, giving back no more rows and bytes than this.
    #[must_use]
    pub fn returning_at_most(mut self, rows: Option<u64>, bytes: Option<u64>) -> Self {
        if let Some(returning) = &mut self.0.returning {
            returning.most = (rows, bytes);
        }
        self
    }

    /// The same request, ended where its instance spills more than this while it runs.
    #[must_use]
    pub fn spilling_at_most(mut self, spill: Option<SpillLimit>) -> Self {
        self.0.spill = spill;
        self
    }

    /// Values of `$1`, `$2`, ….
    pub fn params(&self) -> &[ParamValue] {
        &self.0.params
    }

    /// What the text must mention.
    pub fn expected(&self) -> &Arc<Expected> {
        &self.0.expected
    }

    /// The result's columns by the sidecar, whose names the stream carries and whose types the
    /// worker's must equal. `None` for writes that give no rows, and where a parameter leaves a
    /// type open.
    pub fn schema(&self) -> Option<&Arc<ResultSchema>> {
        self.0.schema.as_ref()
    }

    /// Whether a filtered or masked relation takes part, so that errors show their class only.
    pub fn governed(&self) -> bool {
        self.0.governed
    }

    /// Where the places that errors tell in [`Self::sql`] are in the text that the user sent.
    pub fn positions(&self) -> Positions {
        let (sql, query) = (self.sql(), self.query().map_or("", |q| q));
        let before = sql.find(query).unwrap_or_default();
        self.0.positions.clone().after(before)
    }

    /// The version of the [`CatalogSnapshot`](crate::CatalogSnapshot) that the text was made for.
    pub fn catalog_version(&self) -> u64 {
        self.0.catalog_version
    }

    /// The session's `TimeZone`, an IANA name.
    pub fn time_zone(&self) -> &Arc<str> {
        &self.0.time_zone
    }

    /// When the statement is cancelled.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    /// How much its instance may spill while it runs; `None` sets no bound beside the instance's.
    pub fn spill(&self) -> Option<&SpillLimit> {
        self.0.spill.as_ref()
    }
}
