//! Step 9 of the rewriting: what a WHERE asks of a governed relation's own columns, and what can't
//! fail, is asked inside the barrier too, so that DuckDB can leave out row groups and use its
//! filters. The user's own condition stays where it is.

use std::collections::BTreeMap;

use model::{Result, fold};
use serde_json::{Value, json};
use tree::grammar::{Field, text};
use tree::{build, walk};

use crate::compile::SELF;
use crate::from::{Column, From, governed, is_barrier};
use crate::literal::exact;
use crate::part::walkable;
use crate::view::View;

/// Most values of an IN that are worth a copy.
const MAX_VALUES: usize = 1_000;

/// Most conjuncts of a WHERE that are looked at, and most copies that they may become.
const MAX_ASKED: usize = 256;

/// Copies conjuncts in a rewritten query, whose parameters carry their types.
pub(crate) fn add(query: &mut Value, view: &View) -> Result<()> {
    visit(query, Field::Query, view)
}

fn visit(value: &mut Value, field: Field, view: &View) -> Result<()> {
    let Some(field) = walkable(field) else {
        return Ok(());
    };
    // What policy made is as it is.
    if field == Field::Table && governed(value, view).is_some() || is_barrier(value) {
        return Ok(());
    }
    if field == Field::Node && text(value, "type") == "SELECT_NODE" {
        select(value, view);
    }
    walk::children(value, field, &mut |v, f| visit(v, f, view))
}

fn select(node: &mut Value, view: &View) {
    let plain = node["sample"].is_null()
        && node["qualify"].is_null()
        && !has_window(&node["select_list"])
        && !has_window(&node["modifiers"]);
    if !plain || node["where_clause"].is_null() {
        return;
    }
    let Some(from) = From::of(&node["from_table"], &node["where_clause"], view) else {
        return;
    };
    let aliases = aliases(&node["select_list"]);
    let asked = asked(&node["where_clause"]).into_iter().flatten();
    let mut known: Vec<Asked> = asked
        .filter_map(|c| Asked::of(c, &from, &aliases))
        .collect();
    // What is asked of one side of an equality is asked of the other.
    let mut next = 0;
    while let Some(asked) = known.get(next).filter(|_| known.len() < MAX_ASKED) {
        let further: Vec<Asked> = from
            .equal_to(asked.column)
            .map(|column| asked.about(column))
            .filter(|further| !known.contains(further))
            .collect();
        known.extend(further);
        next += 1;
    }
    let mut copies: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for asked in known.iter().filter(|asked| from.takes_copies(asked.column)) {
        let item = from.item(asked.column).to_owned();
        copies.entry(item).or_default().push(asked.copy());
    }
    if !copies.is_empty() {
        place(&mut node["from_table"], &mut copies);
    }
}

/// The conjuncts that may be copied; `None` where there are too many to look at.
pub(crate) fn asked(condition: &Value) -> Option<Vec<&Value>> {
    Some(conjuncts(condition)).filter(|all| all.len() <= MAX_ASKED)
}

/// The conditions that all have to hold.
pub(crate) fn conjuncts(condition: &Value) -> Vec<&Value> {
    match condition {
        Value::Null => vec![],
        _ if text(condition, "type") == "CONJUNCTION_AND" => {
            let children = condition["children"].as_array().into_iter().flatten();
            children.flat_map(conjuncts).collect()
        }
        other => vec![other],
    }
}

/// A condition on one column that can't fail, with its literals in the column's type.
#[derive(Clone, PartialEq)]
pub(crate) struct Asked<'f> {
    column: Column<'f>,
    /// The comparison, without the column in it.
    comparison: Value,
    /// Where in it the column stands.
    place: &'static str,
}

