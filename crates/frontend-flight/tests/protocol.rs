//! Login in every form, actions, metadata, limits, cancel, and bad input.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod support;

use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_flight::sql::{
    CommandGetDbSchemas, CommandGetTables, CommandStatementQuery, ProstMessageExt, SqlInfo,
};
use arrow_flight::{
    BasicAuth, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, Empty,
    FlightDescriptor, HandshakeRequest,
};
use frontend_flight::Config;
use futures::stream;
use prost::Message;
use support::{Server, act, fetch, raw, serve, server, text, token, try_fetch, with};
use tonic::metadata::MetadataValue;
use tonic::{Code, Request};

#[tokio::test]
async fn every_form_of_login() {
    let server = server().await;
    let mut client = raw(&server).await;
    // In the header, with and without padding, with no message and with an empty one.
    for (basic, messages) in [
        ("Basic YWRtaW46YWRtaW4=", vec![]),
        ("basic YWRtaW46YWRtaW4", vec![HandshakeRequest::default()]),
    ] {
        let request = with(stream::iter(messages), "authorization", basic);
        let answer = client.handshake(request).await.unwrap();
        let bearer = answer.metadata().get("authorization").unwrap().clone();
        let bearer = bearer.to_str().unwrap();
        assert!(bearer.starts_with("Bearer "), "{bearer}");
        client
            .list_actions(with(Empty {}, "authorization", bearer))
            .await
            .unwrap();
        // A valid token is confirmed by another handshake, and stays the same.
        let request = with(stream::empty(), "authorization", bearer);
        let again = client.handshake(request).await.unwrap();
        assert_eq!(again.metadata().get("authorization").unwrap(), bearer);
    }
    // In the payload.
    let basic = BasicAuth {
        username: "admin".into(),
        password: "admin".into(),
    };
    let message = HandshakeRequest {
        payload: basic.encode_to_vec().into(),
        ..HandshakeRequest::default()
    };
    let answer = client.handshake(stream::iter([message])).await.unwrap();
    let answer = answer.into_inner().message().await.unwrap().unwrap();
    let mut request = Request::new(Empty {});
    request
        .metadata_mut()
        .insert_bin("auth-token-bin", MetadataValue::from_bytes(&answer.payload));
    client.list_actions(request).await.unwrap();
    // With every call.
    let request = with(Empty {}, "authorization", "Basic YWRtaW46YWRtaW4");
    client.list_actions(request).await.unwrap();
    server.until_idle(3).await;
}

#[tokio::test]
async fn what_is_no_login_is_unauthenticated() {
    let server = server().await;
    let mut client = raw(&server).await;
    let wrong = [
        "Basic YWRtaW46d3Jvbmc=", // admin:wrong
        "Basic bm9ib2R5Onh4",
        "Basic ???",
        "Bearer made-up",
        "Bearer",
        "Negotiate abc",
    ];
    for value in wrong {
        let request = with(Empty {}, "authorization", value);
        let error = client.list_actions(request).await.unwrap_err();
        assert_eq!(error.code(), Code::Unauthenticated, "{value}");
        let request = with(stream::empty(), "authorization", value);
        let error = client.handshake(request).await.unwrap_err();
        assert_eq!(error.code(), Code::Unauthenticated, "{value}");
    }
    let error = client.list_actions(Empty {}).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
    let error = client.handshake(stream::empty()).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
    let garbage = HandshakeRequest {
        payload: vec![0xff; 20].into(),
        ..HandshakeRequest::default()
    };
    let error = client.handshake(stream::iter([garbage])).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    server.until_idle(0).await;
}

#[tokio::test]
async fn a_closed_session_is_gone() {
    let server = server().await;
    let bearer = token(&server, "admin").await;
    let mut client = raw(&server).await;
    let closed = act(&mut client, &bearer, "CloseSession", "").await.unwrap();
    assert_eq!(&closed[0][..], [0x08, 1]);
    let error = act(&mut client, &bearer, "HealthCheck", "").await;
    assert_eq!(error.unwrap_err().code(), Code::Unauthenticated);
    server.until_idle(0).await;
    let basic = "Basic YWRtaW46YWRtaW4";
    let closed = act(&mut client, basic, "CloseSession", "").await.unwrap();
    assert_eq!(&closed[0][..], [0x08, 3]);
}

