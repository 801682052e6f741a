//! Time zones by the names that DuckDB knows.

/// `pg_timezone_names()` of DuckDB 1.5.5, one a line, sorted.
const NAMES: &str = include_str!("time_zones.txt");

/// The name as DuckDB spells it; `None` if it knows none.
///
/// Whole hours are understood too: `2` lies east of Greenwich, `GMT-2` and `UTC-02:00` likewise,
/// with the sign of POSIX as PostgreSQL has it.
pub(super) fn canonical(name: &str) -> Option<String> {
    if let Some(known) = NAMES.lines().find(|n| n.eq_ignore_ascii_case(name)) {
        return Some(known.to_owned());
    }
    let posix = ["GMT", "UTC"].iter().find_map(|prefix| {
        let (head, rest) = name.split_at_checked(prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then_some(rest)
    });
    let west = match posix {
        Some(offset) => hours(offset)?,
        None => -hours(name)?,
    };
    let name = match west {
        0 => "Etc/GMT".to_owned(),
        hours => format!("Etc/GMT{hours:+}"),
    };
    NAMES.lines().any(|n| n == name).then_some(name)
}

/// Reads `+2`, `-02` or `2:00`.
fn hours(text: &str) -> Option<i32> {
    let whole = match text.split_once(':') {
        Some((whole, "00")) => whole,
        Some(_) => return None,
        None => text,
    };
    let digits = whole.strip_prefix(['+', '-']).unwrap_or(whole);
    let plain = (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| whole.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn names_take_the_spelling_of_the_database() {
        assert_eq!(canonical("europe/berlin").as_deref(), Some("Europe/Berlin"));
        assert_eq!(canonical("utc").as_deref(), Some("UTC"));
        for bad in [
            "Europe/Atlantis",
            "",
            "UTC'; drop",
            "GMT+25",
            "GMT+1:30",
            "é",
        ] {
            assert_eq!(canonical(bad), None, "{bad}");
        }
    }

    #[test]
    fn whole_hours_have_the_signs_of_postgresql() {
        assert_eq!(canonical("2").as_deref(), Some("Etc/GMT-2"));
        assert_eq!(canonical("-5").as_deref(), Some("Etc/GMT+5"));
        assert_eq!(canonical("GMT-02:00").as_deref(), Some("Etc/GMT-2"));
        assert_eq!(canonical("UTC+3").as_deref(), Some("Etc/GMT+3"));
        assert_eq!(canonical("+00").as_deref(), Some("Etc/GMT"));
    }
}
