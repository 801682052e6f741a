//! Dates and times in text: ISO 8601 as PostgreSQL prints it and drivers send it.

use jiff::tz::TimeZone;
use model::Result;

use super::invalid_text;
use crate::types::datetime::{date_of, days_from_civil, local_to_utc, out_of_range, timestamp};

/// A point in time as far as a text tells it.
#[derive(Debug, Default)]
struct When {
    days: i64,
    /// Microseconds of the day.
    time: i64,
    zone: Zone,
}

#[derive(Debug, Default)]
enum Zone {
    #[default]
    None,
    /// Seconds east of UTC.
    Offset(i64),
    Named(TimeZone),
}

/// The special words, as microseconds.
fn special(text: &str) -> Option<i64> {
    let word = text.trim_ascii();
    let is = |other: &str| word.eq_ignore_ascii_case(other);
    if is("infinity") || is("+infinity") {
        Some(i64::MAX)
    } else if is("-infinity") {
        Some(-i64::MAX)
    } else if is("epoch") {
        Some(0)
    } else {
        None
    }
}

/// Days from 1970-01-01. What follows the date is checked and dropped, as PostgreSQL does.
pub(super) fn parse_date(text: &str) -> Result<i32> {
    if let Some(micros) = special(text) {
        return date_of(micros);
    }
    let when = When::parse(text).ok_or_else(|| invalid_text("date", text))?;
    i32::try_from(when.days)
        .ok()
        .filter(|d| d.unsigned_abs() != i32::MAX as u32)
        .ok_or_else(out_of_range)
}

/// Microseconds of a day. An offset is checked and dropped, as PostgreSQL does.
pub(super) fn parse_time(text: &str) -> Result<i64> {
    let mut rest = text.trim_ascii();
    let parsed = take_time(&mut rest).filter(|_| take_zone(rest).is_some());
    parsed.ok_or_else(|| invalid_text("time", text))
}

/// Microseconds from 1970-01-01. An offset is checked and dropped, as PostgreSQL does.
pub(super) fn parse_timestamp(text: &str) -> Result<i64> {
    if let Some(micros) = special(text) {
        return Ok(micros);
    }
    let when = When::parse(text).ok_or_else(|| invalid_text("timestamp", text))?;
    timestamp(when.days, when.time)
}

/// Microseconds from 1970-01-01 in UTC. `session` gives the zone of texts without one.
pub(super) fn parse_timestamptz(
    text: &str,
    session: impl FnOnce() -> Result<TimeZone>,
) -> Result<i64> {
    let invalid = || invalid_text("timestamp with time zone", text);
    if let Some(micros) = special(text) {
        return Ok(micros);
    }
    let when = When::parse(text).ok_or_else(invalid)?;
    let local = timestamp(when.days, when.time)?;
    let instant = match when.zone {
        Zone::Offset(seconds) => local.checked_sub(seconds * 1_000_000),
        Zone::None => local_to_utc(&session()?, local),
        Zone::Named(zone) => local_to_utc(&zone, local),
    };
    instant.ok_or_else(out_of_range)
}

impl When {
    /// `[-]year-month-day[ |T hours:minutes[:seconds[.fraction]]][ zone][ BC]`
    fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim_ascii();
        let before_christ = match rest
            .len()
            .checked_sub(3)
            .and_then(|at| rest.split_at_checked(at))
        {
            Some((head, era)) if era.eq_ignore_ascii_case(" bc") => {
                rest = head;
                true
            }
            Some((head, era)) if era.eq_ignore_ascii_case(" ad") => {
                rest = head;
                false
            }
            _ => false,
        };
        let days = take_date(&mut rest, before_christ)?;
        let mut when = When {
            days,
            ..When::default()
        };
        let separated = rest.strip_prefix(['T', 't', ' ']);
        if let Some(after) = separated.map(str::trim_ascii_start)
            && after.starts_with(|c: char| c.is_ascii_digit())
        {
            rest = after;
            when.time = take_time(&mut rest)?;
        }
        when.zone = take_zone(rest)?;
        Some(when)
    }
}

