//! What every call passes first: authentication by its headers, before its body is read, and the
//! bound on the size of its messages.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow_flight::Ticket;
use arrow_flight::flight_service_server::FlightServiceServer;
use model::Error;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{BoxFuture, Service as _};
use tonic::metadata::MetadataMap;

use crate::auth;
use crate::body;
use crate::connection::PeerAddress;
use crate::error::{internal, status};
use crate::fetch::Fetching;
use crate::health;
use crate::metric;
use crate::service::Service;
use crate::sessions::{Caller, Sessions};
use crate::waiting;

/// The path of every RPC of Flight, without its name.
const PREFIX: &str = "/arrow.flight.protocol.FlightService/";

/// Largest message of Handshake.
const HANDSHAKE_BYTES: usize = 16 << 10;

/// The RPCs, as labels of metrics.
const METHODS: [&str; 10] = [
    "DoAction",
    "DoExchange",
    "DoGet",
    "DoPut",
    "GetFlightInfo",
    "GetSchema",
    "Handshake",
    "ListActions",
    "ListFlights",
    "PollFlightInfo",
];

/// The service behind its authentication.
#[derive(Clone)]
pub(crate) struct Gate {
    sessions: Arc<Sessions>,
    /// For DoGet, whose response is written without tonic's codec.
    service: Service,
    /// For DoPut, whose messages are larger.
    large: FlightServiceServer<Service>,
    small: FlightServiceServer<Service>,
    /// For Handshake, which anybody may call.
    tiny: FlightServiceServer<Service>,
}

impl Gate {
    pub(crate) fn new(sessions: Arc<Sessions>) -> Self {
        let service = Service {
            sessions: Arc::clone(&sessions),
        };
        let config = &sessions.config;
        let server = |max_bytes| {
            FlightServiceServer::new(service.clone())
                .max_decoding_message_size(max_bytes)
                .max_encoding_message_size(usize::MAX)
        };
        Self {
            service: service.clone(),
            large: server(config.max_put_message_bytes),
            small: server(config.max_request_bytes),
            tiny: server(HANDSHAKE_BYTES),
            sessions,
        }
    }

    async fn authenticate(
        &self,
        peer: Option<PeerAddress>,
        headers: MetadataMap,
    ) -> Result<Caller, Status> {
        let peer = peer.ok_or_else(|| internal("a request without its peer", ""))?;
        let authorization = auth::authorization(&headers)?.ok_or_else(auth::missing)?;
        let caller = self.sessions.caller(peer.0, authorization).await;
        caller.map_err(|e| status(&e))
    }

    async fn fetch(&self, caller: Caller, body: Body) -> Result<Fetching, Status> {
        let ticket = body::read::<Ticket>(body, self.sessions.config.max_request_bytes).await?;
        self.service.fetch(caller, &ticket.ticket).await
    }

    async fn pass(mut self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path();
        if path == health::CHECK {
            let accepting = self.sessions.is_accepting();
            return health::check(accepting, request.into_body()).await;
        }
        let name = path.strip_prefix(PREFIX).unwrap_or_default();
        let Some(method) = METHODS.iter().find(|m| **m == name) else {
            return status(&Error::not_supported("this method")).into_http();
        };
        metric::request(method);
        if *method == "Handshake" {
            return answered(self.tiny.call(request).await);
        }
        let peer = request.extensions().get::<PeerAddress>().copied();
        let headers = MetadataMap::from_headers(request.headers().clone());
        let caller = match self.authenticate(peer, headers).await {
            Ok(caller) => caller,
            Err(status) => return status.into_http(),
        };
        waiting::told(self.answer(method, caller, request)).await
    }

    async fn answer(
        mut self,
        method: &'static str,
        caller: Caller,
        mut request: Request<Body>,
    ) -> Response<Body> {
        if method == "DoGet" {
            let fetching = self.fetch(caller.clone(), request.into_body());
            return match self.sessions.keep_alive(&caller, fetching).await {
                Ok(messages) => body::response(messages),
                Err(status) => status.into_http(),
            };
        }
        request.extensions_mut().insert(caller.clone());
        let server = match method {
            "DoPut" => &mut self.large,
            _ => &mut self.small,
        };
        let answer = server.call(request);
        answered(self.sessions.keep_alive(&caller, answer).await)
    }
}

fn answered(result: Result<Response<Body>, Infallible>) -> Response<Body> {
    match result {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

impl tonic::codegen::Service<Request<Body>> for Gate {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<Body>, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let gate = self.clone();
        Box::pin(async move { Ok(gate.pass(request).await) })
    }
}
