//! Statements over loopback with arrow-flight's own client.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_flight::sql::EndTransaction;
use support::{fetch, integers, ints, server, text, try_fetch};

#[tokio::test]
async fn a_query_gives_rows_to_whom_they_are_granted() {
    let server = server().await;
    let mut admin = server.client("admin").await;
    let sql = "select id from flights order by id";
    assert_eq!(integers(&mut admin, sql).await, [1, 2, 3]);
    let mut jfk = server.client("jfk").await;
    assert_eq!(integers(&mut jfk, sql).await, [1, 3]);
    let mut nobody = server.client("nobody").await;
    let error = nobody.execute(sql.to_owned(), None).await.unwrap_err();
    assert!(text(&error).contains("does not exist"), "{error}");
    server.until_idle(3).await;
    server.stop().await;
}

#[tokio::test]
async fn results_are_streamed_whole() {
    let server = server().await;
    let mut admin = server.client("admin").await;
    let all = integers(&mut admin, "select n from numbers order by n").await;
    assert_eq!(all, (0..5000).collect::<Vec<_>>());
    let none = integers(&mut admin, "select n from numbers where n < 0").await;
    assert_eq!(none, [0; 0]);
}

#[tokio::test]
async fn a_ticket_can_be_redeemed_again_but_not_by_others() {
    let server = server().await;
    let mut admin = server.client("admin").await;
    let sql = "select id from flights order by id";
    let info = admin.execute(sql.to_owned(), None).await.unwrap();
    assert_eq!(info.total_records, -1);
    for _ in 0..2 {
        assert_eq!(ints(&fetch(&mut admin, info.clone()).await), [1, 2, 3]);
    }
    for name in ["admin", "jfk"] {
        let mut other = server.client(name).await;
        let error = try_fetch(&mut other, info.clone()).await.unwrap_err();
        assert!(text(&error).contains("no such ticket"), "{error}");
    }
}

#[tokio::test]
async fn basic_on_every_call_needs_no_session() {
    let server = server().await;
    let mut admin = server.stateless("admin").await;
    let sql = "select id from flights order by id";
    assert_eq!(integers(&mut admin, sql).await, [1, 2, 3]);
    let info = admin.execute(sql.to_owned(), None).await.unwrap();
    let mut same = server.stateless("admin").await;
    assert_eq!(ints(&fetch(&mut same, info.clone()).await), [1, 2, 3]);
    let mut jfk = server.stateless("jfk").await;
    assert!(try_fetch(&mut jfk, info).await.is_err());
    let error = admin.execute("begin".into(), None).await.unwrap_err();
    assert!(text(&error).contains("needs a session"), "{error}");
    let error = admin.execute("set timezone = 'UTC'".into(), None).await;
    assert!(text(&error.unwrap_err()).contains("needs a session"));
    let mut prepared = admin.prepare(sql.to_owned(), None).await.unwrap();
    let info = prepared.execute().await.unwrap();
    assert_eq!(ints(&fetch(&mut admin, info).await), [1, 2, 3]);
    let create = "create table made (a integer)";
    admin.execute_update(create.into(), None).await.unwrap();
    let insert = "insert into made values (?)";
    let mut prepared = admin.prepare(insert.into(), None).await.unwrap();
    prepared
        .set_parameters(ints_column("p", vec![4, 5, 6]))
        .unwrap();
    assert_eq!(prepared.execute_update().await.unwrap(), 3);
    let sql = "select a from made order by a";
    assert_eq!(integers(&mut admin, sql).await, [4, 5, 6]);
    server.until_idle(0).await;
}

#[tokio::test]
async fn writes_run_once_when_the_info_is_asked_for() {
    let server = server().await;
    let mut admin = server.client("admin").await;
    let create = "create table made (a integer)";
    let info = admin.execute(create.into(), None).await.unwrap();
    assert_eq!(info.total_records, -1);
    let insert = "insert into made values (1), (2)";
    let info = admin.execute(insert.into(), None).await.unwrap();
    assert_eq!(info.total_records, 2);
    for _ in 0..2 {
        assert_eq!(fetch(&mut admin, info.clone()).await, []);
    }
    let updated = admin.execute_update("insert into made values (3)".into(), None);
    assert_eq!(updated.await.unwrap(), 1);
    let sql = "select a from made order by a";
    assert_eq!(integers(&mut admin, sql).await, [1, 2, 3]);
    let drop = admin.execute_update("drop table made".into(), None).await;
    assert_eq!(drop.unwrap(), -1);
}

fn ints_column(name: &str, values: Vec<i64>) -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from(values));
    RecordBatch::try_from_iter([(name, column)]).unwrap()
}

