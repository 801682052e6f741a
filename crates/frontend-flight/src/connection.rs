//! Accepted connections.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use runtime::Tasks;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use crate::metric::Open;

/// How long to wait after a failed accept, as when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerAddress(pub(crate) SocketAddr);

/// A client's connection.
pub(crate) struct Connection {
    io: Io,
    peer: SocketAddr,
    /// Runs out if the client sends nothing at all.
    first_bytes: Option<Pin<Box<Sleep>>>,
    _permit: OwnedSemaphorePermit,
    _open: Open,
}

enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Accepts connections until the listener's group shuts down. TLS handshakes go on beside each
/// other; at most `max` connections are open, and more of them wait in the listener's backlog.
pub(crate) fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    max: usize,
    patience: Duration,
    tasks: &Tasks,
) -> impl Stream<Item = io::Result<Connection>> + use<> {
    let (ready, incoming) = mpsc::channel(1);
    let places = Arc::new(Semaphore::new(max));
    let stop = tasks.shutdown_token();
    let handshakes = tasks.clone();
    tasks.spawn("accept", async move {
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = accept_one(&listener, &places) => accepted,
            };
            let (tcp, peer, permit) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(door = "flight", %error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let connection = move |io| Connection {
                io,
                peer,
                first_bytes: Some(Box::pin(tokio::time::sleep(patience))),
                _permit: permit,
                _open: Open::new(),
            };
            let ready = ready.clone();
            match &tls {
                None => {
                    if ready.send(Ok(connection(Io::Plain(tcp)))).await.is_err() {
                        return;
                    }
                }
                Some(tls) => {
                    let shake = tls.accept(tcp);
                    handshakes.spawn("tls handshake", async move {
                        match tokio::time::timeout(patience, shake).await {
                            Ok(Ok(tls)) => {
                                // Fails only if the door has shut meanwhile.
                                let _ = ready.send(Ok(connection(Io::Tls(Box::new(tls))))).await;
                            }
                            Ok(Err(error)) => {
                                tracing::debug!(door = "flight", %peer, %error, "no TLS");
                            }
                            Err(_) => tracing::debug!(door = "flight", %peer, "TLS too slow"),
                        }
                    });
                }
            }
        }
    });
    futures::stream::unfold(incoming, |mut incoming| async move {
        let connection = incoming.recv().await?;
        Some((connection, incoming))
    })
}

async fn accept_one(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(places).acquire_owned().await;
    let permit = permit.map_err(io::Error::other)?;
    let (tcp, peer) = listener.accept().await?;
    // Messages are written whole; waiting to fill a packet only delays the small ones.
    tcp.set_nodelay(true)?;
    Ok((tcp, peer, permit))
}

impl Connected for Connection {
    type ConnectInfo = PeerAddress;

    fn connect_info(&self) -> PeerAddress {
        PeerAddress(self.peer)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Io::Tls(io) => Pin::new(io).poll_read(cx, buf),
        };
        if let Some(sleep) = &mut self.first_bytes {
            if buf.filled().len() > before {
                self.first_bytes = None;
            } else if polled.is_pending() && sleep.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_write(cx, buf),
            Io::Tls(io) => Pin::new(io).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_flush(cx),
            Io::Tls(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Io::Tls(io) => Pin::new(io).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Io::Tls(io) => Pin::new(io).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Plain(io) => io.is_write_vectored(),
            Io::Tls(io) => io.is_write_vectored(),
        }
    }
}
