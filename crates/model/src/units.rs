//! Times, sizes and shares as people write them: a whole number with its unit.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A time, written with `d`, `h`, `min`, `s`, `ms` or `us`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

/// A number of bytes, written with `B` or a unit of powers of 1000 (`kB` to `TB`) or of 1024 (`KiB`
/// to `TiB`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSize(pub u64);

/// A part of something countable, written in whole percent: `25%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u8);

impl Share {
    /// `50%`
    pub const HALF: Self = Self(50);

    /// This share of `whole`, rounded down, but at least one unless the share or the whole is nothing.
    pub fn of(self, whole: usize) -> usize {
        let (parts, rest) = (whole / 100, whole % 100);
        let percent = usize::from(self.0);
        let share = parts * percent + rest * percent / 100;
        share.max(usize::from(percent > 0 && whole > 0))
    }
}

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

impl FromStr for ByteSize {
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

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = SIZES.iter().find(|(_, unit)| self.0.is_multiple_of(*unit));
        match whole {
            Some((name, unit)) if self.0 > 0 => write!(f, "{}{name}", self.0 / unit),
            _ => f.write_str("0B"),
        }
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percent = number_and_unit(text)
            .filter(|(number, unit)| *unit == "%" && *number <= 100)
            .and_then(|(number, _)| u8::try_from(number).ok());
        percent.map(Self).ok_or_else(|| {
            format!("{text:?} is not a share: expected a whole number from 0 to 100 with %, such as \"25%\"")
        })
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// In files they are texts of the same form.
macro_rules! text {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

text!(Span, ByteSize, Share);

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
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), printed);
        }
        for bad in ["", "1", "GiB", "1gib", "1.5GiB", "99999999TiB"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
        assert_eq!("64KiB".parse(), Ok(ByteSize(65_536)));
    }

    #[test]
    fn a_share_of_something_is_at_least_one() {
        let share = |text: &str| text.parse::<Share>();
        for (text, whole, part) in [
            ("25%", 1000, 250),
            ("50 %", 5, 2),
            ("1%", 10, 1),
            ("50%", 0, 0),
            ("0%", 1000, 0),
            ("100%", usize::MAX, usize::MAX),
        ] {
            assert_eq!(share(text).unwrap().of(whole), part, "{text} of {whole}");
        }
        for bad in ["", "25", "%", "101%", "-1%", "2.5%", "300%"] {
            assert!(share(bad).is_err(), "{bad}");
        }
        assert_eq!(share("7%").unwrap().to_string(), "7%");
    }
}
