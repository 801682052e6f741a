//! DuckDB's errors as it words them.

use libduckdb_sys as ffi;

use crate::text::borrowed;

/// The class of a DuckDB error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "variants are DuckDB's exception types")]
pub enum ErrorType {
    Invalid,
    OutOfRange,
    Conversion,
    UnknownType,
    Decimal,
    MismatchType,
    DivideByZero,
    ObjectSize,
    InvalidType,
    Serialization,
    Transaction,
    NotImplemented,
    Expression,
    Catalog,
    Parser,
    Planner,
    Scheduler,
    Executor,
    Constraint,
    Index,
    Stat,
    Connection,
    Syntax,
    Settings,
    Binder,
    Network,
    Optimizer,
    NullPointer,
    Io,
    Interrupt,
    Fatal,
    Internal,
    InvalidInput,
    OutOfMemory,
    Permission,
    ParameterNotResolved,
    ParameterNotAllowed,
    Dependency,
    Http,
    MissingExtension,
    Autoload,
    Sequence,
    InvalidConfiguration,
}

/// Each class with DuckDB's code for it and the name that its error texts begin with.
const CLASSES: &[(ErrorType, ffi::duckdb_error_type, &str)] = &[
    (
        ErrorType::Invalid,
        ffi::duckdb_error_type_DUCKDB_ERROR_INVALID,
        "Invalid",
    ),
    (
        ErrorType::OutOfRange,
        ffi::duckdb_error_type_DUCKDB_ERROR_OUT_OF_RANGE,
        "Out of Range",
    ),
    (
        ErrorType::Conversion,
        ffi::duckdb_error_type_DUCKDB_ERROR_CONVERSION,
        "Conversion",
    ),
    (
        ErrorType::UnknownType,
        ffi::duckdb_error_type_DUCKDB_ERROR_UNKNOWN_TYPE,
        "Unknown Type",
    ),
    (
        ErrorType::Decimal,
        ffi::duckdb_error_type_DUCKDB_ERROR_DECIMAL,
        "Decimal",
    ),
    (
        ErrorType::MismatchType,
        ffi::duckdb_error_type_DUCKDB_ERROR_MISMATCH_TYPE,
        "Mismatch Type",
    ),
    (
        ErrorType::DivideByZero,
        ffi::duckdb_error_type_DUCKDB_ERROR_DIVIDE_BY_ZERO,
        "Divide by Zero",
    ),
    (
        ErrorType::ObjectSize,
        ffi::duckdb_error_type_DUCKDB_ERROR_OBJECT_SIZE,
        "Object Size",
    ),
    (
        ErrorType::InvalidType,
        ffi::duckdb_error_type_DUCKDB_ERROR_INVALID_TYPE,
        "Invalid type",
    ),
    (
        ErrorType::Serialization,
        ffi::duckdb_error_type_DUCKDB_ERROR_SERIALIZATION,
        "Serialization",
    ),
    (
        ErrorType::Transaction,
        ffi::duckdb_error_type_DUCKDB_ERROR_TRANSACTION,
        "TransactionContext",
    ),
    (
        ErrorType::NotImplemented,
        ffi::duckdb_error_type_DUCKDB_ERROR_NOT_IMPLEMENTED,
        "Not implemented",
    ),
    (
        ErrorType::Expression,
        ffi::duckdb_error_type_DUCKDB_ERROR_EXPRESSION,
        "Expression",
    ),
    (
        ErrorType::Catalog,
        ffi::duckdb_error_type_DUCKDB_ERROR_CATALOG,
        "Catalog",
    ),
    (
        ErrorType::Parser,
        ffi::duckdb_error_type_DUCKDB_ERROR_PARSER,
        "Parser",
    ),
    (
        ErrorType::Planner,
        ffi::duckdb_error_type_DUCKDB_ERROR_PLANNER,
        "Planner",
    ),
    (
        ErrorType::Scheduler,
        ffi::duckdb_error_type_DUCKDB_ERROR_SCHEDULER,
        "Scheduler",
    ),
    (
        ErrorType::Executor,
        ffi::duckdb_error_type_DUCKDB_ERROR_EXECUTOR,
        "Executor",
    ),
    (
        ErrorType::Constraint,
        ffi::duckdb_error_type_DUCKDB_ERROR_CONSTRAINT,
        "Constraint",
    ),
    (
        ErrorType::Index,
        ffi::duckdb_error_type_DUCKDB_ERROR_INDEX,
        "Index",
    ),
    (
        ErrorType::Stat,
        ffi::duckdb_error_type_DUCKDB_ERROR_STAT,
        "Stat",
    ),
    (
        ErrorType::Connection,
        ffi::duckdb_error_type_DUCKDB_ERROR_CONNECTION,
        "Connection",
    ),
    (
        ErrorType::Syntax,
        ffi::duckdb_error_type_DUCKDB_ERROR_SYNTAX,
        "Syntax",
    ),
    (
        ErrorType::Settings,
        ffi::duckdb_error_type_DUCKDB_ERROR_SETTINGS,
        "Settings",
    ),
    (
        ErrorType::Binder,
        ffi::duckdb_error_type_DUCKDB_ERROR_BINDER,
        "Binder",
    ),
    (
        ErrorType::Network,
        ffi::duckdb_error_type_DUCKDB_ERROR_NETWORK,
        "Network",
    ),
    (
        ErrorType::Optimizer,
        ffi::duckdb_error_type_DUCKDB_ERROR_OPTIMIZER,
        "Optimizer",
    ),
    (
        ErrorType::NullPointer,
        ffi::duckdb_error_type_DUCKDB_ERROR_NULL_POINTER,
        "NullPointer",
    ),
    (ErrorType::Io, ffi::duckdb_error_type_DUCKDB_ERROR_IO, "IO"),
    (
        ErrorType::Interrupt,
        ffi::duckdb_error_type_DUCKDB_ERROR_INTERRUPT,
        "INTERRUPT",
    ),
    (
        ErrorType::Fatal,
        ffi::duckdb_error_type_DUCKDB_ERROR_FATAL,
        "FATAL",
    ),
    (
        ErrorType::Internal,
        ffi::duckdb_error_type_DUCKDB_ERROR_INTERNAL,
        "INTERNAL",
    ),
    (
        ErrorType::InvalidInput,
        ffi::duckdb_error_type_DUCKDB_ERROR_INVALID_INPUT,
        "Invalid Input",
    ),
    (
        ErrorType::OutOfMemory,
        ffi::duckdb_error_type_DUCKDB_ERROR_OUT_OF_MEMORY,
        "Out of Memory",
    ),
    (
        ErrorType::Permission,
        ffi::duckdb_error_type_DUCKDB_ERROR_PERMISSION,
        "Permission",
    ),
    (
        ErrorType::ParameterNotResolved,
        ffi::duckdb_error_type_DUCKDB_ERROR_PARAMETER_NOT_RESOLVED,
        "Parameter Not Resolved",
    ),
    (
        ErrorType::ParameterNotAllowed,
        ffi::duckdb_error_type_DUCKDB_ERROR_PARAMETER_NOT_ALLOWED,
        "Parameter Not Allowed",
    ),
    (
        ErrorType::Dependency,
        ffi::duckdb_error_type_DUCKDB_ERROR_DEPENDENCY,
        "Dependency",
    ),
    (
        ErrorType::Http,
        ffi::duckdb_error_type_DUCKDB_ERROR_HTTP,
        "HTTP",
    ),
    (
        ErrorType::MissingExtension,
        ffi::duckdb_error_type_DUCKDB_ERROR_MISSING_EXTENSION,
        "Missing Extension",
    ),
    (
        ErrorType::Autoload,
        ffi::duckdb_error_type_DUCKDB_ERROR_AUTOLOAD,
        "Extension Autoloading",
    ),
    (
        ErrorType::Sequence,
        ffi::duckdb_error_type_DUCKDB_ERROR_SEQUENCE,
        "Sequence",
    ),
    (
        ErrorType::InvalidConfiguration,
        ffi::duckdb_error_type_DUCKDB_INVALID_CONFIGURATION,
        "Invalid Configuration",
    ),
];

