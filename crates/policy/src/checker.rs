//! Step 15 of the rewriting: a second reading of the final text, by code that shares nothing with
//! the rewriter. It walks the plain JSON, so that a part the grammar forgot is still seen.

use model::{Error, Expected, RelationKind, RelationName, Result, fold};
use serde_json::Value;
use tree::grammar::text;

use crate::access::Access;
use crate::changes::ROW_NUMBER;
use crate::checker_open::{is_barrier, is_open};
use crate::compile::SELF;
use crate::file::Privilege;
use crate::functions::{Decision, FunctionClass, functions};
use crate::reserved::GENERATED;
use crate::rights::Rights;
use crate::sequence::{self, SequenceCall};

/// Checks the canonical tree of the final text, and lists what it mentions.
///
/// # Errors
/// `Internal` for anything the policy did not put there: the statement is not run.
pub(crate) fn check(tree: &Value, rights: Rights<'_>) -> Result<Expected> {
    check_with(tree, rights, None)
}

/// The same for the query whose rows a statement is to change: `source`, in canonical form, stands in
/// it once for the relation that is written, and gives its rows' numbers to nothing but the result.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_source(tree: &Value, rights: Rights<'_>, source: &Value) -> Result<Expected> {
    check_with(tree, rights, Some(source))
}

fn check_with(tree: &Value, rights: Rights<'_>, source: Option<&Value>) -> Result<Expected> {
    let mut checker = Checker {
        rights,
        source,
        sources: 0,
        row_numbers: 0,
        ctes: vec![],
        governed: false,
        expected: Expected::default(),
    };
    let table = &tree["node"]["from_table"];
    if source.is_none() && text(table, "type") == "BASE_TABLE" && text(table, "alias") == SELF {
        let access = rights.view.access(&name_of(table));
        if !access.is_some_and(|a| is_open(tree, a)) {
            return Err(mismatch("a governed relation without its barrier"));
        }
        checker.collect(tree);
        return Ok(checker.expected);
    }
    checker.value(tree)?;
    let wanted = usize::from(source.is_some());
    if checker.sources != wanted || checker.row_numbers != wanted {
        return Err(mismatch("not the rows of one relation"));
    }
    if checker.governed && !checker.expected.drawn.is_empty() {
        return Err(mismatch("nextval() over a governed relation"));
    }
    Ok(checker.expected)
}

struct Checker<'a> {
    rights: Rights<'a>,
    /// What stands for the relation that is written, and how often it and its row numbers were seen.
    source: Option<&'a Value>,
    sources: usize,
    row_numbers: usize,
    ctes: Vec<String>,
    /// Whether a relation was seen of which the reader sees less than all.
    governed: bool,
    expected: Expected,
}

