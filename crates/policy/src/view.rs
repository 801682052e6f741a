//! What one principal may see of all catalogs: the snapshot that every describe, metadata call and
//! name resolution of theirs works on.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    Catalog, CatalogSnapshot, Constraint, ConstraintKind, Error, ErrorKind, Principal, Relation,
    RelationKind, RelationName, Result, Schema,
};
use serde_json::Value;
use tree::grammar::text;
use tree::{Parser, Sidecar};

use crate::access::{Access, Rows};
use crate::compile::Compiler;
use crate::definer::ReadForOthers;
use crate::file::Privilege;
use crate::mapping::Mappings;
use crate::set::PolicySet;
use crate::stored;

/// A principal's view of the catalogs, under one version of policy and catalogs.
#[derive(Debug)]
pub struct View {
    set: Arc<PolicySet>,
    principal: Arc<Principal>,
    default_catalog: String,
    visible: Arc<CatalogSnapshot>,
    accesses: BTreeMap<RelationName, Arc<Access>>,
    /// What is seen without a session's temporary objects, where it has some.
    shared: Option<Arc<CatalogSnapshot>>,
    /// Whether a schema or column is named like one of PostgreSQL's schemas.
    has_theirs: bool,
    hidden: Vec<(RelationName, Error)>,
    /// What is hidden for these reasons, and may be dropped.
    unreadable: Vec<Access>,
    /// The tables that rules may look things up in, whoever sees them.
    mappings: Arc<Mappings>,
    /// Where the principal may not put a view. Empty for administrators.
    read_for_others: Arc<ReadForOthers>,
}

