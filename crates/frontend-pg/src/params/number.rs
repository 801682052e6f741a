//! Numbers in texts and in numeric's binary form.

use bytes::Buf;
use model::{Error, ErrorKind, ParamValue, Result, SqlType};

use super::{invalid_binary, invalid_text};

/// Digits that a DECIMAL holds.
const MAX_DIGITS: usize = 38;

/// A whole number as a value of an integer type; `None` for other types.
pub(super) fn integer(whole: i128, target: &SqlType) -> Option<Result<ParamValue>> {
    macro_rules! fit {
        ($variant:ident) => {
            whole
                .try_into()
                .map(ParamValue::$variant)
                .map_err(|_| out_of_range(target))
        };
    }
    Some(match target {
        SqlType::TinyInt => fit!(TinyInt),
        SqlType::SmallInt => fit!(SmallInt),
        SqlType::Integer => fit!(Integer),
        SqlType::BigInt => fit!(BigInt),
        SqlType::UTinyInt => fit!(UTinyInt),
        SqlType::USmallInt => fit!(USmallInt),
        SqlType::UInteger => fit!(UInteger),
        SqlType::UBigInt => fit!(UBigInt),
        SqlType::HugeInt => Ok(ParamValue::HugeInt(whole)),
        _ => return None,
    })
}

fn out_of_range(target: &SqlType) -> Error {
    let message = format!(
        "value is out of range for type {}",
        target.to_string().to_lowercase()
    );
    Error::new(ErrorKind::NumericOutOfRange, message)
}

/// A whole number of any length in text, checked and without blanks.
pub(super) fn parse_whole<'a>(text: &'a str, target: &SqlType) -> Result<&'a str> {
    let trimmed = text.trim_ascii();
    let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(invalid_text(&target.to_string().to_lowercase(), text));
    }
    Ok(trimmed)
}

/// A whole number in text, as a value of an integer type.
pub(super) fn parse_integer(text: &str, target: &SqlType) -> Result<ParamValue> {
    let whole = parse_whole(text, target)?;
    let whole: i128 = whole.parse().map_err(|_| out_of_range(target))?;
    match integer(whole, target) {
        Some(value) => value,
        None => Err(Error::internal("an integer of a type that is none")),
    }
}

/// A floating-point number in text.
pub(super) fn parse_float(text: &str, name: &str) -> Result<f64> {
    let trimmed = text.trim_ascii();
    let unsigned = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    let plain = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let special = ["nan", "infinity", "inf"]
        .iter()
        .any(|s| unsigned.eq_ignore_ascii_case(s));
    if !plain && !special {
        return Err(invalid_text(name, text));
    }
    let value: f64 = trimmed.parse().map_err(|_| invalid_text(name, text))?;
    if value.is_infinite() && !special {
        let message = format!("\"{trimmed}\" is out of range for type {name}");
        return Err(Error::new(ErrorKind::NumericOutOfRange, message));
    }
    Ok(value)
}

/// A decimal number in text, such as `-1.50` or `1e-3`.
pub(super) fn parse_decimal(text: &str) -> Result<ParamValue> {
    let invalid = || invalid_text("numeric", text);
    let trimmed = text.trim_ascii();
    let negative = trimmed.starts_with('-');
    let unsigned = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| invalid())?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    if digits.is_empty() {
        return Err(invalid());
    }
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(match unsigned.to_ascii_lowercase().as_str() {
            "nan" | "inf" | "infinity" => not_finite(),
            _ => invalid(),
        });
    }
    let digits: Vec<u8> = digits.iter().map(|d| d - b'0').collect();
    decimal(
        negative,
        &digits,
        fraction.len() as i64 - i64::from(exponent),
    )
}

fn not_finite() -> Error {
    Error::new(
        ErrorKind::NumericOutOfRange,
        "numeric values have to be finite",
    )
}

