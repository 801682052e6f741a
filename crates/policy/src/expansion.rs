//! How much a statement becomes once it is bound: stars stand for columns, names of the same SELECT
//! list for their expressions, structs for their fields. Each level of a query can double that, and
//! DuckDB can't be interrupted while it binds.

use std::collections::HashMap;

use model::{Error, ErrorKind, Result, SqlType, fold};
use serde_json::Value;
use tree::grammar::{Field, text};
use tree::{MAX_NODES, walk};

use crate::rights::Rights;

/// Most parts that stars, names and structs may add to those that are written.
const MAX_ADDED: u64 = MAX_NODES as u64 / 2;

/// Columns of table functions that have columns of their own, at most.
const FUNCTION_COLUMNS: u64 = 16;

/// Functions whose type has the types of all their arguments in it; others have one of them.
const STRUCTS: &[&str] = &[
    "array_zip",
    "list_zip",
    "map",
    "map_from_entries",
    "row",
    "struct_concat",
    "struct_insert",
    "struct_pack",
    "struct_update",
    "union_value",
];

/// Bounds what a query that has passed the grammar becomes. Estimates are upwards.
///
/// # Errors
/// `TooComplex`.
pub(crate) fn check(query: &mut Value, rights: Rights<'_>) -> Result<()> {
    let mut expansion = Expansion {
        rights,
        ctes: vec![],
        scopes: vec![],
        added: 0,
    };
    expansion.query(query).map(|_| ())
}

struct Expansion<'a> {
    rights: Rights<'a>,
    /// CTEs in scope, by folded name, innermost last.
    ctes: Vec<(String, Shape)>,
    /// The SELECTs around a place, innermost last.
    scopes: Vec<Scope>,
    added: u64,
}

/// What is read, or comes out.
#[derive(Clone, Copy, Debug, Default)]
struct Shape {
    columns: u64,
    /// Columns, and the fields in their types.
    fields: u64,
    /// Fields of the column that has most.
    heaviest: u64,
}

#[derive(Default)]
struct Scope {
    from: Shape,
    /// Folded names of FROM items: such a name stands for a struct of all columns.
    items: Vec<String>,
    /// What has a name in the list so far.
    named: HashMap<String, Measure>,
}

/// An expression.
#[derive(Clone, Copy, Debug, Default)]
struct Measure {
    /// Parts that are written.
    written: u64,
    /// Parts once names stand for what they mean.
    parts: u64,
    /// Fields of its type.
    fields: u64,
    has_star: bool,
    has_unnest: bool,
}

impl Shape {
    fn plain(columns: u64) -> Self {
        Self {
            columns,
            fields: columns,
            heaviest: 1,
        }
    }

    fn of<'t>(types: impl Iterator<Item = &'t SqlType>) -> Self {
        types.fold(Self::default(), |shape, sql_type| {
            let fields = fields(sql_type);
            shape.and(Self {
                columns: 1,
                fields,
                heaviest: fields,
            })
        })
    }

    fn and(self, other: Self) -> Self {
        Self {
            columns: self.columns.saturating_add(other.columns),
            fields: self.fields.saturating_add(other.fields),
            heaviest: self.heaviest.max(other.heaviest),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            columns: self.columns.max(other.columns),
            fields: self.fields.max(other.fields),
            heaviest: self.heaviest.max(other.heaviest),
        }
    }
}

