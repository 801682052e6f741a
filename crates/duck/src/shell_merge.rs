//! The second reading of a MERGE's shell: pairs of rows come of the sealed query and nothing else, and
//! what is done with them is written by the query's own values.

use crate::shell::after_identifier;

/// Whether what follows the target in `merge into target` is of policy's form, with this query.
pub(crate) fn is_merge(rest: &str, query: &str) -> bool {
    let rest = rest
        .strip_prefix(" as __eider using (with __eider_q as materialized (")
        .and_then(|rest| rest.strip_prefix(query))
        .and_then(|rest| {
            rest.strip_prefix(
                ") select * from __eider_q) as __eider_s on __eider.rowid = __eider_s.__eider_rid",
            )
        });
    let Some(mut rest) = rest.filter(|rest| !rest.is_empty()) else {
        return false;
    };
    while !rest.is_empty() {
        match after_clause(rest) {
            Some(next) => rest = next,
            None => return false,
        }
    }
    true
}

/// What follows ` when [not] matched and <number> = n then <action>`.
fn after_clause(text: &str) -> Option<&str> {
    let rest = text
        .strip_prefix(" when matched")
        .or_else(|| text.strip_prefix(" when not matched"))?;
    let rest = rest.strip_prefix(" and __eider_s.__eider_m.__eider_a = ")?;
    let rest = after_number(rest)?.strip_prefix(" then ")?;
    for whole in ["delete", "do nothing", "insert default values"] {
        if let Some(next) = rest.strip_prefix(whole) {
            return Some(next);
        }
    }
    if let Some(next) = rest.strip_prefix("error") {
        let said = next.strip_prefix(" __eider_s.__eider_m.__eider_e");
        return Some(said.unwrap_or(next));
    }
    if let Some(set) = rest.strip_prefix("update set ") {
        return after_list(set, |item| {
            after_value(after_identifier(item)?.strip_prefix(" = ")?)
        });
    }
    let columns = after_list(rest.strip_prefix("insert (")?, after_identifier)?;
    after_list(columns.strip_prefix(") values (")?, after_value)?.strip_prefix(')')
}

/// What follows `item, item, …`.
fn after_list(text: &str, after_item: impl Fn(&str) -> Option<&str>) -> Option<&str> {
    let mut rest = after_item(text)?;
    while let Some(next) = rest.strip_prefix(", ") {
        rest = after_item(next)?;
    }
    Some(rest)
}

/// What follows a value: one of the query's, or the default.
fn after_value(text: &str) -> Option<&str> {
    match text.strip_prefix("__eider_s.__eider_m.__eider_v") {
        Some(number) => after_number(number),
        None => text.strip_prefix("default"),
    }
}

fn after_number(text: &str) -> Option<&str> {
    let after = text.trim_start_matches(|c: char| c.is_ascii_digit());
    Some(after).filter(|after| after.len() < text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges() {
        let head = " as __eider using (with __eider_q as materialized (q) select * from __eider_q) \
                    as __eider_s on __eider.rowid = __eider_s.__eider_rid";
        let when = " when matched and __eider_s.__eider_m.__eider_a = 12 then ";
        let unless = " when not matched and __eider_s.__eider_m.__eider_a = 3 then ";
        let value = "__eider_s.__eider_m.__eider_v1";
        for good in [
            format!("{when}delete"),
            format!("{when}do nothing{unless}insert default values"),
            format!("{when}update set \"a\" = {value}, \"b, \"\"=\" = default{unless}error"),
            format!("{unless}insert (\"a\", \"b)\") values (default, {value}){when}delete"),
            format!("{when}error __eider_s.__eider_m.__eider_e"),
        ] {
            assert!(is_merge(&format!("{head}{good}"), "q"), "{good}");
            assert!(!is_merge(&format!("{head}{good}"), "r"), "{good}");
        }
        for bad in [
            String::new(),
            format!("{when}truncate"),
            format!("{when}delete returning 1"),
            format!("{when}delete;"),
            format!("{when}update set \"a\" = 1"),
            format!("{when}update set \"a\" = {value} + 1"),
            format!("{when}update set \"a\" = __eider_s.__eider_m.__eider_v"),
            format!("{when}update set \"a\" = {value}, "),
            format!("{when}update set \"a\".b = {value}"),
            format!("{when}error 'x'"),
            format!("{unless}insert values ({value})"),
            format!("{unless}insert (\"a\") values (1)"),
            format!("{unless}insert (\"a\") values ({value}"),
            format!("{unless}insert (\"a\") values ({value}) or true"),
            " when matched then delete".to_owned(),
            " when matched and true then delete".to_owned(),
        ] {
            assert!(!is_merge(&format!("{head}{bad}"), "q"), "{bad}");
        }
    }
}
