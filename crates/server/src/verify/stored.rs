//! Views that a database file keeps.

use super::table::Table;

/// A view as DuckDB keeps it.
#[derive(Debug)]
pub(super) struct StoredView {
    /// Its name, and its columns over the raw data; none where it can't be read any more.
    pub(super) table: Table,
    /// Its query, with names as whoever made it wrote them.
    pub(super) query: String,
    /// Whether its columns have names of their own, which stand before the query.
    pub(super) has_list: bool,
}

impl StoredView {
    /// Reads the CREATE VIEW that DuckDB prints; `None` for any other text.
    pub(super) fn read(table: Table, sql: &str) -> Option<Self> {
        let (mut depth, mut quoted, mut has_list) = (0_usize, false, false);
        let mut word = 0;
        for (at, c) in sql.char_indices() {
            quoted ^= c == '"';
            if quoted || c == '"' {
                continue;
            }
            match c {
                '(' => (depth, has_list) = (depth + 1, true),
                ')' => depth = depth.checked_sub(1)?,
                c if c.is_whitespace() => {
                    if depth == 0 && sql[word..at].eq_ignore_ascii_case("as") {
                        let query = sql[at..].trim().trim_end_matches(';').to_owned();
                        return Some(Self {
                            table,
                            query,
                            has_list,
                        });
                    }
                    word = at + c.len_utf8();
                }
                _ => {}
            }
        }
        None
    }

    /// The names that the view's columns have for a reader, where the query alone would give others;
    /// `None` where the view does not exist for them. What `*` does not give them is missing; names
    /// of the view's own are for all of its columns.
    pub(super) fn names(&self, given: &[String]) -> Option<Vec<String>> {
        let own = self.table.columns.iter().map(|(name, _)| name);
        if own.len() == given.len() {
            return Some(own.cloned().collect());
        }
        let mut rest = own;
        let is_part = given.iter().all(|name| rest.any(|own| own == name));
        (is_part && !self.has_list).then(|| given.to_vec())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    fn view(sql: &str) -> Option<StoredView> {
        let column = |name: &str| (name.to_owned(), "INTEGER".to_owned());
        let table = Table {
            catalog: "c".to_owned(),
            schema: "s".to_owned(),
            name: "v".to_owned(),
            columns: ["a", "b", "a_1"].map(column).into(),
            computed: vec![],
        };
        StoredView::read(table, sql)
    }

    #[test]
    fn the_query_follows_the_names() {
        for (sql, query, has_list) in [
            ("CREATE VIEW v AS SELECT 1 AS a;", "SELECT 1 AS a", false),
            (
                "CREATE VIEW s.\" as (\" AS (SELECT 1) UNION ALL (SELECT 2);",
                "(SELECT 1) UNION ALL (SELECT 2)",
                false,
            ),
            (
                "CREATE VIEW \"a \"\" as \" (\"x as y\", \"as\") AS SELECT 1, 2;",
                "SELECT 1, 2",
                true,
            ),
        ] {
            let view = view(sql).unwrap();
            assert_eq!((view.query.as_str(), view.has_list), (query, has_list));
        }
        assert!(view("SELECT 1").is_none());
    }

    #[test]
    fn hidden_columns_are_missing_from_a_star_and_fit_no_list() {
        let star = view("CREATE VIEW v AS FROM t;").unwrap();
        let list = view("CREATE VIEW v (a, b) AS FROM t;").unwrap();
        let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(star.names(&names(&["b"])), Some(names(&["b"])));
        assert_eq!(list.names(&names(&["b"])), None);
        assert_eq!(star.names(&names(&["b", "a"])), None);
        let all = Some(names(&["a", "b", "a_1"]));
        assert_eq!(star.names(&names(&["a", "b", "a"])), all);
        assert_eq!(list.names(&names(&["x", "y", "z"])), all);
    }
}
