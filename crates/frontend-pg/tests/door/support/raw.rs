//! A client that sees every message.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// One message from the server, without its length.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) body: Bytes,
}

/// A connection, encrypted or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(crate) struct Raw {
    pub(crate) stream: Box<dyn Stream>,
    buffer: BytesMut,
    /// From BackendKeyData.
    pub(crate) pid: i32,
    pub(crate) key: Bytes,
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            buffer: BytesMut::new(),
            pid: 0,
            key: Bytes::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Closes the sending side.
    pub(crate) async fn close_sending(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Sends one message.
    pub(crate) async fn message(&mut self, kind: u8, body: &[u8]) {
        let length = (body.len() as u32 + 4).to_be_bytes();
        self.send(&[&[kind], &length[..], body].concat()).await;
    }

    pub(crate) async fn query(&mut self, sql: &str) {
        self.message(b'Q', &[sql.as_bytes(), b"\0"].concat()).await;
    }

    /// The next message; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        let read = tokio::time::timeout(Duration::from_secs(30), self.read());
        read.await.expect("an answer in time")
    }

    async fn read(&mut self) -> Option<Message> {
        loop {
            if let Some((header, _)) = self.buffer.split_first_chunk::<5>() {
                let length = (&header[1..]).get_u32() as usize;
                if self.buffer.len() > length {
                    let kind = self.buffer.get_u8();
                    self.buffer.advance(4);
                    let body = self.buffer.split_to(length - 4).freeze();
                    return Some(Message { kind, body });
                }
            }
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Messages up to ReadyForQuery, or to the end of the stream.
    pub(crate) async fn until_ready(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.next().await {
            let last = message.kind == b'Z';
            messages.push(message);
            if last {
                break;
            }
        }
        messages
    }

    /// Logs in with the user's name as password. Returns what came after the login.
    pub(crate) async fn login(&mut self, user: &str, parameters: &[(&str, &str)]) -> Vec<Message> {
        self.startup(0, user, parameters).await;
        self.authenticate(user, ChannelBinding::unsupported())
            .await
            .unwrap();
        self.welcome().await
    }

    /// Sends a startup packet of protocol 3.
    pub(crate) async fn startup(&mut self, minor: u16, user: &str, parameters: &[(&str, &str)]) {
        let pairs = [("user", user)]
            .into_iter()
            .chain(parameters.iter().copied());
        let mut out = BytesMut::new();
        frontend::startup_message(pairs, &mut out).unwrap();
        out[6..8].copy_from_slice(&minor.to_be_bytes());
        self.send(&out).await;
    }

    /// Reads up to ReadyForQuery and keeps the key.
    pub(crate) async fn welcome(&mut self) -> Vec<Message> {
        let messages = self.until_ready().await;
        for message in &messages {
            if message.kind == b'K' {
                let mut body = message.body.clone();
                self.pid = body.get_i32();
                self.key = body;
            }
        }
        messages
    }

    /// The SCRAM exchange, up to AuthenticationOk. The error if it is refused.
    pub(crate) async fn authenticate(
        &mut self,
        password: &str,
        binding: ChannelBinding,
    ) -> Result<(), Message> {
        let mut scram = ScramSha256::new(password.as_bytes(), binding);
        let mut mechanism = "SCRAM-SHA-256";
        loop {
            let message = self.next().await.expect("an answer to the login");
            if message.kind != b'R' {
                return Err(message);
            }
            let mut body = message.body;
            let mut out = BytesMut::new();
            match body.get_i32() {
                0 => return Ok(()),
                10 => {
                    if body.starts_with(b"SCRAM-SHA-256-PLUS\0") {
                        mechanism = "SCRAM-SHA-256-PLUS";
                    }
                    frontend::sasl_initial_response(mechanism, scram.message(), &mut out)
                }
                11 => {
                    scram.update(&body).unwrap();
                    frontend::sasl_response(scram.message(), &mut out)
                }
                12 => {
                    scram.finish(&body).unwrap();
                    continue;
                }
                other => panic!("authentication {other}"),
            }
            .unwrap();
            self.send(&out).await;
        }
    }
}

impl Message {
    /// The field of an ErrorResponse or NoticeResponse.
    pub(crate) fn field(&self, kind: u8) -> Option<String> {
        let mut fields = self.body.split(|b| *b == 0);
        let field = fields.find(|f| f.first() == Some(&kind))?;
        Some(String::from_utf8(field[1..].to_vec()).unwrap())
    }
}
