//! DuckDB's logical types and the model's.

use std::sync::Arc;

use libduckdb_sys as ffi;
use model::SqlType;

use crate::text::owned;
use crate::{Error, ErrorType, Result};

/// An owned logical type. Null where DuckDB has none, as for an open parameter.
pub(crate) struct LogicalType(pub(crate) ffi::duckdb_logical_type);

// SAFETY: a logical type is an immutable value with one owner.
unsafe impl Send for LogicalType {}

impl Drop for LogicalType {
    fn drop(&mut self) {
        // SAFETY: ours; null is allowed.
        unsafe { ffi::duckdb_destroy_logical_type(&raw mut self.0) };
    }
}

impl LogicalType {
    /// The model's name for the type. A type that the model does not have is an error: Eider
    /// must know what it lets through.
    pub(crate) fn sql_type(&self) -> Result<SqlType> {
        if self.0.is_null() {
            return Ok(SqlType::Unknown);
        }
        // SAFETY: not null and alive.
        let id = unsafe { ffi::duckdb_get_type_id(self.0) };
        Ok(match id {
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_INVALID | ffi::DUCKDB_TYPE_DUCKDB_TYPE_ANY => {
                SqlType::Unknown
            }
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_SQLNULL => SqlType::Null,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN => SqlType::Boolean,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_TINYINT => SqlType::TinyInt,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT => SqlType::SmallInt,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER | ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER_LITERAL => {
                SqlType::Integer
            }
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT => SqlType::BigInt,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT => SqlType::HugeInt,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT => SqlType::UTinyInt,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT => SqlType::USmallInt,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER => SqlType::UInteger,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT => SqlType::UBigInt,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UHUGEINT => SqlType::UHugeInt,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT => SqlType::Float,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE => SqlType::Double,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR | ffi::DUCKDB_TYPE_DUCKDB_TYPE_STRING_LITERAL => {
                self.text_type()
            }
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_BLOB => SqlType::Blob,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIT => SqlType::Bit,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGNUM => SqlType::Bignum,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UUID => SqlType::Uuid,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_DATE => SqlType::Date,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME => SqlType::Time,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME_NS => SqlType::TimeNs,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME_TZ => SqlType::TimeTz,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP => SqlType::Timestamp,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S => SqlType::TimestampS,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS => SqlType::TimestampMs,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_NS => SqlType::TimestampNs,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ => SqlType::TimestampTz,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL => SqlType::Interval,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARIANT => SqlType::Variant,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_GEOMETRY => SqlType::Geometry,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_DECIMAL => self.decimal(),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_ENUM => self.enumeration(),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_LIST => SqlType::List(self.list_child()?),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_ARRAY => self.array()?,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => SqlType::Struct(self.struct_fields()?),
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_MAP => self.map()?,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UNION => SqlType::Union(self.union_members()?),
            other => {
                return Err(Error::new(
                    ErrorType::NotImplemented,
                    format!("Not implemented Error: DuckDB type number {other}"),
                ));
            }
        })
    }

    fn text_type(&self) -> SqlType {
        // SAFETY: alive; the alias is given to us.
        match unsafe { owned(ffi::duckdb_logical_type_get_alias(self.0)) }.as_deref() {
            Some("JSON") => SqlType::Json,
            _ => SqlType::Varchar,
        }
    }

    fn decimal(&self) -> SqlType {
        // SAFETY: alive, and a DECIMAL.
        unsafe {
            SqlType::Decimal {
                width: ffi::duckdb_decimal_width(self.0),
                scale: ffi::duckdb_decimal_scale(self.0),
            }
        }
    }

    fn enumeration(&self) -> SqlType {
        // SAFETY: alive, and an ENUM; values are given to us.
        let values = unsafe {
            (0..ffi::duckdb_enum_dictionary_size(self.0))
                .map(|i| {
                    owned(ffi::duckdb_enum_dictionary_value(self.0, i.into())).unwrap_or_default()
                })
                .collect()
        };
        SqlType::Enum(values)
    }

    fn list_child(&self) -> Result<Arc<SqlType>> {
        // SAFETY: alive, and a LIST; the child is given to us.
        let child = Self(unsafe { ffi::duckdb_list_type_child_type(self.0) });
        child.sql_type().map(Arc::new)
    }

    fn array(&self) -> Result<SqlType> {
        // SAFETY: alive, and an ARRAY; the child is given to us.
        let (child, size) = unsafe {
            let child = Self(ffi::duckdb_array_type_child_type(self.0));
            (child, ffi::duckdb_array_type_array_size(self.0))
        };
        let size = u32::try_from(size)
            .map_err(|_| Error::new(ErrorType::ObjectSize, "array type of more than 2^32 items"))?;
        Ok(SqlType::Array(Arc::new(child.sql_type()?), size))
    }

    fn map(&self) -> Result<SqlType> {
        // SAFETY: alive, and a MAP; key and value are given to us.
        let (key, value) = unsafe {
            let key = Self(ffi::duckdb_map_type_key_type(self.0));
            (key, Self(ffi::duckdb_map_type_value_type(self.0)))
        };
        Ok(SqlType::Map(
            Arc::new(key.sql_type()?),
            Arc::new(value.sql_type()?),
        ))
    }

    fn struct_fields(&self) -> Result<Arc<[(String, SqlType)]>> {
        // SAFETY: alive, and a STRUCT; names and types are given to us.
        unsafe {
            (0..ffi::duckdb_struct_type_child_count(self.0))
                .map(|i| {
                    let name = owned(ffi::duckdb_struct_type_child_name(self.0, i));
                    let child = Self(ffi::duckdb_struct_type_child_type(self.0, i));
                    Ok((name.unwrap_or_default(), child.sql_type()?))
                })
                .collect()
        }
    }

    fn union_members(&self) -> Result<Arc<[(String, SqlType)]>> {
        // SAFETY: alive, and a UNION; names and types are given to us.
        unsafe {
            (0..ffi::duckdb_union_type_member_count(self.0))
                .map(|i| {
                    let name = owned(ffi::duckdb_union_type_member_name(self.0, i));
                    let member = Self(ffi::duckdb_union_type_member_type(self.0, i));
                    Ok((name.unwrap_or_default(), member.sql_type()?))
                })
                .collect()
        }
    }
}
