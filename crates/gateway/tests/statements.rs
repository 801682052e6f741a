//! Statements through an engine: plans, limits, cancel, the registry.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod fake;

use std::time::Duration;

use fake::{Behaviour, count, fixture, policy, refused, rows, run};
use futures::{FutureExt, StreamExt};
use gateway::{Outcome, StatementState};
use model::{ErrorKind, ParamValue, SqlType};

#[tokio::test]
async fn a_query_gives_its_rows_and_leaves_nothing_behind() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    f.worker.tell(Behaviour::Answer(3));
    let open = rows(&ann, "select a from t").await.unwrap();
    assert_eq!(open.tag, "SELECT");
    let [statement] = &f.engine.statements()[..] else {
        panic!("one statement");
    };
    assert_eq!(statement.state, StatementState::Streaming);
    assert_eq!(
        (&*statement.principal, &*statement.sql),
        ("ann", "select a from t")
    );
    assert_eq!(f.engine.health().active, 1);
    assert_eq!(
        open.stream
            .map(|b| b.unwrap().num_rows())
            .collect::<Vec<_>>()
            .await,
        [1, 1, 1]
    );
    assert!(f.engine.statements().is_empty());
    assert_eq!(f.engine.health().active, 0);
    ann.close().await;
    drop(ann);
    assert_eq!(f.engine.health().sessions, 0);
}

#[tokio::test]
async fn a_warm_plan_needs_no_planner_thread() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    ann.prepare("select a from t", &[]).await.unwrap();
    let warm = ann.prepare("select a from t", &[]).now_or_never();
    assert_eq!(
        warm.unwrap().unwrap().schema().unwrap().columns[0].name,
        "a"
    );
    // Other rights, other parameter types, another catalog: each another plan.
    let bob = f.session("bob").await;
    assert!(bob.prepare("select a from t", &[]).now_or_never().is_none());
    let declared = [Some(SqlType::Integer)];
    assert!(
        ann.prepare("select a from t", &declared)
            .now_or_never()
            .is_none()
    );
    f.move_catalog(2);
    assert!(ann.prepare("select a from t", &[]).now_or_never().is_none());
}

#[tokio::test]
async fn what_is_not_granted_does_not_exist() {
    let f = fixture(|_| {});
    let bob = f.session("bob").await;
    assert_eq!(
        refused(&bob, "select a from u").await,
        ErrorKind::UndefinedTable
    );
    assert_eq!(
        refused(&bob, "select a from v").await,
        ErrorKind::UndefinedTable
    );
    let catalog = bob.catalog().await.unwrap();
    assert!(catalog.relation("home", "main", "t").is_some());
    assert!(catalog.relation("home", "main", "u").is_none());
    assert!(f.worker.events().is_empty());
    let nowhere = f.open("bob", Some("nowhere")).await.err().unwrap();
    assert_eq!(nowhere.kind(), ErrorKind::UndefinedCatalog);
    assert_eq!(
        f.open("bob", Some("HOME")).await.unwrap().database(),
        "home"
    );
    let stranger = f.open("eve", None).await.err().unwrap();
    assert_eq!(stranger.kind(), ErrorKind::InvalidAuthorization);
}

#[tokio::test]
async fn a_prepared_statement_follows_the_policy() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    let prepared = ann.prepare("select a from u", &[]).await.unwrap();
    assert!(ann.execute(&prepared, Vec::new()).await.is_ok());
    let without_boss = fake::POLICY.replace(r#"["desk", "boss"]"#, r#"["desk"]"#);
    f.engine.set_policy(policy(&without_boss));
    let error = ann.execute(&prepared, Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UndefinedTable);
    let without_ann = fake::POLICY.replace(r#"name = "ann""#, r#"name = "amy""#);
    f.engine.set_policy(policy(&without_ann));
    let error = ann.execute(&prepared, Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidAuthorization);
}

#[tokio::test]
async fn parameters_are_counted_and_writes_report_their_rows() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    let prepared = ann
        .prepare("insert into t values ($1, 'x')", &[])
        .await
        .unwrap();
    assert_eq!(prepared.parameters(), [SqlType::Integer]);
    assert!(!prepared.is_query());
    let error = ann.execute(&prepared, Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    f.worker.tell(Behaviour::Answer(3));
    let Outcome::Done(done) = ann
        .execute(&prepared, vec![ParamValue::Integer(1)])
        .await
        .unwrap()
    else {
        panic!("an insert gives no rows");
    };
    assert_eq!((done.tag.as_str(), done.rows), ("INSERT 0 3", Some(3)));
}

#[tokio::test]
async fn a_cancel_stops_what_runs_what_streams_and_what_waits() {
    let f = fixture(|config| config.max_statements = 1);
    let ann = f.session("ann").await;
    f.worker.tell(Behaviour::Hang);
    let running = run(&ann, "select a from t");
    let cancel = async {
        while f
            .engine
            .statements()
            .iter()
            .all(|s| s.state != StatementState::Running)
        {
            tokio::task::yield_now().await;
        }
        ann.cancel();
    };
    let (outcome, ()) = tokio::join!(running, cancel);
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueryCanceled);
    assert_eq!(error.message(), "canceling statement due to user request");

    f.worker.tell(Behaviour::Stall);
    let mut open = rows(&ann, "select a from t").await.unwrap().stream;
    assert!(open.next().await.unwrap().is_ok());
    // The stream holds the one place, so this one waits for it.
    let bob = f.session("bob").await;
    let prepared = bob.prepare("select a from t", &[]).await.unwrap();
    let mut waiting = Box::pin(bob.execute(&prepared, Vec::new()));
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(f.engine.health().queued, 1);
    bob.cancel();
    assert_eq!(waiting.await.unwrap_err().kind(), ErrorKind::QueryCanceled);
    assert_eq!(f.engine.health().queued, 0);

    ann.cancel();
    let error = open.next().await.unwrap().unwrap_err();
    assert_eq!(error.message(), "canceling statement due to user request");
    assert!(open.next().await.is_none());
    f.worker.tell(Behaviour::Answer(1));
    assert_eq!(count(&bob, "select a from t").await.unwrap(), 1);
}

