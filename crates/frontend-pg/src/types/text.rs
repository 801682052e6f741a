//! Text forms, as PostgreSQL's output functions print them.

use bytes::{BufMut, BytesMut};
use model::Result;

use super::datetime::{put_date, put_offset, put_time, put_timestamp};
use super::numeric::{Bignum, put_f32, put_f64, with_digits};
use super::values::{Kind, hugeint, interval, micros, timetz};
use super::{ByteaOutput, Style, Values};

impl Values<'_> {
    /// Writes the text of a row that is not NULL.
    pub(crate) fn put_text(&self, row: usize, style: &Style, out: &mut BytesMut) -> Result<()> {
        match &self.kind {
            Kind::Null => {}
            Kind::Bool(a) => out.put_u8(if a.value(row) { b't' } else { b'f' }),
            Kind::Int8(a) => put_int(a[row], out),
            Kind::Int16(a) => put_int(a[row], out),
            Kind::Int32(a) => put_int(a[row], out),
            Kind::Int64(a) => put_int(a[row], out),
            Kind::UInt8(a) => put_int(a[row], out),
            Kind::UInt16(a) => put_int(a[row], out),
            Kind::UInt32(a) => put_int(a[row], out),
            Kind::UInt64(a) => put_int(a[row], out),
            Kind::Float(a) => put_f32(a[row], style.extra_float_digits, out),
            Kind::Double(a) => put_f64(a[row], style.extra_float_digits, out),
            Kind::Decimal { unscaled, scale } => {
                let value = unscaled[row];
                with_digits(value < 0, value.unsigned_abs(), *scale, |d| d.put_text(out));
            }
            Kind::UHugeInt(a) => put_int(a[row] as u128, out),
            Kind::HugeIntBytes { bytes, signed } => {
                let (negative, magnitude) = hugeint(bytes.value(row), *signed);
                with_digits(negative, magnitude, 0, |d| d.put_text(out));
            }
            Kind::Bignum(a) => Bignum::decode(a.get(row))?.digits().put_text(out),
            Kind::Text(a) | Kind::Json(a) | Kind::UuidText(a) => {
                out.put_slice(a.get(row).as_bytes())
            }
            Kind::Uuid(a) => put_uuid(a.value(row), out),
            Kind::Bytea(a) => put_bytea(a.get(row), style.bytea_output, out),
            Kind::Bit(a) => put_bits(a.get(row), out),
            Kind::Date(a) => put_date(a[row], out),
            Kind::Time(a) => put_time(a[row], out),
            Kind::TimeNs(a) => put_time(a[row] / 1_000, out),
            Kind::TimeTz(a) => {
                let (micros, offset) = timetz(a.value(row));
                put_time(micros, out);
                put_offset(offset, out);
            }
            Kind::Timestamp { values, unit } => {
                put_timestamp(micros(values[row], *unit)?, None, out)
            }
            Kind::TimestampTz(a) => put_timestamp(a[row], Some(style.zone()?), out),
            Kind::Interval(a) => interval(a[row]).put_text(out),
            Kind::List(list) => match list.element {
                Some(_) => list.put_array_text(row, style, out)?,
                None => self.put_json(row, style, out)?,
            },
            Kind::Struct(_) | Kind::Map { .. } | Kind::Union { .. } => {
                self.put_json(row, style, out)?
            }
        }
        Ok(())
    }
}

fn put_int(value: impl itoa::Integer, out: &mut BytesMut) {
    out.put_slice(itoa::Buffer::new().format(value).as_bytes());
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn put_hex(byte: u8, out: &mut BytesMut) {
    out.put_u8(HEX[usize::from(byte >> 4)]);
    out.put_u8(HEX[usize::from(byte & 15)]);
}

fn put_uuid(bytes: &[u8], out: &mut BytesMut) {
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.put_u8(b'-');
        }
        put_hex(*byte, out);
    }
}

pub(super) fn put_bytea(bytes: &[u8], style: ByteaOutput, out: &mut BytesMut) {
    match style {
        ByteaOutput::Hex => {
            out.reserve(2 + bytes.len() * 2);
            out.put_slice(b"\\x");
            bytes.iter().for_each(|b| put_hex(*b, out));
        }
        ByteaOutput::Escape => {
            for byte in bytes {
                match byte {
                    b'\\' => out.put_slice(b"\\\\"),
                    0x20..=0x7e => out.put_u8(*byte),
                    _ => {
                        let octal = |shift: u8| b'0' + ((byte >> shift) & 7);
                        out.put_slice(&[b'\\', octal(6), octal(3), octal(0)]);
                    }
                }
            }
        }
    }
}

/// Writes a BIT: DuckDB stores the count of padding bits, then padding and bits.
fn put_bits(stored: &[u8], out: &mut BytesMut) {
    let (padding, bytes) = split_bits(stored);
    for i in padding..bytes.len() * 8 {
        out.put_u8(b'0' + (bytes[i / 8] >> (7 - i % 8) & 1));
    }
}

/// The count of padding bits in front, and the bytes with them.
pub(super) fn split_bits(stored: &[u8]) -> (usize, &[u8]) {
    match stored.split_first() {
        Some((padding, bytes)) => (usize::from(*padding).min(bytes.len() * 8), bytes),
        None => (0, &[]),
    }
}
