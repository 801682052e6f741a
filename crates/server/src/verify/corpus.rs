//! The statements that are compared.

use std::collections::BTreeSet;
use std::path::Path;

use model::{Error, ErrorKind, Result};
use serde::Deserialize;

use super::table::{Table, quoted};

/// The statements of a file: SQL, each up to a semicolon at the end of a line, or the audit's records,
/// of which those count that have the text of a query that was allowed and ended by itself.
///
/// # Errors
/// `Config` for a file that can't be read or has no statement.
pub(super) fn read(path: &Path) -> Result<Vec<String>> {
    let bad =
        |reason: String| Error::new(ErrorKind::Config, format!("{}: {reason}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| bad(e.to_string()))?;
    // No statement begins with a brace.
    let statements = match text.trim_start().starts_with('{') {
        true => of_audit(&text).map_err(bad)?,
        false => of_sql(&text),
    };
    match statements.is_empty() {
        true => Err(bad("there is no statement".to_owned())),
        false => Ok(statements),
    }
}

fn of_sql(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .map(str::trim_end)
        .collect();
    let statements = lines.join("\n");
    format!("{statements}\n")
        .split(";\n")
        .map(|s| s.trim().to_owned())
        .filter(|s| !s.is_empty())
        .collect()
}

/// What of a record of the audit tells whether its statement is one to compare.
#[derive(Deserialize)]
struct Record {
    event: String,
    statement: Option<String>,
    kind: Option<String>,
    outcome: Option<String>,
    sql: Option<String>,
}

/// Each text once, in the order of the records.
fn of_audit(text: &str) -> std::result::Result<Vec<String>, String> {
    let (mut begun, mut ended) = (vec![], BTreeSet::new());
    let mut has_text = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let record: Record = serde_json::from_str(line)
            .map_err(|e| format!("line {} is no record of the audit: {e}", number + 1))?;
        has_text |= record.sql.is_some();
        let is_query = record.kind.as_deref() == Some("select");
        let Some(id) = record.statement.filter(|_| is_query) else {
            continue;
        };
        match (record.event.as_str(), record.sql) {
            ("begin", Some(sql)) => begun.push((id, sql)),
            ("end", _) if record.outcome.as_deref() != Some("cancelled") => {
                ended.insert(id);
            }
            _ => {}
        }
    }
    if !has_text {
        return Err(
            "no record has the text of its statement: [audit] sql = true puts it there".to_owned(),
        );
    }
    let mut seen = BTreeSet::new();
    begun.retain(|(id, sql)| ended.contains(id) && seen.insert(sql.clone()));
    Ok(begun.into_iter().map(|(_, sql)| sql).collect())
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
