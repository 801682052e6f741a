//! PostgreSQL's numeric and floating-point texts, and numeric's base-10000 binary form.

use bytes::{BufMut, BytesMut};
use model::{Error, ErrorKind, Result};

/// Bytes of a BIGNUM's magnitude that are converted; the work grows with their square.
const BIGNUM_LIMIT: usize = 16 * 1024;

/// An exact number: `±digits / 10^scale`, with digits in ASCII.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digits<'a> {
    pub(crate) negative: bool,
    pub(crate) digits: &'a [u8],
    pub(crate) scale: usize,
}

impl Digits<'_> {
    /// Writes the text: `-0.05`, `12.30`.
    pub(crate) fn put_text(self, out: &mut BytesMut) {
        if self.negative {
            out.put_u8(b'-');
        }
        let point = self.digits.len().saturating_sub(self.scale);
        let (whole, fraction) = self.digits.split_at(point);
        out.put_slice(if whole.is_empty() { b"0" } else { whole });
        if self.scale > 0 {
            out.put_u8(b'.');
            out.put_bytes(b'0', self.scale - fraction.len());
            out.put_slice(fraction);
        }
    }

    /// Writes the binary form: count of digits, weight of the first, sign, scale, digits.
    pub(crate) fn put_binary(self, out: &mut BytesMut) -> Result<()> {
        let point = self.digits.len() as isize - self.scale as isize;
        // Position (in decimal digits left of the point) where the first group of four starts.
        let top = point.div_euclid(4) + isize::from(point.rem_euclid(4) != 0);
        let groups = top + self.scale.div_ceil(4) as isize;
        let group = |g: isize| -> i16 {
            let first = point - (top - g) * 4;
            (first..first + 4).fold(0, |n, i| {
                let digit = usize::try_from(i).ok().and_then(|i| self.digits.get(i));
                n * 10 + digit.map_or(0, |d| i16::from(d - b'0'))
            })
        };
        let first = (0..groups).find(|g| group(*g) != 0);
        let last = (0..groups).rev().find(|g| group(*g) != 0);
        let (Some(first), Some(last)) = (first, last) else {
            out.put_u32(0);
            out.put_u16(0);
            out.put_u16(self.scale as u16);
            return Ok(());
        };
        let out_of_range = |_| too_large();
        out.put_i16(i16::try_from(last - first + 1).map_err(out_of_range)?);
        out.put_i16(i16::try_from(top - 1 - first).map_err(out_of_range)?);
        out.put_u16(if self.negative { 0x4000 } else { 0 });
        out.put_u16(u16::try_from(self.scale).map_err(out_of_range)?);
        for g in first..=last {
            out.put_i16(group(g));
        }
        Ok(())
    }
}

fn too_large() -> Error {
    Error::new(
        ErrorKind::NumericOutOfRange,
        "number is too large to be sent",
    )
}

/// Gives the digits of `±magnitude / 10^scale` to `write`.
pub(crate) fn with_digits<R>(
    negative: bool,
    magnitude: u128,
    scale: u8,
    write: impl FnOnce(Digits<'_>) -> R,
) -> R {
    let mut buffer = itoa::Buffer::new();
    write(Digits {
        negative: negative && magnitude != 0,
        digits: buffer.format(magnitude).as_bytes(),
        scale: usize::from(scale),
    })
}

/// A decoded BIGNUM.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bignum {
    pub(crate) negative: bool,
    pub(crate) digits: Vec<u8>,
}

impl Bignum {
    /// Decodes DuckDB's storage: three header bytes (sign bit and length, complemented as a whole
    /// for negative numbers), then the magnitude, most significant byte first.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let Some(magnitude) = bytes.get(3..).filter(|m| !m.is_empty()) else {
            return Err(Error::internal("a BIGNUM of less than four bytes"));
        };
        if magnitude.len() > BIGNUM_LIMIT {
            return Err(too_large());
        }
        let negative = bytes[0] & 0x80 == 0;
        let flip = if negative { 0xff } else { 0 };
        // Little-endian limbs in base 10^9, multiplied up byte by byte.
        let mut limbs: Vec<u32> = Vec::new();
        for byte in magnitude {
            let mut carry = u64::from(byte ^ flip);
            for limb in &mut limbs {
                let n = u64::from(*limb) * 256 + carry;
                *limb = (n % 1_000_000_000) as u32;
                carry = n / 1_000_000_000;
            }
            if carry > 0 {
                limbs.push(carry as u32);
            }
        }
        let mut digits = Vec::with_capacity(limbs.len() * 9 + 1);
        for limb in limbs.iter().rev() {
            let mut group = [b'0'; 9];
            let mut n = *limb;
            for d in group.iter_mut().rev() {
                *d += (n % 10) as u8;
                n /= 10;
            }
            digits.extend_from_slice(&group);
        }
        let zeros = digits.iter().take_while(|d| **d == b'0').count();
        digits.drain(..zeros);
        if digits.is_empty() {
            digits.push(b'0');
        }
        Ok(Self { negative, digits })
    }

    pub(crate) fn digits(&self) -> Digits<'_> {
        Digits {
            negative: self.negative && self.digits != b"0",
            digits: &self.digits,
            scale: 0,
        }
    }
}

