//! Sequences: in the snapshot, in the second reading, and as something that queries write.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::sync::Arc;

use common::*;
use model::{Error, ErrorKind, ExecSession, Executor, Expected};

/// A query as policy would seal it, which draws from these sequences and reads those.
fn asks(sql: &str, drawn: &[&str], read: &[&str]) -> Request {
    let mut request = query(sql, &[], &[]);
    let calls = [("nextval", drawn), ("currval", read)];
    let calls = calls.iter().filter(|(_, names)| !names.is_empty());
    request.0.expected = Arc::new(Expected {
        functions: calls.map(|(call, _)| (*call).to_owned()).collect(),
        sequences: drawn
            .iter()
            .chain(read)
            .map(|name| relation(name))
            .collect(),
        drawn: drawn.iter().map(|name| relation(name)).collect(),
        ..Expected::default()
    });
    request
}

fn next(name: &str) -> Request {
    let quoted = format!("\"{}\"", name.replace('.', "\".\""));
    asks(&format!("select nextval('{quoted}')"), &[name], &[])
}

async fn make(session: &Arc<dyn ExecSession>, name: &str) -> Result<(), Error> {
    let create = write(&format!("create sequence {name}"), None, name, true);
    run(session, create).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_snapshot_shows_sequences() {
    let f = fixture().await;
    let session = f.session().await;
    assert!(f.executor.catalog().sequence("w", "main", "s").is_none());
    make(&session, "w.main.s").await.unwrap();
    let catalog = f.executor.catalog();
    let found = catalog.sequence("W", "public", "S").unwrap();
    assert_eq!(found.to_string(), "w.main.s");
    assert!(catalog.relation("w", "main", "s").is_none());
    let drop = write("drop sequence w.main.s", None, "w.main.s", true);
    run(&session, drop).await.unwrap();
    assert!(f.executor.catalog().sequence("w", "main", "s").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_draw_gives_another_value() {
    let f = fixture().await;
    let session = f.session().await;
    make(&session, "w.main.s").await.unwrap();
    for expected in 1..=5 {
        assert_eq!(number(&session, next("w.main.s")).await.unwrap(), expected);
    }
    let current = || asks("select currval('\"w\".\"main\".\"s\"')", &[], &["w.main.s"]);
    let other = f.session().await;
    for _ in 0..3 {
        assert_eq!(number(&other, current()).await.unwrap(), 5);
    }
    assert_eq!(number(&other, next("w.main.s")).await.unwrap(), 6);
    assert_eq!(number(&session, current()).await.unwrap(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_names_the_sequences_that_are_expected() {
    let f = fixture().await;
    let session = f.session().await;
    for name in ["w.main.s", "w.main.other"] {
        make(&session, name).await.unwrap();
    }
    let s = "select nextval('\"w\".\"main\".\"s\"')";
    let both = "select nextval('\"w\".\"main\".\"s\"'), nextval('\"w\".\"main\".\"other\"')";
    for (sql, drawn, read) in [
        (s, vec!["w.main.other"], vec![]),
        (s, vec!["w.main.s", "w.main.other"], vec![]),
        (s, vec![], vec!["w.main.s"]),
        (both, vec!["w.main.s"], vec![]),
        ("select nextval('s')", vec!["w.main.s"], vec![]),
        ("select nextval('w.main.s')", vec!["w.main.s"], vec![]),
    ] {
        let mut request = asks(sql, &drawn, &read);
        let expected = Arc::make_mut(&mut request.0.expected);
        expected.functions = ["nextval".to_owned()].into();
        let error = run(&session, request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal, "{sql}");
    }
    let mut unnamed = asks(s, &[], &[]);
    Arc::make_mut(&mut unnamed.0.expected).functions = ["nextval".to_owned()].into();
    assert!(run(&session, unnamed).await.is_err());
    assert_eq!(number(&session, next("w.main.s")).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_draws_is_a_write() {
    let f = fixture().await;
    let session = f.session().await;
    make(&session, "w.main.s").await.unwrap();
    let error = run(&session, next("r.main.s")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    session.begin(true).await.unwrap();
    let error = run(&session, next("w.main.s")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    session.rollback().await.unwrap();
    assert_eq!(number(&session, next("w.main.s")).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_draws_from_the_catalog_that_it_writes() {
    let f = two_writable().await;
    let session = f.session().await;
    make(&session, "w.main.s").await.unwrap();
    make(&session, "r.main.s").await.unwrap();
    session.begin(false).await.unwrap();
    assert_eq!(number(&session, next("w.main.s")).await.unwrap(), 1);
    let error = run(&session, next("r.main.s")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSupported);
    session.rollback().await.unwrap();
    session.begin(false).await.unwrap();
    assert_eq!(number(&session, next("w.main.s")).await.unwrap(), 2);
    session.commit().await.unwrap();
    assert_eq!(number(&session, next("r.main.s")).await.unwrap(), 1);
}

async fn two_writable() -> Fixture {
    fixture_with(|config| {
        for catalog in &mut config.catalogs {
            if catalog.name == "r" {
                catalog.mode = model::CatalogMode::ReadWrite;
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_is_read_again() {
    let f = fixture().await;
    let session = f.session().await;
    make(&session, "w.main.s").await.unwrap();
    let call = "nextval('\"w\".\"main\".\"s\"')";
    let create = |name: &str, default: &str, query: &str| {
        let sql = format!("create table {name} (\"id\" BIGINT default ({default}), \"x\" BIGINT)");
        let mut request = write(&sql, Some(query), name, true);
        request.0.expected = asks(query, &["w.main.s"], &[]).0.expected;
        request
    };
    let query = format!("SELECT {call}");
    for (default, query) in [(call, "SELECT 1"), ("1", &query), ("nextval('s')", &query)] {
        let error = run(&session, create("w.main.d", default, query))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal, "{default}: {query}");
    }
    run(&session, create("w.main.d", call, &query))
        .await
        .unwrap();
    let rows = "select i from (values (7), (8)) v(i)";
    let mut insert = insert("w.main.d", rows);
    insert.0.sql = format!("insert into w.main.d (\"x\") {rows}").into();
    run(&session, insert).await.unwrap();
    let sum = query_of_sum();
    assert_eq!(number(&session, sum).await.unwrap(), 3);
    let drop = write("drop sequence w.main.s", None, "w.main.s", true);
    let error = run(&session, drop).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::DependentObjects, "other objects depend on it")
    );
}

fn query_of_sum() -> Request {
    query(
        "select cast(sum(id) as bigint) from w.main.d",
        &["w.main.d"],
        &["sum"],
    )
}
