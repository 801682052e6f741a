//! Columns that DuckDB computes of others.

use std::collections::BTreeSet;

use model::fold;

use super::rules::Rules;
use super::table::Table;

impl Rules {
    /// Columns that are computed of what is masked, or of what is hidden without being named.
    pub(super) fn telling<'t>(&self, who: &str, table: &'t Table) -> BTreeSet<&'t str> {
        let roles = self.roles(who);
        let grants = self.grants(&roles, table);
        let is_masked = |column: &str| self.mask_of(&roles, table, column).is_some();
        let holds = |names: &[String], column: &str| names.iter().any(|n| fold(n) == fold(column));
        let is_named = |column: &str| {
            let mut lists = grants.iter().filter_map(|g| g.columns.as_deref());
            lists.any(|names| holds(names, column))
        };
        let is_seen = |column: &str| {
            let mut denies = self
                .deny
                .iter()
                .filter(|d| d.audience.includes(&roles) && table.is_matched(&d.on));
            let mut lists = grants.iter().map(|g| g.columns.as_deref());
            lists.any(|names| names.is_none_or(|names| holds(names, column)))
                && !denies.any(|d| {
                    d.columns
                        .as_deref()
                        .is_some_and(|names| holds(names, column))
                })
        };
        let mut telling: BTreeSet<&str> = BTreeSet::new();
        loop {
            let before = telling.len();
            for (column, of) in &table.computed {
                let of_masked = is_masked(of) || telling.iter().any(|t| fold(t) == fold(of));
                if !is_masked(column) && (of_masked || !is_seen(of) && !is_named(column)) {
                    telling.insert(column.as_str());
                }
            }
            if telling.len() == before {
                return telling;
            }
        }
    }
}
