//! Arrow batches into tables.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;

use arrow_array::{Int32Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use native::{Connection, Instance};

fn connect() -> Connection {
    Instance::open(None, &[]).unwrap().connect().unwrap()
}

/// A table's rows through Arrow into another one like it.
fn through(connection: &Connection, columns: &str, query: &str) -> (u64, u64) {
    let made = format!("create or replace table a as {query}");
    connection.execute(&made).unwrap();
    connection
        .execute(&format!("create or replace table b ({columns})"))
        .unwrap();
    let mut stream = connection
        .prepare("from a")
        .unwrap()
        .execute_streaming()
        .unwrap();
    let schema = stream.schema().unwrap();
    let mut batches = vec![];
    while let Some(batch) = stream.next_batch().unwrap() {
        batches.push(batch);
    }
    drop(stream);
    let mut appender = connection
        .appender(["memory", "main", "b"], &schema)
        .unwrap();
    for batch in &batches {
        appender.append(batch).unwrap();
    }
    appender.finish().unwrap();
    let count = |sql: &str| {
        let counted = connection.query(sql).unwrap().scalar().unwrap();
        counted.parse().unwrap()
    };
    (
        count("select count(*) from b"),
        count("select count(*) from (from a except all from b)"),
    )
}

#[test]
fn rows_arrive_as_they_were() {
    let connection = connect();
    for (columns, query) in [
        (
            "i integer, s varchar, d decimal(30,2), t timestamptz, l integer[], st struct(x integer, y varchar[])",
            "select i::integer as i, case when i % 3 <> 0 then 'a longer text than fits inline ' || i end as s,
             (i * 1.25)::decimal(30,2) as d, timestamptz '2020-01-01 00:00:00Z' + to_seconds(i) as t, [i::integer, null] as l,
             case when i % 5 <> 0 then {'x': i::integer, 'y': ['b' || i, null]} end as st from range(10000) r(i)",
        ),
        // Text becomes what the table has.
        (
            "u uuid, e enum('a', 'b'), h hugeint, m map(varchar, integer)",
            "select uuid() as u, ['a', 'b'][1 + i % 2]::enum('a', 'b') as e, -(i::hugeint * 10::hugeint ** 30) as h, map {'k': i::integer} as m
             from range(5000) r(i)",
        ),
    ] {
        let rows = if columns.starts_with('i') { 10000 } else { 5000 };
        assert_eq!(through(&connection, columns, query), (rows, 0), "{columns}");
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let connection = connect();
    connection
        .execute("create table t (i integer, s varchar)")
        .unwrap();
    let schema = |first: DataType| {
        let fields = vec![
            Field::new("i", first, true),
            Field::new("s", DataType::Utf8, true),
        ];
        Arc::new(Schema::new(fields))
    };
    let s = Arc::new(StringArray::from(vec!["x"]));
    let text = Arc::new(StringArray::from(vec!["one"]));
    let numbers = Arc::new(Int32Array::from(vec![1]));
    let words = RecordBatch::try_new(schema(DataType::Utf8), vec![text, s.clone()]).unwrap();
    let good = RecordBatch::try_new(schema(DataType::Int32), vec![numbers, s]).unwrap();

    assert!(
        connection
            .appender(["memory", "main", "gone"], words.schema_ref())
            .is_err()
    );
    let mut appender = connection
        .appender(["memory", "main", "t"], good.schema_ref())
        .unwrap();
    assert!(appender.append(&words).is_err());
    let mut appender = connection
        .appender(["memory", "main", "t"], words.schema_ref())
        .unwrap();
    let error = appender.append(&words).unwrap_err();
    assert!(error.to_string().contains("INTEGER"), "{error}");
}
