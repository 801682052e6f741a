//! Credentials in headers and in Handshake, in every form that clients use.

use std::net::SocketAddr;

use ::auth::{Authorization, Token};
use arrow_flight::{BasicAuth, HandshakeRequest, HandshakeResponse};
use futures::{Stream, StreamExt};
use model::{Error, ErrorKind};
use prost::Message;
use tonic::metadata::MetadataMap;
use tonic::{Response, Status};

use crate::error::{internal, invalid, status};
use crate::sessions::Sessions;

/// Where clients of the old payload handshake send the token they were given.
const TOKEN_KEY: &str = "auth-token-bin";

/// The credentials in a call's headers, if there are any.
///
/// # Errors
/// UNAUTHENTICATED: they are malformed.
pub(crate) fn authorization(headers: &MetadataMap) -> Result<Option<Authorization>, Status> {
    if let Some(value) = headers.get("authorization") {
        let text = value.to_str().map_err(|_| malformed())?;
        return Authorization::parse(text).map(Some).map_err(|e| status(&e));
    }
    let Some(value) = headers.get_bin(TOKEN_KEY) else {
        return Ok(None);
    };
    let bytes = value.to_bytes().map_err(|_| malformed())?;
    let text = std::str::from_utf8(&bytes).map_err(|_| malformed())?;
    Ok(Some(Authorization::Bearer(Token::presented(text))))
}

/// The status for a call without credentials.
pub(crate) fn missing() -> Status {
    status(&Error::new(
        ErrorKind::InvalidAuthorization,
        "credentials are missing: send Basic or Bearer in the header authorization",
    ))
}

fn malformed() -> Status {
    status(&Error::new(
        ErrorKind::InvalidAuthorization,
        "malformed credentials",
    ))
}

/// Answers Handshake: Basic in the header makes a session; a Bearer token is confirmed; without a
/// header the first message holds a BasicAuth. The token is in the response's header, and for the
/// last form in its payload too. Messages that come along with a header are not waited for: some
/// clients send none, some one, some keep the stream open until the answer.
pub(crate) async fn handshake(
    sessions: &Sessions,
    peer: SocketAddr,
    headers: &MetadataMap,
    mut messages: impl Stream<Item = Result<HandshakeRequest, Status>> + Unpin,
) -> Result<Response<HandshakeResponse>, Status> {
    let (token, in_payload) = match authorization(headers)? {
        Some(Authorization::Basic(basic)) => {
            let token = sessions.log_in(peer, &basic.user, &basic.password).await;
            (token.map_err(|e| status(&e))?, false)
        }
        Some(bearer) => {
            let caller = sessions
                .caller(peer, bearer)
                .await
                .map_err(|e| status(&e))?;
            (caller.token.ok_or_else(missing)?, false)
        }
        None => {
            let first = tokio::time::timeout(sessions.config.handshake_timeout, messages.next());
            let first = first
                .await
                .map_err(|_| Status::deadline_exceeded("no handshake message came in time"))?
                .ok_or_else(missing)??;
            let basic = basic_auth(&first)?;
            let token = sessions
                .log_in(peer, &basic.username, &basic.password)
                .await;
            (token.map_err(|e| status(&e))?, true)
        }
    };
    let mut response = Response::new(HandshakeResponse {
        protocol_version: 0,
        payload: match in_payload {
            true => token.expose().to_owned().into(),
            false => Default::default(),
        },
    });
    let bearer = format!("Bearer {}", token.expose()).parse();
    let mut bearer: tonic::metadata::AsciiMetadataValue =
        bearer.map_err(|e| internal("a token is no header value", e))?;
    bearer.set_sensitive(true);
    response.metadata_mut().insert("authorization", bearer);
    Ok(response)
}

fn basic_auth(message: &HandshakeRequest) -> Result<BasicAuth, Status> {
    if message.payload.is_empty() {
        return Err(missing());
    }
    BasicAuth::decode(&*message.payload)
        .map_err(|_| invalid("the handshake's payload is not a BasicAuth message"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use tonic::Code;
    use tonic::metadata::MetadataValue;

    use super::*;

    fn with(name: &'static str, value: &str) -> MetadataMap {
        let mut headers = MetadataMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn credentials_are_found_in_both_headers() {
        for value in [
            "Basic amZrOnB3",
            "basic amZrOnB3",
            "Basic YTpi",
            "Basic YTpiYw==",
        ] {
            let found = authorization(&with("authorization", value))
                .unwrap()
                .unwrap();
            assert!(matches!(found, Authorization::Basic(_)), "{value}");
        }
        let bearer = Authorization::Bearer(Token::presented("secret"));
        let found = authorization(&with("authorization", "Bearer secret")).unwrap();
        assert_eq!(found.as_ref(), Some(&bearer));
        let mut old = MetadataMap::new();
        old.insert_bin(TOKEN_KEY, MetadataValue::from_bytes(b"secret"));
        assert_eq!(authorization(&old).unwrap(), Some(bearer));
        assert_eq!(authorization(&MetadataMap::new()).unwrap(), None);
    }

    #[test]
    fn malformed_credentials_are_unauthenticated_and_not_echoed() {
        let mut binary = MetadataMap::new();
        binary.insert_bin(TOKEN_KEY, MetadataValue::from_bytes(&[0xff, 0xfe]));
        for headers in [
            with("authorization", "Digest secret"),
            with("authorization", "Basic %%%secret"),
            with("authorization", "secret"),
            binary,
        ] {
            let error = authorization(&headers).unwrap_err();
            assert_eq!(error.code(), Code::Unauthenticated);
            assert!(!error.message().contains("secret"));
        }
    }
}
