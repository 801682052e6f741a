//! Times and sizes, which carry their unit.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A time with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// A time with its unit, or `none` for no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bound(pub(crate) Option<Duration>);

/// A number of bytes with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) u64);

/// A number of bytes with its unit, or `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AutoBytes(pub(crate) Option<u64>);

/// [`AutoBytes`]; a bare number, whole or not, counts GB, as in MAX_MEMORY_GB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory(pub(crate) Option<u64>);

const TIMES: [(&str, u128); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("min", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1000),
    ("us", 1),
];

const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1000),
    ("B", 1),
];

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    Some((text[..end].parse().ok()?, text[end..].trim()))
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "{text:?} is not a time: expected a whole number with d, h, min, s, ms or us, such as \"30s\""
            )
        };
        if text == "0" {
            return Ok(Self(Duration::ZERO));
        }
        let (number, unit) = number_and_unit(text).ok_or_else(bad)?;
        let (_, micros) = TIMES
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(bad)?;
        let micros = u128::from(number) * micros;
        u64::try_from(micros)
            .map(|m| Self(Duration::from_micros(m)))
            .map_err(|_| bad())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        let whole = TIMES.iter().find(|(_, unit)| micros.is_multiple_of(*unit));
        match whole {
            Some((name, unit)) if micros > 0 => write!(f, "{}{name}", micros / unit),
            _ => f.write_str("0s"),
        }
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "{text:?} is not a size: expected a whole number with B, kB, KiB, MB, MiB, GB, GiB, TB or TiB, such as \"4GiB\""
            )
        };
        let (number, unit) = number_and_unit(text).ok_or_else(bad)?;
        let (_, bytes) = SIZES
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(bad)?;
        number.checked_mul(*bytes).map(Self).ok_or_else(bad)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = SIZES.iter().find(|(_, unit)| self.0.is_multiple_of(*unit));
        match whole {
            Some((name, unit)) if self.0 > 0 => write!(f, "{}{name}", self.0 / unit),
            _ => f.write_str("0B"),
        }
    }
}

/// An optional value with a word for its absence.
macro_rules! optional {
    ($name:ident, $word:literal, $inner:ty, $wrap:expr, $unwrap:expr) => {
        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $word => Ok(Self(None)),
                    text => text
                        .parse::<$inner>()
                        .map($unwrap)
                        .map(|v| Self(Some(v)))
                        .map_err(|e| format!("{e}, or \"{}\"", $word)),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    Some(value) => $wrap(value).fmt(f),
                    None => f.write_str($word),
                }
            }
        }
    };
}

optional!(Bound, "none", Span, Span, |s: Span| s.0);
optional!(AutoBytes, "auto", Bytes, Bytes, |b: Bytes| b.0);

pub(super) use optional;

impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const GB: f64 = 1e9;
        match text.parse::<f64>() {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "within bounds"
            )]
            Ok(gb) if gb > 0.0 && gb <= 1e6 => Ok(Self(Some((gb * GB) as u64))),
            Ok(_) => Err(format!("{text:?} is not a number of GB")),
            Err(_) => text.parse::<AutoBytes>().map(|bytes| Self(bytes.0)),
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        AutoBytes(self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn times_and_sizes_carry_their_unit() {
        for (text, printed) in [
            ("30s", "30s"),
            ("90 s", "90s"),
            ("120s", "2min"),
            ("1500ms", "1500ms"),
            ("0s", "0s"),
            ("48h", "2d"),
        ] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), printed);
        }
        for bad in [
            "",
            "30",
            "s",
            "-1s",
            "1.5s",
            "30 parsecs",
            "99999999999999999999s",
        ] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
        for (text, printed) in [
            ("1GiB", "1GiB"),
            ("1024 MiB", "1GiB"),
            ("4GB", "4GB"),
            ("10B", "10B"),
        ] {
            assert_eq!(text.parse::<Bytes>().unwrap().to_string(), printed);
        }
        for bad in ["", "1", "GiB", "1gib", "1.5GiB", "99999999TiB"] {
            assert!(bad.parse::<Bytes>().is_err(), "{bad}");
        }
        assert_eq!("none".parse::<Bound>().unwrap(), Bound(None));
        assert_eq!(
            "1.5".parse::<Memory>().unwrap(),
            Memory(Some(1_500_000_000))
        );
        assert!("-1".parse::<Memory>().is_err());
    }
}
