//! The second reading of what defines sequences.

use model::RelationName;

use crate::shell::after_name;

const CREATE: [&str; 3] = [
    "create sequence if not exists ",
    "create or replace sequence ",
    "create sequence ",
];

/// Whether a text is one of policy's forms for this sequence.
pub(crate) fn is_sequence(sql: &str, target: &RelationName) -> bool {
    if let Some(name) = sql.strip_prefix("drop sequence ") {
        return after_name(name, target) == Some("");
    }
    let created = CREATE.iter().find_map(|verb| sql.strip_prefix(verb));
    created
        .and_then(|rest| after_name(rest, target))
        .is_some_and(is_options)
}

/// Whether a text is a list of options: numbers, each at most once in this order, and then CYCLE.
fn is_options(text: &str) -> bool {
    let mut rest = text;
    for option in [" increment by ", " minvalue ", " maxvalue ", " start with "] {
        let Some(number) = rest.strip_prefix(option) else {
            continue;
        };
        let end = number.find(' ').unwrap_or(number.len());
        if number[..end].parse::<i64>().is_err() {
            return false;
        }
        rest = &number[end..];
    }
    rest.is_empty() || rest == " cycle"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences() {
        let target = RelationName::new("c", "s", "q\"1");
        for good in [
            "create sequence c.s.\"q\"\"1\"",
            "create sequence if not exists \"c\".\"s\".\"q\"\"1\" cycle",
            "create or replace sequence c.s.\"q\"\"1\" increment by -2 minvalue -9 maxvalue 3 start with 0",
            "drop sequence c.s.\"q\"\"1\"",
        ] {
            assert!(is_sequence(good, &target), "{good}");
        }
        for bad in [
            "create sequence c.s.q",
            "create temp sequence c.s.\"q\"\"1\"",
            "create sequence c.s.\"q\"\"1\"; select 1",
            "create sequence c.s.\"q\"\"1\" increment by",
            "create sequence c.s.\"q\"\"1\" increment by 1 increment by 2",
            "create sequence c.s.\"q\"\"1\" start with x",
            "create sequence c.s.\"q\"\"1\" cycle cycle",
            "drop sequence c.s.\"q\"\"1\" cascade",
            "drop sequence if exists c.s.\"q\"\"1\"",
        ] {
            assert!(!is_sequence(bad, &target), "{bad}");
        }
    }
}