#[tokio::test]
async fn a_statement_ends_at_its_timeout() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    // Planning may take longer than the timeout on a busy machine.
    let prepared = ann.prepare("select a from t", &[]).await.unwrap();
    run(&ann, "set statement_timeout = 20").await.unwrap();
    for behaviour in [Behaviour::Hang, Behaviour::Stall] {
        f.worker.tell(behaviour);
        let error = match ann.execute(&prepared, Vec::new()).await {
            Err(error) => error,
            Ok(Outcome::Rows(mut rows)) => loop {
                if let Err(error) = rows.stream.next().await.unwrap() {
                    break error;
                }
            },
            Ok(Outcome::Done(done)) => panic!("{done:?}"),
        };
        assert_eq!(
            error.message(),
            "canceling statement due to statement timeout"
        );
    }
}

#[tokio::test]
async fn an_administrator_ends_a_statement() {
    let f = fixture(|_| {});
    let bob = f.session("bob").await;
    f.worker.tell(Behaviour::Stall);
    let mut open = rows(&bob, "select a from t").await.unwrap().stream;
    let id = f.engine.statements()[0].id;
    assert!(f.engine.kill(id));
    assert!(open.next().await.is_some_and(|b| b.is_err()));
    assert!(!f.engine.kill(id));
}

#[tokio::test]
async fn a_dropped_result_gives_its_place_back() {
    let f = fixture(|config| config.max_statements = 1);
    let ann = f.session("ann").await;
    f.worker.tell(Behaviour::Stall);
    drop(rows(&ann, "select a from t").await.unwrap());
    assert!(f.engine.statements().is_empty());
    f.worker.tell(Behaviour::Answer(1));
    assert_eq!(count(&ann, "select a from t").await.unwrap(), 1);
}

#[tokio::test]
async fn bad_texts_are_refused_before_they_are_read() {
    let f = fixture(|config| config.max_sql_bytes = 100);
    let ann = f.session("ann").await;
    assert_eq!(
        refused(&ann, "select '\0'").await,
        ErrorKind::CharacterNotInRepertoire
    );
    assert_eq!(refused(&ann, &"x".repeat(101)).await, ErrorKind::TooComplex);
    assert!(ann.split(&";".repeat(101)).is_err());
    assert_eq!(refused(&ann, "selekt 1").await, ErrorKind::Syntax);
    assert_eq!(count(&ann, "select a from t").await.unwrap(), 1);
}

#[tokio::test]
async fn sessions_are_bounded() {
    let f = fixture(|config| config.max_sessions = 1);
    let ann = f.session("ann").await;
    let refused = f.open("bob", None).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::TooManyConnections);
    drop(ann);
    assert!(f.open("bob", None).await.is_ok());
}

#[tokio::test]
async fn a_drain_refuses_new_work_and_cancels_what_does_not_end() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    f.worker.tell(Behaviour::Stall);
    let mut open = rows(&ann, "select a from t").await.unwrap().stream;
    f.engine.drain(Duration::from_millis(1)).await;
    assert!(!f.engine.health().accepting);
    let error = open.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Shutdown);
    assert_eq!(refused(&ann, "select a from t").await, ErrorKind::Shutdown);
    let closed = f.open("bob", None).await.err().unwrap();
    assert_eq!(closed.kind(), ErrorKind::Shutdown);
    f.tasks.shutdown();
    assert_eq!(f.tasks.wait(Duration::from_secs(60)).await, [""; 0]);
}
