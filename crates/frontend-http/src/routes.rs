//! Which request goes where.

use std::sync::Arc;
use std::time::Duration;

use auth::Authenticator;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use gateway::Engine;
use model::{Error, ErrorKind};
use runtime::Tasks;
use runtime::metrics::Metrics;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::connection::{self, Limits};
use crate::error::HttpError;
use crate::{health, statements};

/// What the door answers from. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Checks the logins of admins.
    pub authenticator: Authenticator,
    /// What `/metrics` shows.
    pub metrics: Metrics,
    /// Eider's version.
    pub version: &'static str,
}

/// Answers HTTP/1.1 on a bound listener, with TLS if given, until `tasks` shuts down. Make `tasks`
/// one of the last groups to end: `/health` tells load balancers that the server is stopping.
///
/// Must be called inside a tokio runtime.
pub fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    services: Services,
    limits: Limits,
    tasks: &Tasks,
) {
    let router = Router::new()
        .route("/health", get(health::health))
        .route("/metrics", get(metrics))
        .route("/v1/statements", get(statements::list))
        .route("/v1/statements/{id}", delete(statements::kill))
        .with_state(services);
    connection::spawn(listener, tls, bounded(router, limits), limits, tasks);
}

async fn metrics(State(services): State<Services>) -> Response {
    let mut response = services.metrics.render().into_response();
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, text);
    response
}

/// Ends requests that take too long.
fn bounded(router: Router, limits: Limits) -> Router {
    let within = limits.request_timeout;
    router
        .fallback(async || HttpError(Error::new(ErrorKind::UndefinedObject, "no such page")))
        .layer(from_fn_with_state(within, in_time))
}

async fn in_time(State(within): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(within, next.run(request)).await {
        Ok(response) => response,
        Err(_) => HttpError(Error::new(
            ErrorKind::CannotConnectNow,
            "the request took too long",
        ))
        .into_response(),
    }
}
