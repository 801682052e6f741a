//! Certificates from files.

use std::path::Path;
use std::sync::Arc;

use model::{Error, ErrorKind, Result};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::TlsFiles;

/// A server's TLS, and its own certificate.
pub(crate) struct ServerTls {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) certificate: CertificateDer<'static>,
}

/// Reads certificate and key.
pub(crate) fn server(files: &TlsFiles) -> Result<ServerTls> {
    let chain = certificates(&files.certificate)?;
    let own = chain.first().cloned();
    let certificate =
        own.ok_or_else(|| bad(&files.certificate, "there is no certificate in it"))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|e| bad(&files.key, "no private key can be read from it").with_cause(e))?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| {
            bad(
                &files.key,
                &format!("it does not go with the certificate: {e}"),
            )
        })?;
    Ok(ServerTls {
        config: Arc::new(config),
        certificate,
    })
}

/// A client that trusts one authority.
pub(crate) fn client(authority: &Path) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authority)? {
        roots
            .add(certificate)
            .map_err(|e| bad(authority, &e.to_string()))?;
    }
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|e| bad(path, &format!("no certificate can be read from it: {e}")))
}

fn bad(path: &Path, why: &str) -> Error {
    Error::new(ErrorKind::Config, format!("{}: {why}", path.display()))
}
