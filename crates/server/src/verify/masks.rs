//! What the built-in masks show, as their documentation says it, in plain SQL.

use model::{Error, ErrorKind, Result};

/// The expression of a built-in mask over a column, given in quotes. `key` is in hexadecimal digits.
pub(super) fn shown(mask: &str, column: &str, sql_type: &str, key: Option<&str>) -> Result<String> {
    let words: Vec<&str> = mask.split_whitespace().collect();
    let kept = |n: &str, part: String| {
        format!(
            "case when {column} is null then null when length({column}) <= {n} then '****' else {part} end"
        )
    };
    let is_float = matches!(sql_type, "FLOAT" | "DOUBLE");
    Ok(match (words.as_slice(), key) {
        (["redact"], _) if sql_type == "VARCHAR" => {
            format!("case when {column} is not null then '****' end")
        }
        (["null" | "redact"], _) => "null".to_owned(),
        (["keep_first", n], _) => kept(n, format!("substr({column}, 1, {n}) || '****'")),
        (["keep_last", n], _) => kept(n, format!("'****' || substr({column}, -{n})")),
        (["keyed_hash"], Some(key)) => format!("sha256('{key}' || sha256('{key}' || {column}))"),
        (["year"], _) => {
            // The year that the first or last date is in does not begin within its type.
            let first = format!("cast(make_date(year({column}), 1, 1) as {sql_type})");
            format!("case when isfinite({column}) then try({first}) end")
        }
        (["bucket", n], _) if is_float => format!("floor({column} / {n}) * {n}"),
        (["bucket", n], _) if sql_type.starts_with("DECIMAL") => {
            format!("{column} - {column} % {n}")
        }
        (["bucket", n], _) => format!("({column} // {n}) * {n}"),
        _ => {
            let reason = format!("verify does not know the mask \"{mask}\"");
            return Err(Error::new(ErrorKind::Config, reason));
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn a_year_is_shown_of_every_date() {
        let instance = native::Instance::open(None, &[]).unwrap();
        let connection = instance.connect().unwrap();
        for (date, sql_type, expected) in [
            ("2013-07-08", "DATE", Some("2013-01-01")),
            ("0044-03-15 (BC)", "DATE", Some("0044-01-01 (BC)")),
            ("5877642-06-25 (BC)", "DATE", None),
            ("5877641-06-24", "DATE", Some("5877641-01-01")),
            ("infinity", "DATE", None),
            ("290309-12-22 (BC) 00:00:00", "TIMESTAMP", None),
            (
                "2013-07-08 01:02:03",
                "TIMESTAMP",
                Some("2013-01-01 00:00:00"),
            ),
        ] {
            let shown = shown("year", "\"c\"", sql_type, None).unwrap();
            let sql =
                format!("select cast({shown} as varchar) from (select '{date}'::{sql_type} as c)");
            let found = connection.query(&sql).unwrap().scalar();
            assert_eq!(found.as_deref(), expected, "{date}");
        }
    }
}
