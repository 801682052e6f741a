//! Calls of `nextval` and `currval`: the sequence is named by a literal, resolved as a relation is, and
//! printed by its full name, so that nothing else can be meant.

use std::collections::BTreeSet;

use model::{CatalogMode, Error, ErrorKind, ExecKind, Expected, RelationName, Result, fold};
use serde_json::{Value, json};
use tree::grammar::text;

use crate::denial::denied;
use crate::file::Privilege;
use crate::part::located;
use crate::rights::Rights;
use crate::view::View;

/// What a call does with its sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SequenceCall {
    /// `nextval`: draws the next value, which is a write.
    Next,
    /// `currval`: reads the value that was drawn last, by whomever.
    Current,
}

impl SequenceCall {
    /// The call of a function of that name.
    pub(crate) fn of(function: &str) -> Option<Self> {
        match fold(function).as_str() {
            "nextval" => Some(Self::Next),
            "currval" => Some(Self::Current),
            _ => None,
        }
    }

    /// The privilege on the sequence that it needs, as in PostgreSQL.
    pub(crate) fn privilege(self) -> Privilege {
        match self {
            Self::Next => Privilege::Update,
            Self::Current => Privilege::Select,
        }
    }
}

/// The call with its sequence's full name, once the reader has the right.
///
/// # Errors
/// `UndefinedTable` for what the reader does not see; `PermissionDenied`, `ReadOnly`; `NotSupported` for
/// anything but a literal.
pub(crate) fn resolved(call: SequenceCall, expr: &Value, rights: Rights<'_>) -> Result<Value> {
    let function = fold(text(expr, "function_name"));
    let at = |e: Error| located(e, expr);
    let Some(literal) = argument(expr) else {
        return Err(at(Error::not_supported(format_args!(
            "{function}() of anything but a sequence's name as a literal"
        ))));
    };
    let parts = parts(literal).map_err(at)?;
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let view = rights.view;
    let name = view.sequence(&parts).map_err(at)?;
    let privilege = call.privilege();
    if !view.permits_sequence(name, privilege) {
        let verb = match call {
            SequenceCall::Next => "draw from",
            SequenceCall::Current => "read",
        };
        return Err(at(denied(view, name, privilege, verb)));
    }
    if call == SequenceCall::Next && !takes_writes(view, name) {
        return Err(at(Error::new(
            ErrorKind::ReadOnly,
            format!(
                "cannot execute nextval() in the read-only catalog \"{}\"",
                name.catalog
            ),
        )));
    }
    unless_quoted(name).map_err(at)?;
    let full = format!("\"{}\".\"{}\".\"{}\"", name.catalog, name.schema, name.name);
    let mut resolved = expr.clone();
    resolved["children"][0]["value"]["value"] = json!(full);
    Ok(resolved)
}

/// The sequence that a call in a final text names, if it is in the form of [`resolved`].
pub(crate) fn named(expr: &Value) -> Option<RelationName> {
    let inside = argument(expr)?.strip_prefix('"')?.strip_suffix('"')?;
    let mut parts = inside.split("\".\"");
    let name = RelationName::new(parts.next()?, parts.next()?, parts.next()?);
    let all = [&name.catalog, &name.schema, &name.name];
    let whole = all.iter().all(|p| !p.is_empty() && !p.contains('"'));
    (whole && parts.next().is_none()).then_some(name)
}

/// Fails for a name with a quote in it: DuckDB does not read one in the name that `nextval` is given.
pub(crate) fn unless_quoted(name: &RelationName) -> Result<()> {
    match [&name.catalog, &name.schema, &name.name]
        .iter()
        .any(|part| part.contains('"'))
    {
        true => Err(Error::not_supported("a sequence with a quote in its name")),
        false => Ok(()),
    }
}

/// Fails where a statement draws from sequences of several catalogs, or of another than it writes: a
/// transaction writes one.
pub(crate) fn check_catalogs(kind: &ExecKind, expected: &Expected) -> Result<()> {
    let catalogs: BTreeSet<&str> = kind.written(expected).collect();
    match catalogs.len() {
        0 | 1 => Ok(()),
        _ => Err(Error::not_supported(
            "nextval() of sequences in several catalogs, or in another than the statement writes",
        )),
    }
}

fn takes_writes(view: &View, name: &RelationName) -> bool {
    let catalog = view.visible().catalog(&name.catalog);
    catalog.is_some_and(|c| c.mode == CatalogMode::ReadWrite)
}

/// The text of a call's one plain argument.
fn argument(expr: &Value) -> Option<&str> {
    let plain = expr["distinct"] == false
        && expr["filter"].is_null()
        && expr["export_state"] != true
        && expr["order_bys"]["orders"]
            .as_array()
            .is_none_or(Vec::is_empty);
    let [child] = expr["children"].as_array()?.as_slice() else {
        return None;
    };
    let value = &child["value"];
    let is_text = plain
        && text(child, "class") == "CONSTANT"
        && text(child, "alias").is_empty()
        && text(&value["type"], "id") == "VARCHAR"
        && value["is_null"] == false;
    is_text.then(|| text(value, "value"))
}

/// The parts of a name in text: each in double quotes, or a plain word.
fn parts(literal: &str) -> Result<Vec<String>> {
    let wrong = || {
        Error::new(
            ErrorKind::Syntax,
            format!("\"{literal}\" is not the name of a sequence"),
        )
    };
    let mut parts = Vec::new();
    let mut rest = literal;
    loop {
        let after = match rest.strip_prefix('"') {
            Some(inside) => {
                let (part, after) = inside.split_once('"').ok_or_else(wrong)?;
                if after.starts_with('"') {
                    return Err(Error::not_supported("a sequence with a quote in its name"));
                }
                parts.push(part);
                after
            }
            None => {
                let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
                let end = rest.find(|c| !plain(c)).unwrap_or(rest.len());
                let (part, after) = rest.split_at(end);
                parts.push(part);
                after
            }
        };
        if parts.last().is_none_or(|p| p.is_empty()) {
            return Err(wrong());
        }
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None if after.is_empty() && parts.len() <= 3 => {
                return Ok(parts.into_iter().map(str::to_owned).collect());
            }
            None => return Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn names_in_text() {
        for (literal, expected) in [
            ("s", vec!["s"]),
            ("Main.S_1", vec!["Main", "S_1"]),
            ("\"a.b\".\"c d\".é$", vec!["a.b", "c d", "é$"]),
            ("c.\"main\".\"it's\"", vec!["c", "main", "it's"]),
        ] {
            assert_eq!(parts(literal).unwrap(), expected, "{literal}");
        }
    }

    #[test]
    fn texts_that_are_no_names() {
        for literal in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a.b.c.d",
            "\"\"",
            "\"a",
            "a\"b\"",
            "\"a\"b",
            "\"a\"\"b\".c",
            "\"a\"\".b\".c",
            " a",
            "a ",
            "a b",
            "a;b",
            "a'b",
            "\"a\". \"b\"",
        ] {
            assert!(parts(literal).is_err(), "{literal}");
        }
    }
}
