//! Names in FROM: what they stand for, and what references to them become.

use model::{Column, RelationName, fold};

use crate::reserved::is_reserved;

/// An item of FROM, by the names that columns can be qualified with.
#[derive(Debug)]
pub(crate) struct FromItem {
    /// The name it goes by: its alias, else the relation's name as written. Empty where it has none.
    pub(crate) name: String,
    /// The full name that also qualifies, where it is a relation without an alias.
    pub(crate) full: Option<RelationName>,
    /// Its columns where they are known: a relation without renamed columns.
    pub(crate) columns: Option<Vec<Column>>,
    /// The generated name that it gets instead, if it needs one.
    pub(crate) renamed: Option<String>,
}

impl FromItem {
    /// The name after the rewriting.
    pub(crate) fn new_name(&self) -> &str {
        self.renamed.as_deref().unwrap_or(&self.name)
    }

    pub(crate) fn is_named(&self, name: &str) -> bool {
        !self.name.is_empty() && fold(&self.name) == fold(name)
    }

    fn has_column(&self, name: &str) -> bool {
        self.columns
            .as_ref()
            .is_none_or(|columns| columns.iter().any(|c| c.name.eq_ignore_ascii_case(name)))
    }

    /// How many leading parts of a column reference name this item, tried in DuckDB's order:
    /// catalog.schema.table, catalog.table, schema.table, table.
    fn qualifier_len(&self, names: &[String], len: usize) -> bool {
        if names.len() <= len || !self.has_column(&names[len]) {
            return false;
        }
        let same = |a: &str, b: &str| fold(a) == fold(b);
        match (len, &self.full) {
            (1, _) => self.is_named(&names[0]),
            (2, Some(full)) => {
                self.is_named(&names[1])
                    && (same(&names[0], &full.catalog)
                        || same(&names[0], &full.schema)
                        || is_public(&names[0], full))
            }
            (3, Some(full)) => {
                self.is_named(&names[2])
                    && same(&names[0], &full.catalog)
                    && (same(&names[1], &full.schema) || is_public(&names[1], full))
            }
            _ => false,
        }
    }
}

fn is_public(name: &str, full: &RelationName) -> bool {
    fold(name) == "public" && full.schema == "main"
}

/// The names of one FROM. Stacked for nested queries, innermost last.
#[derive(Debug, Default)]
pub(crate) struct FromScope(pub(crate) Vec<FromItem>);

/// Rewrites the qualifier of a column reference to the new name of the item it means. References
/// that name no item are left for DuckDB to judge: fields of structs, lambda parameters, errors.
pub(crate) fn requalify(scopes: &[FromScope], names: &mut Vec<String>) {
    for scope in scopes.iter().rev() {
        for len in [3, 2, 1] {
            if let Some(item) = scope.0.iter().find(|item| item.qualifier_len(names, len)) {
                if len > 1 || item.renamed.is_some() {
                    let rest = names.split_off(len);
                    names.clear();
                    names.push(item.new_name().to_owned());
                    names.extend(rest);
                }
                return;
            }
        }
        // A bare name of an item is its whole row, where no column has that name.
        if let [name] = names.as_slice()
            && let Some(item) = scope.0.iter().find(|item| item.is_named(name))
            && !scope
                .0
                .iter()
                .any(|item| item.columns.is_some() && item.has_column(name))
            && let Some(renamed) = &item.renamed
        {
            *names = vec![renamed.clone()];
            return;
        }
    }
}

/// Whether a reference could mean a column of a name that policy keeps for itself. An item of FROM may
/// have such a name, and so qualify columns or be its whole row: it gets another.
pub(crate) fn means_reserved(scopes: &[FromScope], names: &[String]) -> bool {
    let is_item = |name: &str| {
        let mut items = scopes.iter().flat_map(|scope| &scope.0);
        items.any(|item| item.is_named(name))
    };
    match names {
        [name] => is_reserved(name) && !is_item(name),
        [_, rest @ ..] => rest.iter().any(|name| is_reserved(name)),
        [] => false,
    }
}

/// Whether some item of these scopes is known to have such a column.
pub(crate) fn some_column(scopes: &[FromScope], name: &str) -> bool {
    scopes
        .iter()
        .flat_map(|s| &s.0)
        .any(|item| item.columns.is_some() && item.has_column(name))
}
