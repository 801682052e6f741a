//! Tables, and values of three sorts: those that anybody may see, poison that every cast and function
//! of the queries throws on, and variants that some masks show alike.

use std::sync::Arc;

use model::SqlType;

use crate::rng::Rng;

/// The type of a column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    TinyInt,
    Integer,
    BigInt,
    Decimal,
    Double,
    Text,
    Date,
    Timestamp,
    Boolean,
    Struct,
    List,
    Enum,
}

/// A column of a table.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// A table with the rows that it has before anything is hidden in it.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
    /// Days since 2020-01-01.
    Day(i64),
    /// As SQL writes it.
    Literal(String),
}

const ENUM: [&str; 5] = ["a", "b", "7", "hiddenp", "hiddenq"];

impl Kind {
    const ALL: [Self; 12] = [
        Self::TinyInt,
        Self::Integer,
        Self::BigInt,
        Self::Decimal,
        Self::Double,
        Self::Text,
        Self::Date,
        Self::Timestamp,
        Self::Boolean,
        Self::Struct,
        Self::List,
        Self::Enum,
    ];

    pub(crate) fn sql_type(self) -> SqlType {
        match self {
            Self::TinyInt => SqlType::TinyInt,
            Self::Integer => SqlType::Integer,
            Self::BigInt => SqlType::BigInt,
            Self::Decimal => SqlType::Decimal {
                width: 10,
                scale: 2,
            },
            Self::Double => SqlType::Double,
            Self::Text => SqlType::Varchar,
            Self::Date => SqlType::Date,
            Self::Timestamp => SqlType::Timestamp,
            Self::Boolean => SqlType::Boolean,
            Self::Struct => SqlType::Struct(Arc::from([
                ("n".to_owned(), SqlType::Integer),
                ("s".to_owned(), SqlType::Varchar),
            ])),
            Self::List => SqlType::List(Arc::new(SqlType::Integer)),
            Self::Enum => SqlType::Enum(ENUM.map(str::to_owned).into()),
        }
    }

    /// A value that may be seen. Few ones, so that joins and groups meet.
    pub(crate) fn value(self, clean: bool, rng: &mut Rng) -> Cell {
        if rng.chance(8) {
            return Cell::Null;
        }
        match self {
            Self::TinyInt => Cell::Int(rng.between(-3, 12)),
            Self::Integer => Cell::Int(rng.between(-2, 20)),
            Self::BigInt => Cell::Int(rng.between(0, 20) * *rng.pick(&[1, 1, 10])),
            // Quarters add up exactly in binary too: no sum depends on the order.
            Self::Decimal | Self::Double => {
                let quarters = rng.between(-20, 60);
                Cell::Literal(format!(
                    "{}{}.{:02}",
                    if quarters < 0 { "-" } else { "" },
                    quarters.abs() / 4,
                    quarters.abs() % 4 * 25
                ))
            }
            // Digits alone: casts fail on what is hidden and on nothing else.
            Self::Text if clean => Cell::Text(rng.between(0, 9).to_string()),
            Self::Text => match rng.below(12) {
                0 => Cell::Text((*rng.pick(&["EU", "US", "eve", "", "x1"])).to_owned()),
                1 => Cell::Text(format!("{}.5", rng.between(0, 9))),
                _ => Cell::Text(rng.between(0, 20).to_string()),
            },
            Self::Date => Cell::Day(rng.between(0, 40)),
            Self::Timestamp => Cell::Literal(format!(
                "2020-01-{:02} {:02}:30:00",
                rng.between(1, 28),
                rng.between(0, 23)
            )),
            Self::Boolean => Cell::Literal(rng.chance(50).to_string()),
            Self::Struct => Cell::Literal(format!(
                "{{'n': {}, 's': {}}}",
                rng.between(0, 20),
                rng.between(0, 20)
            )),
            Self::List => {
                let items: Vec<String> = (0..rng.below(4))
                    .map(|_| rng.between(0, 9).to_string())
                    .collect();
                Cell::Literal(format!("[{}]", items.join(", ")))
            }
            Self::Enum => Cell::Text((*rng.pick(&ENUM[..3])).to_owned()),
        }
    }

