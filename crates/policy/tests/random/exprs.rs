//! Typed expressions over the columns in scope: most of them bind, and some of them throw.

use crate::data::{Kind, quoted};
use crate::parameters;
use crate::rng::Rng;

/// The type of an expression, as far as the generator cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ty {
    Int,
    Decimal,
    Double,
    Text,
    Date,
    Timestamp,
    Boolean,
    Struct,
    List,
}

impl Ty {
    pub(crate) const SCALAR: [Self; 7] = [
        Self::Int,
        Self::Int,
        Self::Text,
        Self::Text,
        Self::Decimal,
        Self::Date,
        Self::Boolean,
    ];

    pub(crate) fn of(kind: Kind) -> Self {
        match kind {
            Kind::TinyInt | Kind::Integer | Kind::BigInt => Self::Int,
            Kind::Decimal => Self::Decimal,
            Kind::Double => Self::Double,
            Kind::Text | Kind::Enum => Self::Text,
            Kind::Date => Self::Date,
            Kind::Timestamp => Self::Timestamp,
            Kind::Boolean => Self::Boolean,
            Kind::Struct => Self::Struct,
            Kind::List => Self::List,
        }
    }
}

/// An item of FROM: its alias, and its columns.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) alias: String,
    pub(crate) columns: Vec<(String, Ty)>,
}

/// Names that an expression may use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    pub(crate) items: Vec<Item>,
    /// Columns that USING merged, which are written without an alias.
    pub(crate) merged: Vec<(String, Ty)>,
}

impl Scope {
    /// All columns, as they may be written.
    pub(crate) fn columns(&self) -> Vec<(String, Ty)> {
        let items = self.items.iter();
        items
            .flat_map(|item| {
                let columns = item.columns.iter();
                columns.map(|(name, ty)| (format!("{}.{}", item.alias, quoted(name)), *ty))
            })
            .chain(self.merged.iter().map(|(n, ty)| (quoted(n), *ty)))
            .collect()
    }

    pub(crate) fn of(&self, ty: Ty) -> Vec<String> {
        let columns = self.columns().into_iter();
        columns.filter(|(_, t)| *t == ty).map(|(n, _)| n).collect()
    }
}

