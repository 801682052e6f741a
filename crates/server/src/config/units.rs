//! Times and sizes that a word may stand for.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use model::{ByteSize, Span};

/// A time with its unit, or `none` for no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bound(pub(crate) Option<Duration>);

/// A number of bytes with its unit, or `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AutoBytes(pub(crate) Option<u64>);

/// [`AutoBytes`]; a bare number, whole or not, counts GB, as in MAX_MEMORY_GB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory(pub(crate) Option<u64>);

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
optional!(AutoBytes, "auto", ByteSize, ByteSize, |b: ByteSize| b.0);

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
    fn words_stand_for_no_bound_and_bare_numbers_for_gigabytes() {
        assert_eq!("none".parse::<Bound>().unwrap(), Bound(None));
        assert_eq!(
            "1.5".parse::<Memory>().unwrap(),
            Memory(Some(1_500_000_000))
        );
        assert!("-1".parse::<Memory>().is_err());
    }
}
