//! Errors as clients see them: SQLSTATE, severity, and the fields of ErrorResponse.

use std::io;

use gateway::{Notice, WaitsFor};
use model::{Error, ErrorKind};
use pgwire::messages::response::{ErrorResponse, NoticeResponse};

/// Longest text put into one field, in bytes: a statement's error must not flood its client.
const FIELD_LIMIT: usize = 16 * 1024;

/// Why the work on a message stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The statement failed; the connection goes on.
    Failed(Box<Error>),
    /// The connection ends, after telling its client why.
    Fatal(Fatal),
    /// The client is gone, or its bytes can't be read or written.
    Gone(io::Error),
}

/// The result of a step of a connection.
pub(crate) type Step<T = ()> = Result<T, Stop>;

/// The last thing a client is told.
#[derive(Debug)]
pub(crate) struct Fatal {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Fatal {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// A breach of the protocol after which the stream of messages can't be followed.
    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::new("08P01", message)
    }

    pub(crate) fn response(&self) -> ErrorResponse {
        ErrorResponse::new(vec![
            (b'S', "FATAL".to_owned()),
            (b'V', "FATAL".to_owned()),
            (b'C', self.code.to_owned()),
            (b'M', clip(&self.message)),
        ])
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(Box::new(error))
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

impl From<Fatal> for Stop {
    fn from(fatal: Fatal) -> Self {
        Self::Fatal(fatal)
    }
}

/// An error during login ends the connection.
impl From<Error> for Fatal {
    fn from(error: Error) -> Self {
        Self::new(sqlstate(error.kind()), error.message())
    }
}

/// The response for a failed statement. `text` is what the error's position counts in.
pub(crate) fn error_response(error: &Error, text: &str) -> ErrorResponse {
    let mut fields = vec![
        (b'S', "ERROR".to_owned()),
        (b'V', "ERROR".to_owned()),
        (b'C', sqlstate(error.kind()).to_owned()),
        (b'M', clip(error.message())),
    ];
    if let Some(detail) = error.detail() {
        fields.push((b'D', clip(detail)));
    }
    if let Some(hint) = error.hint() {
        fields.push((b'H', clip(hint)));
    }
    if let Some(position) = error.position().and_then(|byte| position(text, byte)) {
        fields.push((b'P', position.to_string()));
    }
    ErrorResponse::new(fields)
}

/// A warning beside a success.
pub(crate) fn notice_response(notice: &Notice) -> NoticeResponse {
    told("WARNING", sqlstate(notice.kind), &notice.message)
}

/// That a statement waits before it runs.
pub(crate) fn wait_response(waits_for: &WaitsFor) -> NoticeResponse {
    // A notice without a condition of its own has the code of success.
    told(
        "NOTICE",
        "00000",
        &format!("statement waits for {waits_for}"),
    )
}

fn told(severity: &str, code: &str, message: &str) -> NoticeResponse {
    NoticeResponse::new(vec![
        (b'S', severity.to_owned()),
        (b'V', severity.to_owned()),
        (b'C', code.to_owned()),
        (b'M', clip(message)),
    ])
}

/// The place of a byte of `text`, counted in characters from 1; `None` outside of it.
fn position(text: &str, byte: usize) -> Option<usize> {
    if byte > text.len() {
        return None;
    }
    let before = text.char_indices().take_while(|(at, _)| *at < byte);
    Some(before.count() + 1)
}

/// Cuts a text to the limit of a field. NUL ends a field, so it is replaced.
fn clip(text: &str) -> String {
    let end = text.floor_char_boundary(FIELD_LIMIT);
    text[..end].replace('\0', "\u{fffd}")
}

/// The SQLSTATE of a kind of error.
pub(crate) fn sqlstate(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Syntax => "42601",
        ErrorKind::NotSupported => "0A000",
        ErrorKind::PermissionDenied => "42501",
        ErrorKind::InvalidPassword => "28P01",
        ErrorKind::InvalidAuthorization => "28000",
        ErrorKind::UndefinedTable => "42P01",
        ErrorKind::UndefinedColumn => "42703",
        ErrorKind::UndefinedFunction => "42883",
        ErrorKind::UndefinedObject => "42704",
        ErrorKind::UndefinedSchema => "3F000",
        ErrorKind::UndefinedCatalog => "3D000",
        ErrorKind::UndefinedParameter => "42P02",
        ErrorKind::UndefinedStatement => "26000",
        ErrorKind::UndefinedCursor => "34000",
        ErrorKind::DuplicateTable => "42P07",
        ErrorKind::DuplicateSchema => "42P06",
        ErrorKind::DuplicateColumn => "42701",
        ErrorKind::DuplicateStatement => "42P05",
        ErrorKind::AmbiguousColumn => "42702",
        ErrorKind::Grouping => "42803",
        ErrorKind::WrongObjectType => "42809",
        ErrorKind::DatatypeMismatch => "42804",
        ErrorKind::IndeterminateDatatype => "42P18",
        ErrorKind::InvalidText => "22P02",
        ErrorKind::InvalidBinary => "22P03",
        ErrorKind::NumericOutOfRange => "22003",
        ErrorKind::DatetimeOverflow => "22008",
        ErrorKind::InvalidParameterValue => "22023",
        ErrorKind::CharacterNotInRepertoire => "22021",
        ErrorKind::DataException => "22000",
        ErrorKind::Cardinality => "21000",
        ErrorKind::UniqueViolation => "23505",
        ErrorKind::NotNullViolation => "23502",
        ErrorKind::CheckViolation => "23514",
        ErrorKind::ForeignKeyViolation => "23503",
        ErrorKind::DependentObjects => "2BP01",
        ErrorKind::ActiveTransaction => "25001",
        ErrorKind::NoActiveTransaction => "25P01",
        ErrorKind::FailedTransaction => "25P02",
        ErrorKind::ReadOnly => "25006",
        ErrorKind::ObjectInUse => "55006",
        ErrorKind::Serialization => "40001",
        ErrorKind::OutOfMemory => "53200",
        ErrorKind::DiskFull => "53100",
        ErrorKind::TooManyConnections => "53300",
        ErrorKind::LimitExceeded => "53400",
        ErrorKind::TooComplex => "54000",
        ErrorKind::QueryCanceled => "57014",
        ErrorKind::Shutdown => "57P01",
        ErrorKind::CannotConnectNow => "57P03",
        ErrorKind::Protocol => "08P01",
        ErrorKind::Io => "58030",
        ErrorKind::Config => "F0000",
        ErrorKind::Raised => "P0001",
        ErrorKind::Internal => "XX000",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        for (text, byte, expected) in [
            ("select x", 0, Some(1)),
            ("select x", 7, Some(8)),
            ("sélect x", 8, Some(8)),
            ("日本 x", 7, Some(4)),
            ("ab", 2, Some(3)),
            ("ab", 3, None),
            // Inside a character: the next one.
            ("é", 1, Some(2)),
        ] {
            assert_eq!(position(text, byte), expected, "{text} {byte}");
        }
    }

    #[test]
    fn fields_of_an_error() {
        let error = Error::new(ErrorKind::UndefinedColumn, "no such column")
            .with_detail("a\0b")
            .with_hint("try y")
            .with_position(7);
        let field = |kind: u8, text: &str| (kind, text.to_owned());
        assert_eq!(
            error_response(&error, "select x").fields,
            [
                field(b'S', "ERROR"),
                field(b'V', "ERROR"),
                field(b'C', "42703"),
                field(b'M', "no such column"),
                field(b'D', "a\u{fffd}b"),
                field(b'H', "try y"),
                field(b'P', "8"),
            ]
        );
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let clipped = clip(&"é".repeat(FIELD_LIMIT));
        assert_eq!(clipped.len(), FIELD_LIMIT);
        assert_eq!(
            clip(&format!("a{}", "é".repeat(FIELD_LIMIT))).len(),
            FIELD_LIMIT - 1
        );
    }
}
