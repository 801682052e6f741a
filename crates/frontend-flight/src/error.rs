//! [`model::Error`] as a gRPC status.

use model::{Error, ErrorKind};
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use crate::metric;

/// The longest text put into a status. It travels in a header, percent-encoded, and clients limit
/// all headers of a response together, some to 8 KiB.
const MAX_MESSAGE_BYTES: usize = 2048;

/// Response metadata with the byte offset in the statement's text where the error is.
const POSITION_KEY: &str = "eider-position";

/// Response metadata with the id of the statement that failed, as logs and the registry have it.
const STATEMENT_KEY: &str = "eider-statement-id";

/// The status for a client. Only client text goes in; causes are logged where they arise:
/// statements' by the gateway, logins' by `auth`.
pub(crate) fn status(error: &Error) -> Status {
    let mut text = error.message().to_owned();
    if let Some(detail) = error.detail() {
        text.push_str("; ");
        text.push_str(detail);
    }
    if let Some(hint) = error.hint() {
        text.push_str("; hint: ");
        text.push_str(hint);
    }
    let code = code(error.kind());
    metric::error(code);
    let mut status = Status::new(code, one_line(&text));
    if let Some(position) = error.position() {
        status
            .metadata_mut()
            .insert(POSITION_KEY, MetadataValue::from(position));
    }
    if let Some(id) = error.statement()
        && let Ok(id) = MetadataValue::try_from(id.to_string())
    {
        status.metadata_mut().insert(STATEMENT_KEY, id);
    }
    status
}

/// A defect or a broken invariant of this crate: logged here, told to the client as such only.
pub(crate) fn internal(what: &str, cause: impl std::fmt::Display) -> Status {
    metric::error(Code::Internal);
    tracing::error!(door = "flight", %cause, "{what}");
    Status::internal("internal error")
}

/// What the client sent is not what the protocol asks for.
pub(crate) fn invalid(what: impl Into<String>) -> Status {
    metric::error(Code::InvalidArgument);
    Status::invalid_argument(one_line(&what.into()))
}

/// The gRPC code of each kind. ADBC turns INVALID_ARGUMENT into ProgrammingError, NOT_FOUND and
/// ALREADY_EXISTS into their own errors, UNIMPLEMENTED into NotSupportedError, and everything it
/// does not know (OUT_OF_RANGE, FAILED_PRECONDITION, ABORTED) into "unknown".
pub(crate) fn code(kind: ErrorKind) -> Code {
    use ErrorKind as K;
    match kind {
        K::Syntax
        | K::UndefinedColumn
        | K::UndefinedFunction
        | K::UndefinedParameter
        | K::AmbiguousColumn
        | K::Grouping
        | K::WrongObjectType
        | K::DatatypeMismatch
        | K::IndeterminateDatatype
        | K::InvalidText
        | K::InvalidBinary
        | K::NumericOutOfRange
        | K::DatetimeOverflow
        | K::InvalidParameterValue
        | K::CharacterNotInRepertoire
        | K::DataException
        | K::Cardinality
        | K::TooComplex
        | K::Protocol
        | K::Raised => Code::InvalidArgument,
        K::UndefinedTable
        | K::UndefinedObject
        | K::UndefinedSchema
        | K::UndefinedCatalog
        | K::UndefinedStatement
        | K::UndefinedCursor => Code::NotFound,
        K::DuplicateTable
        | K::DuplicateSchema
        | K::DuplicateColumn
        | K::DuplicateStatement
        | K::UniqueViolation => Code::AlreadyExists,
        K::NotSupported => Code::Unimplemented,
        K::PermissionDenied => Code::PermissionDenied,
        K::InvalidPassword | K::InvalidAuthorization => Code::Unauthenticated,
        K::NotNullViolation
        | K::CheckViolation
        | K::ForeignKeyViolation
        | K::DependentObjects
        | K::ActiveTransaction
        | K::NoActiveTransaction
        | K::FailedTransaction
        | K::ReadOnly
        | K::ObjectInUse => Code::FailedPrecondition,
        K::Serialization => Code::Aborted,
        K::OutOfMemory | K::DiskFull | K::TooManyConnections | K::LimitExceeded => {
            Code::ResourceExhausted
        }
        K::QueryCanceled => Code::Cancelled,
        K::Shutdown | K::CannotConnectNow => Code::Unavailable,
        K::Io | K::Config | K::Internal => Code::Internal,
    }
}

/// One line of at most [`MAX_MESSAGE_BYTES`], as a header value should be.
fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if line.len() > MAX_MESSAGE_BYTES {
        let mut end = MAX_MESSAGE_BYTES;
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_status_holds_client_text_only() {
        let id = model::StatementId::new();
        let error = Error::new(ErrorKind::Syntax, "syntax error at \"selct\"")
            .with_statement(id)
            .with_hint("write SELECT")
            .with_position(7)
            .with_cause("secret of the server");
        let status = status(&error);
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(
            status.message(),
            "syntax error at \"selct\"; hint: write SELECT"
        );
        assert_eq!(status.metadata().get(POSITION_KEY).unwrap(), "7");
        assert_eq!(
            status.metadata().get(STATEMENT_KEY).unwrap(),
            &id.to_string()
        );
        assert!(!format!("{status:?}").contains("secret"));
    }

    #[test]
    fn long_and_broken_texts_fit_a_header() {
        let error = Error::new(ErrorKind::Raised, "ä\n\0".repeat(5000));
        let text = status(&error).message().to_owned();
        assert!(text.len() <= MAX_MESSAGE_BYTES + '…'.len_utf8());
        assert!(!text.contains(['\n', '\0']));
        assert!(text.ends_with('…'));
    }

    #[test]
    fn codes_that_clients_act_on() {
        let cases = [
            (ErrorKind::Syntax, Code::InvalidArgument),
            (ErrorKind::UndefinedTable, Code::NotFound),
            (ErrorKind::DuplicateTable, Code::AlreadyExists),
            (ErrorKind::NotSupported, Code::Unimplemented),
            (ErrorKind::PermissionDenied, Code::PermissionDenied),
            (ErrorKind::InvalidPassword, Code::Unauthenticated),
            (ErrorKind::InvalidAuthorization, Code::Unauthenticated),
            (ErrorKind::QueryCanceled, Code::Cancelled),
            (ErrorKind::Serialization, Code::Aborted),
            (ErrorKind::LimitExceeded, Code::ResourceExhausted),
            (ErrorKind::Shutdown, Code::Unavailable),
            (ErrorKind::Internal, Code::Internal),
        ];
        for (kind, expected) in cases {
            assert_eq!(code(kind), expected, "{kind:?}");
        }
    }
}
