#![allow(clippy::unwrap_used, reason = "tests")]
use std::collections::HashMap;

use arrow_array::builder::{Int32Builder, ListBuilder};
use arrow_array::types::Int8Type;
use arrow_array::{
    BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal128Array, DictionaryArray,
    DurationSecondArray, FixedSizeBinaryArray, Float32Array, Float64Array, Int8Array, Int32Array,
    Int64Array, IntervalMonthDayNanoArray, LargeStringArray, NullArray, StringArray,
    StringViewArray, StructArray, Time32SecondArray, Time64NanosecondArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow_schema::Schema;
use model::ParamValue as V;

use super::*;

/// Binds one column to a statement of one parameter.
fn bind(array: impl Array + 'static, wanted: SqlType) -> Result<(SqlType, Vec<V>)> {
    let array: ArrayRef = Arc::new(array);
    let field = Field::new("p", array.data_type().clone(), true);
    bind_field(field, array, wanted)
}

fn bind_field(field: Field, array: ArrayRef, wanted: SqlType) -> Result<(SqlType, Vec<V>)> {
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap();
    let parameters = Parameters::read(&[batch], &[wanted])?;
    let values: Result<Vec<V>> = (0..parameters.rows())
        .map(|row| Ok(parameters.row(row)?.remove(0)))
        .collect();
    Ok((parameters.types()[0].clone(), values?))
}

fn decimal(unscaled: i128, width: u8, scale: u8) -> V {
    V::Decimal {
        unscaled,
        width,
        scale,
    }
}

#[test]
fn columns_keep_their_type_where_nothing_else_is_wanted() {
    use SqlType as T;
    let dictionary: DictionaryArray<Int8Type> = vec!["a", "b", "a"].into_iter().collect();
    let mut list = ListBuilder::new(Int32Builder::new());
    list.append_value([Some(1), None]);
    let list_value = V::List(T::Integer, vec![V::Integer(1), V::Null].into());
    let text = |s: &str| V::Varchar(s.into());
    let cases: Vec<(ArrayRef, SqlType, Vec<V>)> = vec![
        (Arc::new(NullArray::new(2)), T::Null, vec![V::Null, V::Null]),
        (
            Arc::new(BooleanArray::from(vec![Some(true), None])),
            T::Boolean,
            vec![V::Boolean(true), V::Null],
        ),
        (
            Arc::new(Int8Array::from(vec![-1])),
            T::TinyInt,
            vec![V::TinyInt(-1)],
        ),
        (
            Arc::new(UInt64Array::from(vec![u64::MAX])),
            T::UBigInt,
            vec![V::UBigInt(u64::MAX)],
        ),
        (
            Arc::new(Float32Array::from(vec![1.5])),
            T::Float,
            vec![V::Float(1.5)],
        ),
        (
            Arc::new(
                Decimal128Array::from(vec![125])
                    .with_precision_and_scale(5, 2)
                    .unwrap(),
            ),
            T::Decimal { width: 5, scale: 2 },
            vec![decimal(125, 5, 2)],
        ),
        (
            arrow_cast::cast(&Int32Array::from(vec![7]), &DataType::Decimal256(60, 0)).unwrap(),
            T::Decimal {
                width: 38,
                scale: 0,
            },
            vec![decimal(7, 38, 0)],
        ),
        (
            Arc::new(dictionary),
            T::Varchar,
            vec![text("a"), text("b"), text("a")],
        ),
        (
            Arc::new(LargeStringArray::from(vec!["ä"])),
            T::Varchar,
            vec![text("ä")],
        ),
        (
            Arc::new(StringViewArray::from(vec![
                "a long text that is no inline view",
            ])),
            T::Varchar,
            vec![text("a long text that is no inline view")],
        ),
        (
            Arc::new(BinaryArray::from(vec![&b"\0x"[..]])),
            T::Blob,
            vec![V::Blob(b"\0x".to_vec())],
        ),
        (
            Arc::new(Date32Array::from(vec![-1])),
            T::Date,
            vec![V::Date(-1)],
        ),
        (
            Arc::new(Date64Array::from(vec![86_400_000])),
            T::Date,
            vec![V::Date(1)],
        ),
        (
            Arc::new(Time32SecondArray::from(vec![2])),
            T::Time,
            vec![V::Time(2_000_000)],
        ),
        (
            Arc::new(Time64NanosecondArray::from(vec![5000])),
            T::Time,
            vec![V::Time(5)],
        ),
        (
            Arc::new(TimestampMillisecondArray::from(vec![3])),
            T::Timestamp,
            vec![V::Timestamp(3000)],
        ),
        (
            Arc::new(TimestampNanosecondArray::from(vec![-7000])),
            T::Timestamp,
            vec![V::Timestamp(-7)],
        ),
        (
            Arc::new(TimestampMicrosecondArray::from(vec![9]).with_timezone("Europe/Rome")),
            T::TimestampTz,
            vec![V::TimestampTz(9)],
        ),
        (
            Arc::new(DurationSecondArray::from(vec![1])),
            T::Interval,
            vec![V::Interval {
                months: 0,
                days: 0,
                micros: 1_000_000,
            }],
        ),
        (
            Arc::new(IntervalMonthDayNanoArray::from(vec![
                arrow_array::types::IntervalMonthDayNano::new(1, 2, 3000),
            ])),
            T::Interval,
            vec![V::Interval {
                months: 1,
                days: 2,
                micros: 3,
            }],
        ),
        (
            Arc::new(list.finish()),
            T::List(Arc::new(T::Integer)),
            vec![list_value],
        ),
    ];
    for (array, sql_type, values) in cases {
        let field = Field::new("p", array.data_type().clone(), true);
        let bound = bind_field(field, array, T::Unknown).unwrap();
        assert_eq!(bound, (sql_type, values));
    }
}

#[test]
fn values_become_the_wanted_type_where_nothing_is_lost() {
    use SqlType as T;
    let cases: Vec<(ArrayRef, SqlType, V)> = vec![
        (
            Arc::new(Int64Array::from(vec![5])),
            T::Integer,
            V::Integer(5),
        ),
        (
            Arc::new(Int32Array::from(vec![5])),
            T::UBigInt,
            V::UBigInt(5),
        ),
        (
            Arc::new(Int64Array::from(vec![5])),
            T::Double,
            V::Double(5.0),
        ),
        (
            Arc::new(Int64Array::from(vec![5])),
            T::Decimal { width: 9, scale: 2 },
            decimal(500, 9, 2),
        ),
        (
            Arc::new(Int64Array::from(vec![5])),
            T::HugeInt,
            V::HugeInt(5),
        ),
        (
            Arc::new(Float32Array::from(vec![0.5])),
            T::Double,
            V::Double(0.5),
        ),
        (
            Arc::new(StringArray::from(vec!["2013-01-02"])),
            T::Date,
            V::Date(15_707),
        ),
        (
            Arc::new(StringArray::from(vec!["2013-01-02 03:04:05.5"])),
            T::Timestamp,
            V::Timestamp(1_357_095_845_500_000),
        ),
        (
            Arc::new(StringArray::from(vec!["-12"])),
            T::SmallInt,
            V::SmallInt(-12),
        ),
        (
            Arc::new(StringArray::from(vec![
                "5b8d6a30-7c1c-4c39-a2c4-6b2f4b9b6f11",
            ])),
            T::Uuid,
            V::Uuid(0x5b8d_6a30_7c1c_4c39_a2c4_6b2f_4b9b_6f11),
        ),
        (
            Arc::new(StringArray::from(vec!["{}"])),
            T::Json,
            V::Varchar("{}".into()),
        ),
        (
            Arc::new(Date32Array::from(vec![1])),
            T::Timestamp,
            V::Timestamp(86_400_000_000),
        ),
    ];
    for (array, wanted, value) in cases {
        let field = Field::new("p", array.data_type().clone(), true);
        let bound = bind_field(field, array, wanted.clone()).unwrap();
        assert_eq!(bound, (wanted, vec![value]));
    }
}

#[test]
fn values_that_would_change_keep_their_own_type() {
    use SqlType as T;
    let big = Int64Array::from(vec![3_000_000_000]);
    assert_eq!(
        bind(big, T::Integer).unwrap(),
        (T::BigInt, vec![V::BigInt(3_000_000_000)])
    );
    let fraction = Float64Array::from(vec![1.5]);
    assert_eq!(
        bind(fraction, T::Integer).unwrap(),
        (T::Double, vec![V::Double(1.5)])
    );
    let fine = Decimal128Array::from(vec![125])
        .with_precision_and_scale(5, 2)
        .unwrap();
    assert_eq!(
        bind(fine, T::Decimal { width: 5, scale: 1 }).unwrap().0,
        T::Decimal { width: 5, scale: 2 }
    );
}

#[test]
fn what_cannot_be_bound_says_why() {
    let cases: Vec<(Result<_>, ErrorKind)> = vec![
        (
            bind(StringArray::from(vec!["soon"]), SqlType::Date),
            ErrorKind::InvalidText,
        ),
        (
            bind(StringArray::from(vec!["no uuid"]), SqlType::Uuid),
            ErrorKind::InvalidText,
        ),
        (
            bind(StringArray::from(vec!["a\0b"]), SqlType::Varchar),
            ErrorKind::CharacterNotInRepertoire,
        ),
        (
            bind(TimestampNanosecondArray::from(vec![1]), SqlType::Unknown),
            ErrorKind::InvalidParameterValue,
        ),
        (
            bind(
                TimestampMillisecondArray::from(vec![i64::MAX]),
                SqlType::Unknown,
            ),
            ErrorKind::InvalidParameterValue,
        ),
        (
            bind(StructArray::new_empty_fields(1, None), SqlType::Unknown),
            ErrorKind::NotSupported,
        ),
    ];
    for (result, kind) in cases {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().starts_with("parameter $1: "), "{error}");
    }
}

