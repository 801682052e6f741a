//! The readers of what clients send, for the fuzz targets.

use arrow_flight::sql::{
    ActionBeginTransactionRequest, ActionCancelQueryRequest, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionEndTransactionRequest, TicketStatementQuery,
};
use arrow_flight::{CancelFlightInfoRequest, FlightInfo};

use crate::message::{
    CloseSessionRequest, GetSessionOptionsRequest, SetSessionOptionsRequest, decode, decode_any,
};
use crate::service::command_of;

/// Reads bytes as whatever a client can send: a command, a ticket, the body of each action.
pub fn message(data: &[u8]) {
    let _read_or_refused = [
        command_of(data).is_ok(),
        decode_any::<TicketStatementQuery>(data).is_ok(),
        decode_any::<ActionCreatePreparedStatementRequest>(data).is_ok(),
        decode_any::<ActionClosePreparedStatementRequest>(data).is_ok(),
        decode_any::<ActionBeginTransactionRequest>(data).is_ok(),
        decode_any::<ActionEndTransactionRequest>(data).is_ok(),
        decode_any::<ActionCancelQueryRequest>(data)
            .is_ok_and(|r| decode::<FlightInfo>(&r.info).is_ok()),
        decode::<CancelFlightInfoRequest>(data).is_ok(),
        decode::<SetSessionOptionsRequest>(data).is_ok(),
        decode::<GetSessionOptionsRequest>(data).is_ok(),
        decode::<CloseSessionRequest>(data).is_ok(),
    ];
}
