//! Format strings of `format` and `printf`: their widths and precisions make texts of that length,
//! outside of the engine's memory limit and of its interrupts.

use model::{Error, ErrorKind, Result, fold};
use serde_json::Value;
use tree::grammar::text;

use crate::part::located;

/// Largest sum of the numbers in the places of a format.
const MAX_NUMBERS: u64 = 10_000;

/// Allows a call whose format is a literal with small numbers.
///
/// # Errors
/// `NotSupported` for a format that is computed, or takes its numbers from arguments; `LimitExceeded`.
pub(crate) fn check(name: &str, arguments: &[Value], expr: &Value) -> Result<()> {
    let literal = arguments
        .first()
        .filter(|a| text(a, "class") == "CONSTANT")
        .and_then(|a| a["value"]["value"].as_str());
    let Some(format) = literal else {
        let error = Error::not_supported(format_args!("{name}() with a format that is no literal"));
        return Err(located(error, expr));
    };
    match sum(name, format) {
        Some(sum) if sum <= MAX_NUMBERS => Ok(()),
        Some(_) => {
            let message = format!(
                "the widths and precisions in {name}() may be at most {MAX_NUMBERS} in all"
            );
            Err(located(Error::new(ErrorKind::LimitExceeded, message), expr))
        }
        None => {
            let error = Error::not_supported(format_args!(
                "a width or precision of {name}() that is an argument"
            ));
            Err(located(error, expr))
        }
    }
}

/// How long the numbers in a format may make its text.
pub(crate) fn width(name: &str, format: &str) -> u64 {
    sum(name, format).unwrap_or_default()
}

fn sum(name: &str, format: &str) -> Option<u64> {
    let mut places = places(name, format).into_iter();
    places.try_fold(0, |sum: u64, place| {
        Some(sum.saturating_add(numbers(place)?))
    })
}

/// What stands between the marks of each place for an argument.
pub(crate) fn places<'f>(name: &str, format: &'f str) -> Vec<&'f str> {
    match fold(name).as_str() {
        "printf" => of_printf(format),
        _ => of_format(format),
    }
}

/// `{…}`, where `{{` is a brace. A place ends at the first brace that closes.
fn of_format(format: &str) -> Vec<&str> {
    let mut places = Vec::new();
    let mut rest = format;
    while let Some((_, after)) = rest.split_once('{') {
        if let Some(escaped) = after.strip_prefix('{') {
            rest = escaped;
            continue;
        }
        let (place, next) = after.split_once('}').unwrap_or((after, ""));
        places.push(place);
        rest = next;
    }
    places
}

/// `%…d`, where `%%` is a percent sign.
fn of_printf(format: &str) -> Vec<&str> {
    let mut places = Vec::new();
    let mut rest = format;
    while let Some((_, after)) = rest.split_once('%') {
        if let Some(escaped) = after.strip_prefix('%') {
            rest = escaped;
            continue;
        }
        let end = after.find(|c: char| c.is_alphabetic() || c == '%');
        let (place, next) = after.split_at(end.unwrap_or(after.len()));
        places.push(place);
        rest = next;
    }
    places
}

/// The sum of the numbers in a place; `None` where one is an argument.
fn numbers(place: &str) -> Option<u64> {
    // A star may fill a place of format, where it stands before what aligns.
    let is_argument = |(at, c): (usize, char)| match c {
        '{' => true,
        '*' => !place[at + 1..].starts_with(['<', '>', '^', '=']),
        _ => false,
    };
    if place.char_indices().any(is_argument) {
        return None;
    }
    let runs = place.split(|c: char| !c.is_ascii_digit());
    let all = runs.filter(|run| !run.is_empty());
    Some(all.fold(0, |sum: u64, run| {
        sum.saturating_add(run.parse().unwrap_or(u64::MAX))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_in_places() {
        assert_eq!(
            sum("format", "{} of 2000000 {{99999}} {:>8} {0:.3f}"),
            Some(11)
        );
        assert_eq!(sum("FORMAT", "{:*^30} {:{}}"), None);
        assert_eq!(sum("format", "{:*^30}"), Some(30));
        assert_eq!(sum("format", "{{{:20}"), Some(20));
        assert_eq!(sum("format", "{:99999999999999999999}"), Some(u64::MAX));
        assert_eq!(sum("format", "{:7"), Some(7));
        assert_eq!(sum("printf", "%d %% 5000 %08.3f %-20s| %'12d"), Some(43));
        assert_eq!(sum("printf", "%%%9d"), Some(9));
        assert_eq!(sum("printf", "%*d"), None);
        assert_eq!(sum("printf", "%.*f"), None);
        assert_eq!(sum("printf", "%1000"), Some(1000));
    }
}
