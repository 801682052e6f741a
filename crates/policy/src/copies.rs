//! Step 9 of the rewriting: what a WHERE asks of a governed relation's own columns, and what can't
//! fail, is asked inside the barrier too, so that DuckDB can leave out row groups and use its
//! filters. The user's own condition stays where it is.

use std::collections::BTreeMap;

use model::{Result, fold};
use serde_json::{Value, json};
use tree::grammar::{Field, text};
use tree::{build, walk};

use crate::access::Access;
use crate::compile::SELF;
use crate::literal::exact;
use crate::rewrite::walkable;
use crate::view::View;

/// Most values of an IN that are worth a copy.
const MAX_VALUES: usize = 1_000;

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

/// The table of which this item of FROM is the barrier.
pub(crate) fn governed<'v>(table: &Value, view: &'v View) -> Option<&'v Access> {
    let inner = &table["subquery"]["node"]["from_table"];
    (is_barrier(table) && text(inner, "type") == "BASE_TABLE")
        .then(|| view.named(inner))
        .flatten()
}

fn is_barrier(table: &Value) -> bool {
    text(&table["subquery"]["node"]["from_table"], "alias") == SELF
}

fn select(node: &mut Value, view: &View) {
    let plain = node["sample"].is_null()
        && node["qualify"].is_null()
        && !has_window(&node["select_list"])
        && !has_window(&node["modifiers"]);
    if !plain || node["where_clause"].is_null() {
        return;
    }
    let Some(from) = From::of(&node["from_table"], view) else {
        return;
    };
    let aliases = aliases(&node["select_list"]);
    let mut copies: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for conjunct in conjuncts(&node["where_clause"]) {
        if let Some((item, copy)) = copy(conjunct, &from, &aliases) {
            copies.entry(item).or_default().push(copy);
        }
    }
    if !copies.is_empty() {
        place(&mut node["from_table"], &mut copies);
    }
}

/// The names in a FROM, as far as conjuncts may be copied to them.
pub(crate) struct From<'v> {
    /// By folded name: the governed relation, where copies to it are right.
    items: BTreeMap<String, Option<&'v Access>>,
    /// Folded names of columns, with how many items have them; `None` where an item's are not known.
    columns: Option<BTreeMap<String, usize>>,
}

impl<'v> From<'v> {
    /// `None` where two items have one name.
    pub(crate) fn of(table: &Value, view: &'v View) -> Option<Self> {
        let mut from = Self {
            items: BTreeMap::new(),
            columns: Some(BTreeMap::new()),
        };
        from.gather(table, view, true)?;
        Some(from)
    }

    fn gather(&mut self, table: &Value, view: &'v View, inner: bool) -> Option<()> {
        if text(table, "type") == "JOIN" && text(table, "alias").is_empty() {
            let plain = matches!(text(table, "ref_type"), "REGULAR" | "CROSS" | "NATURAL");
            let (left, right) = match text(table, "join_type") {
                "INNER" => (inner && plain, inner && plain),
                "LEFT" => (inner && plain, false),
                _ => (false, false),
            };
            self.gather(&table["left"], view, left)?;
            return self.gather(&table["right"], view, right);
        }
        let bare = table["column_name_alias"]
            .as_array()
            .is_none_or(Vec::is_empty);
        let access = governed(table, view).filter(|_| bare);
        let target = access.filter(|_| inner && table["sample"].is_null());
        let known = access.or_else(|| match text(table, "type") {
            "BASE_TABLE" if bare => view.named(table),
            _ => None,
        });
        match (known, &mut self.columns) {
            (Some(access), Some(columns)) => {
                for column in &access.columns {
                    *columns.entry(fold(&column.name)).or_default() += 1;
                }
            }
            _ => self.columns = None,
        }
        let name = fold(text(table, "alias"));
        self.items.insert(name, target).is_none().then_some(())
    }

