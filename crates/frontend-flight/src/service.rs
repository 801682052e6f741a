//! The RPCs of Flight.

use std::pin::Pin;
use std::sync::Arc;

use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::{Any, Command, TicketStatementQuery};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket as WireTicket,
};
use arrow_schema::Schema;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use model::{Error, ErrorKind};
use tonic::{Request, Response, Status, Streaming};

use crate::connection::PeerAddress;
use crate::encode::{Encoder, schema_bytes};
use crate::error::{internal, invalid, status};
use crate::fetch::Fetching;
use crate::metadata;
use crate::session::Session;
use crate::sessions::{Caller, Sessions};
use crate::statement::{Statement, cancelled};
use crate::ticket::{Fetched, Ticket};
use crate::{actions, auth, prepared, put, ticket, transactions};

/// Flight SQL over the gateway. Callers have been authenticated before: each request carries its
/// [`Caller`].
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) sessions: Arc<Sessions>,
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The command that a descriptor names.
pub(crate) fn command(descriptor: &FlightDescriptor) -> Result<Command, Status> {
    if descriptor.r#type() != DescriptorType::Cmd {
        return Err(invalid("the descriptor must be a Flight SQL command"));
    }
    command_of(&descriptor.cmd)
}

/// The command in a message.
pub(crate) fn command_of(bytes: &[u8]) -> Result<Command, Status> {
    let any: Any = crate::message::decode(bytes)?;
    match Command::try_from(any) {
        Ok(Command::Unknown(any)) => {
            let name: String = any.type_url.chars().take(100).collect();
            Err(invalid(format!("{name:?} is no command of Flight SQL")))
        }
        Ok(command) => Ok(command),
        Err(error) => Err(invalid(error.to_string())),
    }
}

fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(auth::missing)
}

fn one<T: Send + 'static>(answer: T) -> Response<Answers<T>> {
    Response::new(stream::iter([Ok(answer)]).boxed())
}

fn encode_schema(schema: &Schema) -> Result<Bytes, Status> {
    schema_bytes(schema).map_err(|e| internal("a schema can't be encoded", e))
}

fn unsupported_command(command: &Command) -> Status {
    match command {
        Command::CommandStatementSubstraitPlan(_) => status(&Error::not_supported("Substrait")),
        other => invalid(format!("{} is not for this call", other.type_url())),
    }
}

/// The answer to GetSchema where the types of the result are open.
fn open_types() -> Error {
    Error::new(
        ErrorKind::IndeterminateDatatype,
        "the types of the result depend on parameters that are not bound",
    )
}

impl Service {
    async fn info(
        &self,
        caller: &Caller,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo, Status> {
        let session = &caller.session;
        let command = command(&descriptor)?;
        if let Some(schema) = metadata::schema(&command) {
            // The command is its own ticket: it is answered by what is visible at DoGet.
            let schema = encode_schema(&schema)?;
            let ticket = descriptor.cmd.clone();
            return Ok(flight_info(descriptor, schema, ticket, None));
        }
        let made = match &command {
            Command::CommandStatementQuery(query) => {
                statement_ticket(session, &query.query, query.transaction_id.as_deref()).await
            }
            Command::CommandPreparedStatementQuery(query) => {
                prepared_ticket(session, &query.prepared_statement_handle).await
            }
            other => return Err(unsupported_command(other)),
        };
        let (ticket, rows) = made.map_err(|e| status(&e))?;
        let schema = match ticket.schema() {
            Some(schema) => encode_schema(&schema)?,
            // Clients then take the one that DoGet sends.
            None => Bytes::new(),
        };
        let bytes = ticket.bytes();
        let handle = session.shelves.tickets.put(ticket, bytes);
        let ticket = ticket::encode(handle.map_err(|e| status(&e))?);
        Ok(flight_info(descriptor, schema, ticket, rows))
    }

    async fn schema(&self, caller: &Caller, command: &Command) -> Result<Bytes, Status> {
        if let Some(schema) = metadata::schema(command) {
            return encode_schema(&schema);
        }
        let session = &caller.session;
        let schema = match command {
            Command::CommandStatementQuery(query) => {
                transactions::check(session, query.transaction_id.as_deref())
                    .map_err(|e| status(&e))?;
                let statement = Statement::plan(session, &query.query, Vec::new()).await;
                result_schema(&statement.map_err(|e| status(&e))?)
            }
            Command::CommandPreparedStatementQuery(query) => {
                let prepared = prepared::find(session, &query.prepared_statement_handle);
                prepared
                    .and_then(|prepared| prepared.statement().cloned())
                    .and_then(|statement| result_schema(&statement))
            }
            other => return Err(unsupported_command(other)),
        };
        let schema = schema.map_err(|e| status(&e))?;
        encode_schema(&schema)
    }

    /// The messages that DoGet sends for a ticket.
    pub(crate) async fn fetch(&self, caller: Caller, ticket: &[u8]) -> Result<Fetching, Status> {
        let session = &caller.session;
        if let Ok(query) = crate::message::decode_any::<TicketStatementQuery>(ticket) {
            let tickets = &session.shelves.tickets;
            let ticket = tickets.get(&query.statement_handle);
            let ticket = ticket.ok_or_else(|| status(&tickets.unknown()))?;
            let cancel = ticket.cancel.clone();
            let Fetched { schema, batches } = tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(status(&cancelled())),
                fetched = ticket.fetch(session) => fetched.map_err(|e| status(&e))?,
            };
            let encoder = Encoder::new(schema, batches);
            return Ok(Fetching::new(
                encoder,
                cancel,
                Arc::clone(&self.sessions),
                caller,
            ));
        }
        let command = command_of(ticket)?;
        let Some(schema) = metadata::schema(&command) else {
            return Err(unsupported_command(&command));
        };
        let snapshot = session.gateway().catalog().await.map_err(|e| status(&e))?;
        let rows =
            metadata::rows(&command, &snapshot).ok_or_else(|| unsupported_command(&command))?;
        let batch = rows.map_err(|e| internal("metadata can't be told", e))?;
        let encoder = Encoder::new(schema, stream::iter([Ok(batch)]).boxed());
        Ok(Fetching::new(
            encoder,
            Default::default(),
            Arc::clone(&self.sessions),
            caller,
        ))
    }
}

