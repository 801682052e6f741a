//! Statements that wait for a place, and what their clients are told.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod support;

use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{CommandStatementUpdate, DoPutUpdateResult, ProstMessageExt};
use arrow_flight::{FlightData, FlightDescriptor, Ticket};
use frontend_flight::Config;
use prost::Message;
use support::{Client, Server, raw, serve_with, token, with};
use tonic::transport::Channel;
use tonic::{Code, Response, Streaming};

/// One statement at a time.
const LIMIT: &str =
    "[[limit]]\nid = \"one at a time – é\"\nprincipal = \"admin\"\nstatements = 1\n";

const HEADER: &str = "eider-waits-for";

async fn limited() -> Server {
    serve_with(Config::default(), LIMIT).await
}

/// The ticket of a query.
async fn ticket(client: &mut Client, sql: &str) -> Ticket {
    let info = client.execute(sql.to_owned(), None).await.unwrap();
    info.endpoint[0].ticket.clone().unwrap()
}

async fn get(
    client: &mut FlightServiceClient<Channel>,
    bearer: &str,
    ticket: Ticket,
) -> Response<Streaming<FlightData>> {
    let request = with(ticket, "authorization", bearer);
    client.do_get(request).await.unwrap()
}

fn told<T>(response: &Response<T>) -> Option<&str> {
    let value = response.metadata().get(HEADER)?;
    Some(value.to_str().unwrap())
}

/// Far more rows than are in flight.
const MANY: &str = "select a.n from numbers a, numbers b";

/// A server whose one place is taken by a result that is not read.
struct Occupied {
    server: Server,
    planner: Client,
    client: FlightServiceClient<Channel>,
    bearer: String,
    held: Response<Streaming<FlightData>>,
}

async fn occupied() -> Occupied {
    let server = limited().await;
    let (mut planner, bearer) = (server.client("admin").await, token(&server, "admin").await);
    planner.set_token(bearer.trim_start_matches("Bearer ").to_owned());
    let mut client = raw(&server).await;
    let held = ticket(&mut planner, MANY).await;
    let held = get(&mut client, &bearer, held).await;
    Occupied {
        server,
        planner,
        client,
        bearer,
        held,
    }
}

#[tokio::test]
async fn a_waiting_result_says_in_its_headers_what_it_waits_for() {
    let Occupied {
        server,
        mut planner,
        mut client,
        bearer,
        held,
    } = occupied().await;
    assert_eq!(told(&held), None);

    let second = ticket(&mut planner, "select 1 as a from flights limit 1").await;
    let second = get(&mut client, &bearer, second).await;
    // The response is here, and its messages are not.
    assert_eq!(
        told(&second),
        Some("one of the 1 places that limit \"one at a time ? ?\" allows")
    );
    assert_eq!(server.engine.health().queued, 1);
    drop(held);
    let mut messages = second.into_inner();
    let mut count = 0;
    while let Some(message) = messages.message().await.unwrap() {
        assert!(!message.data_header.is_empty());
        count += 1;
    }
    assert_eq!(count, 2, "a schema and a batch");
    server.stop().await;
}

#[tokio::test]
async fn one_that_is_ended_while_it_waits_has_its_status_in_the_trailers() {
    let Occupied {
        server,
        mut planner,
        mut client,
        bearer,
        held,
    } = occupied().await;
    let second = ticket(&mut planner, "select 1 as a from flights limit 1").await;
    let second = get(&mut client, &bearer, second).await;
    assert!(told(&second).is_some());
    let statements = server.engine.statements();
    let waiting = statements.iter().find(|s| s.wait.is_some()).unwrap();
    assert!(server.engine.kill(waiting.id));
    let error = second.into_inner().message().await.unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
    assert!(error.message().contains("administrator"), "{error}");
    drop(held);
    server.stop().await;
}

#[tokio::test]
async fn writes_that_wait_are_told_too() {
    let Occupied {
        server,
        mut client,
        bearer,
        held,
        ..
    } = occupied().await;
    let command = CommandStatementUpdate {
        query: "insert into flights values (4, 'LGA', 'BOS')".to_owned(),
        transaction_id: None,
    };
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    let data = FlightData::new().with_descriptor(descriptor);
    let request = with(futures::stream::iter([data]), "authorization", &bearer);
    let update = client.do_put(request).await.unwrap();
    assert!(told(&update).is_some());
    assert_eq!(server.engine.health().queued, 1);
    drop(held);
    let result = update.into_inner().message().await.unwrap().unwrap();
    let result = DoPutUpdateResult::decode(result.app_metadata).unwrap();
    assert_eq!(result.record_count, 1);
    server.stop().await;
}
