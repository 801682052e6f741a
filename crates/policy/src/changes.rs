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
use crate::copies::conjuncts;
use crate::file::Privilege;
use crate::set::PolicySet;
use crate::view::View;

/// The name under which the rows to change give their numbers. No text of a user's can name it.
pub(crate) const ROW_NUMBER: &str = "__eider_rid";

/// What DuckDB calls the column of RETURNING that says what MERGE did with a row.
pub(crate) const MERGE_ACTION: &str = "merge_action";

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
    /// Whether a column of its own hides what MERGE says that it did with a row.
    has_merge_action: bool,
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
            has_merge_action: relation.column(MERGE_ACTION).is_some(),
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
        let columns = self.with_computed(columns);
        if !reaching.iter().any(|g| g.allow_key_oracle) {
            self.check_oracles(view, access, privilege, &columns)?;
        }
        let rows: Option<Vec<Value>> = reaching.iter().map(|g| g.rows.clone()).collect();
        let rows = rows.and_then(|rows| build::conjunction("CONJUNCTION_OR", rows));
        let seen = match &access.barrier {
            Some(_) => seen(access),
            None => self.restrict.clone(),
        };
        let alike = |(a, b): (&Value, &Value)| tree::canonical(a) == tree::canonical(b);
        let beyond = match seen.as_ref().zip(rows.as_ref()).is_some_and(alike) {
            true => None,
            false => rows,
        };
        let conditions = seen.into_iter().chain(beyond.clone()).collect();
        let rows = build::conjunction("CONJUNCTION_AND", conditions);
        if privilege == Privilege::Update {
            let oracle = reaching.iter().any(|g| g.allow_key_oracle);
            self.check_what_depends(access, &columns, rows.as_ref().filter(|_| !oracle))?;
        }
        Ok(Allowed { rows, beyond })
    }

    /// Refuses MERGE where a column of the relation stands in the way of a name that it needs.
    pub(crate) fn check_merge(&self, access: &Access) -> Result<()> {
        match self.has_rowid || self.has_merge_action {
            false => Ok(()),
            true => Err(Error::not_supported(format_args!(
                "MERGE into {}, which has a column \"rowid\" or \"{MERGE_ACTION}\"",
                access.name
            ))),
        }
    }

    /// Whether a column is neither masked nor NULL on some rows.
    pub(crate) fn sees_as_is(&self, column: &str) -> bool {
        self.plain.contains(&fold(column))
    }

    /// Columns that are written, and those that are computed of them.
    fn with_computed(&self, columns: &[String]) -> Vec<String> {
        let mut all = columns.to_vec();
        let mut next = 0;
        while let Some(written) = all.get(next).cloned() {
            for constraint in &self.constraints {
                if constraint.kind == ConstraintKind::Generated
                    && let Some((computed, of)) = constraint.columns.split_first()
                    && of.iter().any(|c| c.eq_ignore_ascii_case(&written))
                    && !all.iter().any(|c| c.eq_ignore_ascii_case(computed))
                {
                    all.push(computed.clone());
                }
            }
            next += 1;
        }
        all
    }

    /// Refuses to change what decides how much of a row is shown, and what a rule for `rows` compares
    /// with something hidden: whether the new row passes would tell of it.
    fn check_what_depends(
        &self,
        access: &Access,
        columns: &[String],
        rows: Option<&Value>,
    ) -> Result<()> {
        let written = |read: &BTreeSet<String>| columns.iter().find(|c| read.contains(&fold(c)));
        let denied = |column: &str, why: &str| {
            let what = format!(
                "permission denied to update column \"{column}\" of {}, as {why}",
                access.name
            );
            Error::new(ErrorKind::PermissionDenied, what)
        };
        for (shown, column) in items(access).zip(&access.columns) {
            if !self.sees_as_is(&column.name)
                && let Some(column) = written(&columns_read(&shown))
            {
                let why = "what is shown of a row depends on it";
                return Err(denied(column, why));
            }
        }
        for condition in rows.into_iter().flat_map(conjuncts) {
            let read = columns_read(condition);
            if !read.iter().all(|c| self.sees_as_is(c))
                && let Some(column) = written(&read)
            {
                let why = "whether a row may have a value depends on what is not seen";
                return Err(denied(column, why)
                    .with_hint("an administrator can set allow_key_oracle in the grant"));
            }
        }
        Ok(())
    }

    /// Refuses writes whose failure would tell of rows or values that the principal does not see.
    fn check_oracles(
        &self,
        view: &View,
        access: &Access,
        privilege: Privilege,
        columns: &[String],
    ) -> Result<()> {
        // DuckDB deletes many a row that it updates, and inserts it anew: what refers to it, and what
        // is computed of it, is tried whatever is set.
        let written = |constraint: &Constraint| match (privilege, &constraint.kind) {
            (_, ConstraintKind::ReferencedBy(_) | ConstraintKind::Generated) => true,
            (Privilege::Update, _) => constraint
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
                ConstraintKind::Generated => {
                    let mut of = constraint.columns.iter().skip(1);
                    privilege == Privilege::Update && !of.all(|c| self.sees_as_is(c))
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
    /// What is asked of these beyond being seen.
    pub(crate) beyond: Option<Value>,
}

/// The query that stands for the relation whose rows are changed: as its reader sees it, only these
/// rows, each with its number and with `more`, expressions over a row under [`SELF`].
pub(crate) fn source(access: &Access, rows: Option<Value>, more: Vec<Value>) -> Result<Value> {
    let mut items: Vec<Value> = items(access)
        .zip(&access.columns)
        .map(|(item, column)| build::aliased(item, &column.name))
        .collect();
    items.push(build::aliased(build::column(&[SELF, "rowid"]), ROW_NUMBER));
    items.extend(more);
    let from = build::base_table(&access.name, SELF);
    let barrier = rows.is_some();
    let mut query = build::select(items, from, rows, barrier);
    tree::normalize(&mut query)?;
    Ok(query)
}

/// What makes a row one that the principal sees; `None` where all are.
pub(crate) fn seen(access: &Access) -> Option<Value> {
    let condition = access.barrier.as_ref()?["node"]["where_clause"].clone();
    Some(condition).filter(|c| !c.is_null())
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

/// Folded names of the relation's columns that an expression over a row of it, under [`SELF`], reads.
fn columns_read(expr: &Value) -> BTreeSet<String> {
    let mut read = BTreeSet::new();
    gather(expr, &mut read);
    read
}

fn gather(value: &Value, read: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|v| gather(v, read)),
        Value::Object(fields) => {
            for (name, field) in fields {
                match field[1].as_str() {
                    Some(column) if name == "column_names" && field[0] == SELF => {
                        read.insert(fold(column));
                    }
                    _ => gather(field, read),
                }
            }
        }
        _ => {}
    }
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
