//! Which types parameter columns have, and into which they may be turned.

use std::sync::Arc;

use arrow_schema::{DataType, Field, TimeUnit};
use model::{Error, Result, SqlType};

/// The plain type that columns of a type are read as.
pub(super) fn plain(data_type: &DataType) -> Result<DataType> {
    Ok(match data_type {
        DataType::Dictionary(_, value) => plain(value)?,
        DataType::RunEndEncoded(_, value) => plain(value.data_type())?,
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::FixedSizeBinary(n) if *n != 16 => DataType::Binary,
        DataType::Float16 => DataType::Float32,
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) => DataType::Decimal128(*p, *s),
        DataType::Decimal256(p, s) => DataType::Decimal128((*p).min(38), *s),
        DataType::Date64 => DataType::Date32,
        DataType::Time32(_) => DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, zone) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
        }
        DataType::Duration(_) => DataType::Duration(TimeUnit::Microsecond),
        DataType::List(f)
        | DataType::LargeList(f)
        | DataType::FixedSizeList(f, _)
        | DataType::ListView(f)
        | DataType::LargeListView(f) => {
            let child = f.as_ref().clone().with_data_type(plain(f.data_type())?);
            DataType::List(Arc::new(child))
        }
        DataType::Struct(_) | DataType::Map(_, _) | DataType::Union(_, _) => {
            return Err(Error::not_supported(format!(
                "a parameter of type {data_type}"
            )));
        }
        other => other.clone(),
    })
}

/// The SQL type of a plain type.
pub(super) fn own_type(field: &Field, data_type: &DataType) -> Result<SqlType> {
    let extension = field.metadata().get("ARROW:extension:name");
    Ok(match data_type {
        DataType::Null => SqlType::Null,
        DataType::Boolean => SqlType::Boolean,
        DataType::Int8 => SqlType::TinyInt,
        DataType::Int16 => SqlType::SmallInt,
        DataType::Int32 => SqlType::Integer,
        DataType::Int64 => SqlType::BigInt,
        DataType::UInt8 => SqlType::UTinyInt,
        DataType::UInt16 => SqlType::USmallInt,
        DataType::UInt32 => SqlType::UInteger,
        DataType::UInt64 => SqlType::UBigInt,
        DataType::Float32 => SqlType::Float,
        DataType::Float64 => SqlType::Double,
        DataType::Decimal128(width, scale) => SqlType::Decimal {
            width: *width,
            scale: u8::try_from(*scale)
                .map_err(|_| Error::not_supported("a decimal parameter of negative scale"))?,
        },
        DataType::Utf8 => SqlType::Varchar,
        DataType::FixedSizeBinary(_) if extension.is_some_and(|e| e == "arrow.uuid") => {
            SqlType::Uuid
        }
        DataType::Binary | DataType::FixedSizeBinary(_) => SqlType::Blob,
        DataType::Date32 => SqlType::Date,
        DataType::Time64(_) => SqlType::Time,
        DataType::Timestamp(_, None) => SqlType::Timestamp,
        DataType::Timestamp(_, Some(_)) => SqlType::TimestampTz,
        DataType::Duration(_) | DataType::Interval(_) => SqlType::Interval,
        DataType::List(child) => SqlType::List(Arc::new(own_type(child, child.data_type())?)),
        other => return Err(Error::not_supported(format!("a parameter of type {other}"))),
    })
}

pub(super) enum Conversion {
    /// The values are already of the wanted type, or read as such by DuckDB.
    Same,
    /// A cast keeps the value if it succeeds. If it fails: an error if `must`, else the own type.
    Cast { must: bool },
    /// A cast could change the value: the statement is planned for the own type.
    None,
}

pub(super) fn conversion(own: &SqlType, wanted: &SqlType) -> Conversion {
    use SqlType as T;
    let cast = Conversion::Cast { must: false };
    match (own, wanted) {
        (T::Varchar, T::Json | T::Enum(_) | T::Uuid) | (T::Blob, T::Uuid) => Conversion::Same,
        (T::Varchar, w) if is_integer(w) || is_readable(w) => Conversion::Cast { must: true },
        (o, w) if is_integer(o) && (is_integer(w) || matches!(w, T::HugeInt)) => cast,
        (o, T::Double | T::Float | T::Decimal { .. }) if is_integer(o) => cast,
        (T::Float, T::Double) | (T::Date, T::Timestamp) => cast,
        (T::Decimal { scale: o, .. }, T::Decimal { scale: w, .. }) if o <= w => cast,
        (T::Decimal { scale: 0, .. }, T::HugeInt) => cast,
        _ => Conversion::None,
    }
}

fn is_integer(t: &SqlType) -> bool {
    use SqlType as T;
    matches!(
        t,
        T::TinyInt
            | T::SmallInt
            | T::Integer
            | T::BigInt
            | T::UTinyInt
            | T::USmallInt
            | T::UInteger
            | T::UBigInt
    )
}

/// Types whose text form Arrow reads as DuckDB does.
fn is_readable(t: &SqlType) -> bool {
    use SqlType as T;
    matches!(
        t,
        T::Boolean | T::Float | T::Double | T::Decimal { .. } | T::Date | T::Time | T::Timestamp
    )
}
