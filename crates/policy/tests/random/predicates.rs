//! Row predicates: each as a policy writes it, and as plain SQL without anything of a principal.

use crate::data::{Column, Kind, Table, quoted};
use crate::lookups;
use crate::rng::Rng;

/// The principal whose statements are tried.
pub(crate) const WHO: &str = "eve";

/// An expression in both forms.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    pub(crate) policy: String,
    pub(crate) plain: String,
}

impl Expression {
    pub(crate) fn same(text: String) -> Self {
        Self {
            policy: text.clone(),
            plain: text,
        }
    }

    fn map(self, f: impl Fn(&str) -> String) -> Self {
        Self {
            policy: f(&self.policy),
            plain: f(&self.plain),
        }
    }

    fn join(self, word: &str, other: &Self) -> Self {
        Self {
            policy: format!("({} {word} {})", self.policy, other.policy),
            plain: format!("({} {word} {})", self.plain, other.plain),
        }
    }
}

/// The attributes of the principal, as the policy's file has them.
pub(crate) const ATTRIBUTES: &str = "{ region = \"EU\", level = 7, staff = true, digit = \"3\" }";

/// A predicate over the columns of a table.
pub(crate) fn rows(table: &Table, roles: &[String], rng: &mut Rng) -> Expression {
    let first = match rng.chance(8) {
        true => lookups::rows(table, rng),
        false => atom(rng.pick(&table.columns), roles, rng),
    };
    match rng.below(6) {
        0 => {
            let second = atom(rng.pick(&table.columns), roles, rng);
            first.join("and", &second)
        }
        1 | 2 => {
            let second = atom(rng.pick(&table.columns), roles, rng);
            first.join("or", &second)
        }
        3 => first.map(|e| format!("not {e}")),
        4 => first.map(|e| format!("case when {e} then true else false end")),
        _ => first,
    }
}

fn atom(column: &Column, roles: &[String], rng: &mut Rng) -> Expression {
    let name = quoted(column.name);
    let n = rng.between(0, 12);
    let op = *rng.pick(&["<", "<=", ">", ">=", "<>"]);
    let text = match column.kind {
        Kind::TinyInt | Kind::Integer | Kind::BigInt => match rng.below(5) {
            0 => format!("({name} between {n} and {})", n + 9),
            1 => format!("({name} in ({n}, {}, {}, {}))", n + 1, n + 2, n + 3),
            2 => {
                return Expression {
                    policy: format!("({name} {op} attribute('level'))"),
                    plain: format!("({name} {op} 7)"),
                };
            }
            3 => format!("(coalesce({name}, {n}) {op} {n})"),
            _ => format!("({name} {op} {n})"),
        },
        Kind::Decimal | Kind::Double => format!("({name} {op} {n})"),
        Kind::Text => return text_atom(&name, roles, rng),
        Kind::Date => match rng.below(2) {
            0 => format!("({name} {op} '2020-01-{:02}')", n + 10),
            _ => format!("(day({name}) > {n})"),
        },
        Kind::Timestamp => match rng.below(2) {
            0 => format!("({name} {op} '2020-01-15 00:00:00')"),
            _ => format!("(hour({name}) > {n})"),
        },
        Kind::Boolean => match rng.below(3) {
            0 => {
                return Expression {
                    policy: format!("({name} = attribute('staff'))"),
                    plain: format!("({name} = true)"),
                };
            }
            1 => format!("({name} is not null)"),
            _ => name,
        },
        Kind::List => match rng.below(2) {
            0 => format!("list_contains({name}, {})", n % 5),
            _ => format!("(len({name}) > {})", n % 3),
        },
        Kind::Struct | Kind::Enum => format!("({name} is not null)"),
    };
    Expression::same(text)
}

fn text_atom(name: &str, roles: &[String], rng: &mut Rng) -> Expression {
    let n = rng.between(0, 12);
    match rng.below(7) {
        0 => Expression {
            policy: format!("({name} >= attribute('digit'))"),
            plain: format!("({name} >= '3')"),
        },
        1 => Expression {
            policy: format!("({name} = current_user or {name} < '2')"),
            plain: format!("({name} = '{WHO}' or {name} < '2')"),
        },
        2 => Expression {
            policy: format!("(list_contains(current_roles, {name}) or length({name}) = 1)"),
            plain: format!(
                "(list_contains([{}], {name}) or length({name}) = 1)",
                roles
                    .iter()
                    .map(|r| format!("'{r}'"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        },
        3 => Expression::same(format!("(try_cast({name} as integer) > {n})")),
        4 => Expression::same(format!("starts_with({name}, '1')")),
        5 => Expression::same(format!("(upper({name}) <> 'EU')")),
        _ => Expression::same(format!("(not starts_with({name}, '{}'))", n % 3)),
    }
}
