//! Values in text.

use model::{ParamValue, Result, SqlType};

use super::number::{parse_decimal, parse_float, parse_integer, parse_whole};
use super::{Context, array, invalid_text, when};
use crate::types::interval::Interval;

impl Context<'_> {
    /// Reads a text as PostgreSQL's input function of that type does. Types that PostgreSQL does
    /// not have take their text as it is, for DuckDB to convert.
    pub(super) fn text(&self, target: &SqlType, text: &str) -> Result<ParamValue> {
        Ok(match target {
            SqlType::Boolean => ParamValue::Boolean(parse_bool(text)?),
            SqlType::TinyInt
            | SqlType::SmallInt
            | SqlType::Integer
            | SqlType::BigInt
            | SqlType::HugeInt
            | SqlType::UTinyInt
            | SqlType::USmallInt
            | SqlType::UInteger
            | SqlType::UBigInt => parse_integer(text, target)?,
            SqlType::UHugeInt | SqlType::Bignum => {
                ParamValue::Varchar(parse_whole(text, target)?.to_owned())
            }
            SqlType::Float => ParamValue::Float(parse_float(text, "real")? as f32),
            SqlType::Double => ParamValue::Double(parse_float(text, "double precision")?),
            SqlType::Decimal { .. } => parse_decimal(text)?,
            SqlType::Blob => ParamValue::Blob(parse_bytea(text)?),
            SqlType::Uuid => ParamValue::Uuid(parse_uuid(text)?),
            SqlType::Date => ParamValue::Date(when::parse_date(text)?),
            SqlType::Time | SqlType::TimeNs => ParamValue::Time(when::parse_time(text)?),
            SqlType::Timestamp
            | SqlType::TimestampS
            | SqlType::TimestampMs
            | SqlType::TimestampNs => ParamValue::Timestamp(when::parse_timestamp(text)?),
            SqlType::TimestampTz => {
                ParamValue::TimestampTz(when::parse_timestamptz(text, || self.zone())?)
            }
            SqlType::Interval => {
                let Interval {
                    months,
                    days,
                    micros,
                } = Interval::parse(text)?;
                ParamValue::Interval {
                    months,
                    days,
                    micros,
                }
            }
            // DuckDB's own form of a list is left to it.
            SqlType::List(element) | SqlType::Array(element, _)
                if text.trim_ascii_start().starts_with('{') =>
            {
                let items = array::parse(text)?.into_iter().map(|item| match item {
                    Some(item) => self.text(element, &item),
                    None => Ok(ParamValue::Null),
                });
                array::list(element, items.collect::<Result<_>>()?)?
            }
            SqlType::Varchar
            | SqlType::Enum(_)
            | SqlType::Json
            | SqlType::Bit
            | SqlType::TimeTz
            | SqlType::List(_)
            | SqlType::Array(..)
            | SqlType::Struct(_)
            | SqlType::Map(..)
            | SqlType::Union(_)
            | SqlType::Variant
            | SqlType::Geometry
            | SqlType::Null
            | SqlType::Unknown => ParamValue::Varchar(text.to_owned()),
        })
    }
}

fn parse_bool(text: &str) -> Result<bool> {
    let word = text.trim_ascii().to_ascii_lowercase();
    let begins = |whole: &str, least: usize| word.len() >= least && whole.starts_with(&word);
    if word == "1" || begins("true", 1) || begins("yes", 1) || begins("on", 2) {
        Ok(true)
    } else if word == "0" || begins("false", 1) || begins("no", 1) || begins("off", 2) {
        Ok(false)
    } else {
        Err(invalid_text("boolean", text))
    }
}

/// Hexadecimal after `\x`, else bytes with `\\` and `\ooo`.
fn parse_bytea(text: &str) -> Result<Vec<u8>> {
    let invalid = || invalid_text("bytea", text);
    if let Some(hex) = text.strip_prefix("\\x") {
        let mut bytes = Vec::with_capacity(hex.len() / 2);
        let mut digits = hex.bytes().filter(|b| !b.is_ascii_whitespace());
        while let Some(high) = digits.next() {
            let low = digits.next().ok_or_else(invalid)?;
            let digit = |b: u8| char::from(b).to_digit(16).ok_or_else(invalid);
            bytes.push((digit(high)? << 4 | digit(low)?) as u8);
        }
        return Ok(bytes);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        match rest {
            [b'\\', after @ ..] => {
                bytes.push(b'\\');
                rest = after;
            }
            [
                a @ b'0'..=b'3',
                b @ b'0'..=b'7',
                c @ b'0'..=b'7',
                after @ ..,
            ] => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => return Err(invalid()),
        }
    }
    Ok(bytes)
}

/// 32 hexadecimal digits, in any case, with braces around and hyphens between groups of four.
fn parse_uuid(text: &str) -> Result<u128> {
    let invalid = || invalid_text("uuid", text);
    let inner = match text.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}').ok_or_else(invalid)?,
        None => text,
    };
    let (mut value, mut count) = (0u128, 0);
    let mut letters = inner.bytes().peekable();
    while let Some(letter) = letters.next() {
        let digit = char::from(letter).to_digit(16).ok_or_else(invalid)?;
        count += 1;
        if count > 32 {
            return Err(invalid());
        }
        value = value << 4 | u128::from(digit);
        if count % 4 == 0 && count < 32 && letters.peek() == Some(&b'-') {
            letters.next();
        }
    }
    if count == 32 {
        Ok(value)
    } else {
        Err(invalid())
    }
}
