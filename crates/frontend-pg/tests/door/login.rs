//! From the first byte to the first ReadyForQuery.

use std::time::Duration;

use frontend_pg::Config;
use postgres_protocol::authentication::sasl::ChannelBinding;
use tokio::io::AsyncReadExt;

use crate::support::{Message, Raw, Server, check, serve, server, show};

const SSL_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const GSS_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x30";

fn plain() -> ChannelBinding {
    ChannelBinding::unsupported()
}

fn shown(messages: &[Message]) -> Vec<String> {
    messages.iter().map(show).collect()
}

/// Logs in up to the error that ends the connection.
async fn refused(
    server: &Server,
    user: &str,
    password: &str,
    parameters: &[(&str, &str)],
) -> Message {
    let mut raw = server.stranger().await;
    raw.startup(0, user, parameters).await;
    let error = match raw.authenticate(password, plain()).await {
        Err(error) => error,
        Ok(()) => raw.next().await.unwrap(),
    };
    assert_eq!(raw.next().await, None, "closed after {error:?}");
    assert_eq!(error.field(b'S').unwrap(), "FATAL");
    error
}

#[tokio::test]
async fn what_a_client_is_told() {
    let server = server().await;
    let mut raw = server.stranger().await;
    let told = raw
        .login(
            "admin",
            &[
                ("application_name", "test"),
                ("options", "-c TimeZone=Asia/Tokyo"),
            ],
        )
        .await;
    let told = shown(&told);
    for expected in [
        "S(application_name=test)",
        "S(client_encoding=UTF8)",
        "S(DateStyle=ISO, MDY)",
        "S(default_transaction_read_only=off)",
        "S(in_hot_standby=off)",
        "S(integer_datetimes=on)",
        "S(IntervalStyle=postgres)",
        "S(is_superuser=off)",
        "S(server_encoding=UTF8)",
        "S(server_version=15.8)",
        "S(session_authorization=admin)",
        "S(standard_conforming_strings=on)",
        "S(TimeZone=Asia/Tokyo)",
    ] {
        assert!(told.iter().any(|t| t == expected), "{expected} in {told:?}");
    }
    assert_eq!(told[told.len() - 2..], ["K", "Z(I)"]);
    assert!(raw.pid > 0);
    assert_eq!(raw.key.len(), 4);
    server.stop().await;
}

#[tokio::test]
async fn protocol_versions() {
    let server = server().await;
    let mut raw = server.stranger().await;
    raw.startup(2, "admin", &[]).await;
    raw.authenticate("admin", plain()).await.unwrap();
    raw.welcome().await;
    assert_eq!(raw.key.len(), 32);

    for (minor, options, told) in [
        (9999, &[][..], &b"\0\x03\0\x02\0\0\0\0"[..]),
        (0, &[("_pq_.foo", "1")], b"\0\x03\0\0\0\0\0\x01_pq_.foo\0"),
    ] {
        let mut raw = server.stranger().await;
        raw.startup(minor, "admin", options).await;
        let negotiate = raw.next().await.unwrap();
        assert_eq!((negotiate.kind, &negotiate.body[..]), (b'v', told));
        raw.authenticate("admin", plain()).await.unwrap();
        raw.welcome().await;
        assert_eq!(raw.key.len(), if minor == 0 { 4 } else { 32 });
    }
    server.stop().await;
}

#[tokio::test]
async fn databases() {
    let server = server().await;
    let database = |name: &'static str| [("database", name)];
    // Without one, by its name, and by the user's own name, as psql does where none is given.
    for parameters in [
        &[][..],
        &database("lab"),
        &database("LAB"),
        &database("admin"),
    ] {
        let mut raw = server.stranger().await;
        raw.login("admin", parameters).await;
        check(
            &mut raw,
            "Q select count(*) as n from flights",
            "T(n:20:0) D(3) C(SELECT_1) Z(I)",
        )
        .await;
    }
    let unknown = refused(&server, "admin", "admin", &database("nope")).await;
    assert_eq!(unknown.field(b'C').unwrap(), "3D000");
    // Before the login nothing is told about databases.
    let stranger = refused(&server, "admin", "wrong", &database("nope")).await;
    assert_eq!(stranger.field(b'C').unwrap(), "28P01");
    server.stop().await;
}

