//! Encoders against what PostgreSQL 15 sends for the same values, over both of DuckDB's exports.

#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod nested;

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, FixedSizeBinaryBuilder, StringDictionaryBuilder};
use arrow_array::types::UInt8Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, IntervalMonthDayNanoArray,
    NullArray, StringArray, StringViewArray, Time64MicrosecondArray, Time64NanosecondArray,
    TimestampMicrosecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt8Array,
    UInt16Array, UInt32Array, UInt64Array,
};
use arrow_buffer::IntervalMonthDayNano;
use bytes::BytesMut;
use jiff::tz::TimeZone;
use model::{ErrorKind, SqlType};

use super::{ByteaOutput, Style, Values};

fn style() -> Style {
    Style {
        time_zone: TimeZone::get("America/New_York").ok(),
        ..Style::default()
    }
}

/// The text and the binary form of a row, the latter in hexadecimal.
fn forms(sql_type: &SqlType, array: &dyn Array, row: usize) -> (String, String) {
    let values = Values::new(sql_type, array).unwrap();
    assert!(!values.is_null(row));
    let (mut text, mut binary) = (BytesMut::new(), BytesMut::new());
    values.put_text(row, &style(), &mut text).unwrap();
    values.put_binary(row, &style(), &mut binary).unwrap();
    let hex = binary.iter().map(|b| format!("{b:02x}")).collect();
    (String::from_utf8(text.to_vec()).unwrap(), hex)
}

/// Compares the rows of an array with their texts and binary forms; rows after them are NULL.
#[track_caller]
fn check(sql_type: SqlType, array: impl Array, expected: &[(&str, &str)]) {
    for (row, (text, binary)) in expected.iter().enumerate() {
        let (got_text, got_binary) = forms(&sql_type, &array, row);
        assert_eq!(got_text, *text, "{sql_type}");
        assert_eq!(got_binary, *binary, "{sql_type} {text}");
    }
    let values = Values::new(&sql_type, &array).unwrap();
    for row in expected.len()..array.len() {
        assert!(values.is_null(row), "{sql_type} row {row}");
    }
}

/// The same for types whose binary form is their text.
#[track_caller]
fn check_text(sql_type: SqlType, array: impl Array, expected: &[&str]) {
    let hex = |text: &str| -> String { text.bytes().map(|b| format!("{b:02x}")).collect() };
    let binaries: Vec<String> = expected.iter().map(|t| hex(t)).collect();
    let pairs: Vec<_> = expected
        .iter()
        .copied()
        .zip(binaries.iter().map(String::as_str))
        .collect();
    check(sql_type, array, &pairs);
}

fn fixed(size: i32, values: &[&[u8]]) -> ArrayRef {
    let mut builder = FixedSizeBinaryBuilder::new(size);
    for value in values {
        builder.append_value(value).unwrap();
    }
    builder.append_null();
    Arc::new(builder.finish())
}

fn binary(values: &[&[u8]]) -> BinaryArray {
    let mut builder = BinaryBuilder::new();
    values.iter().for_each(|v| builder.append_value(v));
    builder.append_null();
    builder.finish()
}

#[test]
fn booleans_and_integers() {
    check(
        SqlType::Boolean,
        BooleanArray::from(vec![Some(true), Some(false), None]),
        &[("t", "01"), ("f", "00")],
    );
    check(
        SqlType::TinyInt,
        Int8Array::from(vec![Some(-128), Some(127), None]),
        &[("-128", "ff80"), ("127", "007f")],
    );
    check(
        SqlType::SmallInt,
        Int16Array::from(vec![Some(-5), Some(i16::MAX), None]),
        &[("-5", "fffb"), ("32767", "7fff")],
    );
    check(
        SqlType::Integer,
        Int32Array::from(vec![Some(i32::MIN), Some(0), None]),
        &[("-2147483648", "80000000"), ("0", "00000000")],
    );
    check(
        SqlType::BigInt,
        Int64Array::from(vec![Some(i64::MIN), Some(1), None]),
        &[
            ("-9223372036854775808", "8000000000000000"),
            ("1", "0000000000000001"),
        ],
    );
    check(
        SqlType::UTinyInt,
        UInt8Array::from(vec![255]),
        &[("255", "00ff")],
    );
    check(
        SqlType::USmallInt,
        UInt16Array::from(vec![65535]),
        &[("65535", "0000ffff")],
    );
    check(
        SqlType::UInteger,
        UInt32Array::from(vec![u32::MAX]),
        &[("4294967295", "00000000ffffffff")],
    );
    check(
        SqlType::UBigInt,
        UInt64Array::from(vec![Some(u64::MAX), None]),
        &[(
            "18446744073709551615",
            "000500040000000007341a5802e103bb064f",
        )],
    );
}

