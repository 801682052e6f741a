//! Streaming, parking, cancelling, limits.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::time::{Duration, Instant};

use common::*;
use futures::StreamExt;
use model::{ErrorKind, ParamValue};

#[tokio::test(flavor = "multi_thread")]
async fn a_query_s_rows_arrive_with_names_and_parameters() {
    let f = fixture().await;
    let session = f.session().await;
    let request = query("select i, s from w.main.t where i = $1", &["w.main.t"], &[])
        .params(vec![ParamValue::BigInt(7)]);
    let stream = session.execute(request.seal()).await.unwrap();
    let names: Vec<_> = stream
        .schema()
        .columns
        .iter()
        .map(|c| c.name.clone())
        .collect();
    assert_eq!(names, ["i", "s"]);
    assert_eq!(rows(&rest(stream).await.unwrap()), 1);
    assert_eq!(number(&session, count("f.main.p")).await.unwrap(), 100);
    assert_eq!(number(&session, count("f.main.parts")).await.unwrap(), 2);
    assert_eq!(
        rows(
            &run(&session, query("select 1 where false", &[], &[]))
                .await
                .unwrap()
        ),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn parked_streams_take_no_thread() {
    let f = fixture_with(|c| c.step_threads = 2).await;
    let session = f.session().await;
    let mut parked = Vec::new();
    for _ in 0..8 {
        let mut stream = session.execute(long().seal()).await.unwrap();
        first(&mut stream).await;
        parked.push(stream);
    }
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
    for stream in &mut parked {
        for _ in 0..10 {
            first(stream).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_stream_frees_its_connection() {
    let f = fixture_with(|c| c.connections = 1).await;
    let session = f.session().await;
    for _ in 0..5 {
        let mut stream = session.execute(long().seal()).await.unwrap();
        first(&mut stream).await;
        drop(stream);
        let mut outcome = number(&session, count("w.main.t")).await;
        let deadline = Instant::now() + Duration::from_secs(5);
        while outcome.is_err() && Instant::now() < deadline {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TooManyConnections);
            tokio::time::sleep(Duration::from_millis(1)).await;
            outcome = number(&session, count("w.main.t")).await;
        }
        assert_eq!(outcome.unwrap(), 1000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_is_answered_within_a_second() {
    let f = fixture().await;
    let session = f.session().await;
    let request = slow();
    let id = request.id();
    let waiting = {
        let session = session.clone();
        f.tasks.spawn("slow", async move {
            session.execute(request.seal()).await.map(|_| ())
        })
    };
    // Cancelled once it runs; cancelling what is not known yet does nothing.
    let start = Instant::now();
    while !waiting.is_finished() {
        session.cancel(id);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(start.elapsed() < Duration::from_secs(1));
    let error = waiting.join().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueryCanceled);
    assert_eq!(error.message(), "canceling statement due to user request");
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_is_answered_even_if_duckdb_does_not_listen() {
    let f = fixture().await;
    let session = f.session().await;
    let request = deaf();
    let id = request.id();
    let waiting = {
        let session = session.clone();
        f.tasks.spawn("deaf", async move {
            session.execute(request.seal()).await.map(|_| ())
        })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    session.cancel(id);
    let outcome = waiting.join().await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::QueryCanceled);
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_ends_an_open_stream_at_once() {
    let f = fixture().await;
    let session = f.session().await;
    let request = long();
    let id = request.id();
    let mut stream = session.execute(request.seal()).await.unwrap();
    first(&mut stream).await;
    session.cancel(id);
    let error = rest(stream).await.unwrap_err();
    assert_eq!(error.message(), "canceling statement due to user request");
    session.cancel(id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_a_statement_before_and_amid_its_rows() {
    let f = fixture().await;
    let session = f.session().await;
    let start = Instant::now();
    let soon = Duration::from_millis(200);
    let error = session
        .execute(slow().within(soon).seal())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueryCanceled);
    assert_eq!(
        error.message(),
        "canceling statement due to statement timeout"
    );
    assert!(start.elapsed() < soon + Duration::from_secs(1));
    let mut stream = session.execute(long().within(soon).seal()).await.unwrap();
    first(&mut stream).await;
    let error = rest(stream).await.unwrap_err();
    assert_eq!(
        error.message(),
        "canceling statement due to statement timeout"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stays_away_loses_its_stream() {
    let f = fixture_with(|c| {
        c.stream_idle_timeout = Duration::from_millis(50);
        c.connections = 1;
    })
    .await;
    let session = f.session().await;
    let mut stream = session.execute(long().seal()).await.unwrap();
    first(&mut stream).await;
    // Its connection is free while the stream is still held.
    let deadline = Instant::now() + Duration::from_secs(10);
    while number(&session, count("w.main.t")).await.is_err() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let error = rest(stream).await.unwrap_err();
    assert_eq!(
        error.message(),
        "canceling statement due to stream idle timeout"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn open_results_and_connections_are_limited() {
    let f = fixture_with(|c| c.open_streams = 2).await;
    let session = f.session().await;
    let held = (
        session.execute(long().seal()).await.unwrap(),
        session.execute(long().seal()).await.unwrap(),
    );
    let error = session.execute(long().seal()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    drop(held);
    session.execute(long().seal()).await.unwrap();

    let f = fixture_with(|c| c.connections = 2).await;
    let session = f.session().await;
    let _held = (
        session.execute(long().seal()).await.unwrap(),
        session.execute(long().seal()).await.unwrap(),
    );
    let error = session.execute(long().seal()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyConnections);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_come_with_the_answer_or_in_the_stream_and_end_it() {
    // With more threads DuckDB sometimes loses the reason of a failure amid the rows.
    let f = fixture_with(|config| config.threads = 1).await;
    let session = f.session().await;
    let early = query(
        "select cast(s as integer) from w.main.t",
        &["w.main.t"],
        &[],
    );
    let error = session.execute(early.seal()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidText);
    assert!(error.message().contains("row 0"), "{error}");
    let governed = query(
        "select cast(s as integer) from w.main.t",
        &["w.main.t"],
        &[],
    )
    .governed();
    let error = session.execute(governed.seal()).await.unwrap_err();
    assert_eq!(error.message(), "invalid input for a type");
    let late = query(
        "select case when range = 500000 then cast('x' || range as integer) else 1 end as c from range(600000)",
        &[],
        &["range", "||"],
    );
    let mut stream = session.execute(late.seal()).await.unwrap();
    let mut last = stream.next().await;
    while let Some(Ok(_)) = last {
        last = stream.next().await;
    }
    assert_eq!(last.unwrap().unwrap_err().kind(), ErrorKind::InvalidText);
    assert!(stream.next().await.is_none());
}

/// The failure of one of DuckDB's threads interrupts the others, and what comes out is sometimes the
/// interrupt.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_never_taken_for_a_cancel() {
    let f = fixture().await;
    let session = f.session().await;
    for _ in 0..50 {
        let failing = query(
            "select case when range % 1000 = 999 then cast('x' || range as integer) else 1 end as c \
             from range(600000)",
            &[],
            &["range", "||", "%"],
        );
        let failed = run(&session, failing).await.unwrap_err();
        assert!(
            matches!(
                failed.kind(),
                ErrorKind::InvalidText | ErrorKind::DataException
            ),
            "{failed}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_a_session_ends_what_runs_and_the_executor_closes_clean() {
    let f = fixture().await;
    let session = f.session().await;
    let mut stream = session.execute(long().seal()).await.unwrap();
    first(&mut stream).await;
    session.close().await;
    assert_eq!(rest(stream).await.unwrap_err().kind(), ErrorKind::Shutdown);
    assert_eq!(
        session.execute(long().seal()).await.unwrap_err().kind(),
        ErrorKind::Shutdown
    );
    session.close().await;
    let other = f.session().await;
    let _open = other.execute(long().seal()).await.unwrap();
    f.tasks.shutdown();
    let left = f.tasks.wait(Duration::from_secs(10)).await;
    assert_eq!(left, [""; 0]);
    // The files are free again.
    native::Instance::open(Some(&f.folder.path().join("w.db")), &[]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_stops_its_statement() {
    let f = fixture_with(|c| c.connections = 1).await;
    let session = f.session().await;
    let call = session.execute(slow().seal());
    assert!(
        tokio::time::timeout(Duration::from_millis(50), call)
            .await
            .is_err()
    );
    let deadline = Instant::now() + Duration::from_secs(10);
    while number(&session, count("w.main.t")).await.is_err() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_s_time_zone_is_its_own() {
    let f = fixture_with(|c| c.connections = 1).await;
    let (a, b) = (f.session().await, f.session().await);
    let hour = || {
        query(
            "select hour(make_timestamptz(cast(0 as bigint))) as h",
            &[],
            &["hour", "make_timestamptz"],
        )
    };
    assert_eq!(number(&a, hour().zone("Asia/Tokyo")).await.unwrap(), 9);
    assert_eq!(number(&b, hour()).await.unwrap(), 0);
    assert_eq!(number(&a, hour().zone("Asia/Tokyo")).await.unwrap(), 9);
    let error = run(&a, hour().zone("No/Where'")).await.unwrap_err();
    assert_ne!(error.kind(), ErrorKind::Internal);
    assert_eq!(number(&b, hour()).await.unwrap(), 0);
}

/// DuckDB 1.5.5 by itself answers with a row of NULLs.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_no_rows_is_none() {
    let f = fixture().await;
    let session = f.session().await;
    let sql = "select i from w.main.t where i % 7 = 8 qualify row_number() over (order by i) = 1";
    let request = query(sql, &["w.main.t"], &["row_number", "%"]);
    assert_eq!(rows(&run(&session, request).await.unwrap()), 0);
}