/// Writes a DOUBLE as `float8out` does. `extra_digits` is `extra_float_digits`: the shortest exact
/// text above 0, else 15 digits and that many more.
pub(crate) fn put_f64(value: f64, extra_digits: i32, out: &mut BytesMut) {
    if put_special(value, out) {
        return;
    }
    if extra_digits > 0 {
        put_shortest(ryu::Buffer::new().format_finite(value), 15, out);
    } else {
        put_rounded(value, 15 + extra_digits, out);
    }
}

/// Writes a FLOAT as `float4out` does.
pub(crate) fn put_f32(value: f32, extra_digits: i32, out: &mut BytesMut) {
    if put_special(f64::from(value), out) {
        return;
    }
    if extra_digits > 0 {
        put_shortest(ryu::Buffer::new().format_finite(value), 6, out);
    } else {
        put_rounded(f64::from(value), 6 + extra_digits, out);
    }
}

fn put_special(value: f64, out: &mut BytesMut) -> bool {
    let text: &[u8] = if value.is_nan() {
        b"NaN"
    } else if value.is_infinite() {
        if value > 0.0 {
            b"Infinity"
        } else {
            b"-Infinity"
        }
    } else {
        return false;
    };
    out.put_slice(text);
    true
}

/// Writes the digits of Rust's shortest text in PostgreSQL's form: scientific from `10^limit` on
/// and below `10^-4`.
fn put_shortest(text: &str, limit: i32, out: &mut BytesMut) {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mut digits = [0u8; 40];
    let mut count = 0;
    for d in mantissa.bytes().filter(u8::is_ascii_digit) {
        digits[count] = d;
        count += 1;
    }
    let point = mantissa.find('.').unwrap_or(mantissa.len()) as i32;
    let digits = &digits[..count];
    let zeros = digits.iter().take_while(|d| **d == b'0').count();
    put_scientific_or_fixed(
        negative,
        &digits[zeros..],
        point + exponent - 1 - zeros as i32,
        limit,
        out,
    );
}

