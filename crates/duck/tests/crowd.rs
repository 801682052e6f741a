//! Many at once, and a statement that does not stop.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::time::{Duration, Instant};

use common::*;
use futures::future::join_all;
use model::ErrorKind;

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_cancels_and_leaves_early_leaks_nothing() {
    let f = fixture_with(|c| c.connections = 120).await;
    let one = |n: usize| {
        let f = &f;
        async move {
            let session = f.session().await;
            if n.is_multiple_of(2) {
                session.begin(false).await.unwrap();
            }
            let request = long();
            let id = request.id();
            let mut stream = session.execute(request.seal()).await.unwrap();
            first(&mut stream).await;
            match n % 4 {
                0 | 1 => {
                    let start = Instant::now();
                    session.cancel(id);
                    assert_eq!(
                        rest(stream).await.unwrap_err().kind(),
                        ErrorKind::QueryCanceled
                    );
                    assert!(start.elapsed() < Duration::from_secs(1));
                }
                2 => drop(stream),
                _ => drop(tokio::time::timeout(Duration::from_millis(5), rest(stream)).await),
            }
            if n.is_multiple_of(2) {
                session.rollback().await.unwrap();
            }
            assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
            if n.is_multiple_of(3) {
                session.close().await;
            }
        }
    };
    // Each may hold two connections for a moment: the one it left and the one of its count.
    join_all((0..60).map(one)).await;
    f.executor.close().await;
    f.tasks.shutdown();
    assert_eq!(f.tasks.wait(Duration::from_secs(10)).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_statement_keeps_its_connection_and_no_thread() {
    let f = fixture_with(|c| {
        c.step_threads = 1;
        c.connections = 2;
        c.quiet_timeout = Duration::from_millis(50);
    })
    .await;
    let session = f.session().await;
    let deaf = deaf();
    let error = session
        .execute(deaf.within(Duration::from_millis(100)).seal())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueryCanceled);
    // The only thread is in DuckDB: another takes its place.
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
    let _stream = session.execute(long().seal()).await.unwrap();
    let error = session.execute(long().seal()).await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::TooManyConnections,
        "the abandoned one still has its place"
    );
}
