//! Files made elsewhere, with what Eider makes nothing like.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use common::*;
use duck::LocalExecutor;
use model::{ErrorKind, Executor};
use runtime::Tasks;

/// What no statement of Eider's makes: types without a text, a column computed by what is gone.
const FOREIGN: &str = "
    create view rv as select row(1, 2) as r;
    create table g (s integer, id integer, g generated always as ((s, id)));
    create table state as select sum(1) export_state as a;
    create view state_v as from state;
    create temp macro plus(x) as x + 1;
    create table computed (a integer, b integer generated always as (plus(a)));
    create table fine as select 7 as a;";

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_served_without_what_can_not_be_read_of_it() {
    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    {
        let file = folder.path().join("w.db");
        let instance = native::Instance::open(Some(&file), &[]).unwrap();
        instance.connect().unwrap().execute(FOREIGN).unwrap();
    }
    let tasks = Tasks::new("test");
    let executor = LocalExecutor::open(config(folder.path()), &tasks)
        .await
        .unwrap();
    let snapshot = executor.catalog();
    for name in ["rv", "g", "state", "state_v", "computed", "fine"] {
        let relation = snapshot.relation("w", "main", name).unwrap();
        let readable = relation.columns.iter().all(|c| c.sql_type.has_text());
        let readable = readable && !relation.columns.is_empty();
        assert_eq!(readable, name == "fine", "{name}: {:?}", relation.columns);
    }
    let session = executor.open_session(principal()).await.unwrap();
    let text = "select cast(a as bigint) from w.main.fine";
    let read = query(text, &["w.main.fine"], &[]);
    assert_eq!(number(&session, read).await.unwrap(), 7);
    for (kind, name) in [("view", "rv"), ("table", "g"), ("table", "computed")] {
        let full = format!("w.main.{name}");
        let drop = write(&format!("drop {kind} {full}"), None, &full, true);
        run(&session, drop).await.unwrap();
    }
}

/// Each is the one below twice, or comes back to itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_tower_of_views_is_not_bound() {
    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    {
        let file = folder.path().join("w.db");
        let instance = native::Instance::open(Some(&file), &[]).unwrap();
        let connection = instance.connect().unwrap();
        let run = |sql: &str| connection.execute(sql).map(|_| ()).unwrap();
        // Replaced from the top down, as none of them is bound when it is made.
        let twice =
            |below: &str| format!("select * from {below} union all select * from main.{below}");
        for level in 0..60 {
            run(&format!("create view b{level} as from t"));
        }
        for level in (1..60).rev() {
            let query = twice(&format!("b{}", level - 1));
            run(&format!("create or replace view b{level} as {query}"));
        }
        run(
            "create view c0 as from t; create view c1 as from c0; create or replace view c0 as from c1",
        );
    }
    let tasks = Tasks::new("test");
    let executor = LocalExecutor::open(config(folder.path()), &tasks)
        .await
        .unwrap();
    let snapshot = executor.catalog();
    let columns = |name: &str| snapshot.relation("w", "main", name).unwrap().columns.len();
    assert_eq!(columns("v"), 2);
    assert_eq!((columns("b0"), columns("b6")), (2, 2));
    assert_eq!((columns("b12"), columns("b59")), (0, 0));
    assert_eq!((columns("c0"), columns("c1")), (0, 0));
    let session = executor.open_session(principal()).await.unwrap();
    let drop = write("drop view w.main.b59", None, "w.main.b59", true);
    run(&session, drop).await.unwrap();
    assert_eq!(number(&session, count("w.main.t")).await.unwrap(), 1000);
}

/// DuckDB has no class of its own for some of these, and its words name what is hidden.
#[tokio::test(flavor = "multi_thread")]
async fn what_others_need_is_said_to_be_needed() {
    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    {
        let file = folder.path().join("w.db");
        let instance = native::Instance::open(Some(&file), &[]).unwrap();
        let tables = "
            create table parent (a integer primary key, b integer unique, c integer);
            create table child (x integer references parent (a), y integer);
            create table computed (a integer, b integer, g integer generated always as (a));
            create table indexed (a integer, b integer); create index i on indexed (a);
            create table one (a integer);";
        instance.connect().unwrap().execute(tables).unwrap();
    }
    let tasks = Tasks::new("test");
    let executor = LocalExecutor::open(config(folder.path()), &tasks)
        .await
        .unwrap();
    let session = executor.open_session(principal()).await.unwrap();
    let needed = (ErrorKind::DependentObjects, "other objects depend on it");
    let refused = (
        ErrorKind::NotSupported,
        "the statement uses what is not supported",
    );
    for (target, text, expected) in [
        ("parent", "drop table w.main.parent", needed),
        (
            "parent",
            "alter table w.main.parent drop column \"a\"",
            needed,
        ),
        (
            "parent",
            "alter table w.main.parent drop column \"b\"",
            needed,
        ),
        (
            "parent",
            "alter table w.main.parent drop column \"c\"",
            needed,
        ),
        (
            "parent",
            "alter table w.main.parent rename column \"a\" to \"d\"",
            needed,
        ),
        (
            "parent",
            "alter table w.main.parent add primary key (\"c\")",
            refused,
        ),
        (
            "child",
            "alter table w.main.child drop column \"x\"",
            needed,
        ),
        (
            "computed",
            "alter table w.main.computed drop column \"a\"",
            needed,
        ),
        (
            "indexed",
            "alter table w.main.indexed drop column \"a\"",
            needed,
        ),
        ("one", "alter table w.main.one drop column \"a\"", refused),
    ] {
        let target = format!("w.main.{target}");
        let error = run(&session, write(text, None, &target, true)).await;
        let error = error.unwrap_err();
        assert_eq!((error.kind(), error.message()), expected, "{text}");
    }
}
