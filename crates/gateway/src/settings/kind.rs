//! How a setting's text is checked and spelled.

use model::{Error, ErrorKind, Result};

use super::time_zone;

/// What values a setting takes. Every value is kept in its canonical spelling, as SHOW prints it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// `on` or `off`.
    Bool,
    /// A whole number in these bounds.
    Integer(i64, i64),
    /// A time, as a number of milliseconds or with a unit; `0` means never.
    Milliseconds,
    /// One of these words. Words after the first `usize` are known to PostgreSQL and refused here.
    Word(&'static [&'static str]),
    /// Any text.
    Text,
    /// UTF8 by any of its names.
    Encoding,
    /// The ISO style with any order of fields.
    DateStyle,
    /// An IANA time zone that DuckDB knows.
    TimeZone,
    /// A path that means what an unset one means.
    SearchPath,
    /// An isolation level that snapshot isolation satisfies.
    Isolation,
}

/// Longest text of a setting, in bytes: a session's memory is bounded.
const TEXT_BYTES: usize = 1024;

impl Kind {
    /// The canonical spelling of `value`, or why it is none.
    pub(super) fn check(self, name: &str, value: &str) -> Result<String> {
        let word = value.trim();
        let invalid = || invalid(name, value);
        match self {
            Self::Bool => boolean(word).map(str::to_owned).ok_or_else(invalid),
            Self::Integer(low, high) => match word.parse::<i64>() {
                Ok(n) if (low..=high).contains(&n) => Ok(n.to_string()),
                Ok(n) => Err(Error::new(
                    ErrorKind::InvalidParameterValue,
                    format!(
                        "{n} is outside the valid range for parameter \"{name}\" ({low} .. {high})"
                    ),
                )),
                Err(_) => Err(invalid()),
            },
            Self::Milliseconds => milliseconds(word).map(print_milliseconds).ok_or_else(invalid),
            Self::Word(words) => words
                .iter()
                .find(|w| w.eq_ignore_ascii_case(word))
                .map(|w| (*w).to_owned())
                .ok_or_else(|| invalid().with_hint(format!("available values: {}", words.join(", ")))),
            Self::Text if value.len() > TEXT_BYTES => Err(invalid()),
            Self::Text => Ok(value.to_owned()),
            Self::Encoding => is_utf8(word).then(|| "UTF8".to_owned()).ok_or_else(|| {
                invalid().with_hint("the only client encoding is UTF8")
            }),
            Self::DateStyle => date_style(word)
                .ok_or_else(|| invalid().with_hint("dates are printed in the ISO style only")),
            Self::TimeZone => time_zone::canonical(word).ok_or_else(invalid),
            Self::SearchPath => search_path(value)
                .then(|| value.to_owned())
                .ok_or_else(|| Error::not_supported(format!("search_path {value:?}"))
                    .with_hint("names without a schema mean the schema main of the session's database; qualify the others")),
            Self::Isolation => isolation(name, word),
        }
    }
}

/// Reads a canonical [`Kind::Milliseconds`] value; `None` means never.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let factor = match text[digits..].trim() {
        "" | "ms" => 1,
        "us" => return Some(number.div_ceil(1000)),
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    // PostgreSQL's bound: a 32-bit count of milliseconds.
    number.checked_mul(factor).filter(|ms| *ms <= 2_147_483_647)
}

fn print_milliseconds(ms: u64) -> String {
    let units = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "min"),
        (1000, "s"),
    ];
    match units
        .iter()
        .find(|(factor, _)| ms > 0 && ms.is_multiple_of(*factor))
    {
        Some((factor, unit)) => format!("{}{unit}", ms / factor),
        None if ms == 0 => "0".to_owned(),
        None => format!("{ms}ms"),
    }
}

fn invalid(name: &str, value: &str) -> Error {
    let shown: String = value.chars().take(100).collect();
    Error::new(
        ErrorKind::InvalidParameterValue,
        format!("invalid value for parameter \"{name}\": \"{shown}\""),
    )
}

