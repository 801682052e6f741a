//! DuckDB's types as Arrow types, for what is described without running it: columns of the catalog
//! and parameters. Results carry the schema that DuckDB itself gives.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, IntervalUnit, Schema, TimeUnit, UnionFields, UnionMode};
use model::{Column, Relation, SqlType};

/// The Arrow type of a column of that type, as DuckDB exports it and the gateway hands it on: enums
/// as plain strings, TIMESTAMPTZ in UTC.
///
/// Types that are open ([`SqlType::Unknown`]) are Arrow's Null type.
pub(crate) fn arrow_type(sql_type: &SqlType) -> DataType {
    let child = |name: &str, t: &SqlType| Field::new(name, arrow_type(t), true);
    match sql_type {
        SqlType::Boolean => DataType::Boolean,
        SqlType::TinyInt => DataType::Int8,
        SqlType::SmallInt => DataType::Int16,
        SqlType::Integer => DataType::Int32,
        SqlType::BigInt => DataType::Int64,
        SqlType::UTinyInt => DataType::UInt8,
        SqlType::USmallInt => DataType::UInt16,
        SqlType::UInteger => DataType::UInt32,
        SqlType::UBigInt => DataType::UInt64,
        SqlType::HugeInt | SqlType::UHugeInt => DataType::Decimal128(38, 0),
        SqlType::Float => DataType::Float32,
        SqlType::Double => DataType::Float64,
        SqlType::Decimal { width, scale } => {
            DataType::Decimal128(*width, i8::try_from(*scale).unwrap_or(i8::MAX))
        }
        SqlType::Varchar | SqlType::Json | SqlType::Uuid | SqlType::Enum(_) | SqlType::Variant => {
            DataType::Utf8
        }
        SqlType::Blob | SqlType::Bit | SqlType::Bignum | SqlType::Geometry => DataType::Binary,
        SqlType::Date => DataType::Date32,
        SqlType::Time | SqlType::TimeTz => DataType::Time64(TimeUnit::Microsecond),
        SqlType::TimeNs => DataType::Time64(TimeUnit::Nanosecond),
        SqlType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        SqlType::TimestampS => DataType::Timestamp(TimeUnit::Second, None),
        SqlType::TimestampMs => DataType::Timestamp(TimeUnit::Millisecond, None),
        SqlType::TimestampNs => DataType::Timestamp(TimeUnit::Nanosecond, None),
        SqlType::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        SqlType::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
        SqlType::List(t) => DataType::List(Arc::new(child("l", t))),
        SqlType::Array(t, size) => DataType::FixedSizeList(
            Arc::new(child("", t)),
            i32::try_from(*size).unwrap_or(i32::MAX),
        ),
        SqlType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|(name, t)| child(name, t)).collect())
        }
        SqlType::Map(key, value) => {
            let entries = vec![
                child("key", key).with_nullable(false),
                child("value", value),
            ];
            let entries = Field::new("entries", DataType::Struct(entries.into()), false);
            DataType::Map(Arc::new(entries), false)
        }
        SqlType::Union(fields) => DataType::Union(
            UnionFields::from_fields(fields.iter().map(|(name, t)| child(name, t))),
            UnionMode::Sparse,
        ),
        SqlType::Null => DataType::Int32,
        SqlType::Unknown => DataType::Null,
    }
}

/// The schema of a catalog's relation with the field metadata that Flight SQL defines for columns.
pub(crate) fn table_schema(relation: &Relation) -> Schema {
    Schema::new(
        relation
            .columns
            .iter()
            .map(|column| table_field(relation, column))
            .collect::<Vec<_>>(),
    )
}

fn table_field(relation: &Relation, column: &Column) -> Field {
    let mut metadata = HashMap::with_capacity(10);
    let mut put = |key: &str, value: String| {
        metadata.insert(format!("ARROW:FLIGHT:SQL:{key}"), value);
    };
    put("CATALOG_NAME", relation.name.catalog.clone());
    put("SCHEMA_NAME", relation.name.schema.clone());
    put("DB_SCHEMA_NAME", relation.name.schema.clone());
    put("TABLE_NAME", relation.name.name.clone());
    put("TYPE_NAME", column.sql_type.to_string());
    put("IS_AUTO_INCREMENT", flag(false));
    put("IS_CASE_SENSITIVE", flag(is_text(&column.sql_type)));
    put("IS_READ_ONLY", flag(false));
    put("IS_SEARCHABLE", flag(true));
    if let Some((precision, scale)) = precision(&column.sql_type) {
        put("PRECISION", precision.to_string());
        if let Some(scale) = scale {
            put("SCALE", scale.to_string());
        }
    }
    Field::new(&column.name, arrow_type(&column.sql_type), column.nullable).with_metadata(metadata)
}

fn flag(value: bool) -> String {
    String::from(if value { "1" } else { "0" })
}

fn is_text(sql_type: &SqlType) -> bool {
    matches!(
        sql_type,
        SqlType::Varchar | SqlType::Enum(_) | SqlType::Json
    )
}

