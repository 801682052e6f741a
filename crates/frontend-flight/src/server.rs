//! Serving.

use std::sync::Arc;
use std::time::Duration;

use ::auth::Authenticator;
use gateway::Engine;
use model::{Error, Result};
use runtime::Tasks;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tonic::transport::Server;

use crate::config::Config;
use crate::connection::accept;
use crate::gate::Gate;
use crate::sessions::Sessions;

/// How often expired sessions are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// What a client may send ahead on one stream, and on all streams of a connection together.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

/// Largest frame that is taken. How large those are that are sent is for the client to say.
const FRAME_BYTES: u32 = 1 << 20;

/// All headers of a request. JDBC turns unknown properties of its URL into headers.
const HEADER_BYTES: u32 = 64 << 10;

/// Calls at once on one connection.
const STREAMS: u32 = 256;

/// When to ask a silent client whether it is there, and how long to wait for its answer.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
const KEEP_ALIVE_ANSWER: Duration = Duration::from_secs(20);

/// The Flight SQL door. Cheap to clone.
#[derive(Clone)]
pub struct Door {
    sessions: Arc<Sessions>,
    tasks: Tasks,
}

impl Door {
    /// A door that is not open yet. What it does runs as members of `tasks`.
    ///
    /// # Errors
    /// A bad configuration.
    pub fn new(
        config: Config,
        engine: Arc<Engine>,
        authenticator: Authenticator,
        tasks: Tasks,
    ) -> Result<Self> {
        let config = config.validate()?;
        let sessions = Sessions::new(config, engine, authenticator, tasks.clone());
        Ok(Self {
            sessions: Arc::new(sessions),
            tasks,
        })
    }

    /// Serves the listener's connections, with TLS if given, until the door's tasks are asked to
    /// shut down; then waits for the calls under way. ALPN is set here.
    ///
    /// # Errors
    /// The server failed.
    pub async fn serve(
        &self,
        listener: TcpListener,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Result<()> {
        let config = &self.sessions.config;
        let tls = tls.map(|tls| {
            let mut tls = (*tls).clone();
            tls.alpn_protocols = vec![b"h2".to_vec()];
            TlsAcceptor::from(Arc::new(tls))
        });
        let stop = self.tasks.shutdown_token();
        let incoming = accept(
            listener,
            tls,
            config.max_connections,
            config.handshake_timeout,
            &self.tasks,
        );
        let sweeper = self.tasks.spawn(
            "sweep",
            sweep(Arc::clone(&self.sessions), self.tasks.clone()),
        );
        let served = Server::builder()
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME_BYTES)
            .max_concurrent_streams(STREAMS)
            .http2_max_header_list_size(HEADER_BYTES)
            .http2_keepalive_interval(Some(KEEP_ALIVE))
            .http2_keepalive_timeout(Some(KEEP_ALIVE_ANSWER))
            .serve_with_incoming_shutdown(
                Gate::new(Arc::clone(&self.sessions)),
                incoming,
                stop.cancelled_owned(),
            )
            .await;
        sweeper.abort();
        self.sessions.end_all().await;
        served.map_err(Error::internal)
    }

    /// Ends all sessions of a principal, as when it is removed or its password has changed.
    pub async fn end_sessions_of(&self, principal: &str) {
        self.sessions.end_all_of(principal).await;
    }
}

async fn sweep(sessions: Arc<Sessions>, tasks: Tasks) {
    let stop = tasks.shutdown_token();
    loop {
        tokio::select! {
            () = tokio::time::sleep(SWEEP_EVERY) => sessions.sweep().await,
            () = stop.cancelled() => return,
        }
    }
}
