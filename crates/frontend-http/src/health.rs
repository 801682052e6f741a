//! `GET /health`: readiness and load.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::Services;
use crate::response::json;

/// Field names are those of the runbooks where they have one.
#[derive(Serialize)]
struct Health {
    /// `healthy`, or `stopping`: no new work is taken.
    status: &'static str,
    version: &'static str,
    active_queries: usize,
    queued_queries: usize,
    sessions: usize,
}

pub(crate) async fn health(State(services): State<Services>) -> Response {
    let engine = services.engine.health();
    let (code, status) = match engine.accepting {
        true => (StatusCode::OK, "healthy"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
    };
    let health = Health {
        status,
        version: services.version,
        active_queries: engine.active,
        queued_queries: engine.queued,
        sessions: engine.sessions,
    };
    json(code, &health)
}