impl<'f> Asked<'f> {
    /// What a conjunct asks, if it is such a condition.
    pub(crate) fn of(conjunct: &Value, from: &From<'f>, aliases: &[String]) -> Option<Self> {
        match text(conjunct, "type") {
            "COMPARE_EQUAL"
            | "COMPARE_NOTEQUAL"
            | "COMPARE_LESSTHAN"
            | "COMPARE_GREATERTHAN"
            | "COMPARE_LESSTHANOREQUALTO"
            | "COMPARE_GREATERTHANOREQUALTO" => {
                let of = |place: &'static str, literal: &str| {
                    let column = from.column(&conjunct[place], aliases)?;
                    let mut asked = Self::about_any(conjunct, column, place);
                    asked.comparison[literal] = exact(&conjunct[literal], column.sql_type)?;
                    Some(asked)
                };
                of("left", "right").or_else(|| of("right", "left"))
            }
            "COMPARE_BETWEEN" => {
                let column = from.column(&conjunct["input"], aliases)?;
                let mut asked = Self::about_any(conjunct, column, "input");
                for bound in ["lower", "upper"] {
                    asked.comparison[bound] = exact(&conjunct[bound], column.sql_type)?;
                }
                Some(asked)
            }
            "COMPARE_IN" => {
                let (reference, values) = conjunct["children"].as_array()?.split_first()?;
                if values.len() > MAX_VALUES {
                    return None;
                }
                let column = from.column(reference, aliases)?;
                let values = values.iter().map(|value| exact(value, column.sql_type));
                let values: Option<Vec<Value>> =
                    std::iter::once(Some(Value::Null)).chain(values).collect();
                let mut asked = Self::about_any(conjunct, column, "children");
                asked.comparison["children"] = json!(values?);
                Some(asked)
            }
            _ => None,
        }
    }

    fn about_any(conjunct: &Value, column: Column<'f>, place: &'static str) -> Self {
        let mut comparison = conjunct.clone();
        comparison["alias"] = json!("");
        Self {
            column,
            comparison,
            place,
        }
        .about(column)
    }

    /// The same, asked of another column of that type.
    fn about(&self, column: Column<'f>) -> Self {
        let mut comparison = self.comparison.clone();
        if self.place != "children" {
            comparison[self.place] = Value::Null;
        }
        comparison["query_location"] = json!(build::NOWHERE);
        Self {
            column,
            comparison,
            place: self.place,
        }
    }

    /// Whether a barrier may hold it.
    pub(crate) fn is_copied(&self, from: &From<'_>) -> bool {
        from.takes_copies(self.column)
    }

    /// The condition as the barrier has it.
    fn copy(&self) -> Value {
        let mut copy = self.comparison.clone();
        let column = build::column(&[SELF, self.column.name]);
        match self.place {
            "children" => copy["children"][0] = column,
            place => copy[place] = column,
        }
        copy
    }
}

/// Puts copies into the barriers that they are for.
fn place(table: &mut Value, copies: &mut BTreeMap<String, Vec<Value>>) {
    if text(table, "type") == "JOIN" && text(table, "alias").is_empty() {
        place(&mut table["left"], copies);
        return place(&mut table["right"], copies);
    }
    if let Some(own) = copies.remove(&fold(text(table, "alias"))) {
        narrow(&mut table["subquery"]["node"]["where_clause"], own);
    }
}

/// `condition and copies`, as DuckDB reads it back: one conjunction, not one in another.
fn narrow(condition: &mut Value, copies: Vec<Value>) {
    let own = condition.take();
    let mut all: Vec<Value> = conjuncts(&own).into_iter().cloned().collect();
    all.extend(copies);
    *condition = build::conjunction("CONJUNCTION_AND", all).unwrap_or_default();
}

/// Folded names that a select list gives to its items.
pub(crate) fn aliases(select_list: &Value) -> Vec<String> {
    let items = select_list.as_array().into_iter().flatten();
    items
        .map(|item| fold(text(item, "alias")))
        .filter(|alias| !alias.is_empty())
        .collect()
}

fn has_window(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_window),
        Value::Object(fields) => {
            text(value, "class") == "WINDOW" || fields.values().any(has_window)
        }
        _ => false,
    }
}
