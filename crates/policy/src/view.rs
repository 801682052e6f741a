//! What one principal may see of all catalogs: the snapshot that every describe, metadata call and
//! name resolution of theirs works on.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    Catalog, CatalogSnapshot, Constraint, ConstraintKind, Error, ErrorKind, Principal, Relation,
    RelationName, Result, Schema, fold,
};
use tree::{Parser, Sidecar};

use crate::access::Access;
use crate::compile::Compiler;
use crate::file::Privilege;
use crate::set::PolicySet;

/// A principal's view of the catalogs, under one version of policy and catalogs.
#[derive(Debug)]
pub struct View {
    set: Arc<PolicySet>,
    principal: Arc<Principal>,
    default_catalog: String,
    visible: Arc<CatalogSnapshot>,
    accesses: BTreeMap<RelationName, Access>,
    hidden: Vec<(RelationName, Error)>,
}

impl View {
    /// Applies the policy to every relation. A relation whose rules don't fit it, as one made after
    /// the policy was loaded, is hidden; [`View::hidden`] says why.
    pub fn new(
        set: &Arc<PolicySet>,
        snapshot: &CatalogSnapshot,
        principal: Arc<Principal>,
        default_catalog: &str,
        parser: &Parser,
    ) -> Result<Self> {
        let sidecar = Sidecar::build(snapshot, "")?;
        let compiler = Compiler {
            parser,
            sidecar: &sidecar,
            principal: &principal,
        };
        let mut accesses = BTreeMap::new();
        let mut hidden = Vec::new();
        for relation in snapshot.relations() {
            match Access::new(set, &compiler, relation) {
                Ok(Some(access)) => {
                    accesses.insert(relation.name.clone(), access);
                }
                Ok(None) => {}
                Err(error) => hidden.push((relation.name.clone(), error)),
            }
        }
        let visible = Arc::new(visible(set, &principal, snapshot, &accesses));
        Ok(Self {
            set: Arc::clone(set),
            principal,
            default_catalog: default_catalog.to_owned(),
            visible,
            accesses,
            hidden,
        })
    }

    /// The catalogs as this principal sees them: nothing else exists for them.
    pub fn visible(&self) -> &Arc<CatalogSnapshot> {
        &self.visible
    }

    /// Who sees this.
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// The catalog of unqualified names.
    pub fn default_catalog(&self) -> &str {
        &self.default_catalog
    }

    /// Relations whose rules do not fit them, and why: for the log.
    pub fn hidden(&self) -> &[(RelationName, Error)] {
        &self.hidden
    }

    pub(crate) fn set(&self) -> &PolicySet {
        &self.set
    }

    pub(crate) fn access(&self, name: &RelationName) -> Option<&Access> {
        self.accesses.get(name)
    }

    pub(crate) fn permits(&self, name: &RelationName, privilege: Privilege) -> bool {
        self.set.permits(&self.principal, name, privilege)
    }

    /// Resolves a relation's name of one to three parts, as DuckDB does: two parts are a schema of the
    /// default catalog, or a catalog.
    pub(crate) fn resolve(&self, parts: &[&str]) -> Result<&Access> {
        let found = match parts {
            [name] => self.visible.relation(&self.default_catalog, "main", name),
            [first, name] => {
                let in_schema = self.visible.relation(&self.default_catalog, first, name);
                let in_catalog = self.visible.relation(first, "main", name);
                match (in_schema, in_catalog) {
                    (Some(a), Some(b)) if a.name != b.name => {
                        return Err(Error::new(
                            ErrorKind::AmbiguousColumn,
                            format!("\"{first}.{name}\" could be {} or {}", a.name, b.name),
                        ));
                    }
                    (schema, catalog) => schema.or(catalog),
                }
            }
            [catalog, schema, name] => self.visible.relation(catalog, schema, name),
            _ => None,
        };
        found
            .and_then(|relation| self.access(&relation.name))
            .ok_or_else(|| undefined(parts))
    }

    /// The full name that a new relation of this name gets, and whether its catalog takes writes.
    pub(crate) fn place(&self, parts: &[String]) -> Result<(RelationName, &Catalog)> {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let default = self.visible.catalog(&self.default_catalog);
        let (catalog, schema, name) = match parts.as_slice() {
            [name] => (default, "main", *name),
            [first, name] => match default.filter(|c| c.schema(first).is_some()) {
                Some(catalog) => (Some(catalog), *first, *name),
                None => (self.visible.catalog(first), "main", *name),
            },
            [catalog, schema, name] => (self.visible.catalog(catalog), *schema, *name),
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

/// Of a relation that is seen whole its keys; else nothing, as they could name what is hidden.
fn visible_constraints(access: &Access, relation: &Relation) -> Vec<Constraint> {
    if access.barrier.is_some() || !access.privileges.contains(&Privilege::Select) {
        return vec![];
    }
    let keys = relation.constraints.iter();
    keys.filter(|c| c.kind == ConstraintKind::Unique)
        .cloned()
        .collect()
}

fn visible(
    set: &PolicySet,
    principal: &Principal,
    snapshot: &CatalogSnapshot,
    accesses: &BTreeMap<RelationName, Access>,
) -> CatalogSnapshot {
    let mut catalogs = BTreeMap::new();
    for (key, catalog) in &snapshot.catalogs {
        let mut schemas = BTreeMap::new();
        for (schema_key, schema) in &catalog.schemas {
            let relations: BTreeMap<String, Relation> = schema
                .relations
                .iter()
                .filter_map(|(relation_key, relation)| {
                    let access = accesses.get(&relation.name)?;
                    let relation = Relation {
                        columns: access.columns.clone(),
                        constraints: visible_constraints(access, relation),
                        ..relation.clone()
                    };
                    Some((relation_key.clone(), relation))
                })
                .collect();
            let may_create = set.may_create_in(principal, &catalog.name, Some(&schema.name));
            if !relations.is_empty() || may_create {
                schemas.insert(
                    schema_key.clone(),
                    Schema {
                        name: schema.name.clone(),
                        relations,
                    },
                );
            }
        }
        if !schemas.is_empty() {
            catalogs.insert(
                key.clone(),
                Catalog {
                    schemas,
                    ..catalog.clone()
                },
            );
        }
    }
    CatalogSnapshot {
        version: snapshot.version,
        catalogs,
    }
}
