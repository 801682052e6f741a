//! Encrypted connections and the binding of logins to them.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use frontend_pg::{Config, Tls};
use postgres_protocol::authentication::sasl::ChannelBinding;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::{Raw, Server, check, serve};

const SSL_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";

struct Secured {
    server: Server,
    certificate: CertificateDer<'static>,
    roots: Arc<RootCertStore>,
    _folder: TempDir,
}

async fn secured(config: Config) -> Secured {
    let folder = tempfile::tempdir().unwrap();
    let make = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../certs/make");
    let made = Command::new(make).arg(folder.path()).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let read = |name: &str| CertificateDer::from_pem_file(folder.path().join(name)).unwrap();
    let certificate = read("server.pem");
    let key = PrivateKeyDer::from_pem_file(folder.path().join("server.key")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(read("ca.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let tls = Tls::new(Arc::new(tls), Some(&certificate));
    Secured {
        server: serve(config, Some(tls)).await,
        certificate,
        roots: Arc::new(roots),
        _folder: folder,
    }
}

impl Secured {
    /// A connection with TLS, begun by a request or, `direct`, at once.
    async fn connect(&self, direct: bool, alpn: Option<&str>) -> std::io::Result<Raw> {
        let mut socket = TcpStream::connect(self.server.address).await?;
        if !direct {
            socket.write_all(SSL_REQUEST).await?;
            assert_eq!(socket.read_u8().await?, b'S');
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        config.alpn_protocols = alpn.map(|a| a.as_bytes().to_vec()).into_iter().collect();
        let connector = TlsConnector::from(Arc::new(config));
        let name = ServerName::try_from("localhost").unwrap();
        Ok(Raw::over(connector.connect(name, socket).await?))
    }
}

const QUERY: (&str, &str) = ("Q select 1 as a", "T(a:23:0) D(1) C(SELECT_1) Z(I)");

#[tokio::test]
async fn logins_over_tls() {
    let config = Config {
        require_tls: true,
        ..Config::default()
    };
    let secured = secured(config).await;
    for (direct, alpn) in [
        (false, None),
        (false, Some("postgresql")),
        (true, Some("postgresql")),
    ] {
        let mut raw = secured.connect(direct, alpn).await.unwrap();
        raw.startup(0, "admin", &[]).await;
        let hash = auth::tls_server_end_point(&secured.certificate).unwrap();
        let binding = ChannelBinding::tls_server_end_point(hash);
        raw.authenticate("admin", binding).await.unwrap();
        raw.welcome().await;
        check(&mut raw, QUERY.0, QUERY.1).await;
    }
    secured.server.stop().await;
}

#[tokio::test]
async fn a_login_bound_to_another_certificate_fails() {
    let secured = secured(Config::default()).await;
    let mut raw = secured.connect(false, None).await.unwrap();
    raw.startup(0, "admin", &[]).await;
    let binding = ChannelBinding::tls_server_end_point(vec![0; 32]);
    let error = raw.authenticate("admin", binding).await.unwrap_err();
    assert_eq!(error.field(b'C').unwrap(), "28000");
    secured.server.stop().await;
}

#[tokio::test]
async fn tls_at_once_names_its_protocol() {
    let secured = secured(Config::default()).await;
    let mut raw = secured.connect(true, None).await.unwrap();
    raw.startup(0, "admin", &[]).await;
    assert_eq!(raw.next().await, None);
    assert!(secured.connect(true, Some("h2")).await.is_err());
    // Without TLS it is still PostgreSQL.
    let mut raw = secured.server.raw("admin").await;
    check(&mut raw, QUERY.0, QUERY.1).await;
    secured.server.stop().await;
}

/// What was sent in the clear before the handshake must not count as sent within it.
#[tokio::test]
async fn nothing_is_smuggled_in_before_the_handshake() {
    let secured = secured(Config::default()).await;
    let mut socket = TcpStream::connect(secured.server.address).await.unwrap();
    let smuggled = [SSL_REQUEST, b"\0\0\0\x13\0\x03\0\0user\0admin\0\0"].concat();
    socket.write_all(&smuggled).await.unwrap();
    assert_eq!(socket.read_u8().await.unwrap(), b'S');
    let mut rest = Vec::new();
    // The handshake fails: an alert, or nothing, and the end; no request to authenticate.
    let _ended = socket.read_to_end(&mut rest).await;
    assert!(!rest.starts_with(b"R"), "{rest:?}");
    secured.server.stop().await;
}