/// A ticket for a statement, and the count of rows if it has been run: a query is planned here and
/// run by DoGet, anything else is run here and only here.
async fn statement_ticket(
    session: &Arc<Session>,
    text: &str,
    transaction: Option<&[u8]>,
) -> model::Result<(Ticket, Option<u64>)> {
    transactions::check(session, transaction)?;
    let statement = Arc::new(Statement::plan(session, text, Vec::new()).await?);
    if let n @ 1.. = statement.parameters().len() {
        return Err(Error::new(
            ErrorKind::UndefinedParameter,
            format!("the statement takes {n} parameters: prepare it to bind them"),
        ));
    }
    if statement.is_query() {
        return Ok((Ticket::query(statement, None), None));
    }
    let rows = statement.update(session, None).await?;
    Ok((Ticket::done(), rows))
}

async fn prepared_ticket(
    session: &Arc<Session>,
    handle: &[u8],
) -> model::Result<(Ticket, Option<u64>)> {
    let (statement, parameters) = prepared::find(session, handle)?.ready()?;
    if statement.is_query() {
        return Ok((Ticket::query(statement, parameters), None));
    }
    let rows = statement.update(session, parameters.as_ref()).await?;
    Ok((Ticket::done(), rows))
}

fn result_schema(statement: &Statement) -> model::Result<Arc<Schema>> {
    match statement.schema() {
        Some(schema) => Ok(schema),
        None if statement.is_query() => Err(open_types()),
        None => Ok(Arc::new(Schema::empty())),
    }
}

/// One endpoint on this connection: order is kept, and no client dials anew.
fn flight_info(
    descriptor: FlightDescriptor,
    schema: Bytes,
    ticket: Bytes,
    rows: Option<u64>,
) -> FlightInfo {
    let endpoint = FlightEndpoint::new().with_ticket(WireTicket::new(ticket));
    FlightInfo {
        schema,
        ..FlightInfo::new()
            .with_descriptor(descriptor)
            .with_endpoint(endpoint)
            .with_ordered(true)
            .with_total_records(put::count(rows))
            .with_total_bytes(-1)
    }
}

#[tonic::async_trait]
impl FlightService for Service {
    type HandshakeStream = Answers<HandshakeResponse>;
    type ListFlightsStream = Answers<FlightInfo>;
    type DoGetStream = Fetching;
    type DoPutStream = Answers<PutResult>;
    type DoActionStream = Answers<arrow_flight::Result>;
    type ListActionsStream = Answers<ActionType>;
    type DoExchangeStream = Answers<FlightData>;

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let peer = request.extensions().get::<PeerAddress>();
        let peer = peer
            .ok_or_else(|| internal("a request without its peer", ""))?
            .0;
        let (headers, _, messages) = request.into_parts();
        let answer = auth::handshake(&self.sessions, peer, &headers, messages).await?;
        let (headers, message, extensions) = answer.into_parts();
        let messages = stream::iter([Ok(message)]).boxed();
        Ok(Response::from_parts(headers, messages, extensions))
    }

    async fn list_flights(
        &self,
        request: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        caller(&request)?;
        Ok(Response::new(stream::empty().boxed()))
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let caller = caller(&request)?;
        let info = self.info(&caller, request.into_inner()).await?;
        Ok(Response::new(info))
    }

    /// Planning is all that a query takes before its endpoints are known, so the first answer is
    /// the last.
    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        let caller = caller(&request)?;
        let info = self.info(&caller, request.into_inner()).await?;
        Ok(Response::new(PollInfo {
            info: Some(info),
            progress: Some(1.0),
            ..PollInfo::default()
        }))
    }

    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        let caller = caller(&request)?;
        let command = command(request.get_ref())?;
        let schema = self.schema(&caller, &command).await?;
        Ok(Response::new(SchemaResult { schema }))
    }

    async fn do_get(
        &self,
        request: Request<WireTicket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        let caller = caller(&request)?;
        let fetching = self.fetch(caller, &request.get_ref().ticket).await?;
        Ok(Response::new(fetching))
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        let caller = caller(&request)?;
        let max_bytes = self.sessions.config.max_parameter_bytes;
        let result = put::perform(&caller.session, request.into_inner(), max_bytes).await?;
        Ok(one(result))
    }

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        let caller = caller(&request)?;
        let body = actions::perform(&self.sessions, &caller, request.get_ref()).await?;
        let results = body.map(|body| Ok(arrow_flight::Result { body }));
        Ok(Response::new(stream::iter(results).boxed()))
    }

    async fn list_actions(
        &self,
        request: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        caller(&request)?;
        let actions = actions::list().into_iter().map(Ok);
        Ok(Response::new(stream::iter(actions).boxed()))
    }

    async fn do_exchange(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        caller(&request)?;
        Err(status(&Error::not_supported("DoExchange")))
    }
}
