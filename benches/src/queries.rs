//! Files of queries. The 22 of TPC-H are the conformance suite's: what is measured is what is tested.

use crate::Result;

/// A query of a file.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// What it is called there.
    pub(crate) title: String,
    pub(crate) sql: String,
}

/// The queries of TPC-H in order.
pub(crate) fn tpch() -> Result<Vec<Query>> {
    let queries = read(include_str!("../../conformance/queries/tpch.sql"))?;
    match queries.len() {
        22 => Ok(queries),
        found => Err(format!("TPC-H has 22 queries, and {found} were found").into()),
    }
}

/// Queries that each begin with a line `-- name: …` or `-- ordered: …`, and end with a semicolon.
pub(crate) fn read(text: &str) -> Result<Vec<Query>> {
    let mut queries: Vec<Query> = Vec::new();
    for line in text.lines() {
        let title = ["-- name: ", "-- ordered: "]
            .iter()
            .find_map(|mark| line.strip_prefix(mark));
        match (title, queries.last_mut()) {
            (Some(title), _) => queries.push(Query {
                title: title.to_owned(),
                sql: String::new(),
            }),
            (None, Some(query)) => {
                query.sql.push_str(line);
                query.sql.push('\n');
            }
            (None, None) if line.is_empty() || line.starts_with("--") => {}
            (None, None) => return Err(format!("a query without a name: {line}").into()),
        }
    }
    for query in &mut queries {
        query
            .sql
            .truncate(query.sql.trim_end().trim_end_matches(';').len());
    }
    Ok(queries)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn every_query_is_found() {
        let queries = tpch().unwrap();
        assert!(queries[0].title.starts_with("01"));
        assert!(queries[21].sql.ends_with("cntrycode"));
        assert!(queries.iter().all(|q| !q.sql.contains("--")));
        let one = read("-- name: 01 one\nselect 1;\n").unwrap();
        assert_eq!(one[0].sql, "select 1");
        assert!(read("select 1;").is_err());
    }
}
