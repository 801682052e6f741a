//! Step 6 of the rewriting: views that DuckDB keeps, as one principal reads them. A view is its
//! query, read with the rights of who asks, or with a definer's where a grant says so.

use std::collections::{BTreeMap, BTreeSet};

use model::{Column, Error, ErrorKind, Relation, RelationKind, RelationName, Result};
use plan::{CreateView, Statement};
use serde_json::{Value, json};
use tree::grammar::text;
use tree::{Parser, Sidecar, build};

use crate::access::{Access, Inlined, Rows, as_table};
use crate::compile::Compiler;
use crate::file::Privilege;
use crate::part::size;
use crate::reserved::GENERATED;
use crate::rewrite::{Found, Rewriter};
use crate::rights::Rights;
use crate::seal::seal;
use crate::view::{Source, View};

/// Most parts of a view, with those of what it reads: a few hundred milliseconds without optimisation, at
/// each change of the catalog. Three tables of 300 columns behind barriers come near it.
const MAX_PARTS: usize = 6000;

/// Adds the views that the principal may read to what it sees: the temporary ones to what a session
/// sees, else those of all. A view that can't be read with the
/// rights it has is hidden.
pub(crate) fn add(view: &mut View, source: &Source<'_>, compiler: &Compiler<'_>) -> Result<()> {
    let mut stored = Stored {
        source,
        compiler,
        definers: BTreeMap::new(),
    };
    let temporary = view.is_of_session();
    let views = source.snapshot.relations().filter(|r| {
        let of_this = r.name.is_temporary() == temporary;
        of_this && r.kind == RelationKind::View
    });
    let mut pending: Vec<Pending<'_>> = Vec::new();
    for relation in views {
        match stored.read(view, relation) {
            Ok(read) => pending.extend(read),
            Err(error) => view.hide(relation, error, source.snapshot),
        }
    }
    // Views of views: each round adds those whose parts are there.
    while !pending.is_empty() {
        let own = match temporary {
            true => Some(compiler.sidecar.with_temporary(view.visible())?),
            false => None,
        };
        let mut added = Vec::new();
        let mut failed = Vec::new();
        for candidate in pending {
            match stored.access(view, &candidate, own.as_ref()) {
                Ok(access) => added.extend(access),
                // It gets no smaller.
                Err(error) if error.kind() == ErrorKind::TooComplex => {
                    view.hide(candidate.relation, error, source.snapshot);
                }
                Err(error) => failed.push((candidate, error)),
            }
        }
        if added.is_empty() {
            for (candidate, error) in failed {
                view.hide(candidate.relation, error, source.snapshot);
            }
            break;
        }
        view.admit(added, source.snapshot);
        pending = failed.into_iter().map(|(candidate, _)| candidate).collect();
    }
    Ok(())
}

/// Refuses a view that becomes too much once each view that it reads stands in place of its name. All
/// that a principal sees is made anew with every change of the catalog, and DuckDB reads, prints and binds
/// each of its views then.
///
/// # Errors
/// `TooComplex`.
pub(crate) fn check_size(rewritten: &Value) -> Result<()> {
    if size(rewritten) <= MAX_PARTS {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::TooComplex,
        format!("the view has more than {MAX_PARTS} parts, with those of the views that it reads"),
    ))
}

/// The views that a query reads, directly or through others.
pub(crate) fn read_by(found: &Found, view: &View) -> BTreeSet<RelationName> {
    let below = found.views.iter().filter_map(|name| view.access(name));
    let below = below.flat_map(|access| &access.views);
    found.views.iter().chain(below).cloned().collect()
}

/// What a view was made by, as DuckDB keeps it.
pub(crate) fn definition(view: &Relation, parser: &Parser) -> Result<CreateView> {
    let text = view.definition.as_deref().unwrap_or_default();
    let text = text.trim_end().trim_end_matches(';');
    match plan::parse(text, parser)? {
        Statement::CreateView(create) => Ok(create),
        _ => Err(Error::internal("a view's definition is no CREATE VIEW")),
    }
}

struct Stored<'a> {
    source: &'a Source<'a>,
    compiler: &'a Compiler<'a>,
    /// What definers see, by their names.
    definers: BTreeMap<String, View>,
}

/// A view that the principal may read, if its parts allow.
struct Pending<'a> {
    relation: &'a Relation,
    create: CreateView,
    definer: Option<String>,
}

/// A view's query as it is put in place of its name.
struct Body {
    query: Value,
    columns: Vec<Column>,
    found: Found,
}

