//! DuckDB's logical types. `Display` prints a type as DuckDB's DDL and casts read it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::fold;

/// A DuckDB 1.5 logical type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "variants are DuckDB's type names")]
pub enum SqlType {
    Boolean,
    TinyInt,
    SmallInt,
    Integer,
    BigInt,
    HugeInt,
    UTinyInt,
    USmallInt,
    UInteger,
    UBigInt,
    UHugeInt,
    Float,
    Double,
    Decimal {
        width: u8,
        scale: u8,
    },
    Varchar,
    Json,
    Blob,
    Bit,
    Bignum,
    Uuid,
    Date,
    Time,
    TimeNs,
    TimeTz,
    Timestamp,
    TimestampS,
    TimestampMs,
    TimestampNs,
    TimestampTz,
    Interval,
    Enum(Arc<[String]>),
    List(Arc<SqlType>),
    Array(Arc<SqlType>, u32),
    Struct(Arc<[(String, SqlType)]>),
    Map(Arc<SqlType>, Arc<SqlType>),
    Union(Arc<[(String, SqlType)]>),
    Variant,
    Geometry,
    /// The type of a bare NULL.
    Null,
    /// Not known before a value is bound: a parameter that nothing fixes, or a result that depends
    /// on one.
    Unknown,
}

impl SqlType {
    /// Whether the type is or contains STRUCT or UNION, whose fields pass DuckDB's barriers.
    pub fn contains_struct(&self) -> bool {
        match self {
            Self::Struct(_) | Self::Union(_) | Self::Variant => true,
            Self::List(t) | Self::Array(t, _) => t.contains_struct(),
            Self::Map(k, v) => k.contains_struct() || v.contains_struct(),
            _ => false,
        }
    }

    /// Whether the type is or contains an ENUM.
    pub fn contains_enum(&self) -> bool {
        match self {
            Self::Enum(_) => true,
            Self::List(t) | Self::Array(t, _) => t.contains_enum(),
            Self::Map(k, v) => k.contains_enum() || v.contains_enum(),
            Self::Struct(fields) | Self::Union(fields) => {
                fields.iter().any(|(_, t)| t.contains_enum())
            }
            _ => false,
        }
    }

    /// Whether DuckDB reads the text of the type: it makes some that it has no text for, as of `row(1)`,
    /// whose field has no name.
    pub fn has_text(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Enum(values) => !values.is_empty(),
            Self::List(t) | Self::Array(t, _) => t.has_text(),
            Self::Map(k, v) => k.has_text() && v.has_text(),
            Self::Struct(fields) | Self::Union(fields) => {
                let mut names = BTreeSet::new();
                let mut is_new = |name: &str| !name.is_empty() && names.insert(fold(name));
                !fields.is_empty() && fields.iter().all(|(name, t)| is_new(name) && t.has_text())
            }
            _ => true,
        }
    }

    /// Whether it is what DuckDB calls numeric.
    pub fn is_numeric(&self) -> bool {
        matches!(
            self,
            Self::TinyInt
                | Self::SmallInt
                | Self::Integer
                | Self::BigInt
                | Self::HugeInt
                | Self::UTinyInt
                | Self::USmallInt
                | Self::UInteger
                | Self::UBigInt
                | Self::UHugeInt
                | Self::Bignum
                | Self::Float
                | Self::Double
                | Self::Decimal { .. }
        )
    }

    /// Whether the type is or contains [`SqlType::Unknown`].
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Unknown => true,
            Self::List(t) | Self::Array(t, _) => t.is_unknown(),
            Self::Map(k, v) => k.is_unknown() || v.is_unknown(),
            Self::Struct(fields) | Self::Union(fields) => {
                fields.iter().any(|(_, t)| t.is_unknown())
            }
            _ => false,
        }
    }
}

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Boolean => "BOOLEAN",
            Self::TinyInt => "TINYINT",
            Self::SmallInt => "SMALLINT",
            Self::Integer => "INTEGER",
            Self::BigInt => "BIGINT",
            Self::HugeInt => "HUGEINT",
            Self::UTinyInt => "UTINYINT",
            Self::USmallInt => "USMALLINT",
            Self::UInteger => "UINTEGER",
            Self::UBigInt => "UBIGINT",
            Self::UHugeInt => "UHUGEINT",
            Self::Float => "FLOAT",
            Self::Double => "DOUBLE",
            Self::Varchar => "VARCHAR",
            Self::Json => "JSON",
            Self::Blob => "BLOB",
            Self::Bit => "BIT",
            Self::Bignum => "BIGNUM",
            Self::Uuid => "UUID",
            Self::Date => "DATE",
            Self::Time => "TIME",
            Self::TimeNs => "TIME_NS",
            Self::TimeTz => "TIME WITH TIME ZONE",
            Self::Timestamp => "TIMESTAMP",
            Self::TimestampS => "TIMESTAMP_S",
            Self::TimestampMs => "TIMESTAMP_MS",
            Self::TimestampNs => "TIMESTAMP_NS",
            Self::TimestampTz => "TIMESTAMP WITH TIME ZONE",
            Self::Interval => "INTERVAL",
            Self::Variant => "VARIANT",
            Self::Geometry => "GEOMETRY",
            Self::Null => "\"NULL\"",
            Self::Unknown => "UNKNOWN",
            Self::Decimal { width, scale } => return write!(f, "DECIMAL({width},{scale})"),
            Self::Enum(values) => {
                f.write_str("ENUM(")?;
                for (i, value) in values.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}'{}'", value.replace('\'', "''"))?;
                }
                return f.write_str(")");
            }
            Self::List(t) => return write!(f, "{t}[]"),
            Self::Array(t, n) => return write!(f, "{t}[{n}]"),
            Self::Map(k, v) => return write!(f, "MAP({k}, {v})"),
            Self::Struct(fields) => return write_fields(f, "STRUCT", fields),
            Self::Union(fields) => return write_fields(f, "UNION", fields),
        };
        f.write_str(name)
    }
}

fn write_fields(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    fields: &[(String, SqlType)],
) -> fmt::Result {
    write!(f, "{name}(")?;
    for (i, (field, t)) in fields.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        write!(f, "{comma}\"{}\" {t}", field.replace('"', "\"\""))?;
    }
    f.write_str(")")
}
