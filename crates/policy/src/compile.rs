//! Predicates and masks, compiled at load: total, of the right type, free of names that a user could
//! capture, with the principal's own values as literals.

use std::collections::BTreeSet;

use model::{Column, Error, ErrorKind, Principal, Relation, Result, SqlType};
use serde_json::{Value, json};
use tree::grammar::text;
use tree::{Parser, Sidecar, build};

use crate::builtin::HashKey;
use crate::functions::{Rule, functions};
use crate::mapping::{Mapped, Mappings, names};
use crate::rules::Mask;

/// The alias of the governed table inside its barrier.
pub(crate) const SELF: &str = "__eider";

/// What an expression is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose<'a> {
    /// Decides whether a row is seen: BOOLEAN.
    Rows,
    /// Stands in for a column: of the column's own type.
    Mask(&'a SqlType),
}

/// Compiles expressions for one principal. The sidecar need not know any relation.
pub(crate) struct Compiler<'a> {
    pub(crate) parser: &'a Parser,
    pub(crate) sidecar: &'a Sidecar,
    pub(crate) principal: &'a Principal,
    /// Names of the attributes that any principal has.
    pub(crate) attributes: &'a BTreeSet<String>,
    pub(crate) mappings: &'a Mappings,
}

impl Compiler<'_> {
    /// An expression over the columns of `relation`, under the alias [`SELF`].
    pub(crate) fn compile(
        &self,
        expression: &str,
        relation: &Relation,
        purpose: Purpose<'_>,
    ) -> Result<Value> {
        self.compile_as(expression, relation, purpose, false)
    }

    /// What a mask shows in place of a column of `relation`.
    pub(crate) fn mask(
        &self,
        mask: &Mask,
        key: Option<&HashKey>,
        relation: &Relation,
        column: &Column,
    ) -> Result<Value> {
        let expression = mask.expression(column, key).map_err(bad)?;
        let purpose = Purpose::Mask(&column.sql_type);
        self.compile_as(&expression, relation, purpose, mask.is_built_in())
    }

    fn compile_as(
        &self,
        expression: &str,
        relation: &Relation,
        purpose: Purpose<'_>,
        trusted: bool,
    ) -> Result<Value> {
        let parsed = plan::parse_expression(expression, self.parser)?;
        if self.lacks(&parsed) {
            return self.denial(purpose);
        }
        let scope = Scope {
            compiler: self,
            relation,
            trusted,
            mapped: None,
        };
        let mut compiled = scope.total(parsed)?;
        let wanted = match purpose {
            Purpose::Rows => &SqlType::Boolean,
            Purpose::Mask(sql_type) => sql_type,
        };
        if is_null(&compiled) {
            compiled = build::cast(compiled, self.type_tree(wanted)?);
        }
        let mut found = scope.type_of(&compiled)?;
        if found != *wanted
            && matches!(purpose, Purpose::Mask(_))
            && let Some(literal) = literal_text(&compiled)
        {
            compiled = scope.literal_of(literal, &found, wanted)?;
            found = scope.type_of(&compiled)?;
        }
        if found != *wanted {
            return Err(bad(format_args!(
                "the expression is of type {found}, and must be {wanted}"
            )));
        }
        Ok(compiled)
    }

    /// A type in the tree's form.
    pub(crate) fn type_tree(&self, sql_type: &SqlType) -> Result<Value> {
        let mut cast = plan::parse_expression(&format!("cast(null as {sql_type})"), self.parser)?;
        Ok(cast["cast_type"].take())
    }
}

pub(crate) struct Scope<'a> {
    pub(crate) compiler: &'a Compiler<'a>,
    pub(crate) relation: &'a Relation,
    /// Whether the expression is Eider's own: it may use functions that throw, where they can't.
    pub(crate) trusted: bool,
    /// Inside of a subquery, the table that it reads.
    pub(crate) mapped: Option<Mapped<'a>>,
}

