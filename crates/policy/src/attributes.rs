//! `attribute('x')` in rules: what the principal has by that name, as a literal.

use model::{Attribute, Result};
use serde_json::Value;
use tree::build;
use tree::grammar::text;

use crate::compile::{Compiler, Purpose, Scope, bad};

impl Compiler<'_> {
    /// Whether it asks for an attribute that others have, and the principal has not.
    pub(crate) fn lacks(&self, expr: &Value) -> bool {
        match expr {
            Value::Array(items) => items.iter().any(|item| self.lacks(item)),
            Value::Object(fields) => {
                let lacks = attribute(expr).is_some_and(|name| {
                    !self.principal.attributes.contains_key(name) && self.attributes.contains(name)
                });
                lacks || fields.values().any(|field| self.lacks(field))
            }
            _ => false,
        }
    }

    /// Missing means no, never NULL that some expression turns into yes: no row, and no value.
    pub(crate) fn denial(&self, purpose: Purpose<'_>) -> Result<Value> {
        match purpose {
            Purpose::Rows => Ok(build::literal("false", "BOOLEAN")),
            Purpose::Mask(sql_type) => Ok(build::cast(build::null(), self.type_tree(sql_type)?)),
        }
    }
}

impl Scope<'_> {
    /// The value that a call of `attribute` stands for.
    pub(crate) fn attribute(&self, expr: &Value) -> Result<Value> {
        let name = attribute(expr);
        let name =
            name.ok_or_else(|| bad("attribute() takes the name of an attribute in quotes"))?;
        match self.compiler.principal.attributes.get(name) {
            Some(Attribute::Text(text)) => Ok(build::literal(text, "VARCHAR")),
            Some(Attribute::Integer(number)) => Ok(build::literal(&number.to_string(), "BIGINT")),
            Some(Attribute::Boolean(b)) => {
                Ok(build::literal(if *b { "true" } else { "false" }, "BOOLEAN"))
            }
            None => Err(bad(format_args!(
                "no principal has the attribute \"{name}\""
            ))),
        }
    }
}

/// The attribute that a call of `attribute` asks for.
fn attribute(expr: &Value) -> Option<&str> {
    if text(expr, "class") != "FUNCTION" || model::fold(text(expr, "function_name")) != "attribute"
    {
        return None;
    }
    let [argument] = expr["children"].as_array()?.as_slice() else {
        return None;
    };
    Some(text(&argument["value"], "value")).filter(|name| !name.is_empty())
}