/// What views are made of.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) set: &'a Arc<PolicySet>,
    pub(crate) snapshot: &'a CatalogSnapshot,
    pub(crate) default_catalog: &'a str,
    pub(crate) parser: &'a Parser,
    /// Whose views are in the making, each for a stored view of the one before.
    readers: &'a [&'a str],
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
        let source = Source {
            set,
            snapshot,
            default_catalog,
            parser,
            readers: &[],
        };
        source.view(principal)
    }

    /// This view with a session's temporary objects over it: they are its principal's own, and no rule
    /// is about them. `snapshot` is the one that this view is of, with them; `sidecar` knows what this
    /// view shows.
    pub fn with_temporary(
        &self,
        snapshot: &CatalogSnapshot,
        sidecar: &Sidecar,
        parser: &Parser,
    ) -> Result<Self> {
        let mut view = Self {
            set: Arc::clone(&self.set),
            principal: Arc::clone(&self.principal),
            default_catalog: self.default_catalog.clone(),
            visible: Arc::clone(&self.visible),
            accesses: self.accesses.clone(),
            shared: Some(Arc::clone(&self.visible)),
            has_theirs: false,
            hidden: Vec::new(),
            unreadable: Vec::new(),
            mappings: Arc::clone(&self.mappings),
            read_for_others: Arc::clone(&self.read_for_others),
        };
        view.see(snapshot);
        let compiler = Compiler {
            parser,
            sidecar,
            principal: &self.principal,
            attributes: &self.set.rules.attributes,
            mappings: Mappings::NONE,
        };
        let mut tables = Vec::new();
        let relations = snapshot.relations();
        let own = relations.filter(|r| r.name.is_temporary() && r.kind == RelationKind::Table);
        for relation in own {
            match Access::new(&self.set, &compiler, relation, Rows::Table) {
                Ok(access) => tables.extend(access),
                Err(error) => view.hide(relation, error, snapshot),
            }
        }
        view.admit(tables, snapshot);
        let source = Source {
            set: &self.set,
            snapshot,
            default_catalog: &self.default_catalog,
            parser,
            readers: &[],
        };
        stored::add(&mut view, &source, &compiler)?;
        Ok(view)
    }

    /// A text with PostgreSQL's names of schemas replaced by DuckDB's, byte for byte in the same places,
    /// unless something visible has such a name of its own.
    ///
    /// # Errors
    /// `Syntax` for a text without end.
    pub fn with_own_schemas<'t>(&self, text: &'t str) -> Result<Cow<'t, str>> {
        match self.has_theirs {
            true => Ok(Cow::Borrowed(text)),
            false => plan::with_own_schemas(text),
        }
    }

    /// Whether it is of one session, with its temporary objects.
    pub(crate) fn is_of_session(&self) -> bool {
        self.shared.is_some()
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

    /// Leaves a relation out of what exists. What is temporary keeps its name, so that this does not
    /// mean something stored instead.
    pub(crate) fn hide(&mut self, relation: &Relation, why: Error, snapshot: &CatalogSnapshot) {
        if relation.name.is_temporary() {
            self.admit(vec![Access::to_drop(relation)], snapshot);
        } else if self.permits(&relation.name, Privilege::Drop) {
            self.unreadable.push(Access::to_drop(relation));
        }
        self.hidden.push((relation.name.clone(), why));
    }

    /// Adds relations to what exists.
    pub(crate) fn admit(&mut self, accesses: Vec<Access>, snapshot: &CatalogSnapshot) {
        if accesses.is_empty() {
            return;
        }
        let named = accesses.into_iter().map(|a| (a.name.clone(), a.into()));
        self.accesses.extend(named);
        self.see(snapshot);
    }

    /// Makes visible what it has access to.
    fn see(&mut self, snapshot: &CatalogSnapshot) {
        let temporary = snapshot.temporary();
        self.visible = Arc::new(match (&self.shared, temporary) {
            (Some(shared), Some(temporary)) => {
                let visible = self.visible_catalog(temporary);
                match visible {
                    Some(visible) => shared.with_temporary(snapshot.version, visible),
                    None => CatalogSnapshot {
                        version: snapshot.version,
                        ..CatalogSnapshot::clone(shared)
                    },
                }
            }
            _ => CatalogSnapshot {
                version: snapshot.version,
                catalogs: snapshot
                    .catalogs
                    .iter()
                    .filter_map(|(key, c)| Some((key.clone(), self.visible_catalog(c)?)))
                    .collect(),
                shared: None,
            },
        });
        let theirs = |name: &str| plan::is_schema_of_postgres(name);
        let columns = |r: &Relation| r.columns.iter().any(|c| theirs(&c.name));
        let mut schemas = self.visible.catalogs.values().flat_map(|c| &c.schemas);
        self.has_theirs =
            schemas.any(|(_, s)| theirs(&s.name) || s.relations.values().any(columns));
    }

    /// What of a catalog exists for the principal, if anything does.
    fn visible_catalog(&self, catalog: &Catalog) -> Option<Catalog> {
        let (set, principal) = (&self.set, &self.principal);
        let mut schemas = BTreeMap::new();
        for (schema_key, schema) in &catalog.schemas {
            let relations: BTreeMap<String, Relation> = schema
                .relations
                .iter()
                .filter_map(|(relation_key, relation)| {
                    let access = self.accesses.get(&relation.name)?;
                    let relation = Relation {
                        name: relation.name.clone(),
                        kind: relation.kind,
                        columns: access.columns.clone(),
                        constraints: visible_constraints(access, relation),
                        definition: None,
                    };
                    Some((relation_key.clone(), relation))
                })
                .collect();
            let sequences: BTreeMap<String, RelationName> = schema
                .sequences
                .iter()
                .filter(|(_, name)| self.sees_sequence(name))
                .map(|(key, name)| (key.clone(), name.clone()))
                .collect();
            let named = (catalog.name.as_str(), schema.name.as_str());
            let may_create = set.may_create_in(principal, named.0, Some(named.1));
            let may_drop = set.permits_schema(principal, named.0, named.1, Privilege::Drop);
            let holds = !relations.is_empty() || !sequences.is_empty();
            if holds || may_create || may_drop {
                schemas.insert(
                    schema_key.clone(),
                    Schema {
                        name: schema.name.clone(),
                        relations,
                        sequences,
                    },
                );
            }
        }
        // Also where there is nothing yet but the right to make a schema.
        let exists = !schemas.is_empty() || set.may_create_in(principal, &catalog.name, None);
        exists.then(|| Catalog {
            name: catalog.name.clone(),
            mode: catalog.mode,
            schemas,
        })
    }

    pub(crate) fn accesses(&self) -> impl Iterator<Item = &Access> {
        self.accesses.values().map(Arc::as_ref)
    }

    /// What can't be read, and can be dropped.
    pub(crate) fn unreadable(&self) -> &[Access] {
        &self.unreadable
    }

    pub(crate) fn set(&self) -> &PolicySet {
        &self.set
    }

    pub(crate) fn access(&self, name: &RelationName) -> Option<&Access> {
        self.accesses.get(name).map(Arc::as_ref)
    }

    /// What is seen of the relation that a base table names in full.
    pub(crate) fn named(&self, table: &Value) -> Option<&Access> {
        let part = |field| text(table, field);
        let name = RelationName::new(
            part("catalog_name"),
            part("schema_name"),
            part("table_name"),
        );
        self.access(&name)
    }

    pub(crate) fn mappings(&self) -> &Mappings {
        &self.mappings
    }

    pub(crate) fn permits(&self, name: &RelationName, privilege: Privilege) -> bool {
        self.set.permits(&self.principal, name, privilege)
    }

    /// Whether a view of that name would be read with rights of others, and is not the principal's to make.
    pub(crate) fn is_read_for_others(&self, name: &RelationName) -> bool {
        self.read_for_others.contains(name)
    }

    /// Whether the principal has a privilege on a sequence: it is seen by those who may read it, draw from
    /// it or drop it.
    fn sees_sequence(&self, name: &RelationName) -> bool {
        let privileges = [Privilege::Select, Privilege::Update, Privilege::Drop];
        privileges
            .into_iter()
            .any(|privilege| self.permits_sequence(name, privilege))
    }

    pub(crate) fn permits_sequence(&self, name: &RelationName, privilege: Privilege) -> bool {
        self.set.permits_sequence(&self.principal, name, privilege)
    }
}

