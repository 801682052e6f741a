//! Steps 13 and 15 of the rewriting: the text of a tree, read back and checked.

use std::sync::Arc;

use model::{Error, Expected, Result};
use serde_json::Value;
use tree::Parser;

use crate::checker;
use crate::rights::Rights;

/// Prints a rewritten tree, and says what the text names. The text is what was meant: read back it
/// is the same tree, and another reader of it finds nothing that the rights do not allow.
///
/// # Errors
/// `NotSupported` for what does not survive printing; `Internal` where the checker objects.
pub(crate) fn seal(
    tree: &mut Value,
    rights: Rights<'_>,
    parser: &Parser,
) -> Result<(Arc<str>, Arc<Expected>)> {
    tree::normalize(tree)?;
    let sql = parser.print(tree)?;
    let unfaithful = |e: Error| {
        Error::not_supported("this form of SQL")
            .with_cause(format!("it does not survive printing: {e:?}"))
    };
    let read_back = parser.parse(&sql).map_err(unfaithful)?;
    tree::check(&read_back).map_err(unfaithful)?;
    let read_back = tree::canonical(&read_back);
    if read_back != tree::canonical(tree) {
        return Err(unfaithful(Error::internal("another tree was read back")));
    }
    let expected = checker::check(&read_back, rights)?;
    Ok((sql.into(), Arc::new(expected)))
}
