//! Binary forms, as PostgreSQL's send functions write them.

use bytes::{BufMut, BytesMut};
use model::{Error, Result};

use super::datetime::{date_to_pg, timestamp_to_pg};
use super::numeric::{Bignum, with_digits};
use super::text::split_bits;
use super::values::{Kind, hugeint, interval, micros, timetz};
use super::{Style, Values};

impl Values<'_> {
    /// Writes the binary form of a row that is not NULL, without its length.
    pub(crate) fn put_binary(&self, row: usize, style: &Style, out: &mut BytesMut) -> Result<()> {
        match &self.kind {
            Kind::Null => {}
            Kind::Bool(a) => out.put_u8(u8::from(a.value(row))),
            Kind::Int8(a) => out.put_i16(i16::from(a[row])),
            Kind::Int16(a) => out.put_i16(a[row]),
            Kind::Int32(a) => out.put_i32(a[row]),
            Kind::Int64(a) => out.put_i64(a[row]),
            Kind::UInt8(a) => out.put_i16(i16::from(a[row])),
            Kind::UInt16(a) => out.put_i32(i32::from(a[row])),
            Kind::UInt32(a) => out.put_i64(i64::from(a[row])),
            Kind::UInt64(a) => with_digits(false, u128::from(a[row]), 0, |d| d.put_binary(out))?,
            Kind::Float(a) => out.put_f32(a[row]),
            Kind::Double(a) => out.put_f64(a[row]),
            Kind::Decimal { unscaled, scale } => {
                let value = unscaled[row];
                with_digits(value < 0, value.unsigned_abs(), *scale, |d| {
                    d.put_binary(out)
                })?;
            }
            Kind::UHugeInt(a) => with_digits(false, a[row] as u128, 0, |d| d.put_binary(out))?,
            Kind::HugeIntBytes { bytes, signed } => {
                let (negative, magnitude) = hugeint(bytes.value(row), *signed);
                with_digits(negative, magnitude, 0, |d| d.put_binary(out))?;
            }
            Kind::Bignum(a) => Bignum::decode(a.get(row))?.digits().put_binary(out)?,
            Kind::Text(a) | Kind::Json(a) => out.put_slice(a.get(row).as_bytes()),
            Kind::Uuid(a) => out.put_slice(a.value(row)),
            Kind::UuidText(a) => out.put_u128(uuid(a.get(row))?),
            Kind::Bytea(a) => out.put_slice(a.get(row)),
            Kind::Bit(a) => put_bits(a.get(row), out)?,
            Kind::Date(a) => out.put_i32(date_to_pg(a[row])?),
            Kind::Time(a) => out.put_i64(a[row]),
            Kind::TimeNs(a) => out.put_i64(a[row] / 1_000),
            Kind::TimeTz(a) => {
                let (micros, offset) = timetz(a.value(row));
                out.put_i64(micros);
                // PostgreSQL counts seconds west.
                out.put_i32(-offset);
            }
            Kind::Timestamp { values, unit } => {
                out.put_i64(timestamp_to_pg(micros(values[row], *unit)?)?);
            }
            Kind::TimestampTz(a) => out.put_i64(timestamp_to_pg(a[row])?),
            Kind::Interval(a) => {
                let value = interval(a[row]);
                out.put_i64(value.micros);
                out.put_i32(value.days);
                out.put_i32(value.months);
            }
            Kind::List(list) => match list.element {
                Some(element) => list.put_array_binary(row, element, style, out)?,
                None => self.put_json(row, style, out)?,
            },
            Kind::Struct(_) | Kind::Map { .. } | Kind::Union { .. } => {
                self.put_json(row, style, out)?
            }
        }
        Ok(())
    }
}

/// Reads the canonical text of DuckDB's default export.
fn uuid(text: &str) -> Result<u128> {
    let digits = text.bytes().filter(|b| *b != b'-');
    let value = digits.clone().try_fold(0u128, |n, digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some(n << 4 | u128::from(digit))
    });
    match value {
        Some(value) if digits.count() == 32 => Ok(value),
        _ => Err(Error::internal("a UUID that is not 32 hexadecimal digits")),
    }
}

/// Writes a BIT as a count of bits and the bits from the left.
fn put_bits(stored: &[u8], out: &mut BytesMut) -> Result<()> {
    let (padding, bytes) = split_bits(stored);
    let count = bytes.len() * 8 - padding;
    out.put_i32(i32::try_from(count).map_err(Error::internal)?);
    let (skip, shift) = (padding / 8, padding % 8);
    let bytes = &bytes[skip..];
    for (i, byte) in bytes.iter().enumerate().take(count.div_ceil(8)) {
        let next = bytes.get(i + 1).copied().unwrap_or(0);
        let pair = u16::from(*byte) << 8 | u16::from(next);
        out.put_u8((pair << shift >> 8) as u8);
    }
    Ok(())
}
