//! Preparing, types and binding against the real library.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;

use model::{ParamValue, SqlType};
use native::{Connection, ErrorType, Instance, StatementKind};

fn connect() -> Connection {
    Instance::open(None, &[]).unwrap().connect().unwrap()
}

#[test]
fn only_one_statement_is_prepared_and_none_is_run() {
    let connection = connect();
    connection.execute("create table t (a int)").unwrap();
    let error = connection
        .prepare("insert into t values (1); select 2")
        .err()
        .unwrap();
    assert_eq!(error.error_type(), ErrorType::Syntax);
    assert!(connection.prepare("").is_err());
    assert!(connection.prepare("-- nothing").is_err());
    assert_eq!(
        connection
            .statement_count("insert into t values (1); select 2")
            .unwrap(),
        2
    );
    assert_eq!(
        connection
            .query("select count(*) from t")
            .unwrap()
            .scalar()
            .unwrap(),
        "0"
    );
}

#[test]
fn a_nul_in_the_text_is_refused_not_cut_at() {
    let connection = connect();
    assert!(connection.prepare("select 1\0; drop table t").is_err());
    assert!(connection.query("select 1\0").is_err());
    assert!(connection.table_names("select 1\0", true).is_err());
}

#[test]
fn errors_have_their_class_at_each_stage() {
    let connection = connect();
    let class = |sql: &str| connection.prepare(sql).err().unwrap().error_type();
    assert_eq!(class("selec 1"), ErrorType::Parser);
    assert_eq!(class("select nothing"), ErrorType::Binder);
    assert_eq!(class("select * from nothing"), ErrorType::Catalog);
    let run = connection.query("select 'x'::int").unwrap_err();
    assert_eq!(run.error_type(), ErrorType::Conversion);
    let bound = connection.prepare("select $1::int").unwrap();
    bound.bind(1, &ParamValue::Varchar("x".into())).unwrap();
    assert_eq!(
        bound.execute_streaming().err().unwrap().error_type(),
        ErrorType::Conversion
    );
}

#[test]
fn errors_as_json_keep_their_class() {
    let connection = connect();
    connection.execute("set errors_as_json = true").unwrap();
    let error = connection.prepare("select nothing").err().unwrap();
    assert_eq!(error.error_type(), ErrorType::Binder);
    assert!(error.text().starts_with('{'), "{error}");
}

#[test]
fn every_type_is_known_before_running() {
    let connection = connect();
    connection
        .execute("create type mood as enum ('sad', 'ok')")
        .unwrap();
    let describe = |expression: &str| {
        let prepared = connection
            .prepare(&format!("select {expression} as c"))
            .unwrap();
        let columns = prepared.columns();
        assert_eq!(columns[0].0, "c");
        columns[0].1.clone()
    };
    let same = |text: &str| assert_eq!(describe(&format!("null::{text}")).to_string(), text);
    for text in [
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
        "UHUGEINT",
        "FLOAT",
        "DOUBLE",
        "DECIMAL(18,3)",
        "VARCHAR",
        "JSON",
        "BLOB",
        "BIT",
        "BIGNUM",
        "UUID",
        "DATE",
        "TIME",
        "TIME_NS",
        "TIME WITH TIME ZONE",
        "TIMESTAMP",
        "TIMESTAMP_S",
        "TIMESTAMP_MS",
        "TIMESTAMP_NS",
        "TIMESTAMP WITH TIME ZONE",
        "INTERVAL",
        "VARIANT",
        "GEOMETRY",
        "INTEGER[]",
        "INTEGER[3]",
        "MAP(VARCHAR, DATE[])",
        "STRUCT(\"a\" INTEGER, \"b c\" VARCHAR)",
        "UNION(\"n\" INTEGER, \"s\" VARCHAR)",
    ] {
        same(text);
    }
    assert_eq!(
        describe("null::mood"),
        SqlType::Enum(Arc::new(["sad".to_owned(), "ok".to_owned()]))
    );
    assert_eq!(describe("null"), SqlType::Integer);
    assert_eq!(describe("[]"), SqlType::List(Arc::new(SqlType::Integer)));
}

