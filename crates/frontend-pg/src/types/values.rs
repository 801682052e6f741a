//! A batch's column, its Arrow type resolved once, so that each value costs one match.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType,
    Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, BinaryArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray, LargeBinaryArray,
    LargeStringArray, StringArray, StringViewArray, UnionArray,
};
use arrow_buffer::{IntervalMonthDayNano, NullBuffer};
use arrow_schema::{DataType, TimeUnit};
use model::{Error, Result, SqlType};

use super::datetime::unpack_timetz;
use super::interval::Interval;
use super::oid::array_element;

/// One column of one batch, or the elements of a nested one.
pub(crate) struct Values<'a> {
    nulls: Option<&'a NullBuffer>,
    pub(super) kind: Kind<'a>,
}

/// What the column holds, by how its values are written.
pub(super) enum Kind<'a> {
    Null,
    Bool(&'a BooleanArray),
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    UInt8(&'a [u8]),
    UInt16(&'a [u16]),
    UInt32(&'a [u32]),
    UInt64(&'a [u64]),
    Float(&'a [f32]),
    Double(&'a [f64]),
    Decimal {
        unscaled: &'a [i128],
        scale: u8,
    },
    UHugeInt(&'a [i128]),
    HugeIntBytes {
        bytes: &'a FixedSizeBinaryArray,
        signed: bool,
    },
    Bignum(Bytes<'a>),
    Text(Strings<'a>),
    Json(Strings<'a>),
    Uuid(&'a FixedSizeBinaryArray),
    UuidText(Strings<'a>),
    Bytea(Bytes<'a>),
    Bit(Bytes<'a>),
    Date(&'a [i32]),
    Time(&'a [i64]),
    TimeNs(&'a [i64]),
    TimeTz(&'a FixedSizeBinaryArray),
    Timestamp {
        values: &'a [i64],
        unit: TimeUnit,
    },
    TimestampTz(&'a [i64]),
    Interval(&'a [IntervalMonthDayNano]),
    List(List<'a>),
    Struct(Vec<(&'a str, Values<'a>)>),
    Map {
        entries: List<'a>,
        values: Box<Values<'a>>,
    },
    Union {
        array: &'a UnionArray,
        members: Vec<(i8, &'a str, Values<'a>)>,
    },
}

/// Where each row's elements are, and the elements.
pub(super) struct List<'a> {
    bounds: Bounds<'a>,
    /// The elements' id if the list travels as an array, `None` if as json.
    pub(super) element: Option<u32>,
    pub(super) items: Box<Values<'a>>,
}

enum Bounds<'a> {
    Small(&'a [i32]),
    Large(&'a [i64]),
    Fixed(usize),
}

/// Text of any of Arrow's layouts.
pub(super) enum Strings<'a> {
    Small(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
    Keyed(Keys<'a>, Box<Strings<'a>>),
}

/// A dictionary's keys.
pub(super) enum Keys<'a> {
    U8(&'a [u8]),
    U16(&'a [u16]),
    U32(&'a [u32]),
}

/// Binary of any of Arrow's layouts.
pub(super) enum Bytes<'a> {
    Small(&'a BinaryArray),
    Large(&'a LargeBinaryArray),
    View(&'a BinaryViewArray),
}

impl<'a> Values<'a> {
    /// Resolves a column of that DuckDB type. Accepts DuckDB's default Arrow export and its
    /// lossless one; fails for a combination that would not be exact.
    pub(crate) fn new(sql_type: &SqlType, array: &'a dyn Array) -> Result<Self> {
        let kind = Kind::new(sql_type, array)?.ok_or_else(|| {
            Error::not_supported(format_args!("sending {sql_type}"))
                .with_cause(format!("no encoder from Arrow's {}", array.data_type()))
        })?;
        Ok(Self {
            nulls: array.nulls(),
            kind,
        })
    }

    /// Whether the value is NULL.
    pub(crate) fn is_null(&self, row: usize) -> bool {
        matches!(self.kind, Kind::Null) || self.nulls.is_some_and(|n| n.is_null(row))
    }
}

impl<'a> Kind<'a> {
    fn new(sql_type: &SqlType, array: &'a dyn Array) -> Result<Option<Self>> {
        let data = array.data_type();
        Ok(Some(match (sql_type, data) {
            (SqlType::Null, _) | (_, DataType::Null) => Self::Null,
            (SqlType::Boolean, DataType::Boolean) => Self::Bool(array.as_boolean()),
            (SqlType::TinyInt, DataType::Int8) => {
                Self::Int8(array.as_primitive::<Int8Type>().values())
            }
            (SqlType::SmallInt, DataType::Int16) => {
                Self::Int16(array.as_primitive::<Int16Type>().values())
            }
            (SqlType::Integer, DataType::Int32) => {
                Self::Int32(array.as_primitive::<Int32Type>().values())
            }
            (SqlType::BigInt, DataType::Int64) => {
                Self::Int64(array.as_primitive::<Int64Type>().values())
            }
            (SqlType::UTinyInt, DataType::UInt8) => {
                Self::UInt8(array.as_primitive::<UInt8Type>().values())
            }
            (SqlType::USmallInt, DataType::UInt16) => {
                Self::UInt16(array.as_primitive::<UInt16Type>().values())
            }
            (SqlType::UInteger, DataType::UInt32) => {
                Self::UInt32(array.as_primitive::<UInt32Type>().values())
            }
            (SqlType::UBigInt, DataType::UInt64) => {
                Self::UInt64(array.as_primitive::<UInt64Type>().values())
            }
            (SqlType::Float, DataType::Float32) => {
                Self::Float(array.as_primitive::<Float32Type>().values())
            }
            (SqlType::Double, DataType::Float64) => {
                Self::Double(array.as_primitive::<Float64Type>().values())
            }
            (SqlType::Decimal { .. } | SqlType::HugeInt, DataType::Decimal128(_, scale)) => {
                Self::Decimal {
                    unscaled: array.as_primitive::<Decimal128Type>().values(),
                    scale: u8::try_from(*scale).map_err(Error::internal)?,
                }
            }
            // The default export labels the same 128 bits as a signed decimal.
            (SqlType::UHugeInt, DataType::Decimal128(_, 0)) => {
                Self::UHugeInt(array.as_primitive::<Decimal128Type>().values())
            }
            (SqlType::HugeInt | SqlType::UHugeInt, DataType::FixedSizeBinary(16)) => {
                Self::HugeIntBytes {
                    bytes: array.as_fixed_size_binary(),
                    signed: *sql_type == SqlType::HugeInt,
                }
            }
            (SqlType::Varchar | SqlType::Enum(_), _) => match Strings::new(array) {
                Some(strings) => Self::Text(strings),
                None => return Ok(None),
            },
            (SqlType::Json | SqlType::Variant, _) => match Strings::new(array) {
                Some(strings) => Self::Json(strings),
                None => return Ok(None),
            },
            (SqlType::Uuid, DataType::FixedSizeBinary(16)) => {
                Self::Uuid(array.as_fixed_size_binary())
            }
            (SqlType::Uuid, _) => match Strings::new(array) {
                Some(strings) => Self::UuidText(strings),
                None => return Ok(None),
            },
            (SqlType::Blob | SqlType::Geometry, _) => match Bytes::new(array) {
                Some(bytes) => Self::Bytea(bytes),
                None => return Ok(None),
            },
            (SqlType::Bignum, _) => match Bytes::new(array) {
                Some(bytes) => Self::Bignum(bytes),
                None => return Ok(None),
            },
            (SqlType::Bit, _) => match Bytes::new(array) {
                Some(bytes) => Self::Bit(bytes),
                None => return Ok(None),
            },
            (SqlType::Date, DataType::Date32) => {
                Self::Date(array.as_primitive::<Date32Type>().values())
            }
            (SqlType::Time | SqlType::TimeNs, DataType::Time64(TimeUnit::Microsecond)) => {
                Self::Time(array.as_primitive::<Time64MicrosecondType>().values())
            }
            (SqlType::Time | SqlType::TimeNs, DataType::Time64(TimeUnit::Nanosecond)) => {
                Self::TimeNs(array.as_primitive::<Time64NanosecondType>().values())
            }
            // Only the lossless export keeps the offset.
            (SqlType::TimeTz, DataType::FixedSizeBinary(8)) => {
                Self::TimeTz(array.as_fixed_size_binary())
            }
            (SqlType::TimestampTz, DataType::Timestamp(TimeUnit::Microsecond, _)) => {
                Self::TimestampTz(array.as_primitive::<TimestampMicrosecondType>().values())
            }
            (
                SqlType::Timestamp
                | SqlType::TimestampS
                | SqlType::TimestampMs
                | SqlType::TimestampNs,
                DataType::Timestamp(unit, _),
            ) => Self::Timestamp {
                values: timestamps(array, *unit),
                unit: *unit,
            },
            (SqlType::Interval, DataType::Interval(arrow_schema::IntervalUnit::MonthDayNano)) => {
                Self::Interval(array.as_primitive::<IntervalMonthDayNanoType>().values())
            }
            (SqlType::List(t) | SqlType::Array(t, _), _) => match List::new(t, array)? {
                Some(list) => Self::List(list),
                None => return Ok(None),
            },
            (SqlType::Struct(fields), DataType::Struct(arrow_fields))
                if fields.len() == arrow_fields.len() =>
            {
                let columns = array.as_struct().columns();
                let names = arrow_fields.iter().map(|f| f.name().as_str());
                let values = fields
                    .iter()
                    .zip(columns)
                    .map(|((_, t), c)| Values::new(t, c));
                Self::Struct(
                    names
                        .zip(values)
                        .map(|(name, value)| Ok((name, value?)))
                        .collect::<Result<_>>()?,
                )
            }
            (SqlType::Map(key, value), DataType::Map(..)) => {
                let map = array.as_map();
                Self::Map {
                    entries: List {
                        bounds: Bounds::Small(map.value_offsets()),
                        element: None,
                        items: Box::new(Values::new(key, map.keys())?),
                    },
                    values: Box::new(Values::new(value, map.values())?),
                }
            }
            (SqlType::Union(members), DataType::Union(arrow_fields, _))
                if members.len() == arrow_fields.len() =>
            {
                let array = array.as_union();
                Self::Union {
                    array,
                    members: arrow_fields
                        .iter()
                        .zip(members.iter())
                        .map(|((id, field), (_, t))| {
                            Ok((id, field.name().as_str(), Values::new(t, array.child(id))?))
                        })
                        .collect::<Result<_>>()?,
                }
            }
            _ => return Ok(None),
        }))
    }
}

fn timestamps(array: &dyn Array, unit: TimeUnit) -> &[i64] {
    match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().values(),
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().values(),
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().values(),
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().values(),
    }
}

impl<'a> List<'a> {
    fn new(element: &SqlType, array: &'a dyn Array) -> Result<Option<Self>> {
        let (bounds, items) = match array.data_type() {
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                (Bounds::Small(list.value_offsets()), list.values())
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                (Bounds::Large(list.value_offsets()), list.values())
            }
            DataType::FixedSizeList(..) => {
                let list = array.as_fixed_size_list();
                let size = usize::try_from(list.value_length()).map_err(Error::internal)?;
                (Bounds::Fixed(size), list.values())
            }
            _ => return Ok(None),
        };
        Ok(Some(Self {
            bounds,
            element: array_element(element),
            items: Box::new(Values::new(element, items)?),
        }))
    }

    /// The elements of one row.
    pub(super) fn range(&self, row: usize) -> std::ops::Range<usize> {
        match self.bounds {
            Bounds::Small(offsets) => offsets[row] as usize..offsets[row + 1] as usize,
            Bounds::Large(offsets) => offsets[row] as usize..offsets[row + 1] as usize,
            Bounds::Fixed(size) => row * size..(row + 1) * size,
        }
    }
}

impl<'a> Strings<'a> {
    fn new(array: &'a dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Utf8 => Self::Small(array.as_string()),
            DataType::LargeUtf8 => Self::Large(array.as_string()),
            DataType::Utf8View => Self::View(array.as_string_view()),
            DataType::Dictionary(key, _) => {
                let keys = match key.as_ref() {
                    DataType::UInt8 => Keys::U8(keys::<UInt8Type>(array)),
                    DataType::UInt16 => Keys::U16(keys::<UInt16Type>(array)),
                    DataType::UInt32 => Keys::U32(keys::<UInt32Type>(array)),
                    _ => return None,
                };
                let values = Self::new(array.as_any_dictionary().values().as_ref())?;
                Self::Keyed(keys, Box::new(values))
            }
            _ => return None,
        })
    }

    /// The text of a row that is not NULL.
    pub(super) fn get(&self, row: usize) -> &'a str {
        match self {
            Self::Small(a) => a.value(row),
            Self::Large(a) => a.value(row),
            Self::View(a) => a.value(row),
            Self::Keyed(keys, values) => values.get(match keys {
                Keys::U8(k) => usize::from(k[row]),
                Keys::U16(k) => usize::from(k[row]),
                Keys::U32(k) => k[row] as usize,
            }),
        }
    }
}

fn keys<K: ArrowDictionaryKeyType>(array: &dyn Array) -> &[K::Native] {
    array.as_dictionary::<K>().keys().values()
}

impl<'a> Bytes<'a> {
    fn new(array: &'a dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Binary => Self::Small(array.as_binary()),
            DataType::LargeBinary => Self::Large(array.as_binary()),
            DataType::BinaryView => Self::View(array.as_binary_view()),
            _ => return None,
        })
    }

    /// The bytes of a row that is not NULL.
    pub(super) fn get(&self, row: usize) -> &'a [u8] {
        match self {
            Self::Small(a) => a.value(row),
            Self::Large(a) => a.value(row),
            Self::View(a) => a.value(row),
        }
    }
}

/// The 128 bits of a lossless HUGEINT or UHUGEINT, as sign and magnitude.
pub(super) fn hugeint(bytes: &[u8], signed: bool) -> (bool, u128) {
    let mut buffer = [0; 16];
    buffer.copy_from_slice(bytes);
    let bits = u128::from_le_bytes(buffer);
    if signed {
        let value = bits as i128;
        (value < 0, value.unsigned_abs())
    } else {
        (false, bits)
    }
}

/// Microseconds and offset of a lossless TIMETZ.
pub(super) fn timetz(bytes: &[u8]) -> (i64, i32) {
    let mut buffer = [0; 8];
    buffer.copy_from_slice(bytes);
    unpack_timetz(u64::from_le_bytes(buffer))
}

/// A timestamp of any unit in microseconds; infinities stay.
pub(super) fn micros(value: i64, unit: TimeUnit) -> Result<i64> {
    if super::datetime::is_infinite(value) {
        return Ok(value);
    }
    let scaled = match unit {
        TimeUnit::Second => value.checked_mul(1_000_000),
        TimeUnit::Millisecond => value.checked_mul(1_000),
        TimeUnit::Microsecond => Some(value),
        TimeUnit::Nanosecond => Some(value.div_euclid(1_000)),
    };
    scaled.ok_or_else(super::datetime::out_of_range)
}

/// Arrow's interval as PostgreSQL's: nanoseconds become microseconds.
pub(super) fn interval(value: IntervalMonthDayNano) -> Interval {
    Interval {
        months: value.months,
        days: value.days,
        micros: value.nanoseconds / 1_000,
    }
}
