//! Values there and back through a driver, which reads and writes binary.

use std::time::{Duration, SystemTime};

use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::support::server;

/// The first value of a query in text, and the name of its type.
async fn text(client: &Client, sql: &str) -> Option<String> {
    let messages = client.simple_query(sql).await.unwrap();
    messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).map(str::to_owned)),
        _ => None,
    })?
}

#[tokio::test]
async fn texts_of_duckdbs_types() {
    let server = server().await;
    let client = server.client("admin").await;
    for (sql, expected) in [
        ("true", "t"),
        (
            "170141183460469231731687303715884105727::hugeint",
            "170141183460469231731687303715884105727",
        ),
        ("-123.45::decimal(10,3)", "-123.450"),
        ("0.1::float", "0.1"),
        ("'nan'::double", "NaN"),
        ("1e15::double", "1e+15"),
        ("'\\x00\\xff'::blob", "\\x00ff"),
        ("'101'::bit", "101"),
        ("date '0044-03-15 (BC)'", "0044-03-15 BC"),
        (
            "timestamp '2020-01-01 12:34:56.789'",
            "2020-01-01 12:34:56.789",
        ),
        ("timestamp_s '2020-01-01 12:34:56'", "2020-01-01 12:34:56"),
        ("'infinity'::timestamp", "infinity"),
        (
            "timestamptz '2020-01-01 12:00:00+02'",
            "2020-01-01 10:00:00+00",
        ),
        ("time '24:00:00'", "24:00:00"),
        ("interval '1 year 2 days 3 hours'", "1 year 2 days 03:00:00"),
        (
            "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        ),
        ("'{\"a\": 1}'::json", "{\"a\": 1}"),
        ("'b'::enum('a', 'b')", "b"),
        ("['a b', null]", "{\"a b\",NULL}"),
        ("[1, 2]::integer[2]", "{1,2}"),
        ("[[1], [2, 3]]", "[[1],[2,3]]"),
        ("{'a': 1, 'b': [true]}", "{\"a\":1,\"b\":[true]}"),
        ("map {'k': 1.5}", "{\"k\":1.5}"),
    ] {
        assert_eq!(
            text(&client, &format!("select {sql}")).await.as_deref(),
            Some(expected),
            "{sql}"
        );
    }
    assert_eq!(text(&client, "select null").await, None);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn binary_results() {
    let server = server().await;
    let client = server.client("admin").await;
    let row = client
        .query_one(
            "select true, 1::smallint, 2::integer, 3::bigint, 4::utinyint, 1.5::float, 2.5::double,
                'x', 'ab'::blob, timestamp '2000-01-01 00:00:01', timestamptz '2000-01-01 00:00:02+00',
                [1, null], ['a'], null::integer, count(*) from flights",
            &[],
        )
        .await
        .unwrap();
    let since_2000 =
        |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(946_684_800 + seconds);
    assert!(row.get::<_, bool>(0));
    assert_eq!(row.get::<_, i16>(1), 1);
    assert_eq!(row.get::<_, i32>(2), 2);
    assert_eq!(row.get::<_, i64>(3), 3);
    assert_eq!(row.get::<_, i16>(4), 4);
    assert_eq!(row.get::<_, f32>(5), 1.5);
    assert_eq!(row.get::<_, f64>(6), 2.5);
    assert_eq!(row.get::<_, &str>(7), "x");
    assert_eq!(row.get::<_, &[u8]>(8), b"ab");
    assert_eq!(row.get::<_, SystemTime>(9), since_2000(1));
    assert_eq!(row.get::<_, SystemTime>(10), since_2000(2));
    assert_eq!(row.get::<_, Vec<Option<i32>>>(11), [Some(1), None]);
    assert_eq!(row.get::<_, Vec<&str>>(12), ["a"]);
    assert_eq!(row.get::<_, Option<i32>>(13), None);
    assert_eq!(row.get::<_, i64>(14), 3);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn parameters() {
    let server = server().await;
    let client = server.client("admin").await;
    // By the column's type, and by one that the client fixes.
    let rows = client
        .query("select dest from flights where id = $1", &[&2])
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<_, Option<&str>>(0), Some("LAX"));
    let origin = "select id from flights where origin = $1 order by id limit $2::bigint";
    let rows = client.query(origin, &[&"JFK", &1i64]).await.unwrap();
    assert_eq!(
        rows.iter().map(|r| r.get::<_, i32>(0)).collect::<Vec<_>>(),
        [1]
    );
    for (declared, value) in [
        (
            Type::INT2,
            &2i16 as &(dyn tokio_postgres::types::ToSql + Sync),
        ),
        (Type::INT8, &2i64),
        (Type::TEXT, &"2"),
        (Type::FLOAT8, &2f64),
    ] {
        let sql = "select dest from flights where id = $1";
        let statement = client
            .prepare_typed(sql, std::slice::from_ref(&declared))
            .await
            .unwrap();
        assert_eq!(statement.params(), std::slice::from_ref(&declared));
        let rows = client.query(&statement, &[value]).await.unwrap();
        assert_eq!(rows.len(), 1, "{declared}");
    }
    for _ in 0..3 {
        let inserted = client
            .execute("insert into notes values ($1, $2)", &[&7, &Some("é")])
            .await
            .unwrap();
        assert_eq!(inserted, 1);
    }
    let row = client
        .query_one("select count(*), max(text) from notes where id = $1", &[&7])
        .await
        .unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, &str>(1)), (3, "é"));
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn errors_point_into_the_text() {
    let server = server().await;
    let client = server.client("admin").await;
    let error = client
        .simple_query("select 1; select 'é', nope from flights")
        .await
        .unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code().code(), "42703");
    let position = tokio_postgres::error::ErrorPosition::Original(23);
    assert_eq!(error.position(), Some(&position));
    drop(client);
    server.stop().await;
}
