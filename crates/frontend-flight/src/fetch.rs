//! The stream that answers DoGet.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow_array::RecordBatch;
use arrow_flight::FlightData;
use futures::stream::BoxStream;
use futures::{FutureExt, Stream};
use model::Result;
use tokio::time::Interval;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;

use crate::encode::Encoder;
use crate::error::status;
use crate::sessions::{Caller, Sessions};
use crate::statement::cancelled;

/// Messages of a result, until it is cancelled or its session ends. Dropping it, as when the client
/// is gone, ends the statement.
pub(crate) struct Fetching {
    /// `None` once it has ended.
    encoder: Option<Encoder<BoxStream<'static, Result<RecordBatch>>>>,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    /// A result that is being read keeps its session alive.
    touch: Interval,
    sessions: Arc<Sessions>,
    caller: Caller,
}

impl Fetching {
    pub(crate) fn new(
        encoder: Encoder<BoxStream<'static, Result<RecordBatch>>>,
        cancel: CancellationToken,
        sessions: Arc<Sessions>,
        caller: Caller,
    ) -> Self {
        Self {
            encoder: Some(encoder),
            cancelled: Box::pin(cancel.cancelled_owned()),
            touch: tokio::time::interval(sessions.touch_every()),
            sessions,
            caller,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<FlightData, Status>>> {
        let Some(encoder) = &mut self.encoder else {
            return Poll::Ready(None);
        };
        if self.cancelled.poll_unpin(cx).is_ready() {
            return Poll::Ready(Some(Err(status(&cancelled()))));
        }
        while self.touch.poll_tick(cx).is_ready() {
            if let Err(error) = self.sessions.touch(&self.caller) {
                return Poll::Ready(Some(Err(status(&error))));
            }
        }
        let message = Pin::new(encoder).poll_next(cx);
        message.map(|m| m.map(|m| m.map_err(|e| status(&e))))
    }
}

impl Stream for Fetching {
    type Item = Result<FlightData, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let message = self.poll(cx);
        if matches!(message, Poll::Ready(None | Some(Err(_)))) {
            self.encoder = None;
        }
        message
    }
}
