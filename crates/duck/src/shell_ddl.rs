//! The second reading of what defines schemas, indexes, comments and changes of tables, and of
//! maintenance: each a whole form, with names in quotes and nothing after it.

use model::RelationName;

use crate::quote::identifier;
use crate::shell::{after_identifier, after_name, is_columns};
use crate::shell_sequence::is_sequence;

/// Whether a text is one of these forms for its target. `query` is the sealed one: the expression of
/// a DEFAULT.
pub(crate) fn is_form(sql: &str, target: &RelationName, query: Option<&str>) -> bool {
    if let Some(rest) = begins(sql, &["alter table "]).and_then(|rest| after_name(rest, target)) {
        return match after_default(rest, query) {
            Some(before) => is_defaulted(before),
            None => query.is_none() && is_change(rest),
        };
    }
    query.is_none()
        && (is_schema(sql, target)
            || is_index(sql, target)
            || is_comment(sql, target)
            || is_sequence(sql, target)
            || is_maintenance(sql, target))
}

/// Whether a text is a form of VACUUM, ANALYZE or CHECKPOINT, none of which changes anything that is
/// seen.
pub(crate) fn is_maintenance(sql: &str, target: &RelationName) -> bool {
    if target.schema.is_empty() && target.name.is_empty() {
        return sql == format!("checkpoint {}", identifier(&target.catalog));
    }
    begins(sql, &["vacuum ", "analyze "])
        .and_then(|rest| after_name(rest, target))
        .is_some_and(str::is_empty)
}

fn begins<'a>(sql: &'a str, beginnings: &[&str]) -> Option<&'a str> {
    beginnings.iter().find_map(|b| sql.strip_prefix(b))
}

fn is_schema(sql: &str, target: &RelationName) -> bool {
    let forms = [
        "create schema if not exists ",
        "create schema ",
        "drop schema ",
    ];
    let name = format!(
        "{}.{}",
        identifier(&target.catalog),
        identifier(&target.schema)
    );
    target.name.is_empty()
        && !target.schema.is_empty()
        && begins(sql, &forms) == Some(name.as_str())
}

fn is_index(sql: &str, target: &RelationName) -> bool {
    let dropped = begins(sql, &["drop index if exists ", "drop index "]);
    if let Some(rest) = dropped {
        return !target.name.is_empty() && after_name(rest, target) == Some("");
    }
    let forms = [
        "create index if not exists ",
        "create index ",
        "create unique index if not exists ",
        "create unique index ",
    ];
    begins(sql, &forms)
        .and_then(after_identifier)
        .and_then(|rest| after_name(rest.strip_prefix(" on ")?, target))
        .is_some_and(|rest| !rest.is_empty() && is_columns(rest, ""))
}

fn is_comment(sql: &str, target: &RelationName) -> bool {
    let column = begins(sql, &["comment on column "])
        .and_then(|rest| after_name(rest, target))
        .and_then(|rest| after_identifier(rest.strip_prefix('.')?));
    let relation = begins(sql, &["comment on table ", "comment on view "])
        .and_then(|rest| after_name(rest, target));
    column
        .or(relation)
        .and_then(|rest| rest.strip_prefix(" is "))
        .is_some_and(|text| text == "null" || after_string(text) == Some(""))
}

/// Whether what follows a table's name is one of the changes without a DEFAULT.
fn is_change(rest: &str) -> bool {
    if let Some(rest) = rest.strip_prefix(" add column ") {
        return after_identifier(rest)
            .and_then(|rest| rest.strip_prefix(' '))
            .is_some_and(is_type);
    }
    if let Some(rest) = rest.strip_prefix(" add primary key") {
        return !rest.is_empty() && is_columns(rest, "");
    }
    if let Some(rest) = begins(rest, &[" drop column ", " rename to "]) {
        return after_identifier(rest) == Some("");
    }
    if let Some(rest) = rest.strip_prefix(" rename column ") {
        return after_identifier(rest)
            .and_then(|rest| after_identifier(rest.strip_prefix(" to ")?))
            .is_some_and(str::is_empty);
    }
    let Some(rest) = rest
        .strip_prefix(" alter column ")
        .and_then(after_identifier)
    else {
        return false;
    };
    match rest.strip_prefix(" set data type ") {
        Some(sql_type) => is_type(sql_type),
        None => [" drop default", " set not null", " drop not null"].contains(&rest),
    }
}

