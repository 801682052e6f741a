//! Files made elsewhere, with what Eider makes nothing like.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use common::*;
use duck::LocalExecutor;
use model::Executor;
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