impl Checker<'_> {
    fn value(&mut self, value: &Value) -> Result<()> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|v| self.value(v)),
            Value::Object(fields) => {
                let outer = self.ctes.len();
                let entries = value["cte_map"]["map"].as_array();
                self.ctes.extend(
                    entries
                        .into_iter()
                        .flatten()
                        .map(|e| text(e, "key").to_owned()),
                );
                if fields.contains_key("table_name") {
                    self.table(value)?;
                }
                // An ENUM of the user's own would be looked up by its name.
                if !text(value, "pivot_enum").is_empty() {
                    return Err(mismatch("a PIVOT over a type"));
                }
                if fields.contains_key("function_name") {
                    self.function(value, false)?;
                }
                let names = value["column_names"].as_array();
                self.row_numbers += names
                    .into_iter()
                    .flatten()
                    .filter(|n| n.as_str().is_some_and(|n| fold(n) == ROW_NUMBER))
                    .count();
                if text(value, "type") == "TABLE_FUNCTION" {
                    let call = &value["function"];
                    self.function(call, true)?;
                    call.as_object()
                        .into_iter()
                        .flatten()
                        .try_for_each(|(_, v)| self.value(v))?;
                    fields
                        .iter()
                        .filter(|(name, _)| *name != "function")
                        .try_for_each(|(_, v)| self.value(v))?;
                } else if !self.is_barrier(value)? {
                    fields.values().try_for_each(|v| self.value(v))?;
                }
                self.ctes.truncate(outer);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn table(&mut self, table: &Value) -> Result<()> {
        let parts = [
            text(table, "catalog_name"),
            text(table, "schema_name"),
            text(table, "table_name"),
        ];
        if text(table, "type") != "BASE_TABLE" {
            return Err(mismatch("a relation that is no base table"));
        }
        if parts[0].is_empty() {
            let known = parts[2].starts_with(GENERATED) && self.ctes.iter().any(|c| c == parts[2]);
            let plain = parts[1].is_empty() || parts[1] == "recurring";
            return if known && plain {
                Ok(())
            } else {
                Err(mismatch("a name that is not resolved"))
            };
        }
        let name = RelationName::new(parts[0], parts[1], parts[2]);
        let access = self.rights.view.access(&name);
        let is_plain = access.is_some_and(|a| {
            let by_name = a.kind == RelationKind::Table && a.barrier.is_none();
            (by_name || self.rights.names_only) && a.privileges.contains(&Privilege::Select)
        });
        if !is_plain {
            return Err(mismatch("a governed relation outside of its barrier"));
        }
        self.expected.relations.insert(name);
        Ok(())
    }

    fn function(&mut self, call: &Value, in_from: bool) -> Result<()> {
        let list = functions();
        let name = text(call, "function_name");
        let (catalog, schema) = (text(call, "catalog"), text(call, "schema"));
        let builtin = matches!((catalog, schema), ("", "" | "main") | ("system", "main"));
        let rules = match text(call, "type") {
            "FUNCTION" if in_from => list.table(name),
            "FUNCTION" => list.expression(name),
            "WINDOW_AGGREGATE" => list
                .rule(FunctionClass::Aggregate, name)
                .into_iter()
                .collect(),
            _ => list.rule(FunctionClass::Window, name).into_iter().collect(),
        };
        let of_sequence = !in_from
            && text(call, "type") == "FUNCTION"
            && rules.iter().any(|r| r.decision == Decision::Sequence)
            && self.sequence(call)?;
        let allowed = list.is_syntax(name)
            || of_sequence
            || !rules.is_empty() && rules.iter().all(|r| r.decision == Decision::Allow);
        let operator = call["is_operator"] != true || list.is_operator(name);
        if !(builtin && allowed && operator) {
            return Err(mismatch("a function that is not allowed"));
        }
        self.expected.functions.insert(fold(name));
        Ok(())
    }

    /// Whether this calls a sequence that the principal may so use, by its full name.
    fn sequence(&mut self, call: &Value) -> Result<bool> {
        let view = self.rights.view;
        let used = SequenceCall::of(text(call, "function_name")).zip(sequence::named(call));
        let permitted = |(used, name): &(SequenceCall, RelationName)| {
            let seen = view.sequence(&[&name.catalog, &name.schema, &name.name]);
            seen.is_ok_and(|s| s == name) && view.permits_sequence(name, used.privilege())
        };
        let Some((used, name)) = used.filter(permitted) else {
            return Ok(false);
        };
        if used == SequenceCall::Next {
            self.expected.drawn.insert(name.clone());
        }
        self.expected.sequences.insert(name);
        Ok(!self.rights.names_only)
    }

    /// Whether this is, field by field, the subquery that policy makes of one governed relation.
    fn is_barrier(&mut self, value: &Value) -> Result<bool> {
        let query = &value["subquery"];
        let inner = &query["node"]["from_table"];
        if text(inner, "alias") != SELF {
            return Ok(false);
        }
        let view = self.rights.view;
        let same = |a: &Access| is_barrier(query, a.barrier.as_ref(), a);
        let known = if text(inner, "type") == "BASE_TABLE" {
            let access = view.access(&name_of(inner));
            let is_source = access.is_some_and(|a| is_barrier(query, self.source, a));
            self.sources += usize::from(is_source);
            self.governed |= access.is_some_and(|a| a.barrier.is_some());
            is_source || access.is_some_and(same)
        } else {
            self.governed = true;
            view.accesses()
                .any(|a| a.kind == RelationKind::View && same(a))
        };
        if !known || text(value, "type") != "SUBQUERY" || value.get("class").is_some() {
            return Err(mismatch("a barrier that policy did not make"));
        }
        self.collect(query);
        Ok(true)
    }

    /// What a barrier names.
    fn collect(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|v| self.collect(v)),
            Value::Object(fields) => {
                if let Some(name) = fields.get("function_name").and_then(Value::as_str) {
                    self.expected.functions.insert(fold(name));
                }
                if !text(value, "catalog_name").is_empty() {
                    self.expected.relations.insert(name_of(value));
                }
                fields.values().for_each(|v| self.collect(v));
            }
            _ => {}
        }
    }
}

fn name_of(table: &Value) -> RelationName {
    RelationName::new(
        text(table, "catalog_name"),
        text(table, "schema_name"),
        text(table, "table_name"),
    )
}

fn mismatch(what: &str) -> Error {
    Error::internal(format!("parser_mismatch: the final text holds {what}"))
}
