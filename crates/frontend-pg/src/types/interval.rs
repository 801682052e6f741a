//! Intervals: PostgreSQL's `postgres` style, and reading what drivers send.

use bytes::{BufMut, BytesMut};
use model::{Error, ErrorKind, Result};

use super::datetime::put_fraction;

/// Months, days and microseconds, each with a sign of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) months: i32,
    pub(crate) days: i32,
    pub(crate) micros: i64,
}

impl Interval {
    /// Writes the text of `IntervalStyle = postgres`: `1 year 2 mons -3 days +04:05:06.7`.
    pub(crate) fn put_text(self, out: &mut BytesMut) {
        let mut before: Option<i32> = None;
        for (value, unit) in [
            (self.months / 12, "year"),
            (self.months % 12, "mon"),
            (self.days, "day"),
        ] {
            if value == 0 {
                continue;
            }
            if let Some(last) = before {
                out.put_u8(b' ');
                if last < 0 && value > 0 {
                    out.put_u8(b'+');
                }
            }
            out.put_slice(itoa::Buffer::new().format(value).as_bytes());
            out.put_u8(b' ');
            out.put_slice(unit.as_bytes());
            if value != 1 {
                out.put_u8(b's');
            }
            before = Some(value);
        }
        if self.micros == 0 && before.is_some() {
            return;
        }
        if let Some(last) = before {
            out.put_u8(b' ');
            if last < 0 && self.micros > 0 {
                out.put_u8(b'+');
            }
        }
        if self.micros < 0 {
            out.put_u8(b'-');
        }
        let micros = self.micros.unsigned_abs();
        let seconds = micros / 1_000_000;
        put_two(seconds / 3600, out);
        out.put_u8(b':');
        put_two(seconds / 60 % 60, out);
        out.put_u8(b':');
        put_two(seconds % 60, out);
        put_fraction(micros % 1_000_000, out);
    }

    /// Reads the styles that drivers send: `1 year 2 mons 3 days 04:05:06.7`, `1 day 30 sec ago`,
    /// `P1Y2M3DT4H5M6.7S`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let trimmed = text.trim();
        let parsed = match trimmed.strip_prefix(['P', 'p']) {
            Some(rest) => parse_iso(rest),
            None => parse_words(trimmed),
        };
        parsed.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidText,
                format!("invalid input syntax for type interval: \"{text}\""),
            )
        })
    }

    fn add(&mut self, amount: Amount, unit: Unit) -> Option<()> {
        let whole = |factor: i64| i32::try_from(amount.whole.checked_mul(factor)?).ok();
        match unit {
            Unit::Months(factor) => {
                self.months = self.months.checked_add(whole(factor)?)?;
                // A part of a month counts 30 days, a part of a day 24 hours; a part of a year
                // counts months first.
                let months = amount.micros.checked_mul(factor)?;
                self.months = self
                    .months
                    .checked_add(i32::try_from(months / 1_000_000).ok()?)?;
                let days = (months % 1_000_000) * 30;
                self.days = self
                    .days
                    .checked_add(i32::try_from(days / 1_000_000).ok()?)?;
                self.micros = self.micros.checked_add((days % 1_000_000) * 86_400)?;
            }
            Unit::Days(factor) => {
                self.days = self.days.checked_add(whole(factor)?)?;
                let micros = amount.micros.checked_mul(factor)?.checked_mul(86_400)?;
                self.micros = self.micros.checked_add(micros)?;
            }
            Unit::Micros(factor) => {
                let micros = amount.whole.checked_mul(factor)?;
                let part = i128::from(amount.micros) * i128::from(factor) / 1_000_000;
                self.micros = self
                    .micros
                    .checked_add(micros)?
                    .checked_add(i64::try_from(part).ok()?)?;
            }
        }
        Some(())
    }
}

/// What a unit counts, with its factor.
#[derive(Clone, Copy)]
enum Unit {
    Months(i64),
    Days(i64),
    Micros(i64),
}

const SECOND: i64 = 1_000_000;

/// A decimal number: its whole part and millionths, both with the number's sign.
#[derive(Clone, Copy)]
struct Amount {
    whole: i64,
    micros: i64,
}

impl Amount {
    fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = match text.as_bytes().first()? {
            b'-' => (-1, &text[1..]),
            b'+' => (1, &text[1..]),
            _ => (1, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        if !whole
            .bytes()
            .chain(fraction.bytes())
            .all(|b| b.is_ascii_digit())
        {
            return None;
        }
        let whole: i64 = if whole.is_empty() {
            0
        } else {
            whole.parse().ok()?
        };
        let micros = fraction
            .bytes()
            .chain(std::iter::repeat(b'0'))
            .take(6)
            .fold(0, |n, d| n * 10 + i64::from(d - b'0'));
        Some(Self {
            whole: whole * sign,
            micros: micros * sign,
        })
    }
}

fn parse_words(text: &str) -> Option<Interval> {
    let mut interval = Interval::default();
    let mut words = text
        .split_ascii_whitespace()
        .filter(|w| *w != "@")
        .peekable();
    words.peek()?;
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case("ago") {
            if words.next().is_some() {
                return None;
            }
            return Some(Interval {
                months: interval.months.checked_neg()?,
                days: interval.days.checked_neg()?,
                micros: interval.micros.checked_neg()?,
            });
        }
        if word.contains(':') {
            add_clock(&mut interval, word)?;
            continue;
        }
        let split = word
            .find(|c: char| c.is_ascii_alphabetic())
            .unwrap_or(word.len());
        let amount = Amount::parse(&word[..split])?;
        let unit = match &word[split..] {
            "" => match words.next() {
                Some(unit) => unit_of(unit)?,
                None => Unit::Micros(SECOND),
            },
            unit => unit_of(unit)?,
        };
        interval.add(amount, unit)?;
    }
    Some(interval)
}

