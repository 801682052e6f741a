//! gRPC's health service, for load balancers and orchestrators. It needs no login and tells nothing
//! but whether the server takes work.

use model::{Error, ErrorKind};
use prost::Message;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::Response;

use crate::body;
use crate::error::status;

/// The path of its one method here.
pub(crate) const CHECK: &str = "/grpc.health.v1.Health/Check";

/// The services there are; the empty name means the server.
const SERVICES: [&str; 2] = ["", "arrow.flight.protocol.FlightService"];

const MAX_BYTES: usize = 1024;

#[derive(Clone, PartialEq, Message)]
struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, Message)]
struct HealthCheckResponse {
    #[prost(enumeration = "ServingStatus", tag = "1")]
    status: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
enum ServingStatus {
    Unknown = 0,
    Serving = 1,
    NotServing = 2,
}

/// Answers Check.
pub(crate) async fn check(accepting: bool, request: Body) -> Response<Body> {
    answer(accepting, request)
        .await
        .unwrap_or_else(Status::into_http)
}

async fn answer(accepting: bool, request: Body) -> Result<Response<Body>, Status> {
    let request: HealthCheckRequest = body::read(request, MAX_BYTES).await?;
    if !SERVICES.contains(&request.service.as_str()) {
        let unknown = Error::new(ErrorKind::UndefinedObject, "there is no such service");
        return Err(status(&unknown));
    }
    let serving = match accepting {
        true => ServingStatus::Serving,
        false => ServingStatus::NotServing,
    };
    body::unary(&HealthCheckResponse {
        status: serving as i32,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    async fn ask(accepting: bool, service: &str) -> Result<i32, String> {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let request = body::unary(&request).unwrap().into_body();
        let response = check(accepting, request).await;
        if let Some(code) = response.headers().get("grpc-status") {
            return Err(code.to_str().unwrap().to_owned());
        }
        let answer: HealthCheckResponse = body::read(response.into_body(), 100).await.unwrap();
        Ok(answer.status)
    }

    #[tokio::test]
    async fn the_server_serves_until_it_stops() {
        assert_eq!(ask(true, "").await, Ok(1));
        assert_eq!(ask(true, SERVICES[1]).await, Ok(1));
        assert_eq!(ask(false, "").await, Ok(2));
        assert_eq!(ask(true, "other").await, Err("5".into()));
    }
}
