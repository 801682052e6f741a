//! Connections: accepting, TLS, limits, and their end.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use runtime::{Backoff, CancellationToken, Tasks};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// What one client can take up. Bodies of requests are never read, so they have no limit here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; further ones wait to be accepted.
    pub connections: NonZeroUsize,
    /// Bytes of a request's head; below 8 KiB counts as 8 KiB.
    pub header_bytes: NonZeroUsize,
    /// From the beginning of a connection, or the last answer on it, to a whole request head. The
    /// TLS handshake has as long.
    pub header_timeout: Duration,
    /// From a whole request head to the answer, before it is sent.
    pub request_timeout: Duration,
    /// A connection takes no further request after so long, and is closed a `request_timeout`
    /// later: who reads slowly gives the place back.
    pub connection_age: Duration,
}

/// The client's address, in the extensions of each request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerAddress(pub(crate) SocketAddr);

impl Default for Limits {
    /// 64 connections, 16 KiB of head within 10 s, answers within 30 s, 5 minutes in all.
    fn default() -> Self {
        let count = |n| NonZeroUsize::new(n).expect("not zero");
        Self {
            connections: count(64),
            header_bytes: count(16 << 10),
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            connection_age: Duration::from_secs(5 * 60),
        }
    }
}

/// Answers the connections of a bound listener until `tasks` shuts down. Then requests that have
/// begun are answered.
pub(crate) fn spawn(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: Limits,
    tasks: &Tasks,
) {
    let stop = tasks.shutdown_token();
    let door = Door {
        tls,
        router,
        limits,
        stop,
    };
    tasks.spawn("accept", door.accept(listener, tasks.clone()));
}

/// What all connections share.
#[derive(Clone)]
struct Door {
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
}

impl Door {
    async fn accept(self, listener: TcpListener, tasks: Tasks) {
        let places = Arc::new(Semaphore::new(self.limits.connections.get()));
        let mut backoff = Backoff::new(Duration::from_millis(5), Duration::from_secs(1));
        loop {
            // The place comes first: what can't be answered now waits in the system's queue.
            let next = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                next = next => next,
                () = self.stop.cancelled() => return,
            };
            match accepted {
                Ok((socket, peer)) => {
                    backoff.reset();
                    let door = self.clone();
                    tasks.spawn("connection", async move {
                        let _place = place;
                        door.connection(socket, peer).await;
                    });
                }
                Err(error) => {
                    // Out of file descriptors, or the client has gone already.
                    tracing::warn!(%error, "http connection not accepted");
                    tokio::select! {
                        () = sleep(backoff.next_delay()) => {}
                        () = self.stop.cancelled() => return,
                    }
                }
            }
        }
    }

    async fn connection(self, socket: TcpStream, peer: SocketAddr) {
        let served = match self.tls.clone() {
            None => self.serve(socket, peer).await,
            Some(tls) => {
                let handshake = timeout(self.limits.header_timeout, tls.accept(socket));
                match handshake.await {
                    Ok(Ok(stream)) => self.serve(stream, peer).await,
                    Ok(Err(error)) => Err(error.into()),
                    Err(elapsed) => Err(elapsed.into()),
                }
            }
        };
        if let Err(error) = served {
            tracing::debug!(%peer, error, "http connection broken");
        }
    }

    async fn serve<S>(
        self,
        stream: S,
        peer: SocketAddr,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = TowerToHyperService::new(self.router);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(PeerAddress(peer));
            router.call(request)
        });
        let header_bytes = self.limits.header_bytes.get().max(8 << 10);
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.limits.header_timeout)
                .max_buf_size(header_bytes)
                .serve_connection(TokioIo::new(stream), service)
        );
        tokio::select! {
            served = connection.as_mut() => return Ok(served?),
            () = self.stop.cancelled() => {}
            () = sleep(self.limits.connection_age) => {}
        }
        connection.as_mut().graceful_shutdown();
        Ok(timeout(self.limits.request_timeout, connection).await??)
    }
}

#[cfg(test)]
mod tests;
