//! Step 2 of the rewriting: the whole tree is held against the grammar before anything reads it.

use model::{Error, ErrorKind, Result};
use serde_json::Value;

use crate::grammar::{self, Field, Fields};

/// Most nodes (expressions, queries, FROM items) a statement may have.
pub const MAX_NODES: usize = 50_000;

/// Names of types that the binder resolves, and that are allowed in casts.
const UNBOUND_TYPES: &[&str] = &["json", "geometry", "variant", "bignum", "varint", "time_ns"];

const TYPE_IDS: &[&str] = &[
    "NULL",
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL",
    "VARCHAR",
    "CHAR",
    "BLOB",
    "BIT",
    "BIGNUM",
    "VARINT",
    "UUID",
    "DATE",
    "TIME",
    "TIME_NS",
    "TIME WITH TIME ZONE",
    "TIMESTAMP",
    "TIMESTAMP_S",
    "TIMESTAMP_MS",
    "TIMESTAMP_NS",
    "TIMESTAMP WITH TIME ZONE",
    "INTERVAL",
    "LIST",
    "ARRAY",
    "STRUCT",
    "MAP",
    "UNION",
    "GEOMETRY",
    "UNBOUND",
];

/// Checks that a query (`{"node": …, "named_param_map": …}`) uses nothing outside the grammar.
///
/// # Errors
/// `NotSupported` naming the first thing that is not in it; `TooComplex` over [`MAX_NODES`].
pub fn check(query: &Value) -> Result<()> {
    Checker { nodes: 0 }.value(query, Field::Query)
}

struct Checker {
    nodes: usize,
}

impl Checker {
    fn value(&mut self, value: &Value, field: Field) -> Result<()> {
        match field {
            Field::Location => is(value.is_u64(), "a location"),
            Field::Text => is(value.is_string(), "a name"),
            Field::NoText => is(value.as_str() == Some(""), "a type alias"),
            Field::Flag => is(value.is_boolean(), "a flag"),
            Field::NoFlag => is(
                value.as_bool() == Some(false),
                "an exported aggregate state",
            ),
            Field::Number => is(value.is_i64() || value.is_u64(), "a number"),
            Field::Nothing => match value {
                Value::Null => Ok(()),
                Value::Array(items) if items.is_empty() => Ok(()),
                _ => Err(Error::not_supported(
                    "time travel (AT) or a parameterised user type",
                )),
            },
            Field::Choice(words) => match value.as_str() {
                Some(word) if words.contains(&word) => Ok(()),
                other => Err(Error::not_supported(format_args!(
                    "this form of SQL ({})",
                    other.unwrap_or_default().to_ascii_lowercase()
                ))),
            },
            Field::Texts => list(value)?
                .iter()
                .try_for_each(|v| self.value(v, Field::Text)),
            Field::Exprs => list(value)?
                .iter()
                .try_for_each(|v| self.value(v, Field::Expr)),
            Field::ExprRows => list(value)?
                .iter()
                .try_for_each(|v| self.value(v, Field::Exprs)),
            Field::Types => list(value)?
                .iter()
                .try_for_each(|v| self.value(v, Field::Type)),
            Field::MaybeExpr if value.is_null() => Ok(()),
            Field::MaybeNode if value.is_null() => Ok(()),
            Field::MaybeSample if value.is_null() => Ok(()),
            Field::TypeInfo if value.is_null() => Ok(()),
            Field::Expr
            | Field::MaybeExpr
            | Field::Node
            | Field::MaybeNode
            | Field::Table
            | Field::Query
            | Field::OrderModifier
            | Field::TypeInfo => {
                self.count(1)?;
                let fields = grammar::fields(value, field)?;
                self.object(value, fields)?;
                if field == Field::TypeInfo {
                    unbound_type(value)
                } else {
                    Ok(())
                }
            }
            Field::Labels => list(value)?.iter().try_for_each(|v| {
                self.constant(v)?;
                is(
                    grammar::text(&v["type"], "id") == "VARCHAR" && v["value"].is_string(),
                    "a type's modifier",
                )
            }),
            Field::Modifiers => list(value)?.iter().try_for_each(|v| {
                let fields = grammar::fields(v, Field::Modifiers)?;
                self.object(v, fields)
            }),
            Field::Orders => self.objects(value, grammar::ORDER),
            Field::Cases => self.objects(value, grammar::CASE),
            Field::TypeFields => self.objects(value, grammar::TYPE_FIELD),
            Field::Replacements => self.objects(value, grammar::REPLACEMENT),
            Field::Parameters => self.objects(value, grammar::PARAMETER),
            Field::QualifiedNames => self.objects(value, grammar::QUALIFIED),
            Field::Pivots => self.objects(value, grammar::PIVOT),
            Field::PivotEntries => {
                self.count(list(value)?.len())?;
                self.objects(value, grammar::PIVOT_ENTRY)
            }
            Field::Constants => list(value)?.iter().try_for_each(|v| self.constant(v)),
            Field::Renames => list(value)?.iter().try_for_each(|v| {
                keys(v, grammar::RENAME)?;
                self.object(&v["key"], grammar::QUALIFIED)?;
                self.value(&v["value"], Field::Text)
            }),
            Field::Ctes => {
                keys(value, grammar::CTE_MAP)?;
                list(&value["map"])?.iter().try_for_each(|entry| {
                    keys(entry, grammar::CTE_ENTRY)?;
                    self.value(&entry["key"], Field::Text)?;
                    self.object(&entry["value"], grammar::CTE_INFO)
                })
            }
            Field::Constant => self.constant(value),
            Field::Type => {
                self.object(value, grammar::TYPE)?;
                let id = grammar::text(value, "id");
                is_type(TYPE_IDS.contains(&id), id)?;
                is_type(id != "UNBOUND" || !value["type_info"].is_null(), id)
            }
            Field::MaybeSample => self.object(value, grammar::SAMPLE),
            Field::GroupSets => list(value)?.iter().try_for_each(|set| {
                list(set)?
                    .iter()
                    .try_for_each(|v| self.value(v, Field::Number))
            }),
        }
    }

