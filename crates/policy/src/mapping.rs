//! Mapping tables: what predicates and masks may look things up in, by subquery. A look-up can't
//! throw, and of the table it reads nothing but what it asks becomes visible.

use model::{CatalogSnapshot, Relation, RelationKind, RelationName, Result, SqlType, fold};
use serde_json::{Value, json};
use tree::build;
use tree::grammar::text;

use crate::compile::{SELF, Scope, bad};
use crate::file::At;
use crate::mirrored::check_columns;
use crate::part;
use crate::pattern::Pattern;
use crate::reserved::unless_reserved_columns;

/// The alias of a mapping table inside its subquery.
pub(crate) const MAPPING: &str = "__eider_mapping";

/// An entry of the policy's `mapping`: a full name.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) on: Pattern<3>,
    pub(crate) at: At,
}

/// The listed tables that exist.
#[derive(Debug, Default)]
pub(crate) struct Mappings(Vec<Relation>);

impl Mappings {
    /// No tables.
    pub(crate) const NONE: &Self = &Self(Vec::new());

    /// Those of a snapshot; what is gone or no table is left out, and rules that name it fail.
    pub(crate) fn of(listed: &[Listed], snapshot: &CatalogSnapshot) -> Self {
        let tables = listed.iter().filter_map(|l| l.table(snapshot).ok());
        Self(tables.cloned().collect())
    }

    fn named(&self, parts: [&str; 3]) -> Option<&Relation> {
        self.0.iter().find(|r| {
            let own = [&r.name.catalog, &r.name.schema, &r.name.name];
            own.iter().zip(parts).all(|(a, b)| fold(a) == fold(b))
        })
    }
}

impl Listed {
    /// Fails where it names no table, or one that can't be looked up.
    pub(crate) fn table<'s>(&self, snapshot: &'s CatalogSnapshot) -> Result<&'s Relation, String> {
        let on = &self.on;
        let (Some(catalog), Some(schema), Some(name)) = (on.part(0), on.part(1), on.part(2)) else {
            return Err(format!("a mapping table is named in full, not by {on}"));
        };
        let found = snapshot.relation(catalog, schema, name);
        let table = found.filter(|r| r.kind == RelationKind::Table);
        let table = table.ok_or_else(|| format!("there is no table {on}"))?;
        let readable = unless_reserved_columns(&table.columns);
        match readable.and_then(|()| check_columns(&table.columns)) {
            Ok(()) => Ok(table),
            Err(error) => Err(format!("{on} can't be looked up: {error}")),
        }
    }
}

/// The mapping table that names in a subquery are looked for in first.
#[derive(Clone, Copy)]
pub(crate) struct Mapped<'a> {
    relation: &'a Relation,
    /// Where the subquery gives it another name.
    alias: &'a str,
}

impl Mapped<'_> {
    /// The column that a name in the subquery means; `None` where it is of neither relation.
    pub(crate) fn column(&self, names: &[&str], outer: &Relation) -> Result<Option<Value>> {
        let Some((name, qualifier)) = names.split_last() else {
            return Ok(None);
        };
        let inner = self
            .relation
            .column(name)
            .filter(|_| self.is_named(qualifier));
        let outer = outer.column(name).filter(|_| qualifies(qualifier, outer));
        match (inner, outer) {
            (Some(_), Some(_)) => Err(bad(format_args!(
                "\"{}\" could be a column of the mapping table or of the row: write it with its table",
                names.join(".")
            ))),
            (Some(column), None) => Ok(Some(build::column(&[MAPPING, &column.name]))),
            (None, Some(column)) => Ok(Some(build::column(&[SELF, &column.name]))),
            (None, None) => Ok(None),
        }
    }

    /// The type of a column under the table's alias.
    pub(crate) fn type_of(&self, name: &str) -> Option<&SqlType> {
        self.relation.column(name).map(|c| &c.sql_type)
    }
}