#[test]
fn numerics_in_both_exports() {
    let u128_max = "000a00090000000001540b071a2403aa121a18c111ff10dd1aa505af";
    let decimal = |values: Vec<Option<i128>>, width, scale| {
        Decimal128Array::from(values)
            .with_precision_and_scale(width, scale)
            .unwrap()
    };
    check(
        SqlType::Decimal {
            width: 10,
            scale: 2,
        },
        decimal(vec![Some(-12345), Some(0), None], 10, 2),
        &[
            ("-123.45", "0002000040000002007b1194"),
            ("0.00", "0000000000000002"),
        ],
    );
    // The largest HUGEINT has 39 digits under a label of 38.
    check(
        SqlType::HugeInt,
        decimal(vec![Some(i128::MAX), None], 38, 0),
        &[(
            "170141183460469231731687303715884105727",
            "000a00090000000000aa0583209a01d5090d0c601c871bf620da165f",
        )],
    );
    check(
        SqlType::HugeInt,
        fixed(16, &[&i128::MIN.to_le_bytes(), &(-1i128).to_le_bytes()]),
        &[
            (
                "-170141183460469231731687303715884105728",
                "000a00094000000000aa0583209a01d5090d0c601c871bf620da1660",
            ),
            ("-1", "00010000400000000001"),
        ],
    );
    let max = u128::MAX.to_string();
    check(
        SqlType::UHugeInt,
        fixed(16, &[&u128::MAX.to_le_bytes()]),
        &[(&max, u128_max)],
    );
    check(
        SqlType::UHugeInt,
        decimal(vec![Some(-1)], 38, 0),
        &[(&max, u128_max)],
    );
    check(
        SqlType::Bignum,
        binary(&[&[0x80, 0, 1, 1], &[0x7f, 0xff, 0xfd, 0xfe, 0xff]]),
        &[
            ("1", "00010000000000000001"),
            ("-256", "00010000400000000100"),
        ],
    );
}

#[test]
fn floats() {
    check(
        SqlType::Float,
        Float32Array::from(vec![Some(1.5), Some(f32::NEG_INFINITY), None]),
        &[("1.5", "3fc00000"), ("-Infinity", "ff800000")],
    );
    check(
        SqlType::Double,
        Float64Array::from(vec![Some(f64::NAN), Some(1e15), None]),
        &[("NaN", "7ff8000000000000"), ("1e+15", "430c6bf526340000")],
    );
}