    fn count(&mut self, nodes: usize) -> Result<()> {
        self.nodes += nodes;
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::TooComplex,
            format!("the statement has more than {MAX_NODES} parts"),
        ))
    }

    fn constant(&mut self, value: &Value) -> Result<()> {
        let object = value.as_object().ok_or_else(|| malformed("a constant"))?;
        is(
            object
                .keys()
                .all(|k| grammar::CONSTANT.iter().any(|(name, _)| name == k)),
            "a constant",
        )?;
        self.value(&value["type"], Field::Type)?;
        self.value(&value["is_null"], Field::Flag)?;
        match object.get("value") {
            None => is(value["is_null"] == Value::Bool(true), "a constant"),
            // An open end of a slice is an empty list.
            Some(Value::Object(nested)) if nested.get("children").is_some() => is(
                nested.len() == 1 && nested["children"] == Value::Array(vec![]),
                "a nested constant",
            ),
            Some(Value::Object(wide)) => is(
                wide.len() == 2
                    && wide.get("upper").is_some_and(|v| v.is_i64() || v.is_u64())
                    && wide.get("lower").is_some_and(Value::is_u64),
                "a constant",
            ),
            Some(Value::Array(_)) => Err(Error::not_supported("a nested constant")),
            Some(_) => Ok(()),
        }
    }

    fn objects(&mut self, value: &Value, fields: Fields) -> Result<()> {
        list(value)?.iter().try_for_each(|v| self.object(v, fields))
    }

    fn object(&mut self, value: &Value, fields: Fields) -> Result<()> {
        keys(value, fields)?;
        fields
            .iter()
            .try_for_each(|(name, field)| self.value(&value[*name], *field))
    }
}

fn unbound_type(info: &Value) -> Result<()> {
    if grammar::text(info, "type") != "UNBOUND_TYPE_INFO" {
        return Ok(());
    }
    let name = grammar::text(info, "name");
    // An ENUM of a statement's own lists its labels; other types take no modifiers.
    let is_enum = name.eq_ignore_ascii_case("enum");
    let has_labels = !list(&info["user_type_modifiers"])?.is_empty();
    let known = is_enum || UNBOUND_TYPES.iter().any(|t| t.eq_ignore_ascii_case(name));
    is_type(known && is_enum == has_labels, name)
}

fn is_type(holds: bool, name: &str) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::UndefinedObject,
        format!("type \"{name}\" does not exist"),
    ))
}

fn keys(value: &Value, fields: Fields) -> Result<()> {
    let object = value.as_object().ok_or_else(|| malformed("an object"))?;
    if object.len() != fields.len() {
        return Err(malformed("an object"));
    }
    fields
        .iter()
        .try_for_each(|(name, _)| is(object.contains_key(*name), name))
}

fn list(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().ok_or_else(|| malformed("a list"))
}

fn is(holds: bool, what: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(malformed(what)) }
}

fn malformed(what: &str) -> Error {
    Error::not_supported("this form of SQL").with_cause(format!(
        "DuckDB's tree holds {what} that the grammar does not know"
    ))
}
