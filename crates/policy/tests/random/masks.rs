//! Masks: each as a policy writes it, and as plain SQL.

use crate::data::{Column, Kind, Table, quoted};
use crate::lookups;
use crate::rng::Rng;

/// The key of `keyed_hash`.
pub(crate) const KEY: &str = "a secret that is long enough";

/// What a mask shows.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// `expr = …` or `with = …` of a policy.
    pub(crate) policy: String,
    pub(crate) plain: String,
}

fn expression(text: String) -> Shown {
    Shown {
        policy: format!("expr = '''{text}'''"),
        plain: text,
    }
}

fn built_in(name: &str, plain: String) -> Shown {
    Shown {
        policy: format!("with = \"{name}\""),
        plain,
    }
}

/// A mask that fits a column of a table.
pub(crate) fn mask(table: &Table, column: &Column, rng: &mut Rng) -> Shown {
    let name = quoted(column.name);
    let sql_type = column.kind.sql_type();
    let null = built_in("null", format!("cast(null as {sql_type})"));
    let n = rng.between(1, 3);
    match column.kind {
        Kind::Text if rng.chance(10) => lookups::mask(table, &name),
        Kind::Text => text(&name, rng),
        Kind::TinyInt | Kind::Integer | Kind::BigInt => match rng.below(4) {
            0 => null,
            1 => expression(format!("case when {name} > 5 then 5 else {name} end")),
            _ => {
                let n = n * 5;
                built_in(
                    &format!("bucket {n}"),
                    format!("cast(({name} // {n}) * {n} as {sql_type})"),
                )
            }
        },
        Kind::Decimal => match rng.below(2) {
            0 => built_in("redact", format!("cast(null as {sql_type})")),
            _ => built_in(
                "bucket 5",
                format!("cast(trunc({name} / 5) * 5 as {sql_type})"),
            ),
        },
        Kind::Double => match rng.below(2) {
            0 => null,
            _ => built_in("bucket 4", format!("floor({name} / 4) * 4")),
        },
        Kind::Date | Kind::Timestamp => match rng.below(3) {
            0 => null,
            _ => built_in(
                "year",
                format!(
                    "case when isfinite({name}) then cast(date_trunc('year', {name}) as {sql_type}) end"
                ),
            ),
        },
        Kind::Boolean => match rng.below(2) {
            0 => null,
            _ => expression(format!("({name} and false)")),
        },
        Kind::Struct | Kind::List | Kind::Enum => match rng.below(2) {
            0 => null,
            _ => built_in("redact", format!("cast(null as {sql_type})")),
        },
    }
}

fn text(name: &str, rng: &mut Rng) -> Shown {
    let n = rng.between(1, 3);
    let kept = |part: String| {
        format!(
            "case when {name} is null then null when length({name}) <= {n} then '****' else {part} end"
        )
    };
    match rng.below(7) {
        0 => built_in("null", "cast(null as varchar)".to_owned()),
        1 => built_in("redact", format!("substr('****' || {name}, 1, 4)")),
        2 => built_in(
            &format!("keep_first {n}"),
            kept(format!("substr({name}, 1, {n}) || '****'")),
        ),
        3 => built_in(
            &format!("keep_last {n}"),
            kept(format!("'****' || substr({name}, -{n})")),
        ),
        4 => {
            let key: String = KEY.bytes().map(|b| format!("{b:02x}")).collect();
            built_in(
                "keyed_hash",
                format!("sha256('{key}' || sha256('{key}' || {name}))"),
            )
        }
        5 => expression(format!(
            "case when starts_with({name}, '1') then {name} else '0' end"
        )),
        _ => expression(format!("left({name}, 1) || '**'")),
    }
}
