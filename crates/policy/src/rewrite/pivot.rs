//! PIVOT and UNPIVOT in FROM.

use std::collections::VecDeque;

use model::{Error, ErrorKind, Result, fold};
use serde_json::{Value, json};
use tree::build;
use tree::grammar::{Field, text};

use super::{Rewriter, located, names};
use crate::scope::FromScope;

impl Rewriter<'_> {
    /// PIVOT and UNPIVOT are queries of their own: names inside mean columns of their source, and their
    /// own alias is all that is seen from outside.
    pub(super) fn pivot(&mut self, pivot: &mut Value) -> Result<()> {
        if text(&pivot["source"], "type") == "JOIN" {
            // The printer would not say where the join ends.
            let join = build::select(vec![build::star()], pivot["source"].take(), None, false);
            pivot["source"] = build::subquery(join, "", json!([]), Value::Null);
        }
        let mut scope = FromScope::default();
        let mut tables = VecDeque::new();
        self.gather(&pivot["source"], &mut scope, &mut tables)?;
        self.rename_alike(&mut scope);
        self.froms.push(scope);
        self.visit(&mut pivot["source"], Field::Table)?;
        self.field(pivot, "aggregates", Field::Exprs)?;
        self.field(pivot, "pivots", Field::Pivots)?;
        for group in names(&pivot["groups"]) {
            // Bound like a column, where the source has none of that name.
            let other = fold(group) == "rowid" || self.calls.bare(&fold(group))?.is_some();
            if other && !self.is_given(&fold(group)) {
                return Err(located(undefined_column(group), pivot));
            }
        }
        let scope = self.froms.pop().unwrap_or_default();
        self.replace(&mut pivot["source"], &mut scope.0.into_iter(), &mut tables)
    }
}

/// The names of the columns that an UNPIVOT makes of others.
pub(super) fn made_columns(table: &Value) -> impl Iterator<Item = &str> {
    let pivots = table["pivots"].as_array().into_iter().flatten();
    pivots
        .chain([table])
        .flat_map(|p| names(&p["unpivot_names"]))
}

pub(super) fn undefined_column(name: &str) -> Error {
    Error::new(
        ErrorKind::UndefinedColumn,
        format!("column \"{name}\" does not exist"),
    )
}
