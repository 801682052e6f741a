//! Values bound to parameters.

use std::sync::Arc;

use crate::SqlType;

/// A value for `$n`. Dates count days and times microseconds from 1970-01-01, as in Arrow.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "variants are named after the types they carry")]
pub enum ParamValue {
    Null,
    Boolean(bool),
    TinyInt(i8),
    SmallInt(i16),
    Integer(i32),
    BigInt(i64),
    HugeInt(i128),
    UTinyInt(u8),
    USmallInt(u16),
    UInteger(u32),
    UBigInt(u64),
    Float(f32),
    Double(f64),
    /// `unscaled / 10^scale`.
    Decimal {
        unscaled: i128,
        width: u8,
        scale: u8,
    },
    Varchar(String),
    Blob(Vec<u8>),
    /// The 128 bits as they are printed, most significant first.
    Uuid(u128),
    /// Days.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds.
    Timestamp(i64),
    /// Microseconds, UTC.
    TimestampTz(i64),
    Interval {
        months: i32,
        days: i32,
        micros: i64,
    },
    /// Elements of one type.
    List(SqlType, Arc<[ParamValue]>),
}

impl ParamValue {
    /// The value's own type; `Null` has [`SqlType::Null`].
    pub fn sql_type(&self) -> SqlType {
        match self {
            Self::Null => SqlType::Null,
            Self::Boolean(_) => SqlType::Boolean,
            Self::TinyInt(_) => SqlType::TinyInt,
            Self::SmallInt(_) => SqlType::SmallInt,
            Self::Integer(_) => SqlType::Integer,
            Self::BigInt(_) => SqlType::BigInt,
            Self::HugeInt(_) => SqlType::HugeInt,
            Self::UTinyInt(_) => SqlType::UTinyInt,
            Self::USmallInt(_) => SqlType::USmallInt,
            Self::UInteger(_) => SqlType::UInteger,
            Self::UBigInt(_) => SqlType::UBigInt,
            Self::Float(_) => SqlType::Float,
            Self::Double(_) => SqlType::Double,
            Self::Decimal { width, scale, .. } => SqlType::Decimal {
                width: *width,
                scale: *scale,
            },
            Self::Varchar(_) => SqlType::Varchar,
            Self::Blob(_) => SqlType::Blob,
            Self::Uuid(_) => SqlType::Uuid,
            Self::Date(_) => SqlType::Date,
            Self::Time(_) => SqlType::Time,
            Self::Timestamp(_) => SqlType::Timestamp,
            Self::TimestampTz(_) => SqlType::TimestampTz,
            Self::Interval { .. } => SqlType::Interval,
            Self::List(t, _) => SqlType::List(Arc::new(t.clone())),
        }
    }
}
