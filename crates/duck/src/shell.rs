//! The second reading of a write's shell: it must write the sealed target, and hold the query that
//! was read and nothing after it.

use model::{ExecKind, ExecRequest, OnConflict, RelationName, Result};

use crate::names::mismatch;
use crate::quote::identifier;
use crate::shell_columns::is_definitions;
use crate::shell_ddl;
use crate::shell_merge;

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
/// The same of what is temporary, and of nothing else.
const CREATE_TEMPORARY: [&str; 3] = [
    "create temp table if not exists ",
    "create or replace temp table ",
    "create temp table ",
];
const CREATE_TEMPORARY_VIEW: [&str; 3] = [
    "create temp view if not exists ",
    "create or replace temp view ",
    "create temp view ",
];
const DROP: [&str; 2] = ["drop table ", "drop view "];

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
            let list = request
                .returning()
                .map(|r| format!(" returning {}", r.list));
            let clause = request.on_conflict().map(on_conflict);
            let inserts = after(sql, &["insert into "], target).is_some();
            let ends = [&clause, &list].map(|end| end.as_deref().unwrap_or_default());
            sql.strip_suffix(ends.concat().as_str())
                .filter(|_| inserts || clause.is_none())
                .is_some_and(|sql| is_change(sql, target, query, list.is_some()))
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
                let table = after(sql, creates(target), target);
                table.is_some_and(|rest| {
                    of_query(rest.strip_suffix(" with no data").unwrap_or(rest))
                        || is_definitions(rest, Some(query))
                }) || after(sql, creates_view(target), target).is_some_and(of_query)
            }
            None => {
                after(sql, &DROP, target).is_some_and(str::is_empty)
                    || after(sql, creates(target), target)
                        .is_some_and(|rest| is_definitions(rest, None))
            }
        },
    };
    if fits || defines(request) {
        Ok(())
    } else {
        Err(mismatch("the statement's shell is not the sealed one"))
    }
}

/// Whether the text is another of policy's forms that changes the catalog.
fn defines(request: &ExecRequest) -> bool {
    match request.kind() {
        ExecKind::Write {
            target,
            changes_catalog: true,
        } => shell_ddl::is_form(request.sql(), target, request.query().map(|q| &**q)),
        _ => false,
    }
}

/// Whether the request makes a view: it names relations, and reads none.
pub(crate) fn defines_view(request: &ExecRequest) -> bool {
    let mut verbs = CREATE_VIEW.iter().chain(&CREATE_TEMPORARY_VIEW);
    verbs.any(|verb| request.sql().starts_with(verb))
}

fn creates(target: &RelationName) -> &'static [&'static str] {
    match target.is_temporary() {
        true => &CREATE_TEMPORARY,
        false => &CREATE,
    }
}

fn creates_view(target: &RelationName) -> &'static [&'static str] {
    match target.is_temporary() {
        true => &CREATE_TEMPORARY_VIEW,
        false => &CREATE_VIEW,
    }
}

/// The clause of an INSERT, written anew.
fn on_conflict(clause: &OnConflict) -> String {
    let mut text = String::from(" on conflict");
    let quoted = |names: &[String]| {
        let names: Vec<String> = names.iter().map(|n| identifier(n)).collect();
        names.join(", ")
    };
    if !clause.key.is_empty() {
        text.push_str(&format!(" ({})", quoted(&clause.key)));
    }
    if clause.set.is_empty() {
        text.push_str(" do nothing");
        return text;
    }
    let set = clause.set.iter();
    let set: Vec<String> = set
        .map(|(column, value)| format!("{} = ({value})", identifier(column)))
        .collect();
    text.push_str(&format!(" do update set {}", set.join(", ")));
    if let Some(condition) = &clause.condition {
        text.push_str(&format!(" where ({condition})"));
    }
    text
}

