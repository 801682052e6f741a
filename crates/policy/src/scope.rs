//! Names in FROM: what they stand for, and what references to them become.

use model::{Column, RelationName, fold};

use crate::reserved::is_reserved;

/// An item of FROM, by the names that columns can be qualified with.
#[derive(Debug)]
pub(crate) struct FromItem {
    /// The name it goes by: its alias, else the relation's name as written. Empty where it has none.
    name: String,
    folded: String,
    /// The full name that also qualifies, where it is a relation without an alias.
    pub(crate) full: Option<RelationName>,
    /// Its columns where they are known: a relation without renamed columns.
    pub(crate) columns: Option<Vec<Column>>,
    /// The generated name that it gets instead, if it needs one.
    pub(crate) renamed: Option<String>,
}

impl FromItem {
    /// An item of that name, of which nothing else is known.
    pub(crate) fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            folded: fold(name),
            full: None,
            columns: None,
            renamed: None,
        }
    }

    pub(crate) fn folded_name(&self) -> &str {
        &self.folded
    }

    /// The name after the rewriting.
    pub(crate) fn new_name(&self) -> &str {
        self.renamed.as_deref().unwrap_or(&self.name)
    }

    /// Whether it goes by that folded name.
    pub(crate) fn is_named(&self, folded: &str) -> bool {
        !folded.is_empty() && self.folded == folded
    }

    fn has_column(&self, name: &str) -> bool {
        self.columns
            .as_ref()
            .is_none_or(|columns| columns.iter().any(|c| c.name.eq_ignore_ascii_case(name)))
    }

    /// Whether that many leading parts of a column reference, folded, name this item, and it may have
    /// the column that follows them.
    fn is_qualified_by(&self, folded: &[String], len: usize) -> bool {
        let Some((name, before)) = folded.get(..len).and_then(<[String]>::split_last) else {
            return false;
        };
        if !self.is_named(name) || !folded.get(len).is_some_and(|c| self.has_column(c)) {
            return false;
        }
        let is_catalog = |name: &str, full: &RelationName| name == fold(&full.catalog);
        let is_schema = |name: &str, full: &RelationName| {
            name == fold(&full.schema) || name == "public" && full.schema == "main"
        };
        match (before, &self.full) {
            ([], _) => true,
            ([first], Some(full)) => is_catalog(first, full) || is_schema(first, full),
            ([catalog, schema], Some(full)) => is_catalog(catalog, full) && is_schema(schema, full),
            _ => false,
        }
    }
}

/// The names of one FROM. Stacked for nested queries, innermost last.
#[derive(Debug, Default)]
pub(crate) struct FromScope(pub(crate) Vec<FromItem>);

/// Rewrites the qualifier of a column reference to the new name of the item it means. References
/// that name no item are left for DuckDB to judge: fields of structs, lambda parameters, errors.
pub(crate) fn requalify(scopes: &[FromScope], names: &mut Vec<String>) {
    let folded: Vec<String> = names.iter().map(|name| fold(name)).collect();
    for scope in scopes.iter().rev() {
        // The longest first, as DuckDB does.
        for len in [3, 2, 1] {
            let mut items = scope.0.iter();
            if let Some(item) = items.find(|item| item.is_qualified_by(&folded, len)) {
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
        if let [name] = folded.as_slice()
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
        items.any(|item| item.is_named(&fold(name)))
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
