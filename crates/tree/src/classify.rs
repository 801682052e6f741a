//! DuckDB's errors as Eider's: kind, text without DuckDB's decorations, position, hint.

use model::{Error, ErrorKind};
use native::ErrorType;
use serde_json::Value;

/// Turns a DuckDB error into one for the client, with DuckDB's own sentence as its message.
///
/// Only for statements over what the asker may see: the text may hold names and values.
pub fn classify(error: &native::Error) -> Error {
    let raw = Raw::read(error.text());
    let kind = kind(error, &raw.message);
    let cause = error.clone();
    if kind == ErrorKind::Internal {
        return Error::internal(cause);
    }
    let (message, hint) = match kind {
        ErrorKind::Raised => (raised(&raw.message), None),
        _ => sentence(&raw.message),
    };
    let mut classified = Error::new(kind, message).with_cause(cause);
    if let Some(hint) = hint {
        classified = classified.with_hint(hint);
    }
    if let Some(position) = raw.position {
        classified = classified.with_position(position);
    }
    classified
}

/// The kind of a DuckDB error, for statements whose text may not be shown.
pub fn kind_of(error: &native::Error) -> ErrorKind {
    kind(error, &Raw::read(error.text()).message)
}

/// Where in the text that ran DuckDB says the error is: a byte offset, where it says one.
pub fn position_of(error: &native::Error) -> Option<usize> {
    Raw::read(error.text()).position
}

/// What DuckDB said, in either of its two forms.
struct Raw {
    message: String,
    position: Option<usize>,
}

impl Raw {
    fn read(text: &str) -> Self {
        if text.starts_with('{')
            && let Ok(json) = serde_json::from_str::<Value>(text)
            && let Some(message) = json["exception_message"].as_str()
        {
            let position = json["position"].as_str().and_then(|p| p.parse().ok());
            return Self {
                message: message.to_owned(),
                position,
            };
        }
        let message = match text.split_once(" Error: ") {
            Some((class, rest)) if class.len() < 30 && !class.contains('\n') => rest,
            _ => text,
        };
        Self {
            message: message.to_owned(),
            position: None,
        }
    }
}

/// How DuckDB begins what a clause of MERGE raises: then come the clause, and what it says.
const MERGE_ERROR: &str = "Merge error condition";

/// What a statement raised, in its own words where it has some.
fn raised(message: &str) -> String {
    let said = message.split_once("): ").map(|(_, said)| said);
    said.unwrap_or("the statement raised an error").to_owned()
}

/// The first sentence, beginning lowercase as PostgreSQL's do, and the advice after it.
fn sentence(message: &str) -> (String, Option<String>) {
    let message = message.split("\n\nLINE ").next().unwrap_or_default();
    let mut lines = message.lines();
    let first = lines
        .next()
        .unwrap_or_default()
        .trim_end_matches(['!', '.']);
    let hint = lines
        .map(str::trim)
        .find(|line| line.starts_with("Did you mean") && !internal_name(line))
        .map(str::to_owned);
    (lowercase_first(first), hint)
}

/// Suggestions come from DuckDB's own catalog too, which Eider does not show.
fn internal_name(line: &str) -> bool {
    ["pg_", "duckdb_", "sqlite_", "pragma_"]
        .iter()
        .any(|prefix| line.contains(prefix))
}

fn lowercase_first(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if chars.clone().next().is_some_and(char::is_lowercase) => {
            first.to_ascii_lowercase().to_string() + chars.as_str()
        }
        _ => text.to_owned(),
    }
}

fn kind(error: &native::Error, message: &str) -> ErrorKind {
    let has = |part: &str| message.contains(part);
    if error.is_fatal() {
        return ErrorKind::Shutdown;
    }
    match error.error_type() {
        ErrorType::Parser | ErrorType::Syntax => ErrorKind::Syntax,
        ErrorType::Catalog => catalog(message),
        ErrorType::Binder | ErrorType::Planner | ErrorType::Expression => binder(message),
        ErrorType::Conversion | ErrorType::Decimal => conversion(message),
        ErrorType::OutOfRange | ErrorType::ObjectSize | ErrorType::DivideByZero => {
            ErrorKind::NumericOutOfRange
        }
        ErrorType::Constraint | ErrorType::Index => constraint(message),
        ErrorType::InvalidInput => invalid_input(message),
        ErrorType::Transaction => transaction(message),
        ErrorType::MismatchType | ErrorType::InvalidType => ErrorKind::DatatypeMismatch,
        ErrorType::UnknownType | ErrorType::Settings => ErrorKind::UndefinedObject,
        ErrorType::NotImplemented | ErrorType::MissingExtension | ErrorType::Autoload => {
            ErrorKind::NotSupported
        }
        ErrorType::Permission => ErrorKind::PermissionDenied,
        ErrorType::Dependency => ErrorKind::DependentObjects,
        ErrorType::OutOfMemory if has("temp") && has("max_temp_directory_size") => {
            ErrorKind::DiskFull
        }
        ErrorType::OutOfMemory => ErrorKind::OutOfMemory,
        ErrorType::Io | ErrorType::Http | ErrorType::Network => ErrorKind::Io,
        ErrorType::Interrupt => ErrorKind::QueryCanceled,
        ErrorType::ParameterNotResolved => ErrorKind::IndeterminateDatatype,
        ErrorType::ParameterNotAllowed => ErrorKind::Syntax,
        ErrorType::Sequence => ErrorKind::DataException,
        ErrorType::InvalidConfiguration => ErrorKind::InvalidParameterValue,
        ErrorType::Connection
        | ErrorType::Executor
        | ErrorType::Fatal
        | ErrorType::Internal
        | ErrorType::Invalid
        | ErrorType::NullPointer
        | ErrorType::Optimizer
        | ErrorType::Scheduler
        | ErrorType::Serialization
        | ErrorType::Stat => ErrorKind::Internal,
    }
}