/// `±digits / 10^scale` as a DECIMAL. Zeros at the end of too long a fraction are left out.
fn decimal(negative: bool, digits: &[u8], scale: i64) -> Result<ParamValue> {
    let too_long = || {
        let message = format!("a numeric value can have at most {MAX_DIGITS} digits");
        Error::new(ErrorKind::NumericOutOfRange, message)
    };
    let zeros = digits.iter().take_while(|d| **d == 0).count();
    let mut digits = digits[zeros..].to_vec();
    let mut scale = scale;
    if digits.is_empty() {
        scale = scale.clamp(0, MAX_DIGITS as i64);
    }
    while scale < 0 && digits.len() <= MAX_DIGITS {
        digits.push(0);
        scale += 1;
    }
    while digits.len().max(scale.unsigned_abs() as usize) > MAX_DIGITS
        && scale > 0
        && digits.last() == Some(&0)
    {
        digits.pop();
        scale -= 1;
    }
    let scale = u8::try_from(scale).map_err(|_| too_long())?;
    let width = digits.len().max(usize::from(scale)).max(1);
    if width > MAX_DIGITS {
        return Err(too_long());
    }
    let magnitude = digits.iter().fold(0i128, |n, d| n * 10 + i128::from(*d));
    Ok(ParamValue::Decimal {
        unscaled: if negative { -magnitude } else { magnitude },
        width: width as u8,
        scale,
    })
}

/// Numeric's binary form.
pub(super) fn read_numeric(mut bytes: &[u8]) -> Result<ParamValue> {
    let invalid = || invalid_binary("numeric");
    if bytes.len() < 8 {
        return Err(invalid());
    }
    let count = usize::from(bytes.get_u16());
    let weight = i64::from(bytes.get_i16());
    let sign = bytes.get_u16();
    let scale = i64::from(bytes.get_u16());
    if bytes.len() != count * 2 {
        return Err(invalid());
    }
    match sign {
        0 | 0x4000 => {}
        0xc000 | 0xd000 | 0xf000 => return Err(not_finite()),
        _ => return Err(invalid()),
    }
    let mut digits = Vec::with_capacity(count * 4);
    for _ in 0..count {
        let group = bytes.get_u16();
        if group > 9999 {
            return Err(invalid());
        }
        for divisor in [1000, 100, 10, 1] {
            digits.push((group / divisor % 10) as u8);
        }
    }
    // The scale that the groups imply, brought to the one that is shown.
    let mut implied = (count as i64 - 1 - weight) * 4;
    while implied > scale && digits.last() == Some(&0) {
        digits.pop();
        implied -= 1;
    }
    if implied < scale {
        let missing = usize::try_from(scale - implied).map_err(|_| invalid())?;
        if missing <= MAX_DIGITS {
            digits.extend(std::iter::repeat_n(0, missing));
            implied = scale;
        }
    }
    decimal(sign == 0x4000, &digits, implied)
}

/// Brings decimals of one list to one type.
pub(super) fn align(items: &mut [ParamValue]) -> Result<Option<SqlType>> {
    let (mut scale, mut whole, mut any) = (0, 0, false);
    for item in items.iter() {
        if let ParamValue::Decimal {
            width, scale: own, ..
        } = item
        {
            any = true;
            scale = scale.max(*own);
            whole = whole.max(width - own);
        }
    }
    if !any {
        return Ok(None);
    }
    let width = (whole + scale).max(1);
    if usize::from(width) > MAX_DIGITS {
        let message =
            format!("numeric values of a list can have at most {MAX_DIGITS} digits together");
        return Err(Error::new(ErrorKind::NumericOutOfRange, message));
    }
    for item in items {
        if let ParamValue::Decimal {
            unscaled,
            scale: own,
            ..
        } = *item
        {
            *item = ParamValue::Decimal {
                unscaled: unscaled * 10i128.pow(u32::from(scale - own)),
                width,
                scale,
            };
        }
    }
    Ok(Some(SqlType::Decimal { width, scale }))
}
