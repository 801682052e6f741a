//! One error type for the whole path. A door maps [`ErrorKind`] to its protocol by an exhaustive
//! match; nobody else knows SQLSTATE, gRPC or HTTP codes.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::StatementId;

/// What went wrong, about one variant per SQLSTATE that Eider answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// The text is not SQL that DuckDB parses (42601).
    Syntax,
    /// Understood, and not offered by Eider or DuckDB (0A000).
    NotSupported,
    /// The principal may not do this, and may know so (42501).
    PermissionDenied,
    /// Login failed; says nothing about why (28P01).
    InvalidPassword,
    /// Login is refused before a password is looked at, as by throttling (28000).
    InvalidAuthorization,
    /// No such table or view, or one that this principal may not see (42P01).
    UndefinedTable,
    /// No such column (42703).
    UndefinedColumn,
    /// No such function, or none for these arguments, or one that is not allowed (42883).
    UndefinedFunction,
    /// No such type, setting or other named object (42704).
    UndefinedObject,
    /// No such schema (3F000).
    UndefinedSchema,
    /// No such catalog (3D000).
    UndefinedCatalog,
    /// No such parameter `$n` (42P02).
    UndefinedParameter,
    /// No such prepared statement (26000).
    UndefinedStatement,
    /// No such portal or cursor (34000).
    UndefinedCursor,
    /// The table exists already (42P07).
    DuplicateTable,
    /// The schema exists already (42P06).
    DuplicateSchema,
    /// The column exists already (42701).
    DuplicateColumn,
    /// A prepared statement of this name exists already (42P05).
    DuplicateStatement,
    /// A name could mean several things (42702).
    AmbiguousColumn,
    /// A bare column beside an aggregate (42803).
    Grouping,
    /// The object is of another kind than the statement needs (42809).
    WrongObjectType,
    /// Types do not fit together (42804).
    DatatypeMismatch,
    /// The type of a parameter can't be told (42P18).
    IndeterminateDatatype,
    /// Text that is not a value of its type (22P02).
    InvalidText,
    /// A binary parameter that is not a value of its type (22P03).
    InvalidBinary,
    /// A number out of its type's range (22003).
    NumericOutOfRange,
    /// A date or time out of range (22008).
    DatetimeOverflow,
    /// An argument a function does not take (22023).
    InvalidParameterValue,
    /// Bytes that are not UTF-8, or a NUL (22021).
    CharacterNotInRepertoire,
    /// Other data errors (22000).
    DataException,
    /// More than one row from a scalar subquery (21000).
    Cardinality,
    /// Duplicate key (23505).
    UniqueViolation,
    /// NULL in a NOT NULL column (23502).
    NotNullViolation,
    /// A CHECK does not hold (23514).
    CheckViolation,
    /// A foreign key does not hold (23503).
    ForeignKeyViolation,
    /// Something depends on the object (2BP01).
    DependentObjects,
    /// A transaction is open already; PostgreSQL only warns (25001).
    ActiveTransaction,
    /// No transaction is open; PostgreSQL only warns (25P01).
    NoActiveTransaction,
    /// The transaction has failed and takes ROLLBACK only (25P02).
    FailedTransaction,
    /// The catalog or the transaction is read-only (25006).
    ReadOnly,
    /// The object is in use, such as a connection with an open stream (55006).
    ObjectInUse,
    /// A write conflict; the same transaction may succeed when tried again (40001).
    Serialization,
    /// Memory is used up (53200).
    OutOfMemory,
    /// Spill space is used up (53100).
    DiskFull,
    /// Too many connections (53300).
    TooManyConnections,
    /// A configured limit was reached (53400).
    LimitExceeded,
    /// The text or tree is too large or too deep (54000, 54001).
    TooComplex,
    /// Cancelled by the user, or by a timeout (57014).
    QueryCanceled,
    /// The server is stopping, or the instance had to be closed (57P01).
    Shutdown,
    /// The server can't take this now, as while it starts (57P03).
    CannotConnectNow,
    /// A breach of the protocol by the client (08P01).
    Protocol,
    /// A file could not be read or written (58030).
    Io,
    /// The configuration or policy file is wrong (F0000).
    Config,
    /// An error raised by the statement itself (P0001).
    Raised,
    /// A defect, or a state that must not be (XX000).
    Internal,
}

/// An error with the text its client may see.
///
/// `Display` is that client text only. What must not reach a client goes into `cause`, which only
/// the final reporter logs.
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    detail: Option<Box<str>>,
    hint: Option<Box<str>>,
    position: Option<usize>,
    statement: Option<StatementId>,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The result of anything that can fail with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error whose `message` the client may see: lowercase, no full stop, no secret, no value
    /// that the asker may not know.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
            statement: None,
            cause: None,
        }
    }

    /// A defect: the client learns only that there was one; `cause` is for the log.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Internal, "internal error").with_cause(cause)
    }

    /// Refuses what is not offered (0A000), naming it.
    pub fn not_supported(what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::NotSupported, format!("{what} is not supported"))
    }

    /// Adds a second, longer sentence for the client.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into().into());
        self
    }

    /// Adds advice for the client.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into().into());
        self
    }

    /// Adds where in the user's own text the error is: a byte offset from 0.
    #[must_use]
    pub fn with_position(mut self, byte_offset: usize) -> Self {
        self.position = Some(byte_offset);
        self
    }

    /// Names the statement that failed.
    #[must_use]
    pub fn with_statement(mut self, id: StatementId) -> Self {
        self.statement = Some(id);
        self
    }

    /// Moves the position by `bytes`, as when the statement was cut out of a longer text.
    #[must_use]
    pub fn offset_position(mut self, bytes: usize) -> Self {
        self.position = self.position.map(|p| p + bytes);
        self
    }

    /// Drops the position, as when the error is of a text that is not the user's own.
    #[must_use]
    pub fn without_position(mut self) -> Self {
        self.position = None;
        self
    }

    /// Adds the cause, which is logged and never shown to a client.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(Arc::from(cause.into()));
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The client's text.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The second sentence, if any.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// Advice, if any.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Byte offset from 0 in the statement's text.
    pub fn position(&self) -> Option<usize> {
        self.position
    }

    /// The statement that failed, by the id that logs and the registry know it by.
    pub fn statement(&self) -> Option<StatementId> {
        self.statement
    }

    /// What lies behind, for logs only.
    pub fn cause(&self) -> Option<&(dyn StdError + Send + Sync)> {
        self.cause.as_deref()
    }

    /// Whether the same statement may succeed when sent again unchanged.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Serialization
                | ErrorKind::OutOfMemory
                | ErrorKind::TooManyConnections
                | ErrorKind::Shutdown
                | ErrorKind::CannotConnectNow
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut s = f.debug_struct("Error");
        s.field("kind", &self.kind).field("message", &self.message);
        if let Some(detail) = &self.detail {
            s.field("detail", detail);
        }
        if let Some(position) = self.position {
            s.field("position", &position);
        }
        if let Some(cause) = &self.cause {
            s.field("cause", cause);
        }
        s.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause
            .as_deref()
            .map(|c| c as &(dyn StdError + 'static))
    }
}