/// What DuckDB said. The text may hold data and paths: it is for `tree::classify` and logs, never
/// for a client as it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Error {
    class: ErrorType,
    text: String,
}

/// The result of a call into DuckDB.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of this class.
    pub fn new(class: ErrorType, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { class, text }
    }

    /// The class.
    pub fn error_type(&self) -> ErrorType {
        self.class
    }

    /// DuckDB's whole text: `Binder Error: …`, or a JSON object where `errors_as_json` is set.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the instance takes nothing more and must be closed and opened again.
    pub fn is_fatal(&self) -> bool {
        // After the first FATAL error every further call fails with this text, whatever its class.
        self.class == ErrorType::Fatal || self.text.contains("database has been invalidated")
    }

    /// An error whose class DuckDB's C API does not tell: it is read from the text.
    pub(crate) fn from_text(text: String) -> Self {
        let class = class_of(&text).unwrap_or(ErrorType::Invalid);
        Self { class, text }
    }

    pub(crate) fn from_code(code: ffi::duckdb_error_type, text: String) -> Self {
        let class = CLASSES
            .iter()
            .find(|(_, c, _)| *c == code)
            .map_or(ErrorType::Invalid, |(class, _, _)| *class);
        match class {
            ErrorType::Invalid => Self::from_text(text),
            class => Self { class, text },
        }
    }

    /// The error in a result, for a call that returned failure.
    ///
    /// # Safety
    /// `result` has been filled by DuckDB or zeroed, and not destroyed.
    pub(crate) unsafe fn of_result(result: &mut ffi::duckdb_result) -> Self {
        // SAFETY: by the caller's word.
        unsafe { result_error(result) }
            .unwrap_or_else(|| Self::new(ErrorType::Internal, "DuckDB gave no error text"))
    }

    /// The error that an `error_data` holds, which is destroyed.
    ///
    /// # Safety
    /// `data` is null or ours.
    pub(crate) unsafe fn check_data(mut data: ffi::duckdb_error_data) -> Result<()> {
        if data.is_null() {
            return Ok(());
        }
        // SAFETY: not null and ours; the message is copied before the data is destroyed.
        unsafe {
            let outcome = if ffi::duckdb_error_data_has_error(data) {
                let code = ffi::duckdb_error_data_error_type(data);
                let text = borrowed(ffi::duckdb_error_data_message(data)).unwrap_or_default();
                Err(Self::from_code(code, text))
            } else {
                Ok(())
            };
            ffi::duckdb_destroy_error_data(&raw mut data);
            outcome
        }
    }
}

