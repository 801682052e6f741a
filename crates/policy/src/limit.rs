//! How much principals may take up.

use std::time::Duration;

use model::Principal;

use crate::rules::Audience;

/// The bounds of one principal; `None` sets none beside the server's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Statements that run at once; further ones wait.
    pub statements: Option<usize>,
    /// How long a statement may take, from its arrival to its last row.
    pub statement_timeout: Option<Duration>,
    /// Rows of one result.
    pub result_rows: Option<u64>,
    /// Bytes of one result, in Arrow's memory.
    pub result_bytes: Option<u64>,
}

/// A `[[limit]]`.
#[derive(Debug)]
pub(crate) struct Limit {
    /// One principal; else the audience.
    pub(crate) principal: Option<String>,
    pub(crate) audience: Audience,
    pub(crate) limits: Limits,
}

impl Limit {
    pub(crate) fn applies(&self, principal: &Principal) -> bool {
        let named = self.principal.as_ref();
        named.is_none_or(|name| *name == principal.name) && self.audience.includes(principal)
    }
}

impl Limits {
    /// The stricter of each.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            statements: least(self.statements, other.statements),
            statement_timeout: least(self.statement_timeout, other.statement_timeout),
            result_rows: least(self.result_rows, other.result_rows),
            result_bytes: least(self.result_bytes, other.result_bytes),
        }
    }
}

fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Reads `30s`, `500ms`, `5min`, `1h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("s", 1000), ("min", 60_000), ("h", 3_600_000)];
    let millis = number(text, &units)
        .ok_or_else(|| format!("\"{text}\" is no time: write 500ms, 30s, 5min or 1h"))?;
    Ok(Duration::from_millis(millis))
}

/// Reads `512B`, `64KiB`, `100MiB`, `1GiB`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let units = [
        ("B", 1),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
    ];
    number(text, &units)
        .ok_or_else(|| format!("\"{text}\" is no size: write 512B, 64KiB, 100MiB or 1GiB"))
}

/// A positive number with one of the units.
fn number(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..end].parse().ok().filter(|n| *n > 0)?;
    let unit = text[end..].trim();
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("5 min"), Ok(Duration::from_secs(300)));
        assert_eq!(bytes("64KiB"), Ok(65_536));
        for bad in [
            "",
            "30",
            "s",
            "0s",
            "-1s",
            "1.5s",
            "99999999999999999999s",
            "1d",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert!(bytes("18446744073709551615GiB").is_err());
    }

    #[test]
    fn the_stricter_of_each_holds() {
        let a = Limits {
            statements: Some(2),
            result_rows: Some(5),
            ..Limits::default()
        };
        let b = Limits {
            statements: Some(1),
            result_bytes: Some(7),
            ..Limits::default()
        };
        let both = a.and(b);
        assert_eq!(both, b.and(a));
        assert_eq!(
            (both.statements, both.result_rows, both.result_bytes),
            (Some(1), Some(5), Some(7))
        );
        assert_eq!(both.statement_timeout, None);
    }
}
