//! DuckDB's types as PostgreSQL's: object ids, lengths and modifiers, as `pg_type` has them.

use model::SqlType;

pub(crate) const BOOL: u32 = 16;
pub(crate) const BYTEA: u32 = 17;
pub(crate) const CHAR: u32 = 18;
pub(crate) const NAME: u32 = 19;
pub(crate) const INT8: u32 = 20;
pub(crate) const INT2: u32 = 21;
pub(crate) const INT4: u32 = 23;
pub(crate) const TEXT: u32 = 25;
pub(crate) const OID: u32 = 26;
pub(crate) const JSON: u32 = 114;
pub(crate) const FLOAT4: u32 = 700;
pub(crate) const FLOAT8: u32 = 701;
pub(crate) const UNKNOWN: u32 = 705;
pub(crate) const BPCHAR: u32 = 1042;
pub(crate) const VARCHAR: u32 = 1043;
pub(crate) const DATE: u32 = 1082;
pub(crate) const TIME: u32 = 1083;
pub(crate) const TIMESTAMP: u32 = 1114;
pub(crate) const TIMESTAMPTZ: u32 = 1184;
pub(crate) const INTERVAL: u32 = 1186;
pub(crate) const TIMETZ: u32 = 1266;
pub(crate) const BIT: u32 = 1560;
pub(crate) const VARBIT: u32 = 1562;
pub(crate) const NUMERIC: u32 = 1700;
pub(crate) const UUID: u32 = 2950;
pub(crate) const JSONB: u32 = 3802;

/// Element and array ids of every type that Eider knows by id.
const ARRAYS: &[(u32, u32)] = &[
    (BOOL, 1000),
    (BYTEA, 1001),
    (CHAR, 1002),
    (NAME, 1003),
    (INT2, 1005),
    (INT4, 1007),
    (TEXT, 1009),
    (BPCHAR, 1014),
    (VARCHAR, 1015),
    (INT8, 1016),
    (FLOAT4, 1021),
    (FLOAT8, 1022),
    (OID, 1028),
    (TIMESTAMP, 1115),
    (DATE, 1182),
    (TIME, 1183),
    (TIMESTAMPTZ, 1185),
    (INTERVAL, 1187),
    (NUMERIC, 1231),
    (TIMETZ, 1270),
    (BIT, 1561),
    (VARBIT, 1563),
    (JSON, 199),
    (UUID, 2951),
    (JSONB, 3807),
];

/// A column's type as RowDescription tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PgType {
    /// `pg_type.oid`
    pub(crate) oid: u32,
    /// `pg_type.typlen`: bytes, or -1 for a varying length.
    pub(crate) length: i16,
    /// Precision and scale of numeric, else -1.
    pub(crate) modifier: i32,
}

impl PgType {
    /// The type that carries values of `sql_type`. What PostgreSQL has no type for travels as json
    /// (nested values) or text.
    pub(crate) fn of(sql_type: &SqlType) -> Self {
        let oid = match sql_type {
            SqlType::Boolean => BOOL,
            SqlType::TinyInt | SqlType::SmallInt | SqlType::UTinyInt => INT2,
            SqlType::Integer | SqlType::USmallInt => INT4,
            SqlType::BigInt | SqlType::UInteger => INT8,
            SqlType::UBigInt
            | SqlType::HugeInt
            | SqlType::UHugeInt
            | SqlType::Bignum
            | SqlType::Decimal { .. } => NUMERIC,
            SqlType::Float => FLOAT4,
            SqlType::Double => FLOAT8,
            SqlType::Varchar | SqlType::Enum(_) | SqlType::Null | SqlType::Unknown => TEXT,
            SqlType::Json
            | SqlType::Struct(_)
            | SqlType::Map(..)
            | SqlType::Union(_)
            | SqlType::Variant => JSON,
            SqlType::Blob | SqlType::Geometry => BYTEA,
            SqlType::Bit => VARBIT,
            SqlType::Uuid => UUID,
            SqlType::Date => DATE,
            SqlType::Time | SqlType::TimeNs => TIME,
            SqlType::TimeTz => TIMETZ,
            SqlType::Timestamp
            | SqlType::TimestampS
            | SqlType::TimestampMs
            | SqlType::TimestampNs => TIMESTAMP,
            SqlType::TimestampTz => TIMESTAMPTZ,
            SqlType::Interval => INTERVAL,
            SqlType::List(element) | SqlType::Array(element, _) => match array_element(element) {
                Some(oid) => array_of(oid).unwrap_or(JSON),
                None => JSON,
            },
        };
        Self {
            oid,
            length: length(oid),
            modifier: modifier(sql_type),
        }
    }
}

/// The element's id if a list of `element` travels as a PostgreSQL array, `None` if it travels as
/// json: lists of lists may be ragged, and arrays of json documents help no client.
pub(crate) fn array_element(element: &SqlType) -> Option<u32> {
    match element {
        SqlType::List(_)
        | SqlType::Array(..)
        | SqlType::Struct(_)
        | SqlType::Map(..)
        | SqlType::Union(_)
        | SqlType::Variant => None,
        scalar => Some(PgType::of(scalar).oid),
    }
}

/// The array type over an element type.
fn array_of(element: u32) -> Option<u32> {
    ARRAYS.iter().find(|(e, _)| *e == element).map(|(_, a)| *a)
}

