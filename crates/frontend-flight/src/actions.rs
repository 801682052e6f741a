//! DoAction.

use arrow_flight::sql::{
    ActionBeginTransactionResult, ActionCancelQueryRequest, ActionCancelQueryResult,
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionEndTransactionRequest, EndTransaction, ProstMessageExt, TicketStatementQuery,
};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo,
};
use bytes::Bytes;
use model::Error;
use prost::Message;
use tonic::Status;

use crate::error::{invalid, status};
use crate::message::{
    CloseSessionRequest, CloseSessionResult, CloseSessionStatus, decode, decode_any,
};
use crate::sessions::{Caller, Sessions};
use crate::{options, prepared, transactions};

/// What ListActions tells: name, and what it does.
const ACTIONS: [(&str, &str); 10] = [
    ("CreatePreparedStatement", "prepare a statement"),
    ("ClosePreparedStatement", "forget a prepared statement"),
    ("BeginTransaction", "open the session's transaction"),
    ("EndTransaction", "commit or roll back the transaction"),
    ("CancelQuery", "cancel a statement (deprecated)"),
    ("CancelFlightInfo", "cancel a statement"),
    ("SetSessionOptions", "set options of the session"),
    ("GetSessionOptions", "list options of the session"),
    ("CloseSession", "end the session"),
    ("HealthCheck", "answer if the session is alive"),
];

/// ListActions.
pub(crate) fn list() -> Vec<ActionType> {
    ACTIONS
        .iter()
        .map(|(name, about)| ActionType {
            r#type: (*name).to_owned(),
            description: (*about).to_owned(),
        })
        .collect()
}

/// Performs an action and returns the body of its result, if it has one.
pub(crate) async fn perform(
    sessions: &Sessions,
    caller: &Caller,
    action: &Action,
) -> Result<Option<Bytes>, Status> {
    let session = &*caller.session;
    let body = &action.body;
    let answer = match action.r#type.as_str() {
        "CreatePreparedStatement" => {
            let request: ActionCreatePreparedStatementRequest = decode_any(body)?;
            let created = prepared::create(session, &request).await;
            created.map_err(|e| status(&e))?.to_any().encode_to_vec()
        }
        "ClosePreparedStatement" => {
            let request: ActionClosePreparedStatementRequest = decode_any(body)?;
            // One that is not there is closed: clients close in whatever order.
            session
                .shelves
                .statements
                .remove(&request.prepared_statement_handle);
            return Ok(None);
        }
        "BeginTransaction" => {
            decode_any::<arrow_flight::sql::ActionBeginTransactionRequest>(body)?;
            let id = transactions::begin(session).await;
            let result = ActionBeginTransactionResult {
                transaction_id: id.map_err(|e| status(&e))?,
            };
            result.as_any().encode_to_vec()
        }
        "EndTransaction" => {
            let request: ActionEndTransactionRequest = decode_any(body)?;
            let commit = match request.action() {
                EndTransaction::Commit => true,
                EndTransaction::Rollback => false,
                EndTransaction::Unspecified => {
                    return Err(invalid("say whether to commit or to roll back"));
                }
            };
            let ended = transactions::end(session, &request.transaction_id, commit).await;
            ended.map_err(|e| status(&e))?;
            return Ok(None);
        }
        "CancelQuery" => {
            let request: ActionCancelQueryRequest = decode_any(body)?;
            let info: FlightInfo = decode(&request.info)?;
            let result = ActionCancelQueryResult {
                result: cancel(caller, &info)? as i32,
            };
            result.as_any().encode_to_vec()
        }
        "CancelFlightInfo" => {
            let request: CancelFlightInfoRequest = decode(body)?;
            let info = request
                .info
                .ok_or_else(|| invalid("the FlightInfo is missing"))?;
            CancelFlightInfoResult::new(cancel(caller, &info)?).encode_to_vec()
        }
        "SetSessionOptions" => options::set(session, &decode(body)?).await?.encode_to_vec(),
        "GetSessionOptions" => options::get(session, &decode(body)?).encode_to_vec(),
        "CloseSession" => {
            decode::<CloseSessionRequest>(body)?;
            let closed = match sessions.end(caller).await {
                true => CloseSessionStatus::Closed,
                false => CloseSessionStatus::NotCloseable,
            };
            let result = CloseSessionResult {
                status: closed as i32,
            };
            result.encode_to_vec()
        }
        "HealthCheck" => return Ok(None),
        "BeginSavepoint" | "EndSavepoint" => return Err(unsupported("a savepoint")),
        "CreatePreparedSubstraitPlan" => return Err(unsupported("Substrait")),
        "RenewFlightEndpoint" => {
            return Err(unsupported(
                "renewing an endpoint, as none expires by itself,",
            ));
        }
        other => {
            let name: String = other.chars().take(100).collect();
            return Err(unsupported(format!("the action {name:?}")));
        }
    };
    Ok(Some(answer.into()))
}

fn unsupported(what: impl std::fmt::Display) -> Status {
    status(&Error::not_supported(what))
}

/// Ends what runs for the tickets of a FlightInfo; they can't be redeemed any more.
fn cancel(caller: &Caller, info: &FlightInfo) -> Result<CancelStatus, Status> {
    let tickets = &caller.session.shelves.tickets;
    let mut result = CancelStatus::Unspecified;
    for endpoint in &info.endpoint {
        let Some(ticket) = &endpoint.ticket else {
            continue;
        };
        let ticket: TicketStatementQuery = decode_any(&ticket.ticket)?;
        let Some(ticket) = tickets.remove(&ticket.statement_handle) else {
            return Err(status(&tickets.unknown()));
        };
        ticket.cancel.cancel();
        result = match ticket.is_query() {
            true => CancelStatus::Cancelled,
            // It was done before the client could ask.
            false => CancelStatus::NotCancellable,
        };
    }
    match result {
        CancelStatus::Unspecified => Err(invalid("the FlightInfo has no ticket")),
        result => Ok(result),
    }
}
