//! The body of DoGet's response, written without copying.
//!
//! tonic's codec copies every message into a buffer that it grows as it goes. Here the encoded batch
//! itself goes to HTTP/2, behind the few bytes of gRPC's and protobuf's framing.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use arrow_flight::FlightData;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures::{Stream, StreamExt};
use http_body::{Body, Frame};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use tonic::Status;
use tonic::codec::{DecodeBuf, Decoder, Streaming};
use tonic::codegen::http::{HeaderMap, HeaderValue, Response, header};

use crate::error::{internal, invalid};

/// The number of `data_body` in FlightData.
const DATA_BODY: u32 = 1000;

/// gRPC's frame header: one byte for compression, four for the length.
const FRAME_HEADER: usize = 5;

/// Reads the one message of a request.
pub(crate) async fn read<M: Message + Default + 'static>(
    body: tonic::body::Body,
    max_bytes: usize,
) -> Result<M, Status> {
    let decoder = MessageDecoder(PhantomData);
    let mut messages = Streaming::new_request(decoder, body, None, Some(max_bytes));
    let message = messages.message().await?;
    message.ok_or_else(|| invalid("the request has no message"))
}

/// The response of one message.
pub(crate) fn unary(message: &impl Message) -> Result<Response<tonic::body::Body>, Status> {
    let mut framing = BytesMut::with_capacity(FRAME_HEADER + message.encoded_len());
    framing.put_bytes(0, FRAME_HEADER);
    message
        .encode(&mut framing)
        .map_err(|e| internal("a message can't be framed", e))?;
    set_length(&mut framing, 0)?;
    let messages = futures::stream::iter([Ok((framing.freeze(), None))]);
    Ok(streamed(messages))
}

/// The response that sends these messages.
pub(crate) fn response(
    messages: impl Stream<Item = Result<FlightData, Status>> + Send + Unpin + 'static,
) -> Response<tonic::body::Body> {
    streamed(messages.map(|message| frame(message?)))
}

/// A response of gRPC with this body.
pub(crate) fn grpc(body: tonic::body::Body) -> Response<tonic::body::Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    response
}

fn streamed(
    messages: impl Stream<Item = Result<Framed, Status>> + Send + Unpin + 'static,
) -> Response<tonic::body::Body> {
    grpc(tonic::body::Body::new(Messages {
        messages,
        waiting: None,
        ended: false,
    }))
}

/// The framing of a message with all its small fields, and its data, which follows.
type Framed = (Bytes, Option<Bytes>);

struct MessageDecoder<M>(PhantomData<fn() -> M>);

impl<M: Message + Default> Decoder for MessageDecoder<M> {
    type Item = M;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<M>, Status> {
        let bytes = buf.copy_to_bytes(buf.remaining());
        crate::message::decode(&bytes).map(Some)
    }
}

struct Messages<S> {
    messages: S,
    /// The data of the message whose framing was sent last.
    waiting: Option<Bytes>,
    ended: bool,
}

impl<S> Body for Messages<S>
where
    S: Stream<Item = Result<Framed, Status>> + Unpin,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(data) = self.waiting.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        let status = match ready!(Pin::new(&mut self.messages).poll_next(cx)) {
            Some(Ok((framing, data))) => {
                self.waiting = data;
                return Poll::Ready(Some(Ok(Frame::data(framing))));
            }
            Some(Err(status)) => status,
            None => Status::ok(""),
        };
        self.ended = true;
        let mut trailers = HeaderMap::new();
        let added = status.add_header(&mut trailers);
        Poll::Ready(Some(added.map(|()| Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended && self.waiting.is_none()
    }
}

fn frame(mut message: FlightData) -> Result<Framed, Status> {
    let data = std::mem::take(&mut message.data_body);
    let mut framing = BytesMut::with_capacity(FRAME_HEADER + message.encoded_len() + 16);
    framing.put_bytes(0, FRAME_HEADER);
    message
        .encode(&mut framing)
        .map_err(|e| internal("a message can't be framed", e))?;
    if !data.is_empty() {
        encode_key(DATA_BODY, WireType::LengthDelimited, &mut framing);
        encode_varint(data.len() as u64, &mut framing);
    }
    set_length(&mut framing, data.len())?;
    Ok((framing.freeze(), (!data.is_empty()).then_some(data)))
}

/// Sets the length in the frame's header: of what is in `framing` and what follows.
fn set_length(framing: &mut BytesMut, following: usize) -> Result<(), Status> {
    let length = u32::try_from(framing.len() - FRAME_HEADER + following)
        .map_err(|e| internal("a message of more than 4 GiB", e))?;
    framing[1..FRAME_HEADER].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_framed_message_reads_back_as_itself() {
        for (header, body) in [(0, 0), (10, 0), (0, 10), (300, 70_000)] {
            let message = FlightData::new()
                .with_data_header(vec![1; header])
                .with_data_body(vec![2; body])
                .with_app_metadata(vec![3; 5]);
            let (framing, data) = frame(message.clone()).unwrap();
            let mut wire = framing.to_vec();
            wire.extend_from_slice(&data.unwrap_or_default());
            assert_eq!(wire[0], 0);
            let length = u32::from_be_bytes(wire[1..5].try_into().unwrap());
            assert_eq!(length as usize, wire.len() - FRAME_HEADER);
            assert_eq!(FlightData::decode(&wire[FRAME_HEADER..]).unwrap(), message);
        }
    }

    #[tokio::test]
    async fn the_status_comes_in_the_trailers() {
        let failure = Status::not_found("gone");
        let messages = [Ok(FlightData::new().with_data_body(vec![1])), Err(failure)];
        let mut body = response(futures::stream::iter(messages)).into_body();
        let mut frames = Vec::new();
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await
        {
            frames.push(frame.unwrap());
        }
        assert_eq!(frames.len(), 3);
        assert_eq!(frames[1].data_ref().unwrap(), &[1][..]);
        let trailers = frames[2].trailers_ref().unwrap();
        assert_eq!(trailers["grpc-status"], "5");
        assert_eq!(trailers["grpc-message"], "gone");
    }
}
