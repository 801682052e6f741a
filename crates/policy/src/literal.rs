//! Step 9 of the rewriting: a user's literal as exactly the same value of a column's type. What can't
//! be said exactly, or could fail, has no such form.

use model::SqlType;
use serde_json::{Value, json};
use tree::build;
use tree::grammar::text;

/// Largest integer up to which DOUBLE, and FLOAT, know every integer.
const DOUBLE_EXACT: i128 = 1 << 53;
const FLOAT_EXACT: i128 = 1 << 24;

/// Digits of a DECIMAL that is compared without a detour over DOUBLE, whatever it is compared with.
const MAX_DECIMAL_WIDTH: u8 = 18;

/// A type in the tree's form, if conjuncts over columns of it can be copied.
pub(crate) fn type_tree(sql_type: &SqlType) -> Option<Value> {
    let id = match sql_type {
        SqlType::Decimal { width, scale } if *width <= MAX_DECIMAL_WIDTH => {
            let info = json!({
                "type": "DECIMAL_TYPE_INFO", "alias": "", "extension_info": null,
                "width": width, "scale": scale
            });
            return Some(json!({"id": "DECIMAL", "type_info": info}));
        }
        SqlType::Boolean => "BOOLEAN",
        SqlType::TinyInt => "TINYINT",
        SqlType::SmallInt => "SMALLINT",
        SqlType::Integer => "INTEGER",
        SqlType::BigInt => "BIGINT",
        SqlType::HugeInt => "HUGEINT",
        SqlType::UTinyInt => "UTINYINT",
        SqlType::USmallInt => "USMALLINT",
        SqlType::UInteger => "UINTEGER",
        SqlType::UBigInt => "UBIGINT",
        SqlType::Float => "FLOAT",
        SqlType::Double => "DOUBLE",
        SqlType::Varchar => "VARCHAR",
        SqlType::Date => "DATE",
        SqlType::Time => "TIME",
        SqlType::Timestamp => "TIMESTAMP",
        SqlType::TimestampTz => "TIMESTAMP WITH TIME ZONE",
        SqlType::Uuid => "UUID",
        _ => return None,
    };
    Some(json!({"id": id, "type_info": null}))
}

/// The literal, or parameter of that very type, as `cast(… as to)` which can't fail.
pub(crate) fn exact(expr: &Value, to: &SqlType) -> Option<Value> {
    let target = type_tree(to)?;
    if text(expr, "class") == "CAST" {
        return cast(expr, to, target);
    }
    if text(expr, "class") != "CONSTANT" || expr["value"]["is_null"] != false {
        return None;
    }
    let value = &expr["value"];
    let literal = match (text(&value["type"], "id"), &value["value"]) {
        ("VARCHAR", Value::String(string)) => string_of(string, to)?,
        ("TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT", Value::Number(number)) => {
            integer_of(number.as_i64()?.into(), to)?
        }
        ("DECIMAL", Value::Number(number)) => {
            let scale = value["type"]["type_info"]["scale"].as_u64()?;
            decimal_of(number.as_i64()?.into(), u8::try_from(scale).ok()?, to)?
        }
        ("DOUBLE", Value::Number(number)) if *to == SqlType::Double => number.to_string(),
        _ => return None,
    };
    Some(literal_of(&literal, target))
}

fn literal_of(text: &str, target: Value) -> Value {
    let mut literal = build::literal(text, "VARCHAR");
    literal["cast_type"] = target;
    literal
}

