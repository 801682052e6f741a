//! Parameters of Bind as values of the plan's types.

mod array;
mod binary;
mod number;
mod text;
mod when;

use bytes::Bytes;
use jiff::tz::TimeZone;
use model::{Error, ErrorKind, ParamValue, Result, SqlType};

use crate::query::Parameter;
use crate::types::{Format, oid};

/// Reads the values of a Bind. `zone` is the session's TimeZone, for texts without an offset.
///
/// # Errors
/// `Protocol`: counts that do not fit. `InvalidText`, `InvalidBinary`, `NumericOutOfRange`,
/// `DatetimeOverflow`, `CharacterNotInRepertoire`: a value that is none of its type.
pub(crate) fn decode(
    parameters: &[Parameter],
    formats: &[Format],
    values: &[Option<Bytes>],
    statement: &str,
    zone: &str,
) -> Result<Vec<ParamValue>> {
    if values.len() != parameters.len() {
        let message = format!(
            "bind message supplies {} parameters, but prepared statement \"{statement}\" requires {}",
            values.len(),
            parameters.len()
        );
        return Err(Error::new(ErrorKind::Protocol, message));
    }
    if formats.len() > 1 && formats.len() != values.len() {
        let message = format!(
            "bind message has {} parameter formats but {} parameters",
            formats.len(),
            values.len()
        );
        return Err(Error::new(ErrorKind::Protocol, message));
    }
    let format = |i: usize| match formats {
        [] => Format::Text,
        [all] => *all,
        each => each[i],
    };
    let context = Context { zone };
    let pairs = parameters.iter().zip(values).enumerate();
    pairs
        .map(|(i, (parameter, value))| {
            let Some(bytes) = value else {
                return Ok(ParamValue::Null);
            };
            context
                .value(parameter, format(i), bytes)
                .map_err(|error| error.with_detail(format!("parameter ${}", i + 1)))
        })
        .collect()
}

/// What reading a value may depend on.
pub(crate) struct Context<'a> {
    zone: &'a str,
}

impl Context<'_> {
    fn value(&self, parameter: &Parameter, format: Format, bytes: &Bytes) -> Result<ParamValue> {
        let target = match parameter.declared {
            true => oid::declared(parameter.oid).unwrap_or(SqlType::Unknown),
            false => parameter.sql_type.clone(),
        };
        match format {
            Format::Text => self.text(&target, utf8(bytes)?),
            Format::Binary => fit(self.binary(parameter.oid, bytes)?, &target),
        }
    }

    fn zone(&self) -> Result<TimeZone> {
        TimeZone::get(self.zone).map_err(|error| {
            let message = format!("time zone \"{}\" has no known offsets", self.zone);
            Error::new(ErrorKind::InvalidParameterValue, message).with_cause(error)
        })
    }
}

/// Text without what DuckDB's texts can't hold.
fn utf8(bytes: &[u8]) -> Result<&str> {
    let bad = |message| Error::new(ErrorKind::CharacterNotInRepertoire, message);
    if bytes.contains(&0) {
        return Err(bad("invalid byte sequence for encoding \"UTF8\": 0x00"));
    }
    std::str::from_utf8(bytes).map_err(|_| bad("invalid byte sequence for encoding \"UTF8\""))
}

/// Turns a value that came under the id of a wider type, such as numeric for UBIGINT, to the
/// plan's type.
fn fit(value: ParamValue, target: &SqlType) -> Result<ParamValue> {
    let whole = match value {
        ParamValue::SmallInt(n) => i128::from(n),
        ParamValue::Integer(n) => i128::from(n),
        ParamValue::BigInt(n) => i128::from(n),
        ParamValue::Decimal {
            unscaled, scale: 0, ..
        } => unscaled,
        ParamValue::List(_, items) => {
            let (SqlType::List(element) | SqlType::Array(element, _)) = target else {
                return Err(invalid_binary("array"));
            };
            let items = items.iter().map(|item| fit(item.clone(), element));
            return array::list(element, items.collect::<Result<_>>()?);
        }
        other => return Ok(other),
    };
    match number::integer(whole, target) {
        Some(fitted) => fitted,
        None => Ok(value),
    }
}

/// The error for text that is no value of its type.
fn invalid_text(name: &str, text: &str) -> Error {
    let shown: String = text.chars().take(100).collect();
    let message = format!("invalid input syntax for type {name}: \"{shown}\"");
    Error::new(ErrorKind::InvalidText, message)
}

/// The error for bytes that are no value of their type.
fn invalid_binary(name: &str) -> Error {
    let message = format!("incorrect binary data format for type {name}");
    Error::new(ErrorKind::InvalidBinary, message)
}

#[cfg(test)]
mod tests;
