//! What a statement asks for by its text alone: for the audit of one that is refused, which may name
//! what its principal does not see.

use std::collections::BTreeSet;

use model::{CatalogSnapshot, RelationName, fold};
use plan::{Ddl, Statement};
use serde_json::Value;
use tree::grammar::text;

use crate::authorise::CommandTag;
use crate::explain::Explained;
use crate::view::View;

/// What a statement asked for. For the audit only: it tells of what may be hidden.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What it would have answered with.
    pub tag: CommandTag,
    /// What it would have written, made, changed or dropped, as it named that.
    pub target: Option<String>,
    /// The relations that it names, its target among them: by full name where there is one, whoever
    /// may see it, else as it named them.
    pub relations: Vec<String>,
    /// Those of them that nobody has.
    pub(crate) unknown: Vec<String>,
    /// The principal's rules on those of them that there are.
    pub rules: Vec<Explained>,
}

impl Asked {
    /// What a statement asks for; `catalog` is all that there is.
    pub fn of(statement: &Statement, view: &View, catalog: &CatalogSnapshot) -> Self {
        let (mut relations, mut unknown, mut rules) = (Vec::new(), Vec::new(), Vec::new());
        for parts in named(statement) {
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let Some(found) = find(&parts, view, catalog) else {
                relations.push(parts.join("."));
                unknown.push(parts.join("."));
                continue;
            };
            if !relations.contains(&found.to_string()) {
                relations.push(found.to_string());
                rules.extend(view.rules_on(&found, &[]));
                if view.access(&found).is_none() {
                    rules.push(view.unseen(&found));
                }
            }
        }
        Self {
            tag: tag(statement),
            target: statement.target().map(|name| name.parts.join(".")),
            relations,
            unknown,
            rules,
        }
    }
}

/// The relations that a statement names and its principal sees.
pub(crate) fn seen(statement: &Statement, view: &View) -> BTreeSet<RelationName> {
    let resolved = |parts: Vec<String>| {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        view.resolve(&parts).ok().map(|access| access.name.clone())
    };
    named(statement).into_iter().filter_map(resolved).collect()
}

fn find(parts: &[&str], view: &View, catalog: &CatalogSnapshot) -> Option<RelationName> {
    if let Ok(access) = view.resolve(parts) {
        return Some(access.name.clone());
    }
    let home = view.default_catalog();
    let found = match parts {
        [name] => catalog.relation(home, "main", name),
        [first, name] => {
            let in_schema = catalog.relation(home, first, name);
            in_schema.or_else(|| catalog.relation(first, "main", name))
        }
        [first, schema, name] => catalog.relation(first, schema, name),
        _ => None,
    };
    found.map(|relation| relation.name.clone())
}

/// The names of relations in a statement, in their parts, each once.
fn named(statement: &Statement) -> Vec<Vec<String>> {
    let mut named = Named::default();
    for tree in statement.trees() {
        named.visit(tree);
    }
    let is_relation = match statement {
        Statement::Ddl(ddl) => matches!(
            ddl,
            Ddl::AlterTable { .. }
                | Ddl::CreateIndex { .. }
                | Ddl::Comment { .. }
                | Ddl::Vacuum(_)
                | Ddl::Analyze(_)
        ),
        _ => true,
    };
    if let Some(target) = statement.target().filter(|_| is_relation) {
        named.add(target.parts.clone());
    }
    named.names
}

#[derive(Default)]
struct Named {
    names: Vec<Vec<String>>,
    found: BTreeSet<Vec<String>>,
    /// Folded names of the CTEs in scope.
    ctes: Vec<String>,
}

impl Named {
    fn add(&mut self, parts: Vec<String>) {
        if self.found.insert(parts.iter().map(|p| fold(p)).collect()) {
            self.names.push(parts);
        }
    }

    fn visit(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|v| self.visit(v)),
            Value::Object(fields) => {
                let outside = self.ctes.len();
                // An entry sees those before it, and itself in its right arm only where it is recursive.
                let entries = value["cte_map"]["map"].as_array();
                for entry in entries.into_iter().flatten() {
                    self.visit(&entry["value"]);
                    self.ctes.push(fold(text(entry, "key")));
                }
                let is_recursive = text(value, "type") == "RECURSIVE_CTE_NODE";
                if is_recursive {
                    self.visit(&value["left"]);
                    self.ctes.push(fold(text(value, "cte_name")));
                }
                if text(value, "type") == "BASE_TABLE" {
                    self.table(value);
                }
                let rest = fields
                    .iter()
                    .filter(|(name, _)| *name != "cte_map" && !(is_recursive && *name == "left"));
                rest.for_each(|(_, v)| self.visit(v));
                self.ctes.truncate(outside);
            }
            _ => {}
        }
    }

    fn table(&mut self, table: &Value) {
        let parts = ["catalog_name", "schema_name", "table_name"].map(|part| text(table, part));
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        let parts: Vec<String> = parts.map(str::to_owned).collect();
        let is_cte = matches!(parts.as_slice(), [name] if self.ctes.contains(&fold(name)));
        if !is_cte {
            self.add(parts);
        }
    }
}

/// What a statement answers with when done.
fn tag(statement: &Statement) -> CommandTag {
    match statement {
        Statement::Query(_) | Statement::Describe(_) | Statement::Summarize(_) => {
            CommandTag::Select
        }
        Statement::Explain(_) => CommandTag::Explain,
        Statement::Show(_) => CommandTag::Show,
        Statement::CreateTable(create) => match &create.body {
            plan::TableBody::Columns { .. } => CommandTag::CreateTable,
            plan::TableBody::Query { .. } => CommandTag::CreateTableAs,
        },
        Statement::Insert(_) => CommandTag::Insert,
        Statement::Update(_) => CommandTag::Update,
        Statement::Delete(_) => CommandTag::Delete,
        Statement::Merge(_) => CommandTag::Merge,
        Statement::Truncate(_) => CommandTag::Truncate,
        Statement::DropTable(_) => CommandTag::DropTable,
        Statement::CreateView(_) => CommandTag::CreateView,
        Statement::DropView(_) => CommandTag::DropView,
        Statement::Ddl(ddl) => match ddl {
            Ddl::CreateSchema { .. } => CommandTag::CreateSchema,
            Ddl::DropSchema { .. } => CommandTag::DropSchema,
            Ddl::AlterTable { .. } => CommandTag::AlterTable,
            Ddl::CreateIndex { .. } => CommandTag::CreateIndex,
            Ddl::DropIndex { .. } => CommandTag::DropIndex,
            Ddl::CreateSequence { .. } => CommandTag::CreateSequence,
            Ddl::DropSequence { .. } => CommandTag::DropSequence,
            Ddl::Comment { .. } => CommandTag::Comment,
            Ddl::Vacuum(_) => CommandTag::Vacuum,
            Ddl::Analyze(_) => CommandTag::Analyze,
            Ddl::Checkpoint(_) => CommandTag::Checkpoint,
        },
    }
}
