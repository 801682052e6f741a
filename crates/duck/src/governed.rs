//! What of a worker's error leaves the worker.

use model::{Error, ErrorKind, Positions};
use native::ErrorType;

/// The error for the client. Over governed relations the engine's text could tell hidden values,
/// so only its class leaves; elsewhere only errors about the data keep their text, as what a binder
/// says could name what the asker may not see (the sidecar has said it already if it may be said).
/// A place in the text leaves as one in the user's own, if the user wrote that part.
pub(crate) fn client_error(error: &native::Error, governed: bool, positions: &Positions) -> Error {
    let kind = tree::kind_of(error);
    if kind == ErrorKind::Internal {
        return Error::internal(error.clone());
    }
    let client = if governed || !about_data(error.error_type()) {
        Error::new(kind, wording(kind))
    } else {
        // Without the hint, which speaks of the rewritten text.
        Error::new(kind, tree::classify(error).message())
    };
    let place = tree::position_of(error).and_then(|place| positions.original(place));
    let client = client.with_cause(error.clone());
    match place {
        Some(place) => client.with_position(place),
        None => client,
    }
}

fn about_data(class: ErrorType) -> bool {
    matches!(
        class,
        ErrorType::Conversion
            | ErrorType::Decimal
            | ErrorType::OutOfRange
            | ErrorType::DivideByZero
            | ErrorType::ObjectSize
            | ErrorType::MismatchType
            | ErrorType::Constraint
            | ErrorType::InvalidInput
            | ErrorType::NotImplemented
    )
}

/// One wording per kind, whatever the engine said.
fn wording(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Syntax => "syntax error",
        ErrorKind::NotSupported => "the statement uses what is not supported",
        ErrorKind::PermissionDenied => "permission denied",
        ErrorKind::InvalidPassword => "password authentication failed",
        ErrorKind::InvalidAuthorization => "login refused",
        ErrorKind::UndefinedTable => "table does not exist",
        ErrorKind::UndefinedColumn => "column does not exist",
        ErrorKind::UndefinedFunction => "function does not exist",
        ErrorKind::UndefinedObject => "object does not exist",
        ErrorKind::UndefinedSchema => "schema does not exist",
        ErrorKind::UndefinedCatalog => "catalog does not exist",
        ErrorKind::UndefinedParameter => "parameter does not exist",
        ErrorKind::UndefinedStatement => "prepared statement does not exist",
        ErrorKind::UndefinedCursor => "cursor does not exist",
        ErrorKind::DuplicateTable => "table exists already",
        ErrorKind::DuplicateSchema => "schema exists already",
        ErrorKind::DuplicateColumn => "column exists already",
        ErrorKind::DuplicateStatement => "prepared statement exists already",
        ErrorKind::AmbiguousColumn => "a name is ambiguous",
        ErrorKind::Grouping => "a column must appear in GROUP BY or in an aggregate",
        ErrorKind::WrongObjectType => "the object is of another kind",
        ErrorKind::DatatypeMismatch => "types do not fit together",
        ErrorKind::IndeterminateDatatype => "could not determine a parameter's type",
        ErrorKind::InvalidText => "invalid input for a type",
        ErrorKind::InvalidBinary => "invalid binary input for a type",
        ErrorKind::NumericOutOfRange => "value out of range",
        ErrorKind::DatetimeOverflow => "date or time out of range",
        ErrorKind::InvalidParameterValue => "invalid argument",
        ErrorKind::CharacterNotInRepertoire => "invalid text encoding",
        ErrorKind::DataException => "invalid data",
        ErrorKind::Cardinality => "more than one row returned by a subquery used as an expression",
        ErrorKind::UniqueViolation => "duplicate key",
        ErrorKind::NotNullViolation => "NULL in a column that does not allow it",
        ErrorKind::CheckViolation => "a check constraint does not hold",
        ErrorKind::ForeignKeyViolation => "a foreign key does not hold",
        ErrorKind::DependentObjects => "other objects depend on it",
        ErrorKind::ActiveTransaction => "a transaction is open already",
        ErrorKind::NoActiveTransaction => "no transaction is open",
        ErrorKind::FailedTransaction => {
            "current transaction is aborted, commands ignored until end of transaction block"
        }
        ErrorKind::ReadOnly => "the catalog or transaction is read-only",
        ErrorKind::ObjectInUse => "the object is in use",
        ErrorKind::Serialization => "could not serialize access due to a concurrent change",
        ErrorKind::OutOfMemory => "out of memory",
        ErrorKind::DiskFull => "out of spill space",
        ErrorKind::TooManyConnections => "too many connections",
        ErrorKind::LimitExceeded => "a limit was reached",
        ErrorKind::TooComplex => "the statement is too complex",
        ErrorKind::QueryCanceled => "canceling statement due to user request",
        ErrorKind::Shutdown => "terminating statement: the database is being reopened",
        ErrorKind::CannotConnectNow => "the database is starting up",
        ErrorKind::Protocol => "wrong number of parameters",
        ErrorKind::Io => "a file could not be read or written",
        ErrorKind::Config => "the configuration is wrong",
        ErrorKind::Raised => "the statement raised an error",
        ErrorKind::Internal => "internal error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_governed_error_says_its_class_only() {
        let error = native::Error::new(
            ErrorType::Conversion,
            "Conversion Error: Could not convert string 'hidden-7' to INT32\n\nLINE 1: …",
        );
        let governed = client_error(&error, true, &Positions::default());
        assert_eq!(
            (governed.kind(), governed.message()),
            (ErrorKind::InvalidText, "invalid input for a type")
        );
        assert!(
            governed.hint().is_none()
                && governed.detail().is_none()
                && governed.position().is_none()
        );
        assert!(
            client_error(&error, false, &Positions::default())
                .message()
                .contains("hidden-7")
        );
    }

    #[test]
    fn a_place_leaves_if_the_user_wrote_what_is_there() {
        let positions = Positions::new(vec![(17, 4)]);
        for (place, told) in [(17, Some(4)), (18, None)] {
            let text = format!(
                r#"{{"exception_type":"Conversion","exception_message":"Could not convert","position":"{place}"}}"#
            );
            let error = native::Error::new(ErrorType::Conversion, &text);
            for governed in [true, false] {
                let client = client_error(&error, governed, &positions);
                assert_eq!(client.position(), told);
            }
        }
    }

    #[test]
    fn a_binder_s_words_never_leave() {
        let error = native::Error::new(
            ErrorType::Catalog,
            "Catalog Error: Table with name x does not exist!\nDid you mean \"secret.salaries\"?",
        );
        for governed in [true, false] {
            let client = client_error(&error, governed, &Positions::default());
            assert_eq!(client.kind(), ErrorKind::UndefinedTable);
            assert_eq!(client.message(), "table does not exist");
            assert!(client.hint().is_none());
        }
    }
}