/// An expression of a type. `throws` is the share in a hundred of calls and casts that may throw.
pub(crate) fn expr(ty: Ty, scope: &Scope, depth: usize, throws: usize, rng: &mut Rng) -> String {
    let columns = scope.of(ty);
    if depth == 0 || rng.chance(35) {
        return match columns.is_empty() || rng.chance(15) {
            true => literal(ty, rng),
            false => rng.pick(&columns).clone(),
        };
    }
    let e = |ty: Ty, rng: &mut Rng| expr(ty, scope, depth - 1, throws, rng);
    if rng.chance(12) {
        return match rng.below(4) {
            0 => format!(
                "case when {} then {} else {} end",
                e(Ty::Boolean, rng),
                e(ty, rng),
                e(ty, rng)
            ),
            1 => format!("coalesce({}, {})", e(ty, rng), e(ty, rng)),
            2 => format!("nullif({}, {})", e(ty, rng), e(ty, rng)),
            _ => format!("if({}, {}, null)", e(Ty::Boolean, rng), e(ty, rng)),
        };
    }
    let may_throw = rng.chance(throws);
    match ty {
        // On most of what may be seen these do not throw: digits, small numbers.
        Ty::Int if may_throw => match rng.below(7) {
            0..3 => format!("cast({} as integer)", e(Ty::Text, rng)),
            3 => format!("cast({} + 9 as utinyint)", e(Ty::Int, rng)),
            4 => format!("(cast({} as bigint) * 1000000000000)", e(Ty::Int, rng)),
            5 => format!("factorial(cast({} as integer) + 3)", e(Ty::Int, rng)),
            _ => format!("cast({} as tinyint)", e(Ty::Decimal, rng)),
        },
        Ty::Int => match rng.below(11) {
            0 | 1 => format!(
                "({} {} {})",
                e(Ty::Int, rng),
                rng.pick(&["+", "-"]),
                rng.between(0, 9)
            ),
            2 => format!("({} % {})", e(Ty::Int, rng), rng.between(1, 5)),
            3 => format!("length({})", e(Ty::Text, rng)),
            4 => format!("try_cast({} as integer)", e(Ty::Text, rng)),
            5 => format!("year({})", e(Ty::Date, rng)),
            6 => format!("len({})", e(Ty::List, rng)),
            7 => format!("list_sum({})", e(Ty::List, rng)),
            8 => format!("({})[{}]", e(Ty::List, rng), rng.between(1, 3)),
            9 => match rng.pick(
                &scope
                    .of(Ty::Struct)
                    .iter()
                    .map(Some)
                    .chain([None])
                    .collect::<Vec<_>>(),
            ) {
                Some(column) => format!("({column}).n"),
                None => "3".to_owned(),
            },
            _ => format!("list_reduce({}, lambda p, q: p + q, 0)", e(Ty::List, rng)),
        },
        Ty::Decimal if may_throw => format!("cast({} as decimal(10, 2))", e(Ty::Text, rng)),
        Ty::Decimal => match rng.below(3) {
            0 => format!("({} + 1.25)", e(Ty::Decimal, rng)),
            1 => format!("abs({})", e(Ty::Decimal, rng)),
            _ => format!("try_cast({} as decimal(10, 2))", e(Ty::Text, rng)),
        },
        Ty::Double if may_throw => match rng.below(3) {
            0 => format!("sqrt({} + 9)", e(Ty::Double, rng)),
            1 => format!("cast(cast({} as tinyint) as double)", e(Ty::Double, rng)),
            _ => format!("cast({} as double)", e(Ty::Text, rng)),
        },
        Ty::Double => match rng.below(2) {
            0 => format!("({} * 2)", e(Ty::Double, rng)),
            _ => format!("floor({})", e(Ty::Double, rng)),
        },
        Ty::Text if may_throw => match rng.below(4) {
            0 => format!("chr(cast({} as integer) + 65)", e(Ty::Int, rng)),
            1 => format!("json_extract_string({}, '$.a')", e(Ty::Text, rng)),
            2 => format!("repeat('y', cast({} as integer))", e(Ty::Int, rng)),
            _ => format!("printf('%d', cast({} as integer))", e(Ty::Text, rng)),
        },
        Ty::Text => match rng.below(8) {
            0 => format!("({} || 'z')", e(Ty::Text, rng)),
            1 => format!("upper({})", e(Ty::Text, rng)),
            2 => format!("substr({}, 1, {})", e(Ty::Text, rng), rng.between(1, 3)),
            3 => format!("cast({} as varchar)", e(*rng.pick(&Ty::SCALAR), rng)),
            4 => format!("concat({}, '-', {})", e(Ty::Text, rng), e(Ty::Int, rng)),
            5 => match rng.pick(
                &scope
                    .of(Ty::Struct)
                    .iter()
                    .map(Some)
                    .chain([None])
                    .collect::<Vec<_>>(),
            ) {
                Some(column) => format!("({column})['s']"),
                None => "'3'".to_owned(),
            },
            6 => format!("to_json({})", e(Ty::Struct, rng)) + "::varchar",
            _ => format!("array_to_string({}, ',')", e(Ty::List, rng)),
        },
        Ty::Date if may_throw => match rng.below(3) {
            0 => format!(
                "make_date(2020, cast({} + 4 as bigint), 1)",
                e(Ty::Int, rng)
            ),
            1 => format!("cast('2020-01-1' || {} as date)", e(Ty::Text, rng)),
            _ => format!(
                "({} + cast({} as integer))",
                e(Ty::Date, rng),
                e(Ty::Int, rng)
            ),
        },
        Ty::Date => match rng.below(2) {
            0 => format!("try_cast({} as date)", e(Ty::Text, rng)),
            _ => format!("last_day({})", e(Ty::Date, rng)),
        },
        Ty::Timestamp if may_throw => format!("strptime({}, '%d')", e(Ty::Text, rng)),
        Ty::Timestamp => format!("date_trunc('month', {})", e(Ty::Timestamp, rng)),
        Ty::Boolean => boolean(scope, depth, throws, rng),
        Ty::Struct => format!(
            "{{'n': cast({} as varchar)::integer, 's': {}}}",
            rng.between(0, 9),
            e(Ty::Text, rng)
        ),
        Ty::List => match rng.below(6) {
            0 => format!(
                "list_transform({}, lambda q: q + {})",
                e(Ty::List, rng),
                rng.between(0, 3)
            ),
            1 => format!(
                "list_filter({}, lambda q: q > {})",
                e(Ty::List, rng),
                rng.between(0, 5)
            ),
            2 => format!("[q * 2 for q in {} if q > 1]", e(Ty::List, rng)),
            3 => format!("list_sort({})", e(Ty::List, rng)),
            4 => format!("list_distinct({}).list_sort()", e(Ty::List, rng)),
            _ => format!("[{}, 1]", rng.between(0, 9)),
        },
    }
}

