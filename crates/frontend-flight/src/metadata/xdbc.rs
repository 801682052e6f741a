//! GetXdbcTypeInfo: the types that columns can have, for ODBC and Power BI.

use std::sync::{Arc, LazyLock};

use arrow_array::RecordBatch;
use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType as X, XdbcDatetimeSubcode};
use arrow_schema::{ArrowError, SchemaRef};

static TYPES: LazyLock<XdbcTypeInfoData> = LazyLock::new(|| {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    for info in types() {
        builder.append(info);
    }
    builder.build().expect("constant values fit their schema")
});

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| XdbcTypeInfoDataBuilder::new().schema());

pub(super) fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// All types, or those of one XDBC type number.
pub(super) fn rows(data_type: Option<i32>) -> Result<RecordBatch, ArrowError> {
    TYPES
        .record_batch(data_type)
        .map_err(|e| ArrowError::ExternalError(Box::new(e)))
}

fn types() -> Vec<XdbcTypeInfo> {
    let mut types = vec![
        number("TINYINT", X::XdbcTinyint, 3),
        number("SMALLINT", X::XdbcSmallint, 5),
        number("INTEGER", X::XdbcInteger, 10),
        number("BIGINT", X::XdbcBigint, 19),
        number("HUGEINT", X::XdbcNumeric, 38),
        number("FLOAT", X::XdbcReal, 7),
        number("DOUBLE", X::XdbcDouble, 15),
        base("BOOLEAN", X::XdbcBit, Some(1)),
        quoted("VARCHAR", X::XdbcVarchar, None),
        quoted("JSON", X::XdbcLongvarchar, None),
        quoted("UUID", X::XdbcVarchar, Some(36)),
        quoted("BLOB", X::XdbcVarbinary, None),
        quoted("BIT", X::XdbcVarbinary, None),
    ];
    types.extend(
        [
            ("UTINYINT", X::XdbcSmallint, 3),
            ("USMALLINT", X::XdbcInteger, 5),
            ("UINTEGER", X::XdbcBigint, 10),
            ("UBIGINT", X::XdbcNumeric, 20),
            ("UHUGEINT", X::XdbcNumeric, 38),
        ]
        .map(|(name, data_type, digits)| XdbcTypeInfo {
            unsigned_attribute: Some(true),
            ..number(name, data_type, digits)
        }),
    );
    types.push(XdbcTypeInfo {
        create_params: Some(vec![String::from("precision"), String::from("scale")]),
        minimum_scale: Some(0),
        maximum_scale: Some(38),
        ..number("DECIMAL", X::XdbcDecimal, 38)
    });
    types.extend(
        [
            (
                "DATE",
                X::XdbcDate,
                10,
                XdbcDatetimeSubcode::XdbcSubcodeYear,
            ),
            (
                "TIME",
                X::XdbcTime,
                15,
                XdbcDatetimeSubcode::XdbcSubcodeTime,
            ),
            (
                "TIME WITH TIME ZONE",
                X::XdbcTime,
                21,
                XdbcDatetimeSubcode::XdbcSubcodeTimeWithTimezone,
            ),
            (
                "TIMESTAMP",
                X::XdbcTimestamp,
                26,
                XdbcDatetimeSubcode::XdbcSubcodeTimestamp,
            ),
            (
                "TIMESTAMP WITH TIME ZONE",
                X::XdbcTimestamp,
                32,
                XdbcDatetimeSubcode::XdbcSubcodeTimestampWithTimezone,
            ),
        ]
        .map(|(name, data_type, size, subcode)| XdbcTypeInfo {
            sql_data_type: X::XdbcDatetime,
            datetime_subcode: Some(subcode),
            ..quoted(name, data_type, Some(size))
        }),
    );
    types.push(XdbcTypeInfo {
        interval_precision: Some(6),
        ..quoted("INTERVAL", X::XdbcInterval, None)
    });
    types
}

fn base(name: &str, data_type: X, column_size: Option<i32>) -> XdbcTypeInfo {
    XdbcTypeInfo {
        type_name: name.to_owned(),
        data_type,
        column_size,
        literal_prefix: None,
        literal_suffix: None,
        create_params: None,
        nullable: Nullable::NullabilityNullable,
        case_sensitive: false,
        searchable: Searchable::Full,
        unsigned_attribute: None,
        fixed_prec_scale: false,
        auto_increment: None,
        local_type_name: Some(name.to_owned()),
        minimum_scale: None,
        maximum_scale: None,
        sql_data_type: data_type,
        datetime_subcode: None,
        num_prec_radix: None,
        interval_precision: None,
    }
}

fn number(name: &str, data_type: X, digits: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        unsigned_attribute: Some(false),
        auto_increment: Some(false),
        num_prec_radix: Some(10),
        ..base(name, data_type, Some(digits))
    }
}

fn quoted(name: &str, data_type: X, column_size: Option<i32>) -> XdbcTypeInfo {
    XdbcTypeInfo {
        literal_prefix: Some(String::from("'")),
        literal_suffix: Some(String::from("'")),
        case_sensitive: matches!(data_type, X::XdbcVarchar | X::XdbcLongvarchar),
        ..base(name, data_type, column_size)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int32Type;

    use super::*;

    #[test]
    fn types_are_sorted_and_can_be_chosen_by_number() {
        let all = rows(None).unwrap();
        assert_eq!(all.schema(), schema());
        let numbers = all.column(1).as_primitive::<Int32Type>().values();
        assert!(numbers.is_sorted());
        let bigint = rows(Some(X::XdbcBigint as i32)).unwrap();
        let names: Vec<_> = bigint
            .column(0)
            .as_string::<i32>()
            .iter()
            .flatten()
            .collect();
        assert_eq!(names, ["BIGINT", "UINTEGER"]);
        assert_eq!(rows(Some(4711)).unwrap().num_rows(), 0);
    }
}
