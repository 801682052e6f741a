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
            format!("case when isfinite({column}) then date_trunc('year', {column}) end")
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
