//! Telling a client that its statement waits: in the response's headers, which then go out before
//! there is an answer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use gateway::{WaitSender, WaitsFor};
use http_body::Frame;
use tokio::sync::mpsc::unbounded_channel;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, HeaderValue, Response};

use crate::body::grpc;

/// The header. It says in words what the statement waits for.
const HEADER: &str = "eider-waits-for";

/// The answer to a call. If a statement in it waits for long, this is a response without its
/// messages, which follow in the body.
pub(crate) async fn told(
    answer: impl Future<Output = Response<Body>> + Send + 'static,
) -> Response<Body> {
    let (ear, mut waits) = unbounded_channel();
    let mut answer = WaitSender::new(ear).hear(answer).boxed();
    let waits_for = tokio::select! {
        biased;
        response = &mut answer => return response,
        Some(waits_for) = waits.recv() => waits_for,
    };
    let mut response = grpc(Body::new(Later::Answer(answer)));
    response.headers_mut().insert(HEADER, value(&waits_for));
    response
}

/// Names of limits may hold anything; a header holds ASCII.
fn value(waits_for: &WaitsFor) -> HeaderValue {
    let ascii = |c: char| if matches!(c, ' '..='~') { c } else { '?' };
    let text: String = waits_for.to_string().chars().map(ascii).collect();
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(waits_for.as_str()))
}

/// The body of a response whose headers have gone out before it was there.
enum Later {
    Answer(BoxFuture<'static, Response<Body>>),
    Body(Body),
    Ended,
}

impl http_body::Body for Later {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            match &mut *self {
                Self::Answer(answer) => {
                    let (head, body) = ready!(answer.poll_unpin(cx)).into_parts();
                    // An error before the first message has its status in the headers.
                    if head.headers.contains_key(Status::GRPC_STATUS) {
                        *self = Self::Ended;
                        return Poll::Ready(Some(Ok(Frame::trailers(trailers(head.headers)))));
                    }
                    *self = Self::Body(body);
                }
                Self::Body(body) => return http_body::Body::poll_frame(Pin::new(body), cx),
                Self::Ended => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Answer(_) => false,
            Self::Body(body) => http_body::Body::is_end_stream(body),
            Self::Ended => true,
        }
    }
}

/// The status among the headers, which is all that may follow a body.
fn trailers(mut headers: HeaderMap) -> HeaderMap {
    headers.remove(tonic::codegen::http::header::CONTENT_TYPE);
    headers
}
