//! Messages of Flight and Flight SQL that arrow-flight 59 does not have, and reading those it has.

use std::collections::HashMap;

use arrow_flight::sql::{Any, ProstMessageExt};
use bytes::Bytes;
use prost::Message;
use tonic::Status;

use crate::error::invalid;

/// `ActionCreatePreparedStatementResult` with `is_update`, which newer clients look at first.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CreatePreparedStatementResult {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) prepared_statement_handle: Bytes,
    /// Encapsulated IPC schema message of the result; without fields if there is none.
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) dataset_schema: Bytes,
    /// Encapsulated IPC schema message with a field for each parameter.
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) parameter_schema: Bytes,
    /// Whether to execute it by DoPut, not by GetFlightInfo.
    #[prost(bool, optional, tag = "4")]
    pub(crate) is_update: Option<bool>,
}

impl CreatePreparedStatementResult {
    /// The message inside an `Any`, as results of Flight SQL actions are.
    pub(crate) fn to_any(&self) -> Any {
        Any {
            type_url: arrow_flight::sql::ActionCreatePreparedStatementResult::type_url().to_owned(),
            value: self.encode_to_vec().into(),
        }
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StringList {
    #[prost(string, repeated, tag = "1")]
    pub(crate) values: Vec<String>,
}

/// A session option's value; no value erases the option.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SessionOptionValue {
    #[prost(oneof = "OptionValue", tags = "1, 2, 3, 4, 5")]
    pub(crate) option_value: Option<OptionValue>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum OptionValue {
    #[prost(string, tag = "1")]
    String(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(sfixed64, tag = "3")]
    Int64(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    StringList(StringList),
}

impl SessionOptionValue {
    pub(crate) fn string(value: impl Into<String>) -> Self {
        Self {
            option_value: Some(OptionValue::String(value.into())),
        }
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SetSessionOptionsRequest {
    #[prost(map = "string, message", tag = "1")]
    pub(crate) session_options: HashMap<String, SessionOptionValue>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum SessionOptionErrorValue {
    Unspecified = 0,
    InvalidName = 1,
    InvalidValue = 2,
    Error = 3,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SessionOptionError {
    #[prost(enumeration = "SessionOptionErrorValue", tag = "1")]
    pub(crate) value: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    pub(crate) errors: HashMap<String, SessionOptionError>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetSessionOptionsRequest {}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    pub(crate) session_options: HashMap<String, SessionOptionValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct CloseSessionRequest {}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum CloseSessionStatus {
    Unspecified = 0,
    Closed = 1,
    Closing = 2,
    NotCloseable = 3,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct CloseSessionResult {
    #[prost(enumeration = "CloseSessionStatus", tag = "1")]
    pub(crate) status: i32,
}

/// Reads a raw message, naming it in the error.
pub(crate) fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, Status> {
    M::decode(bytes).map_err(|_| {
        let name = std::any::type_name::<M>();
        let name = name.rsplit("::").next().unwrap_or(name);
        invalid(format!("the bytes are no message {name}"))
    })
}

/// Reads an `Any` and the message of that type in it.
pub(crate) fn decode_any<M: ProstMessageExt>(bytes: &[u8]) -> Result<M, Status> {
    let any: Any = decode(bytes)?;
    if !any.is::<M>() {
        return Err(invalid(format!("the message is not a {}", M::type_url())));
    }
    decode(&any.value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use arrow_flight::sql::{
        ActionClosePreparedStatementRequest, ActionCreatePreparedStatementResult,
    };

    use super::*;

    #[test]
    fn older_readers_understand_the_longer_result() {
        let ours = CreatePreparedStatementResult {
            prepared_statement_handle: Bytes::from_static(b"handle"),
            dataset_schema: Bytes::from_static(b"schema"),
            parameter_schema: Bytes::new(),
            is_update: Some(false),
        };
        let read: ActionCreatePreparedStatementResult =
            decode_any(&ours.to_any().encode_to_vec()).unwrap();
        assert_eq!(read.prepared_statement_handle, "handle");
        assert_eq!(read.dataset_schema, "schema");
    }

    #[test]
    fn wrong_and_broken_messages_are_refused() {
        let other = CreatePreparedStatementResult::default().to_any();
        let wrong =
            decode_any::<ActionClosePreparedStatementRequest>(&other.encode_to_vec()).unwrap_err();
        assert_eq!(wrong.code(), tonic::Code::InvalidArgument);
        let broken = decode_any::<ActionClosePreparedStatementRequest>(&[0xff; 9]).unwrap_err();
        assert_eq!(broken.message(), "the bytes are no message Any");
    }

    #[test]
    fn option_values_have_the_wire_form_of_the_specification() {
        let value = SessionOptionValue {
            option_value: Some(OptionValue::Int64(1)),
        };
        assert_eq!(value.encode_to_vec(), [0x19, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(
            SessionOptionValue::string("a").encode_to_vec(),
            [0x0a, 1, b'a']
        );
    }
}
