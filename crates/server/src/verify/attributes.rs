//! What rules mean for a principal that may lack an attribute.

use super::rules::{Grant, Rules};

/// What rules mean for one principal.
pub(super) struct Rule<'a> {
    rules: &'a Rules,
    who: &'a str,
}

impl<'a> Rule<'a> {
    pub(super) fn of(rules: &'a Rules, who: &'a str) -> Self {
        Self { rules, who }
    }

    /// NULL counts as no, and so does a missing attribute.
    pub(super) fn yes(&self, predicate: &str) -> String {
        match self.lacks(predicate) {
            true => "false".to_owned(),
            false => format!("coalesce(({predicate}), false)"),
        }
    }

    /// The rows of some grants together; `None` where one of them has all rows.
    pub(super) fn any_of(&self, grants: &[&Grant]) -> Option<String> {
        let rows = grants.iter().map(|g| Some(self.yes(g.rows.as_deref()?)));
        let rows: Option<Vec<String>> = rows.collect();
        rows.map(|rows| match rows.is_empty() {
            true => "false".to_owned(),
            false => format!("({})", rows.join(" or ")),
        })
    }

    /// Whether an expression asks for an attribute that the principal has not.
    pub(super) fn lacks(&self, expression: &str) -> bool {
        let given = self.rules.principal.iter().find(|p| p.name == self.who);
        asked(expression).any(|name| given.is_none_or(|p| !p.attributes.contains_key(name)))
    }
}

/// The names of the attributes that an expression asks for.
fn asked(expression: &str) -> impl Iterator<Item = &str> {
    let calls = expression.match_indices('(').filter(|(at, _)| {
        let before = expression[..*at].trim_end();
        let from = before.len().saturating_sub("attribute".len());
        let name = before.get(from..);
        name.is_some_and(|n| n.eq_ignore_ascii_case("attribute"))
    });
    calls.filter_map(|(at, _)| {
        expression[at + 1..]
            .trim_start()
            .strip_prefix('\'')?
            .split('\'')
            .next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found() {
        let expression = "a = Attribute ( 'x y') or attribute('z') and b in ('attribute')";
        assert_eq!(asked(expression).collect::<Vec<_>>(), ["x y", "z"]);
    }
}
