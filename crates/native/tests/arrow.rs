//! How results cross into Arrow, and the form they leave in.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_cast::display::array_value_to_string;
use arrow_schema::{DataType, TimeUnit};
use model::{ErrorKind, ResultSchema};
use native::{Connection, Instance, conform, result_schema};

fn connect() -> Connection {
    Instance::open(None, &[]).unwrap().connect().unwrap()
}

fn run(connection: &Connection, sql: &str) -> (ResultSchema, RecordBatch) {
    let prepared = connection.prepare(sql).unwrap();
    let described = result_schema(&prepared.columns(), &prepared.arrow_schema().unwrap()).unwrap();
    let mut stream = prepared.execute_streaming().unwrap();
    let columns = stream.columns().unwrap();
    let ran = result_schema(&columns, &stream.schema().unwrap()).unwrap();
    assert_eq!(described, ran, "described and run differ: {sql}");
    let batch = conform(stream.next_batch().unwrap().unwrap(), &ran.arrow).unwrap();
    (ran, batch)
}

fn refused(connection: &Connection, sql: &str) -> model::Error {
    let prepared = connection.prepare(sql).unwrap();
    let arrow = prepared.arrow_schema().unwrap_or_else(|_| {
        // VARIANT has no Arrow form at all: refused before that is asked for.
        let fields: Vec<_> = prepared
            .columns()
            .iter()
            .map(|(name, _)| arrow_schema::Field::new(name, DataType::Null, true))
            .collect();
        std::sync::Arc::new(arrow_schema::Schema::new(fields))
    });
    result_schema(&prepared.columns(), &arrow).unwrap_err()
}

#[test]
fn values_and_nulls_cross() {
    let connection = connect();
    let (_, batch) = run(
        &connection,
        "select * from (values
            (1, 'a', 1.5::decimal(30,2), date '2020-01-02', [1, null], {'x': 1, 'y': 'b'}, map {'k': 1}),
            (null, null, null, null, null, null, null)) t(i, s, d, dt, l, st, m)",
    );
    let cell = |c: usize, r: usize| array_value_to_string(batch.column(c), r).unwrap();
    assert_eq!(batch.num_rows(), 2);
    let row: Vec<_> = (0..batch.num_columns()).map(|c| cell(c, 0)).collect();
    assert_eq!(
        row,
        [
            "1",
            "a",
            "1.50",
            "2020-01-02",
            "[1, ]",
            "{x: 1, y: b}",
            "{k: 1}"
        ]
    );
    assert!(batch.columns().iter().all(|c| c.is_null(1)));
}

#[test]
fn a_hugeint_of_39_digits_passes() {
    let connection = connect();
    let (_, batch) = run(
        &connection,
        "select 170141183460469231731687303715884105727::hugeint as h",
    );
    assert_eq!(
        batch.column(0).as_primitive::<Decimal128Type>().value(0),
        i128::MAX
    );
}

#[test]
fn enums_leave_as_text_at_any_depth() {
    let connection = connect();
    connection
        .execute("create type mood as enum ('sad', 'ok', 'hidden')")
        .unwrap();
    let (schema, batch) = run(
        &connection,
        "select 'ok'::mood as e, ['sad'::mood, null] as l, {'m': 'ok'::mood} as s, map {'k': 'sad'::mood} as m",
    );
    assert_eq!(schema.arrow.field(0).data_type(), &DataType::Utf8);
    assert!(!format!("{:?}", schema.arrow).contains("Dictionary"));
    let row: Vec<_> = batch
        .columns()
        .iter()
        .map(|c| array_value_to_string(c, 0).unwrap())
        .collect();
    assert_eq!(row, ["ok", "[sad, ]", "{m: ok}", "{k: sad}"]);
}

#[test]
fn instants_are_in_utc_whatever_the_session_s_zone() {
    let connection = connect();
    connection
        .execute("set TimeZone = 'America/New_York'")
        .unwrap();
    let (schema, batch) = run(
        &connection,
        "select make_timestamptz(1000000) as t, [make_timestamptz(0)] as l",
    );
    assert_eq!(
        schema.arrow.field(0).data_type(),
        &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
    );
    assert_eq!(
        batch
            .column(0)
            .as_primitive::<TimestampMicrosecondType>()
            .value(0),
        1_000_000
    );
}

#[test]
fn types_that_lose_values_are_refused_by_name_of_column() {
    let connection = connect();
    for sql in [
        "select 1::uhugeint as bad",
        "select [1::uhugeint] as bad",
        "select {'a': '12:00:00+01'::timetz} as bad",
        "select 5::variant as bad",
        "select 5::bignum as bad",
    ] {
        let error = refused(&connection, sql);
        assert_eq!(error.kind(), ErrorKind::NotSupported, "{sql}");
        assert!(error.message().contains("\"bad\""), "{error}");
        assert!(error.hint().unwrap().contains("VARCHAR"));
    }
    assert_eq!(
        refused(&connection, "select $1 as bad").kind(),
        ErrorKind::IndeterminateDatatype
    );
}

#[test]
fn an_empty_result_has_its_schema() {
    let connection = connect();
    let prepared = connection
        .prepare("select 1 as a, 'x' as b where false")
        .unwrap();
    let mut stream = prepared.execute_streaming().unwrap();
    assert_eq!(stream.schema().unwrap().fields().len(), 2);
    assert!(stream.next_batch().unwrap().is_none());
}