    /// A value that must stay hidden: it throws in most casts and overflows in most sums.
    fn poison(self, tag: &str, rng: &mut Rng) -> Cell {
        let n = rng.below(1000);
        match self {
            Self::TinyInt => Cell::Int(*rng.pick(&[127, -128, 126])),
            Self::Integer => Cell::Int(*rng.pick(&[i32::MAX, i32::MIN, 1_000_000_007]) as i64),
            Self::BigInt => Cell::Int(*rng.pick(&[i64::MAX, i64::MIN + 1, 4_000_000_000_000_000])),
            Self::Decimal => {
                Cell::Literal((*rng.pick(&["99999999.99", "-99999999.99"])).to_owned())
            }
            Self::Double => Cell::Literal((*rng.pick(&["1e308", "nan", "-inf", "inf"])).to_owned()),
            Self::Text => Cell::Text(format!("hidden{tag}{n}")),
            Self::Date => Cell::Literal(
                (*rng.pick(&["infinity", "9999-12-31", "0001-01-01", "1501-05-05"])).to_owned(),
            ),
            Self::Timestamp => Cell::Literal(
                (*rng.pick(&["infinity", "9999-12-31 00:00:00", "0001-01-01 00:00:00"])).to_owned(),
            ),
            Self::Boolean => Cell::Literal(rng.chance(50).to_string()),
            Self::Struct => Cell::Literal(format!("{{'n': {}, 's': hidden{tag}{n}}}", i32::MAX)),
            Self::List => Cell::Literal(format!("[{}, NULL, {}]", i32::MIN, i32::MAX)),
            Self::Enum => Cell::Text((*rng.pick(&ENUM[3..])).to_owned()),
        }
    }
}

impl Cell {
    /// Another value that a mask may show alike: of the same year, with the same ends, not far away.
    pub(crate) fn variant(&self, kind: Kind, tag: &str, rng: &mut Rng) -> Self {
        match self {
            Self::Null => Self::Null,
            Self::Int(n) => Self::Int(n + rng.between(-1, 1)),
            Self::Text(text) if kind == Kind::Text => {
                let ends: Vec<char> = text.chars().collect();
                let (first, last) = ends.split_at(ends.len().min(2));
                let (first, last): (String, String) =
                    (first.iter().collect(), last.iter().collect());
                Self::Text(format!("{first}hidden{tag}{last}"))
            }
            Self::Day(_) => Self::Day(rng.between(0, 365)),
            _ => kind.poison(tag, rng),
        }
    }

    /// What must stay hidden, of that type.
    pub(crate) fn poison(kind: Kind, tag: &str, rng: &mut Rng) -> Self {
        kind.poison(tag, rng)
    }

    pub(crate) fn sql(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Int(n) => format!("'{n}'"),
            Self::Text(text) => format!("'{text}'"),
            Self::Day(day) => format!("(date '2020-01-01' + {day})"),
            Self::Literal(text) => format!("'{}'", text.replace('\'', "''")),
        }
    }
}

impl Table {
    /// The columns' declarations.
    pub(crate) fn declarations(&self) -> String {
        let columns = self.columns.iter();
        let columns: Vec<String> = columns
            .map(|c| format!("{} {}", quoted(c.name), c.kind.sql_type()))
            .collect();
        columns.join(", ")
    }
}

/// Two to four tables, with names of columns in common.
pub(crate) fn tables(rng: &mut Rng) -> Vec<Table> {
    let count = *rng.pick(&[2, 2, 3, 4]);
    let names = ["t", "u", "v", "w"];
    let clean = rng.chance(60);
    names[..count]
        .iter()
        .map(|name| table(name, clean, rng))
        .collect()
}

fn table(name: &'static str, clean: bool, rng: &mut Rng) -> Table {
    let mut columns = vec![
        Column {
            name: "id",
            kind: Kind::Integer,
        },
        Column {
            name: "k",
            kind: *rng.pick(&[Kind::Text, Kind::BigInt]),
        },
    ];
    let mut names = vec![
        "a",
        "b",
        "c",
        "d",
        "e",
        "f",
        "g",
        "Mixed",
        "two words",
        "order",
        "größe",
    ];
    for _ in 0..2 + rng.below(4) {
        let name = names.remove(rng.below(names.len()));
        let kind = *rng.pick(&Kind::ALL);
        columns.push(Column { name, kind });
    }
    let rows = (0..8 + rng.below(14))
        .map(|_| columns.iter().map(|c| c.kind.value(clean, rng)).collect())
        .collect();
    Table {
        name,
        columns,
        rows,
    }
}

/// A name in quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