#[tokio::test]
async fn prepared_queries_take_rows_of_parameters() {
    let server = server().await;
    let mut admin = server.client("admin").await;
    let sql = "select id from flights where id = ? order by id";
    let mut prepared = admin.prepare(sql.into(), None).await.unwrap();
    assert_eq!(prepared.parameter_schema().unwrap().fields().len(), 1);
    assert_eq!(prepared.dataset_schema().unwrap().field(0).name(), "id");
    let unbound = prepared.execute().await.unwrap_err();
    assert!(text(&unbound).contains("none are bound"), "{unbound}");
    prepared
        .set_parameters(ints_column("p", vec![3, 1, 7]))
        .unwrap();
    let info = prepared.execute().await.unwrap();
    assert_eq!(ints(&fetch(&mut admin, info).await), [3, 1]);
    prepared.close().await.unwrap();
}

#[tokio::test]
async fn a_result_whose_type_a_parameter_decides_is_told_once_it_is_bound() {
    let server = server().await;
    let mut admin = server.client("admin").await;
    let mut prepared = admin.prepare("select ? as x".into(), None).await.unwrap();
    prepared
        .set_parameters(
            RecordBatch::try_from_iter([(
                "p",
                Arc::new(Int32Array::from(vec![41, 42])) as ArrayRef,
            )])
            .unwrap(),
        )
        .unwrap();
    let info = prepared.execute().await.unwrap();
    assert_eq!(ints(&fetch(&mut admin, info).await), [41, 42]);
}

#[tokio::test]
async fn prepared_updates_write_all_rows_or_none() {
    let server = server().await;
    let mut admin = server.client("admin").await;
    let create = "create table made (a integer, b varchar)";
    admin.execute_update(create.into(), None).await.unwrap();
    let sql = "insert into made values (?, ?)";
    let rows = |a: Vec<i64>, b: Vec<&str>| {
        let columns: [(&str, ArrayRef); 2] = [
            ("1", Arc::new(Int64Array::from(a))),
            ("2", Arc::new(StringArray::from(b))),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    };
    let mut prepared = admin.prepare(sql.into(), None).await.unwrap();
    prepared
        .set_parameters(rows(vec![1, 2, 3], vec!["x", "y", "z"]))
        .unwrap();
    assert_eq!(prepared.execute_update().await.unwrap(), 3);
    prepared
        .set_parameters(rows(vec![4, 5_000_000_000], vec!["x", "too large"]))
        .unwrap();
    prepared.execute_update().await.unwrap_err();
    let all = "select a from made order by a";
    assert_eq!(integers(&mut admin, all).await, [1, 2, 3]);
}

#[tokio::test]
async fn transactions_by_action_and_by_sql_are_the_same() {
    let server = server().await;
    let mut admin = server.client("admin").await;
    let create = "create table made (a integer)";
    admin.execute_update(create.into(), None).await.unwrap();
    let sql = "select a from made order by a";

    let id = admin.begin_transaction().await.unwrap();
    assert!(admin.begin_transaction().await.is_err());
    let insert = admin.execute_update("insert into made values (1)".into(), Some(id.clone()));
    assert_eq!(insert.await.unwrap(), 1);
    let wrong = admin.execute(sql.into(), Some("wrong".into())).await;
    assert!(text(&wrong.unwrap_err()).contains("no such transaction"));
    admin
        .end_transaction(id.clone(), EndTransaction::Rollback)
        .await
        .unwrap();
    assert_eq!(integers(&mut admin, sql).await, [0; 0]);
    let again = admin.end_transaction(id, EndTransaction::Commit).await;
    assert!(text(&again.unwrap_err()).contains("no such transaction"));

    admin.execute("begin".into(), None).await.unwrap();
    admin
        .execute_update("insert into made values (2)".into(), None)
        .await
        .unwrap();
    let mut other = server.client("admin").await;
    assert_eq!(integers(&mut other, sql).await, [0; 0]);
    admin.execute("commit".into(), None).await.unwrap();
    assert_eq!(integers(&mut other, sql).await, [2]);
}

#[tokio::test]
async fn an_update_of_many_rows_leaves_nothing_when_its_client_goes() {
    let server = server().await;
    let mut admin = server.client("admin").await;
    let create = "create table made (a bigint)";
    admin.execute_update(create.into(), None).await.unwrap();
    let sql = "insert into made select count(*) from range(1000000) a, range(1000000) b, \
        range(1000000) c where a.range + b.range * c.range = 3 and a.range < ?";
    let mut prepared = admin.prepare(sql.into(), None).await.unwrap();
    let update = server.tasks.spawn("update", async move {
        prepared
            .set_parameters(ints_column("p", vec![0, 1_000_000]))
            .unwrap();
        prepared.execute_update().await
    });
    let is_slow = |s: &gateway::StatementInfo| s.elapsed > Duration::from_millis(100);
    while !server.engine.statements().iter().any(is_slow) {
        if update.is_finished() {
            panic!("{:?}", update.join().await);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    update.abort();
    assert!(update.join().await.is_err());
    server.until_idle(1).await;
    // The same session goes on, outside any transaction.
    let sql = "select a::integer from made";
    assert_eq!(integers(&mut admin, sql).await, [0; 0]);
    admin.begin_transaction().await.unwrap();
}
