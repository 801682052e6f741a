//! What exists: an immutable picture of all catalogs at one moment.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::SqlType;

/// Folds a name as DuckDB does: ASCII letters only. Anything else would make two names equal here
/// that DuckDB tells apart.
pub fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// The catalog of a session's temporary tables and views: DuckDB's name, which no configured catalog
/// has. It is there in the snapshots of sessions that have some.
pub const TEMPORARY: &str = "temp";

/// A resolved three-part name, spelled as the catalog spells it: of a relation, or of a sequence.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationName {
    /// Catalog, such as `nyc`.
    pub catalog: String,
    /// Schema, such as `main`.
    pub schema: String,
    /// Table, view or sequence.
    pub name: String,
}

impl RelationName {
    /// A name from its parts.
    pub fn new(
        catalog: impl Into<String>,
        schema: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        Self {
            catalog: catalog.into(),
            schema: schema.into(),
            name: name.into(),
        }
    }

    /// Whether it is of a session's own temporary objects, which no other session sees.
    pub fn is_temporary(&self) -> bool {
        self.catalog == TEMPORARY
    }
}

impl fmt::Display for RelationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.catalog, self.schema, self.name)
    }
}

/// Whether a catalog takes writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CatalogMode {
    /// Reads only.
    ReadOnly,
    /// Reads and writes; this process owns the file.
    ReadWrite,
}

/// What a relation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelationKind {
    /// A stored table, or a folder catalog's files seen as one.
    Table,
    /// A user's view.
    View,
}

/// A column of a relation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Column {
    /// The name as the catalog spells it.
    pub name: String,
    /// Its type.
    pub sql_type: SqlType,
    /// Whether NULL is allowed.
    pub nullable: bool,
}

/// A table or view.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Relation {
    /// The full name.
    pub name: RelationName,
    /// Table or view.
    pub kind: RelationKind,
    /// Columns in catalog order. For a view those that DuckDB gives it; none if it can't be bound.
    pub columns: Vec<Column>,
    /// Of a view: the CREATE VIEW that DuckDB keeps, whose names are those of the view's own schema.
    pub definition: Option<Arc<str>>,
    /// What holds between rows, or between the columns of one.
    pub constraints: Vec<Constraint>,
}

/// A constraint that a write can run against, and whose failure tells of what it compares with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Constraint {
    /// What has to hold.
    pub kind: ConstraintKind,
    /// The relation's columns that it is about, as the catalog spells them.
    pub columns: Vec<String>,
}

/// What a constraint asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConstraintKind {
    /// PRIMARY KEY or UNIQUE: no two rows are alike in the columns.
    Unique,
    /// A unique index: no two rows are alike in expressions over some of the columns.
    UniqueIndex,
    /// The other relation has a row that is alike in its key.
    References(RelationName),
    /// Rows of the other relation may refer to the columns.
    ReferencedBy(RelationName),
    /// An expression over the columns holds.
    Check,
    /// The first of the columns is computed of the others.
    Generated,
}

/// A schema of a catalog. Keys are folded names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// The name as the catalog spells it.
    pub name: String,
    /// Relations by [`fold`]ed name.
    pub relations: BTreeMap<String, Relation>,
    /// Sequences by [`fold`]ed name. A relation may have the same name.
    pub sequences: BTreeMap<String, RelationName>,
}

/// One attached catalog. Keys of `schemas` are folded names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalog {
    /// The name as the configuration spells it.
    pub name: String,
    /// Whether it takes writes.
    pub mode: CatalogMode,
    /// Schemas by [`fold`]ed name.
    pub schemas: BTreeMap<String, Schema>,
}

/// All catalogs at one version. Keys of `catalogs` are folded names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogSnapshot {
    /// Grows with every change; two snapshots of one process with the same version are equal.
    pub version: u64,
    /// Catalogs by [`fold`]ed name.
    pub catalogs: BTreeMap<String, Catalog>,
    /// The same without [`TEMPORARY`], where a session has temporary objects.
    pub shared: Option<Arc<CatalogSnapshot>>,
}

impl CatalogSnapshot {
    /// This snapshot with a session's temporary objects over it.
    #[must_use]
    pub fn with_temporary(self: &Arc<Self>, version: u64, temporary: Catalog) -> Self {
        let mut catalogs = self.catalogs.clone();
        catalogs.insert(TEMPORARY.to_owned(), temporary);
        Self {
            version,
            catalogs,
            shared: Some(Arc::clone(self)),
        }
    }

    /// A session's temporary objects.
    pub fn temporary(&self) -> Option<&Catalog> {
        self.catalogs.get(TEMPORARY)
    }

    /// The catalog of that name, in any case of its ASCII letters.
    pub fn catalog(&self, name: &str) -> Option<&Catalog> {
        self.catalogs.get(&fold(name))
    }

    /// The relation of that name, in any case of its ASCII letters.
    pub fn relation(&self, catalog: &str, schema: &str, name: &str) -> Option<&Relation> {
        self.catalog(catalog)?
            .schema(schema)?
            .relations
            .get(&fold(name))
    }

    /// The relation of that full name.
    pub fn get(&self, name: &RelationName) -> Option<&Relation> {
        self.relation(&name.catalog, &name.schema, &name.name)
    }

    /// The sequence of that name, in any case of its ASCII letters.
    pub fn sequence(&self, catalog: &str, schema: &str, name: &str) -> Option<&RelationName> {
        self.catalog(catalog)?
            .schema(schema)?
            .sequences
            .get(&fold(name))
    }

    /// Every relation, ordered by name.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.catalogs
            .values()
            .flat_map(|c| c.schemas.values())
            .flat_map(|s| s.relations.values())
    }
}

impl Catalog {
    /// The schema of that name, in any case of its ASCII letters. `public` means `main` unless
    /// the catalog has a schema `public` of its own.
    pub fn schema(&self, name: &str) -> Option<&Schema> {
        let folded = fold(name);
        self.schemas.get(&folded).or_else(|| {
            (folded == "public")
                .then(|| self.schemas.get("main"))
                .flatten()
        })
    }
}

impl Relation {
    /// The column of that name, in any case of its ASCII letters.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .find(|c| c.name.eq_ignore_ascii_case(name))
    }
}
