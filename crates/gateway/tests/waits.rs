//! What waiting statements wait for, and who is told.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod fake;

use std::time::Duration;

use fake::{Behaviour, Fixture, POLICY, fixture, policy, rows};
use futures::{FutureExt, StreamExt};
use gateway::{StatementState, Wait, WaitSender, WaitsFor};
use model::{Error, ErrorKind};

const SELECT: &str = "select a from t";

/// The wait of the one statement that is queued.
fn queued(f: &Fixture) -> Wait {
    let statements = f.engine.statements();
    let mut waits = statements.iter().filter_map(|s| {
        assert_eq!(s.wait.is_some(), s.state == StatementState::Queued);
        s.wait.clone()
    });
    let wait = waits.next().unwrap();
    assert!(waits.next().is_none());
    wait
}

#[tokio::test]
async fn the_registry_tells_what_a_statement_waits_for() {
    let f = fixture(|config| config.max_statements = 1);
    let (ann, bob) = (f.session("ann").await, f.session("bob").await);
    f.worker.tell(Behaviour::Stall);
    let open = rows(&ann, SELECT).await.unwrap();
    assert_eq!(f.engine.statements()[0].wait, None);
    let prepared = bob.prepare(SELECT, &[]).await.unwrap();
    let mut waiting = Box::pin(bob.execute(&prepared, Vec::new()));
    assert!(waiting.as_mut().now_or_never().is_none());
    let wait = queued(&f);
    assert_eq!(wait.waits_for, WaitsFor::Server { places: 1 });
    assert_eq!(wait.place, Some(1));
    drop(open);
    assert!(waiting.await.is_ok());
    assert!(f.engine.statements().iter().all(|s| s.wait.is_none()));
}

#[tokio::test]
async fn a_limit_of_the_policy_is_named() {
    let f = fixture(|_| {});
    let limit = "[[limit]]\nid = 'one at a time'\nto = ['desk']\nexcept = ['boss']\nstatements = 1";
    f.engine.set_policy(policy(&format!("{POLICY}{limit}")));
    let bob = f.session("bob").await;
    f.worker.tell(Behaviour::Stall);
    let open = rows(&bob, SELECT).await.unwrap();
    let prepared = bob.prepare(SELECT, &[]).await.unwrap();
    let mut waiting = Box::pin(bob.execute(&prepared, Vec::new()));
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(
        queued(&f).waits_for.to_string(),
        "one of the 1 places that limit \"one at a time\" allows"
    );
    // It is not for this one.
    let ann = f.session("ann").await;
    let _others = [rows(&ann, SELECT).await, rows(&ann, SELECT).await];
    drop(open);
    assert!(waiting.await.is_ok());
}

#[tokio::test]
async fn a_statement_of_a_transaction_waits_for_the_one_before_it() {
    let f = fixture(|_| {});
    let ann = f.session("ann").await;
    fake::run(&ann, "begin").await.unwrap();
    let prepared = ann.prepare(SELECT, &[]).await.unwrap();
    f.worker.tell(Behaviour::Hang);
    let mut first = Box::pin(ann.execute(&prepared, Vec::new()));
    assert!(first.as_mut().now_or_never().is_none());
    let mut second = Box::pin(ann.execute(&prepared, Vec::new()));
    assert!(second.as_mut().now_or_never().is_none());
    let wait = queued(&f);
    assert_eq!((wait.waits_for, wait.place), (WaitsFor::Session, None));
}

#[tokio::test]
async fn a_share_of_nothing_lets_none_wait() {
    let f = fixture(|config| config.max_statements = 1);
    let limit = "[[limit]]\nprincipal = 'bob'\nqueue_share = '0%'";
    f.engine.set_policy(policy(&format!("{POLICY}{limit}")));
    let (ann, bob) = (f.session("ann").await, f.session("bob").await);
    f.worker.tell(Behaviour::Stall);
    let open = rows(&ann, SELECT).await.unwrap();
    let error: Error = rows(&bob, SELECT).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    // Without an id it is called by where it is written.
    assert!(error.message().contains("limit \"policy.toml:"), "{error}");
    assert!(error.message().ends_with("allows 0"), "{error}");
    assert_eq!(f.engine.health().queued, 0);
    drop(open);
    assert!(rows(&bob, SELECT).await.is_ok());
}

#[tokio::test]
async fn whoever_hears_is_told_of_a_long_wait_while_it_lasts() {
    let f = fixture(|config| config.max_statements = 1);
    let (ann, bob) = (f.session("ann").await, f.session("bob").await);
    f.worker.tell(Behaviour::Stall);
    let open = rows(&ann, SELECT).await.unwrap();
    let prepared = bob.prepare(SELECT, &[]).await.unwrap();
    let (ear, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let work = WaitSender::new(ear).hear(bob.execute(&prepared, Vec::new()));
    let mut waiting = Box::pin(work);
    tokio::select! {
        biased;
        _ = &mut waiting => panic!("there was a place"),
        told = heard.recv() => assert_eq!(told, Some(WaitsFor::Server { places: 1 })),
    }
    assert!(queued(&f).waited >= Duration::from_millis(250));
    drop(open);
    f.worker.tell(Behaviour::Answer(1));
    let gateway::Outcome::Rows(rows) = waiting.await.unwrap() else {
        panic!("a query gives rows");
    };
    assert_eq!(rows.stream.count().await, 1);
    assert!(heard.recv().await.is_none());
}