/// The element type of an array type.
pub(crate) fn element_of(array: u32) -> Option<u32> {
    ARRAYS.iter().find(|(_, a)| *a == array).map(|(e, _)| *e)
}

/// Whether Eider knows the type, as one of a parameter.
pub(crate) fn is_known(oid: u32) -> bool {
    oid == UNKNOWN || ARRAYS.iter().any(|(e, a)| oid == *e || oid == *a)
}

/// Whether values of the type are text in both formats.
pub(crate) fn is_text(oid: u32) -> bool {
    matches!(oid, TEXT | VARCHAR | BPCHAR | CHAR | NAME | UNKNOWN)
}

/// The DuckDB type that a client fixes for a parameter by naming `oid`; `None` where the id leaves
/// it open. Numeric without a precision becomes the widest that keeps both sides of the point; the
/// plan needs it only where nothing else tells.
pub(crate) fn declared(oid: u32) -> Option<SqlType> {
    Some(match oid {
        BOOL => SqlType::Boolean,
        BYTEA => SqlType::Blob,
        INT2 => SqlType::SmallInt,
        INT4 => SqlType::Integer,
        INT8 | OID => SqlType::BigInt,
        FLOAT4 => SqlType::Float,
        FLOAT8 => SqlType::Double,
        TEXT | VARCHAR | BPCHAR | CHAR | NAME => SqlType::Varchar,
        JSON | JSONB => SqlType::Json,
        DATE => SqlType::Date,
        TIME => SqlType::Time,
        TIMETZ => SqlType::TimeTz,
        TIMESTAMP => SqlType::Timestamp,
        TIMESTAMPTZ => SqlType::TimestampTz,
        INTERVAL => SqlType::Interval,
        UUID => SqlType::Uuid,
        BIT | VARBIT => SqlType::Bit,
        NUMERIC => SqlType::Decimal {
            width: 38,
            scale: 18,
        },
        _ => {
            return element_of(oid)
                .and_then(declared)
                .map(|e| SqlType::List(e.into()));
        }
    })
}

fn length(oid: u32) -> i16 {
    match oid {
        BOOL | CHAR => 1,
        INT2 => 2,
        INT4 | FLOAT4 | DATE | OID => 4,
        INT8 | FLOAT8 | TIME | TIMESTAMP | TIMESTAMPTZ => 8,
        TIMETZ => 12,
        INTERVAL | UUID => 16,
        NAME => 64,
        _ => -1,
    }
}

fn modifier(sql_type: &SqlType) -> i32 {
    let numeric = |width: u8, scale: u8| ((i32::from(width) << 16) | i32::from(scale)) + 4;
    match sql_type {
        SqlType::Decimal { width, scale } => numeric(*width, *scale),
        SqlType::UBigInt => numeric(20, 0),
        SqlType::HugeInt | SqlType::UHugeInt => numeric(39, 0),
        SqlType::List(element) | SqlType::Array(element, _) => modifier(element),
        _ => -1,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test may panic")]

    use std::sync::Arc;

    use super::*;

    #[test]
    fn types_as_pg_type_has_them() {
        let list = |t: SqlType| SqlType::List(Arc::new(t));
        let decimal = SqlType::Decimal {
            width: 10,
            scale: 2,
        };
        for (sql_type, expected) in [
            (SqlType::Boolean, (16, 1, -1)),
            (SqlType::UTinyInt, (21, 2, -1)),
            (SqlType::USmallInt, (23, 4, -1)),
            (SqlType::UInteger, (20, 8, -1)),
            (SqlType::UBigInt, (1700, -1, 1_310_724)),
            (SqlType::HugeInt, (1700, -1, 2_555_908)),
            (decimal.clone(), (1700, -1, 655_366)),
            (SqlType::Bignum, (1700, -1, -1)),
            (SqlType::Float, (700, 4, -1)),
            (SqlType::TimeTz, (1266, 12, -1)),
            (SqlType::Interval, (1186, 16, -1)),
            (SqlType::Null, (25, -1, -1)),
            (list(SqlType::Integer), (1007, -1, -1)),
            (list(decimal), (1231, -1, 655_366)),
            (
                list(SqlType::Enum(Arc::new(["a".to_owned()]))),
                (1009, -1, -1),
            ),
            (SqlType::Array(Arc::new(SqlType::Uuid), 3), (2951, -1, -1)),
            (list(SqlType::Json), (199, -1, -1)),
            (list(list(SqlType::Integer)), (114, -1, -1)),
            (list(SqlType::Struct(Arc::new([]))), (114, -1, -1)),
            (
                SqlType::Map(Arc::new(SqlType::Varchar), Arc::new(SqlType::Integer)),
                (114, -1, -1),
            ),
        ] {
            let t = PgType::of(&sql_type);
            assert_eq!((t.oid, t.length, t.modifier), expected, "{sql_type}");
        }
    }

    #[test]
    fn every_array_knows_its_element_and_back() {
        for (element, array) in ARRAYS {
            assert_eq!(array_of(*element), Some(*array));
            assert_eq!(element_of(*array), Some(*element));
            assert!(is_known(*element) && is_known(*array));
        }
        assert!(!is_known(0) && !is_known(650));
    }

    #[test]
    fn declared_types() {
        assert_eq!(declared(INT4), Some(SqlType::Integer));
        assert_eq!(declared(UNKNOWN), None);
        assert_eq!(declared(0), None);
        assert_eq!(
            declared(1007),
            Some(SqlType::List(Arc::new(SqlType::Integer)))
        );
    }
}
