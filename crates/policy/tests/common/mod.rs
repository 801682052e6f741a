//! A policy over catalogs made up for a test.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "each test uses its part"
)]
#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

pub mod attacks;
pub mod writes;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use model::{
    Catalog, CatalogMode, CatalogSnapshot, Column, Constraint, ErrorKind, ExecRequest, ParamValue,
    Relation, RelationKind, RelationName, Result, Schema, SqlType, StatementId,
};
use policy::{Authorised, PolicySet, View};
use tree::{Parser, Sidecar};

/// Runs a test on a stack as planner threads have it.
pub fn on_a_large_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(tree::STACK_BYTES);
    #[allow(clippy::disallowed_methods, reason = "a test's own thread")]
    thread.spawn(test).unwrap().join().unwrap();
}

/// Columns of a relation: names and types.
pub type Columns<'a> = &'a [(&'a str, SqlType)];

pub struct World {
    pub parser: Parser,
    pub snapshot: CatalogSnapshot,
    pub set: Arc<PolicySet>,
    default: String,
    /// Whether relations may be hidden as their rules, or what a view reads, don't fit.
    pub hides: bool,
}

/// Catalogs of these relations. Those named `rw` take writes.
pub fn snapshot(relations: &[(&str, Columns<'_>)]) -> CatalogSnapshot {
    let mut snapshot = CatalogSnapshot {
        version: 1,
        catalogs: BTreeMap::new(),
        shared: None,
    };
    for (name, columns) in relations {
        let parts: Vec<&str> = name.split('.').collect();
        let [catalog, schema, table] = parts.as_slice() else {
            panic!("{name}")
        };
        let mode = if *catalog == "rw" {
            CatalogMode::ReadWrite
        } else {
            CatalogMode::ReadOnly
        };
        let relation = Relation {
            name: RelationName::new(*catalog, *schema, *table),
            kind: RelationKind::Table,
            definition: None,
            columns: columns
                .iter()
                .map(|(n, t)| Column {
                    name: (*n).to_owned(),
                    sql_type: t.clone(),
                    nullable: true,
                })
                .collect(),
            constraints: vec![],
        };
        let new = || Catalog {
            name: (*catalog).to_owned(),
            mode,
            schemas: BTreeMap::new(),
        };
        let schemas = &mut snapshot
            .catalogs
            .entry((*catalog).to_owned())
            .or_insert_with(new)
            .schemas;
        let new = || Schema {
            name: (*schema).to_owned(),
            ..Schema::default()
        };
        schemas
            .entry((*schema).to_owned())
            .or_insert_with(new)
            .relations
            .insert((*table).to_owned(), relation);
    }
    snapshot
}

/// Adds a view as DuckDB keeps it, with the columns that DuckDB gives it.
pub fn add_view(
    snapshot: &mut CatalogSnapshot,
    definition: &str,
    name: &str,
    columns: Columns<'_>,
) {
    let added = self::snapshot(&[(name, columns)]);
    let mut relation = added.relations().next().unwrap().clone();
    relation.kind = RelationKind::View;
    relation.definition = Some(definition.into());
    let (catalog, schema) = (&relation.name.catalog, &relation.name.schema);
    let schemas = &mut snapshot.catalogs.get_mut(catalog).unwrap().schemas;
    let schema = schemas.entry(schema.clone()).or_insert_with(|| Schema {
        name: schema.clone(),
        ..Schema::default()
    });
    schema
        .relations
        .insert(relation.name.name.clone(), relation);
}

impl World {
    pub fn new(policy: &str, relations: &[(&str, Columns<'_>)], default: &str) -> Self {
        let parser = Parser::open().unwrap();
        let snapshot = snapshot(relations);
        let set =
            PolicySet::from_text(Path::new("policy.toml"), policy, &snapshot, &parser).unwrap();
        Self {
            parser,
            snapshot,
            set: Arc::new(set),
            default: default.to_owned(),
            hides: false,
        }
    }

    /// The same without a policy, for relations that want more than columns.
    pub fn bare(relations: &[(&str, Columns<'_>)], default: &str) -> Self {
        Self::new("", relations, default)
    }

    /// Adds a constraint to a relation.
    pub fn constrain(&mut self, name: &RelationName, constraint: Constraint) {
        let catalog = self.snapshot.catalogs.get_mut(&name.catalog).unwrap();
        let schema = catalog.schemas.get_mut(&name.schema).unwrap();
        let relation = schema.relations.get_mut(&name.name).unwrap();
        relation.constraints.push(constraint);
    }

    /// The same catalogs under this policy.
    pub fn with_policy(mut self, policy: &str) -> Self {
        let path = Path::new("policy.toml");
        let set = PolicySet::from_text(path, policy, &self.snapshot, &self.parser).unwrap();
        self.set = Arc::new(set);
        self
    }

    /// The same of a policy that is loaded already.
    pub fn of(set: PolicySet, snapshot: CatalogSnapshot, default: &str) -> Self {
        Self {
            parser: Parser::open().unwrap(),
            snapshot,
            set: Arc::new(set),
            default: default.to_owned(),
            hides: false,
        }
    }

    pub fn view(&self, who: &str) -> View {
        let principal = self.set.principal(who).unwrap();
        let view = View::new(
            &self.set,
            &self.snapshot,
            principal,
            &self.default,
            &self.parser,
        )
        .unwrap();
        assert!(
            self.hides || view.hidden().is_empty(),
            "{:?}",
            view.hidden()
        );
        view
    }

    pub fn authorise(&self, who: &str, text: &str) -> Result<Authorised> {
        self.authorise_with(who, text, &[])
    }

    pub fn authorise_with(
        &self,
        who: &str,
        text: &str,
        declared: &[Option<SqlType>],
    ) -> Result<Authorised> {
        let view = self.view(who);
        let sidecar = Sidecar::build(view.visible(), view.default_catalog()).unwrap();
        let statement = plan::parse(text, &self.parser)?;
        policy::authorise(&statement, &view, &sidecar, declared, &self.parser)
    }

    pub fn request(&self, who: &str, text: &str) -> ExecRequest {
        let params: Vec<ParamValue> = vec![];
        self.authorise(who, text)
            .unwrap()
            .request(StatementId::new(), params, "UTC".into(), None)
            .unwrap()
    }

    pub fn sql(&self, who: &str, text: &str) -> String {
        self.authorise(who, text)
            .unwrap_or_else(|e| panic!("{text}: {e:?}"))
            .sql()
            .to_owned()
    }

    pub fn names(&self, who: &str, text: &str) -> Vec<String> {
        self.authorise(who, text)
            .unwrap_or_else(|e| panic!("{text}: {e:?}"))
            .description()
            .names
            .clone()
    }

    pub fn refused(&self, who: &str, text: &str) -> ErrorKind {
        match self.authorise(who, text) {
            Ok(a) => panic!("{text} runs as {}", a.sql()),
            Err(e) => e.kind(),
        }
    }
}