#[tokio::test]
async fn refusals() {
    let server = server().await;
    let wrong = refused(&server, "admin", "nope", &[]).await;
    let unknown = refused(&server, "nobody at all", "nope", &[]).await;
    for (error, name) in [(wrong, "admin"), (unknown, "nobody at all")] {
        assert_eq!(error.field(b'C').unwrap(), "28P01");
        let message = format!("password authentication failed for user \"{name}\"");
        assert_eq!(error.field(b'M').unwrap(), message);
    }
    for (parameters, code) in [
        (&[("nope", "1")][..], "42704"),
        (&[("options", "-c nope=1")], "42704"),
        (&[("TimeZone", "Nowhere")], "22023"),
        (&[("server_version", "16")], "42501"),
        (&[("client_encoding", "LATIN1")], "22023"),
    ] {
        let error = refused(&server, "admin", "admin", parameters).await;
        assert_eq!(error.field(b'C').unwrap(), code, "{parameters:?}");
    }
    for (user, parameters, code) in [
        ("", &[][..], "28000"),
        ("admin", &[("replication", "database")], "0A000"),
        ("admin", &[("options", "-z")], "42601"),
    ] {
        let mut raw = server.stranger().await;
        raw.startup(0, user, parameters).await;
        let error = raw.next().await.unwrap();
        assert_eq!(error.field(b'C').unwrap(), code);
        assert_eq!(raw.next().await, None);
    }
    server.until_idle(0).await;
    server.stop().await;
}

#[tokio::test]
async fn encryption_is_declined_where_there_is_none() {
    let server = server().await;
    for requests in [
        &[SSL_REQUEST, GSS_REQUEST][..],
        &[GSS_REQUEST, SSL_REQUEST],
        &[SSL_REQUEST],
        &[GSS_REQUEST],
    ] {
        let mut raw = server.stranger().await;
        for request in requests {
            raw.send(request).await;
            assert_eq!(raw.stream.read_u8().await.unwrap(), b'N');
        }
        raw.login("admin", &[]).await;
        check(
            &mut raw,
            "Q select 1 as a",
            "T(a:23:0) D(1) C(SELECT_1) Z(I)",
        )
        .await;
    }
    // Each may be asked once.
    let mut raw = server.stranger().await;
    raw.send(SSL_REQUEST).await;
    assert_eq!(raw.stream.read_u8().await.unwrap(), b'N');
    raw.send(SSL_REQUEST).await;
    assert_eq!(raw.next().await, None);
    server.stop().await;

    let config = Config {
        require_tls: true,
        ..Config::default()
    };
    let server = serve(config, None).await;
    let error = refused(&server, "admin", "admin", &[]).await;
    assert_eq!(error.field(b'C').unwrap(), "28000");
    server.stop().await;
}

#[tokio::test]
async fn one_connection_too_many() {
    let config = Config {
        max_connections: 1,
        ..Config::default()
    };
    let server = serve(config, None).await;
    let first = server.raw("admin").await;
    let error = refused(&server, "admin", "admin", &[]).await;
    assert_eq!(error.field(b'C').unwrap(), "53300");
    drop(first);
    server.until_idle(0).await;
    // The place is given back after the session; until then a client may be told no.
    let entered = async {
        loop {
            let mut raw = server.stranger().await;
            raw.startup(0, "admin", &[]).await;
            if raw.authenticate("admin", plain()).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), entered)
        .await
        .unwrap();
    server.stop().await;
}

#[tokio::test]
async fn who_takes_too_long_is_closed() {
    let config = Config {
        login_timeout: Duration::from_millis(200),
        ..Config::default()
    };
    let server = serve(config, None).await;
    // Nothing said, half a packet said: nothing is answered.
    let mut silent = server.stranger().await;
    let mut half = server.stranger().await;
    half.send(b"\0\0\0\x20\0\x03").await;
    assert_eq!(silent.next().await, None);
    assert_eq!(half.next().await, None);
    // Half a login.
    let mut raw = server.stranger().await;
    raw.startup(0, "admin", &[]).await;
    assert_eq!(raw.next().await.unwrap().kind, b'R');
    let error = raw.next().await.unwrap();
    assert_eq!(error.field(b'C').unwrap(), "57014");
    assert_eq!(raw.next().await, None);
    server.stop().await;
}

#[tokio::test]
async fn idle_sessions_are_closed() {
    let config = Config {
        idle_timeout: Some(Duration::from_millis(200)),
        ..Config::default()
    };
    let server = serve(config, None).await;
    let mut raw = server.raw("admin").await;
    let error = raw.next().await.unwrap();
    assert_eq!(error.field(b'C').unwrap(), "57P05");
    assert_eq!(raw.next().await, None);
    server.until_idle(0).await;
    server.stop().await;
}

#[tokio::test]
async fn a_login_answers_nothing_else() {
    let server = server().await;
    for message in [
        &b"Q\0\0\0\x0dselect 1\0"[..],
        b"X\0\0\0\x04",
        b"p\0\0\0\x05x",
        b"p\0\0\0\x04",
    ] {
        let mut raw: Raw = server.stranger().await;
        raw.startup(0, "admin", &[]).await;
        assert_eq!(raw.next().await.unwrap().kind, b'R');
        raw.send(message).await;
        let error = raw.next().await.unwrap();
        assert_eq!(
            (error.kind, error.field(b'C').unwrap()),
            (b'E', "08P01".to_owned())
        );
        assert_eq!(raw.next().await, None);
    }
    server.stop().await;
}
