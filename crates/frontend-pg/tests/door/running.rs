//! Statements while they run: cancel, clients that leave, slow clients, the server's end.

use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use tokio::io::AsyncReadExt;

use crate::support::{Raw, Server, check, run, server};

/// A query that runs for minutes, without a row before its end.
const LONG: &str =
    "select count(*) as n from numbers a, numbers b, numbers c where a.n + b.n + c.n = 7";

/// A query with rows for minutes.
const WIDE: &str = "select a.n, a.pad from numbers a, numbers b";

async fn cancel(server: &Server, pid: i32, key: &[u8]) {
    let mut request = BytesMut::new();
    request.put_u32(12 + key.len() as u32);
    request.put_u32(80_877_102);
    request.put_i32(pid);
    request.put_slice(key);
    let mut raw = server.stranger().await;
    raw.send(&request).await;
    assert_eq!(raw.next().await, None, "closed without an answer");
}

async fn until_running(server: &Server, statements: usize) {
    let running = async {
        while server.engine.health().active < statements {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), running)
        .await
        .unwrap();
}

/// The code of the error, and that ReadyForQuery follows. Rows before it are passed over.
async fn error_code(raw: &mut Raw) -> String {
    let messages = raw.until_ready().await;
    let last = messages.len() - 1;
    assert_eq!(messages[last].kind, b'Z');
    messages[last - 1].field(b'C').unwrap()
}

#[tokio::test]
async fn a_cancel_request_stops_a_statement_within_a_second() {
    let server = server().await;
    let mut raw = server.raw("admin").await;
    for sql in [LONG, WIDE] {
        raw.query(sql).await;
        until_running(&server, 1).await;
        let asked = Instant::now();
        cancel(&server, raw.pid, &raw.key.clone()).await;
        assert_eq!(error_code(&mut raw).await, "57014");
        assert!(
            asked.elapsed() < Duration::from_secs(1),
            "{:?}",
            asked.elapsed()
        );
        check(
            &mut raw,
            "Q select 1 as a",
            "T(a:23:0) D(1) C(SELECT_1) Z(I)",
        )
        .await;
    }
    server.until_idle(1).await;
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_key_cancels_nothing() {
    let server = server().await;
    let mut raw = server.raw("admin").await;
    raw.query(LONG).await;
    until_running(&server, 1).await;
    let mut wrong = raw.key.to_vec();
    wrong[0] ^= 1;
    cancel(&server, raw.pid, &wrong).await;
    cancel(&server, raw.pid + 1, &raw.key.clone()).await;
    cancel(&server, raw.pid, &[0; 32]).await;
    assert_eq!(server.engine.statements().len(), 1);
    cancel(&server, raw.pid, &raw.key.clone()).await;
    assert_eq!(error_code(&mut raw).await, "57014");
    // An idle connection has nothing to cancel, and the next statement is not hit.
    cancel(&server, raw.pid, &raw.key.clone()).await;
    check(
        &mut raw,
        "Q select 1 as a",
        "T(a:23:0) D(1) C(SELECT_1) Z(I)",
    )
    .await;
    server.stop().await;
}

#[tokio::test]
async fn a_cancelled_statement_fails_its_transaction() {
    let server = server().await;
    let mut raw = server.raw("admin").await;
    check(&mut raw, "Q begin", "C(BEGIN) Z(T)").await;
    raw.query(LONG).await;
    until_running(&server, 1).await;
    cancel(&server, raw.pid, &raw.key.clone()).await;
    assert_eq!(error_code(&mut raw).await, "57014");
    check(&mut raw, "Q select 1", "E(25P02) Z(E)").await;
    check(&mut raw, "Q rollback", "C(ROLLBACK) Z(I)").await;
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_stops_its_statement() {
    let server = server().await;
    for sql in [LONG, WIDE] {
        let mut raw = server.raw("admin").await;
        raw.query(sql).await;
        until_running(&server, 1).await;
        drop(raw);
        server.until_idle(0).await;
    }
    // With a suspended portal, inside a transaction.
    let mut raw = server.raw("admin").await;
    let steps = format!("Q begin\nP |{WIDE}\nB\nE |1\nH\nS");
    let answers = run(&mut raw, &steps).await;
    assert!(answers.ends_with("s Z(T)"), "{answers}");
    drop(raw);
    server.until_idle(0).await;
    server.stop().await;
}

#[tokio::test]
async fn a_slow_client_holds_the_engine_back() {
    let server = server().await;
    let mut raw = server.raw("admin").await;
    raw.query(WIDE).await;
    // Some rows have come; then nothing is read until no more of them are made.
    raw.stream.read_exact(&mut [0; 1000]).await.unwrap();
    let rows = || server.engine.statements().first().map_or(0, |s| s.rows);
    let mut before = rows();
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = rows();
        if now == before {
            break;
        }
        before = now;
    }
    // What is in flight fits into the socket's buffers and a few batches.
    assert!(
        (1..2_000_000).contains(&before),
        "{before} rows of 40 billion"
    );
    drop(raw);
    server.until_idle(0).await;
    server.stop().await;
}

#[tokio::test]
async fn a_whole_result_arrives() {
    let server = server().await;
    let mut raw = server.raw("admin").await;
    raw.query("select n, pad from numbers order by n").await;
    let messages = raw.until_ready().await;
    assert_eq!(messages.len(), 200_000 + 3);
    for (i, row) in messages[1..].iter().take(200_000).enumerate() {
        let number = i.to_string();
        let length = u32::try_from(number.len()).unwrap().to_be_bytes();
        assert_eq!(&row.body[2..6], length);
        assert_eq!(&row.body[6..6 + number.len()], number.as_bytes());
    }
    assert_eq!(&messages[200_001].body[..], b"SELECT 200000\0");
    server.stop().await;
}

#[tokio::test]
async fn the_end_of_the_server() {
    let server = server().await;
    let mut idle = server.raw("admin").await;
    let mut stranger = server.stranger().await;
    server.stop_door();
    let error = idle.next().await.unwrap();
    assert_eq!(error.field(b'S').unwrap(), "FATAL");
    assert_eq!(error.field(b'C').unwrap(), "57P01");
    assert_eq!(idle.next().await, None);
    assert_eq!(stranger.next().await, None);
    server.until_idle(0).await;
    server.stop().await;
}

/// Sessions, statements and connections are all given back.
#[tokio::test]
async fn many_at_once_half_of_them_cancelled() {
    let server = std::sync::Arc::new(server().await);
    let mut clients = Vec::new();
    for i in 0..40 {
        let server = std::sync::Arc::clone(&server);
        let tasks = server.tasks.clone();
        clients.push(tasks.spawn("client", async move {
            let mut raw = server.raw("admin").await;
            if i % 2 == 0 {
                check(
                    &mut raw,
                    "Q select count(*) as n from flights",
                    "T(n:20:0) D(3) C(SELECT_1) Z(I)",
                )
                .await;
                return;
            }
            raw.query(LONG).await;
            while server.engine.statements().is_empty() {
                tokio::task::yield_now().await;
            }
            // Queued or running: again until it has hit.
            let key = raw.key.clone();
            let pid = raw.pid;
            let asking = async {
                loop {
                    cancel(&server, pid, &key).await;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            tokio::select! {
                code = error_code(&mut raw) => assert_eq!(code, "57014"),
                () = asking => {}
            }
        }));
    }
    for client in clients {
        client.join().await.unwrap();
    }
    server.until_idle(0).await;
    std::sync::Arc::into_inner(server).unwrap().stop().await;
}
