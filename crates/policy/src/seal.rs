//! Steps 13 and 15 of the rewriting: the text of a tree, read back and checked.

use std::sync::Arc;

use model::{Error, Expected, Result};
use serde_json::Value;
use tree::Parser;

use crate::checker;
use crate::rights::Rights;

/// Prints a rewritten tree, and says what the text names. The text is what was meant: read back it
/// is the same tree, and another reader of it finds nothing that the rights do not allow. The tree is
/// in canonical form then.
///
/// # Errors
/// `NotSupported` for what does not survive printing; `Internal` where the checker objects.
pub(crate) fn seal(
    tree: &mut Value,
    rights: Rights<'_>,
    parser: &Parser,
) -> Result<(Arc<str>, Arc<Expected>)> {
    let (sql, read_back) = read_back(tree, parser)?;
    let expected = checker::check(&read_back, rights)?;
    Ok((sql, Arc::new(expected)))
}

/// The same for the query whose rows a statement is to change; see [`checker::check_source`].
pub(crate) fn seal_source(
    tree: &mut Value,
    source: &Value,
    rights: Rights<'_>,
    parser: &Parser,
) -> Result<(Arc<str>, Arc<Expected>)> {
    let (sql, read_back) = read_back(tree, parser)?;
    let expected = checker::check_source(&read_back, rights, source)?;
    Ok((sql, Arc::new(expected)))
}

fn read_back(tree: &mut Value, parser: &Parser) -> Result<(Arc<str>, Value)> {
    tree::normalize(tree)?;
    let sql = parser.print(tree)?;
    let unfaithful = |e: Error| {
        Error::not_supported("this form of SQL")
            .with_cause(format!("it does not survive printing: {e:?}"))
    };
    let mut read_back = parser.parse(&sql).map_err(unfaithful)?;
    tree::check(&read_back).map_err(unfaithful)?;
    tree::canonicalize(&mut read_back);
    tree::canonicalize(tree);
    // The parameters stand in the tree; the list of them is in no order.
    tree["named_param_map"] = read_back["named_param_map"].clone();
    if read_back != *tree {
        return Err(unfaithful(Error::internal("another tree was read back")));
    }
    Ok((sql.into(), read_back))
}