/// The error that a result carries, if any.
///
/// # Safety
/// `result` has been filled by DuckDB or zeroed, and not destroyed.
pub(crate) unsafe fn result_error(result: &mut ffi::duckdb_result) -> Option<Error> {
    // SAFETY: by the caller's word; the text is copied at once.
    unsafe {
        let text = borrowed(ffi::duckdb_result_error(result))?;
        Some(Error::from_code(
            ffi::duckdb_result_error_type(result),
            text,
        ))
    }
}

fn class_of(text: &str) -> Option<ErrorType> {
    let name = match text.strip_prefix("{\"exception_type\":\"") {
        Some(rest) => rest.split_once('"')?.0,
        None => text.split_once(" Error")?.0,
    };
    CLASSES
        .iter()
        .find(|(_, _, n)| n.eq_ignore_ascii_case(name))
        .map(|(class, _, _)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_is_read_from_text_and_json() {
        let class = |t: &str| Error::from_text(t.to_owned()).error_type();
        assert_eq!(class("Binder Error: no"), ErrorType::Binder);
        assert_eq!(class("INTERRUPT Error: Interrupted!"), ErrorType::Interrupt);
        assert_eq!(
            class(r#"{"exception_type":"Parser","exception_message":"x"}"#),
            ErrorType::Parser
        );
        assert_eq!(class("something else"), ErrorType::Invalid);
    }
}
