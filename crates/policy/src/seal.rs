//! Steps 13 and 15 of the rewriting: the text of a tree, read back and checked.

use std::sync::Arc;

use model::{Error, ErrorKind, Expected, Positions, Result};
use serde_json::Value;
use tree::{Parser, build};

use crate::checker;
use crate::rights::Rights;

/// A query's final text.
pub(crate) struct Sealed {
    pub(crate) sql: Arc<str>,
    /// What it names.
    pub(crate) expected: Arc<Expected>,
    /// Where its parts stand in the user's text.
    pub(crate) positions: Positions,
}

/// Prints a rewritten tree, and says what the text names. The text is what was meant: read back it
/// is the same tree, and another reader of it finds nothing that the rights do not allow. The tree is
/// in canonical form then.
///
/// # Errors
/// `NotSupported` for what does not survive printing; `TooComplex` for what has become too much;
/// `Internal` where the checker objects.
pub(crate) fn seal(tree: &mut Value, rights: Rights<'_>, parser: &Parser) -> Result<Sealed> {
    let (sealed, read_back) = read_back(tree, parser)?;
    let expected = checker::check(&read_back, rights)?;
    Ok(sealed.naming(expected))
}

/// The same for the query whose rows a statement is to change; see [`checker::check_source`].
pub(crate) fn seal_source(
    tree: &mut Value,
    source: &Value,
    rights: Rights<'_>,
    parser: &Parser,
) -> Result<Sealed> {
    let (sealed, read_back) = read_back(tree, parser)?;
    let expected = checker::check_source(&read_back, rights, source)?;
    Ok(sealed.naming(expected))
}

impl Sealed {
    fn naming(self, expected: Expected) -> Self {
        Self {
            expected: Arc::new(expected),
            ..self
        }
    }
}

/// The text, and the tree that it is read as.
fn read_back(tree: &mut Value, parser: &Parser) -> Result<(Sealed, Value)> {
    tree::normalize(tree)?;
    let sql = parser.print(tree)?;
    let unfaithful = |e: Error| match e.kind() {
        // With what policy puts in place of names it is too much, and faithful as far as it was read.
        ErrorKind::TooComplex => e,
        _ => Error::not_supported("this form of SQL")
            .with_cause(format!("it does not survive printing: {e:?}")),
    };
    let mut read_back = parser.parse(&sql).map_err(unfaithful)?;
    tree::check(&read_back).map_err(unfaithful)?;
    let mut pairs = Vec::new();
    pair(&read_back, tree, &mut pairs);
    tree::canonicalize(&mut read_back);
    tree::canonicalize(tree);
    // The parameters stand in the tree; the list of them is in no order.
    tree["named_param_map"] = read_back["named_param_map"].clone();
    if read_back != *tree {
        return Err(unfaithful(Error::internal("another tree was read back")));
    }
    let sealed = Sealed {
        sql: sql.into(),
        expected: Arc::default(),
        positions: Positions::new(pairs),
    };
    Ok((sealed, read_back))
}

/// The places of the same parts in two trees, as far as these are alike. What policy has made has none.
fn pair(read_back: &Value, written: &Value, pairs: &mut Vec<(u32, u32)>) {
    match (read_back, written) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).for_each(|(a, b)| pair(a, b, pairs));
        }
        (Value::Object(a), Value::Object(b)) => {
            let place = |value: Option<&Value>| {
                let place = value?.as_u64().filter(|place| *place != build::NOWHERE)?;
                u32::try_from(place).ok()
            };
            let location = "query_location";
            if let (Some(a), Some(b)) = (place(a.get(location)), place(b.get(location))) {
                pairs.push((a, b));
            }
            for (name, b) in b {
                if let Some(a) = a.get(name) {
                    pair(a, b, pairs);
                }
            }
        }
        _ => {}
    }
}
