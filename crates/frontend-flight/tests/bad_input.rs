//! What no client should send.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod support;

use std::time::Duration;

use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, Any, CommandStatementQuery, CommandStatementUpdate,
    ProstMessageExt, TicketStatementQuery,
};
use arrow_flight::{FlightData, FlightDescriptor, Ticket};
use frontend_flight::Config;
use futures::stream;
use prost::Message;
use support::{act, integers, raw, serve, server, text, token, with};
use tonic::Code;

#[tokio::test]
async fn bad_input_gets_a_clear_answer_and_does_no_harm() {
    let server = server().await;
    let bearer = token(&server, "admin").await;
    let mut client = raw(&server).await;
    let any = |type_url: &str, value: &[u8]| {
        let any = Any {
            type_url: type_url.into(),
            value: value.to_vec().into(),
        };
        any.encode_to_vec()
    };
    let unknown_handle = TicketStatementQuery {
        statement_handle: vec![7; 16].into(),
    };
    let query_url = CommandStatementQuery::type_url();
    let bodies: Vec<(Vec<u8>, Code)> = vec![
        (vec![], Code::InvalidArgument),
        (vec![0xff; 100], Code::InvalidArgument),
        (b"select 1".to_vec(), Code::InvalidArgument),
        (any("type.googleapis.com/nope", b""), Code::InvalidArgument),
        (any(query_url, &[0xff; 10]), Code::InvalidArgument),
        // A string that is not UTF-8.
        (
            any(query_url, &[0x0a, 2, 0xc3, 0x28]),
            Code::InvalidArgument,
        ),
        (
            unknown_handle.as_any().encode_to_vec(),
            Code::InvalidArgument,
        ),
    ];
    for (body, code) in &bodies {
        let descriptor = FlightDescriptor::new_cmd(body.clone());
        let request = || with(descriptor.clone(), "authorization", &bearer);
        let error = client.get_flight_info(request()).await.unwrap_err();
        assert_eq!(error.code(), *code, "{body:?}: {error}");
        let error = client.get_schema(request()).await.unwrap_err();
        assert_eq!(error.code(), *code, "{body:?}: {error}");
        let put = FlightData::new().with_descriptor(descriptor);
        let put = with(stream::iter([put]), "authorization", &bearer);
        let error = client.do_put(put).await.unwrap_err();
        assert_eq!(error.code(), *code, "{body:?}: {error}");
        let error = act(
            &mut client,
            &bearer,
            "CreatePreparedStatement",
            body.clone(),
        )
        .await;
        assert_eq!(error.unwrap_err().code(), Code::InvalidArgument, "{body:?}");
    }
    for (ticket, code) in [
        (vec![], Code::InvalidArgument),
        (vec![0xff; 100], Code::InvalidArgument),
        (any(query_url, &[0x0a, 1, b'x']), Code::InvalidArgument),
        (unknown_handle.as_any().encode_to_vec(), Code::NotFound),
    ] {
        let request = with(Ticket::new(ticket.clone()), "authorization", &bearer);
        let error = client.do_get(request).await.unwrap_err();
        assert_eq!(error.code(), code, "{ticket:?}: {error}");
    }
    for name in ["", "Nope", "RenewFlightEndpoint", "BeginSavepoint"] {
        let error = act(&mut client, &bearer, name, vec![0xff; 10]).await;
        assert_eq!(error.unwrap_err().code(), Code::Unimplemented, "{name}");
    }
    for name in [
        "CancelFlightInfo",
        "CancelQuery",
        "EndTransaction",
        "SetSessionOptions",
    ] {
        let error = act(&mut client, &bearer, name, vec![0xff; 10]).await;
        assert_eq!(error.unwrap_err().code(), Code::InvalidArgument, "{name}");
    }
    let path = FlightDescriptor::new_path(vec!["flights".into()]);
    let request = with(path, "authorization", &bearer);
    let error = client.get_flight_info(request).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    let nothing = with(stream::empty::<FlightData>(), "authorization", &bearer);
    let error = client.do_put(nothing).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    let close = ActionClosePreparedStatementRequest {
        prepared_statement_handle: vec![1, 2, 3].into(),
    };
    let close = close.as_any().encode_to_vec();
    act(&mut client, &bearer, "ClosePreparedStatement", close)
        .await
        .unwrap();

    let mut admin = server.client("admin").await;
    for sql in ["", " ; -- nothing", "select 'a\0b'", "select 1; select 2"] {
        admin.execute(sql.into(), None).await.unwrap_err();
    }
    let error = admin.execute("select $1".into(), None).await.unwrap_err();
    assert!(text(&error).contains("prepare it to bind them"), "{error}");
    let long = format!("select '{}'", "x".repeat(2 << 20));
    let error = admin.execute(long, None).await.unwrap_err();
    assert!(text(&error).contains("longer than"), "{error}");
    let longer = format!("select '{}'", "x".repeat(10 << 20));
    let error = admin.execute(longer, None).await.unwrap_err();
    assert!(text(&error).contains("too large"), "{error}");
    assert_eq!(integers(&mut admin, "select 1").await, [1]);
}

#[tokio::test]
async fn garbage_as_parameters_is_refused() {
    let server = server().await;
    let bearer = token(&server, "admin").await;
    let mut client = raw(&server).await;
    let create = ActionCreatePreparedStatementRequest {
        query: "select id from flights where id = ?".into(),
        transaction_id: None,
    };
    let create = create.as_any().encode_to_vec();
    let created = act(&mut client, &bearer, "CreatePreparedStatement", create).await;
    let created = Any::decode(&*created.unwrap()[0]).unwrap();
    let created: ActionCreatePreparedStatementResult = created.unpack().unwrap().unwrap();
    let bind = arrow_flight::sql::CommandPreparedStatementQuery {
        prepared_statement_handle: created.prepared_statement_handle,
    };
    let descriptor = FlightDescriptor::new_cmd(bind.as_any().encode_to_vec());
    for header in [vec![0xff; 40], b"QUERY".to_vec()] {
        let data = FlightData::new()
            .with_descriptor(descriptor.clone())
            .with_data_header(header)
            .with_data_body(vec![1; 16]);
        let put = with(stream::iter([data]), "authorization", &bearer);
        let error = client.do_put(put).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
    }
    let update = CommandStatementUpdate {
        query: "select 1".into(),
        transaction_id: None,
    };
    let descriptor = FlightDescriptor::new_cmd(update.as_any().encode_to_vec());
    let data = FlightData::new().with_descriptor(descriptor);
    let put = with(stream::iter([data]), "authorization", &bearer);
    client.do_put(put).await.unwrap();
    server.until_idle(1).await;
}

#[tokio::test]
async fn bytes_that_are_no_http_close_the_connection() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let config = Config {
        handshake_timeout: Duration::from_millis(100),
        ..Config::default()
    };
    let server = serve(config).await;
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 1000], b""] {
        let mut socket = tokio::net::TcpStream::connect(server.address)
            .await
            .unwrap();
        socket.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let closed = socket.read_to_end(&mut answer);
        let closed = tokio::time::timeout(Duration::from_secs(30), closed).await;
        assert!(closed.is_ok(), "{bytes:?} is still open");
    }
    let mut admin = server.client("admin").await;
    assert_eq!(integers(&mut admin, "select 1").await, [1]);
    server.stop().await;
}
