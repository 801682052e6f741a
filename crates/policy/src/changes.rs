//! What one principal may write of one relation: which columns, which of its rows, and what a new row
//! has to be.

use std::collections::BTreeSet;

use model::{
    Constraint, ConstraintKind, Error, ErrorKind, Relation, RelationKind, RelationName, Result,
    fold,
};
use serde_json::Value;
use tree::build;

use crate::access::Access;
use crate::compile::{Compiler, Purpose, SELF};
use crate::file::Privilege;
use crate::set::PolicySet;
use crate::view::View;

/// The name under which the rows to change give their numbers. No text of a user's can name it.
pub(crate) const ROW_NUMBER: &str = "__eider_rid";

/// Rules for the writes of one principal to one relation.
#[derive(Debug)]
pub(crate) struct Changes {
    grants: Vec<ChangeGrant>,
    /// What restrictions leave of the rows.
    restrict: Option<Value>,
    /// Folded names of the columns that are seen, and seen as they are.
    plain: BTreeSet<String>,
    constraints: Vec<Constraint>,
    /// Whether a column of its own hides the numbers of its rows.
    has_rowid: bool,
}

#[derive(Debug)]
struct ChangeGrant {
    privileges: BTreeSet<Privilege>,
    columns: Option<BTreeSet<String>>,
    rows: Option<Value>,
    allow_key_oracle: bool,
}

impl Changes {
    /// `None` where none of the privileges changes rows. `plain` are the columns that are seen as
    /// they are.
    pub(crate) fn new(
        set: &PolicySet,
        compiler: &Compiler<'_>,
        relation: &Relation,
        privileges: &BTreeSet<Privilege>,
        plain: BTreeSet<&str>,
    ) -> Result<Option<Self>> {
        if !Privilege::CHANGES.iter().any(|p| privileges.contains(p)) {
            return Ok(None);
        }
        let rows = |text: &str| {
            let compiled = compiler.compile(text, relation, Purpose::Rows)?;
            normal(compiled)
        };
        let mut grants = Vec::new();
        for grant in set.grants_for(compiler.principal, &relation.name) {
            grants.push(ChangeGrant {
                privileges: grant.privileges.clone(),
                columns: grant.columns.clone(),
                rows: grant.rows.as_deref().map(rows).transpose()?,
                allow_key_oracle: grant.allow_key_oracle,
            });
        }
        let restricts = set.restricts_for(compiler.principal, &relation.name);
        let restricts = restricts
            .map(|r| rows(&r.rows))
            .collect::<Result<Vec<_>>>()?;
        Ok(Some(Self {
            grants,
            restrict: build::conjunction("CONJUNCTION_AND", restricts),
            plain: plain.into_iter().map(fold).collect(),
            constraints: relation.constraints.clone(),
            has_rowid: relation.column("rowid").is_some(),
        }))
    }

    /// What a write to these columns may do. A write is allowed by the grants that reach all of its
    /// columns, in the rows that these give together.
    ///
    /// # Errors
    /// `PermissionDenied` where there is no such grant, a column is masked, or a failure of the write
    /// would tell of what is hidden; `NotSupported` for what has no rows that could be changed.
    pub(crate) fn allow(
        &self,
        view: &View,
        access: &Access,
        privilege: Privilege,
        columns: &[String],
    ) -> Result<Allowed> {
        let name = &access.name;
        if access.kind == RelationKind::View {
            return Err(Error::new(
                ErrorKind::WrongObjectType,
                format!("{name} is a view, and takes no rows"),
            ));
        }
        if self.has_rowid && privilege != Privilege::Insert {
            return Err(Error::not_supported(format_args!(
                "{} of a table with a column \"rowid\"",
                privilege.word().to_ascii_uppercase()
            )));
        }
        let denied = |what: String| Error::new(ErrorKind::PermissionDenied, what);
        if let Some(column) = columns.iter().find(|c| !self.sees_as_is(c)) {
            return Err(denied(format!(
                "permission denied to write column \"{column}\" of {name}"
            )));
        }
        let reaches = |grant: &&ChangeGrant| {
            let all = |own: &BTreeSet<String>| columns.iter().all(|c| own.contains(&fold(c)));
            grant.privileges.contains(&privilege) && grant.columns.as_ref().is_none_or(all)
        };
        let reaching: Vec<&ChangeGrant> = self.grants.iter().filter(reaches).collect();
        if reaching.is_empty() {
            return Err(denied(format!(
                "permission denied to {} these columns of {name}",
                privilege.word()
            )));
        }
        if !reaching.iter().any(|g| g.allow_key_oracle) {
            self.check_oracles(view, access, privilege, columns)?;
        }
        let rows: Option<Vec<Value>> = reaching.iter().map(|g| g.rows.clone()).collect();
        let rows = rows.and_then(|rows| build::conjunction("CONJUNCTION_OR", rows));
        let seen = match &access.barrier {
            Some(barrier) => Some(barrier["node"]["where_clause"].clone()).filter(|w| !w.is_null()),
            None => self.restrict.clone(),
        };
        let conditions = match (seen, rows) {
            (Some(seen), Some(rows)) if tree::canonical(&seen) == tree::canonical(&rows) => {
                vec![seen]
            }
            (seen, rows) => seen.into_iter().chain(rows).collect(),
        };
        Ok(Allowed {
            rows: build::conjunction("CONJUNCTION_AND", conditions),
        })
    }