#[test]
fn uuids_come_in_three_forms() {
    let bytes = FixedSizeBinaryArray::try_from_iter([[7_u8; 16]].iter()).unwrap();
    let array: ArrayRef = Arc::new(bytes);
    let expected = V::Uuid(u128::from_be_bytes([7; 16]));
    let field = Field::new("p", array.data_type().clone(), true);
    let wanted = bind_field(field.clone(), Arc::clone(&array), SqlType::Uuid).unwrap();
    assert_eq!(wanted, (SqlType::Uuid, vec![expected.clone()]));
    let extension = HashMap::from([("ARROW:extension:name".into(), "arrow.uuid".into())]);
    let typed = bind_field(field.with_metadata(extension), array, SqlType::Unknown).unwrap();
    assert_eq!(typed, (SqlType::Uuid, vec![expected]));
}

#[test]
fn rows_run_through_all_batches() {
    let schema = Arc::new(Schema::new(vec![
        Field::new("a", DataType::Int32, true),
        Field::new("b", DataType::Utf8, true),
    ]));
    let batch = |a: Vec<i32>, b: Vec<&str>| {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(a)),
            Arc::new(StringArray::from(b)),
        ];
        RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()
    };
    let batches = [
        batch(vec![1, 2], vec!["x", "y"]),
        batch(vec![], vec![]),
        batch(vec![3], vec!["z"]),
    ];
    let wanted = [SqlType::Integer, SqlType::Varchar];
    let parameters = Parameters::read(&batches, &wanted).unwrap();
    assert_eq!(parameters.rows(), 3);
    assert_eq!(
        parameters.row(2).unwrap(),
        [V::Integer(3), V::Varchar("z".into())]
    );
    assert!(parameters.row(3).is_err());
    let error = Parameters::read(&batches, &wanted[..1]).unwrap_err();
    assert_eq!(
        error.message(),
        "2 parameters were bound to a statement that takes 1"
    );
}
