//! Statements that wait for a place, and what their clients are told.

use std::time::Duration;

use frontend_pg::Config;
use gateway::Wait;

use crate::support::{Raw, Server, check, run, serve_with, until};

/// One statement at a time.
const LIMIT: &str = "[[limit]]\nid = \"one at a time\"\nprincipal = \"admin\"\nstatements = 1\n";

async fn limited() -> Server {
    serve_with(Config::default(), None, LIMIT).await
}

/// A client that has the one place, until its transaction ends: by a portal that is not read on.
async fn holder(server: &Server) -> Raw {
    let mut raw = server.raw("admin").await;
    let steps = "Q begin\nP |select a.n from numbers a, numbers b\nB\nE |1\nH\nS";
    let answers = run(&mut raw, steps).await;
    assert!(answers.ends_with("s Z(T)"), "{answers}");
    raw
}

/// Waits until a statement has waited for so long.
async fn until_waited(server: &Server, time: Duration) -> Wait {
    let waiting = || {
        let statements = server.engine.statements();
        let wait = statements.into_iter().find_map(|s| s.wait);
        wait.filter(|wait| wait.waited >= time)
    };
    until(waiting).await.unwrap()
}

const TOLD: &str = "statement waits for one of the 1 places that limit \"one at a time\" allows";

#[tokio::test]
async fn a_client_is_told_what_its_statement_waits_for_while_it_waits() {
    let server = limited().await;
    let mut first = holder(&server).await;
    let mut second = server.raw("admin").await;
    second.query("select 1 as a from flights limit 1").await;
    let notice = second.next().await.unwrap();
    assert_eq!(notice.kind, b'N');
    let field = |code| notice.field(code).unwrap();
    assert_eq!(
        (field(b'S'), field(b'V')),
        ("NOTICE".into(), "NOTICE".into())
    );
    assert_eq!((field(b'C'), field(b'M')), ("00000".into(), TOLD.into()));
    assert_eq!(until_waited(&server, Duration::ZERO).await.place, Some(1));
    check(&mut first, "Q rollback", "C(ROLLBACK) Z(I)").await;
    let answer = second.until_ready().await;
    let kinds: Vec<u8> = answer.iter().map(|m| m.kind).collect();
    assert_eq!(kinds, *b"TDCZ");
    // And again, in the extended protocol.
    let mut first = holder(&server).await;
    second
        .message(b'P', b"\0select 1 as a from flights limit 1\0\0\0")
        .await;
    second.message(b'B', b"\0\0\0\0\0\0\0\0").await;
    second.message(b'E', b"\0\0\0\0\0").await;
    second.message(b'S', b"").await;
    let mut kinds = Vec::new();
    loop {
        let message = second.next().await.unwrap();
        kinds.push(message.kind);
        if message.kind == b'N' {
            assert_eq!(message.field(b'M').unwrap(), TOLD);
            check(&mut first, "Q rollback", "C(ROLLBACK) Z(I)").await;
        }
        if message.kind == b'Z' {
            break;
        }
    }
    assert_eq!(kinds, *b"12NDCZ");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_wants_no_notices_gets_none() {
    let server = limited().await;
    let mut first = holder(&server).await;
    let mut second = server.raw("admin").await;
    check(
        &mut second,
        "Q set client_min_messages = warning",
        "C(SET) Z(I)",
    )
    .await;
    second.query("select 1 as a from flights limit 1").await;
    until_waited(&server, Duration::from_millis(400)).await;
    check(&mut first, "Q rollback", "C(ROLLBACK) Z(I)").await;
    let answer = second.until_ready().await;
    assert_eq!(answer[0].kind, b'T', "{answer:?}");
    // Nor warnings, where it wants errors only.
    check(
        &mut second,
        "Q set client_min_messages = error",
        "C(SET) Z(I)",
    )
    .await;
    check(&mut second, "Q commit", "C(COMMIT) Z(I)").await;
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_leaves_the_queue() {
    let server = limited().await;
    let mut first = holder(&server).await;
    let mut second = server.raw("admin").await;
    second.query("select 1 as a from flights limit 1").await;
    assert_eq!(second.next().await.unwrap().kind, b'N');
    assert_eq!(server.engine.health().queued, 1);
    drop(second);
    let left = || (server.engine.health().queued == 0).then_some(());
    until(left).await.unwrap();
    check(&mut first, "Q rollback", "C(ROLLBACK) Z(I)").await;
    server.stop().await;
}