/// How DuckDB's catalog begins to say that keys, indexes, computed columns or other tables need something.
const DEPENDED_ON: [&str; 4] = [
    "Could not drop the table because",
    "Cannot drop column",
    "Cannot drop this column",
    "Cannot rename column",
];

fn catalog(message: &str) -> ErrorKind {
    let has = |part: &str| message.contains(part);
    if has("already exists") {
        if message.starts_with("Schema") {
            ErrorKind::DuplicateSchema
        } else if message.starts_with("Column") {
            ErrorKind::DuplicateColumn
        } else {
            ErrorKind::DuplicateTable
        }
    } else if message.starts_with("Cannot drop column: table only has one column")
        || message.starts_with("table ") && has("can have only one primary key")
    {
        ErrorKind::NotSupported
    } else if DEPENDED_ON.iter().any(|says| message.starts_with(says)) {
        ErrorKind::DependentObjects
    } else if has("because schema") {
        ErrorKind::UndefinedTable
    } else if message.starts_with("Schema") {
        ErrorKind::UndefinedSchema
    } else if has("Function with name") || has("Macro") {
        ErrorKind::UndefinedFunction
    } else if message.starts_with("Type") || has("configuration parameter") || has("Collation") {
        ErrorKind::UndefinedObject
    } else if has("Existing object") {
        ErrorKind::WrongObjectType
    } else {
        ErrorKind::UndefinedTable
    }
}

fn binder(message: &str) -> ErrorKind {
    let has = |part: &str| message.contains(part);
    if has("does not have a column")
        || has("Referenced column")
        || has("not found in FROM clause")
        || has("does not exist on")
    {
        ErrorKind::UndefinedColumn
    } else if has("Referenced table") {
        ErrorKind::UndefinedTable
    } else if message.starts_with("Catalog") {
        ErrorKind::UndefinedCatalog
    } else if has("Ambiguous") || has("ambiguous") {
        ErrorKind::AmbiguousColumn
    } else if has("must appear in the GROUP BY")
        || has("cannot contain aggregates")
        || has("cannot contain window")
    {
        ErrorKind::Grouping
    } else if has("No function matches")
        || has("best candidate function")
        || has("does not support the supplied arguments")
    {
        ErrorKind::UndefinedFunction
    } else if has("Cannot compare")
        || has("Cannot mix")
        || has("explicit cast is required")
        || has("must be of type")
    {
        ErrorKind::DatatypeMismatch
    } else if has("read-only mode") {
        ErrorKind::ReadOnly
    } else {
        ErrorKind::Syntax
    }
}

fn conversion(message: &str) -> ErrorKind {
    let has = |part: &str| message.contains(part);
    if has("date field value") || has("timestamp field value") || has("time field value") {
        ErrorKind::DatetimeOverflow
    } else if has("out of range") || has("Could not cast value") {
        ErrorKind::NumericOutOfRange
    } else {
        ErrorKind::InvalidText
    }
}

fn constraint(message: &str) -> ErrorKind {
    let has = |part: &str| message.contains(part);
    if message.starts_with(MERGE_ERROR) {
        ErrorKind::Raised
    } else if has("uplicate key") {
        ErrorKind::UniqueViolation
    } else if has("NOT NULL") {
        ErrorKind::NotNullViolation
    } else if has("foreign key") {
        ErrorKind::ForeignKeyViolation
    } else {
        ErrorKind::CheckViolation
    }
}

fn invalid_input(message: &str) -> ErrorKind {
    let has = |part: &str| message.contains(part);
    if has("More than one row returned") {
        ErrorKind::Cardinality
    } else if has("Values were not provided") || has("parameter") && has("prepared statement") {
        ErrorKind::Protocol
    } else if has("read-only") {
        ErrorKind::ReadOnly
    } else {
        ErrorKind::InvalidParameterValue
    }
}

fn transaction(message: &str) -> ErrorKind {
    let has = |part: &str| message.contains(part);
    if has("within a transaction") {
        ErrorKind::ActiveTransaction
    } else if has("no transaction is active") {
        ErrorKind::NoActiveTransaction
    } else if has("aborted") {
        ErrorKind::FailedTransaction
    } else if has("read-only") {
        ErrorKind::ReadOnly
    } else {
        ErrorKind::Serialization
    }
}
