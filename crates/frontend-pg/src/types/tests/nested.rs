//! Arrays and documents.

use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, FixedSizeListArray, Float64Array, Int32Array,
    IntervalMonthDayNanoArray, ListArray, StringArray, StructArray, TimestampMicrosecondArray,
    UnionArray,
};
use arrow_buffer::{IntervalMonthDayNano, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields, UnionFields};
use model::SqlType;

use super::{binary, check, check_text, forms};

fn list_of(items: ArrayRef, offsets: Vec<i32>) -> ListArray {
    let field = Arc::new(Field::new("l", items.data_type().clone(), true));
    ListArray::new(field, OffsetBuffer::new(offsets.into()), items, None)
}

fn list(t: SqlType) -> SqlType {
    SqlType::List(Arc::new(t))
}

#[test]
fn arrays() {
    let mut ints = ListBuilder::new(Int32Builder::new());
    ints.append_value([Some(1), None, Some(3)]);
    ints.append_value([]);
    ints.append_null();
    check(
        list(SqlType::Integer),
        ints.finish(),
        &[
            (
                "{1,NULL,3}",
                "00000001000000010000001700000003000000010000000400000001ffffffff0000000400000003",
            ),
            ("{}", "000000000000000000000017"),
        ],
    );
    let mut texts = ListBuilder::new(StringBuilder::new());
    let items = ["a", "b c", "", "q\"x\\y", "{", "NULL"];
    texts.append_value([
        Some(items[0]),
        Some(items[1]),
        None,
        Some(items[2]),
        Some(items[3]),
    ]);
    texts.append_value([Some(items[4]), Some(items[5])]);
    check(
        list(SqlType::Varchar),
        texts.finish(),
        &[
            (
                r#"{a,"b c",NULL,"","q\"x\\y"}"#,
                "000000010000000100000019000000050000000100000001610000000362\
                 2063ffffffff0000000000000005712278\
                 5c79",
            ),
            (
                r#"{"{","NULL"}"#,
                "0000000100000000000000190000000200000001000000017b000000044e554c4c",
            ),
        ],
    );
    let texts_of = |t: SqlType, items: ArrayRef| {
        let count = items.len() as i32;
        forms(&list(t), &list_of(items, vec![0, count]), 0).0
    };
    let day = TimestampMicrosecondArray::from(vec![1_577_836_800_000_000]);
    for (sql_type, items, expected) in [
        (
            SqlType::Timestamp,
            Arc::new(day.clone()) as ArrayRef,
            r#"{"2020-01-01 00:00:00"}"#,
        ),
        (
            SqlType::TimestampTz,
            Arc::new(day.with_timezone("UTC")),
            r#"{"2019-12-31 19:00:00-05"}"#,
        ),
        (
            SqlType::Blob,
            Arc::new(binary(&[b"\x00\xff"])),
            r#"{"\\x00ff",NULL}"#,
        ),
        (
            SqlType::Boolean,
            Arc::new(BooleanArray::from(vec![true, false])),
            "{t,f}",
        ),
        (
            SqlType::Json,
            Arc::new(StringArray::from(vec![r#"{"a": 1}"#])),
            r#"{"{\"a\": 1}"}"#,
        ),
        (
            SqlType::Interval,
            Arc::new(IntervalMonthDayNanoArray::from(vec![
                IntervalMonthDayNano::new(0, 1, 0),
                IntervalMonthDayNano::new(0, 0, 3_600_000_000_000),
            ])),
            r#"{"1 day",01:00:00}"#,
        ),
        (
            SqlType::Date,
            Arc::new(Date32Array::from(vec![-735_160, 0])),
            r#"{"0044-03-15 BC",1970-01-01}"#,
        ),
    ] {
        assert_eq!(texts_of(sql_type, items), expected);
    }
    let fixed_size = FixedSizeListArray::new(
        Arc::new(Field::new("", DataType::Int32, true)),
        2,
        Arc::new(Int32Array::from(vec![1, 2, 3, 4])),
        None,
    );
    let two = SqlType::Array(Arc::new(SqlType::Integer), 2);
    assert_eq!(forms(&two, &fixed_size.slice(1, 1), 0).0, "{3,4}");
}

#[test]
fn nested_values_are_json() {
    let inner = list_of(Arc::new(Int32Array::from(vec![1, 2, 3])), vec![0, 2, 3]);
    let ragged = list_of(Arc::new(inner), vec![0, 2]);
    check_text(list(list(SqlType::Integer)), ragged, &["[[1,2],[3]]"]);

    let fields = Fields::from(vec![
        Field::new("a", DataType::Float64, true),
        Field::new("b \"c\"", DataType::Utf8, true),
        Field::new("d", DataType::Date32, true),
        Field::new("e", DataType::Binary, true),
        Field::new("f", DataType::Utf8, true),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Float64Array::from(vec![Some(0.5), Some(f64::NAN)])),
        Arc::new(StringArray::from(vec![Some("x\"\\\n\u{1}é"), None])),
        Arc::new(Date32Array::from(vec![0, i32::MAX])),
        Arc::new(binary(&[b"\x00"])),
        Arc::new(StringArray::from(vec![r#"{"k": [1]}"#, "null"])),
    ];
    let types = ["a", "b \"c\"", "d", "e", "f"]
        .map(str::to_owned)
        .into_iter()
        .zip([
            SqlType::Double,
            SqlType::Varchar,
            SqlType::Date,
            SqlType::Blob,
            SqlType::Json,
        ]);
    check_text(
        SqlType::Struct(types.collect()),
        StructArray::new(fields, columns, None),
        &[
            r#"{"a":0.5,"b \"c\"":"x\"\\\n\u0001é","d":"1970-01-01","e":"\\x00","f":{"k": [1]}}"#,
            r#"{"a":"NaN","b \"c\"":null,"d":"infinity","e":null,"f":null}"#,
        ],
    );

    let mut map = MapBuilder::new(None, Int32Builder::new(), StringBuilder::new());
    map.keys().append_value(1);
    map.values().append_value("x");
    map.keys().append_value(2);
    map.values().append_null();
    map.append(true).unwrap();
    map.append(true).unwrap();
    check_text(
        SqlType::Map(Arc::new(SqlType::Integer), Arc::new(SqlType::Varchar)),
        map.finish(),
        &[r#"{"1":"x","2":null}"#, "{}"],
    );

    let members = UnionFields::try_new(
        vec![0, 1],
        vec![
            Field::new("n", DataType::Int32, true),
            Field::new("s", DataType::Utf8, true),
        ],
    );
    let children: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![Some(1), None])),
        Arc::new(StringArray::from(vec![None, Some("y")])),
    ];
    let union = UnionArray::try_new(members.unwrap(), vec![0, 1].into(), None, children).unwrap();
    let types = [
        ("n".to_owned(), SqlType::Integer),
        ("s".to_owned(), SqlType::Varchar),
    ];
    check_text(
        SqlType::Union(Arc::new(types)),
        union,
        &[r#"{"n":1}"#, r#"{"s":"y"}"#],
    );
}
