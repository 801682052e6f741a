//! Accepting connections and seeing them to their end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use auth::Authenticator;
use gateway::Engine;
use runtime::Tasks;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::cancel::Registry;
use crate::connection::Connection;
use crate::error::{Fatal, Step, Stop};
use crate::link::{Limits, Reader, Writer, split};
use crate::login::{authenticate, open_session, timed_out, too_many, welcome};
use crate::startup::{Hello, Startup, Wish, greet, refuse};
use crate::{Config, Tls, metric};

/// Connections beside the allowed ones that may be on their way: logging in, cancelling, or being
/// told that there are too many.
const ARRIVING: usize = 256;

/// How long to wait after the system could not accept, as when file descriptors are used up.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) engine: Arc<Engine>,
    pub(crate) authenticator: Authenticator,
    pub(crate) registry: Registry,
    pub(crate) stop: CancellationToken,
    tls: Option<Tls>,
    /// Places for sessions.
    sessions: Arc<Semaphore>,
    /// Places for connections of all kinds.
    sockets: Arc<Semaphore>,
}

/// Serves PostgreSQL clients until `tasks` shuts down. Each connection is a task of that group: at
/// shutdown it ends what it runs, tells its client (57P01) and closes.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    engine: Arc<Engine>,
    authenticator: Authenticator,
    tls: Option<Tls>,
    tasks: Tasks,
) {
    let shared = Arc::new(Shared {
        sessions: Arc::new(Semaphore::new(config.max_connections)),
        sockets: Arc::new(Semaphore::new(config.max_connections + ARRIVING)),
        registry: Registry::default(),
        stop: tasks.shutdown_token(),
        config,
        engine,
        authenticator,
        tls,
    });
    loop {
        let accepted = tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, peer)) => accept(&shared, &tasks, socket, peer),
            Err(error) => {
                tracing::warn!(%error, "connection not accepted");
                metric::ended("accept");
                tokio::select! {
                    () = shared.stop.cancelled() => return,
                    () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                }
            }
        }
    }
}

fn accept(shared: &Arc<Shared>, tasks: &Tasks, socket: TcpStream, peer: SocketAddr) {
    let Ok(place) = Arc::clone(&shared.sockets).try_acquire_owned() else {
        metric::ended("flood");
        return;
    };
    let shared = Arc::clone(shared);
    tasks.spawn("pg connection", async move {
        let _open = metric::Open::new();
        if let Err(stop) = Box::pin(shared.attend(socket, peer)).await {
            record(&stop, peer);
        }
        drop(place);
    });
}

/// Counts and logs why a connection did not end by its client's wish.
fn record(stop: &Stop, peer: SocketAddr) {
    match stop {
        Stop::Gone(error) => {
            metric::ended("gone");
            tracing::debug!(%peer, %error, "client gone");
        }
        Stop::Fatal(fatal) => {
            metric::ended(fatal.code);
            metric::error(fatal.code);
            tracing::debug!(%peer, fatal.code, "connection ended");
        }
        Stop::Failed(error) => {
            metric::ended("internal");
            tracing::error!(%peer, ?error, "connection failed");
        }
    }
}

impl Shared {
    async fn attend(&self, socket: TcpStream, peer: SocketAddr) -> Step {
        socket.set_nodelay(true)?;
        let keepalive = TcpKeepalive::new().with_time(self.config.keepalive);
        SockRef::from(&socket).set_tcp_keepalive(&keepalive)?;

        let deadline = tokio::time::Instant::now() + self.config.login_timeout;
        let greeting = greet(socket, self.tls.as_ref());
        let hello = tokio::select! {
            () = self.stop.cancelled() => return Ok(()),
            hello = tokio::time::timeout_at(deadline, greeting) => hello,
        };
        let Ok(hello) = hello else {
            metric::ended("login_timeout");
            return Ok(());
        };
        let Some(Hello {
            socket,
            secure,
            wish,
        }) = hello?
        else {
            metric::ended("greeting");
            return Ok(());
        };
        let startup = match wish {
            Wish::Cancel { pid, key } => {
                self.registry.cancel(pid, &key);
                return Ok(());
            }
            Wish::Session(Ok(startup)) => startup,
            Wish::Session(Err(fatal)) => return refuse(socket, fatal).await,
        };
        let Ok(_place) = self.sessions.try_acquire() else {
            return refuse(socket, too_many()).await;
        };

        let (mut reader, mut writer) = split(socket);
        let login = async {
            authenticate(
                &mut reader,
                &mut writer,
                self,
                peer,
                secure.as_ref(),
                &startup,
            )
            .await?;
            Ok(open_session(self, peer, &startup)
                .await
                .map_err(Fatal::from)?)
        };
        let login = tokio::select! {
            () = self.stop.cancelled() => Err(stopping().into()),
            login = tokio::time::timeout_at(deadline, login) => {
                login.unwrap_or_else(|_| Err(timed_out().into()))
            }
        };
        let session = match login {
            Ok(session) => session,
            Err(stop) => return end(&mut writer, stop).await,
        };
        let connection = self.connect(reader, writer, &session, &startup);
        let ended = match connection {
            Ok(connection) => connection.run().await,
            Err(stop) => Err(stop),
        };
        session.close().await;
        ended
    }

    fn connect(
        &self,
        mut reader: Reader,
        mut writer: Writer,
        session: &Arc<gateway::Session>,
        startup: &Startup,
    ) -> Step<Connection> {
        reader.allow(Limits {
            sql: self.config.max_sql_bytes,
            bind: self.config.max_bind_bytes,
        });
        let registered = self.registry.register(session, startup.minor >= 2)?;
        welcome(&mut writer, session, registered.pid, &registered.key)?;
        Ok(Connection::new(
            reader,
            writer,
            Arc::clone(session),
            registered,
            self.config.idle_timeout,
            self.stop.clone(),
        ))
    }
}

/// Tells the client why its connection ends, and closes.
pub(crate) async fn end(writer: &mut Writer, stop: Stop) -> Step {
    let fatal = match &stop {
        Stop::Fatal(fatal) => fatal,
        Stop::Failed(_) => &Fatal::new("XX000", "internal error"),
        Stop::Gone(_) => return Err(stop),
    };
    writer.put(&fatal.response())?;
    writer.close().await?;
    Err(stop)
}

/// What clients are told when the server stops.
pub(crate) fn stopping() -> Fatal {
    Fatal::new(
        "57P01",
        "terminating connection due to administrator command",
    )
}
