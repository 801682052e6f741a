//! Transactions and settings through an engine.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod fake;

use std::time::Duration;

use arrow_array::cast::AsArray;
use fake::{Behaviour, Event, count, done, fixture, refused, rows};
use futures::StreamExt;
use gateway::{Forget, TransactionStatus};
use model::ErrorKind;

#[tokio::test]
async fn a_transaction_reaches_the_worker_with_its_first_statement() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    assert_eq!(done(&ann, "begin").await.unwrap().tag, "BEGIN");
    assert_eq!(ann.transaction(), TransactionStatus::Active);
    assert!(f.worker.events().is_empty());
    count(&ann, "select a from t").await.unwrap();
    count(&ann, "select a from t").await.unwrap();
    assert_eq!(done(&ann, "commit").await.unwrap().tag, "COMMIT");
    assert_eq!(ann.transaction(), TransactionStatus::Idle);
    let events = f.worker.events();
    assert_eq!(events[0], Event::Begin { read_only: false });
    assert_eq!(events.len(), 4);
    assert_eq!(events[3], Event::Commit);
    // One that did nothing holds nothing.
    done(&ann, "begin").await.unwrap();
    done(&ann, "rollback").await.unwrap();
    assert!(f.worker.events().is_empty());
}

#[tokio::test]
async fn an_error_fails_the_transaction() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    done(&ann, "begin").await.unwrap();
    count(&ann, "select a from t").await.unwrap();
    assert_eq!(
        refused(&ann, "select nothing from t").await,
        ErrorKind::UndefinedColumn
    );
    assert_eq!(ann.transaction(), TransactionStatus::Failed);
    for text in ["select a from t", "show timezone", "begin", "set jit = on"] {
        assert_eq!(
            refused(&ann, text).await,
            ErrorKind::FailedTransaction,
            "{text}"
        );
    }
    assert_eq!(done(&ann, "commit").await.unwrap().tag, "ROLLBACK");
    assert_eq!(ann.transaction(), TransactionStatus::Idle);
    assert_eq!(f.worker.events().last(), Some(&Event::Rollback));
}

#[tokio::test]
async fn an_error_after_the_first_rows_fails_it_too() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    done(&ann, "begin").await.unwrap();
    f.worker.tell(Behaviour::FailLater(ErrorKind::OutOfMemory));
    let error = count(&ann, "select a from t").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    assert_eq!(ann.transaction(), TransactionStatus::Failed);
    // Outside, nothing is left to fail.
    done(&ann, "rollback").await.unwrap();
    assert!(count(&ann, "select a from t").await.is_err());
    assert_eq!(ann.transaction(), TransactionStatus::Idle);
}

#[tokio::test]
async fn what_postgresql_warns_of_is_a_warning() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    for (text, kind) in [
        ("commit", ErrorKind::NoActiveTransaction),
        ("rollback", ErrorKind::NoActiveTransaction),
        ("set local timezone = 'UTC'", ErrorKind::NoActiveTransaction),
    ] {
        let [notice] = &done(&ann, text).await.unwrap().notices[..] else {
            panic!("{text}: one warning");
        };
        assert_eq!(notice.kind, kind);
    }
    assert!(done(&ann, "begin").await.unwrap().notices.is_empty());
    let again = done(&ann, "begin").await.unwrap();
    assert_eq!(again.notices[0].kind, ErrorKind::ActiveTransaction);
    assert_eq!(ann.transaction(), TransactionStatus::Active);
}

#[tokio::test]
async fn read_only_transactions_refuse_writes() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    done(&ann, "begin read only").await.unwrap();
    count(&ann, "select a from t").await.unwrap();
    assert_eq!(f.worker.events()[0], Event::Begin { read_only: true });
    let write = "insert into t values (1, 'x')";
    assert_eq!(refused(&ann, write).await, ErrorKind::ReadOnly);
    done(&ann, "rollback").await.unwrap();
    done(&ann, "set default_transaction_read_only = on")
        .await
        .unwrap();
    assert_eq!(refused(&ann, write).await, ErrorKind::ReadOnly);
    done(&ann, "begin read write").await.unwrap();
    assert_eq!(done(&ann, write).await.unwrap().tag, "INSERT 0 1");
    // Too late.
    assert_eq!(
        refused(&ann, "set transaction read only").await,
        ErrorKind::ActiveTransaction
    );
}

#[tokio::test]
async fn the_end_of_a_transaction_closes_its_results() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    done(&ann, "begin").await.unwrap();
    f.worker.tell(Behaviour::Stall);
    let mut open = rows(&ann, "select a from t").await.unwrap().stream;
    assert!(open.next().await.unwrap().is_ok());
    done(&ann, "commit").await.unwrap();
    let error = open.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UndefinedCursor);
    assert!(open.next().await.is_none());
    assert_eq!(ann.transaction(), TransactionStatus::Idle);
    assert!(f.engine.statements().is_empty());
}

