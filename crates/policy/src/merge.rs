//! MERGE (rewriting, step 19): one governed query joins the source with the rows of the target that
//! are seen, and says of each pair what is to be done, with which values; the statement that runs does
//! that, by the rows' numbers. A target row that is hidden matches nothing.

mod actions;
mod pairs;
mod scope;

use model::{Error, ErrorKind, Result};
use plan::{Merge, MergeAction, MergeClause};
use serde_json::{Value, json};
use tree::{build, quote};

use crate::access::Access;
use crate::authorise::{Authorised, CommandTag, Context};
use crate::changes::{Allowed, MERGE_ACTION, ROW_NUMBER};
use crate::compile::SELF;
use crate::dml::{ROWS, VALUE, done, target};
use crate::file::Privilege;
use crate::merge::actions::{Action, Step};
use crate::returning;
use crate::write::full;

/// The name of the query of pairs inside its WITH, which has it run to its end before any row is
/// written.
const QUERY: &str = "__eider_q";

/// What is to be done with a pair: a STRUCT of the number of its clause and of the values.
const DO: &str = "__eider_m";

/// The number of the clause.
const NUMBER: &str = "__eider_a";

/// What ERROR says.
const MESSAGE: &str = "__eider_e";

pub(crate) fn merge(context: &Context<'_>, merge: &Merge) -> Result<Authorised> {
    let access = writes(context, merge)?;
    let source = scope::source(context, merge)?;
    let steps = merge.clauses.iter().enumerate();
    let steps = steps
        .map(|(i, clause)| actions::step(context, access, merge, clause, i + 1, source.as_ref()))
        .collect::<Result<Vec<_>>>()?;
    let found = pairs::found(context, access, merge, &steps, source.as_ref())?;
    let check = check(access, &steps)?;
    let list = merge.returning.as_ref();
    let returned = returning::seal(context, access, list, check, SELF, true)?;
    let mut sql = format!(
        "merge into {} as {SELF} using (with {QUERY} as materialized ({}) select * from {QUERY}) as {ROWS} \
         on {SELF}.rowid = {ROWS}.{ROW_NUMBER}",
        full(&access.name),
        found.sql
    );
    for step in &steps {
        sql.push_str(&clause(access, step));
    }
    let tag = CommandTag::Merge;
    let wants_rows = merge.returning.is_some();
    let mut authorised = done(context, access, tag, sql, found, returned, wants_rows)?;
    let written = steps.iter().flat_map(Step::written);
    let written = written.map(|column| access.columns[column].name.clone());
    authorised.facts.written.extend(written);
    Ok(authorised)
}

/// The target, once the principal has the rights that the clauses use, and its catalog takes writes.
fn writes<'a>(context: &'a Context<'_>, merge: &Merge) -> Result<&'a Access> {
    let mut written = None;
    for clause in &merge.clauses {
        if let Some(privilege) = privilege(clause) {
            written = Some(target(context, &merge.target.name, privilege)?);
        }
    }
    let Some((access, changes)) = written else {
        let parts: Vec<&str> = merge.target.name.parts.iter().map(String::as_str).collect();
        let resolved = context.view.resolve(&parts);
        resolved.map_err(|e| e.with_position(merge.target.name.position))?;
        return Err(Error::not_supported("a MERGE that writes nothing"));
    };
    changes.check_merge(access)?;
    Ok(access)
}

fn privilege(clause: &MergeClause) -> Option<Privilege> {
    match &clause.action {
        MergeAction::Update(..) | MergeAction::UpdateFrom(_) => Some(Privilege::Update),
        MergeAction::Insert { .. } | MergeAction::InsertFrom(_) | MergeAction::InsertDefaults => {
            Some(Privilege::Insert)
        }
        MergeAction::Delete => Some(Privilege::Delete),
        MergeAction::Nothing | MergeAction::Error(_) => None,
    }
}

/// A clause of the statement that runs. Pairs of rows of the source alone have no number.
fn clause(access: &Access, step: &Step) -> String {
    let has_row = step.has_target_row();
    let matched = if has_row { "matched" } else { "not matched" };
    let value = |column: usize, given: bool| match given {
        true => format!("{ROWS}.{DO}.{VALUE}{}", column + 1),
        false => "default".to_owned(),
    };
    let name = |column: usize| quote(&access.columns[column].name);
    let action = match &step.action {
        Action::Update(set, _) => {
            let set = set.iter();
            let set: Vec<String> = set
                .map(|(c, v)| format!("{} = {}", name(*c), value(*c, v.is_some())))
                .collect();
            format!("update set {}", set.join(", "))
        }
        Action::Delete(_) => "delete".to_owned(),
        Action::Insert(row, _) if row.is_empty() => "insert default values".to_owned(),
        Action::Insert(row, _) => {
            let columns: Vec<String> = row.iter().map(|(c, _)| name(*c)).collect();
            let values = row.iter();
            let values: Vec<String> = values.map(|(c, v)| value(*c, v.is_some())).collect();
            format!(
                "insert ({}) values ({})",
                columns.join(", "),
                values.join(", ")
            )
        }
        Action::Nothing => "do nothing".to_owned(),
        Action::Error(None) => "error".to_owned(),
        Action::Error(Some(_)) => format!("error {ROWS}.{DO}.{MESSAGE}"),
    };
    format!(
        " when {matched} and {ROWS}.{DO}.{NUMBER} = {} then {action}",
        step.number
    )
}

/// What every row that was written has to be; `None` where that is nothing.
fn check(access: &Access, steps: &[Step]) -> Result<Option<Value>> {
    let inserted = steps.iter().filter_map(|s| match &s.action {
        Action::Insert(_, allowed) => Some(allowed),
        _ => None,
    });
    let updated = steps.iter().filter_map(|s| match &s.action {
        Action::Update(_, allowed) => Some(allowed),
        _ => None,
    });
    let (inserted, updated) = (one(access, inserted)?, one(access, updated)?);
    if inserted.is_none() && updated.is_none() {
        return Ok(None);
    }
    let mut check = build::literal("t", "BOOLEAN");
    for (word, rows) in [("UPDATE", updated), ("INSERT", inserted)] {
        if let Some(rows) = rows {
            let done = json!({
                "class": "COMPARISON", "type": "COMPARE_EQUAL", "alias": "",
                "query_location": build::NOWHERE, "left": build::column(&[SELF, MERGE_ACTION]),
                "right": build::literal(word, "VARCHAR")
            });
            check = build::case(done, rows, check);
        }
    }
    Ok(Some(check))
}

/// The rows that all of these clauses may write: what DuckDB gives back does not say which of them
/// wrote a row.
fn one<'a>(access: &Access, mut all: impl Iterator<Item = &'a Allowed>) -> Result<Option<Value>> {
    let Some(first) = all.next().map(|allowed| &allowed.rows) else {
        return Ok(None);
    };
    let canonical = |rows: &Option<Value>| rows.as_ref().map(tree::canonical);
    match all.all(|other| canonical(&other.rows) == canonical(first)) {
        true => Ok(first.clone()),
        false => Err(Error::not_supported(format_args!(
            "a MERGE with clauses that may write different rows of {}",
            access.name
        ))),
    }
}

fn syntax(message: String) -> Error {
    Error::new(ErrorKind::Syntax, message)
}
