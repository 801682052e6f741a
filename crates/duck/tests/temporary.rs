//! Temporary tables and views: one session's own, on a connection that stays with it.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::sync::Arc;

use common::*;
use model::{ErrorKind, ExecSession, Executor};

fn create_temp(name: &str, query_part: &str) -> Request {
    write(
        &format!("create temp table temp.main.{name} as {query_part}"),
        Some(query_part),
        &format!("temp.main.{name}"),
        true,
    )
}

fn drop_temp(name: &str) -> Request {
    let name = format!("temp.main.{name}");
    write(&format!("drop table {name}"), None, &name, true)
}

fn many(name: &str) -> Request {
    create_temp(name, "select range as i from range(3000000)").reads(&[], &["range"])
}

fn all(name: &str) -> Request {
    query(&format!("select * from {name}"), &[name], &[])
}

fn temporary(session: &Arc<dyn ExecSession>) -> Vec<String> {
    let catalog = session.catalog();
    let own = catalog.relations().filter(|r| r.name.is_temporary());
    own.map(|r| r.name.name.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_seen_by_their_session_alone() {
    let f = fixture().await;
    let (a, b) = (f.session().await, f.session().await);
    run(&a, create_temp("x", "select 1 as i")).await.unwrap();
    run(&b, create_temp("x", "select 2 as i")).await.unwrap();
    let shared = f.executor.catalog();
    assert!(shared.temporary().is_none());
    for (session, rows) in [(&a, 1), (&b, 1)] {
        assert_eq!(temporary(session), ["x"]);
        assert_eq!(number(session, count("temp.main.x")).await.unwrap(), rows);
        let below = session.catalog().shared.clone().unwrap();
        assert_eq!(below.version, shared.version);
    }
    assert_ne!(a.catalog().version, b.catalog().version);
    assert_eq!(a.catalog().version, a.catalog().version);
    let view = write(
        "create temp view temp.main.v as select i + 10 as i from temp.main.x",
        Some("select i + 10 as i from temp.main.x"),
        "temp.main.v",
        true,
    );
    run(&a, view.reads(&["temp.main.x"], &["+"])).await.unwrap();
    assert_eq!(temporary(&a), ["v", "x"]);
    assert_eq!(temporary(&b), ["x"]);
    let c = f.session().await;
    let error = run(&c, all("temp.main.x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Serialization);
    a.close().await;
    assert_eq!(number(&b, count("temp.main.x")).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_to_be_dropped_gives_the_connection_back() {
    let f = fixture_with(|config| config.connections = 1).await;
    let (a, b) = (f.session().await, f.session().await);
    run(&a, create_temp("x", "select 1 as i")).await.unwrap();
    run(&a, create_temp("y", "select 1 as i")).await.unwrap();
    run(&a, drop_temp("x")).await.unwrap();
    let error = run(&b, count("w.main.t")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyConnections);
    run(&a, drop_temp("y")).await.unwrap();
    assert!(a.catalog().temporary().is_none());
    assert_eq!(number(&b, count("w.main.t")).await.unwrap(), 1000);
    run(&a, create_temp("z", "select 1 as i")).await.unwrap();
    a.discard_temporary().await.unwrap();
    a.discard_temporary().await.unwrap();
    assert!(a.catalog().temporary().is_none());
    assert_eq!(number(&b, count("w.main.t")).await.unwrap(), 1000);
    run(&a, create_temp("z", "select 1 as i")).await.unwrap();
    a.close().await;
    // It is closed beside the end of the session.
    let closed = async {
        while let Err(error) = run(&b, count("w.main.t")).await {
            assert_eq!(error.kind(), ErrorKind::TooManyConnections);
            tokio::task::yield_now().await;
        }
    };
    let within = std::time::Duration::from_secs(10);
    tokio::time::timeout(within, closed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_could_not_be_made_leaves_nothing() {
    let f = fixture_with(|config| config.connections = 1).await;
    let (a, b) = (f.session().await, f.session().await);
    let failing = create_temp("x", "select cast('x' as integer) as i");
    run(&a, failing).await.unwrap_err();
    assert!(a.catalog().temporary().is_none());
    assert_eq!(number(&b, count("w.main.t")).await.unwrap(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_writes_them_and_one_catalog() {
    let f = fixture().await;
    let session = f.session().await;
    run(&session, create_temp("x", "select 1 as i"))
        .await
        .unwrap();
    session.begin(false).await.unwrap();
    run(&session, create_temp("y", "select 5 as i, 'y' as s"))
        .await
        .unwrap();
    let insert = insert("w.main.t", "select * from temp.main.y").reads(&["temp.main.y"], &[]);
    run(&session, insert).await.unwrap();
    assert_eq!(temporary(&session), ["x", "y"]);
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1001);
    assert_eq!(
        session.discard_temporary().await.unwrap_err().kind(),
        ErrorKind::ActiveTransaction
    );
    session.rollback().await.unwrap();
    assert_eq!(temporary(&session), ["x"]);
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
    assert_eq!(number(&session, count("temp.main.x")).await.unwrap(), 1);

    session.begin(true).await.unwrap();
    run(&session, create_temp("y", "select 5 as i"))
        .await
        .unwrap();
    session.commit().await.unwrap();
    assert_eq!(temporary(&session), ["x", "y"]);
    assert_eq!(number(&session, count("temp.main.y")).await.unwrap(), 1);

    session.begin(false).await.unwrap();
    run(&session, drop_temp("x")).await.unwrap();
    run(&session, drop_temp("y")).await.unwrap();
    session.commit().await.unwrap();
    assert!(session.catalog().temporary().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_shared_catalog_is_seen_beside_them() {
    let f = fixture().await;
    let (a, b) = (f.session().await, f.session().await);
    run(&a, create_temp("x", "select 1 as i")).await.unwrap();
    let before = a.catalog();
    run(&b, create("w.main.n", "a integer")).await.unwrap();
    let after = a.catalog();
    assert!(before.relation("w", "main", "n").is_none());
    assert!(after.relation("w", "main", "n").is_some());
    assert!(after.relation("temp", "main", "x").is_some());
    let made = write(
        "create table w.main.m as select * from temp.main.x",
        Some("select * from temp.main.x"),
        "w.main.m",
        true,
    );
    run(&a, made.reads(&["temp.main.x"], &[])).await.unwrap();
    for catalog in [a.catalog(), b.catalog(), f.executor.catalog()] {
        assert!(catalog.relation("w", "main", "m").is_some());
    }
    a.begin(false).await.unwrap();
    run(&a, create("w.main.o", "a integer")).await.unwrap();
    assert_eq!(temporary(&a), ["x"]);
    assert!(a.catalog().relation("w", "main", "o").is_some());
    a.rollback().await.unwrap();
    assert!(a.catalog().relation("w", "main", "o").is_none());
    assert_eq!(temporary(&a), ["x"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unread_result_over_them_is_in_use_and_nothing_else_is() {
    let f = fixture().await;
    let session = f.session().await;
    run(&session, many("x")).await.unwrap();
    let mut stream = session.execute(all("temp.main.x").seal()).await.unwrap();
    first(&mut stream).await;
    let error = run(&session, count("temp.main.x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ObjectInUse);
    let error = session.begin(false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ObjectInUse);
    let error = session.discard_temporary().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ObjectInUse);
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
    drop(stream);
    assert_eq!(
        number(&session, count("temp.main.x")).await.unwrap(),
        3_000_000
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_row_in_a_transaction_leaves_those_of_before() {
    let f = fixture().await;
    let session = f.session().await;
    run(&session, create_temp("x", "select 1 as i"))
        .await
        .unwrap();
    session.begin(false).await.unwrap();
    let mut refused = insert("w.main.t", "select 5000 as i, 'x' as s");
    let list = "w.main.t.i < 10";
    refused.0.sql = format!("{} returning {list}", refused.0.sql).into();
    refused.0.returning = Some(model::Returning {
        list: list.into(),
        most: (None, None),
        checked: true,
    });
    let refused = refused.reads(&[], &["<"]);
    run(&session, refused).await.unwrap_err();
    session.rollback().await.unwrap();
    assert_eq!(number(&session, count("temp.main.x")).await.unwrap(), 1);
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_fatal_error_their_names_stay_taken_until_they_are_discarded() {
    let f = fixture().await;
    let session = f.session().await;
    run(&session, create_temp("t", "select 1 as i"))
        .await
        .unwrap();
    let fatal = query("select typeof($1), $1::varchar", &[], &["typeof"])
        .params(vec![model::ParamValue::Varchar("x".into())]);
    run(&f.session().await, fatal).await.unwrap_err();
    eventually("the files are open again", || f.executor.is_ready()).await;
    assert_eq!(temporary(&session), ["t"]);
    let error = run(&session, count("temp.main.t")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UndefinedTable);
    assert!(error.message().contains("connection was lost"), "{error}");
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
    session.begin(false).await.unwrap();
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
    session.commit().await.unwrap();
    session.discard_temporary().await.unwrap();
    assert!(session.catalog().temporary().is_none());
    run(&session, create_temp("t", "select 1 as i"))
        .await
        .unwrap();
    assert_eq!(number(&session, count("temp.main.t")).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_statement_leaves_them() {
    let f = fixture().await;
    let session = f.session().await;
    run(&session, many("x")).await.unwrap();
    let slow = query(
        "select count(*) from temp.main.x a, temp.main.x b where a.i + b.i = -1",
        &["temp.main.x"],
        &["count_star", "+"],
    );
    let slow = slow.within(std::time::Duration::from_millis(50));
    let error = run(&session, slow).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueryCanceled);
    assert_eq!(
        number(&session, count("temp.main.x")).await.unwrap(),
        3_000_000
    );
}

/// Only what is temporary may be made so, and it in no other way.
#[tokio::test(flavor = "multi_thread")]
async fn the_shell_says_what_the_target_is() {
    let f = fixture().await;
    let session = f.session().await;
    for (sql, target) in [
        ("create temp table w.main.n (a integer)", "w.main.n"),
        ("create table temp.main.n (a integer)", "temp.main.n"),
        ("create temp view w.main.n as select 1", "w.main.n"),
        ("create table w.main.n (a integer)", "temp.main.n"),
    ] {
        let query_part = sql.split_once(" as ").map(|(_, q)| q);
        let request = write(sql, query_part, target, true);
        let error = run(&session, request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal, "{sql}");
    }
    assert!(session.catalog().temporary().is_none());
}
