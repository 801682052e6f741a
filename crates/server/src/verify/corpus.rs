//! The statements that are compared.

use std::path::Path;

use model::{Error, ErrorKind, Result};

use super::table::{Table, quoted};

/// The statements of a file, each up to a semicolon at the end of a line.
pub(super) fn read(path: &Path) -> Result<Vec<String>> {
    let bad =
        |reason: String| Error::new(ErrorKind::Config, format!("{}: {reason}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| bad(e.to_string()))?;
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .map(str::trim_end)
        .collect();
    let statements = lines.join("\n");
    let statements: Vec<String> = format!("{statements}\n")
        .split(";\n")
        .map(|s| s.trim().to_owned())
        .filter(|s| !s.is_empty())
        .collect();
    match statements.is_empty() {
        true => Err(bad("there is no statement".to_owned())),
        false => Ok(statements),
    }
}

/// Statements over all that a principal sees: each whole table by its hash, the first rows, each
/// column's values, and joins of tables over columns of the same name and type.
pub(super) fn over(tables: &[Table]) -> Vec<String> {
    let mut statements = vec![];
    for table in tables {
        let name = table.full();
        let columns: Vec<String> = table.columns.iter().map(|(c, _)| quoted(c)).collect();
        let list = columns.join(", ");
        statements.push(format!(
            "select count(*) as n, bit_xor(hash({list})) as h from {name}"
        ));
        statements.push(format!("select * from {name} order by all limit 100"));
        statements.push(format!(
            "select t.* from {name} as t order by all desc limit 20"
        ));
        statements.push(format!(
            "with c as (select * from {name}) select count(*) as n from c where c is not null"
        ));
        for column in &columns {
            statements.push(format!(
                "select {column}, count(*) as n from {name} group by {column} order by all limit 50"
            ));
            statements.push(format!(
                "select min({column}) as a, max({column}) as b, count({column}) as c, count(distinct {column}) as d from {name} \
                 where {column} is not null"
            ));
            statements.push(format!(
                "select x.{column}, count(*) as n from {name} as x where x.{column} = (select min(y.{column}) from {name} as y) group by all"
            ));
        }
    }
    for (i, a) in tables.iter().enumerate() {
        for b in &tables[i + 1..] {
            for (column, sql_type) in &a.columns {
                if b.columns.iter().any(|(n, t)| n == column && t == sql_type) {
                    let (a, b, column) = (a.full(), b.full(), quoted(column));
                    statements.push(format!(
                        "select count(*) as n, min({column}) as a, max({column}) as b from (select distinct {column} from {a}) as x \
                         join (select distinct {column} from {b}) as y using ({column})"
                    ));
                }
            }
        }
    }
    statements
}
