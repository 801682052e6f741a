//! What names of one to three parts mean among what a principal sees.

use model::{Catalog, Error, ErrorKind, RelationName, Result, TEMPORARY, fold};

use crate::access::Access;
use crate::file::Privilege;
use crate::view::View;

impl View {
    /// Resolves a sequence's name of one to three parts, as a relation's.
    pub(crate) fn sequence(&self, parts: &[&str]) -> Result<&RelationName> {
        let home = self.default_catalog();
        let found = match parts {
            [name] => self.visible().sequence(home, "main", name),
            [first, name] => {
                let in_schema = self.visible().sequence(home, first, name);
                let in_catalog = self.visible().sequence(first, "main", name);
                match (in_schema, in_catalog) {
                    (Some(a), Some(b)) if a != b => return Err(ambiguous(parts, a, b)),
                    (schema, catalog) => schema.or(catalog),
                }
            }
            [catalog, schema, name] => self.visible().sequence(catalog, schema, name),
            _ => None,
        };
        found.ok_or_else(|| {
            Error::new(
                ErrorKind::UndefinedTable,
                format!("sequence \"{}\" does not exist", parts.join(".")),
            )
        })
    }

    /// Resolves a relation's name of one to three parts in a statement of the principal's own. A name of
    /// one part means what is temporary first. So it does with the schema `main` for DuckDB, but not
    /// for PostgreSQL: a name that both could mean is an error.
    pub(crate) fn resolve(&self, parts: &[&str]) -> Result<&Access> {
        let access = self.resolve_to_drop(parts)?;
        let reads = access.privileges.contains(&Privilege::Select);
        if access.name.is_temporary() && !reads {
            let name = parts.join(".");
            return Err(Error::new(
                ErrorKind::UndefinedTable,
                format!("relation \"{name}\" can't be used, as what it reads does not exist"),
            )
            .with_hint("drop it"));
        }
        Ok(access)
    }

    /// The same, also for what is temporary and can only be dropped.
    pub(crate) fn resolve_to_drop(&self, parts: &[&str]) -> Result<&Access> {
        let home = (self.default_catalog(), "main");
        let temporary = |name| self.visible().relation(TEMPORARY, "main", name);
        match parts {
            [name] if let Some(found) = temporary(name) => {
                let access = self.access(&found.name);
                access.ok_or_else(|| undefined(parts))
            }
            [schema, name] if fold(schema) == "main" && temporary(name).is_some() => {
                let stored = self.resolve_in(home, parts)?;
                Err(ambiguous(
                    parts,
                    &stored.name,
                    &RelationName::new(TEMPORARY, "main", *name),
                ))
            }
            _ => self.resolve_in(home, parts),
        }
    }

    /// The same of what does not exist for the principal, as its rules do not fit it or what it reads is
    /// gone, and which the principal may drop.
    pub(crate) fn resolve_unreadable(&self, parts: &[&str]) -> Option<&Access> {
        let home = self.default_catalog();
        let meant = match parts {
            [name] => vec![[home, "main", name]],
            [first, name] => vec![[home, first, name], [first, "main", name]],
            [catalog, schema, name] => vec![[*catalog, *schema, *name]],
            _ => vec![],
        };
        let is_meant = |access: &&Access| {
            let own = [&access.name.catalog, &access.name.schema, &access.name.name];
            let own = own.map(|part| fold(part));
            meant.iter().any(|meant| meant.map(fold) == own)
        };
        let mut found = self.unreadable().iter().filter(is_meant);
        found.next().filter(|_| found.next().is_none())
    }

    /// Resolves a relation's name of one to three parts, as DuckDB does: two parts are a schema of
    /// the home catalog, or a catalog.
    pub(crate) fn resolve_in(&self, home: (&str, &str), parts: &[&str]) -> Result<&Access> {
        let found = match parts {
            [name] => self.visible().relation(home.0, home.1, name),
            [first, name] => {
                let in_schema = self.visible().relation(home.0, first, name);
                let in_catalog = self.visible().relation(first, "main", name);
                match (in_schema, in_catalog) {
                    (Some(a), Some(b)) if a.name != b.name => {
                        return Err(ambiguous(parts, &a.name, &b.name));
                    }
                    (schema, catalog) => schema.or(catalog),
                }
            }
            [catalog, schema, name] => self.visible().relation(catalog, schema, name),
            _ => None,
        };
        found
            .and_then(|relation| self.access(&relation.name))
            .ok_or_else(|| undefined(parts))
    }

    /// The full name that a new relation of this name gets, and whether its catalog takes writes.
    pub(crate) fn place(&self, parts: &[String]) -> Result<(RelationName, &Catalog)> {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let default = self.visible().catalog(self.default_catalog());
        let (catalog, schema, name) = match parts.as_slice() {
            [name] => (default, "main", *name),
            [first, name] => match default.filter(|c| c.schema(first).is_some()) {
                Some(catalog) => (Some(catalog), *first, *name),
                None => (self.visible().catalog(first), "main", *name),
            },
            [catalog, schema, name] => (self.visible().catalog(catalog), *schema, *name),
            _ => (None, "", ""),
        };
        let catalog = catalog.ok_or_else(|| {
            Error::new(
                ErrorKind::UndefinedCatalog,
                format!("no catalog for \"{}\"", parts.join(".")),
            )
        })?;
        let schema = catalog.schema(schema).ok_or_else(|| {
            Error::new(
                ErrorKind::UndefinedSchema,
                format!("schema \"{schema}\" does not exist"),
            )
        })?;
        Ok((
            RelationName::new(&catalog.name, &schema.name, name),
            catalog,
        ))
    }
}

fn ambiguous(parts: &[&str], one: &RelationName, other: &RelationName) -> Error {
    let name = parts.join(".");
    Error::new(
        ErrorKind::AmbiguousColumn,
        format!("\"{name}\" could be {one} or {other}"),
    )
}

fn undefined(parts: &[&str]) -> Error {
    let name = parts.join(".");
    let system = match parts {
        [.., schema, _] if matches!(fold(schema).as_str(), "pg_catalog" | "information_schema") => {
            true
        }
        [name] => ["pg_", "duckdb_", "sqlite_", "pragma_"]
            .iter()
            .any(|p| fold(name).starts_with(p)),
        _ => false,
    };
    if system {
        return Error::not_supported(format_args!("the system catalog {name}"));
    }
    Error::new(
        ErrorKind::UndefinedTable,
        format!("relation \"{name}\" does not exist"),
    )
}