/// PostgreSQL's booleans: any unique prefix of the words.
fn boolean(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    let is = |full: &str, shortest: usize| word.len() >= shortest && full.starts_with(&word);
    if word == "1" || is("true", 1) || is("yes", 1) || is("on", 2) {
        Some("on")
    } else if word == "0" || is("false", 1) || is("no", 1) || is("off", 2) {
        Some("off")
    } else {
        None
    }
}

fn is_utf8(word: &str) -> bool {
    let plain: String = word
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    matches!(plain.as_str(), "utf8" | "unicode")
}

fn date_style(word: &str) -> Option<String> {
    let mut order = "MDY";
    for part in word.split(',') {
        order = match part.trim().to_ascii_uppercase().as_str() {
            "ISO" => order,
            "MDY" | "US" | "NONEURO" | "NONEUROPEAN" => "MDY",
            "DMY" | "EURO" | "EUROPEAN" => "DMY",
            "YMD" => "YMD",
            "DEFAULT" => "MDY",
            _ => return None,
        };
    }
    Some(format!("ISO, {order}"))
}

fn search_path(value: &str) -> bool {
    value.len() <= TEXT_BYTES
        && value.split(',').all(|part| {
            let part = part.trim();
            let part = part
                .strip_prefix('"')
                .and_then(|p| p.strip_suffix('"'))
                .unwrap_or(part);
            part.is_empty()
                || part == "$user"
                || ["public", "main", "pg_catalog"]
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(part))
        })
}

fn isolation(name: &str, word: &str) -> Result<String> {
    let level = word
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_ascii_lowercase();
    match level.as_str() {
        "read uncommitted" | "read committed" | "repeatable read" => Ok(level),
        "serializable" => Err(Error::not_supported("isolation level serializable")
            .with_hint("every transaction has snapshot isolation, as repeatable read")),
        _ => Err(invalid(name, word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: Kind, value: &str, expected: Option<&str>) {
        assert_eq!(
            kind.check("x", value).ok().as_deref(),
            expected,
            "{value:?}"
        );
    }

    #[test]
    fn booleans_are_read_as_postgresql_reads_them() {
        for on in ["on", "true", "TR", "1", "yes", "y"] {
            check(Kind::Bool, on, Some("on"));
        }
        for off in ["off", "of", "false", "0", "no", "n"] {
            check(Kind::Bool, off, Some("off"));
        }
        for bad in ["o", "", "maybe", "truee"] {
            check(Kind::Bool, bad, None);
        }
    }

    #[test]
    fn times_are_printed_in_their_largest_whole_unit() {
        check(Kind::Milliseconds, "30000", Some("30s"));
        check(Kind::Milliseconds, "90s", Some("90s"));
        check(Kind::Milliseconds, "2 min", Some("2min"));
        check(Kind::Milliseconds, "1500ms", Some("1500ms"));
        check(Kind::Milliseconds, "0", Some("0"));
        for bad in ["", "-1", "1.5s", "30 parsecs", "2147483648"] {
            check(Kind::Milliseconds, bad, None);
        }
    }

    #[test]
    fn date_styles_are_iso_only() {
        check(Kind::DateStyle, "ISO", Some("ISO, MDY"));
        check(Kind::DateStyle, "iso, dmy", Some("ISO, DMY"));
        check(Kind::DateStyle, "SQL", None);
        check(Kind::DateStyle, "German", None);
    }

    #[test]
    fn encodings_are_utf8_only() {
        for name in ["UTF8", "'utf-8'", "unicode"] {
            check(Kind::Encoding, name, Some("UTF8"));
        }
        check(Kind::Encoding, "latin1", None);
    }

    #[test]
    fn a_search_path_that_would_not_be_followed_is_refused() {
        for path in ["\"$user\", public", "", "public,pg_catalog", "main"] {
            check(Kind::SearchPath, path, Some(path));
        }
        check(Kind::SearchPath, "sales, public", None);
    }

    #[test]
    fn isolation_levels_that_are_not_kept_are_refused() {
        check(Kind::Isolation, "READ  COMMITTED", Some("read committed"));
        let error = Kind::Isolation
            .check("x", "serializable")
            .expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::NotSupported);
    }
}