/// Decimal digits, and digits after the point, of the numeric types.
fn precision(sql_type: &SqlType) -> Option<(u8, Option<u8>)> {
    Some(match sql_type {
        SqlType::TinyInt | SqlType::UTinyInt => (3, Some(0)),
        SqlType::SmallInt | SqlType::USmallInt => (5, Some(0)),
        SqlType::Integer | SqlType::UInteger => (10, Some(0)),
        SqlType::BigInt => (19, Some(0)),
        SqlType::UBigInt => (20, Some(0)),
        SqlType::HugeInt | SqlType::UHugeInt => (38, Some(0)),
        SqlType::Float => (7, None),
        SqlType::Double => (15, None),
        SqlType::Decimal { width, scale } => (*width, Some(*scale)),
        _ => return None,
    })
}

/// The schema of a statement's parameters: a field for each, named `$1`, `$2`, …, of the Null type
/// where nothing fixes the type.
pub(crate) fn parameter_schema(parameters: &[SqlType]) -> Schema {
    Schema::new(
        parameters
            .iter()
            .enumerate()
            .map(|(i, t)| Field::new(format!("${}", i + 1), arrow_type(t), true))
            .collect::<Vec<_>>(),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use model::{RelationKind, RelationName};

    use super::*;

    #[test]
    fn columns_carry_what_drivers_read() {
        let relation = Relation {
            name: RelationName::new("c", "s", "t"),
            kind: RelationKind::Table,
            definition: None,
            constraints: vec![],
            columns: vec![
                Column {
                    name: String::from("price"),
                    sql_type: SqlType::Decimal {
                        width: 12,
                        scale: 2,
                    },
                    nullable: false,
                },
                Column {
                    name: String::from("at"),
                    sql_type: SqlType::TimestampTz,
                    nullable: true,
                },
            ],
        };
        let schema = table_schema(&relation);
        let price = schema.field(0);
        assert_eq!(price.data_type(), &DataType::Decimal128(12, 2));
        assert!(!price.is_nullable());
        let of = |key: &str| price.metadata()[&format!("ARROW:FLIGHT:SQL:{key}")].clone();
        assert_eq!(of("TYPE_NAME"), "DECIMAL(12,2)");
        assert_eq!((of("PRECISION"), of("SCALE")), ("12".into(), "2".into()));
        assert_eq!(
            (of("CATALOG_NAME"), of("DB_SCHEMA_NAME"), of("TABLE_NAME")),
            ("c".into(), "s".into(), "t".into())
        );
        assert_eq!(
            schema.field(1).data_type(),
            &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        );
        assert!(
            !schema
                .field(1)
                .metadata()
                .contains_key("ARROW:FLIGHT:SQL:PRECISION")
        );
    }

    /// What GetTables tells of a column must be what a query of it gives.
    #[test]
    fn types_are_those_of_results() {
        let connection = native::Instance::open(None, &[])
            .unwrap()
            .connect()
            .unwrap();
        for name in [
            "BOOLEAN",
            "TINYINT",
            "SMALLINT",
            "INTEGER",
            "BIGINT",
            "HUGEINT",
            "UTINYINT",
            "USMALLINT",
            "UINTEGER",
            "UBIGINT",
            "FLOAT",
            "DOUBLE",
            "DECIMAL(4,1)",
            "DECIMAL(18,3)",
            "DECIMAL(38,10)",
            "VARCHAR",
            "JSON",
            "BLOB",
            "BIT",
            "UUID",
            "DATE",
            "TIME",
            "TIMESTAMP",
            "TIMESTAMP_S",
            "TIMESTAMP_MS",
            "TIMESTAMP_NS",
            "TIMESTAMP WITH TIME ZONE",
            "INTERVAL",
            "ENUM('a', 'b')",
            "INTEGER[]",
            "ENUM('a')[]",
            "INTEGER[3]",
            "STRUCT(a INTEGER, b TIMESTAMP WITH TIME ZONE)",
            "MAP(VARCHAR, INTEGER[])",
            "UNION(a INTEGER, b VARCHAR)",
        ] {
            let prepared = connection
                .prepare(&format!("select null::{name} as x"))
                .unwrap();
            let columns = prepared.columns();
            let result = prepared.arrow_schema().unwrap();
            let result = native::result_schema(&columns, &result).unwrap();
            assert_eq!(
                &arrow_type(&columns[0].1),
                result.arrow.field(0).data_type(),
                "{name}"
            );
        }
    }

    #[test]
    fn open_parameters_have_the_null_type() {
        let schema = parameter_schema(&[SqlType::BigInt, SqlType::Unknown]);
        let fields: Vec<_> = schema
            .fields()
            .iter()
            .map(|f| (f.name().as_str(), f.data_type().clone()))
            .collect();
        assert_eq!(fields, [("$1", DataType::Int64), ("$2", DataType::Null)]);
    }
}