/// What is before ` default (…)` with the sealed query's expression, where the text ends so.
fn after_default<'a>(rest: &'a str, query: Option<&str>) -> Option<&'a str> {
    let expression = query?.strip_prefix("SELECT ")?;
    rest.strip_suffix(&format!(" default ({expression})"))
}

/// Whether what is before a DEFAULT is `add column name type` or `alter column name set`.
fn is_defaulted(before: &str) -> bool {
    if let Some(rest) = before.strip_prefix(" alter column ") {
        return after_identifier(rest) == Some(" set");
    }
    before.starts_with(" add column ") && is_change(before)
}

/// What follows a string in plain quotes.
pub(crate) fn after_string(text: &str) -> Option<&str> {
    let mut inside = text.strip_prefix('\'')?;
    loop {
        let after = &inside[inside.find('\'')? + 1..];
        match after.strip_prefix('\'') {
            Some(doubled) => inside = doubled,
            None => return Some(after),
        }
    }
}

/// Whether a text is a type and nothing after it: its name, what is in its parentheses, brackets.
fn is_type(text: &str) -> bool {
    let name = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    let (name, mut rest) = text.split_at(name);
    if name.is_empty() {
        return false;
    }
    if let Some(after) = rest.strip_prefix(" WITH TIME ZONE") {
        rest = after;
    } else if rest.starts_with('(') {
        match after_parentheses(rest) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    while let Some(inside) = rest.strip_prefix('[') {
        match inside
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .strip_prefix(']')
        {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.is_empty()
}

/// What follows the parenthesis that closes the one that a text begins with.
fn after_parentheses(text: &str) -> Option<&str> {
    let (mut rest, mut depth) = (text, 0_usize);
    loop {
        rest = match rest.chars().next()? {
            '"' => after_identifier(rest)?,
            '\'' => after_string(rest)?,
            '(' => {
                depth += 1;
                &rest[1..]
            }
            ')' => {
                depth -= 1;
                &rest[1..]
            }
            c if c.is_ascii_alphanumeric() || " ,_[]".contains(c) => &rest[1..],
            _ => return None,
        };
        if depth == 0 {
            return Some(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(sql: &str, target: &str, query: Option<&str>) -> bool {
        let mut parts = target.split('.');
        let mut part = || parts.next().unwrap_or_default();
        let target = RelationName::new(part(), part(), part());
        is_form(sql, &target, query)
    }

    #[test]
    fn forms() {
        for (sql, target) in [
            ("create schema \"c\".\"s\"", "c.s"),
            ("create schema if not exists \"c\".\"s\"", "c.s"),
            ("drop schema \"c\".\"s\"", "c.s"),
            ("alter table c.s.t add column \"a\" INTEGER", "c.s.t"),
            (
                "alter table c.s.t add column \"a\" STRUCT(\"b)\" ENUM('x)', 'it''s'))[3][]",
                "c.s.t",
            ),
            (
                "alter table c.s.t alter column \"a\" set data type TIMESTAMP WITH TIME ZONE",
                "c.s.t",
            ),
            ("alter table c.s.t rename to \"u; \"\"\"", "c.s.t"),
            ("alter table c.s.t rename column \"a\" to \"b\"", "c.s.t"),
            ("alter table c.s.t drop column \"a\"", "c.s.t"),
            ("alter table c.s.t alter column \"a\" set not null", "c.s.t"),
            ("alter table c.s.t add primary key (\"a\", \"b\")", "c.s.t"),
            (
                "create unique index if not exists \"i\" on c.s.t (\"a\")",
                "c.s.t",
            ),
            ("drop index if exists c.s.i", "c.s.i"),
            ("comment on table c.s.t is 'it''s'", "c.s.t"),
            ("comment on column c.s.t.\"a\" is null", "c.s.t"),
            ("vacuum c.s.t", "c.s.t"),
            ("analyze c.s.t", "c.s.t"),
            ("checkpoint \"c\"", "c"),
        ] {
            assert!(fits(sql, target, None), "{sql}");
        }
        let default = Some("SELECT (1 + 2)");
        for sql in [
            "alter table c.s.t add column \"a\" INTEGER default ((1 + 2))",
            "alter table c.s.t alter column \"a\" set default ((1 + 2))",
        ] {
            assert!(fits(sql, "c.s.t", default), "{sql}");
            assert!(!fits(sql, "c.s.t", None), "{sql}");
            assert!(!fits(sql, "c.s.t", Some("SELECT 3")), "{sql}");
        }
    }

    #[test]
    fn other_texts() {
        for (sql, target) in [
            ("create schema \"c\".\"s\" ", "c.s"),
            ("create schema \"c\".\"s\"", "c.s.t"),
            ("drop schema \"c\".\"s\" cascade", "c.s"),
            ("drop schema \"c\".\"other\"", "c.s"),
            ("drop schema \"c\".\"\"", "c"),
            ("alter table c.s.t rename to u.v", "c.s.t"),
            ("alter table c.s.u rename to \"t\"", "c.s.t"),
            (
                "alter table c.s.t add column \"a\" INTEGER default 1",
                "c.s.t",
            ),
            (
                "alter table c.s.t add column \"a\" INTEGER not null",
                "c.s.t",
            ),
            (
                "alter table c.s.t alter column \"a\" set data type INTEGER using (f(a))",
                "c.s.t",
            ),
            ("alter table c.s.t drop column \"a\" cascade", "c.s.t"),
            ("alter table c.s.t add primary key", "c.s.t"),
            ("create index \"i\" on c.s.t", "c.s.t"),
            ("create index \"i\" on c.s.t (lower(\"a\"))", "c.s.t"),
            ("create index \"i\" on c.s.t (\"a\") with (x = 1)", "c.s.t"),
            ("drop index c.s.i; select 1", "c.s.i"),
            ("comment on table c.s.t is 'it's'", "c.s.t"),
            ("comment on table c.s.t is 'a' || 'b'", "c.s.t"),
            ("comment on table c.s.t is f()", "c.s.t"),
            ("vacuum", "c.s.t"),
            ("vacuum full c.s.t", "c.s.t"),
            ("checkpoint", "c"),
            ("force checkpoint \"c\"", "c"),
            ("checkpoint \"d\"", "c"),
        ] {
            assert!(!fits(sql, target, None), "{sql}");
        }
        // A query that the form does not hold.
        assert!(!fits("drop schema \"c\".\"s\"", "c.s", Some("SELECT 1")));
        assert!(!fits(
            "alter table c.s.t drop column \"a\"",
            "c.s.t",
            Some("SELECT 1")
        ));
    }

    #[test]
    fn types() {
        for good in [
            "INTEGER",
            "DECIMAL(18,3)[]",
            "MAP(VARCHAR, UNION(\"a\" INTEGER))[2]",
        ] {
            assert!(is_type(good), "{good}");
        }
        for bad in [
            "",
            "\"NULL\"",
            "INTEGER default 1",
            "DECIMAL(18,3",
            "INTEGER[",
            "INTEGER)",
            "ENUM('a') check (true)",
            "VARCHAR collate x",
        ] {
            assert!(!is_type(bad), "{bad}");
        }
    }
}
