//! What of a policy hangs on a name: a table or column that is renamed, dropped or changed must not
//! get away from the rules about it.

use std::collections::BTreeSet;

use model::{RelationName, Result, fold};
use serde_json::Value;
use tree::Parser;
use tree::grammar::text;

use crate::file::At;
use crate::pattern::Pattern;
use crate::rules::MaskValue;
use crate::set::PolicySet;

/// What becomes of a column.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ColumnChange<'a> {
    /// It is new: only expressions may hang on its name, as `current_user` is a column where there is
    /// one.
    Added,
    /// It gets this name.
    Renamed(&'a str),
    Dropped,
    /// It gets another type.
    Retyped,
}

impl PolicySet {
    /// The place of a rule, whomever it is for, that is about one of two relations of these names and
    /// not about the other.
    pub(crate) fn rule_between(&self, old: &RelationName, new: &RelationName) -> Option<String> {
        let differs = |on: &Pattern<3>| on.matches(old) != on.matches(new);
        let rules = &self.rules;
        let grants = rules.grants.iter().map(|g| (&g.on, g.at));
        let restricts = rules.restricts.iter().map(|r| (&r.on, r.at));
        let denies = rules.denies.iter().map(|d| (&d.on, d.at));
        let mappings = rules.mappings.iter().map(|m| (&m.on, m.at));
        let mut relations = grants.chain(restricts).chain(denies).chain(mappings);
        let mut masks = rules.masks.iter().filter(|m| {
            let mut patterns = m.on.iter();
            patterns.any(|on| on.matches_relation(old) != on.matches_relation(new))
        });
        let found = relations
            .find(|(on, _)| differs(on))
            .map(|(_, at)| at)
            .or_else(|| masks.next().map(|m| m.at));
        match found {
            Some(at) => Some(self.place(at)),
            None => {
                let opaque = rules.opaque.iter().find(|(_, on)| differs(on));
                opaque.map(|(_, on)| format!("opaque {on}"))
            }
        }
    }

    /// The place of a rule, whomever it is for, that would not hold of a relation just the same if one
    /// of its columns were changed.
    ///
    /// # Errors
    /// Those of reading an expression of the policy.
    pub(crate) fn rule_on_column(
        &self,
        name: &RelationName,
        column: &str,
        change: ColumnChange<'_>,
        parser: &Parser,
    ) -> Result<Option<String>> {
        let mut names = vec![fold(column)];
        if let ColumnChange::Renamed(to) = change {
            names.push(fold(to));
        }
        let is_new = matches!(change, ColumnChange::Added);
        let listed = |columns: Option<&BTreeSet<String>>| {
            !is_new && columns.is_some_and(|columns| names.iter().any(|n| columns.contains(n)))
        };
        let mentioned = |expression: &str| -> Result<bool> {
            Ok(mentions(
                &plan::parse_expression(expression, parser)?,
                &names,
            ))
        };
        let found = |at: At| Ok(Some(self.place(at)));
        // Any rule may look up any of its columns.
        let mut mappings = self.rules.mappings.iter();
        if let Some(mapping) = mappings.find(|m| m.on.matches(name))
            && !is_new
        {
            return found(mapping.at);
        }
        for grant in self.rules.grants.iter().filter(|g| g.on.matches(name)) {
            let in_rows = grant.rows.as_deref().map(mentioned).transpose()?;
            if listed(grant.columns.as_ref()) || in_rows == Some(true) {
                return found(grant.at);
            }
        }
        for restrict in self.rules.restricts.iter().filter(|r| r.on.matches(name)) {
            if mentioned(&restrict.rows)? {
                return found(restrict.at);
            }
        }
        for deny in self.rules.denies.iter().filter(|d| d.on.matches(name)) {
            if listed(deny.columns.as_ref()) {
                return found(deny.at);
            }
        }
        for mask in &self.rules.masks {
            let mut here = mask
                .on
                .iter()
                .filter(|on| on.matches_relation(name))
                .peekable();
            if here.peek().is_none() {
                continue;
            }
            let in_value = match &mask.value {
                MaskValue::Expression(expression) => mentioned(expression)?,
                MaskValue::BuiltIn(_) => false,
            };
            let differs = here.any(|on| match change {
                ColumnChange::Added => false,
                ColumnChange::Renamed(to) => on.matches(name, column) != on.matches(name, to),
                ColumnChange::Dropped => on.part(3) == Some(&fold(column)),
                // A mask is of its column's own type, also one that is for every column.
                ColumnChange::Retyped => on.matches(name, column),
            });
            if in_value || differs {
                return found(mask.at);
            }
        }
        Ok(None)
    }
}

/// Whether an expression refers to one of these columns, or could.
fn mentions(expr: &Value, names: &[String]) -> bool {
    match expr {
        Value::Array(items) => items.iter().any(|item| mentions(item, names)),
        Value::Object(fields) => {
            let parts = expr["column_names"].as_array().into_iter().flatten();
            let mut parts = parts.filter_map(Value::as_str);
            text(expr, "class") == "COLUMN_REF" && parts.any(|p| names.contains(&fold(p)))
                || fields.values().any(|field| mentions(field, names))
        }
        _ => false,
    }
}
