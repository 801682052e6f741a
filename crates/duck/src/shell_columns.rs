//! The second reading of a new table's columns: what DEFAULT computes is what was sealed as a query.

use crate::shell::after_identifier;
use crate::shell_ddl::after_string;

/// Whether a text is ` (…)` and nothing after it, with these expressions in its DEFAULTs. `query` selects
/// them; without one there are none.
pub(crate) fn is_definitions(text: &str, query: Option<&str>) -> bool {
    let Some(found) = text.strip_prefix(' ').and_then(defaults) else {
        return false;
    };
    match query {
        None => found.is_empty(),
        Some(query) => {
            !found.is_empty() && query.strip_prefix("SELECT ") == Some(found.join(", ").as_str())
        }
    }
}

/// The expressions of all ` default (…)` directly inside of the parentheses that a text consists of.
fn defaults(text: &str) -> Option<Vec<&str>> {
    const WORD: &str = " default ";
    let mut found = Vec::new();
    let mut rest = text.strip_prefix('(')?;
    loop {
        if let Some(expression) = rest.strip_prefix(WORD) {
            let after = after_parentheses(expression)?;
            found.push(&expression[1..expression.len() - after.len() - 1]);
            rest = after;
            continue;
        }
        rest = match rest.chars().next()? {
            ')' => return (rest == ")").then_some(found),
            '(' => after_parentheses(rest)?,
            _ => after_token(rest)?,
        };
    }
}

/// What follows the parenthesis that closes the one that a text begins with.
fn after_parentheses(text: &str) -> Option<&str> {
    let mut rest = text.strip_prefix('(')?;
    let mut depth = 1_usize;
    while depth > 0 {
        rest = match rest.chars().next()? {
            '(' => {
                depth += 1;
                &rest[1..]
            }
            ')' => {
                depth -= 1;
                &rest[1..]
            }
            _ => after_token(rest)?,
        };
    }
    Some(rest)
}

/// What follows a quoted name, a string, or any other character.
fn after_token(text: &str) -> Option<&str> {
    match text.chars().next()? {
        '"' => after_identifier(text),
        '\'' => after_string(text),
        other => Some(&text[other.len_utf8()..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_with_their_defaults() {
        for (text, query) in [
            (" (\"a\" INTEGER, \"b)\" VARCHAR not null)", None),
            (
                " (\"a default (1)\" ENUM(' default (2)', 'it''s'), primary key (\"a\"))",
                None,
            ),
            (
                " (\"a\" INTEGER default (nextval('\"c\".\"s\".\"q\"')))",
                Some("SELECT nextval('\"c\".\"s\".\"q\"')"),
            ),
            (
                " (\"a\" DECIMAL(3,1) not null default ((1 + (2))), \"é\" VARCHAR default (')'))",
                Some("SELECT (1 + (2)), ')'"),
            ),
        ] {
            assert!(is_definitions(text, query), "{text}");
        }
    }

    #[test]
    fn other_definitions() {
        for (text, query) in [
            ("(\"a\" INTEGER)", None),
            (" (\"a\" INTEGER); drop table t", None),
            (" (\"a\" INTEGER", None),
            (" (\"a\" INTEGER default (1))", None),
            (" (\"a\" INTEGER default 1)", Some("SELECT 1")),
            (" (\"a\" INTEGER default (1))", Some("SELECT 2")),
            (" (\"a\" INTEGER default (1))", Some("SELECT 1, 2")),
            (" (\"a\" INTEGER)", Some("SELECT 1")),
        ] {
            assert!(!is_definitions(text, query), "{text}");
        }
    }
}
