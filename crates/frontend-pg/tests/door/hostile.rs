//! Bytes that no driver sends: an answer or an end, and a server that goes on.

use crate::support::{Server, check, server};

/// The server answers a new client and the engine is at rest.
async fn healthy(server: &Server) {
    let mut raw = server.raw("admin").await;
    check(
        &mut raw,
        "Q select 1 as a",
        "T(a:23:0) D(1) C(SELECT_1) Z(I)",
    )
    .await;
    drop(raw);
    server.until_idle(0).await;
}

#[tokio::test]
async fn garbage_before_the_login() {
    let server = server().await;
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"\0\0\0\0",
        b"\0\0\0\x07\0\0\0",
        b"\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\0\0\x27\x11aaaaaaaa",
        b"\x16\x03\x01\x02\0\x01\0",
        b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0",
        b"\0\0\0\x0c\x04\xd2\x16\x2e\0\0\0\x01",
        b"\0\0\0\x08\0\x02\0\0",
    ] {
        let mut raw = server.stranger().await;
        raw.send(bytes).await;
        raw.close_sending().await;
        while let Some(message) = raw.next().await {
            assert_eq!(message.kind, b'E', "{bytes:?}");
        }
    }
    healthy(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn garbage_after_the_login() {
    let server = server().await;
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"Q\0\0\0\0",
        b"Q\xff\xff\xff\xff",
        b"Q\x7f\xff\xff\xff",
        b"S\0\x01\0\0",
        b"\0\0\0\0\0\0\0\0",
        b"p\0\0\0\x05x",
    ] {
        let mut raw = server.raw("admin").await;
        raw.send(bytes).await;
        let error = raw.next().await.unwrap();
        assert_eq!(error.field(b'S').unwrap(), "FATAL");
        assert_eq!(error.field(b'C').unwrap(), "08P01");
        assert_eq!(raw.next().await, None);
    }
    healthy(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn malformed_messages_leave_the_connection_usable() {
    let server = server().await;
    let mut raw = server.raw("admin").await;
    for (kind, body, code) in [
        (b'Q', &b"select 1"[..], "08P01"),
        (b'Q', b"select '\0'\0", "08P01"),
        (b'Q', b"select '\xff'\0", "22021"),
        (b'Q', b"", "08P01"),
    ] {
        raw.message(kind, body).await;
        let messages = raw.until_ready().await;
        assert_eq!(messages[0].field(b'C').unwrap(), code);
        assert_eq!(messages.len(), 2);
    }
    for (kind, body, code) in [
        (b'P', &b"x"[..], "08P01"),
        (b'P', b"\0\xff\0\0\0", "22021"),
        (b'B', b"\0\0\xff\xff", "08P01"),
        (b'B', b"\0\0\0\0\0\x01\x7f\xff\xff\xff", "08P01"),
        (b'D', b"?\0", "08P01"),
        (b'E', b"\0\0", "08P01"),
        (b'C', b"", "08P01"),
    ] {
        raw.message(kind, body).await;
        raw.message(b'S', b"").await;
        let messages = raw.until_ready().await;
        assert_eq!(messages[0].field(b'C').unwrap(), code);
        assert_eq!(messages.len(), 2);
    }
    // Outside of COPY its messages are passed over.
    raw.message(b'd', &[0; 100_000]).await;
    raw.message(b'c', b"").await;
    check(
        &mut raw,
        "Q select 1 as a",
        "T(a:23:0) D(1) C(SELECT_1) Z(I)",
    )
    .await;
    server.stop().await;
}

#[tokio::test]
async fn long_texts_are_refused_and_dropped() {
    let server = server().await;
    let mut raw = server.raw("admin").await;
    let long = format!("select '{}'", "x".repeat(10 << 20));
    raw.query(&long).await;
    let messages = raw.until_ready().await;
    assert_eq!(messages[0].field(b'C').unwrap(), "54000");
    let parse = ["\0", &long, "\0\0\0"].concat();
    raw.message(b'P', parse.as_bytes()).await;
    raw.message(b'S', b"").await;
    let messages = raw.until_ready().await;
    assert_eq!(messages[0].field(b'C').unwrap(), "54000");
    // Just within the message's limit, but not within the text's.
    let text = format!("select {}", "1".repeat(1 << 20));
    raw.message(b'P', ["\0", &text, "\0\0\0"].concat().as_bytes())
        .await;
    raw.message(b'S', b"").await;
    let messages = raw.until_ready().await;
    assert_eq!(messages[0].field(b'C').unwrap(), "54000");
    check(
        &mut raw,
        "Q select 1 as a",
        "T(a:23:0) D(1) C(SELECT_1) Z(I)",
    )
    .await;
    server.stop().await;
}

#[tokio::test]
async fn clients_that_leave_in_the_middle() {
    let server = server().await;
    for bytes in [
        &b"Q"[..],
        b"Q\0\0\0\x20select",
        b"Q\0\xa0\0\0select 1",
        b"P\0\0\0\x10\0select 1",
        b"X\0\0\0\x04",
    ] {
        let mut raw = server.raw("admin").await;
        raw.send(bytes).await;
        drop(raw);
    }
    server.until_idle(0).await;
    healthy(&server).await;
    server.stop().await;
}

/// What a principal may not see and what DuckDB would do outside of it.
#[tokio::test]
async fn forbidden_statements() {
    let server = server().await;
    let mut raw = server.raw("jfk").await;
    check(
        &mut raw,
        "Q select count(*) as n from flights",
        "T(n:20:0) D(2) C(SELECT_1) Z(I)",
    )
    .await;
    for (sql, code) in [
        ("select * from numbers", "42P01"),
        ("insert into flights values (9, 'JFK', 'x')", "42501"),
        ("copy flights to stdout", "0A000"),
        ("copy flights from stdin", "0A000"),
        ("attach 'x.db'", "0A000"),
        ("select * from 'x.csv'", "42P01"),
    ] {
        raw.query(sql).await;
        let messages = raw.until_ready().await;
        let got = messages[0].field(b'C').unwrap();
        // A text that is no statement for this principal may be called unknown or unsupported.
        assert!(
            got == code || got == "0A000" || got == "42501",
            "{sql}: {got}"
        );
        assert_eq!(messages[0].kind, b'E');
    }
    server.stop().await;
}
