//! From [`ErrorKind`] to HTTP.

use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use model::{Error, ErrorKind};
use serde::Serialize;

use crate::response::json;

/// An error on its way to an HTTP client.
#[derive(Debug)]
pub(crate) struct HttpError(pub(crate) Error);

#[derive(Serialize)]
struct Body<'a> {
    error: Text<'a>,
}

#[derive(Serialize)]
struct Text<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl From<Error> for HttpError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let Self(error) = self;
        if let Some(cause) = error.cause() {
            tracing::error!(kind = ?error.kind(), ?cause, "http request failed");
        }
        let status = status(error.kind());
        let body = Body {
            error: Text {
                message: error.message(),
                detail: error.detail(),
                hint: error.hint(),
            },
        };
        let mut response = json(status, &body);
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"eider\", charset=\"UTF-8\"");
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidPassword | ErrorKind::InvalidAuthorization => StatusCode::UNAUTHORIZED,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnly => StatusCode::FORBIDDEN,
        ErrorKind::UndefinedTable
        | ErrorKind::UndefinedObject
        | ErrorKind::UndefinedSchema
        | ErrorKind::UndefinedCatalog
        | ErrorKind::UndefinedStatement
        | ErrorKind::UndefinedCursor => StatusCode::NOT_FOUND,
        ErrorKind::DuplicateTable
        | ErrorKind::DuplicateSchema
        | ErrorKind::DuplicateColumn
        | ErrorKind::DuplicateStatement
        | ErrorKind::UniqueViolation
        | ErrorKind::NotNullViolation
        | ErrorKind::CheckViolation
        | ErrorKind::ForeignKeyViolation
        | ErrorKind::DependentObjects
        | ErrorKind::ActiveTransaction
        | ErrorKind::NoActiveTransaction
        | ErrorKind::FailedTransaction
        | ErrorKind::ObjectInUse
        | ErrorKind::Serialization
        | ErrorKind::QueryCanceled => StatusCode::CONFLICT,
        ErrorKind::LimitExceeded | ErrorKind::TooComplex => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Syntax
        | ErrorKind::UndefinedColumn
        | ErrorKind::UndefinedFunction
        | ErrorKind::UndefinedParameter
        | ErrorKind::AmbiguousColumn
        | ErrorKind::Grouping
        | ErrorKind::WrongObjectType
        | ErrorKind::DatatypeMismatch
        | ErrorKind::IndeterminateDatatype
        | ErrorKind::InvalidText
        | ErrorKind::InvalidBinary
        | ErrorKind::NumericOutOfRange
        | ErrorKind::DatetimeOverflow
        | ErrorKind::InvalidParameterValue
        | ErrorKind::CharacterNotInRepertoire
        | ErrorKind::DataException
        | ErrorKind::Cardinality
        | ErrorKind::Protocol
        | ErrorKind::Raised => StatusCode::BAD_REQUEST,
        ErrorKind::NotSupported => StatusCode::NOT_IMPLEMENTED,
        ErrorKind::OutOfMemory
        | ErrorKind::TooManyConnections
        | ErrorKind::Shutdown
        | ErrorKind::CannotConnectNow => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        ErrorKind::Io | ErrorKind::Config | ErrorKind::Internal => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_stays_in_the_log() {
        let error = Error::internal("secret path").with_hint("call us");
        let response = HttpError(error).into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers().get(WWW_AUTHENTICATE), None);
    }

    #[test]
    fn failed_logins_are_challenged_and_overload_may_come_back() {
        let challenged = HttpError(Error::new(ErrorKind::InvalidPassword, "x")).into_response();
        assert_eq!(challenged.status(), StatusCode::UNAUTHORIZED);
        assert!(challenged.headers().contains_key(WWW_AUTHENTICATE));
        let busy = HttpError(Error::new(ErrorKind::TooManyConnections, "x")).into_response();
        assert_eq!(busy.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(busy.headers().contains_key(RETRY_AFTER));
    }
}