impl Stored<'_> {
    fn read<'r>(&mut self, view: &mut View, relation: &'r Relation) -> Result<Option<Pending<'r>>> {
        let (set, principal) = (self.source.set, self.compiler.principal);
        if !set.permits(principal, &relation.name, Privilege::Select) {
            // What may be dropped without being read.
            let access = Access::new(set, self.compiler, relation, Rows::Table)?;
            view.admit(access.into_iter().collect(), self.source.snapshot);
            return Ok(None);
        }
        let grants = set.reading_grants(principal, &relation.name);
        let definer = grants.first().and_then(|g| g.definer.clone());
        // Whose rights are lent to themselves reads with their own.
        let definer = definer.filter(|definer| *definer != principal.name);
        let create = definition(relation, self.source.parser)?;
        if let Some(definer) = &definer
            && !self.definers.contains_key(definer)
        {
            let seen = self.source.of_definer(definer)?;
            self.definers.insert(definer.clone(), seen);
        }
        Ok(Some(Pending {
            relation,
            create,
            definer,
        }))
    }

    /// `own` knows what the session sees, where the view is temporary.
    fn access(
        &self,
        reader: &View,
        pending: &Pending<'_>,
        own: Option<&Sidecar>,
    ) -> Result<Option<Access>> {
        let definer = pending.definer.as_ref();
        let definer = definer.and_then(|name| self.definers.get(name));
        let body = self.body(definer.unwrap_or(reader), reader, pending, own)?;
        let relation = Relation {
            name: pending.relation.name.clone(),
            kind: RelationKind::View,
            columns: body.columns,
            definition: None,
            constraints: vec![],
        };
        let rows = match definer {
            Some(_) => Rows::Definer(&body.query),
            None => Rows::View(Inlined {
                query: body.query,
                governed: body.found.governed,
            }),
        };
        let access = Access::new(self.source.set, self.compiler, &relation, rows)?;
        let views = read_by(&body.found, definer.unwrap_or(reader));
        Ok(access.map(|access| Access { views, ..access }))
    }

    fn body(
        &self,
        rights: &View,
        reader: &View,
        pending: &Pending<'_>,
        own: Option<&Sidecar>,
    ) -> Result<Body> {
        let parser = self.source.parser;
        let rights = Rights::of_stored(rights, reader, &pending.relation.name);
        let mut query = pending.create.query.tree.clone();
        let found = Rewriter::new(rights, parser).rewrite(&mut query)?;
        check_size(&query)?;
        // Checked here once: behind a definer's barrier no statement's own check looks again.
        let sql = seal(&mut query, rights, parser)?.sql;
        let described = match own {
            None => self.compiler.sidecar.describe(&sql)?,
            // What barriers read is hidden from it: it is asked about what they show.
            Some(own) => {
                let rights = rights.without_barriers();
                let mut query = pending.create.query.tree.clone();
                Rewriter::new(rights, parser).rewrite(&mut query)?;
                own.describe(&seal(&mut query, rights, parser)?.sql)?
            }
        };
        let (true, Some(schema)) = (described.parameters.is_empty(), described.schema) else {
            return Err(Error::not_supported("a parameter in a view"));
        };
        let names = names(pending, &described.names, found.governed)?;
        let columns = names.iter().zip(&schema.columns);
        let columns = columns.map(|(name, column)| Column {
            name: name.clone(),
            sql_type: column.sql_type.clone(),
            nullable: true,
        });
        Ok(Body {
            columns: columns.collect(),
            query: named(&query, &names),
            found,
        })
    }
}

/// The names of a view's columns. Where the reader sees other columns below than whoever made the
/// view, each that is left keeps its name, as rules go by names; a list of names that does not fit fits
/// nobody.
fn names(pending: &Pending<'_>, described: &[String], governed: bool) -> Result<Vec<String>> {
    let stored: Vec<&String> = pending.relation.columns.iter().map(|c| &c.name).collect();
    let is_listed = !pending.create.columns.is_empty();
    let moved = match is_listed {
        // Without all columns of both sides these come in another order.
        true => governed && unites_by_name(&pending.create.query.tree),
        false => is_moved(described, &stored),
    };
    if described.len() == stored.len() && !moved {
        return Ok(stored.into_iter().cloned().collect());
    }
    if !is_listed && described.iter().all(|name| stored.contains(&name)) {
        return Ok(described.to_vec());
    }
    Err(Error::new(
        ErrorKind::UndefinedColumn,
        "columns of the view are hidden",
    ))
}

/// Whether a column is known to stand where another one was. A name that nothing gave follows the text,
/// and one that is there twice is another in the catalog.
fn is_moved(described: &[String], stored: &[&String]) -> bool {
    let mut columns = described.iter().enumerate();
    columns.any(|(n, name)| {
        stored.get(n).is_none_or(|s| *s != name)
            && stored.contains(&name)
            && !described[..n].contains(name)
    })
}

fn unites_by_name(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(unites_by_name),
        Value::Object(fields) => {
            text(value, "setop_type") == "UNION_BY_NAME" || fields.values().any(unites_by_name)
        }
        _ => false,
    }
}

/// `select "a", "b" from (query) as v("a", "b")`.
fn named(query: &Value, names: &[String]) -> Value {
    let alias = format!("{GENERATED}v");
    let items = names
        .iter()
        .map(|name| build::aliased(build::column(&[alias.as_str(), name]), name))
        .collect();
    let from = as_table(query, &alias, json!(names), Value::Null);
    build::select(items, from, None, false)
}
