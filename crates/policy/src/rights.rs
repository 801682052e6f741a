//! Whose rights a query is read with, and what its names are relative to.

use model::{Principal, RelationName, Result};

use crate::access::Access;
use crate::view::View;

/// How a query is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rights<'a> {
    /// What exists, and behind which barriers.
    pub(crate) view: &'a View,
    /// Who `current_user` and the like speak of.
    pub(crate) reader: &'a Principal,
    /// What `current_database()` says.
    pub(crate) database: &'a str,
    /// Whether names are resolved and nothing else is done, as for a view that is to be stored.
    pub(crate) names_only: bool,
    /// In a stored view, catalog and schema of names that have none.
    home: Option<(&'a str, &'a str)>,
}

impl<'a> Rights<'a> {
    /// Of a statement of the principal's own.
    pub(crate) fn of(view: &'a View) -> Self {
        Self {
            view,
            reader: view.principal(),
            database: view.default_catalog(),
            names_only: false,
            home: None,
        }
    }

    /// The same, to resolve names and judge functions only.
    pub(crate) fn names_only(view: &'a View) -> Self {
        Self::of(view).without_barriers()
    }

    /// Of a stored view's query, which `reader` reads with the rights of `view`'s principal.
    pub(crate) fn of_stored(view: &'a View, reader: &'a View, stored: &'a RelationName) -> Self {
        Self {
            view,
            home: Some((&stored.catalog, &stored.schema)),
            ..Self::of(reader)
        }
    }

    /// The same, to resolve names and judge functions only.
    pub(crate) fn without_barriers(self) -> Self {
        Self {
            names_only: true,
            ..self
        }
    }

    pub(crate) fn resolve(&self, parts: &[&str]) -> Result<&'a Access> {
        match self.home {
            Some(home) => self.view.resolve_in(home, parts),
            None => self.view.resolve(parts),
        }
    }
}
