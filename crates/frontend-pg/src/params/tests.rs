//! Values of Bind, in text and in binary, for every type.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::sync::Arc;

use super::*;

const ZONE: &str = "America/New_York";

fn planned(sql_type: SqlType) -> Parameter {
    Parameter {
        oid: crate::types::PgType::of(&sql_type).oid,
        sql_type,
        declared: false,
    }
}

fn declared(oid: u32) -> Parameter {
    Parameter {
        oid,
        sql_type: SqlType::Unknown,
        declared: true,
    }
}

fn read(parameter: Parameter, format: Format, bytes: &[u8]) -> Result<ParamValue> {
    let values = [Some(Bytes::copy_from_slice(bytes))];
    decode(&[parameter], &[format], &values, "", ZONE).map(|mut v| v.remove(0))
}

fn text(sql_type: SqlType, text: &str) -> Result<ParamValue> {
    read(planned(sql_type), Format::Text, text.as_bytes())
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |i: usize| u8::from_str_radix(&text[i..i + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

fn decimal(unscaled: i128, width: u8, scale: u8) -> ParamValue {
    ParamValue::Decimal {
        unscaled,
        width,
        scale,
    }
}

fn list(t: SqlType) -> SqlType {
    SqlType::List(Arc::new(t))
}

const NUMERIC: SqlType = SqlType::Decimal {
    width: 18,
    scale: 3,
};

#[test]
fn texts() {
    let day = 86_400_000_000;
    for (sql_type, given, expected) in [
        (SqlType::Boolean, " TRUE ", ParamValue::Boolean(true)),
        (SqlType::Boolean, "of", ParamValue::Boolean(false)),
        (SqlType::TinyInt, "-128", ParamValue::TinyInt(-128)),
        (SqlType::Integer, " +7 ", ParamValue::Integer(7)),
        (
            SqlType::UBigInt,
            "18446744073709551615",
            ParamValue::UBigInt(u64::MAX),
        ),
        (SqlType::HugeInt, "-1", ParamValue::HugeInt(-1)),
        (SqlType::UHugeInt, "3", ParamValue::Varchar("3".to_owned())),
        (SqlType::Double, "1e3", ParamValue::Double(1000.0)),
        (
            SqlType::Double,
            "-Infinity",
            ParamValue::Double(f64::NEG_INFINITY),
        ),
        (SqlType::Float, ".5", ParamValue::Float(0.5)),
        (NUMERIC, "-1.50", decimal(-150, 3, 2)),
        (NUMERIC, "1e3", decimal(1000, 4, 0)),
        (NUMERIC, "1.5e-3", decimal(15, 4, 4)),
        (NUMERIC, "0", decimal(0, 1, 0)),
        (NUMERIC, "0.000", decimal(0, 3, 3)),
        (SqlType::Varchar, "", ParamValue::Varchar(String::new())),
        (SqlType::Unknown, "x", ParamValue::Varchar("x".to_owned())),
        (SqlType::Json, "{}", ParamValue::Varchar("{}".to_owned())),
        (SqlType::Blob, "\\x00Ff", ParamValue::Blob(vec![0, 255])),
        (
            SqlType::Blob,
            "a\\\\\\001",
            ParamValue::Blob(b"a\\\x01".to_vec()),
        ),
        (SqlType::Date, "1970-01-02", ParamValue::Date(1)),
        (SqlType::Date, "1970-01-02 +01", ParamValue::Date(1)),
        (SqlType::Date, "20000101", ParamValue::Date(10_957)),
        (SqlType::Date, "0001-01-01 BC", ParamValue::Date(-719_528)),
        (SqlType::Date, "infinity", ParamValue::Date(i32::MAX)),
        (SqlType::Time, "24:00", ParamValue::Time(day)),
        (
            SqlType::Time,
            "01:02:03.4567895+02",
            ParamValue::Time(3_723_456_790),
        ),
        (
            SqlType::Timestamp,
            "1970-01-01T00:00:01.5Z",
            ParamValue::Timestamp(1_500_000),
        ),
        (SqlType::Timestamp, "1970-01-02", ParamValue::Timestamp(day)),
        (
            SqlType::TimestampS,
            "-infinity",
            ParamValue::Timestamp(-i64::MAX),
        ),
        (
            SqlType::TimestampTz,
            "1970-01-01 00:00:00+00",
            ParamValue::TimestampTz(0),
        ),
        (
            SqlType::TimestampTz,
            "1970-01-01 00:00:00",
            ParamValue::TimestampTz(5 * 3_600_000_000),
        ),
        (
            SqlType::TimestampTz,
            "1970-01-01 05:30+05:30",
            ParamValue::TimestampTz(0),
        ),
        (
            SqlType::TimestampTz,
            "1970-01-01 01:00 Europe/Berlin",
            ParamValue::TimestampTz(0),
        ),
        (
            SqlType::Interval,
            "1 day 2:03:04.5",
            ParamValue::Interval {
                months: 0,
                days: 1,
                micros: 7_384_500_000,
            },
        ),
        (
            SqlType::Uuid,
            "{00000000-0000-0000-0000-0000000000FF}",
            ParamValue::Uuid(255),
        ),
        (
            list(SqlType::Integer),
            "{1, NULL ,-3}",
            ParamValue::List(
                SqlType::Integer,
                [
                    ParamValue::Integer(1),
                    ParamValue::Null,
                    ParamValue::Integer(-3),
                ]
                .into(),
            ),
        ),
        (
            list(SqlType::Varchar),
            r#"{a,"b \"c","null",\{}"#,
            ParamValue::List(
                SqlType::Varchar,
                ["a", "b \"c", "null", "{"]
                    .map(|t| ParamValue::Varchar(t.to_owned()))
                    .into(),
            ),
        ),
        (
            list(NUMERIC),
            "{1.5,20}",
            ParamValue::List(
                SqlType::Decimal { width: 3, scale: 1 },
                [decimal(15, 3, 1), decimal(200, 3, 1)].into(),
            ),
        ),
        (
            list(SqlType::Integer),
            "{}",
            ParamValue::List(SqlType::Integer, [].into()),
        ),
        (
            list(SqlType::Integer),
            "[1]",
            ParamValue::Varchar("[1]".to_owned()),
        ),
    ] {
        assert_eq!(
            text(sql_type.clone(), given).unwrap(),
            expected,
            "{sql_type} {given}"
        );
    }
}

#[test]
fn bad_texts() {
    use ErrorKind::{DatetimeOverflow, InvalidText, NumericOutOfRange};
    for (sql_type, given, expected) in [
        (SqlType::Boolean, "o", InvalidText),
        (SqlType::Boolean, "", InvalidText),
        (SqlType::Integer, "", InvalidText),
        (SqlType::Integer, "1.0", InvalidText),
        (SqlType::Integer, "2147483648", NumericOutOfRange),
        (SqlType::UTinyInt, "-1", NumericOutOfRange),
        (
            SqlType::HugeInt,
            "999999999999999999999999999999999999999999",
            NumericOutOfRange,
        ),
        (SqlType::Double, "0x10", InvalidText),
        (SqlType::Double, "1e999", NumericOutOfRange),
        (NUMERIC, "", InvalidText),
        (NUMERIC, ".", InvalidText),
        (NUMERIC, "1e", InvalidText),
        (NUMERIC, "NaN", NumericOutOfRange),
        (NUMERIC, "1e38", NumericOutOfRange),
        (NUMERIC, "1e2147483647", NumericOutOfRange),
        (NUMERIC, "1e-2147483647", NumericOutOfRange),
        (SqlType::Blob, "\\x0", InvalidText),
        (SqlType::Blob, "\\9", InvalidText),
        (SqlType::Date, "2023-02-29", InvalidText),
        (SqlType::Date, "tomorrow", InvalidText),
        (SqlType::Date, "99999999-01-01", DatetimeOverflow),
        (SqlType::Time, "25:00", InvalidText),
        (SqlType::Time, "24:00:01", InvalidText),
        (
            SqlType::Timestamp,
            "2020-01-01 00:00 nowhere else",
            InvalidText,
        ),
        (
            SqlType::TimestampTz,
            "2020-01-01 00:00 Europe/Atlantis",
            InvalidText,
        ),
        (SqlType::TimestampTz, "2020-01-01 00:00+1:2", InvalidText),
        (SqlType::Timestamp, "900000-01-01", DatetimeOverflow),
        (SqlType::Interval, "1 fortnight", InvalidText),
        (SqlType::Uuid, "0", InvalidText),
        (list(SqlType::Integer), "{1", InvalidText),
        (list(SqlType::Integer), "{1,}", InvalidText),
        (list(SqlType::Integer), "{1}x", InvalidText),
        (list(SqlType::Integer), "{x}", InvalidText),
        (list(SqlType::Integer), "{{1}}", ErrorKind::NotSupported),
    ] {
        let error = text(sql_type.clone(), given).unwrap_err();
        // A date PostgreSQL would not even read as one may be called either.
        let kind = match (error.kind(), expected) {
            (InvalidText, DatetimeOverflow) => DatetimeOverflow,
            (kind, _) => kind,
        };
        assert_eq!(kind, expected, "{sql_type} {given}: {error}");
    }
    for bytes in [&b"a\0b"[..], b"\xff"] {
        let error = read(planned(SqlType::Varchar), Format::Text, bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CharacterNotInRepertoire);
    }
}

#[test]
fn binaries() {
    let text = |t: &str| ParamValue::Varchar(t.to_owned());
    for (oid, given, expected) in [
        (oid::BOOL, "01", ParamValue::Boolean(true)),
        (oid::INT2, "fffb", ParamValue::SmallInt(-5)),
        (oid::INT4, "80000000", ParamValue::Integer(i32::MIN)),
        (oid::INT8, "0000000000000001", ParamValue::BigInt(1)),
        (oid::OID, "ffffffff", ParamValue::BigInt(4_294_967_295)),
        (oid::FLOAT4, "3fc00000", ParamValue::Float(1.5)),
        (oid::FLOAT8, "3ff8000000000000", ParamValue::Double(1.5)),
        (oid::TEXT, "6162", text("ab")),
        (oid::JSONB, "017b7d", text("{}")),
        (oid::BYTEA, "00ff", ParamValue::Blob(vec![0, 255])),
        (
            oid::NUMERIC,
            "0002000040000002007b1194",
            decimal(-12345, 5, 2),
        ),
        (oid::NUMERIC, "0000000000000002", decimal(0, 2, 2)),
        (oid::NUMERIC, "0001ffff0000000201f4", decimal(5, 2, 2)),
        (
            oid::NUMERIC,
            "00010002000000000001",
            decimal(100_000_000, 9, 0),
        ),
        (oid::DATE, "ffffffff", ParamValue::Date(10_956)),
        (oid::DATE, "80000000", ParamValue::Date(-i32::MAX)),
        (
            oid::TIME,
            "000000141dd76000",
            ParamValue::Time(86_400_000_000),
        ),
        (oid::TIMETZ, "0000000a0eebb000fffff1f0", text("12:00:00+01")),
        (
            oid::TIMESTAMP,
            "fffca2fec4df0360",
            ParamValue::Timestamp(1_500_000),
        ),
        (
            oid::TIMESTAMPTZ,
            "7fffffffffffffff",
            ParamValue::TimestampTz(i64::MAX),
        ),
        (
            oid::INTERVAL,
            "000000036c97ca88000000030000000e",
            ParamValue::Interval {
                months: 14,
                days: 3,
                micros: 14_706_789_000,
            },
        ),
        (
            oid::UUID,
            "000000000000000000000000000000ff",
            ParamValue::Uuid(255),
        ),
        (oid::VARBIT, "00000003a0", text("101")),
        (
            1007,
            "00000001000000010000001700000002000000010000000400000001ffffffff",
            ParamValue::List(
                SqlType::Integer,
                [ParamValue::Integer(1), ParamValue::Null].into(),
            ),
        ),
        (
            1009,
            "000000000000000000000019",
            ParamValue::List(SqlType::Varchar, [].into()),
        ),
    ] {
        let got = read(declared(oid), Format::Binary, &hex(given)).unwrap();
        assert_eq!(got, expected, "{oid} {given}");
    }
    // Told as numeric because PostgreSQL has no such type, planned as its own.
    let numeric = hex("00010000000000000005");
    let fitted = read(planned(SqlType::UBigInt), Format::Binary, &numeric).unwrap();
    assert_eq!(fitted, ParamValue::UBigInt(5));
    let fitted = read(planned(SqlType::TinyInt), Format::Binary, &hex("0005")).unwrap();
    assert_eq!(fitted, ParamValue::TinyInt(5));
    let error = read(planned(SqlType::TinyInt), Format::Binary, &hex("0100")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NumericOutOfRange);
}

/// Every cut of every fixed form, and what counts promise too much.
#[test]
fn bad_binaries() {
    for (oid, whole) in [
        (oid::BOOL, "01"),
        (oid::INT2, "fffb"),
        (oid::INT4, "80000000"),
        (oid::INT8, "0000000000000001"),
        (oid::FLOAT4, "3fc00000"),
        (oid::FLOAT8, "3ff8000000000000"),
        (oid::NUMERIC, "0002000040000002007b1194"),
        (oid::DATE, "ffffffff"),
        (oid::TIME, "000000141dd76000"),
        (oid::TIMETZ, "0000000a0eebb000fffff1f0"),
        (oid::TIMESTAMP, "fffca2fec4df0360"),
        (oid::INTERVAL, "000000036c97ca88000000030000000e"),
        (oid::UUID, "000000000000000000000000000000ff"),
        (oid::VARBIT, "00000003a0"),
        (
            1007,
            "00000001000000010000001700000002000000010000000400000001ffffffff",
        ),
    ] {
        let whole = hex(whole);
        let longer = [&whole[..], &[0]].concat();
        let cuts = (0..whole.len()).map(|end| &whole[..end]);
        for bytes in cuts.chain([&longer[..]]) {
            let error = read(declared(oid), Format::Binary, bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidBinary, "{oid} {bytes:?}");
        }
    }
    for (oid, given, expected) in [
        (oid::JSONB, "027b7d", ErrorKind::InvalidBinary),
        (
            oid::NUMERIC,
            "00010000c000000000010000",
            ErrorKind::InvalidBinary,
        ),
        (
            oid::NUMERIC,
            "00000000c0000000",
            ErrorKind::NumericOutOfRange,
        ),
        (
            oid::NUMERIC,
            "00010000000000002710",
            ErrorKind::InvalidBinary,
        ),
        (
            oid::NUMERIC,
            "00017fff000000000001",
            ErrorKind::NumericOutOfRange,
        ),
        (
            oid::NUMERIC,
            "0001800000003fff0001",
            ErrorKind::NumericOutOfRange,
        ),
        (oid::TIME, "ffffffffffffffff", ErrorKind::InvalidBinary),
        (
            oid::TIMETZ,
            "000000000000000080000000",
            ErrorKind::InvalidBinary,
        ),
        (oid::DATE, "7ffffffe", ErrorKind::DatetimeOverflow),
        (oid::TEXT, "ff", ErrorKind::CharacterNotInRepertoire),
        (oid::TEXT, "00", ErrorKind::CharacterNotInRepertoire),
        (oid::VARBIT, "ffffffff", ErrorKind::InvalidBinary),
        (
            1007,
            "000000010000000000000017ffffffff00000001",
            ErrorKind::InvalidBinary,
        ),
        (1007, "000000020000000000000017", ErrorKind::NotSupported),
        (1007, "000000000000000000000019", ErrorKind::InvalidBinary),
    ] {
        let error = read(declared(oid), Format::Binary, &hex(given)).unwrap_err();
        assert_eq!(error.kind(), expected, "{oid} {given}");
    }
}

#[test]
fn counts_and_formats() {
    let two = [planned(SqlType::Integer), planned(SqlType::Varchar)];
    let one = |b: &'static [u8]| Some(Bytes::from_static(b));
    let both = [one(b"1"), None];
    let expected = [ParamValue::Integer(1), ParamValue::Null];
    for formats in [&[][..], &[Format::Text], &[Format::Text, Format::Binary]] {
        assert_eq!(decode(&two, formats, &both, "s", ZONE).unwrap(), expected);
    }
    let error = decode(&two, &[], &both[..1], "s", ZONE).unwrap_err();
    assert_eq!(
        error.message(),
        "bind message supplies 1 parameters, but prepared statement \"s\" requires 2"
    );
    let error = decode(&two, &[Format::Text; 3], &both, "s", ZONE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let bad = [one(b"x"), None];
    let error = decode(&two, &[], &bad, "s", ZONE).unwrap_err();
    assert_eq!(error.detail(), Some("parameter $1"));
}
