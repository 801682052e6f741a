//! What a statement is about: the name of what it writes or defines, and its trees.

use serde_json::Value;

use crate::ddl::Ddl;
use crate::dml::InsertRows;
use crate::merge::{Merge, MergeAction, MergeCondition};
use crate::statement::{ObjectName, Query, Statement, TableBody};

impl Statement {
    /// What it writes, makes, changes or drops, as the user wrote its name: a relation, a schema, a
    /// sequence or an index. An index that is made goes by its table. `None` where nothing is named.
    pub fn target(&self) -> Option<&ObjectName> {
        match self {
            Self::Query(_)
            | Self::Describe(_)
            | Self::Explain(_)
            | Self::Summarize(_)
            | Self::Show(_) => None,
            Self::CreateTable(create) => Some(&create.name),
            Self::Insert(insert) => Some(&insert.target.name),
            Self::Update(update) => Some(&update.target.name),
            Self::Delete(delete) => Some(&delete.target.name),
            Self::Merge(merge) => Some(&merge.target.name),
            Self::Truncate(name) => Some(name),
            Self::DropTable(drop) => Some(&drop.name),
            Self::CreateView(create) => Some(&create.name),
            Self::DropView(drop) => Some(&drop.name),
            Self::Ddl(ddl) => match ddl {
                Ddl::CreateSchema { name, .. }
                | Ddl::DropSchema { name, .. }
                | Ddl::AlterTable { name, .. }
                | Ddl::CreateIndex { table: name, .. }
                | Ddl::DropIndex { name, .. }
                | Ddl::CreateSequence { name, .. }
                | Ddl::DropSequence { name, .. }
                | Ddl::Comment { name, .. }
                | Ddl::Vacuum(name)
                | Ddl::Analyze(name) => Some(name),
                Ddl::Checkpoint(_) => None,
            },
        }
    }

    /// The trees of what it reads: queries, items of FROM, and expressions over them. Those of types
    /// and DEFAULTs, which read no relation, are not among them.
    pub fn trees(&self) -> Vec<&Value> {
        let trees: Vec<Option<&Value>> = match self {
            Self::Query(query) | Self::Describe(query) => queries([Some(query), None, None]),
            Self::Explain(explain) => queries([Some(&explain.query), None, None]),
            Self::Summarize(summarize) => queries([Some(&summarize.query), None, None]),
            Self::CreateTable(create) => match &create.body {
                TableBody::Query { query, .. } => queries([Some(query), None, None]),
                TableBody::Columns { .. } => vec![],
            },
            Self::Insert(insert) => {
                let rows = match &insert.rows {
                    InsertRows::Query(query) | InsertRows::ByName(query) => Some(query),
                    InsertRows::Defaults => None,
                };
                let conflict = insert.conflict.as_ref().map(|c| &c.values);
                queries([rows, conflict, insert.returning.as_ref()])
            }
            Self::Update(update) => {
                queries([Some(&update.source), update.returning.as_ref(), None])
            }
            Self::Delete(delete) => {
                queries([Some(&delete.source), delete.returning.as_ref(), None])
            }
            Self::Merge(merge) => of_merge(merge),
            Self::CreateView(create) => queries([Some(&create.query), None, None]),
            Self::Show(_)
            | Self::Truncate(_)
            | Self::DropTable(_)
            | Self::DropView(_)
            | Self::Ddl(_) => vec![],
        };
        trees.into_iter().flatten().collect()
    }
}

fn queries(all: [Option<&Query>; 3]) -> Vec<Option<&Value>> {
    all.map(|query| query.map(|query| &query.tree)).into()
}

fn of_merge(merge: &Merge) -> Vec<Option<&Value>> {
    let condition = match &merge.condition {
        MergeCondition::On(condition) => Some(condition),
        MergeCondition::Using(_) => None,
    };
    let returning = merge.returning.as_ref().map(|q| &q.tree);
    let mut trees = vec![Some(&merge.source), condition, returning];
    for clause in &merge.clauses {
        trees.push(clause.condition.as_ref());
        match &clause.action {
            MergeAction::Update(_, values) => trees.extend(values.iter().map(Some)),
            MergeAction::Insert { values, .. } => trees.extend(values.iter().map(Option::as_ref)),
            MergeAction::Error(message) => trees.push(message.as_ref()),
            MergeAction::UpdateFrom(_)
            | MergeAction::InsertFrom(_)
            | MergeAction::InsertDefaults
            | MergeAction::Delete
            | MergeAction::Nothing => {}
        }
    }
    trees
}