fn boolean(scope: &Scope, depth: usize, throws: usize, rng: &mut Rng) -> String {
    let ty = *rng.pick(&[
        Ty::Int,
        Ty::Int,
        Ty::Text,
        Ty::Text,
        Ty::Decimal,
        Ty::Double,
        Ty::Date,
        Ty::Timestamp,
    ]);
    let depth = depth.saturating_sub(1);
    let e = |ty: Ty, rng: &mut Rng| expr(ty, scope, depth, throws, rng);
    match rng.below(13) {
        0 => format!("({} and {})", e(Ty::Boolean, rng), e(Ty::Boolean, rng)),
        1 => format!("({} or {})", e(Ty::Boolean, rng), e(Ty::Boolean, rng)),
        2 => format!("(not {})", e(Ty::Boolean, rng)),
        3 => format!(
            "({} between {} and {})",
            e(ty, rng),
            literal(ty, rng),
            literal(ty, rng)
        ),
        4 => format!(
            "({} in ({}, {}))",
            e(ty, rng),
            literal(ty, rng),
            literal(ty, rng)
        ),
        5 => format!("({} is {}null)", e(ty, rng), rng.pick(&["", "not "])),
        6 => format!(
            "({} is {}distinct from {})",
            e(ty, rng),
            rng.pick(&["", "not "]),
            e(ty, rng)
        ),
        7 => format!("({} like '{}%')", e(Ty::Text, rng), rng.between(0, 3)),
        8 => format!("list_contains({}, {})", e(Ty::List, rng), rng.between(0, 5)),
        // Types that meet with a conversion which DuckDB adds by itself.
        9 if rng.chance(throws) => format!("({} = {})", e(Ty::Text, rng), rng.between(0, 12)),
        10 => format!("regexp_matches({}, '^[0-9]')", e(Ty::Text, rng)),
        _ => {
            let op = rng.pick(&["=", "<>", "<", "<=", ">", ">="]);
            format!("({} {op} {})", e(ty, rng), e(ty, rng))
        }
    }
}

/// A constant; typed, as strings would be taken for anything.
pub(crate) fn literal(ty: Ty, rng: &mut Rng) -> String {
    if rng.chance(3) {
        return "null".to_owned();
    }
    let n = rng.between(0, 20);
    if rng.chance(30)
        && let Some(marked) = parameters::marked(ty, n)
    {
        return marked;
    }
    match ty {
        Ty::Int => match rng.chance(10) {
            true => rng
                .pick(&["100000", "4000000000", "-128", "127"])
                .to_string(),
            false => n.to_string(),
        },
        Ty::Decimal => format!("{n}.25"),
        Ty::Double => format!("{n}.5::double"),
        Ty::Text => format!("'{n}'"),
        Ty::Date => format!("date '2020-01-{:02}'", n + 1),
        Ty::Timestamp => format!("timestamp '2020-01-{:02} 12:30:00'", n + 1),
        Ty::Boolean => rng.chance(50).to_string(),
        Ty::Struct => format!("{{'n': {n}, 's': '{n}'}}"),
        Ty::List => format!("[{}, {}]", n % 5, n % 3),
    }
}

/// What fails on the poison of a column, and on little that may be seen.
pub(crate) fn throwing(column: &str, ty: Ty) -> Option<String> {
    Some(match ty {
        Ty::Int => format!("cast({column} + 9 as utinyint)"),
        Ty::Decimal | Ty::Double => format!("cast({column} as tinyint)"),
        Ty::Text => format!("cast({column} as integer)"),
        Ty::Date => format!("({column} + 4000000)"),
        Ty::Struct => format!("cast(({column}).s as integer)"),
        Ty::List => format!("cast({column}[1] as utinyint)"),
        Ty::Timestamp => format!("({column} + interval 200000 years)"),
        Ty::Boolean => return None,
    })
}
