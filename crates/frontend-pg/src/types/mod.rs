//! Values as PostgreSQL clients read them: which type, and its text and binary forms.

mod array;
mod binary;
pub(crate) mod datetime;
pub(crate) mod interval;
mod json;
pub(crate) mod numeric;
pub(crate) mod oid;
mod text;
mod values;

use jiff::tz::TimeZone;
use model::{Error, ErrorKind, Result};

pub(crate) use array::put_sized;
pub(crate) use oid::PgType;
pub(crate) use values::Values;

/// How a client wants one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Format code 0.
    Text,
    /// Format code 1.
    Binary,
}

/// How `bytea` is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteaOutput {
    /// `\x00ff`
    Hex,
    /// `\000\377`
    Escape,
}

/// The session's settings that change texts, read when a statement starts.
#[derive(Clone, Debug)]
pub(crate) struct Style {
    /// Zone of the texts of TIMESTAMPTZ. `None` where only DuckDB knows the session's zone, as it
    /// does some names of old, such as `PST`.
    pub(crate) time_zone: Option<TimeZone>,
    /// `bytea_output`
    pub(crate) bytea_output: ByteaOutput,
    /// `extra_float_digits`
    pub(crate) extra_float_digits: i32,
}

impl Style {
    /// # Errors
    /// `InvalidParameterValue`: the session's zone is not known here.
    pub(crate) fn zone(&self) -> Result<&TimeZone> {
        self.time_zone.as_ref().ok_or_else(|| {
            let message = "the session's time zone has no known offsets";
            Error::new(ErrorKind::InvalidParameterValue, message)
                .with_hint("set TimeZone to a name of the IANA database")
        })
    }
}

impl Default for Style {
    fn default() -> Self {
        Self {
            time_zone: Some(TimeZone::UTC),
            bytea_output: ByteaOutput::Hex,
            extra_float_digits: 1,
        }
    }
}

#[cfg(test)]
mod tests;
