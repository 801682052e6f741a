//! Parameter values on their way into DuckDB.

use libduckdb_sys as ffi;
use model::{ParamValue, SqlType};

use crate::types::LogicalType;
use crate::{Error, ErrorType, Result};

/// An owned DuckDB value.
pub(crate) struct Value(pub(crate) ffi::duckdb_value);

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: ours; null is allowed.
        unsafe { ffi::duckdb_destroy_value(&raw mut self.0) };
    }
}

/// The DuckDB value of the same type.
pub(crate) fn value(value: &ParamValue) -> Result<Value> {
    // SAFETY: every call makes a new value from plain data; text and bytes are copied.
    let raw = unsafe {
        match value {
            ParamValue::Null => ffi::duckdb_create_null_value(),
            ParamValue::Boolean(v) => ffi::duckdb_create_bool(*v),
            ParamValue::TinyInt(v) => ffi::duckdb_create_int8(*v),
            ParamValue::SmallInt(v) => ffi::duckdb_create_int16(*v),
            ParamValue::Integer(v) => ffi::duckdb_create_int32(*v),
            ParamValue::BigInt(v) => ffi::duckdb_create_int64(*v),
            ParamValue::HugeInt(v) => ffi::duckdb_create_hugeint(hugeint(*v)),
            ParamValue::UTinyInt(v) => ffi::duckdb_create_uint8(*v),
            ParamValue::USmallInt(v) => ffi::duckdb_create_uint16(*v),
            ParamValue::UInteger(v) => ffi::duckdb_create_uint32(*v),
            ParamValue::UBigInt(v) => ffi::duckdb_create_uint64(*v),
            ParamValue::Float(v) => ffi::duckdb_create_float(*v),
            ParamValue::Double(v) => ffi::duckdb_create_double(*v),
            ParamValue::Decimal {
                unscaled,
                width,
                scale,
            } => ffi::duckdb_create_decimal(ffi::duckdb_decimal {
                width: *width,
                scale: *scale,
                value: hugeint(*unscaled),
            }),
            ParamValue::Varchar(v) => {
                ffi::duckdb_create_varchar_length(v.as_ptr().cast(), v.len() as ffi::idx_t)
            }
            ParamValue::Blob(v) => ffi::duckdb_create_blob(v.as_ptr(), v.len() as ffi::idx_t),
            ParamValue::Uuid(v) => ffi::duckdb_create_uuid(ffi::duckdb_uhugeint {
                lower: *v as u64,
                upper: (*v >> 64) as u64,
            }),
            ParamValue::Date(days) => ffi::duckdb_create_date(ffi::duckdb_date { days: *days }),
            ParamValue::Time(micros) => {
                ffi::duckdb_create_time(ffi::duckdb_time { micros: *micros })
            }
            ParamValue::Timestamp(micros) => {
                ffi::duckdb_create_timestamp(ffi::duckdb_timestamp { micros: *micros })
            }
            ParamValue::TimestampTz(micros) => {
                ffi::duckdb_create_timestamp_tz(ffi::duckdb_timestamp { micros: *micros })
            }
            ParamValue::Interval {
                months,
                days,
                micros,
            } => ffi::duckdb_create_interval(ffi::duckdb_interval {
                months: *months,
                days: *days,
                micros: *micros,
            }),
            ParamValue::List(element, values) => return list(element, values),
        }
    };
    made(raw)
}

fn list(element: &SqlType, values: &[ParamValue]) -> Result<Value> {
    let element = logical_type(element)?;
    let values = values.iter().map(value).collect::<Result<Vec<_>>>()?;
    let mut raw: Vec<_> = values.iter().map(|v| v.0).collect();
    // SAFETY: type and values live during the call and are copied.
    made(unsafe {
        ffi::duckdb_create_list_value(element.0, raw.as_mut_ptr(), raw.len() as ffi::idx_t)
    })
}

fn made(raw: ffi::duckdb_value) -> Result<Value> {
    if raw.is_null() {
        return Err(Error::new(
            ErrorType::InvalidInput,
            "DuckDB does not take this value",
        ));
    }
    Ok(Value(raw))
}

fn hugeint(v: i128) -> ffi::duckdb_hugeint {
    ffi::duckdb_hugeint {
        lower: v as u64,
        upper: (v >> 64) as i64,
    }
}

/// The DuckDB type of a list's elements.
fn logical_type(sql_type: &SqlType) -> Result<LogicalType> {
    let id = match sql_type {
        SqlType::Boolean => ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN,
        SqlType::TinyInt => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TINYINT,
        SqlType::SmallInt => ffi::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT,
        SqlType::Integer => ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER,
        SqlType::BigInt => ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT,
        SqlType::HugeInt => ffi::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT,
        SqlType::UTinyInt => ffi::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT,
        SqlType::USmallInt => ffi::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT,
        SqlType::UInteger => ffi::DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER,
        SqlType::UBigInt => ffi::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT,
        SqlType::Float => ffi::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT,
        SqlType::Double => ffi::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE,
        SqlType::Varchar | SqlType::Json => ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR,
        SqlType::Blob => ffi::DUCKDB_TYPE_DUCKDB_TYPE_BLOB,
        SqlType::Uuid => ffi::DUCKDB_TYPE_DUCKDB_TYPE_UUID,
        SqlType::Date => ffi::DUCKDB_TYPE_DUCKDB_TYPE_DATE,
        SqlType::Time => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME,
        SqlType::Timestamp => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP,
        SqlType::TimestampTz => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ,
        SqlType::Interval => ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL,
        SqlType::Null => ffi::DUCKDB_TYPE_DUCKDB_TYPE_SQLNULL,
        SqlType::Decimal { width, scale } => {
            // SAFETY: plain numbers; DuckDB checks them.
            return known(
                unsafe { ffi::duckdb_create_decimal_type(*width, *scale) },
                sql_type,
            );
        }
        SqlType::List(element) => {
            let element = logical_type(element)?;
            // SAFETY: the element type lives during the call and is copied.
            return known(unsafe { ffi::duckdb_create_list_type(element.0) }, sql_type);
        }
        other => {
            return Err(Error::new(
                ErrorType::NotImplemented,
                format!("Not implemented Error: a list parameter of {other}"),
            ));
        }
    };
    // SAFETY: a plain number.
    known(unsafe { ffi::duckdb_create_logical_type(id) }, sql_type)
}

fn known(raw: ffi::duckdb_logical_type, sql_type: &SqlType) -> Result<LogicalType> {
    if raw.is_null() {
        return Err(Error::new(
            ErrorType::InvalidType,
            format!("Invalid type Error: DuckDB does not take {sql_type}"),
        ));
    }
    Ok(LogicalType(raw))
}