fn take_digits<'a>(rest: &mut &'a str, least: usize, most: usize) -> Option<&'a str> {
    let end = rest.bytes().take_while(u8::is_ascii_digit).count();
    if !(least..=most).contains(&end) {
        return None;
    }
    let (digits, after) = rest.split_at(end);
    *rest = after;
    Some(digits)
}

fn take_date(rest: &mut &str, before_christ: bool) -> Option<i64> {
    let digits = take_digits(rest, 1, 8)?;
    let (year, month, day) = if digits.len() == 8 && !rest.starts_with('-') {
        (
            digits[..4].parse().ok()?,
            digits[4..6].parse().ok()?,
            digits[6..].parse().ok()?,
        )
    } else {
        let year: i64 = digits.parse().ok()?;
        *rest = rest.strip_prefix('-')?;
        let month = take_digits(rest, 1, 2)?.parse().ok()?;
        *rest = rest.strip_prefix('-')?;
        (year, month, take_digits(rest, 1, 2)?.parse().ok()?)
    };
    if year == 0 {
        return None;
    }
    days_from_civil(if before_christ { 1 - year } else { year }, month, day)
}

fn take_time(rest: &mut &str) -> Option<i64> {
    let hours: i64 = take_digits(rest, 1, 2)?.parse().ok()?;
    *rest = rest.strip_prefix(':')?;
    let minutes: i64 = take_digits(rest, 1, 2)?.parse().ok()?;
    let (mut seconds, mut micros) = (0i64, 0i64);
    if let Some(after) = rest.strip_prefix(':') {
        *rest = after;
        seconds = take_digits(rest, 1, 2)?.parse().ok()?;
        if let Some(after) = rest.strip_prefix(['.', ',']) {
            *rest = after;
            let fraction = take_digits(rest, 0, 30)?;
            let mut digits = fraction
                .bytes()
                .map(|b| i64::from(b - b'0'))
                .chain(std::iter::repeat(0));
            micros = digits.by_ref().take(6).fold(0, |n, d| n * 10 + d);
            // The seventh digit rounds.
            micros += i64::from(digits.next().is_some_and(|d| d >= 5));
        }
    }
    if hours > 24 || minutes > 59 || seconds > 60 {
        return None;
    }
    let total = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros;
    (total <= 86_400_000_000).then_some(total)
}

/// The zone that is all of `rest`; nothing is no zone.
fn take_zone(rest: &str) -> Option<Zone> {
    let rest = rest.trim_ascii();
    if rest.is_empty() {
        return Some(Zone::None);
    }
    if ["z", "utc", "gmt"]
        .iter()
        .any(|z| rest.eq_ignore_ascii_case(z))
    {
        return Some(Zone::Offset(0));
    }
    let sign = match rest.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        letter if letter.is_ascii_alphabetic() => {
            return TimeZone::get(rest).ok().map(Zone::Named);
        }
        _ => return None,
    };
    let mut digits = &rest[1..];
    let first = take_digits(&mut digits, 1, 6)?;
    let pair = |text: &str| text.parse::<i64>().ok();
    let (hours, minutes, seconds) = match first.len() {
        1 | 2 => {
            let mut part = || match digits.strip_prefix(':') {
                None => Some(0),
                Some(after) => {
                    digits = after;
                    pair(take_digits(&mut digits, 2, 2)?)
                }
            };
            (pair(first)?, part()?, part()?)
        }
        4 => (pair(&first[..2])?, pair(&first[2..])?, 0),
        6 => (pair(&first[..2])?, pair(&first[2..4])?, pair(&first[4..])?),
        _ => return None,
    };
    let fits = digits.is_empty() && hours <= 15 && minutes <= 59 && seconds <= 59;
    fits.then_some(Zone::Offset(sign * (hours * 3600 + minutes * 60 + seconds)))
}
