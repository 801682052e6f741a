//! Limits on temporary files. The memory is so small that sorting has to spill.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::sync::Arc;

use common::*;
use futures::StreamExt;
use model::{ErrorKind, ExecSession};

/// Rows to sort.
const ROWS: usize = 1_000_000;

/// What the sort needs, with room to spare.
const ENOUGH: u64 = 10 << 30;

async fn small() -> Fixture {
    fixture_with(|c| c.memory_limit_bytes = 64 << 20).await
}

/// A statement that spills some hundred megabytes before its first row.
fn sort() -> Request {
    let sql = format!(
        "select sha256(range::varchar) as h, range as i from range({ROWS}) order by h, i desc"
    );
    query(&sql, &[], &["range", "sha256"])
}

async fn sorted(session: &Arc<dyn ExecSession>, request: Request) -> model::Result<usize> {
    run(session, request).await.map(|batches| rows(&batches))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_ends_when_its_instance_spills_too_much() {
    let f = small().await;
    let session = f.session().await;
    // Within its limit it spills and comes to its end.
    let within = sort().spilling_at_most(ENOUGH, "wide");
    assert_eq!(sorted(&session, within).await.unwrap(), ROWS);

    let error = sorted(&session, sort().spilling_at_most(1 << 20, "desk spill"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
    assert_eq!(
        error.message(),
        "temporary files have grown by more than 1MiB while the statement ran: limit \"desk spill\""
    );
    // Nothing stays of it.
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_ended_in_a_transaction_too() {
    let f = small().await;
    let session = f.session().await;
    session.begin(true).await.unwrap();
    let limited = sort().spilling_at_most(1 << 20, "desk");
    let error = sorted(&session, limited).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
    session.rollback().await.unwrap();
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_waits_for_its_reader_is_not_ended_for_others() {
    let f = small().await;
    let (session, other) = (f.session().await, f.session().await);
    let limited = long().spilling_at_most(1 << 20, "desk");
    let mut parked = session.execute(limited.seal()).await.unwrap();
    first(&mut parked).await;
    assert_eq!(sorted(&other, sort()).await.unwrap(), ROWS);
    // More than what was in flight: it goes on where it was.
    for _ in 0..20 {
        parked.next().await.unwrap().unwrap();
    }
}