impl Expansion<'_> {
    fn add(&mut self, parts: u64) -> Result<()> {
        self.added = self.added.saturating_add(parts);
        if self.added <= MAX_ADDED {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::TooComplex,
            format!("stars and names in the statement stand for more than {MAX_ADDED} parts"),
        ))
    }

    fn query(&mut self, query: &mut Value) -> Result<Shape> {
        self.node(&mut query["node"])
    }

    fn node(&mut self, node: &mut Value) -> Result<Shape> {
        let outer = self.ctes.len();
        self.scopes.push(Scope::default());
        let entries = node["cte_map"]["map"].as_array_mut();
        for entry in entries.into_iter().flatten() {
            let shape = self.query(&mut entry["value"]["query"])?;
            self.ctes.push((fold(text(entry, "key")), shape));
        }
        let shape = match text(node, "type") {
            "SELECT_NODE" => self.select(node)?,
            "SET_OPERATION_NODE" => {
                let left = self.node(&mut node["left"])?;
                let right = self.node(&mut node["right"])?;
                match text(node, "setop_type") {
                    "UNION_BY_NAME" => left.and(right),
                    _ => left.or(right),
                }
            }
            _ => {
                let left = self.node(&mut node["left"])?;
                self.ctes.push((fold(text(node, "cte_name")), left));
                left.or(self.node(&mut node["right"])?)
            }
        };
        self.clauses(&mut node["modifiers"], Field::Modifiers)?;
        self.scopes.pop();
        self.ctes.truncate(outer);
        Ok(shape)
    }

    fn select(&mut self, node: &mut Value) -> Result<Shape> {
        self.table(&mut node["from_table"])?;
        let from = self.scope().from;
        let mut shape = Shape::default();
        for item in node["select_list"].as_array_mut().into_iter().flatten() {
            let measure = self.expr(item)?;
            let columns = match (measure.has_star, measure.has_unnest) {
                (true, _) => from.columns,
                (false, true) => measure.fields,
                (false, false) => 1,
            };
            let parts = columns.saturating_mul(measure.parts);
            self.add(parts.saturating_sub(measure.written))?;
            let fields = match text(item, "class") {
                "STAR" if item["expr"].is_null() => from.fields,
                _ => columns.saturating_mul(measure.fields),
            };
            self.add(fields.saturating_sub(columns))?;
            shape = shape.and(Shape {
                columns,
                fields,
                heaviest: measure.fields,
            });
            let alias = text(item, "alias");
            if !alias.is_empty() {
                self.scope_mut().named.insert(fold(alias), measure);
            }
        }
        for clause in ["where_clause", "having", "qualify"] {
            self.clauses(&mut node[clause], Field::MaybeExpr)?;
        }
        self.clauses(&mut node["group_expressions"], Field::Exprs)?;
        Ok(shape)
    }

    /// Expressions that add no column.
    fn clauses(&mut self, value: &mut Value, field: Field) -> Result<()> {
        walk::part(value, field, &mut |expr, kind| match kind {
            Field::Expr => {
                let measure = self.expr(expr)?;
                let times = match measure.has_star {
                    true => self.scope().from.columns,
                    false => 1,
                };
                let parts = measure.parts.saturating_mul(times);
                self.add(parts.saturating_sub(measure.written))
            }
            _ => Ok(()),
        })
    }

    /// An item of FROM, which what follows it can see.
    fn table(&mut self, table: &mut Value) -> Result<()> {
        let mut name = fold(text(table, "alias"));
        let shape = match text(table, "type") {
            "JOIN" => {
                self.table(&mut table["left"])?;
                self.table(&mut table["right"])?;
                return self.clauses(&mut table["condition"], Field::MaybeExpr);
            }
            "BASE_TABLE" => {
                let relation = text(table, "table_name");
                if name.is_empty() {
                    name = fold(relation);
                }
                let (catalog, schema) = (text(table, "catalog_name"), text(table, "schema_name"));
                self.relation([catalog, schema, relation])
            }
            "SUBQUERY" => self.query(&mut table["subquery"])?,
            "EXPRESSION_LIST" => self.rows(table)?,
            "TABLE_FUNCTION" => {
                let measure = self.expr(&mut table["function"])?;
                self.add(measure.parts.saturating_sub(measure.written))?;
                Shape {
                    heaviest: measure.fields,
                    ..Shape::plain(FUNCTION_COLUMNS.max(measure.parts).max(measure.fields))
                }
            }
            "PIVOT" => self.pivot(table)?,
            _ => Shape::default(),
        };
        let scope = self.scope_mut();
        scope.from = scope.from.and(shape);
        scope.items.push(name);
        Ok(())
    }

    /// A name of FROM. One that means nothing is told of elsewhere.
    fn relation(&self, parts: [&str; 3]) -> Shape {
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        if let [name] = parts.as_slice() {
            let name = fold(name);
            let cte = self.ctes.iter().rev().find(|(cte, _)| *cte == name);
            if let Some((_, shape)) = cte {
                return *shape;
            }
        }
        self.rights.resolve(&parts).map_or_else(
            |_| Shape::plain(1),
            |access| Shape::of(access.columns.iter().map(|c| &c.sql_type)),
        )
    }

    fn rows(&mut self, values: &mut Value) -> Result<Shape> {
        let mut shape = Shape::default();
        for row in values["values"].as_array_mut().into_iter().flatten() {
            let mut columns = Shape::default();
            for item in row.as_array_mut().into_iter().flatten() {
                let measure = self.expr(item)?;
                self.add(measure.parts.saturating_sub(measure.written))?;
                columns = columns.and(Shape {
                    columns: 1,
                    fields: measure.fields,
                    heaviest: measure.fields,
                });
            }
            shape = shape.or(columns);
        }
        Ok(shape)
    }

    /// Each combination of values makes a column of each aggregate.
    fn pivot(&mut self, pivot: &mut Value) -> Result<Shape> {
        self.scopes.push(Scope::default());
        self.table(&mut pivot["source"])?;
        self.clauses(&mut pivot["aggregates"], Field::Exprs)?;
        self.clauses(&mut pivot["pivots"], Field::Pivots)?;
        let source = self.scopes.pop().unwrap_or_default().from;
        let count = |list: &Value| list.as_array().map_or(0, |items| items.len() as u64);
        let pivots = pivot["pivots"].as_array().into_iter().flatten();
        let made = pivots.fold(1_u64, |made, on| {
            made.saturating_mul(count(&on["entries"]).max(1))
        });
        let made = made.saturating_mul(count(&pivot["aggregates"]).max(1));
        self.add(made)?;
        Ok(source.and(Shape {
            heaviest: source.heaviest,
            ..Shape::plain(made)
        }))
    }

    fn expr(&mut self, expr: &mut Value) -> Result<Measure> {
        let mut measure = Measure {
            written: 1,
            parts: 1,
            fields: 1,
            ..Measure::default()
        };
        match text(expr, "class") {
            "COLUMN_REF" => return Ok(self.reference(expr)),
            "STAR" => {
                measure.has_star = true;
                measure.fields = self.scope().from.heaviest;
            }
            _ => {}
        }
        let name = fold(text(expr, "function_name"));
        let is_struct = STRUCTS.contains(&name.as_str());
        measure.has_unnest = name == "unnest";
        walk::children(expr, Field::Expr, &mut |part, kind| {
            let inner = match kind {
                Field::Expr => self.expr(part)?,
                Field::Query => Measure {
                    fields: self.query(part)?.fields,
                    ..Measure::default()
                },
                Field::Type => Measure {
                    fields: written_fields(part),
                    ..Measure::default()
                },
                _ => return Ok(()),
            };
            measure.written = measure.written.saturating_add(inner.written);
            measure.parts = measure.parts.saturating_add(inner.parts);
            measure.fields = match is_struct {
                true => measure.fields.saturating_add(inner.fields),
                false => measure.fields.max(inner.fields),
            };
            measure.has_star |= inner.has_star;
            measure.has_unnest |= inner.has_unnest;
            Ok(())
        })?;
        Ok(measure)
    }

    fn reference(&self, expr: &Value) -> Measure {
        let names = expr["column_names"].as_array().into_iter().flatten();
        let names: Vec<String> = names.filter_map(Value::as_str).map(fold).collect();
        let mut measure = Measure {
            written: 1,
            parts: 1,
            fields: 1,
            ..Measure::default()
        };
        for scope in &self.scopes {
            let is_row = names.last().is_some_and(|name| scope.items.contains(name));
            let most = match is_row {
                true => scope.from.fields,
                false => scope.from.heaviest,
            };
            measure.fields = measure.fields.max(most);
            // `alias.…` takes a field out of what has the name.
            let named = names.iter().filter_map(|name| scope.named.get(name));
            for named in named {
                measure.parts = measure.parts.max(named.parts);
                measure.fields = measure.fields.max(named.fields);
            }
        }
        measure
    }

    fn scope(&self) -> &Scope {
        self.scopes.last().expect("a query is a scope")
    }

    fn scope_mut(&mut self) -> &mut Scope {
        self.scopes.last_mut().expect("a query is a scope")
    }
}

/// A type and the types in it.
fn fields(sql_type: &SqlType) -> u64 {
    let parts: u64 = match sql_type {
        SqlType::List(item) | SqlType::Array(item, _) => fields(item),
        SqlType::Struct(parts) | SqlType::Union(parts) => parts.iter().map(|f| fields(&f.1)).sum(),
        SqlType::Map(key, value) => fields(key) + fields(value),
        _ => 0,
    };
    1 + parts
}

/// The same of a type in a statement.
fn written_fields(value: &Value) -> u64 {
    match value {
        Value::Object(parts) => {
            u64::from(parts.contains_key("id")) + parts.values().map(written_fields).sum::<u64>()
        }
        Value::Array(parts) => parts.iter().map(written_fields).sum(),
        _ => 0,
    }
}