#[test]
fn parameters_have_a_type_only_where_something_fixes_it() {
    let connection = connect();
    connection
        .execute("create table t (id bigint, s varchar)")
        .unwrap();
    let parameters = |sql: &str| connection.prepare(sql).unwrap().parameters();
    assert_eq!(
        parameters("select * from t where id = $1 and s = $2"),
        [
            ("1".into(), SqlType::BigInt),
            ("2".into(), SqlType::Varchar)
        ]
    );
    assert_eq!(parameters("select $1::date"), [("1".into(), SqlType::Date)]);
    for open in [
        "select $1",
        "select $1 + id from t",
        "select coalesce($1, $1) from t",
    ] {
        let prepared = connection.prepare(open).unwrap();
        assert_eq!(prepared.parameters()[0].1, SqlType::Unknown, "{open}");
        assert!(
            prepared.columns().iter().any(|(_, t)| t.is_unknown()),
            "{open}"
        );
        assert!(prepared.arrow_schema().is_err(), "{open}");
    }
    // Counted by name, not by place.
    assert_eq!(
        parameters("select $2::int, $1::date, $2::int"),
        [("1".into(), SqlType::Date), ("2".into(), SqlType::Integer)]
    );
}

#[test]
fn every_parameter_value_arrives_as_it_left() {
    let connection = connect();
    let cases: Vec<(ParamValue, &str, &str)> = vec![
        (ParamValue::Null, "\"NULL\"", ""),
        (ParamValue::Boolean(true), "BOOLEAN", "true"),
        (ParamValue::TinyInt(-8), "TINYINT", "-8"),
        (ParamValue::SmallInt(-300), "SMALLINT", "-300"),
        (ParamValue::Integer(i32::MIN), "INTEGER", "-2147483648"),
        (
            ParamValue::BigInt(i64::MAX),
            "BIGINT",
            "9223372036854775807",
        ),
        (
            ParamValue::HugeInt(-(1 << 100)),
            "HUGEINT",
            "-1267650600228229401496703205376",
        ),
        (ParamValue::UTinyInt(255), "UTINYINT", "255"),
        (ParamValue::USmallInt(65535), "USMALLINT", "65535"),
        (ParamValue::UInteger(u32::MAX), "UINTEGER", "4294967295"),
        (
            ParamValue::UBigInt(u64::MAX),
            "UBIGINT",
            "18446744073709551615",
        ),
        (ParamValue::Float(1.5), "FLOAT", "1.5"),
        (ParamValue::Double(-0.25), "DOUBLE", "-0.25"),
        (
            ParamValue::Decimal {
                unscaled: -12345,
                width: 7,
                scale: 2,
            },
            "DECIMAL(7,2)",
            "-123.45",
        ),
        (
            ParamValue::Varchar("it's ü \0 x".into()),
            "VARCHAR",
            "it's ü \0 x",
        ),
        (ParamValue::Blob(vec![0, 255]), "BLOB", "\\x00\\xFF"),
        (
            ParamValue::Uuid(0x8765_4321_0000_1111_2222_3333_4444_5555),
            "UUID",
            "87654321-0000-1111-2222-333344445555",
        ),
        (ParamValue::Date(-1), "DATE", "1969-12-31"),
        (ParamValue::Time(1), "TIME", "00:00:00.000001"),
        (
            ParamValue::Timestamp(1),
            "TIMESTAMP",
            "1970-01-01 00:00:00.000001",
        ),
        (
            ParamValue::Interval {
                months: 1,
                days: 2,
                micros: 3_000_000,
            },
            "INTERVAL",
            "1 month 2 days 00:00:03",
        ),
        (
            ParamValue::List(
                SqlType::Integer,
                Arc::new([ParamValue::Integer(1), ParamValue::Null]),
            ),
            "INTEGER[]",
            "[1, NULL]",
        ),
    ];
    // Not both in one statement: see `a_parameter_of_two_types_can_end_an_instance`.
    let typed = connection.prepare("select typeof($1)").unwrap();
    let printed = connection.prepare("select $1::varchar").unwrap();
    for (value, type_name, text) in cases {
        typed.bind(1, &value).unwrap();
        assert_eq!(
            typed.query().unwrap().scalar().unwrap(),
            type_name,
            "{value:?}"
        );
        printed.bind(1, &value).unwrap();
        let expected = (!text.is_empty()).then(|| text.to_owned());
        assert_eq!(printed.query().unwrap().scalar(), expected, "{value:?}");
    }
    connection.execute("set TimeZone = 'UTC'").unwrap();
    let zoned = connection
        .prepare("select $1::timestamptz::varchar")
        .unwrap();
    zoned.bind(1, &ParamValue::TimestampTz(1_000_000)).unwrap();
    assert_eq!(
        zoned.query().unwrap().scalar().unwrap(),
        "1970-01-01 00:00:01+00"
    );
}

