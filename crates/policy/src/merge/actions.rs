//! What the clauses of a MERGE do: the columns that each writes, and whether it may.

use model::{Error, Result};
use plan::{Merge, MergeAction, MergeClause, MergeWhen, SourceColumns};
use serde_json::Value;
use tree::build;

use super::scope::{Named, qualify, target_name};
use super::syntax;
use crate::access::Access;
use crate::authorise::Context;
use crate::changes::Allowed;
use crate::dml::{column, target};
use crate::file::Privilege;

/// A clause, its names resolved as far as clauses differ in them.
pub(crate) struct Step {
    /// Counts from 1.
    pub(crate) number: usize,
    pub(crate) when: MergeWhen,
    pub(crate) condition: Option<Value>,
    pub(crate) action: Action,
}

/// What a step does. Columns are numbered as they are seen; `None` stands for their default.
pub(crate) enum Action {
    Update(Vec<(usize, Option<Value>)>, Allowed),
    Delete(Allowed),
    Insert(Vec<(usize, Option<Value>)>, Allowed),
    Nothing,
    Error(Option<Value>),
}

impl Step {
    /// Whether the pairs that it is about have a row of the target.
    pub(crate) fn has_target_row(&self) -> bool {
        self.when != MergeWhen::NotMatched
    }

    /// The columns that it gives values, by their numbers.
    pub(crate) fn written(&self) -> impl Iterator<Item = usize> {
        self.row().iter().map(|(column, _)| *column)
    }

    fn row(&self) -> &[(usize, Option<Value>)] {
        match &self.action {
            Action::Update(row, _) | Action::Insert(row, _) => row,
            Action::Delete(_) | Action::Nothing | Action::Error(_) => &[],
        }
    }

    /// What it asks and computes, in order.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Value> {
        let message = match &self.action {
            Action::Error(message) => message.as_ref(),
            _ => None,
        };
        let values = self.row().iter().filter_map(|(_, value)| value.as_ref());
        self.condition.iter().chain(values).chain(message)
    }
}

/// Reads a clause, and says whether it may do what it does.
pub(crate) fn step(
    context: &Context<'_>,
    access: &Access,
    merge: &Merge,
    clause: &MergeClause,
    number: usize,
    source: Option<&Named>,
) -> Result<Step> {
    let scoped = |value: &Value| scoped(value, access, merge, clause, source);
    let allowed = |privilege: Privilege, row: &[(usize, Option<Value>)]| {
        let (_, changes) = target(context, &merge.target.name, privilege)?;
        let columns = row.iter().map(|(c, _)| access.columns[*c].name.clone());
        let columns: Vec<String> = columns.collect();
        changes.allow(context.view, access, privilege, &columns)
    };
    let action = match &clause.action {
        MergeAction::Nothing => Action::Nothing,
        MergeAction::Error(message) => Action::Error(message.as_ref().map(scoped).transpose()?),
        MergeAction::Delete => Action::Delete(allowed(Privilege::Delete, &[])?),
        MergeAction::Update(assignments, values) => {
            let mut values = values.iter();
            let mut set = Vec::with_capacity(assignments.len());
            for assignment in assignments {
                let number = numbered(access, &assignment.column)
                    .map_err(|e| e.with_position(assignment.position))?;
                let value = match assignment.to_default {
                    true => None,
                    false => values.next().map(scoped).transpose()?,
                };
                set.push((number, value));
            }
            let allowed = allowed(Privilege::Update, &set)?;
            Action::Update(set, allowed)
        }
        MergeAction::UpdateFrom(columns) => {
            let set = row_of(access, source, *columns, clause)?;
            let allowed = allowed(Privilege::Update, &set)?;
            Action::Update(set, allowed)
        }
        MergeAction::InsertDefaults => Action::Insert(vec![], allowed(Privilege::Insert, &[])?),
        MergeAction::InsertFrom(columns) => {
            let row = row_of(access, source, *columns, clause)?;
            let allowed = allowed(Privilege::Insert, &row)?;
            Action::Insert(row, allowed)
        }
        MergeAction::Insert { columns, values } => {
            let columns: Vec<usize> = match columns.as_slice() {
                [] => (0..access.columns.len()).collect(),
                given => given
                    .iter()
                    .map(|c| numbered(access, c))
                    .collect::<Result<_>>()?,
            };
            let counts = (values.len(), columns.len());
            if counts.0 != counts.1 {
                return Err(miscounted(counts, clause));
            }
            let values = values.iter().map(|v| v.as_ref().map(scoped).transpose());
            let values = values.collect::<Result<Vec<_>>>()?;
            let row: Vec<_> = columns.into_iter().zip(values).collect();
            let allowed = allowed(Privilege::Insert, &row)?;
            Action::Insert(row, allowed)
        }
    };
    Ok(Step {
        number,
        when: clause.when,
        condition: clause.condition.as_ref().map(scoped).transpose()?,
        action,
    })
}

/// An expression of a clause, its names those of the rows that are there.
fn scoped(
    value: &Value,
    access: &Access,
    merge: &Merge,
    clause: &MergeClause,
    source: Option<&Named>,
) -> Result<Value> {
    let mut value = value.clone();
    let target = target_name(&merge.target);
    match (clause.when, source) {
        (MergeWhen::NotMatched, Some(source)) => qualify(&mut value, source, target)?,
        (MergeWhen::NotMatchedBySource, _) => {
            let own = Named {
                name: target.to_owned(),
                columns: access.columns.iter().map(|c| c.name.clone()).collect(),
            };
            let other = source.map_or("", |s| s.name.as_str());
            qualify(&mut value, &own, other)?;
        }
        _ => {}
    }
    Ok(value)
}

/// The source's columns, as those of the target.
fn row_of(
    access: &Access,
    source: Option<&Named>,
    columns: SourceColumns,
    clause: &MergeClause,
) -> Result<Vec<(usize, Option<Value>)>> {
    let source = source.ok_or_else(|| {
        Error::not_supported("all columns of a source without a name of its own in MERGE")
            .with_hint("give it an alias")
            .with_position(clause.position)
    })?;
    let of = |name: &String| Some(build::column(&[&source.name, name]));
    match columns {
        SourceColumns::ByName => source
            .columns
            .iter()
            .map(|name| Ok((numbered(access, name)?, of(name))))
            .collect(),
        SourceColumns::ByPosition => {
            let counts = (source.columns.len(), access.columns.len());
            match counts.0 == counts.1 {
                true => Ok(source.columns.iter().map(of).enumerate().collect()),
                false => Err(miscounted(counts, clause)),
            }
        }
    }
}

fn miscounted((values, columns): (usize, usize), clause: &MergeClause) -> Error {
    syntax(format!("{values} values are given for {columns} columns"))
        .with_position(clause.position)
}

/// The place of a column of the target among those that are seen.
fn numbered(access: &Access, name: &str) -> Result<usize> {
    let name = column(access, name)?;
    let mut columns = access.columns.iter();
    let number = columns.position(|c| c.name == name);
    number.ok_or_else(|| Error::internal("a column that is not seen"))
}