/// `date '2020-01-01'` and the like, and parameters, which carry their type.
fn cast(expr: &Value, to: &SqlType, target: Value) -> Option<Value> {
    if expr["try_cast"] != false {
        return None;
    }
    let (child, from) = (&expr["child"], &expr["cast_type"]);
    let same = *from == target;
    match text(child, "class") {
        "CAST" if same => cast(child, to, target),
        "PARAMETER" if same => Some(build::cast(child.clone(), target)),
        "CONSTANT" => {
            let string = child["value"]["value"].as_str();
            let of_date = *to == SqlType::Timestamp && text(from, "id") == "DATE";
            let string = string.filter(|_| text(&child["value"]["type"], "id") == "VARCHAR")?;
            match (same, of_date) {
                (true, _) => string_of(string, to).map(|text| literal_of(&text, target)),
                (_, true) if is_date(string) => Some(literal_of(string, target)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A string as DuckDB compares it with a column of that type: as a value of the column's type.
fn string_of(string: &str, to: &SqlType) -> Option<String> {
    let fits = match to {
        SqlType::Varchar => !string.contains('\0'),
        SqlType::Boolean => matches!(string, "t" | "f" | "true" | "false"),
        SqlType::Date => is_date(string),
        SqlType::Time => is_time(string),
        SqlType::Timestamp => is_timestamp(string),
        SqlType::TimestampTz => ["Z", "+00"]
            .iter()
            .any(|zone| string.strip_suffix(zone).is_some_and(is_timestamp)),
        SqlType::Uuid => is_uuid(string),
        _ => false,
    };
    fits.then(|| string.to_owned())
}

fn integer_of(number: i128, to: &SqlType) -> Option<String> {
    let (least, most): (i128, i128) = match to {
        SqlType::TinyInt => (i8::MIN.into(), i8::MAX.into()),
        SqlType::SmallInt => (i16::MIN.into(), i16::MAX.into()),
        SqlType::Integer => (i32::MIN.into(), i32::MAX.into()),
        SqlType::BigInt | SqlType::HugeInt => (i64::MIN.into(), i64::MAX.into()),
        SqlType::UTinyInt => (0, u8::MAX.into()),
        SqlType::USmallInt => (0, u16::MAX.into()),
        SqlType::UInteger => (0, u32::MAX.into()),
        SqlType::UBigInt => (0, i64::MAX.into()),
        SqlType::Double => (-DOUBLE_EXACT, DOUBLE_EXACT),
        SqlType::Float => (-FLOAT_EXACT, FLOAT_EXACT),
        SqlType::Decimal { width, scale } => {
            let most = 10_i128.pow(u32::from(width.saturating_sub(*scale))) - 1;
            (-most, most)
        }
        _ => return None,
    };
    (least..=most).contains(&number).then(|| number.to_string())
}

/// `unscaled` / 10^`scale`.
fn decimal_of(unscaled: i128, scale: u8, to: &SqlType) -> Option<String> {
    let one = 10_i128.checked_pow(scale.into())?;
    let text = || {
        let sign = if unscaled < 0 { "-" } else { "" };
        let (whole, part) = (unscaled.abs() / one, unscaled.abs() % one);
        format!("{sign}{whole}.{part:0width$}", width = usize::from(scale))
    };
    match to {
        SqlType::Decimal {
            width,
            scale: target,
        } if *target >= scale => {
            let rescaled = unscaled.checked_mul(10_i128.pow((*target - scale).into()))?;
            let fits = rescaled.abs() < 10_i128.pow((*width).into());
            fits.then(text)
        }
        // DuckDB divides the same two numbers, both of which DOUBLE knows exactly.
        SqlType::Double if unscaled.abs() <= DOUBLE_EXACT && scale <= 22 => Some(text()),
        SqlType::Double | SqlType::Float => None,
        _ if unscaled % one == 0 => integer_of(unscaled / one, to),
        _ => None,
    }
}

fn digits(text: &str, length: usize) -> Option<(u32, &str)> {
    let head = text.get(..length)?;
    let all = head.bytes().all(|b| b.is_ascii_digit());
    Some((head.parse().ok().filter(|_| all)?, &text[length..]))
}

/// `YYYY-MM-DD`, of a day that there is.
fn is_date(text: &str) -> bool {
    let parts = || {
        let (year, rest) = digits(text, 4)?;
        let (month, rest) = digits(rest.strip_prefix('-')?, 2)?;
        let (day, rest) = digits(rest.strip_prefix('-')?, 2)?;
        Some((year, month, day, rest))
    };
    let Some((year, month, day, "")) = parts() else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    year > 0 && (1..=last).contains(&day)
}

/// `HH:MM:SS`, with at most six digits of a fraction.
fn is_time(text: &str) -> bool {
    let parts = || {
        let (hour, rest) = digits(text, 2)?;
        let (minute, rest) = digits(rest.strip_prefix(':')?, 2)?;
        let (second, rest) = digits(rest.strip_prefix(':')?, 2)?;
        Some((hour < 24 && minute < 60 && second < 60, rest))
    };
    match parts() {
        Some((true, "")) => true,
        Some((true, rest)) => rest.strip_prefix('.').is_some_and(|fraction| {
            (1..=6).contains(&fraction.len()) && fraction.bytes().all(|b| b.is_ascii_digit())
        }),
        _ => false,
    }
}

fn is_timestamp(text: &str) -> bool {
    match text.split_once([' ', 'T']) {
        Some((date, time)) => is_date(date) && is_time(time),
        None => is_date(text),
    }
}

fn is_uuid(text: &str) -> bool {
    let mut lengths = text.split('-').map(str::len);
    [8, 4, 4, 4, 12].iter().all(|n| lengths.next() == Some(*n))
        && lengths.next().is_none()
        && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_there_is_a_date_or_time() {
        for good in ["2020-02-29", "0001-01-01", "9999-12-31", "2000-02-29"] {
            assert!(is_date(good), "{good}");
        }
        for bad in [
            "2021-02-29",
            "1900-02-29",
            "0000-01-01",
            "2020-13-01",
            "2020-00-10",
            "2020-1-1",
            "2020-04-31",
            "infinity",
            "",
            "2020-01-01 ",
            "+020-01-01",
            "２020-01-01",
        ] {
            assert!(!is_date(bad), "{bad}");
        }
        for good in [
            "2020-01-01 10:00:00",
            "2020-01-01T23:59:59.999999",
            "2020-01-01",
        ] {
            assert!(is_timestamp(good), "{good}");
        }
        for bad in [
            "2020-01-01 24:00:00",
            "2020-01-01 10:00",
            "2020-01-01 10:00:00.1234567",
            "2020-01-01 10:00:00.",
            "2020-01-01 10:00:60",
        ] {
            assert!(!is_timestamp(bad), "{bad}");
        }
        assert!(is_uuid("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"));
        assert!(!is_uuid("a0eebc99-9c0b-4ef8-bb6d6bb9bd380a11") && !is_uuid("{}"));
    }

    #[test]
    fn numbers_are_exact_or_not_at_all() {
        let decimal = SqlType::Decimal { width: 5, scale: 2 };
        assert_eq!(integer_of(999, &decimal).as_deref(), Some("999"));
        assert_eq!(integer_of(1000, &decimal), None);
        assert_eq!(integer_of(128, &SqlType::TinyInt), None);
        assert_eq!(integer_of(-1, &SqlType::UBigInt), None);
        assert_eq!(integer_of((1 << 53) + 1, &SqlType::Double), None);
        assert_eq!(decimal_of(-55, 1, &decimal).as_deref(), Some("-5.5"));
        assert_eq!(decimal_of(5005, 3, &decimal), None);
        assert_eq!(decimal_of(100_000, 2, &decimal), None);
        assert_eq!(decimal_of(55, 1, &SqlType::Integer), None);
        assert_eq!(decimal_of(50, 1, &SqlType::Integer).as_deref(), Some("5"));
        assert_eq!(decimal_of(5, 2, &SqlType::Double).as_deref(), Some("0.05"));
        assert_eq!(decimal_of(5, 2, &SqlType::Float), None);
    }
}
