//! From a startup packet to a session: limits, SCRAM, the database, the settings.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use gateway::{Door, Session};
use model::{Error, ErrorKind, Result};
use pgwire::messages::startup::{
    Authentication, BackendKeyData, NegotiateProtocolVersion, ParameterStatus, SecretKey,
};

use crate::error::{Fatal, Step, Stop};
use crate::link::{Incoming, Reader, Writer};
use crate::message::{Frontend, sasl_initial};
use crate::server::Shared;
use crate::startup::{Secure, Startup};

/// Negotiates the protocol and checks the password.
pub(crate) async fn authenticate(
    reader: &mut Reader,
    writer: &mut Writer,
    shared: &Shared,
    peer: SocketAddr,
    secure: Option<&Secure>,
    startup: &Startup,
) -> Step {
    if startup.downgraded || !startup.unknown_options.is_empty() {
        let version = 3 << 16 | i32::from(startup.minor);
        let options = startup.unknown_options.clone();
        writer.put(&NegotiateProtocolVersion::new(version, options))?;
    }
    if shared.config.require_tls && secure.is_none() {
        return Err(Fatal::new("28000", "the server takes encrypted connections only").into());
    }
    let peer = auth::Peer {
        door: Door::Pg.as_str(),
        address: peer.ip().to_canonical(),
    };
    let end_point = secure.and_then(|s| s.end_point.as_deref());
    let login = shared
        .authenticator
        .scram(peer, &startup.user, end_point)
        .map_err(Fatal::from)?;
    let mechanisms = login.mechanisms().iter().map(|m| (*m).to_owned());
    writer.put(&Authentication::SASL(mechanisms.collect()))?;
    writer.flush().await?;

    let (mechanism, first) = sasl_initial(password(reader).await?).map_err(Fatal::from)?;
    let (answer, login) = login
        .client_first(&mechanism, &first)
        .map_err(Fatal::from)?;
    writer.put(&Authentication::SASLContinue(answer.into()))?;
    writer.flush().await?;

    let last = password(reader).await?;
    let answer = login.client_final(&last).map_err(Fatal::from)?;
    writer.put(&Authentication::SASLFinal(answer.into()))?;
    writer.put(&Authentication::Ok)
}

/// The next message, which must be one of the password family.
async fn password(reader: &mut Reader) -> Step<Bytes> {
    match reader.next().await? {
        Incoming::Message(Frontend::Password(body)) => Ok(body),
        Incoming::Message(_) | Incoming::Bad(..) => {
            Err(Fatal::protocol("expected SASL response").into())
        }
        Incoming::End => Err(Stop::Gone(std::io::ErrorKind::UnexpectedEof.into())),
    }
}

/// Opens the session of an authenticated client and applies what its startup packet asks for.
///
/// psql and libpq name the user's own name as the database where none is given; if no such
/// catalog is there, that means the default one.
pub(crate) async fn open_session(
    shared: &Shared,
    peer: SocketAddr,
    startup: &Startup,
) -> Result<Arc<Session>> {
    let open = |database| {
        shared
            .engine
            .open_session(&startup.user, Door::Pg, peer, database)
    };
    let session = match open(startup.database.as_deref()).await {
        Err(error)
            if error.kind() == ErrorKind::UndefinedCatalog
                && startup.database.as_deref() == Some(startup.user.as_str()) =>
        {
            open(None).await?
        }
        opened => opened?,
    };
    for (name, value) in &startup.settings {
        if let Err(error) = session.set_startup(name, value) {
            session.close().await;
            return Err(error);
        }
    }
    Ok(session)
}

/// What a client is told once it is logged in, before it may ask.
pub(crate) fn welcome(writer: &mut Writer, session: &Session, pid: i32, key: &Bytes) -> Step {
    for (name, value) in session.reportable_settings() {
        writer.put(&ParameterStatus::new(name, value))?;
    }
    let key = match <[u8; 4]>::try_from(key.as_ref()) {
        Ok(short) => SecretKey::I32(i32::from_be_bytes(short)),
        Err(_) => SecretKey::Bytes(key.clone()),
    };
    writer.put(&BackendKeyData::new(pid, key))
}

/// The error for a client that took too long.
pub(crate) fn timed_out() -> Fatal {
    Fatal::new("57014", "canceling authentication due to timeout")
}

/// The error for one connection too many.
pub(crate) fn too_many() -> Fatal {
    let error = Error::new(
        ErrorKind::TooManyConnections,
        "sorry, too many clients already",
    );
    Fatal::from(error)
}
