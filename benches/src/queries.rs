//! The 22 queries, from the conformance suite's file: what is measured is what is tested.

use crate::Result;

/// A query of TPC-H.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// Its number of two digits.
    pub(crate) number: String,
    pub(crate) sql: String,
}

/// All queries in order.
pub(crate) fn tpch() -> Result<Vec<Query>> {
    read(include_str!("../../conformance/queries/tpch.sql"))
}

/// Each begins with a line `-- name: 01 …` or `-- ordered: 01 …`.
fn read(text: &str) -> Result<Vec<Query>> {
    let mut queries: Vec<Query> = Vec::new();
    for line in text.lines() {
        let title = ["-- name: ", "-- ordered: "]
            .iter()
            .find_map(|mark| line.strip_prefix(mark));
        match (title, queries.last_mut()) {
            (Some(title), _) => queries.push(Query {
                number: title.chars().take(2).collect(),
                sql: String::new(),
            }),
            (None, Some(query)) => {
                query.sql.push_str(line);
                query.sql.push('\n');
            }
            (None, None) => {}
        }
    }
    for query in &mut queries {
        query
            .sql
            .truncate(query.sql.trim_end().trim_end_matches(';').len());
    }
    match queries.len() {
        22 => Ok(queries),
        found => Err(format!("TPC-H has 22 queries, and {found} were found").into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn every_query_is_found() {
        let queries = tpch().unwrap();
        assert_eq!(queries[0].number, "01");
        assert!(queries[21].sql.ends_with("cntrycode"));
        assert!(queries.iter().all(|q| !q.sql.contains("--")));
        assert!(read("-- name: 01 one\nselect 1;\n").is_err());
    }
}