    /// The item and its relation's own column that a reference means.
    pub(crate) fn column(
        &self,
        reference: &Value,
        aliases: &[String],
    ) -> Option<(&str, &'v Access, &'v str)> {
        if text(reference, "class") != "COLUMN_REF" {
            return None;
        }
        let names: Vec<&str> = reference["column_names"]
            .as_array()?
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let (item, name) = match names.as_slice() {
            [item, name] => (Some(fold(item)), *name),
            [name] => (None, *name),
            _ => return None,
        };
        let folded = fold(name);
        let found = match item {
            Some(item) => self.items.get_key_value(&item),
            None => {
                let once = self.columns.as_ref()?.get(&folded) == Some(&1);
                let mut having = self
                    .items
                    .iter()
                    .filter(|(_, access)| access.is_some_and(|a| a.open.contains_key(&folded)));
                having.next().filter(|_| once && !aliases.contains(&folded))
            }
        };
        let (item, access) = found?;
        let access = (*access)?;
        let (column, _) = access.open.get(&folded)?;
        Some((item, access, column))
    }
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

/// The item that a conjunct is about, and the conjunct over the relation's own column.
pub(crate) fn copy(
    conjunct: &Value,
    from: &From<'_>,
    aliases: &[String],
) -> Option<(String, Value)> {
    match text(conjunct, "type") {
        "COMPARE_EQUAL"
        | "COMPARE_NOTEQUAL"
        | "COMPARE_LESSTHAN"
        | "COMPARE_GREATERTHAN"
        | "COMPARE_LESSTHANOREQUALTO"
        | "COMPARE_GREATERTHANOREQUALTO" => {
            let sides = ["left", "right"];
            let of = |column: &str, literal: &str| {
                let target = Target::of(&conjunct[column], from, aliases)?;
                let mut copy = bare(conjunct);
                copy[column] = target.column();
                copy[literal] = target.exact(&conjunct[literal])?;
                Some((target.item.to_owned(), copy))
            };
            of(sides[0], sides[1]).or_else(|| of(sides[1], sides[0]))
        }
        "COMPARE_BETWEEN" => {
            let target = Target::of(&conjunct["input"], from, aliases)?;
            let mut copy = bare(conjunct);
            copy["input"] = target.column();
            for bound in ["lower", "upper"] {
                copy[bound] = target.exact(&conjunct[bound])?;
            }
            Some((target.item.to_owned(), copy))
        }
        "COMPARE_IN" => {
            let (column, values) = conjunct["children"].as_array()?.split_first()?;
            if values.len() > MAX_VALUES {
                return None;
            }
            let target = Target::of(column, from, aliases)?;
            let values = values.iter().map(|value| target.exact(value));
            let children: Option<Vec<Value>> = std::iter::once(Some(target.column()))
                .chain(values)
                .collect();
            let mut copy = bare(conjunct);
            copy["children"] = json!(children?);
            Some((target.item.to_owned(), copy))
        }
        _ => None,
    }
}

/// A column that a conjunct is about.
struct Target<'f, 'v> {
    item: &'f str,
    access: &'v Access,
    name: &'v str,
}

impl<'f, 'v> Target<'f, 'v> {
    fn of(reference: &Value, from: &'f From<'v>, aliases: &[String]) -> Option<Self> {
        let (item, access, name) = from.column(reference, aliases)?;
        access.copies.then_some(Self { item, access, name })
    }

    fn column(&self) -> Value {
        build::column(&[SELF, self.name])
    }

    fn exact(&self, literal: &Value) -> Option<Value> {
        let (_, sql_type) = self.access.open.get(&fold(self.name))?;
        exact(literal, sql_type)
    }
}

fn bare(conjunct: &Value) -> Value {
    let mut copy = conjunct.clone();
    copy["alias"] = json!("");
    copy
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
pub(crate) fn narrow(condition: &mut Value, copies: Vec<Value>) {
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