#[tokio::test]
async fn an_implicit_transaction_ends_with_its_query() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    let text = "insert into t values (1, 'x'); insert into t values (2, 'y')";
    let pieces = ann.split(text).unwrap();
    assert!(ann.wants_implicit(&pieces));
    assert!(!ann.wants_implicit(&pieces[..1]));
    assert!(!ann.wants_implicit(&ann.split("select 1; select 2").unwrap()));
    for ok in [true, false] {
        ann.begin_implicit().await.unwrap();
        for piece in &pieces {
            done(&ann, piece.text).await.unwrap();
        }
        ann.end_implicit(ok).await.unwrap();
        let last = if ok { Event::Commit } else { Event::Rollback };
        assert_eq!(f.worker.events().last(), Some(&last));
        assert_eq!(ann.transaction(), TransactionStatus::Idle);
    }
    // BEGIN inside makes it one that stays.
    ann.begin_implicit().await.unwrap();
    assert!(done(&ann, "begin").await.unwrap().notices.is_empty());
    ann.end_implicit(true).await.unwrap();
    assert_eq!(ann.transaction(), TransactionStatus::Active);
}

#[tokio::test]
async fn an_idle_transaction_is_rolled_back() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    done(&ann, "set idle_in_transaction_session_timeout = '5ms'")
        .await
        .unwrap();
    done(&ann, "begin").await.unwrap();
    count(&ann, "select a from t").await.unwrap();
    f.worker.until(&Event::Rollback).await;
    let error = count(&ann, "select a from t").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FailedTransaction);
    assert_eq!(
        error.detail(),
        Some("it was rolled back because it idled too long")
    );
    assert_eq!(done(&ann, "rollback").await.unwrap().tag, "ROLLBACK");
    assert_eq!(count(&ann, "select a from t").await.unwrap(), 1);
}

#[tokio::test]
async fn settings_are_shown_and_changes_told() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    ann.set_startup("timezone", "Europe/Berlin").unwrap();
    let set = done(&ann, "set time zone 'asia/tokyo'").await.unwrap();
    assert_eq!(set.tag, "SET");
    assert_eq!(
        set.settings,
        [("TimeZone".to_owned(), "Asia/Tokyo".to_owned())]
    );
    assert_eq!(
        shown(&ann, "show timezone").await,
        ("TimeZone".to_owned(), vec!["Asia/Tokyo".to_owned()])
    );
    done(&ann, "begin").await.unwrap();
    done(&ann, "set timezone = 'UTC'").await.unwrap();
    let undone = done(&ann, "rollback").await.unwrap();
    assert_eq!(
        undone.settings,
        [("TimeZone".to_owned(), "Asia/Tokyo".to_owned())]
    );
    done(&ann, "reset timezone").await.unwrap();
    assert_eq!(ann.setting("timezone").unwrap(), "Europe/Berlin");
    assert_eq!(shown(&ann, "show is_superuser").await.1, ["on"]);
    let (_, all) = shown(&ann, "show all").await;
    assert!(all.contains(&"DateStyle".to_owned()) && all.len() > 30);
    assert_eq!(
        refused(&ann, "show shoe_size").await,
        ErrorKind::UndefinedObject
    );
    assert_eq!(
        refused(&ann, "set server_version = '16'").await,
        ErrorKind::PermissionDenied
    );
}

#[tokio::test]
async fn what_a_door_has_to_forget_is_told() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    done(&ann, "prepare s1 as select a from t").await.unwrap();
    for (text, tag, forget) in [
        (
            "deallocate s1",
            "DEALLOCATE",
            Some(Forget::Statement("s1".to_owned())),
        ),
        (
            "deallocate all",
            "DEALLOCATE ALL",
            Some(Forget::AllStatements),
        ),
        ("close all", "CLOSE CURSOR ALL", Some(Forget::AllPortals)),
        ("discard all", "DISCARD ALL", Some(Forget::Everything)),
        ("unlisten *", "UNLISTEN", None),
    ] {
        let done = done(&ann, text).await.unwrap();
        assert_eq!((done.tag.as_str(), done.forget), (tag, forget));
    }
    for text in ["savepoint a", "release a", "listen x"] {
        assert_eq!(refused(&ann, text).await, ErrorKind::NotSupported, "{text}");
    }
    done(&ann, "begin").await.unwrap();
    assert_eq!(
        refused(&ann, "discard all").await,
        ErrorKind::ActiveTransaction
    );
}

#[tokio::test]
async fn a_closed_session_takes_nothing() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    f.worker.tell(Behaviour::Stall);
    let mut open = rows(&ann, "select a from t").await.unwrap().stream;
    ann.close().await;
    ann.close().await;
    assert!(open.next().await.unwrap().is_err());
    assert_eq!(
        refused(&ann, "select a from t").await,
        ErrorKind::QueryCanceled
    );
    assert_eq!(
        f.worker
            .events()
            .iter()
            .filter(|e| **e == Event::Close)
            .count(),
        1
    );
    f.tasks.shutdown();
    assert_eq!(f.tasks.wait(Duration::from_secs(60)).await, [""; 0]);
}

/// The name of the first column and its values.
async fn shown(session: &gateway::Session, sql: &str) -> (String, Vec<String>) {
    let open = rows(session, sql).await.unwrap();
    assert_eq!(open.tag, "SHOW");
    let name = open.stream.schema().columns[0].name.clone();
    let batches: Vec<_> = open.stream.map(Result::unwrap).collect().await;
    let column = batches[0].column(0).as_string::<i32>();
    (name, column.iter().flatten().map(str::to_owned).collect())
}
