//! Grants on a view that let it be read with a definer's rights: they say alone what is read of it, and
//! only administrators say what it reads.

use std::collections::{BTreeSet, HashMap};

use model::{CatalogSnapshot, Principal, RelationKind, RelationName, Result, fold};
use serde_json::Value;
use tree::Parser;
use tree::grammar::text;

use crate::file::{Privilege, Sources};
use crate::load::Principals;
use crate::rules::Grant;
use crate::set::PolicySet;
use crate::stored::definition;

/// Folded names of the views that have a definer, and of all that these read, directly or through
/// other views, whether it is there or not. A view that is put under such a name is read with the
/// definer's rights.
#[derive(Debug, Default)]
pub(crate) struct ReadForOthers(BTreeSet<[String; 3]>);

impl ReadForOthers {
    pub(crate) fn of(set: &PolicySet, snapshot: &CatalogSnapshot, parser: &Parser) -> Self {
        let defined = set.rules.grants.iter().filter(|g| g.definer.is_some());
        let mut waiting: Vec<[String; 3]> = defined
            .map(|g| [0, 1, 2].map(|n| g.on.part(n).unwrap_or_default().to_owned()))
            .collect();
        let mut names = BTreeSet::new();
        while let Some(name) = waiting.pop() {
            if !names.insert(name.clone()) {
                continue;
            }
            let [catalog, schema, name] = &name;
            let found = snapshot.relation(catalog, schema, name);
            // Nobody can read a view whose definition can't be read.
            if let Some(view) = found.filter(|r| r.kind == RelationKind::View)
                && let Ok(create) = definition(view, parser)
            {
                gather(&create.query.tree, &view.name, &mut waiting);
            }
        }
        Self(names)
    }

    pub(crate) fn contains(&self, name: &RelationName) -> bool {
        let parts = [&name.catalog, &name.schema, &name.name];
        self.0.contains(&parts.map(|part| fold(part)))
    }
}

/// All that names in FROM could mean in a stored view: of two parts the first is a schema or a catalog.
fn gather(value: &Value, view: &RelationName, names: &mut Vec<[String; 3]>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| gather(item, view, names)),
        Value::Object(fields) => {
            if text(value, "type") == "BASE_TABLE" {
                let part = |field| text(value, field);
                let parts = ["catalog_name", "schema_name", "table_name"].map(part);
                let meant = match parts {
                    ["", "", name] => vec![[&view.catalog, &view.schema, name]],
                    ["", first, name] => {
                        vec![[&view.catalog, first, name], [first, "main", name]]
                    }
                    full => vec![full],
                };
                for [catalog, schema, name] in meant {
                    // `public` is `main` where no schema has that name.
                    let also = (fold(schema) == "public").then_some("main");
                    let schemas = [Some(schema), also].into_iter().flatten();
                    names.extend(schemas.map(|schema| [catalog, schema, name].map(fold)));
                }
            }
            fields.values().for_each(|field| gather(field, view, names));
        }
        _ => {}
    }
}

/// Fails for grants whose definer is nobody, or that do not say alone what their view is for somebody.
///
/// # Errors
/// `Config` with file, line and reason.
pub(crate) fn check(grants: &[Grant], principals: &Principals, sources: &Sources) -> Result<()> {
    let defined = || grants.iter().filter(|g| g.definer.is_some());
    for grant in defined() {
        let error = |reason: &str| Err(sources.error(grant.at, reason));
        let definer = grant.definer.as_deref().unwrap_or_default();
        if !principals.contains_key(definer) {
            return error(&format!("there is no principal \"{definer}\""));
        }
        if (0..3).any(|n| grant.on.part(n).is_none()) {
            return error("a grant with a definer needs the full name of one view");
        }
        if !grant.privileges.contains(&Privilege::Select) {
            return error("a grant with a definer needs the privilege select");
        }
    }
    for (principal, _) in principals.values() {
        let mut first: HashMap<String, &Grant> = HashMap::new();
        for grant in defined().filter(|g| principal.roles.contains(&g.role)) {
            let other = *first.entry(grant.on.to_string()).or_insert(grant);
            if other.definer != grant.definer {
                let reason = format!(
                    "{} would read {} with the rights of {}, and by {} with those of {}",
                    principal.name,
                    grant.on,
                    grant.definer.as_deref().unwrap_or_default(),
                    sources.place(other.at),
                    other.definer.as_deref().unwrap_or_default(),
                );
                return Err(sources.error(grant.at, reason));
            }
        }
    }
    Ok(())
}

impl PolicySet {
    /// The grants by which a principal reads a relation, in file order: those with a definer if there
    /// are any. What others would give of it can be asked of what is below, with rights that the
    /// principal has there.
    pub(crate) fn reading_grants(&self, principal: &Principal, name: &RelationName) -> Vec<&Grant> {
        let grants = self.grants_for(principal, name);
        let mut reading: Vec<&Grant> = grants
            .filter(|g| g.privileges.contains(&Privilege::Select))
            .collect();
        if reading.iter().any(|g| g.definer.is_some()) {
            reading.retain(|g| g.definer.is_some());
        }
        reading
    }
}