impl Scope<'_> {
    /// `x in (select c from m where …)`, `exists (select 1 from m where …)`, or
    /// `(select max(c) from m where …)`, which has one value whatever the table holds.
    pub(crate) fn lookup(&self, mut expr: Value) -> Result<Value> {
        let original = expr["subquery"].take();
        let node = &original["node"];
        let table = &node["from_table"];
        let Some([item]) = node["select_list"].as_array().map(Vec::as_slice) else {
            return Err(not_a_lookup());
        };
        if self.mapped.is_some() || !is_simple(&original) {
            return Err(not_a_lookup());
        }
        let parts = ["catalog_name", "schema_name", "table_name"].map(|part| text(table, part));
        let relation = self.compiler.mappings.named(parts).ok_or_else(|| {
            bad(format_args!(
                "\"{}\" is not listed in `mapping` by its full name, or is gone",
                parts.join(".")
            ))
        })?;
        let mapped = Mapped {
            relation,
            alias: text(table, "alias"),
        };
        let inner = Scope {
            compiler: self.compiler,
            relation: self.relation,
            trusted: false,
            mapped: Some(mapped),
        };
        let condition = match &node["where_clause"] {
            Value::Null => None,
            condition => Some(inner.condition(condition.clone())?),
        };
        let lookup = |item: Value| {
            let from = build::base_table(&relation.name, MAPPING);
            build::select(vec![item], from, condition, false)
        };
        match (text(&expr, "subquery_type"), text(&expr, "comparison_type")) {
            ("ANY", "COMPARE_EQUAL") => {
                // A literal is converted; all else must be of the column's own type.
                let mut operands = [mapped.selected(item)?, self.total(expr["child"].take())?];
                inner.one_type(&mut operands)?;
                let [column, child] = operands;
                expr["child"] = child;
                expr["subquery"] = lookup(column);
                Ok(expr)
            }
            ("EXISTS" | "NOT_EXISTS", _) => {
                let is_star = text(item, "class") == "STAR";
                if !is_star && text(item, "class") != "CONSTANT" {
                    return Err(not_a_lookup());
                }
                expr["subquery"] = lookup(build::literal("1", "INTEGER"));
                Ok(expr)
            }
            ("SCALAR", _) => {
                let (value, sql_type) = inner.greatest(item)?;
                expr["subquery"] = lookup(value);
                Ok(build::cast(expr, sql_type))
            }
            _ => Err(not_a_lookup()),
        }
    }

    fn condition(&self, expr: Value) -> Result<Value> {
        let condition = self.total(expr)?;
        match self.type_of(&condition)? {
            SqlType::Boolean => Ok(condition),
            other => Err(bad(format_args!(
                "the condition in a subquery is of type {other}, and must be BOOLEAN"
            ))),
        }
    }

    /// `max(c)` or `min(c)`, and its type.
    fn greatest(&self, item: &Value) -> Result<(Value, Value)> {
        let name = fold(text(item, "function_name"));
        let plain = ["catalog", "schema"]
            .iter()
            .all(|part| text(item, part).is_empty())
            && text(item, "class") == "FUNCTION"
            && item["filter"].is_null()
            && item["distinct"] == false
            && item["order_bys"]["orders"]
                .as_array()
                .is_none_or(Vec::is_empty);
        let (true, "max" | "min", Some([child]), Some(mapped)) = (
            plain,
            name.as_str(),
            item["children"].as_array().map(Vec::as_slice),
            &self.mapped,
        ) else {
            return Err(not_a_lookup());
        };
        let column = mapped.selected(child)?;
        let sql_type = self.type_of(&column)?;
        let value = build::call(&name, vec![column]);
        let found = self.type_of(&value)?;
        if found != sql_type {
            return Err(bad(format_args!("{name}() of {sql_type} is {found}")));
        }
        Ok((value, self.compiler.type_tree(&sql_type)?))
    }
}

impl Mapped<'_> {
    /// A plain column of the mapping table itself.
    fn selected(&self, item: &Value) -> Result<Value> {
        let names = names(item);
        match names.split_last() {
            Some((name, qualifier)) if self.is_named(qualifier) => {
                let column = self
                    .relation
                    .column(name)
                    .filter(|c| !c.sql_type.contains_struct());
                let column = column.ok_or_else(|| {
                    bad(format_args!(
                        "there is no column \"{name}\" to look up in {}",
                        self.relation.name
                    ))
                })?;
                Ok(build::column(&[MAPPING, &column.name]))
            }
            _ => Err(not_a_lookup()),
        }
    }

    fn is_named(&self, qualifier: &[&str]) -> bool {
        match (self.alias, qualifier) {
            ("", _) => qualifies(qualifier, self.relation),
            (_, []) => true,
            (alias, [one]) => fold(one) == fold(alias),
            _ => false,
        }
    }
}

/// The parts of a column's name; none of what is no column.
pub(crate) fn names(expr: &Value) -> Vec<&str> {
    part::names(&expr["column_names"]).collect()
}

/// The same expression with a NULL of its type for each look-up: what it looks up does not matter to
/// the type of what it is in.
pub(crate) fn without_lookups(expr: &Value) -> Value {
    match expr {
        // The cast around it says its type.
        Value::Object(_) if text(expr, "subquery_type") == "SCALAR" => build::null(),
        Value::Object(_) if text(expr, "class") == "SUBQUERY" => {
            build::cast(build::null(), json!({"id": "BOOLEAN", "type_info": null}))
        }
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, v)| (name.clone(), without_lookups(v)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.iter().map(without_lookups).collect(),
        other => other.clone(),
    }
}

/// Whether anything in a compiled expression is looked up.
pub(crate) fn looks_up(expr: &Value) -> bool {
    match expr {
        Value::Object(_) if text(expr, "class") == "SUBQUERY" => true,
        Value::Object(fields) => fields.values().any(looks_up),
        Value::Array(items) => items.iter().any(looks_up),
        _ => false,
    }
}

/// Whether a query is `select … from a.b.c [as alias] [where …]` and nothing beside.
fn is_simple(query: &Value) -> bool {
    let node = &query["node"];
    let table = &node["from_table"];
    let name = RelationName::new(
        text(table, "catalog_name"),
        text(table, "schema_name"),
        text(table, "table_name"),
    );
    let items = node["select_list"].as_array().cloned().unwrap_or_default();
    let condition = Some(node["where_clause"].clone()).filter(|c| !c.is_null());
    let from = build::base_table(&name, text(table, "alias"));
    tree::canonical(query) == tree::canonical(&build::select(items, from, condition, false))
}

/// Whether the names before a column's are those of its relation, or none.
fn qualifies(qualifier: &[&str], relation: &Relation) -> bool {
    let own = [
        &relation.name.catalog,
        &relation.name.schema,
        &relation.name.name,
    ];
    let same = |names: &[&str]| {
        let own = &own[own.len() - names.len()..];
        own.iter().zip(names).all(|(a, b)| fold(a) == fold(b))
    };
    matches!(qualifier.len(), 0 | 1 | 3) && same(qualifier)
}

fn not_a_lookup() -> model::Error {
    bad(
        "a subquery must be `x in (select c from m where ...)`, `exists (select 1 from m where ...)` or \
         `(select max(c) from m where ...)`, of a mapping table m by its full name",
    )
}
