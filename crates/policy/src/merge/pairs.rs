//! The query of a MERGE's pairs: of each pair of rows the target row's number, and what is to be done.
//! What a clause computes is computed for its own pairs only, as DuckDB would: one CASE holds all.

use std::collections::BTreeSet;

use model::{Error, Result};
use plan::{Merge, MergeCondition, MergeWhen, Query};
use serde_json::{Value, json};
use tree::{Description, build};

use super::actions::{Action, Step};
use super::scope::{self, Named};
use super::{DO, MESSAGE, NUMBER};
use crate::access::{Access, without_enum};
use crate::authorise::Context;
use crate::changes::{Allowed, ROW_NUMBER, seen, source};
use crate::copies;
use crate::dml::{Found, VALUE, check_names};
use crate::rewrite::{Rewriter, TARGET};
use crate::rights::Rights;
use crate::seal::seal_source;

/// A column that is NULL where the row that it is a part of is not there.
const IS_THERE: &str = "__eider_in";

/// What gives [`IS_THERE`] to the source's rows.
const SOURCE: &str = "__eider_p";

/// A column that is true where a rule lets the row be changed, followed by its number.
const MAY: &str = "__eider_r";

pub(crate) fn found(
    context: &Context<'_>,
    access: &Access,
    merge: &Merge,
    steps: &[Step],
    named: Option<&Named>,
) -> Result<Found> {
    let mut tree = flat(merge, steps, named)?;
    tree::check(&tree)?;
    check_names(&mut tree, access, &merge.target)?;
    let alone = Query {
        text: merge.text.clone(),
        tree: tree.clone(),
    };
    let rules = rules(steps);
    let marks = [build::literal("t", "BOOLEAN")]
        .into_iter()
        .chain(rules.iter().cloned());
    let marks = marks
        .enumerate()
        .map(|(i, mark)| build::aliased(mark, &mark_name(i)));
    let source = source(access, seen(access), marks.collect())?;
    let rewritten = Rewriter::new(Rights::of(context.view), context.parser)
        .with_source(source.clone())
        .rewrite(&mut tree)?;
    let first = describe(context, merge, steps)?;
    let (schema, names) = (first.schema.clone(), first.names.clone());
    let settled = context.settle(&alone, first, &|text| Ok(text.to_owned()))?;
    context.cast_all(&mut tree, &settled.parameters)?;
    compose(context, access, steps, &rules, &mut tree)?;
    copies::add(&mut tree, context.view)?;
    let rights = Rights::of(context.view);
    let sealed = seal_source(&mut tree, &tree::canonical(&source), rights, context.parser)?;
    let narrowed = steps.iter().filter_map(allowed).any(|a| a.rows.is_some());
    Ok(Found {
        sql: sealed.sql,
        expected: sealed.expected,
        positions: sealed.positions,
        description: Description {
            parameters: settled.parameters,
            schema,
            names,
        },
        governed: rewritten.governed || access.barrier.is_some() || narrowed,
        views: rewritten.views,
    })
}

/// What the sidecar says of the statement. DuckDB 1.5.5 can't plan one that asks for all rows of the
/// target and not for all of the source unless it optimises it, and gives the instance up: a clause
/// that does nothing asks for these.
fn describe(context: &Context<'_>, merge: &Merge, steps: &[Step]) -> Result<Description> {
    const CLAUSE: &str = " when not matched then do nothing ";
    let has = |when: MergeWhen| steps.iter().any(|s| s.when == when);
    if has(MergeWhen::NotMatched) || !has(MergeWhen::NotMatchedBySource) {
        return context.sidecar.describe(&merge.text);
    }
    let (clauses, list) = merge.text.split_at(merge.end);
    let described = context
        .sidecar
        .describe(&format!("{clauses}{CLAUSE}{list}"));
    described.map_err(|e| match e.position() {
        Some(at) if at >= merge.end => {
            e.with_position(at.saturating_sub(CLAUSE.len()).max(merge.end))
        }
        _ => e,
    })
}

fn allowed(step: &Step) -> Option<&Allowed> {
    match &step.action {
        Action::Update(_, allowed) | Action::Insert(_, allowed) | Action::Delete(allowed) => {
            Some(allowed)
        }
        Action::Nothing | Action::Error(_) => None,
    }
}

/// What rows have to be to be changed, beyond being seen.
fn rules(steps: &[Step]) -> Vec<Value> {
    let mut rules: Vec<Value> = Vec::new();
    for rule in steps.iter().filter_map(rule) {
        if !rules.contains(rule) {
            rules.push(rule.clone());
        }
    }
    rules
}

fn rule(step: &Step) -> Option<&Value> {
    match &step.action {
        Action::Update(_, allowed) | Action::Delete(allowed) => allowed.beyond.as_ref(),
        Action::Insert(..) | Action::Nothing | Action::Error(_) => None,
    }
}

fn mark_name(number: usize) -> String {
    match number {
        0 => IS_THERE.to_owned(),
        number => format!("{MAY}{number}"),
    }
}

/// All that the clauses ask and compute, over all pairs.
fn flat(merge: &Merge, steps: &[Step], named: Option<&Named>) -> Result<Value> {
    let has = |when: MergeWhen| steps.iter().any(|s| s.when == when);
    let join = match (
        has(MergeWhen::NotMatched),
        has(MergeWhen::NotMatchedBySource),
    ) {
        (false, false) => "INNER",
        (true, false) => "RIGHT",
        (false, true) => "LEFT",
        (true, true) => "FULL",
    };
    let (condition, using) = match &merge.condition {
        MergeCondition::On(condition) => (condition.clone(), vec![]),
        MergeCondition::Using(columns) => (Value::Null, columns.clone()),
    };
    let item = named.map_or_else(|| merge.source.clone(), |_| scope::item(merge));
    let mut from = build::joined(merge.target.item(), item, condition, join);
    from["using_columns"] = json!(using);
    let mut items: Vec<Value> = steps.iter().flat_map(Step::expressions).cloned().collect();
    if items.is_empty() {
        items.push(build::literal("1", "INTEGER"));
    }
    Ok(build::select(items, from, None, false))
}