/// Adds `[-]hours:minutes[:seconds[.fraction]]`.
fn add_clock(interval: &mut Interval, text: &str) -> Option<()> {
    let (sign, clock) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    let mut parts = clock.split(':');
    for factor in [3600, 60, 1] {
        let Some(part) = parts.next() else { break };
        if part.starts_with(['-', '+']) {
            return None;
        }
        let amount = Amount::parse(&format!("{sign}{part}"))?;
        interval.add(amount, Unit::Micros(factor * SECOND))?;
    }
    parts.next().is_none().then_some(())
}

fn unit_of(word: &str) -> Option<Unit> {
    let word = word.trim_end_matches(',').to_ascii_lowercase();
    Some(match word.as_str() {
        "millennium" | "millennia" | "millenniums" | "mil" | "mils" => Unit::Months(12_000),
        "century" | "centuries" | "cent" | "c" => Unit::Months(1_200),
        "decade" | "decades" | "dec" | "decs" => Unit::Months(120),
        "year" | "years" | "yr" | "yrs" | "y" => Unit::Months(12),
        "month" | "months" | "mon" | "mons" => Unit::Months(1),
        "week" | "weeks" | "w" => Unit::Days(7),
        "day" | "days" | "d" => Unit::Days(1),
        "hour" | "hours" | "hr" | "hrs" | "h" => Unit::Micros(3600 * SECOND),
        "minute" | "minutes" | "min" | "mins" | "m" => Unit::Micros(60 * SECOND),
        "second" | "seconds" | "sec" | "secs" | "s" => Unit::Micros(SECOND),
        "millisecond" | "milliseconds" | "msec" | "msecs" | "ms" => Unit::Micros(1_000),
        "microsecond" | "microseconds" | "usec" | "usecs" | "us" => Unit::Micros(1),
        _ => return None,
    })
}

/// Reads what follows the `P` of an ISO 8601 duration.
fn parse_iso(text: &str) -> Option<Interval> {
    let mut interval = Interval::default();
    let mut rest = text;
    let mut time = false;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(['T', 't']) {
            if time {
                return None;
            }
            time = true;
            rest = after;
            continue;
        }
        let split = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let amount = Amount::parse(&rest[..split])?;
        let unit = match (rest.as_bytes()[split].to_ascii_uppercase(), time) {
            (b'Y', false) => Unit::Months(12),
            (b'M', false) => Unit::Months(1),
            (b'W', false) => Unit::Days(7),
            (b'D', false) => Unit::Days(1),
            (b'H', true) => Unit::Micros(3600 * SECOND),
            (b'M', true) => Unit::Micros(60 * SECOND),
            (b'S', true) => Unit::Micros(SECOND),
            _ => return None,
        };
        interval.add(amount, unit)?;
        rest = &rest[split + 1..];
    }
    (!text.is_empty()).then_some(interval)
}

fn put_two(number: u64, out: &mut BytesMut) {
    if number < 10 {
        out.put_u8(b'0');
    }
    out.put_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;

    fn interval(months: i32, days: i32, micros: i64) -> Interval {
        Interval {
            months,
            days,
            micros,
        }
    }

    /// Texts of PostgreSQL 15.
    #[test]
    fn texts() {
        for (value, expected) in [
            (interval(0, 0, 0), "00:00:00"),
            (
                interval(14, 3, 14_706_789_000),
                "1 year 2 mons 3 days 04:05:06.789",
            ),
            (interval(-1, 0, 0), "-1 mons"),
            (interval(1, 1, 0), "1 mon 1 day"),
            (
                interval(-12, 3, -3_600_000_000),
                "-1 years +3 days -01:00:00",
            ),
            (interval(0, -1, 1), "-1 days +00:00:00.000001"),
            (interval(24, 0, 360_000_000_000), "2 years 100:00:00"),
            (interval(0, 0, i64::MIN), "-2562047788:00:54.775808"),
            (
                interval(i32::MIN, i32::MAX, 0),
                "-178956970 years -8 mons +2147483647 days",
            ),
        ] {
            let mut out = BytesMut::new();
            value.put_text(&mut out);
            assert_eq!(std::str::from_utf8(&out).unwrap(), expected);
            if value.micros != i64::MIN {
                assert_eq!(Interval::parse(expected).unwrap(), value, "{expected}");
            }
        }
    }

    #[test]
    fn reads_what_drivers_send() {
        for (text, expected) in [
            ("-1 day 23:59:59", interval(0, -1, 86_399_000_000)),
            ("1 day 2:03:04.5", interval(0, 1, 7_384_500_000)),
            (
                "0 years 0 mons 1 days 2 hours 3 mins 4.5 secs",
                interval(0, 1, 7_384_500_000),
            ),
            ("P1Y2M3DT4H5M6.5S", interval(14, 3, 14_706_500_000)),
            ("PT-1.5H", interval(0, 0, -5_400_000_000)),
            ("@ 1 month ago", interval(-1, 0, 0)),
            ("1.5 months", interval(1, 15, 0)),
            ("1.5 years", interval(18, 0, 0)),
            ("2w", interval(0, 14, 0)),
            ("90", interval(0, 0, 90_000_000)),
            ("-0.25 sec", interval(0, 0, -250_000)),
        ] {
            assert_eq!(Interval::parse(text).unwrap(), expected, "{text}");
        }
        for text in [
            "",
            "x",
            "1 lightyear",
            "P",
            "P1",
            "1:2:3:4",
            "--1 day",
            "1 day ago x",
            "9e9 days",
        ] {
            assert!(Interval::parse(text).is_err(), "{text}");
        }
    }
}