/// Whether a text, without its RETURNING and ON CONFLICT, is one of the forms that change rows.
fn is_change(sql: &str, target: &RelationName, query: Option<&str>, returns: bool) -> bool {
    let Some(query) = query else {
        let defaults = after(sql, &["insert into "], target) == Some(" default values");
        return defaults || !returns && after(sql, &["truncate "], target) == Some("");
    };
    if let Some(rest) = after(sql, &["insert into "], target) {
        let middle = rest.strip_suffix(query);
        return middle.is_some_and(|middle| is_columns(middle, " "));
    }
    if let Some(rest) = after(sql, &["merge into "], target) {
        return shell_merge::is_merge(rest, query);
    }
    if let Some(rest) = after(sql, &["delete from "], target) {
        return rest == format!(" as __eider where __eider.rowid in ({query})");
    }
    let end = format!(" from ({query}) as __eider_s where __eider.rowid = __eider_s.__eider_rid");
    after(sql, &["update "], target)
        .and_then(|rest| rest.strip_prefix(" as __eider set ")?.strip_suffix(&end))
        .is_some_and(is_assignments)
}

/// Whether a text is `"column" = value, …`, each value a column of the query or the default.
fn is_assignments(text: &str) -> bool {
    let mut rest = text;
    loop {
        let Some(value) = after_identifier(rest).and_then(|r| r.strip_prefix(" = ")) else {
            return false;
        };
        let after = match value.strip_prefix("__eider_s.__eider_v") {
            Some(number) => {
                let after = number.trim_start_matches(|c: char| c.is_ascii_digit());
                Some(after).filter(|after| after.len() < number.len())
            }
            None => value.strip_prefix("default"),
        };
        match after {
            Some("") => return true,
            Some(after) => match after.strip_prefix(", ") {
                Some(next) => rest = next,
                None => return false,
            },
            None => return false,
        }
    }
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
pub(crate) fn is_columns(text: &str, end: &str) -> bool {
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
pub(crate) fn after_identifier(text: &str) -> Option<&str> {
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
    fn assignments() {
        for good in [
            "\"a\" = __eider_s.__eider_v1",
            "\"a, \"\"=\" = __eider_s.__eider_v12, b_1 = default",
        ] {
            assert!(is_assignments(good), "{good}");
        }
        for bad in [
            "",
            "\"a\" = 1",
            "\"a\" = __eider_s.__eider_v",
            "\"a\" = __eider_s.__eider_v1 + 1",
            "\"a\" = default, ",
            "\"a\" = defaults",
            "\"a\".b = default",
        ] {
            assert!(!is_assignments(bad), "{bad}");
        }
    }

    #[test]
    fn changes() {
        let target = RelationName::new("c", "s", "t");
        let fits = |sql, query, returns| is_change(sql, &target, query, returns);
        assert!(fits(
            "insert into \"c\".\"s\".\"t\" default values",
            None,
            true
        ));
        assert!(fits("truncate c.s.t", None, false));
        assert!(fits(
            "delete from c.s.t as __eider where __eider.rowid in (q)",
            Some("q"),
            true
        ));
        let update = "update c.s.t as __eider set a = __eider_s.__eider_v1 from (q) as __eider_s \
                      where __eider.rowid = __eider_s.__eider_rid";
        assert!(fits(update, Some("q"), false));
        for (sql, query) in [
            ("delete from c.s.t", None),
            (
                "delete from c.s.t as __eider where __eider.rowid in (q) or true",
                Some("q"),
            ),
            (
                "delete from c.s.u as __eider where __eider.rowid in (q)",
                Some("q"),
            ),
            ("truncate c.s.t", Some("q")),
            ("truncate c.s.t cascade", None),
            ("update c.s.t as __eider set a = 1", Some("q")),
            (update, Some("other")),
        ] {
            assert!(!fits(sql, query, false), "{sql}");
        }
        assert!(!fits("truncate c.s.t", None, true));
    }

    #[test]
    fn conflicts() {
        let mut clause = OnConflict::default();
        assert_eq!(on_conflict(&clause), " on conflict do nothing");
        clause.key = vec!["a".into(), "b".into()];
        clause.set = vec![("c d".into(), "excluded.x + 1".into())];
        clause.condition = Some("(c > 3)".into());
        assert_eq!(
            on_conflict(&clause),
            " on conflict (\"a\", \"b\") do update set \"c d\" = (excluded.x + 1) where ((c > 3))"
        );
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