#[test]
fn texts_of_all_layouts() {
    check_text(
        SqlType::Varchar,
        StringArray::from(vec![Some("a"), Some(""), Some("é\n"), None]),
        &["a", "", "é\n"],
    );
    check_text(
        SqlType::Varchar,
        StringViewArray::from(vec![Some("a text longer than twelve bytes"), None]),
        &["a text longer than twelve bytes"],
    );
    let mut keyed = StringDictionaryBuilder::<UInt8Type>::new();
    keyed.append_value("sad");
    keyed.append_value("glad");
    keyed.append_null();
    let mood = SqlType::Enum(Arc::new(["sad".to_owned(), "glad".to_owned()]));
    check_text(mood, keyed.finish(), &["sad", "glad"]);
    check_text(
        SqlType::Json,
        StringArray::from(vec![r#"{"a": 1}"#]),
        &[r#"{"a": 1}"#],
    );
}

#[test]
fn bytes_and_bits() {
    check(
        SqlType::Blob,
        binary(&[b"\x00\xff\\a", b""]),
        &[("\\x00ff5c61", "00ff5c61"), ("\\x", "")],
    );
    let mut escaped = BytesMut::new();
    super::text::put_bytea(b"\x00\xff\\a ~", ByteaOutput::Escape, &mut escaped);
    assert_eq!(&escaped[..], b"\\000\\377\\\\a ~");
    check(
        SqlType::Bit,
        // Five padding bits before 101; five before 19 bits.
        binary(&[
            &[5, 0xfd],
            &[5, 0b1111_1111, 0b1000_0111, 0b1000_0101],
            &[0, 0x80],
            &[8, 0xff, 1],
        ]),
        &[
            ("101", "00000003a0"),
            ("1111000011110000101", "00000013f0f0a0"),
            ("10000000", "0000000880"),
            ("00000001", "0000000801"),
        ],
    );
    let id = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    let raw: u128 = 0xa0ee_bc99_9c0b_4ef8_bb6d_6bb9_bd38_0a11;
    let expected = [(id, "a0eebc999c0b4ef8bb6d6bb9bd380a11")];
    check(SqlType::Uuid, fixed(16, &[&raw.to_be_bytes()]), &expected);
    check(
        SqlType::Uuid,
        StringArray::from(vec![Some(id), None]),
        &expected,
    );
}

#[test]
fn dates_and_times() {
    check(
        SqlType::Date,
        Date32Array::from(vec![Some(10_956), Some(i32::MAX), Some(-i32::MAX), None]),
        &[
            ("1999-12-31", "ffffffff"),
            ("infinity", "7fffffff"),
            ("-infinity", "80000000"),
        ],
    );
    check(
        SqlType::Time,
        Time64MicrosecondArray::from(vec![Some(86_400_000_000), None]),
        &[("24:00:00", "000000141dd76000")],
    );
    check(
        SqlType::TimeNs,
        Time64NanosecondArray::from(vec![43_200_000_001_999]),
        &[("12:00:00.000001", "0000000a0eebb001")],
    );
    check(
        SqlType::TimeTz,
        fixed(8, &[&[0xef, 0xd2, 0, 0, 0xb0, 0xeb, 0x0e, 0x0a]]),
        &[("12:00:00+01", "0000000a0eebb000fffff1f0")],
    );
    let inf = ("infinity", "7fffffffffffffff");
    check(
        SqlType::Timestamp,
        TimestampMicrosecondArray::from(vec![Some(1_500_000), Some(i64::MAX), None]),
        &[("1970-01-01 00:00:01.5", "fffca2fec4df0360"), inf],
    );
    check(
        SqlType::TimestampS,
        TimestampSecondArray::from(vec![Some(1), Some(i64::MAX), None]),
        &[("1970-01-01 00:00:01", "fffca2fec4d76240"), inf],
    );
    check(
        SqlType::TimestampNs,
        TimestampNanosecondArray::from(vec![-1]),
        &[("1969-12-31 23:59:59.999999", "fffca2fec4c81fff")],
    );
    check(
        SqlType::TimestampTz,
        TimestampMicrosecondArray::from(vec![Some(1_577_836_800_000_000), Some(-i64::MAX), None])
            .with_timezone("UTC"),
        &[
            ("2019-12-31 19:00:00-05", "00023e0786c26000"),
            ("-infinity", "8000000000000000"),
        ],
    );
    check(
        SqlType::Interval,
        IntervalMonthDayNanoArray::from(vec![
            Some(IntervalMonthDayNano::new(14, 3, 14_706_789_000_000)),
            None,
        ]),
        &[(
            "1 year 2 mons 3 days 04:05:06.789",
            "000000036c97ca88000000030000000e",
        )],
    );
}

#[test]
fn what_a_form_cannot_express_is_an_error() {
    let first = Date32Array::from(vec![i32::MIN + 2]);
    let values = Values::new(&SqlType::Date, &first).unwrap();
    let error = values
        .put_binary(0, &style(), &mut BytesMut::new())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DatetimeOverflow);
    let far = TimestampSecondArray::from(vec![i64::MAX / 2]);
    let values = Values::new(&SqlType::TimestampS, &far).unwrap();
    let error = values
        .put_text(0, &style(), &mut BytesMut::new())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DatetimeOverflow);
    // The default export has lost the offset.
    let lossy = Time64MicrosecondArray::from(vec![0]);
    let error = Values::new(&SqlType::TimeTz, &lossy).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotSupported);
}

#[test]
fn null_of_no_type() {
    for array in [
        Arc::new(NullArray::new(1)) as ArrayRef,
        Arc::new(Int32Array::from(vec![None])),
    ] {
        assert!(Values::new(&SqlType::Null, &array).unwrap().is_null(0));
    }
}
