//! Which columns a statement reads and writes, for the audit. By name: where two relations have a
//! column of a name that the statement mentions, both are listed. What can't be told by name lists all
//! columns.

use std::collections::{BTreeMap, BTreeSet};

use model::{RelationKind, RelationName, fold};
use plan::{Commented, Ddl, MergeAction, MergeCondition, Statement, TableBody, TableChange};
use serde_json::Value;

use crate::authorise::Authorised;
use crate::view::View;

/// The columns of each relation that a statement reads, and of its target those that it writes, makes
/// or changes too. What is read for it by policy, or is made of a query, has none.
pub(crate) fn touched(
    statement: &Statement,
    authorised: &Authorised,
    view: &View,
) -> BTreeMap<RelationName, Vec<String>> {
    let mentioned = Mentioned::of(statement);
    let target = authorised.target_name();
    let is_read = |name| authorised.expected.relations.contains(name);
    let mut all = BTreeMap::new();
    for name in authorised.relations() {
        let own = target == Some(name);
        let changed = if own { changed(statement) } else { vec![] };
        let of_target = (own && !is_read(name)).then(|| Mentioned::of_target(statement));
        let mentioned = of_target.as_ref().unwrap_or(&mentioned);
        let access = view.access(name);
        // What a view reads is not in the user's text.
        let below = !authorised.views.is_empty()
            && (!own || is_read(name))
            && access.is_some_and(|access| access.kind != RelationKind::View);
        let is_touched = |column: &&String| {
            below
                || mentioned.has(column)
                || changed.iter().any(|name| name.eq_ignore_ascii_case(column))
                || own && authorised.written().contains(*column)
        };
        let there = access.iter().flat_map(|access| &access.columns);
        let there: Vec<&String> = there.map(|column| &column.name).collect();
        let is_new = |name: &&&str| !there.iter().any(|c| c.eq_ignore_ascii_case(name));
        let new = changed.iter().filter(is_new).map(|name| (*name).to_owned());
        let touched = there.iter().copied().filter(is_touched).cloned();
        if access.is_some() || own {
            all.insert(name.clone(), touched.chain(new).collect());
        }
    }
    all
}

/// The columns that a statement defines, names or changes in the definition of its target.
fn changed(statement: &Statement) -> Vec<&str> {
    match statement {
        Statement::CreateTable(create) => match &create.body {
            TableBody::Columns { columns, .. } => columns.iter().map(|c| c.name.as_str()).collect(),
            // Names that a query makes may be its literals.
            TableBody::Query { columns, .. } => texts_of(columns),
        },
        Statement::CreateView(create) => texts_of(&create.columns),
        Statement::Ddl(Ddl::CreateIndex { columns, .. }) => texts_of(columns),
        Statement::Ddl(Ddl::Comment {
            on: Commented::Column(column),
            ..
        }) => vec![column],
        Statement::Ddl(Ddl::AlterTable { change, .. }) => match change {
            TableChange::AddColumn { column, .. } => vec![&column.name],
            TableChange::RenameColumn { column, to } => vec![column, to],
            TableChange::DropColumn { column, .. }
            | TableChange::SetType { column, .. }
            | TableChange::SetDefault { column, .. }
            | TableChange::DropDefault { column }
            | TableChange::SetNotNull { column }
            | TableChange::DropNotNull { column } => vec![column],
            TableChange::AddPrimaryKey { columns } => texts_of(columns),
            TableChange::Rename { .. } => vec![],
        },
        _ => vec![],
    }
}

fn texts_of(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

#[derive(Default)]
struct Mentioned {
    all: bool,
    /// Parts of the names of columns, folded; and their last parts.
    parts: BTreeSet<String>,
    last: BTreeSet<String>,
    /// What relations are called, folded: a column of that name may be a whole row.
    relations: BTreeSet<String>,
}

impl Mentioned {
    fn of(statement: &Statement) -> Self {
        let mut mentioned = Self::default();
        for tree in statement.trees() {
            mentioned.visit(tree);
        }
        match statement {
            Statement::Summarize(_) => mentioned.all = true,
            Statement::Merge(merge) => {
                if let MergeCondition::Using(columns) = &merge.condition {
                    mentioned.parts.extend(columns.iter().map(|c| fold(c)));
                }
                let takes_all = |action: &MergeAction| {
                    matches!(
                        action,
                        MergeAction::UpdateFrom(_) | MergeAction::InsertFrom(_)
                    )
                };
                mentioned.all |= merge.clauses.iter().any(|clause| takes_all(&clause.action));
            }
            _ => {}
        }
        mentioned
    }

    /// What is mentioned of the target of a statement whose rows are not read from it.
    fn of_target(statement: &Statement) -> Self {
        let mut mentioned = Self::default();
        if let Statement::Insert(insert) = statement {
            let conflict = insert.conflict.as_ref();
            let key = conflict.into_iter().flat_map(|conflict| &conflict.key);
            mentioned.parts.extend(key.map(|column| fold(column)));
            let conflict = conflict.map(|conflict| &conflict.values);
            for query in conflict.into_iter().chain(&insert.returning) {
                mentioned.visit(&query.tree);
            }
        }
        mentioned
    }

    fn has(&self, column: &str) -> bool {
        self.all || self.parts.contains(&fold(column)) || !self.last.is_disjoint(&self.relations)
    }

    fn visit(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|v| self.visit(v)),
            Value::Object(fields) => {
                let is_expression = fields.contains_key("class");
                for (name, field) in fields {
                    self.field(name, field, is_expression);
                    self.visit(field);
                }
            }
            _ => {}
        }
    }

    fn field(&mut self, name: &str, field: &Value, of_expression: bool) {
        let text = field.as_str().unwrap_or_default();
        match name {
            "class" => self.all |= matches!(text, "STAR" | "POSITIONAL_REFERENCE"),
            "type" => self.all |= matches!(text, "PIVOT" | "SHOW_REF"),
            "ref_type" => self.all |= text == "NATURAL",
            "column_names" => {
                self.parts.extend(texts(field));
                self.last.extend(texts(field).last());
            }
            "using_columns" => self.parts.extend(texts(field)),
            // Columns under other names are told by the place that they have.
            "column_name_alias" => self.all |= texts(field).next().is_some(),
            "alias" | "table_name" if !of_expression && !text.is_empty() => {
                self.relations.insert(fold(text));
            }
            _ => {}
        }
    }
}

fn texts(list: &Value) -> impl Iterator<Item = String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(fold)
}
