//! The same statement again on the same connection: as if it were prepared anew each time.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::sync::Arc;

use common::*;
use model::{ErrorKind, ExecSession, ParamValue};

const ABOVE: &str = "select count(*) from w.main.t where i > 2000";

async fn above(session: &Arc<dyn ExecSession>) -> i64 {
    let count = query(ABOVE, &["w.main.t"], &["count_star"]);
    number(session, count).await.unwrap()
}

/// DuckDB plans an empty result, as no value is that large, and keeps the plan.
#[tokio::test(flavor = "multi_thread")]
async fn every_commit_is_seen() {
    let f = fixture().await;
    let (reader, writer) = (f.session().await, f.session().await);
    for _ in 0..3 {
        assert_eq!(above(&reader).await, 0);
    }
    let one = || insert("w.main.t", "select 3000, 'x'");
    run(&writer, one()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(above(&reader).await, 1);
    }
    writer.begin(false).await.unwrap();
    run(&writer, one()).await.unwrap();
    assert_eq!((above(&reader).await, above(&writer).await), (1, 2));
    writer.commit().await.unwrap();
    for _ in 0..3 {
        assert_eq!(above(&reader).await, 2);
    }
    let replaced = write(
        "create or replace table w.main.t as select 5000 as i",
        Some("select 5000 as i"),
        "w.main.t",
        true,
    );
    run(&writer, replaced).await.unwrap();
    for _ in 0..3 {
        assert_eq!(above(&reader).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_moves_on() {
    let f = fixture().await;
    let session = f.session().await;
    for (sql, functions) in [
        (
            "select epoch_us(current_localtimestamp())",
            vec!["epoch_us", "current_localtimestamp"],
        ),
        ("select epoch_us(now())", vec!["epoch_us", "now"]),
    ] {
        let ask = || query(sql, &[], &functions);
        let first = number(&session, ask()).await.unwrap();
        let second = number(&session, ask()).await.unwrap();
        assert!(second > first, "{sql}: {first}, {second}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_taken_anew() {
    let f = fixture().await;
    let session = f.session().await;
    let mut taken = std::collections::BTreeSet::new();
    for _ in 0..5 {
        let sample = query(
            "select sum(i)::bigint from (select i from w.main.t using sample 20)",
            &["w.main.t"],
            &["sum"],
        );
        taken.insert(number(&session, sample).await.unwrap());
    }
    assert!(taken.len() > 1, "five samples of 20 in 1000 are the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_and_zones_are_those_of_the_request() {
    let f = fixture().await;
    let session = f.session().await;
    let found = async |value: Option<i64>| {
        let mut request = query(
            "select count(*) from w.main.t where i < cast($1 as bigint)",
            &["w.main.t"],
            &["count_star"],
        );
        request = request.params(value.map(ParamValue::BigInt).into_iter().collect());
        number(&session, request).await
    };
    assert_eq!(found(Some(10)).await.unwrap(), 10);
    assert_eq!(found(Some(20)).await.unwrap(), 20);
    // No value is left of the last run.
    assert!(found(None).await.is_err());
    assert_eq!(found(Some(30)).await.unwrap(), 30);

    let instant = async |zone: &str| {
        let sql = "select epoch_us(cast('2020-01-01' as timestamptz))";
        let request = query(sql, &[], &["epoch_us"]).zone(zone);
        number(&session, request).await.unwrap()
    };
    let (utc, paris) = (instant("UTC").await, instant("Europe/Paris").await);
    assert_eq!(utc - paris, 3_600_000_000);
    assert_eq!(instant("UTC").await, utc);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_given_up_or_failed_leaves_a_connection_that_sees_what_follows() {
    let f = fixture_with(|config| config.connections = 1).await;
    let session = f.session().await;
    let all = || query("from w.main.t", &["w.main.t"], &[]);
    let wrong = || {
        query(
            "select cast(s as integer) from w.main.t",
            &["w.main.t"],
            &[],
        )
    };
    for _ in 0..3 {
        let mut stream = session.execute(all().seal()).await.unwrap();
        first(&mut stream).await;
        drop(stream);
        // The connection comes back as soon as a thread has closed the result.
        while let Err(error) = run(&session, wrong()).await
            && error.kind() == ErrorKind::TooManyConnections
        {
            tokio::task::yield_now().await;
        }
        let failed = run(&session, wrong()).await.unwrap_err();
        assert_ne!(failed.kind(), ErrorKind::TooManyConnections);
    }
    let before = above(&session).await;
    run(&session, insert("w.main.t", "select 3000, 'x'"))
        .await
        .unwrap();
    assert_eq!(above(&session).await, before + 1);
}