impl Source<'_> {
    /// What a stored view's definer sees.
    pub(crate) fn of_definer(&self, name: &str) -> Result<View> {
        if self.readers.contains(&name) {
            return Err(Error::new(
                ErrorKind::Config,
                "a view comes back to itself through its definers",
            ));
        }
        let principal = self.set.principal(name);
        self.view(principal.ok_or_else(|| Error::internal("a definer is no principal"))?)
    }

    fn view(&self, principal: Arc<Principal>) -> Result<View> {
        let sidecar = Sidecar::build(self.snapshot, "")?;
        let mappings = Arc::new(Mappings::of(&self.set.rules.mappings, self.snapshot));
        let compiler = Compiler {
            parser: self.parser,
            sidecar: &sidecar,
            principal: &principal,
            attributes: &self.set.rules.attributes,
            mappings: &mappings,
        };
        let mut view = View {
            set: Arc::clone(self.set),
            principal: Arc::clone(&principal),
            default_catalog: self.default_catalog.to_owned(),
            visible: Arc::default(),
            accesses: BTreeMap::new(),
            shared: None,
            has_theirs: false,
            hidden: Vec::new(),
            unreadable: Vec::new(),
            mappings: Arc::clone(&mappings),
            read_for_others: Arc::new(match principal.admin {
                true => ReadForOthers::default(),
                false => ReadForOthers::of(self.set, self.snapshot, self.parser),
            }),
        };
        view.see(self.snapshot);
        let mut tables = Vec::new();
        let relations = self.snapshot.relations();
        for relation in relations.filter(|r| r.kind == RelationKind::Table) {
            match Access::new(self.set, &compiler, relation, Rows::Table) {
                Ok(access) => tables.extend(access),
                Err(error) => view.hide(relation, error, self.snapshot),
            }
        }
        view.admit(tables, self.snapshot);
        let mut readers = self.readers.to_vec();
        readers.push(&principal.name);
        let source = Source {
            readers: &readers,
            ..*self
        };
        stored::add(&mut view, &source, &compiler)?;
        Ok(view)
    }
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
