//! The second reading of a write's shell: it must write the sealed target, and hold the query that
//! was read and nothing after it.

use model::{ExecKind, ExecRequest, RelationName, Result};

use crate::names::mismatch;
use crate::quote::identifier;

/// How policy begins each form of statement.
const CREATE: [&str; 3] = [
    "create table if not exists ",
    "create or replace table ",
    "create table ",
];
const CREATE_VIEW: [&str; 3] = [
    "create view if not exists ",
    "create or replace view ",
    "create view ",
];
const DROP: [&str; 2] = ["drop table ", "drop view "];
const INSERT: [&str; 1] = ["insert into "];

/// Fails unless the text is one of policy's forms for its kind, target and query.
pub(crate) fn check(request: &ExecRequest) -> Result<()> {
    let sql = &**request.sql();
    let query = request.query().map(|q| &**q);
    let fits = match request.kind() {
        ExecKind::Query => query == Some(sql),
        ExecKind::Write {
            target,
            changes_catalog: false,
        } => {
            let rest = after(sql, &INSERT, target);
            rest.zip(query).is_some_and(|(rest, query)| {
                rest.strip_suffix(query)
                    .is_some_and(|middle| is_columns(middle, " "))
            })
        }
        ExecKind::Write {
            target,
            changes_catalog: true,
        } => match query {
            Some(query) => {
                let of_query = |rest: &str| {
                    let middle = rest.strip_suffix(query);
                    middle.is_some_and(|middle| is_columns(middle, " as "))
                };
                let table = after(sql, &CREATE, target);
                table.is_some_and(|rest| {
                    of_query(rest.strip_suffix(" with no data").unwrap_or(rest))
                }) || after(sql, &CREATE_VIEW, target).is_some_and(of_query)
            }
            None => {
                after(sql, &DROP, target).is_some_and(str::is_empty)
                    || after(sql, &CREATE, target).is_some_and(|rest| rest.starts_with(" ("))
            }
        },
    };
    if fits {
        Ok(())
    } else {
        Err(mismatch("the statement's shell is not the sealed one"))
    }
}

/// Whether the request makes a view: it names relations, and reads none.
pub(crate) fn defines_view(request: &ExecRequest) -> bool {
    CREATE_VIEW
        .iter()
        .any(|verb| request.sql().starts_with(verb))
}

/// What follows the target in a text that begins in one of these ways.
fn after<'a>(sql: &'a str, beginnings: &[&str], target: &RelationName) -> Option<&'a str> {
    let rest = beginnings
        .iter()
        .find_map(|beginning| sql.strip_prefix(beginning))?;
    after_name(rest, target)
}

/// What follows a relation's full name, each part quoted or not.
pub(crate) fn after_name<'a>(text: &'a str, relation: &RelationName) -> Option<&'a str> {
    let part = |text: &'a str, name: &str| {
        text.strip_prefix(identifier(name).as_str())
            .or_else(|| text.strip_prefix(name))
    };
    let text = part(text, &relation.catalog)?.strip_prefix('.')?;
    let text = part(text, &relation.schema)?.strip_prefix('.')?;
    part(text, &relation.name)
}

/// Whether a text is a list of quoted columns in parentheses, or nothing, and then `end`.
fn is_columns(text: &str, end: &str) -> bool {
    let Some(text) = text.strip_suffix(end) else {
        return false;
    };
    if text.is_empty() {
        return true;
    }
    let Some(list) = text.strip_prefix(" (").and_then(|t| t.strip_suffix(')')) else {
        return false;
    };
    let mut rest = list;
    loop {
        let Some(after) = after_identifier(rest) else {
            return false;
        };
        match after.strip_prefix(", ") {
            Some(next) => rest = next,
            None => return after.is_empty(),
        }
    }
}

/// What follows a quoted identifier, or a plain one.
fn after_identifier(text: &str) -> Option<&str> {
    let Some(mut inside) = text.strip_prefix('"') else {
        let end = text
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(text.len());
        return (end > 0).then(|| &text[end..]);
    };
    loop {
        let after = &inside[inside.find('"')? + 1..];
        match after.strip_prefix('"') {
            Some(doubled) => inside = doubled,
            None => return Some(after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns() {
        for good in [" ", " (\"a\") ", " (\"a\", \"b\"\"c, )\", d_1) "] {
            assert!(is_columns(good, " "), "{good}");
        }
        for bad in [
            "",
            " () ",
            " (\"a\") values (1) ",
            " (\"a\" ",
            " (\"a\",\"b\") ",
            " x ",
        ] {
            assert!(!is_columns(bad, " "), "{bad}");
        }
    }

    #[test]
    fn names() {
        let name = RelationName::new("db", "my s", "t\"x");
        assert_eq!(after_name("db.\"my s\".\"t\"\"x\"", &name), Some(""));
        assert_eq!(
            after_name("\"db\".\"my s\".\"t\"\"x\" AS q(z)", &name),
            Some(" AS q(z)")
        );
        for other in ["db.\"my s\".t", "\"my s\".\"t\"\"x\"", ""] {
            assert_eq!(after_name(other, &name), None, "{other}");
        }
    }
}
