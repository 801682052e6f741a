//! What a statement gives back to its door.

use model::{ErrorKind, ResultStream};

/// The result of one executed statement.
#[derive(Debug)]
pub enum Outcome {
    /// Rows, as they are made.
    Rows(Rows),
    /// No rows: the statement is done.
    Done(Done),
}

/// An open result. Dropping the stream cancels the statement.
#[derive(Debug)]
pub struct Rows {
    /// The batches. The statement counts as running until this is dropped or exhausted.
    pub stream: ResultStream,
    /// The command tag without its count, such as `SELECT`, `INSERT 0` or `SHOW`.
    pub tag: &'static str,
    /// Rows written, where they come of a write's RETURNING: it is done by then.
    pub written: Option<u64>,
}

/// A statement that gave no rows and is complete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// The full command tag, such as `INSERT 0 3` or `BEGIN`.
    pub tag: String,
    /// Rows written, for DML.
    pub rows: Option<u64>,
    /// Warnings to show beside the success.
    pub notices: Vec<Notice>,
    /// Reportable settings that changed, as name and new value.
    pub settings: Vec<(String, String)>,
    /// What the door has to forget.
    pub forget: Option<Forget>,
}

/// What a door has to forget of what its client named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forget {
    /// The prepared statement of this name (DEALLOCATE), where it has one: the session had.
    Statement(String),
    /// All prepared statements (DEALLOCATE ALL).
    AllStatements,
    /// All portals (CLOSE ALL).
    AllPortals,
    /// All prepared statements and all portals (DISCARD ALL).
    Everything,
}

/// A warning: the statement succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The condition, whose SQLSTATE the warning carries.
    pub kind: ErrorKind,
    /// Client text: lowercase, no full stop.
    pub message: String,
}
