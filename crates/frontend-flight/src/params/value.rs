//! Single values out of plain arrays.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType,
    IntervalYearMonthType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use model::{Error, ErrorKind, ParamValue, Result, SqlType};

use super::kind::own_type;

/// One value of a plain array.
pub(super) fn value(array: &ArrayRef, row: usize, wanted: &SqlType) -> Result<ParamValue> {
    if array.is_null(row) || *array.data_type() == DataType::Null {
        return Ok(ParamValue::Null);
    }
    macro_rules! primitive {
        ($arrow:ty) => {
            array.as_primitive::<$arrow>().value(row)
        };
    }
    Ok(match array.data_type() {
        DataType::Boolean => ParamValue::Boolean(array.as_boolean().value(row)),
        DataType::Int8 => ParamValue::TinyInt(primitive!(Int8Type)),
        DataType::Int16 => ParamValue::SmallInt(primitive!(Int16Type)),
        DataType::Int32 => ParamValue::Integer(primitive!(Int32Type)),
        DataType::Int64 => ParamValue::BigInt(primitive!(Int64Type)),
        DataType::UInt8 => ParamValue::UTinyInt(primitive!(UInt8Type)),
        DataType::UInt16 => ParamValue::USmallInt(primitive!(UInt16Type)),
        DataType::UInt32 => ParamValue::UInteger(primitive!(UInt32Type)),
        DataType::UInt64 => ParamValue::UBigInt(primitive!(UInt64Type)),
        DataType::Float32 => ParamValue::Float(primitive!(Float32Type)),
        DataType::Float64 => ParamValue::Double(primitive!(Float64Type)),
        DataType::Decimal128(width, scale) => {
            let unscaled = primitive!(Decimal128Type);
            match wanted {
                SqlType::HugeInt => ParamValue::HugeInt(unscaled),
                _ => ParamValue::Decimal {
                    unscaled,
                    width: *width,
                    scale: scale.unsigned_abs(),
                },
            }
        }
        DataType::Utf8 => {
            let text = array.as_string::<i32>().value(row);
            match wanted {
                SqlType::Uuid => ParamValue::Uuid(uuid(text)?),
                _ if text.contains('\0') => return Err(nul()),
                _ => ParamValue::Varchar(text.to_owned()),
            }
        }
        DataType::Binary => ParamValue::Blob(array.as_binary::<i32>().value(row).to_vec()),
        DataType::FixedSizeBinary(_) => {
            let bytes = array.as_fixed_size_binary().value(row);
            match (wanted, <[u8; 16]>::try_from(bytes)) {
                (SqlType::Uuid, Ok(bytes)) => ParamValue::Uuid(u128::from_be_bytes(bytes)),
                _ => ParamValue::Blob(bytes.to_vec()),
            }
        }
        DataType::Date32 => ParamValue::Date(primitive!(Date32Type)),
        DataType::Time64(TimeUnit::Nanosecond) => {
            ParamValue::Time(whole_micros(primitive!(Time64NanosecondType))?)
        }
        DataType::Time64(_) => ParamValue::Time(primitive!(Time64MicrosecondType)),
        DataType::Timestamp(unit, zone) => {
            let micros = match unit {
                TimeUnit::Nanosecond => whole_micros(primitive!(TimestampNanosecondType))?,
                _ => primitive!(TimestampMicrosecondType),
            };
            match zone {
                Some(_) => ParamValue::TimestampTz(micros),
                None => ParamValue::Timestamp(micros),
            }
        }
        DataType::Duration(_) => ParamValue::Interval {
            months: 0,
            days: 0,
            micros: primitive!(DurationMicrosecondType),
        },
        DataType::Interval(IntervalUnit::YearMonth) => ParamValue::Interval {
            months: primitive!(IntervalYearMonthType),
            days: 0,
            micros: 0,
        },
        DataType::Interval(IntervalUnit::DayTime) => {
            let interval = primitive!(IntervalDayTimeType);
            ParamValue::Interval {
                months: 0,
                days: interval.days,
                micros: i64::from(interval.milliseconds) * 1000,
            }
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let interval = primitive!(IntervalMonthDayNanoType);
            ParamValue::Interval {
                months: interval.months,
                days: interval.days,
                micros: whole_micros(interval.nanoseconds)?,
            }
        }
        DataType::List(child) => {
            let element = own_type(child, child.data_type())?;
            let list = array.as_list::<i32>().value(row);
            let values: Result<Vec<_>> =
                (0..list.len()).map(|i| value(&list, i, &element)).collect();
            ParamValue::List(element, values?.into())
        }
        other => return Err(Error::not_supported(format!("a parameter of type {other}"))),
    })
}

fn nul() -> Error {
    Error::new(
        ErrorKind::CharacterNotInRepertoire,
        "text must not contain NUL",
    )
}

/// DuckDB's parameters count microseconds; to cut the rest off would change the value.
fn whole_micros(nanos: i64) -> Result<i64> {
    if nanos % 1000 == 0 {
        return Ok(nanos / 1000);
    }
    Err(Error::new(
        ErrorKind::InvalidParameterValue,
        "times must be whole microseconds",
    ))
}

fn uuid(text: &str) -> Result<u128> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if digits.len() == 32
        && digits.bytes().all(|b| b.is_ascii_hexdigit())
        && let Ok(value) = u128::from_str_radix(&digits, 16)
    {
        return Ok(value);
    }
    Err(Error::new(
        ErrorKind::InvalidText,
        "the text is not a value of type UUID",
    ))
}
