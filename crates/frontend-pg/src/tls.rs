//! TLS for the door, replaceable while it works.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The protocol that clients name when they begin with TLS at once.
const ALPN: &[u8] = b"postgresql";

/// A certificate and how to serve it. Cheap to clone; [`Tls::replace`] reaches all clones.
#[derive(Clone)]
pub struct Tls(Arc<ArcSwap<Material>>);

struct Material {
    acceptor: TlsAcceptor,
    end_point: Option<Vec<u8>>,
}

impl Tls {
    /// TLS with that configuration. `certificate` is the server's own certificate in DER, for
    /// SCRAM's channel binding; `None`, as where several could be served, does without.
    pub fn new(config: Arc<rustls::ServerConfig>, certificate: Option<&[u8]>) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(Material::new(
            config,
            certificate,
        ))))
    }

    /// Serves another certificate from the next connection on.
    pub fn replace(&self, config: Arc<rustls::ServerConfig>, certificate: Option<&[u8]>) {
        self.0.store(Arc::new(Material::new(config, certificate)));
    }

    /// The server's side of a handshake. Returns what SCRAM binds to, too.
    pub(crate) async fn accept(
        &self,
        socket: TcpStream,
    ) -> std::io::Result<(TlsStream<TcpStream>, Option<Vec<u8>>)> {
        let material = self.0.load_full();
        let stream = material.acceptor.accept(socket).await?;
        Ok((stream, material.end_point.clone()))
    }
}

impl Material {
    fn new(config: Arc<rustls::ServerConfig>, certificate: Option<&[u8]>) -> Self {
        let mut config = Arc::unwrap_or_clone(config);
        config.alpn_protocols = vec![ALPN.to_vec()];
        Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            end_point: certificate.and_then(auth::tls_server_end_point),
        }
    }
}

/// Whether the client named PostgreSQL's protocol in its handshake.
pub(crate) fn names_postgresql(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(ALPN)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}