/// Writes `value` like C's `%.{precision}g`.
fn put_rounded(value: f64, precision: i32, out: &mut BytesMut) {
    let precision = precision.max(1);
    let text = format!("{:.*e}", precision as usize - 1, value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    let digits = if value == 0.0 { &[][..] } else { &digits };
    put_scientific_or_fixed(value.is_sign_negative(), digits, exponent, precision, out);
}

/// Writes `0.d1d2d3… × 10^(exponent + 1)`; no digits mean zero.
fn put_scientific_or_fixed(
    negative: bool,
    digits: &[u8],
    exponent: i32,
    limit: i32,
    out: &mut BytesMut,
) {
    let trailing = digits.iter().rev().take_while(|d| **d == b'0').count();
    let digits = &digits[..digits.len() - trailing];
    if negative {
        out.put_u8(b'-');
    }
    let Some((first, rest)) = digits.split_first() else {
        out.put_u8(b'0');
        return;
    };
    if exponent < -4 || exponent >= limit {
        out.put_u8(*first);
        if !rest.is_empty() {
            out.put_u8(b'.');
            out.put_slice(rest);
        }
        out.put_slice(if exponent < 0 { b"e-" } else { b"e+" });
        if exponent.unsigned_abs() < 10 {
            out.put_u8(b'0');
        }
        out.put_slice(
            itoa::Buffer::new()
                .format(exponent.unsigned_abs())
                .as_bytes(),
        );
    } else if exponent < 0 {
        out.put_slice(b"0.");
        out.put_bytes(b'0', exponent.unsigned_abs() as usize - 1);
        out.put_slice(digits);
    } else {
        let whole = exponent as usize + 1;
        let split = whole.min(digits.len());
        out.put_slice(&digits[..split]);
        out.put_bytes(b'0', whole - split);
        if split < digits.len() {
            out.put_u8(b'.');
            out.put_slice(&digits[split..]);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;

    fn text(write: impl FnOnce(&mut BytesMut)) -> String {
        let mut out = BytesMut::new();
        write(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    /// Digits, weight, sign, scale, as `numeric_send` puts them: taken from PostgreSQL 15.
    #[test]
    fn numerics() {
        let cases: &[(i128, u8, &str, &[u16])] = &[
            (0, 0, "0", &[0, 0, 0, 0]),
            (0, 2, "0.00", &[0, 0, 0, 2]),
            (1, 0, "1", &[1, 0, 0, 0, 1]),
            (-12345, 2, "-123.45", &[2, 0, 0x4000, 2, 123, 4500]),
            (5, 2, "0.05", &[1, 0xffff, 0, 2, 500]),
            (
                1,
                38,
                "0.00000000000000000000000000000000000001",
                &[1, 0xfff6, 0, 38, 100],
            ),
            (10000, 0, "10000", &[1, 1, 0, 0, 1]),
            (100_000_000, 4, "10000.0000", &[1, 1, 0, 4, 1]),
            (
                123_456_789,
                5,
                "1234.56789",
                &[3, 0, 0, 5, 1234, 5678, 9000],
            ),
            (
                i128::MAX,
                0,
                "170141183460469231731687303715884105727",
                &[
                    10, 9, 0, 0, 170, 1411, 8346, 469, 2317, 3168, 7303, 7158, 8410, 5727,
                ],
            ),
            (
                i128::MIN,
                0,
                "-170141183460469231731687303715884105728",
                &[
                    10, 9, 0x4000, 0, 170, 1411, 8346, 469, 2317, 3168, 7303, 7158, 8410, 5728,
                ],
            ),
            (
                99_999_999_999_999_999_999_999_999_999_999_999_999,
                38,
                "0.99999999999999999999999999999999999999",
                &[
                    10, 0xffff, 0, 38, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9900,
                ],
            ),
        ];
        for (unscaled, scale, expected, words) in cases {
            let (negative, magnitude) = (*unscaled < 0, unscaled.unsigned_abs());
            let got = text(|out| with_digits(negative, magnitude, *scale, |d| d.put_text(out)));
            assert_eq!(got, *expected);
            let mut out = BytesMut::new();
            with_digits(negative, magnitude, *scale, |d| d.put_binary(&mut out)).unwrap();
            let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
            assert_eq!(out.to_vec(), bytes, "{expected}");
        }
    }

    #[test]
    fn bignums() {
        let big = hex("80001913AAF504E4BC1E62173F87A4378C37B49C8CCFF196CE3F0AD2");
        let n = Bignum::decode(&big).unwrap();
        let expected = "123456789012345678901234567890123456789012345678901234567890";
        assert_eq!(text(|out| n.digits().put_text(out)), expected);
        let negative: Vec<u8> = hex("80000101").iter().map(|b| !b).collect();
        let n = Bignum::decode(&negative).unwrap();
        assert_eq!(text(|out| n.digits().put_text(out)), "-1");
        let n = Bignum::decode(&hex("80000100")).unwrap();
        assert_eq!(text(|out| n.digits().put_text(out)), "0");
        assert!(Bignum::decode(&[0x80, 0, 0]).is_err());
        assert!(Bignum::decode(&vec![0xff; BIGNUM_LIMIT + 4]).is_err());
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    }

    /// Texts of PostgreSQL 15.
    #[test]
    fn floats() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (-1.5, "-1.5"),
            (100.0, "100"),
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (123456789012345.6, "123456789012345.6"),
            (1234567890123456.0, "1.234567890123456e+15"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (0.000123, "0.000123"),
            (1e22, "1e+22"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
            (0.30000000000000004, "0.30000000000000004"),
        ] {
            assert_eq!(text(|out| put_f64(value, 1, out)), expected);
        }
        for (value, expected) in [
            (1.0f32, "1"),
            (0.1, "0.1"),
            (100_000.0, "100000"),
            (1_000_000.0, "1e+06"),
            (1.234_567, "1.234567"),
            (16_777_216.0, "1.6777216e+07"),
            (f32::MAX, "3.4028235e+38"),
            (1e-45, "1e-45"),
        ] {
            assert_eq!(text(|out| put_f32(value, 1, out)), expected);
        }
        for (value, extra, expected) in [
            (0.1 + 0.2, 0, "0.3"),
            (1.0 / 3.0, 0, "0.333333333333333"),
            (1.0 / 3.0, -10, "0.33333"),
            (1e15, 0, "1e+15"),
            (1e14, 0, "100000000000000"),
            (0.0, 0, "0"),
            (123456.0, -13, "1.2e+05"),
        ] {
            assert_eq!(text(|out| put_f64(value, extra, out)), expected);
        }
    }
}
