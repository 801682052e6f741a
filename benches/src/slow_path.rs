//! A slow way to a server: what a client on a thin line looks like from there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use runtime::Tasks;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::Result;

/// What is read at once from the server, and the pause after it: 3 MB/s at most.
const READ_BYTES: usize = 16 << 10;
const PAUSE: Duration = Duration::from_millis(5);

/// The kernel's buffer on the client's side. Small, so that it is the server that has to wait.
const RECEIVE_BUFFER_BYTES: u32 = 64 << 10;

/// A relay for one connection, whose answers come slowly.
pub(crate) struct SlowPath {
    /// Where the client connects to.
    pub(crate) address: SocketAddr,
    received: Arc<AtomicU64>,
}

impl SlowPath {
    /// Listens for the client, on its behalf of which it then connects to the server.
    pub(crate) async fn to(server: SocketAddr, tasks: &Tasks) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let received = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&received);
        tasks.spawn("slow path", async move {
            // Either end may hang up at any time; the client sees it.
            let _ = relay(listener, server, &count).await;
        });
        Ok(Self { address, received })
    }

    /// Bytes that have come from the server so far.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

async fn relay(listener: TcpListener, server: SocketAddr, received: &AtomicU64) -> Result<()> {
    let (client, _) = listener.accept().await?;
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    let server: TcpStream = socket.connect(server).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = async {
        tokio::io::copy(&mut from_client, &mut to_server).await?;
        to_server.shutdown().await
    };
    let answers = async {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let count = from_server.read(&mut buffer).await?;
            if count == 0 {
                return to_client.shutdown().await;
            }
            received.fetch_add(count as u64, Ordering::Relaxed);
            to_client.write_all(&buffer[..count]).await?;
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::try_join!(requests, answers)?;
    Ok(())
}
