//! Columns that DuckDB computes of others of their row: they would show what those hide.

use std::collections::BTreeMap;

use model::{ConstraintKind, Relation, fold};

/// How a column is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// As it is, where a grant reaches it. One that reaches what is computed of it, and not the column
    /// itself, names the former.
    Raw,
    /// By a mask.
    Masked,
}

/// Folded names of the columns that stay hidden as they are computed of a masked column, or of a
/// hidden one and no grant names them. One with a mask of its own is that mask's affair.
pub(crate) fn withheld(
    relation: &Relation,
    mut shown: BTreeMap<String, Shown>,
    is_named: impl Fn(&str) -> bool,
) -> Vec<String> {
    let constraints = relation.constraints.iter();
    let generated: Vec<&[String]> = constraints
        .filter(|c| c.kind == ConstraintKind::Generated)
        .map(|c| c.columns.as_slice())
        .collect();
    let mut withheld = vec![];
    // One may be computed of another.
    loop {
        let tells = |column: &String, of: &[String]| {
            let of = || of.iter().map(|c| shown.get(&fold(c)));
            shown.get(&fold(column)) == Some(&Shown::Raw)
                && (of().any(|s| s == Some(&Shown::Masked))
                    || of().any(|s| s.is_none()) && !is_named(column))
        };
        let next = generated.iter().find_map(|columns| {
            let (column, of) = columns.split_first()?;
            tells(column, of).then(|| fold(column))
        });
        let Some(column) = next else {
            return withheld;
        };
        shown.insert(column.clone(), Shown::Masked);
        withheld.push(column);
    }
}
