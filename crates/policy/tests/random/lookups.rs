//! A mapping table, and rules that ask it. What it says of others is hidden too, and differs.

use model::SqlType;

use crate::data::{Kind, Table, quoted};
use crate::masks::Shown;
use crate::predicates::{Expression, WHO};
use crate::rng::Rng;

/// Its full name.
pub(crate) const MAPPING: &str = "wh.main.maps";

/// Its columns.
pub(crate) const COLUMNS: [(&str, SqlType); 3] = [
    ("who", SqlType::Varchar),
    ("k", SqlType::Varchar),
    ("n", SqlType::Integer),
];

/// What it says of the principal: rows as SQL writes them.
pub(crate) fn own(rng: &mut Rng) -> Vec<String> {
    let mut rows: Vec<String> = (0..3 + rng.below(6))
        .map(|_| format!("('{WHO}', '{}', {})", rng.between(0, 9), rng.between(0, 12)))
        .collect();
    if rng.chance(15) {
        rows.push(format!("('{WHO}', null, null)"));
    }
    rows
}

/// What it says of others in one of the databases.
pub(crate) fn others(tag: &str, rng: &mut Rng) -> Vec<String> {
    (0..rng.below(6))
        .map(|_| {
            let n = rng.between(-5, 1_000_000_000);
            format!("('hidden{tag}{n}', '{}', {n})", rng.between(0, 9))
        })
        .collect()
}

/// A predicate that asks it of a column: every table has one of such a type.
pub(crate) fn rows(table: &Table, rng: &mut Rng) -> Expression {
    let columns = table.columns.iter();
    let columns: Vec<_> = columns
        .filter(|c| matches!(c.kind, Kind::Text | Kind::Integer))
        .collect();
    let column = *rng.pick(&columns);
    let (own, name) = (asked(column.kind), quoted(column.name));
    let not = *rng.pick(&["", "", "not "]);
    let text = match rng.below(3) {
        0 => format!("({name} {not}in (select {own} from {MAPPING} where who = current_user))"),
        1 => format!("({not}{})", exists(table.name, &name, own)),
        _ => {
            let (op, call) = *rng.pick(&[("<=", "max"), (">", "min")]);
            format!("({name} {op} (select {call}({own}) from {MAPPING} where who = current_user))")
        }
    };
    both(text)
}

/// A mask of texts that asks it.
pub(crate) fn mask(table: &Table, name: &str) -> Shown {
    let known = exists(table.name, name, "k");
    let text = both(format!("case when {known} then {name} else '0' end"));
    Shown {
        policy: format!("expr = '''{}'''", text.policy),
        plain: text.plain,
    }
}

fn asked(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "k",
        _ => "n",
    }
}

fn exists(table: &str, name: &str, own: &str) -> String {
    format!(
        "exists (select 1 from {MAPPING} m where m.who = current_user and m.{own} = {table}.{name})"
    )
}

fn both(text: String) -> Expression {
    Expression {
        plain: text.replace("current_user", &format!("'{WHO}'")),
        policy: text,
    }
}
