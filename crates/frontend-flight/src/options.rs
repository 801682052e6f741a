//! Session options: `catalog`, `schema`, and the session's settings by their SQL names.

use std::collections::HashMap;

use model::{Error, ErrorKind, Result};
use tonic::Status;

use crate::error::status;
use crate::message::{
    GetSessionOptionsRequest, GetSessionOptionsResult, OptionValue, SessionOptionError,
    SessionOptionErrorValue, SessionOptionValue, SetSessionOptionsRequest, SetSessionOptionsResult,
};
use crate::session::Session;

/// The one schema that names without a schema mean.
const SCHEMA: &str = "main";

/// SetSessionOptions. What is wrong with one option is told for that option.
pub(crate) async fn set(
    session: &Session,
    request: &SetSessionOptionsRequest,
) -> Result<SetSessionOptionsResult, Status> {
    session
        .must_last("setting options")
        .map_err(|e| status(&e))?;
    let mut errors = HashMap::new();
    for (name, value) in &request.session_options {
        if let Err(error) = set_one(session, name, value.option_value.as_ref()).await {
            tracing::debug!(door = "flight", option = name, %error, "session option refused");
            let value = error_value(error.kind()) as i32;
            errors.insert(name.clone(), SessionOptionError { value });
        }
    }
    Ok(SetSessionOptionsResult { errors })
}

/// GetSessionOptions.
pub(crate) fn get(session: &Session, _: &GetSessionOptionsRequest) -> GetSessionOptionsResult {
    let gateway = session.gateway();
    let mut options: HashMap<String, SessionOptionValue> = gateway
        .reportable_settings()
        .into_iter()
        .map(|(name, value)| (name, SessionOptionValue::string(value)))
        .collect();
    options.insert(
        String::from("catalog"),
        SessionOptionValue::string(gateway.database()),
    );
    options.insert(String::from("schema"), SessionOptionValue::string(SCHEMA));
    GetSessionOptionsResult {
        session_options: options,
    }
}

async fn set_one(session: &Session, name: &str, value: Option<&OptionValue>) -> Result<()> {
    let text = value.map(text);
    match (name, text) {
        ("catalog", Some(catalog)) => session.use_catalog(&catalog).await,
        ("schema", None) => Ok(()),
        ("schema", Some(schema)) if schema == SCHEMA => Ok(()),
        ("schema", Some(_)) => Err(Error::new(
            ErrorKind::UndefinedSchema,
            "names without a schema always mean the schema main",
        )),
        (name, Some(text)) => session.gateway().set_startup(name, &text),
        (_, None) => Err(Error::not_supported("erasing an option")),
    }
}

fn text(value: &OptionValue) -> String {
    match value {
        OptionValue::String(text) => text.clone(),
        OptionValue::Bool(value) => value.to_string(),
        OptionValue::Int64(value) => value.to_string(),
        OptionValue::Double(value) => value.to_string(),
        OptionValue::StringList(list) => list.values.join(","),
    }
}

fn error_value(kind: ErrorKind) -> SessionOptionErrorValue {
    match kind {
        ErrorKind::UndefinedObject => SessionOptionErrorValue::InvalidName,
        ErrorKind::InvalidParameterValue
        | ErrorKind::UndefinedCatalog
        | ErrorKind::UndefinedSchema => SessionOptionErrorValue::InvalidValue,
        _ => SessionOptionErrorValue::Error,
    }
}