#[tokio::test]
async fn sessions_end_with_their_principal_and_with_time() {
    let mut config = Config::default();
    config.sessions.idle = Duration::from_millis(200);
    let server = serve(config).await;
    let bearer = token(&server, "jfk").await;
    let mut client = raw(&server).await;
    act(&mut client, &bearer, "HealthCheck", "").await.unwrap();
    server.door.end_sessions_of("jfk").await;
    let error = act(&mut client, &bearer, "HealthCheck", "").await;
    assert_eq!(error.unwrap_err().code(), Code::Unauthenticated);
    server.until_idle(0).await;

    let bearer = token(&server, "jfk").await;
    let expired = async {
        // Asked less often than it expires.
        loop {
            tokio::time::sleep(Duration::from_millis(250)).await;
            if let Err(error) = act(&mut client, &bearer, "HealthCheck", "").await {
                return error;
            }
        }
    };
    let error = tokio::time::timeout(Duration::from_secs(30), expired).await;
    assert_eq!(error.unwrap().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn options_of_a_session() {
    let server = server().await;
    let bearer = token(&server, "admin").await;
    let mut client = raw(&server).await;
    // {"catalog": "lab", "schema": "main", "TimeZone": "Europe/Rome", "nope": "1", "schema": …}
    let entry = |name: &str, value: &str| {
        let value = [&[0x0a, value.len() as u8], value.as_bytes()].concat();
        let name = [&[0x0a, name.len() as u8], name.as_bytes()].concat();
        let entry = [&name[..], &[0x12, value.len() as u8], &value].concat();
        [&[0x0a, entry.len() as u8], &entry[..]].concat()
    };
    let request = [
        entry("catalog", "lab"),
        entry("schema", "main"),
        entry("TimeZone", "Europe/Rome"),
        entry("nope", "1"),
    ]
    .concat();
    let result = act(&mut client, &bearer, "SetSessionOptions", request).await;
    // One error, INVALID_NAME, for "nope".
    let expected = [&[0x0a, 10, 0x0a, 4], &b"nope"[..], &[0x12, 2, 0x08, 1]].concat();
    assert_eq!(&result.unwrap()[0][..], expected);
    let wrong = entry("catalog", "missing");
    let result = act(&mut client, &bearer, "SetSessionOptions", wrong).await;
    assert!(result.unwrap()[0].ends_with(&[0x12, 2, 0x08, 2]));
    let options = act(&mut client, &bearer, "GetSessionOptions", "")
        .await
        .unwrap();
    let options = String::from_utf8_lossy(&options[0]).into_owned();
    for text in ["catalog", "lab", "schema", "main", "Europe/Rome"] {
        assert!(options.contains(text), "{text}");
    }
    let basic = "Basic YWRtaW46YWRtaW4";
    let error = act(&mut client, basic, "SetSessionOptions", "").await;
    assert_eq!(error.unwrap_err().code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn metadata_shows_what_is_visible() {
    let server = server().await;
    let tables = CommandGetTables {
        catalog: None,
        db_schema_filter_pattern: None,
        table_name_filter_pattern: None,
        table_types: vec![],
        include_schema: true,
    };
    for (name, expected) in [
        ("admin", vec!["flights", "numbers"]),
        ("jfk", vec!["flights"]),
        ("nobody", vec![]),
    ] {
        let mut client = server.client(name).await;
        let info = client.get_tables(tables.clone()).await.unwrap();
        let batches = fetch(&mut client, info).await;
        let names: Vec<&str> = batches
            .iter()
            .flat_map(|b| b.column(2).as_string::<i32>().iter().flatten())
            .collect();
        assert_eq!(names, expected, "{name}");
    }
    let mut admin = server.client("admin").await;
    let info = admin.get_catalogs().await.unwrap();
    assert_eq!(fetch(&mut admin, info).await[0].num_rows(), 1);
    let info = admin.get_db_schemas(CommandGetDbSchemas::default()).await;
    assert_eq!(fetch(&mut admin, info.unwrap()).await[0].num_rows(), 1);
    let info = admin.get_table_types().await.unwrap();
    assert_eq!(fetch(&mut admin, info).await[0].num_rows(), 3);
    let infos = vec![SqlInfo::FlightSqlServerTransaction];
    let info = admin.get_sql_info(infos).await.unwrap();
    assert_eq!(fetch(&mut admin, info).await[0].num_rows(), 1);
}

#[tokio::test]
async fn planning_alone_tells_the_schema() {
    let server = server().await;
    let bearer = token(&server, "admin").await;
    let mut client = raw(&server).await;
    let query = |sql: &str| {
        let query = CommandStatementQuery {
            query: sql.into(),
            transaction_id: None,
        };
        let descriptor = FlightDescriptor::new_cmd(query.as_any().encode_to_vec());
        with(descriptor, "authorization", &bearer)
    };
    let told = client.get_schema(query("select id from flights")).await;
    let told = arrow_schema::Schema::try_from(told.unwrap().into_inner()).unwrap();
    assert_eq!(told.field(0).name(), "id");
    let write = client
        .get_schema(query("create table made (a integer)"))
        .await;
    let write = arrow_schema::Schema::try_from(write.unwrap().into_inner()).unwrap();
    assert!(write.fields().is_empty());
    let polled = client
        .poll_flight_info(query("select id from flights"))
        .await;
    let polled = polled.unwrap().into_inner();
    assert_eq!(polled.progress, Some(1.0));
    assert!(polled.flight_descriptor.is_none() && polled.info.is_some());
    let mut admin = server.client("admin").await;
    let missing = admin.execute("select a from made".into(), None).await;
    assert!(text(&missing.unwrap_err()).contains("does not exist"));
}

const ENDLESS: &str = "select count(*) as n from range(1000000) a, range(1000000) b, \
     range(1000000) c where a.range + b.range * c.range = 3";

/// Waits until a statement runs, if it does not fail before.
async fn until_active(server: &Server, failed: impl Fn() -> bool) {
    while server.engine.health().active == 0 {
        assert!(!failed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_running_query_can_be_cancelled() {
    let server = server().await;
    let mut admin = server.client("admin").await;
    let bearer = format!("Bearer {}", admin.token().unwrap());
    let info = admin.execute(ENDLESS.into(), None).await.unwrap();
    let running = {
        let (mut admin, info) = (server.client("admin").await, info.clone());
        admin.set_token(bearer["Bearer ".len()..].to_owned());
        server
            .tasks
            .spawn("fetch", async move { try_fetch(&mut admin, info).await })
    };
    until_active(&server, || running.is_finished()).await;
    let request = CancelFlightInfoRequest::new(info.clone()).encode_to_vec();
    let mut client = raw(&server).await;
    let result = act(&mut client, &bearer, "CancelFlightInfo", request.clone()).await;
    let result = CancelFlightInfoResult::decode(&*result.unwrap()[0]).unwrap();
    assert_eq!(result.status(), CancelStatus::Cancelled);
    let error = running.join().await.unwrap().unwrap_err();
    assert!(text(&error).contains("cancel"), "{error}");
    // The ticket is void.
    assert!(try_fetch(&mut admin, info).await.is_err());
    let again = act(&mut client, &bearer, "CancelFlightInfo", request).await;
    assert_eq!(again.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_query_ends_with_its_client() {
    let server = server().await;
    let mut admin = server.client("admin").await;
    let info = admin.execute(ENDLESS.into(), None).await.unwrap();
    let fetching = server
        .tasks
        .spawn("fetch", async move { try_fetch(&mut admin, info).await });
    until_active(&server, || fetching.is_finished()).await;
    fetching.abort();
    assert!(fetching.join().await.is_err());
    server.until_idle(1).await;
}

#[tokio::test]
async fn limits_are_told() {
    let mut config = Config {
        max_prepared_statements: 1,
        max_tickets: 2,
        ..Config::default()
    };
    config.sessions.max_per_principal = 2.try_into().unwrap();
    let server = serve(config).await;
    let mut admin = server.client("admin").await;
    let _other = server.client("admin").await;
    let mut third = server.stranger().await;
    let error = third.handshake("admin", "admin").await.unwrap_err();
    assert!(text(&error).contains("too many sessions"), "{error}");
    server.until_idle(2).await;

    let first = admin.prepare("select 1".into(), None).await.unwrap();
    let error = admin.prepare("select 2".into(), None).await.unwrap_err();
    assert!(
        text(&error).contains("too many prepared statements"),
        "{error}"
    );
    first.close().await.unwrap();
    admin.prepare("select 2".into(), None).await.unwrap();

    // The oldest ticket gives way.
    let mut infos = Vec::new();
    for _ in 0..3 {
        infos.push(admin.execute("select 1".into(), None).await.unwrap());
    }
    let error = try_fetch(&mut admin, infos.remove(0)).await.unwrap_err();
    assert!(text(&error).contains("no such ticket"), "{error}");
    for info in infos {
        fetch(&mut admin, info).await;
    }
}
