//! Writes, transactions, snapshots of the catalog.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use common::*;
use model::{ErrorKind, Executor, SqlType};

#[tokio::test(flavor = "multi_thread")]
async fn the_snapshot_shows_tables_and_views() {
    let f = fixture().await;
    let snapshot = f.executor.catalog();
    let relations: Vec<_> = snapshot.relations().map(|r| r.name.to_string()).collect();
    assert_eq!(
        relations,
        [
            "f.main.p",
            "f.main.parts",
            "r.main.one",
            "w.main.t",
            "w.main.v"
        ]
    );
    let t = snapshot.relation("W", "public", "T").unwrap();
    let columns: Vec<_> = t
        .columns
        .iter()
        .map(|c| (c.name.as_str(), c.sql_type.clone()))
        .collect();
    assert_eq!(columns, [("i", SqlType::BigInt), ("s", SqlType::Varchar)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committed_change_is_in_the_snapshot_before_the_reply() {
    let f = fixture().await;
    let session = f.session().await;
    let before = f.executor.catalog();
    run(
        &session,
        create(
            "w.main.n",
            "a integer not null, e enum('x', 'y'), d decimal(9,2)[]",
        ),
    )
    .await
    .unwrap();
    let after = f.executor.catalog();
    assert!(after.version > before.version);
    let n = after.relation("w", "main", "n").unwrap();
    let described: Vec<_> = n
        .columns
        .iter()
        .map(|c| (c.sql_type.to_string(), c.nullable))
        .collect();
    assert_eq!(
        described,
        [
            ("INTEGER".to_owned(), false),
            ("ENUM('x', 'y')".to_owned(), true),
            ("DECIMAL(9,2)[]".to_owned(), true)
        ]
    );
    let inserted = insert("w.main.n", "select 1, 'x', [1.5]").reads(&[], &["list_value"]);
    assert_eq!(number(&session, inserted).await.unwrap(), 1);
    let ctas = write(
        "create table w.main.c as select * from w.main.t",
        Some("select * from w.main.t"),
        "w.main.c",
        true,
    )
    .reads(&["w.main.t"], &[]);
    assert_eq!(number(&session, ctas).await.unwrap(), 1000);
    run(
        &session,
        write("drop table w.main.n", None, "w.main.n", true),
    )
    .await
    .unwrap();
    assert!(f.executor.catalog().relation("w", "main", "n").is_none());
    assert!(f.executor.catalog().relation("w", "main", "c").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_write_leaves_nothing() {
    let f = fixture().await;
    let session = f.session().await;
    run(&session, create("w.main.n", "a integer unique"))
        .await
        .unwrap();
    let twice = insert("w.main.n", "select 1 from range(2)").reads(&[], &["range"]);
    let error = run(&session, twice).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    assert_eq!(number(&session, count("w.main.n")).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_seen_by_itself_until_it_commits() {
    let f = fixture().await;
    let (a, b) = (f.session().await, f.session().await);
    a.begin(false).await.unwrap();
    run(&a, create("w.main.n", "a integer")).await.unwrap();
    run(&a, insert("w.main.n", "select 5")).await.unwrap();
    assert_eq!(number(&a, count("w.main.n")).await.unwrap(), 1);
    assert!(a.catalog().relation("w", "main", "n").is_some());
    for catalog in [b.catalog(), f.executor.catalog()] {
        assert!(catalog.relation("w", "main", "n").is_none());
    }
    let error = run(&b, count("w.main.n")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UndefinedTable);
    a.commit().await.unwrap();
    assert!(b.catalog().relation("w", "main", "n").is_some());
    assert_eq!(a.catalog().version, b.catalog().version);
    assert_eq!(number(&b, count("w.main.n")).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_undoes_and_the_session_goes_on() {
    let f = fixture().await;
    let session = f.session().await;
    session.begin(false).await.unwrap();
    run(&session, create("w.main.n", "a integer"))
        .await
        .unwrap();
    run(&session, insert("w.main.t", "select 5, 'x'"))
        .await
        .unwrap();
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1001);
    session.rollback().await.unwrap();
    assert!(session.catalog().relation("w", "main", "n").is_none());
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
    assert_eq!(
        session.rollback().await.unwrap_err().kind(),
        ErrorKind::NoActiveTransaction
    );
    assert_eq!(
        session.commit().await.unwrap_err().kind(),
        ErrorKind::NoActiveTransaction
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_carries_one_result() {
    let f = fixture().await;
    let session = f.session().await;
    session.begin(true).await.unwrap();
    assert_eq!(
        session.begin(true).await.unwrap_err().kind(),
        ErrorKind::ActiveTransaction
    );
    let mut stream = session.execute(long().seal()).await.unwrap();
    first(&mut stream).await;
    let error = run(&session, count("w.main.t")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ObjectInUse);
    assert_eq!(
        session.commit().await.unwrap_err().kind(),
        ErrorKind::ObjectInUse
    );
    first(&mut stream).await;
    // Dropped, it makes way, and the transaction lives on.
    drop(stream);
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
    session.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling_back_ends_an_open_result() {
    let f = fixture().await;
    let session = f.session().await;
    session.begin(false).await.unwrap();
    let mut stream = session.execute(long().seal()).await.unwrap();
    first(&mut stream).await;
    session.rollback().await.unwrap();
    assert_eq!(
        rest(stream).await.unwrap_err().kind(),
        ErrorKind::QueryCanceled
    );
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_statement_leaves_its_transaction_to_be_rolled_back() {
    let f = fixture().await;
    let session = f.session().await;
    session.begin(false).await.unwrap();
    run(&session, insert("w.main.t", "select 5, 'x'"))
        .await
        .unwrap();
    let call = session.execute(slow().within(std::time::Duration::from_millis(50)).seal());
    assert_eq!(call.await.unwrap_err().kind(), ErrorKind::QueryCanceled);
    session.rollback().await.unwrap();
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn write_conflicts_can_be_tried_again() {
    let f = fixture().await;
    let (a, b) = (f.session().await, f.session().await);
    a.begin(false).await.unwrap();
    b.begin(false).await.unwrap();
    assert_eq!(number(&b, count("w.main.t")).await.unwrap(), 1000);
    run(&a, create("w.main.same", "a integer")).await.unwrap();
    let error = run(&b, create("w.main.same", "a integer"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Serialization, "{error:?}");
    b.rollback().await.unwrap();
    a.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_only_is_not_written() {
    let f = fixture().await;
    let session = f.session().await;
    for table in ["r.main.one", "f.main.p"] {
        let error = run(&session, insert(table, "select 2")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReadOnly, "{table}");
    }
    session.begin(true).await.unwrap();
    let error = run(&session, insert("w.main.t", "select 5, 'x'"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    session.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_rolls_back() {
    let f = fixture_with(|c| c.connections = 1).await;
    let session = f.session().await;
    session.begin(false).await.unwrap();
    run(&session, insert("w.main.t", "select 5, 'x'"))
        .await
        .unwrap();
    session.close().await;
    let other = f.session().await;
    let mut outcome = number(&other, count("w.main.t")).await;
    for _ in 0..1000 {
        if outcome.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        outcome = number(&other, count("w.main.t")).await;
    }
    assert_eq!(outcome.unwrap(), 1000);
}

/// DuckDB's binder names no tables where it would have to know their columns.
#[tokio::test(flavor = "multi_thread")]
async fn what_joins_or_turns_columns_by_name_runs_over_tables() {
    let f = fixture().await;
    let session = f.session().await;
    for (sql, rows) in [
        (
            "select a.i from w.main.t as a join w.main.t as b using (i)",
            1000,
        ),
        (
            "select a.i from w.main.t as a natural join w.main.t as b",
            1000,
        ),
        ("select * from w.main.t unpivot (v for n in ('s'))", 1000),
    ] {
        let batches = run(&session, query(sql, &["w.main.t"], &[])).await.unwrap();
        assert_eq!(common::rows(&batches), rows, "{sql}");
    }
    let text = "select * from w.main.v natural join w.main.v as b";
    let mut request = query(text, &["w.main.v"], &[]);
    request.0.catalog_version = f.executor.catalog().version;
    let error = run(&session, request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
}
