//! Views in the snapshot, and views in the place of tables.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use common::*;
use model::{ErrorKind, ExecSession, Executor, RelationKind};

const SECRET: &str = "select i, s from w.main.t";

fn create_view(verb: &str) -> Request {
    let text = format!("{verb} w.main.n as {SECRET}");
    write(&text, Some(SECRET), "w.main.n", true).reads(&["w.main.t"], &[])
}

async fn count(session: &std::sync::Arc<dyn ExecSession>, version: u64) -> Result<i64, ErrorKind> {
    let text = "select count(*) from w.main.n";
    let mut request = query(text, &["w.main.n"], &["count_star"]);
    request.0.catalog_version = version;
    let counted = number(session, request).await;
    counted.map_err(|e| e.kind())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_in_the_snapshot_with_its_definition() {
    let f = fixture().await;
    let session = f.session().await;
    run(&session, create_view("create view")).await.unwrap();
    let snapshot = f.executor.catalog();
    let view = snapshot.relation("w", "main", "n").unwrap();
    assert_eq!(view.kind, RelationKind::View);
    let definition = view.definition.as_deref();
    assert_eq!(
        definition,
        Some("CREATE VIEW n AS SELECT i, s FROM w.main.t;")
    );
    let columns: Vec<_> = view
        .columns
        .iter()
        .map(|c| c.sql_type.to_string())
        .collect();
    assert_eq!(columns, ["BIGINT", "VARCHAR"]);
    run(&session, create_view("create or replace view"))
        .await
        .unwrap();
    run(&session, create_view("create view if not exists"))
        .await
        .unwrap();
    let drop = write("drop view w.main.n", None, "w.main.n", true);
    run(&session, drop).await.unwrap();
    assert!(f.executor.catalog().relation("w", "main", "n").is_none());
}

/// The tree of a chain of operators is deep, and no view is too deep for that.
#[tokio::test(flavor = "multi_thread")]
async fn a_view_of_a_long_chain_has_its_columns() {
    let f = fixture().await;
    let session = f.session().await;
    let chain = "s || ".repeat(200);
    let select = format!("select {chain}s as s from w.main.t");
    let text = format!("create view w.main.n as {select}");
    let request = write(&text, Some(&select), "w.main.n", true).reads(&["w.main.t"], &["||"]);
    run(&session, request).await.unwrap();
    let snapshot = f.executor.catalog();
    assert_eq!(
        snapshot.relation("w", "main", "n").unwrap().columns.len(),
        1
    );
}

/// What it was made from may be dropped: the view stays, and can't be read.
#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_can_not_be_bound_has_no_columns() {
    let f = fixture().await;
    let session = f.session().await;
    run(&session, create_view("create view")).await.unwrap();
    let drop = write("drop table w.main.t", None, "w.main.t", true);
    run(&session, drop).await.unwrap();
    let snapshot = f.executor.catalog();
    assert!(
        snapshot
            .relation("w", "main", "n")
            .unwrap()
            .columns
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_not_read_under_a_tables_name() {
    let f = fixture().await;
    let session = f.session().await;
    run(&session, create("w.main.n", "i bigint")).await.unwrap();
    let planned_for = f.executor.catalog().version;
    assert_eq!(count(&session, planned_for).await, Ok(0));
    let drop = write("drop table w.main.n", None, "w.main.n", true);
    run(&session, drop).await.unwrap();
    run(&session, create_view("create view")).await.unwrap();
    let refused = Err(ErrorKind::Serialization);
    assert_eq!(count(&session, planned_for).await, refused);
    // Whatever version a request claims, a name that is no table in the transaction is refused when
    // the versions differ; a plan of the version itself never names a view.
    assert_eq!(count(&session, 0).await, refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_keeps_the_catalog_that_it_began_with() {
    let f = fixture().await;
    let (old, new) = (f.session().await, f.session().await);
    run(&new, create("w.main.n", "i bigint")).await.unwrap();
    let before = f.executor.catalog().version;
    old.begin(false).await.unwrap();
    assert_eq!(old.catalog().version, before);
    let drop = write("drop table w.main.n", None, "w.main.n", true);
    run(&new, drop).await.unwrap();
    run(&new, create_view("create view")).await.unwrap();
    assert!(f.executor.catalog().version > before);
    assert_eq!(old.catalog().version, before);
    assert_eq!(count(&old, before).await, Ok(0));
    // A plan of the shared catalog does not fit it: there the name is a view, here a table.
    assert_eq!(count(&old, f.executor.catalog().version).await, Ok(0));
    old.commit().await.unwrap();
    assert!(old.catalog().version > before);
    assert_eq!(count(&old, before).await, Err(ErrorKind::Serialization));
}
