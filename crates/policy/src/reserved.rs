//! Names that policy makes itself. What runs refers to rows, values and numbers by them, so nothing of
//! anybody else's may be called so.

use model::{Column, Error, ErrorKind, Result};

use crate::compile::SELF;

/// Prefix of every generated name but [`SELF`], which it begins with.
pub(crate) const GENERATED: &str = "__eider_";

/// Whether a name could be taken for one of policy's.
pub(crate) fn is_reserved(name: &str) -> bool {
    let start = name.as_bytes().get(..SELF.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(SELF.as_bytes()))
}

/// Fails for names that policy makes itself.
///
/// # Errors
/// `InvalidParameterValue`.
pub(crate) fn unless_reserved(name: &str) -> Result<()> {
    match is_reserved(name) {
        false => Ok(()),
        true => Err(Error::new(
            ErrorKind::InvalidParameterValue,
            format!("names that begin with {SELF} are reserved"),
        )),
    }
}

/// Fails where a relation has a column of such a name, as one that a database file brings may.
///
/// # Errors
/// `InvalidParameterValue`, for the log.
pub(crate) fn unless_reserved_columns(columns: &[Column]) -> Result<()> {
    columns.iter().try_for_each(|c| unless_reserved(&c.name))
}