    /// Whether a column is neither masked nor NULL on some rows.
    pub(crate) fn sees_as_is(&self, column: &str) -> bool {
        self.plain.contains(&fold(column))
    }

    /// Refuses writes whose failure would tell of rows or values that the principal does not see.
    fn check_oracles(
        &self,
        view: &View,
        access: &Access,
        privilege: Privilege,
        columns: &[String],
    ) -> Result<()> {
        let written = |constraint: &Constraint| match privilege {
            Privilege::Update => constraint
                .columns
                .iter()
                .any(|c| columns.iter().any(|w| w.eq_ignore_ascii_case(c))),
            _ => true,
        };
        for constraint in self.constraints.iter().filter(|c| written(c)) {
            let tells = match &constraint.kind {
                ConstraintKind::Unique | ConstraintKind::UniqueIndex => {
                    privilege != Privilege::Delete && !is_whole(access)
                }
                ConstraintKind::References(other) => {
                    privilege != Privilege::Delete && !sees_whole(view, other)
                }
                ConstraintKind::ReferencedBy(other) => {
                    privilege != Privilege::Insert && !sees_whole(view, other)
                }
                ConstraintKind::Check => {
                    privilege == Privilege::Update
                        && !constraint.columns.iter().all(|c| self.sees_as_is(c))
                }
            };
            if tells {
                return Err(Error::new(
                    ErrorKind::PermissionDenied,
                    format!("permission denied to write a key of {}, as its errors would tell of what is hidden", access.name),
                )
                .with_hint("an administrator can set allow_key_oracle in the grant"));
            }
        }
        Ok(())
    }
}

/// What one write may do.
#[derive(Debug)]
pub(crate) struct Allowed {
    /// The rows that it may change, and that a new row must be one of; `None` for all.
    pub(crate) rows: Option<Value>,
}

impl Allowed {
    /// The query that stands for the relation whose rows are changed: as its reader sees it, only
    /// these rows, each with its number.
    pub(crate) fn source(&self, access: &Access) -> Result<Value> {
        let mut items: Vec<Value> = items(access)
            .zip(&access.columns)
            .map(|(item, column)| build::aliased(item, &column.name))
            .collect();
        items.push(build::aliased(build::column(&[SELF, "rowid"]), ROW_NUMBER));
        let from = build::base_table(&access.name, SELF);
        let mut query = build::select(items, from, self.rows.clone(), self.rows.is_some());
        tree::normalize(&mut query)?;
        Ok(query)
    }
}

/// What a principal sees of each column, in order, over a row of the relation under [`SELF`].
pub(crate) fn items(access: &Access) -> impl Iterator<Item = Value> {
    access
        .columns
        .iter()
        .enumerate()
        .map(|(i, column)| match &access.barrier {
            Some(barrier) => build::aliased(barrier["node"]["select_list"][i].clone(), ""),
            None => build::column(&[SELF, &column.name]),
        })
}

/// Whether the principal sees all rows as they are.
pub(crate) fn is_whole(access: &Access) -> bool {
    access.barrier.is_none() && access.privileges.contains(&Privilege::Select)
}

fn sees_whole(view: &View, name: &RelationName) -> bool {
    view.access(name).is_some_and(is_whole)
}

fn normal(expr: Value) -> Result<Value> {
    let nothing = build::nothing();
    let mut query = build::select(vec![expr], nothing, None, false);
    tree::normalize(&mut query)?;
    Ok(query["node"]["select_list"][0].take())
}