/// A text bound where the same open parameter is an argument of any type and is cast: DuckDB 1.5.5
/// fails inside and takes nothing more. Should this test fail, DuckDB has mended it.
#[test]
fn a_parameter_of_two_types_can_end_an_instance() {
    let connection = connect();
    let prepared = connection
        .prepare("select typeof($1), $1::varchar")
        .unwrap();
    prepared.bind(1, &ParamValue::Varchar("x".into())).unwrap();
    assert_eq!(
        prepared.query().unwrap_err().error_type(),
        ErrorType::Internal
    );
    let after = connection.query("select 1").unwrap_err();
    assert!(after.is_fatal(), "{after}");
    let safe = connect();
    let prepared = safe
        .prepare("select typeof(cast($1 as varchar)), cast($1 as varchar)::varchar")
        .unwrap();
    prepared.bind(1, &ParamValue::Varchar("x".into())).unwrap();
    assert_eq!(
        prepared.query().unwrap().into_rows()[0][0].as_deref(),
        Some("VARCHAR")
    );
}

#[test]
fn binding_what_is_not_there_is_an_error() {
    let connection = connect();
    let prepared = connection.prepare("select $1::int").unwrap();
    assert!(prepared.bind(2, &ParamValue::Integer(1)).is_err());
    assert!(prepared.bind(0, &ParamValue::Integer(1)).is_err());
    let unbound = connection.prepare("select $1::int").unwrap();
    assert!(unbound.execute_streaming().is_err());
}

#[test]
fn writes_tell_how_many_rows_they_changed() {
    let connection = connect();
    let run = |sql: &str| {
        let prepared = connection.prepare(sql).unwrap();
        (prepared.kind(), prepared.execute().unwrap())
    };
    assert_eq!(run("create table t (a int)"), (StatementKind::Create, 0));
    assert_eq!(
        run("insert into t select * from range(5)"),
        (StatementKind::Insert, 5)
    );
    assert_eq!(run("delete from t where a > 2"), (StatementKind::Delete, 2));
    assert_eq!(run("select * from t").0, StatementKind::Select);
    assert_eq!(
        run("create table u as select * from range(7)"),
        (StatementKind::Create, 7)
    );
    assert_eq!(run("drop table t"), (StatementKind::Drop, 0));
    assert_eq!(run("begin"), (StatementKind::Transaction, 0));
}

#[test]
fn table_names_expand_views_and_say_nothing_about_writes() {
    let connection = connect();
    connection
        .execute("create table t (a int); create view v as select * from t; create macro m() as table from t")
        .unwrap();
    let names = |sql: &str| connection.table_names(sql, true).unwrap();
    assert_eq!(names("select * from memory.main.v").unwrap(), ["t"]);
    assert_eq!(names("from m()").unwrap(), ["t"]);
    assert_eq!(
        names("from memory.main.t where a in (select a from t)")
            .unwrap()
            .len(),
        2
    );
    assert_eq!(names("insert into t select * from v").unwrap(), ["t"]);
    assert_eq!(names("delete from t"), None);
    assert_eq!(names("update t set a = 1"), None);
    // What is not there is named as if it were.
    assert_eq!(names("from nothing").unwrap(), ["\"nothing\""]);
    assert_eq!(names("select 1").unwrap(), [""; 0]);
}

#[test]
fn temporary_objects_and_variables_are_the_connection_s_own() {
    let instance = Instance::open(None, &[]).unwrap();
    let (a, b) = (instance.connect().unwrap(), instance.connect().unwrap());
    a.execute("create temp table t (i int); set variable x = 1; create macro p() as 1")
        .unwrap();
    assert!(b.prepare("select * from t").is_err());
    assert_eq!(b.query("select getvariable('x')").unwrap().scalar(), None);
    assert_eq!(b.query("select p()").unwrap().scalar().unwrap(), "1");
}

#[test]
fn an_instance_closes_with_its_last_connection() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let connection = Instance::open(Some(&path), &[]).unwrap().connect().unwrap();
    connection
        .execute("create table t as select 7 as a")
        .unwrap();
    drop(connection);
    let again = Instance::open(Some(&path), &[("access_mode", "read_only")]).unwrap();
    let connection = again.connect().unwrap();
    assert_eq!(
        connection
            .query("select a from t")
            .unwrap()
            .scalar()
            .unwrap(),
        "7"
    );
    assert!(connection.execute("create table u (a int)").is_err());
}

#[test]
fn a_path_or_option_that_does_not_open_says_so() {
    let error = Instance::open(Some("/nowhere/at/all.db".as_ref()), &[])
        .err()
        .unwrap();
    assert!(error.text().contains("/nowhere/at/all.db"), "{error}");
    let error = Instance::open(None, &[("no_such_option", "1")])
        .err()
        .unwrap();
    assert!(error.text().contains("no_such_option"), "{error}");
}