impl Scope<'_> {
    /// The same expression in the form that policies are written in, refused unless it can't throw.
    pub(crate) fn total(&self, mut expr: Value) -> Result<Value> {
        expr["alias"] = json!("");
        match text(&expr, "class") {
            "COLUMN_REF" => self.column(&expr),
            "CONSTANT" => self.constant(&expr),
            "FUNCTION" => self.function(expr),
            "COMPARISON" => self.comparable(expr, &["left", "right"]),
            "BETWEEN" => self.comparable(expr, &["input", "lower", "upper"]),
            "CONJUNCTION" => self.conditions(expr),
            "OPERATOR" => match text(&expr, "type") {
                "OPERATOR_NOT" => self.conditions(expr),
                "OPERATOR_IS_NULL" | "OPERATOR_IS_NOT_NULL" => self.list(expr, false),
                "COMPARE_IN" | "COMPARE_NOT_IN" | "OPERATOR_COALESCE" => self.list(expr, true),
                other => Err(not_total(&other.to_ascii_lowercase())),
            },
            "CASE" => self.case(expr),
            "CAST" => self.cast(expr),
            "SUBQUERY" => self.lookup(expr),
            other => Err(not_total(&other.to_ascii_lowercase())),
        }
    }

    fn column(&self, expr: &Value) -> Result<Value> {
        let names = names(expr);
        if let Some(mapped) = &self.mapped
            && let Some(column) = mapped.column(&names, self.relation)?
        {
            return Ok(column);
        }
        let [name] = names.as_slice() else {
            return Err(bad(format_args!(
                "write the plain column instead of \"{}\"",
                names.join(".")
            )));
        };
        if self.mapped.is_none()
            && let Some(column) = self.relation.column(name)
        {
            return Ok(build::column(&[SELF, &column.name]));
        }
        match model::fold(name).as_str() {
            "current_user" | "session_user" | "user" => {
                Ok(build::literal(&self.compiler.principal.name, "VARCHAR"))
            }
            "current_roles" => {
                let roles = &self.compiler.principal.roles;
                let items = roles.iter().map(|r| build::literal(r, "VARCHAR")).collect();
                let list = json!({
                    "id": "LIST",
                    "type_info": {
                        "type": "LIST_TYPE_INFO", "alias": "", "extension_info": null,
                        "child_type": {"id": "VARCHAR", "type_info": null}
                    }
                });
                Ok(build::cast(build::list(items), list))
            }
            _ => Err(bad(format_args!(
                "there is no column \"{name}\" in {}",
                self.relation.name
            ))),
        }
    }

    fn constant(&self, expr: &Value) -> Result<Value> {
        let value = &expr["value"];
        if value["is_null"] == true {
            return Ok(build::null());
        }
        let id = text(&value["type"], "id").to_owned();
        if id == "VARCHAR" {
            return Ok(build::literal(text(value, "value"), "VARCHAR"));
        }
        // DuckDB prints the constant; the text, read as its own type, is the literal.
        let printed = self.compiler.parser.print(&build::select(
            vec![expr.clone()],
            build::nothing(),
            None,
            false,
        ))?;
        let digits = printed.trim_start_matches("SELECT ").trim();
        let mut literal = build::literal(digits, "VARCHAR");
        literal["cast_type"] = value["type"].clone();
        self.evaluates(&literal)?;
        Ok(literal)
    }

    fn function(&self, mut expr: Value) -> Result<Value> {
        let name = model::fold(text(&expr, "function_name"));
        if !matches!(text(&expr, "schema"), "" | "main")
            || !matches!(text(&expr, "catalog"), "" | "system")
        {
            return Err(not_total(&name));
        }
        match name.as_str() {
            "attribute" => return self.attribute(&expr),
            "current_user" | "session_user" => {
                return Ok(build::literal(&self.compiler.principal.name, "VARCHAR"));
            }
            _ => {}
        }
        let rules = functions().expression(&name);
        let plain = expr["filter"].is_null()
            && expr["distinct"] == false
            && expr["order_bys"]["orders"]
                .as_array()
                .is_none_or(Vec::is_empty);
        let allowed = !rules.is_empty()
            && rules.iter().all(|r| {
                r.decision == crate::Decision::Allow && (r.total || r.total_with_literals)
            });
        if !plain || !(allowed || self.trusted) {
            return Err(not_total(&name));
        }
        let children = expr["children"].take();
        let Value::Array(children) = children else {
            return Err(not_total(&name));
        };
        let children: Vec<Value> = children
            .into_iter()
            .map(|c| self.total(c))
            .collect::<Result<_>>()?;
        if !self.trusted {
            self.takes(&name, &children)?;
            for rule in rules {
                self.arguments(&name, rule, &children)?;
            }
        }
        expr["children"] = Value::Array(children);
        expr["function_name"] = json!(name);
        expr["schema"] = json!("main");
        expr["catalog"] = json!("system");
        expr["is_operator"] = json!(false);
        Ok(expr)
    }

    fn arguments(&self, name: &str, rule: Rule, children: &[Value]) -> Result<()> {
        for child in children {
            if rule.time_zone && self.type_of(child)? == SqlType::TimestampTz {
                return Err(bad(format_args!(
                    "{name}() of a TIMESTAMP WITH TIME ZONE follows the user's time zone"
                )));
            }
        }
        if rule.total {
            return Ok(());
        }
        let (first, rest) = children.split_first().ok_or_else(|| not_total(name))?;
        let small = |literal: &str| match literal.parse::<i64>() {
            Ok(number) => number.unsigned_abs() <= 1_000_000,
            Err(_) => !literal.contains('\0'),
        };
        if !rest.iter().all(|c| literal_text(c).is_some_and(small)) {
            return Err(bad(format_args!(
                "the arguments of {name}() after the first must be plain literals"
            )));
        }
        let sample = match self.type_of(first)? {
            SqlType::Varchar => build::literal("abc", "VARCHAR"),
            SqlType::Blob => build::literal("abc", "BLOB"),
            SqlType::Date => build::literal("2000-01-01", "DATE"),
            SqlType::Timestamp => build::literal("2000-01-01 00:00:00", "TIMESTAMP"),
            SqlType::Integer => build::literal("1", "INTEGER"),
            SqlType::BigInt => build::literal("1", "BIGINT"),
            SqlType::Double => build::literal("1", "DOUBLE"),
            other => return Err(bad(format_args!("{name}() of type {other} may throw"))),
        };
        let mut trial = vec![sample];
        trial.extend(rest.iter().cloned());
        self.evaluates(&build::call(name, trial))
    }

    fn list(&self, mut expr: Value, one_type: bool) -> Result<Value> {
        let Value::Array(children) = expr["children"].take() else {
            return Err(not_total("this"));
        };
        let mut children: Vec<Value> = children
            .into_iter()
            .map(|c| self.total(c))
            .collect::<Result<_>>()?;
        if one_type {
            self.one_type(&mut children)?;
        }
        expr["children"] = Value::Array(children);
        Ok(expr)
    }

    fn conditions(&self, expr: Value) -> Result<Value> {
        let expr = self.list(expr, false)?;
        let mut children = expr["children"].as_array().into_iter().flatten();
        children.try_for_each(|c| self.is_truth(c))?;
        Ok(expr)
    }

    fn comparable(&self, mut expr: Value, fields: &[&str]) -> Result<Value> {
        let mut operands: Vec<Value> = fields
            .iter()
            .map(|f| self.total(expr[*f].take()))
            .collect::<Result<_>>()?;
        self.one_type(&mut operands)?;
        for (field, operand) in fields.iter().zip(operands) {
            expr[*field] = operand;
        }
        Ok(expr)
    }

    fn case(&self, mut expr: Value) -> Result<Value> {
        let Value::Array(mut checks) = expr["case_checks"].take() else {
            return Err(not_total("case"));
        };
        let mut results = vec![self.total(expr["else_expr"].take())?];
        for check in &mut checks {
            check["when_expr"] = self.total(check["when_expr"].take())?;
            self.is_truth(&check["when_expr"])?;
            results.push(self.total(check["then_expr"].take())?);
        }
        self.one_type(&mut results)?;
        let mut results = results.into_iter();
        expr["else_expr"] = results.next().unwrap_or_default();
        for (check, result) in checks.iter_mut().zip(results) {
            check["then_expr"] = result;
        }
        expr["case_checks"] = Value::Array(checks);
        Ok(expr)
    }

    fn cast(&self, mut expr: Value) -> Result<Value> {
        let child = self.total(expr["child"].take())?;
        let of_literal = literal_text(&child).is_some();
        expr["child"] = child;
        if expr["try_cast"] == false && !of_literal {
            return Err(bad("CAST may throw on a hidden row: write TRY_CAST"));
        }
        if of_literal {
            self.evaluates(&expr)?;
            self.is_fixed(&expr)?;
        } else {
            self.tries(&expr, &expr["child"])?;
        }
        Ok(expr)
    }

    /// Makes all operands of one type, so that no conversion happens on rows: literals are converted
    /// now, and exactly.
    pub(crate) fn one_type(&self, operands: &mut [Value]) -> Result<()> {
        let types: Vec<SqlType> = operands
            .iter()
            .map(|o| match is_null(o) {
                true => Ok(SqlType::Null),
                false => self.type_of(o),
            })
            .collect::<Result<_>>()?;
        let fixed = operands
            .iter()
            .zip(&types)
            .find(|(o, t)| literal_text(o).is_none() && **t != SqlType::Null)
            .or_else(|| {
                operands
                    .iter()
                    .zip(&types)
                    .find(|(_, t)| **t != SqlType::Null)
            })
            .map(|(_, t)| t.clone());
        let Some(wanted) = fixed else {
            return Ok(());
        };
        for (operand, found) in operands.iter_mut().zip(types) {
            if found == wanted || found == SqlType::Null {
                continue;
            }
            let literal = literal_text(operand).map(str::to_owned);
            match literal {
                Some(literal) => *operand = self.literal_of(&literal, &found, &wanted)?,
                None => {
                    return Err(bad(format_args!(
                        "{found} and {wanted} meet without a conversion that can't throw: write TRY_CAST"
                    )));
                }
            }
        }
        Ok(())
    }

    /// A literal of another type with exactly the same value.
    fn literal_of(&self, literal: &str, from: &SqlType, to: &SqlType) -> Result<Value> {
        let source = self.compiler.type_tree(from)?;
        let target = self.compiler.type_tree(to)?;
        let mut converted = build::literal(literal, "VARCHAR");
        converted["cast_type"] = target;
        self.evaluates(&converted)?;
        self.is_fixed(&converted)?;
        let inexact = || {
            bad(format_args!(
                "{literal} is not exactly a value of type {to}"
            ))
        };
        if *from != SqlType::Varchar && *to != SqlType::Varchar {
            let mut original = build::literal(literal, "VARCHAR");
            original["cast_type"] = source;
            let equal = json!({
                "class": "COMPARISON", "type": "COMPARE_EQUAL", "alias": "", "query_location": build::NOWHERE,
                "left": original, "right": converted
            });
            let rows = self.rows(&equal)?;
            if rows.as_deref() != Some("true") {
                return Err(inexact());
            }
        }
        Ok(converted)
    }

    fn evaluates(&self, expr: &Value) -> Result<()> {
        // As text: not every type's values can be read here.
        let text = json!({"id": "VARCHAR", "type_info": null});
        self.rows(&build::cast(expr.clone(), text)).map(|_| ())
    }

    fn rows(&self, expr: &Value) -> Result<Option<String>> {
        let from = build::nothing();
        let query = build::select(vec![expr.clone()], from, None, false);
        let printed = self.compiler.parser.print(&query)?;
        let rows = self.compiler.sidecar.evaluate(&printed)?;
        Ok(rows.scalar())
    }
}

/// The text of `cast('text' as type)`.
pub(crate) fn literal_text(expr: &Value) -> Option<&str> {
    let child = &expr["child"];
    let is_literal = text(expr, "class") == "CAST"
        && text(child, "class") == "CONSTANT"
        && text(&child["value"]["type"], "id") == "VARCHAR";
    is_literal
        .then(|| child["value"]["value"].as_str())
        .flatten()
}

/// Whether it is NULL, which DuckDB calls an INTEGER where nothing else says its type.
pub(crate) fn is_null(expr: &Value) -> bool {
    text(expr, "class") == "CONSTANT" && expr["value"]["is_null"] == true
}

fn not_total(name: &str) -> Error {
    bad(format_args!(
        "{name} is not in the list of what can't throw on a hidden row"
    ))
}

pub(crate) fn bad(reason: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Config, reason.to_string())
}
