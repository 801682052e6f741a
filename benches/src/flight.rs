//! A client of Arrow Flight: arrow-flight's own.

use std::net::SocketAddr;

use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{FlightInfo, Ticket};
use futures::TryStreamExt;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use crate::Result;
use crate::configuration::PRINCIPAL;

/// What the client lets a server send ahead, on a stream and on a connection, and the largest
/// frame: what a client that reads large results asks for.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;

/// The largest message that is taken.
const MESSAGE_BYTES: usize = 64 << 20;

/// A connection, logged in or not.
pub(crate) struct Flight(FlightSqlServiceClient<Channel>);

impl Flight {
    /// Connects to any Flight server.
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let channel = Endpoint::from_shared(format!("http://{address}"))?
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .tcp_nodelay(true)
            .connect()
            .await?;
        let client = FlightServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES);
        Ok(Self(FlightSqlServiceClient::new_from_inner(client)))
    }

    /// Connects and opens a session.
    pub(crate) async fn log_in(address: SocketAddr, password: &str) -> Result<Self> {
        let mut flight = Self::connect(address).await?;
        flight.0.handshake(PRINCIPAL, password).await?;
        Ok(flight)
    }

    /// Runs a query and decodes its rows. Returns their number.
    pub(crate) async fn query(&mut self, sql: &str) -> Result<usize> {
        let ticket = self.ticket(sql).await?;
        let mut batches = self.0.do_get(ticket).await?;
        let mut rows = 0;
        while let Some(batch) = batches.try_next().await? {
            rows += batch.num_rows();
        }
        Ok(rows)
    }

    /// Where the rows of a query are.
    pub(crate) async fn ticket(&mut self, sql: &str) -> Result<Ticket> {
        let info = self.0.execute(sql.to_owned(), None).await?;
        let FlightInfo { mut endpoint, .. } = info;
        let ticket = endpoint.pop().and_then(|endpoint| endpoint.ticket);
        Ok(ticket.ok_or("a query without a ticket")?)
    }

    /// Reads a stream to its end without looking into the messages, and returns their bytes: the
    /// client takes as little as it can of the processors that the server runs on.
    pub(crate) async fn transfer(&mut self, ticket: Ticket) -> Result<u64> {
        let mut request = Request::new(ticket);
        if let Some(token) = self.0.token() {
            let bearer = format!("Bearer {token}").parse()?;
            request.metadata_mut().insert("authorization", bearer);
        }
        let mut messages = self.0.inner_mut().do_get(request).await?.into_inner();
        let mut bytes = 0;
        while let Some(message) = messages.try_next().await? {
            bytes += (message.data_header.len() + message.data_body.len()) as u64;
        }
        Ok(bytes)
    }
}
