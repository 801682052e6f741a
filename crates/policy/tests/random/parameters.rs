//! Constants that may be given as parameters: the generator marks them, and a statement is run with all
//! of its marks as parameters, or with all of them as constants.

use model::{ParamValue, SqlType};

use crate::exprs::Ty;

const OPEN: char = '⟦';
const CLOSE: char = '⟧';

/// 2020-01-01 in days since 1970.
const DAY: i32 = 18_262;

/// A statement with what its parameters are.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) text: String,
    pub(crate) values: Vec<ParamValue>,
}

/// The mark of a constant, which stands for the same parameter wherever it is copied to.
pub(crate) fn marked(ty: Ty, n: i64) -> Option<String> {
    let kind = match ty {
        Ty::Int => 'i',
        Ty::Text => 't',
        Ty::Date => 'd',
        _ => return None,
    };
    Some(format!("{OPEN}{kind}{n}{CLOSE}"))
}

impl Statement {
    /// A generated text with its marks as parameters, or as constants.
    pub(crate) fn new(text: &str, parameters: bool) -> Self {
        let mut made = Self {
            text: String::new(),
            values: vec![],
        };
        let mut marks: Vec<&str> = vec![];
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(OPEN) {
            let (mark, after) = after.split_once(CLOSE).unwrap();
            made.text += before;
            let (kind, n) = mark.split_at(1);
            let n: i32 = n.parse().unwrap();
            if parameters {
                let number = marks.iter().position(|m| *m == mark).unwrap_or_else(|| {
                    marks.push(mark);
                    made.values.push(value(kind, n));
                    marks.len() - 1
                });
                let sql_type = sql_type(&made.values[number]);
                made.text += &format!("cast(${} as {sql_type})", number + 1);
            } else {
                made.text += &constant(kind, n);
            }
            rest = after;
        }
        made.text += rest;
        made
    }

    /// The types that a client declares.
    pub(crate) fn declared(&self) -> Vec<Option<SqlType>> {
        self.values.iter().map(|v| Some(sql_type(v))).collect()
    }
}

fn value(kind: &str, n: i32) -> ParamValue {
    match kind {
        "i" => ParamValue::Integer(n),
        "t" => ParamValue::Varchar(n.to_string()),
        _ => ParamValue::Date(DAY + n),
    }
}

fn sql_type(value: &ParamValue) -> SqlType {
    match value {
        ParamValue::Integer(_) => SqlType::Integer,
        ParamValue::Date(_) => SqlType::Date,
        _ => SqlType::Varchar,
    }
}

fn constant(kind: &str, n: i32) -> String {
    match kind {
        "i" => n.to_string(),
        "t" => format!("'{n}'"),
        _ => format!("date '2020-01-{:02}'", n + 1),
    }
}
