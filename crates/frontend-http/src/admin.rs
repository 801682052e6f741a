//! Requests that only admins may make.

use auth::{Authorization, Peer};
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use model::{Error, ErrorKind};

use crate::Services;
use crate::connection::PeerAddress;
use crate::error::HttpError;

/// The admin who makes this request. Taking it as an argument is what guards a handler.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) name: String,
}

impl FromRequestParts<Services> for Admin {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, services: &Services) -> Result<Self, HttpError> {
        let mut values = parts.headers.get_all(AUTHORIZATION).iter();
        let (value, None) = (values.next(), values.next()) else {
            return Err(unauthenticated());
        };
        let value = value.and_then(|v| v.to_str().ok());
        let Authorization::Basic(login) = Authorization::parse(value.ok_or_else(unauthenticated)?)?
        else {
            return Err(unauthenticated());
        };
        let Some(PeerAddress(address)) = parts.extensions.get().copied() else {
            return Err(Error::internal("a request without a peer").into());
        };
        let peer = Peer {
            door: "http",
            address: address.ip(),
        };
        services
            .authenticator
            .basic(peer, &login.user, &login.password)
            .await?;
        match services.engine.principal(&login.user) {
            Some(principal) if principal.admin => Ok(Self { name: login.user }),
            _ => Err(Error::new(ErrorKind::PermissionDenied, "only admins may do this").into()),
        }
    }
}

fn unauthenticated() -> HttpError {
    HttpError(Error::new(
        ErrorKind::InvalidAuthorization,
        "log in with name and password",
    ))
}
