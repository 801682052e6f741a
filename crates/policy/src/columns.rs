//! Which columns a statement reads, for the audit. By name: where two relations have a column of a
//! name that the statement mentions, both are listed. What can't be told by name lists all columns.

use std::collections::{BTreeMap, BTreeSet};

use model::{RelationKind, RelationName, fold};
use plan::{Query, Statement};
use serde_json::Value;

use crate::authorise::Authorised;
use crate::view::View;

/// The columns of each relation that a statement reads; of those that are read for it by policy, or
/// whose columns its principal does not see, none.
pub(crate) fn read(
    statement: &Statement,
    authorised: &Authorised,
    view: &View,
) -> BTreeMap<RelationName, Vec<String>> {
    let mentioned = match statement {
        Statement::Query(query) => Mentioned::of(query),
        _ => Mentioned::all(),
    };
    let relations = authorised.expected.relations.iter();
    relations
        .chain(&authorised.views)
        .filter_map(|name| {
            let access = view.access(name)?;
            // What a view reads is not in the user's text.
            let below = !authorised.views.is_empty() && access.kind != RelationKind::View;
            let columns = access.columns.iter().map(|c| &c.name);
            let columns = columns.filter(|c| below || mentioned.has(c)).cloned();
            Some((name.clone(), columns.collect()))
        })
        .collect()
}

struct Mentioned {
    all: bool,
    /// Parts of the names of columns, folded; and their last parts.
    parts: BTreeSet<String>,
    last: BTreeSet<String>,
    /// What relations are called, folded: a column of that name may be a whole row.
    relations: BTreeSet<String>,
}

impl Mentioned {
    fn all() -> Self {
        Self {
            all: true,
            parts: BTreeSet::new(),
            last: BTreeSet::new(),
            relations: BTreeSet::new(),
        }
    }

    fn of(query: &Query) -> Self {
        let mut mentioned = Self {
            all: false,
            ..Self::all()
        };
        mentioned.visit(&query.tree);
        mentioned
    }

    fn has(&self, column: &str) -> bool {
        self.all || self.parts.contains(&fold(column)) || !self.last.is_disjoint(&self.relations)
    }

    fn visit(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|v| self.visit(v)),
            Value::Object(fields) => {
                let is_expression = fields.contains_key("class");
                for (name, field) in fields {
                    self.field(name, field, is_expression);
                    self.visit(field);
                }
            }
            _ => {}
        }
    }

    fn field(&mut self, name: &str, field: &Value, of_expression: bool) {
        let text = field.as_str().unwrap_or_default();
        match name {
            "class" => self.all |= matches!(text, "STAR" | "POSITIONAL_REFERENCE"),
            "type" => self.all |= matches!(text, "PIVOT" | "SHOW_REF"),
            "ref_type" => self.all |= text == "NATURAL",
            "column_names" => {
                self.parts.extend(texts(field));
                self.last.extend(texts(field).last());
            }
            "using_columns" => self.parts.extend(texts(field)),
            // Columns under other names are told by the place that they have.
            "column_name_alias" => self.all |= texts(field).next().is_some(),
            "alias" | "table_name" if !of_expression && !text.is_empty() => {
                self.relations.insert(fold(text));
            }
            _ => {}
        }
    }
}

fn texts(list: &Value) -> impl Iterator<Item = String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(fold)
}
