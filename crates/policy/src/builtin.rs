//! Masks that need no expression of one's own.

use std::fmt;

use model::{Column, SqlType};

/// What stands for text that is left out.
const HIDDEN: &str = "'****'";

/// The widest DECIMAL that can be rounded without an overflow on the way.
const BUCKET_DIGITS: u8 = 18;

/// The secret of `keyed_hash`, shown by nothing.
#[derive(Clone)]
pub(crate) struct HashKey(String);

/// A mask by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum BuiltIn {
    /// NULL.
    Null,
    /// `****` for text, NULL for all else.
    Redact,
    /// That many characters, then `****`; nothing of a shorter text.
    KeepFirst(u32),
    /// `****`, then that many characters; nothing of a shorter text.
    KeepLast(u32),
    /// The same text for the same text, which only who has the key can tell from a guess.
    KeyedHash,
    /// The first instant of the year.
    Year,
    /// The multiple of that number next to it, towards zero.
    Bucket(u32),
}

impl HashKey {
    /// Fewer bytes could be guessed.
    const LEAST_BYTES: usize = 16;

    /// The key of a file's text, without the line end.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let key = text.trim();
        if key.len() < Self::LEAST_BYTES {
            return Err(format!(
                "the key has fewer than {} bytes",
                Self::LEAST_BYTES
            ));
        }
        // In hexadecimal digits it needs no quoting.
        Ok(Self(key.bytes().map(|b| format!("{b:02x}")).collect()))
    }

    /// A text that may hold the key, with something else in its place.
    pub(crate) fn left_out_of(&self, text: &str) -> String {
        text.replace(&self.0, "…")
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey")
    }
}

impl fmt::Display for BuiltIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Redact => f.write_str("redact"),
            Self::KeepFirst(n) => write!(f, "keep_first {n}"),
            Self::KeepLast(n) => write!(f, "keep_last {n}"),
            Self::KeyedHash => f.write_str("keyed_hash"),
            Self::Year => f.write_str("year"),
            Self::Bucket(n) => write!(f, "bucket {n}"),
        }
    }
}

impl BuiltIn {
    /// Reads `keep_first 3` and the like.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let number = |word: &str| {
            let number = word
                .parse::<u32>()
                .ok()
                .filter(|n| (1..=1_000_000).contains(n));
            number.ok_or_else(|| format!("\"{word}\" is not a number from 1 to 1000000"))
        };
        match words.as_slice() {
            ["null"] => Ok(Self::Null),
            ["redact"] => Ok(Self::Redact),
            ["keep_first", n] => number(n).map(Self::KeepFirst),
            ["keep_last", n] => number(n).map(Self::KeepLast),
            ["keyed_hash"] => Ok(Self::KeyedHash),
            ["year"] => Ok(Self::Year),
            ["bucket", n] => number(n).map(Self::Bucket),
            _ => Err(format!(
                "\"{text}\" is no built-in mask: there are null, redact, keep_first n, keep_last n, \
                 keyed_hash, year and bucket n"
            )),
        }
    }

    /// The expression over a column, of the column's own type. It throws for no value.
    pub(crate) fn expression(
        self,
        column: &Column,
        key: Option<&HashKey>,
    ) -> Result<String, String> {
        let name = format!("\"{}\"", column.name.replace('"', "\"\""));
        let is_text = column.sql_type == SqlType::Varchar;
        let needs = |what: &str, fits: bool| match fits {
            true => Ok(()),
            false => Err(format!(
                "this mask is for {what}, and {} is of type {}",
                column.name, column.sql_type
            )),
        };
        Ok(match self {
            Self::Null => "null".to_owned(),
            Self::Redact if is_text => {
                format!("case when {name} is null then null else {HIDDEN} end")
            }
            Self::Redact => "null".to_owned(),
            Self::KeepFirst(n) => {
                needs("VARCHAR", is_text)?;
                kept(&name, n, &format!("left({name}, {n}) || {HIDDEN}"))
            }
            Self::KeepLast(n) => {
                needs("VARCHAR", is_text)?;
                kept(&name, n, &format!("{HIDDEN} || right({name}, {n})"))
            }
            Self::KeyedHash => {
                needs("VARCHAR", is_text)?;
                let HashKey(key) = key.ok_or("keyed_hash needs hash_key_file")?;
                // Twice, so that what follows the text can't be appended to its hash.
                format!("sha256('{key}' || sha256('{key}' || {name}))")
            }
            Self::Year => {
                let sql_type = &column.sql_type;
                let dates = matches!(sql_type, SqlType::Date | SqlType::Timestamp);
                needs("DATE and TIMESTAMP", dates)?;
                format!("try_cast(try_cast(year({name}) as varchar) || '-01-01' as {sql_type})")
            }
            Self::Bucket(n) => bucket(&name, n, column)?,
        })
    }
}

fn kept(name: &str, n: u32, part: &str) -> String {
    format!(
        "case when {name} is null then null when length({name}) > {n} then {part} else {HIDDEN} end"
    )
}

fn bucket(name: &str, n: u32, column: &Column) -> Result<String, String> {
    use SqlType as T;
    let sql_type = &column.sql_type;
    let most = match sql_type {
        T::TinyInt => 127,
        T::UTinyInt => 255,
        T::SmallInt => 32_767,
        T::USmallInt => 65_535,
        T::Integer | T::BigInt | T::UInteger | T::UBigInt => u32::MAX,
        T::Decimal { width, scale } if *width <= BUCKET_DIGITS => {
            10_u32.saturating_pow(u32::from(width - scale)) - 1
        }
        T::Float | T::Double => {
            return Ok(format!(
                "floor({name} / cast('{n}' as {sql_type})) * cast('{n}' as {sql_type})"
            ));
        }
        other => {
            return Err(format!(
                "this mask is for numbers, and {} is of type {other}",
                column.name
            ));
        }
    };
    if n > most {
        return Err(format!("{n} is not a value of type {sql_type}"));
    }
    // Towards zero nothing overflows, and n is not -1.
    Ok(format!(
        "try_cast({name} - {name} % cast('{n}' as {sql_type}) as {sql_type})"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        assert_eq!(BuiltIn::parse(" keep_first  3 "), Ok(BuiltIn::KeepFirst(3)));
        assert_eq!(BuiltIn::parse("year"), Ok(BuiltIn::Year));
        for bad in [
            "",
            "keep_first",
            "keep_first 0",
            "keep_first -1",
            "bucket x",
            "year 1",
            "md5",
        ] {
            assert!(BuiltIn::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_is_long_and_not_shown() {
        assert!(HashKey::new("short\n").is_err());
        let key = HashKey::new("a long enough secret\n");
        assert!(key.is_ok());
        assert!(!format!("{key:?}").contains("61"));
    }
}
