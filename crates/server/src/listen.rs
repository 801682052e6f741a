//! Sockets, bound before anything else is done, and the file that announces them.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use model::{Error, ErrorKind, Result};
use serde::Serialize;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections that the system accepts before they are looked at.
const BACKLOG: i32 = 1024;

/// The addresses that the doors are at; `None` for a door that is off.
#[derive(Debug, Serialize)]
pub(crate) struct Addresses {
    pub(crate) pg: Option<SocketAddr>,
    pub(crate) flight: Option<SocketAddr>,
    pub(crate) metrics: Option<SocketAddr>,
}

impl Addresses {
    /// Writes the file as a whole or not at all.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let write = || -> io::Result<()> {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(format!(".{}", std::process::id()));
            let draft = path.with_file_name(name);
            std::fs::write(&draft, serde_json::to_vec(self)?)?;
            std::fs::rename(&draft, path)
        };
        write().map_err(|e| io_error(format!("{} can't be written", path.display()), e))
    }
}

/// Binds the first of the addresses that can be bound. Must be called inside a tokio runtime.
pub(crate) fn bind(door: &str, addresses: &[SocketAddr]) -> Result<(TcpListener, SocketAddr)> {
    let mut failed = None;
    for address in addresses {
        match listener(*address) {
            Ok(listener) => {
                let bound = listener.local_addr().map_err(Error::internal)?;
                return Ok((listener, bound));
            }
            Err(error) => failed = failed.or(Some((address, error))),
        }
    }
    let (address, error) =
        failed.ok_or_else(|| Error::internal(format!("door {door} has no address")))?;
    Err(io_error(
        format!("door {door} can't listen on {address}"),
        error,
    ))
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        // The unspecified address then takes IPv4 too.
        socket.set_only_v6(false)?;
    }
    // So that a server can follow another at once.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn io_error(message: String, error: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("{message}: {error}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[tokio::test]
    async fn all_interfaces_take_both_families() {
        let all = ["[::]:0".parse().unwrap(), "0.0.0.0:0".parse().unwrap()];
        let (listener, address) = bind("pg", &all).unwrap();
        let local = SocketAddr::from(([127, 0, 0, 1], address.port()));
        let (client, accepted) =
            tokio::join!(tokio::net::TcpStream::connect(local), listener.accept());
        assert!(client.is_ok() && accepted.is_ok());
        let taken = bind("flight", &[address]).unwrap_err();
        assert!(
            taken.message().starts_with("door flight can't listen on"),
            "{taken}"
        );
    }

    #[test]
    fn addresses_are_written_by_rename() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("addresses.json");
        let addresses = Addresses {
            pg: Some("127.0.0.1:5433".parse().unwrap()),
            flight: None,
            metrics: Some("[::1]:9090".parse().unwrap()),
        };
        addresses.write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            r#"{"pg":"127.0.0.1:5433","flight":null,"metrics":"[::1]:9090"}"#
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(addresses.write(&folder.path().join("no/such")).is_err());
    }
}
