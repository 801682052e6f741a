//! `/v1/statements`: what is in work, and ending it.

use std::time::{Duration, SystemTime};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use gateway::{StatementInfo, Wait};
use model::{Error, ErrorKind, StatementId};
use serde::Serialize;

use crate::Services;
use crate::admin::Admin;
use crate::error::HttpError;
use crate::response::json;

/// Bytes of each statement's text that are shown: texts may be long, and there may be many.
const SHOWN_BYTES: usize = 2048;

#[derive(Serialize)]
struct List<'a> {
    statements: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    id: String,
    session: String,
    principal: &'a str,
    door: &'static str,
    peer: String,
    state: &'static str,
    /// Of a queued statement.
    wait: Option<Waiting>,
    /// The beginning of the text.
    sql: &'a str,
    /// The length of the whole text.
    sql_bytes: usize,
    /// Since 1970-01-01 UTC.
    started_unix_ms: u64,
    elapsed_ms: u64,
    rows: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Waiting {
    /// `session`, `server`, `principal` or `limit`.
    what: &'static str,
    /// The same in words, with the limit's name.
    waits_for: String,
    waited_ms: u64,
    /// From 1, where it waits for a place.
    place: Option<usize>,
}

#[derive(Serialize)]
struct Killed {
    id: String,
}

/// All statements in work, oldest first.
pub(crate) async fn list(_: Admin, State(services): State<Services>) -> Response {
    let statements = services.engine.statements();
    let statements = statements.iter().map(Item::from).collect();
    json(StatusCode::OK, &List { statements })
}

/// Asks a statement to stop.
pub(crate) async fn kill(
    admin: Admin,
    State(services): State<Services>,
    Path(id): Path<String>,
) -> Result<Response, HttpError> {
    let id: StatementId = id.parse().map_err(|_| {
        Error::new(
            ErrorKind::InvalidParameterValue,
            "a statement's id is a UUID",
        )
    })?;
    if !services.engine.kill(id) {
        return Err(Error::new(
            ErrorKind::UndefinedStatement,
            format!("statement {id} is not in work"),
        )
        .into());
    }
    tracing::info!(admin = admin.name, statement = %id, "statement ended by an admin");
    let id = id.to_string();
    Ok(json(StatusCode::ACCEPTED, &Killed { id }))
}

impl<'a> From<&'a StatementInfo> for Item<'a> {
    fn from(info: &'a StatementInfo) -> Self {
        let since_1970 = info.started.duration_since(SystemTime::UNIX_EPOCH);
        Self {
            id: info.id.to_string(),
            session: info.session.to_string(),
            principal: &info.principal,
            door: info.door.as_str(),
            peer: info.peer.to_string(),
            state: info.state.as_str(),
            wait: info.wait.as_ref().map(Waiting::from),
            sql: &info.sql[..info.sql.floor_char_boundary(SHOWN_BYTES)],
            sql_bytes: info.sql.len(),
            // A clock before 1970 is set wrong; the list is still of use.
            started_unix_ms: millis(since_1970.unwrap_or_default()),
            elapsed_ms: millis(info.elapsed),
            rows: info.rows,
            bytes: info.bytes,
        }
    }
}

impl From<&Wait> for Waiting {
    fn from(wait: &Wait) -> Self {
        Self {
            what: wait.waits_for.as_str(),
            waits_for: wait.waits_for.to_string(),
            waited_ms: millis(wait.waited),
            place: wait.place,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