/// Makes of the rewritten items the two of the query.
fn compose(
    context: &Context<'_>,
    access: &Access,
    steps: &[Step],
    rules: &[Value],
    tree: &mut Value,
) -> Result<()> {
    let Value::Array(items) = tree["node"]["select_list"].take() else {
        return Err(Error::internal("a query without a list"));
    };
    let mut items = items.into_iter().map(|item| build::aliased(item, ""));
    let mut arms: [Vec<(Value, Value)>; 3] = [vec![], vec![], vec![]];
    let fields = Fields::of(steps);
    for step in steps {
        let condition = match step.condition {
            Some(_) => items.next(),
            None => Some(build::literal("t", "BOOLEAN")),
        };
        let condition = condition.ok_or_else(|| Error::internal("a condition is lost"))?;
        let mut done = fields.row(context, access, step, &mut items)?;
        let rule = rule(step).and_then(|rule| rules.iter().position(|r| r == rule));
        if let Some(rule) = rule {
            let may = build::column(&[TARGET, &mark_name(rule + 1)]);
            done = build::case(may, done, build::null());
        }
        arms[step.when as usize].push((condition, done));
    }
    let [matched, not_matched, by_source] = arms;
    let mut outer = vec![];
    if !not_matched.is_empty() {
        let absent = build::is_null(build::column(&[TARGET, IS_THERE]));
        outer.push((absent, cases(not_matched, build::null())));
    }
    if !by_source.is_empty() {
        let absent = build::is_null(build::column(&[SOURCE, IS_THERE]));
        outer.push((absent, cases(by_source, build::null())));
        let there = build::aliased(build::literal("t", "BOOLEAN"), IS_THERE);
        let there = build::select(vec![there], build::nothing(), None, false);
        let there = build::subquery(there, SOURCE, json!([]), Value::Null);
        let right = tree["node"]["from_table"]["right"].take();
        let always = build::literal("t", "BOOLEAN");
        tree["node"]["from_table"]["right"] = build::joined(right, there, always, "INNER");
    }
    let number = build::aliased(build::column(&[TARGET, ROW_NUMBER]), ROW_NUMBER);
    let done = cases(outer, cases(matched, build::null()));
    tree["node"]["select_list"] = json!([number, build::aliased(done, DO)]);
    Ok(())
}

/// `case when … then … when … then … else … end`, or the last where there is nothing before it.
fn cases(arms: Vec<(Value, Value)>, otherwise: Value) -> Value {
    if arms.is_empty() {
        return otherwise;
    }
    let checks = arms.into_iter();
    let checks: Vec<Value> = checks
        .map(|(when, then)| json!({"when_expr": when, "then_expr": then}))
        .collect();
    let mut all = build::case(Value::Null, Value::Null, otherwise);
    all["case_checks"] = json!(checks);
    all
}

/// The fields of what is to be done: they are the same whatever that is.
struct Fields {
    /// Columns to which some step gives a value.
    columns: BTreeSet<usize>,
    message: bool,
}

impl Fields {
    fn of(steps: &[Step]) -> Self {
        let rows = steps.iter().filter_map(|s| match &s.action {
            Action::Update(row, _) | Action::Insert(row, _) => Some(row),
            _ => None,
        });
        let given = rows.flatten().filter(|(_, value)| value.is_some());
        Self {
            columns: given.map(|(column, _)| *column).collect(),
            message: steps
                .iter()
                .any(|s| matches!(s.action, Action::Error(Some(_)))),
        }
    }

    /// What a step does, its values the next of the items.
    fn row(
        &self,
        context: &Context<'_>,
        access: &Access,
        step: &Step,
        items: &mut impl Iterator<Item = Value>,
    ) -> Result<Value> {
        let row = match &step.action {
            Action::Update(row, _) | Action::Insert(row, _) => row.as_slice(),
            _ => &[],
        };
        let lost = || Error::internal("a value is lost");
        let number = build::literal(&step.number.to_string(), "INTEGER");
        let mut fields = vec![build::aliased(number, NUMBER)];
        // In the order of the statement: the items are.
        let mut values = Vec::with_capacity(row.len());
        for (column, value) in row {
            if value.is_some() {
                values.push((*column, items.next().ok_or_else(lost)?));
            }
        }
        for column in &self.columns {
            let given = values.iter().find(|(c, _)| c == column);
            let value = match given {
                // As it would be converted when it is stored.
                Some((_, value)) => {
                    let to = without_enum(&access.columns[*column].sql_type);
                    build::cast(value.clone(), context.type_tree(&to)?)
                }
                None => build::null(),
            };
            fields.push(build::aliased(value, &format!("{VALUE}{}", column + 1)));
        }
        if self.message {
            let message = match &step.action {
                Action::Error(Some(_)) => {
                    let varchar = json!({"id": "VARCHAR", "type_info": null});
                    build::cast(items.next().ok_or_else(lost)?, varchar)
                }
                _ => build::null(),
            };
            fields.push(build::aliased(message, MESSAGE));
        }
        Ok(build::call("struct_pack", fields))
    }
}
