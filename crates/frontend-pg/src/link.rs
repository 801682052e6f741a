//! The two halves of a client's socket: messages in, checked for size before they are read, and
//! messages out, with backpressure.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use model::{Error, ErrorKind};
use pgwire::messages::Message;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

use crate::error::{Fatal, Step, Stop};
use crate::message::Frontend;
use crate::metric;

/// A socket, encrypted or not.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// Bytes that are read ahead while a statement runs, to see a client that leaves.
const READ_AHEAD: usize = 64 * 1024;

/// Bytes that are collected before they are written.
pub(crate) const WRITE_CHUNK: usize = 64 * 1024;

/// Largest capacity that an empty buffer keeps.
const KEPT_CAPACITY: usize = 1024 * 1024;

/// Longest message of the types that are always short, as in PostgreSQL.
const SHORT_MESSAGE: usize = 10_000;

/// Longest message of any type, as in PostgreSQL. One that claims more ends the connection.
const LONGEST_MESSAGE: usize = 0x3fff_ffff;

/// Room for what Parse carries beside its text: names and up to 65,535 types.
const PARSE_EXTRA: usize = 65_535 * 4 + SHORT_MESSAGE;

/// How large messages may be, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Text of Query and Parse.
    pub(crate) sql: usize,
    /// Whole Bind.
    pub(crate) bind: usize,
}

impl Limits {
    /// What to do with a message of that type and body length.
    fn judge(self, kind: u8, length: usize) -> Verdict {
        let limit = match kind {
            b'Q' => self.sql + 1,
            b'P' => self.sql + PARSE_EXTRA,
            b'B' => self.bind,
            // Never looked into.
            b'F' | b'd' => 0,
            b'D' | b'E' | b'C' | b'H' | b'S' | b'X' | b'c' | b'f' | b'p' => {
                return if length <= SHORT_MESSAGE {
                    Verdict::Read
                } else {
                    Verdict::Refuse("invalid message length")
                };
            }
            _ => return Verdict::Refuse("invalid frontend message type"),
        };
        if length <= limit {
            Verdict::Read
        } else if length <= LONGEST_MESSAGE {
            Verdict::Skip
        } else {
            Verdict::Refuse("invalid message length")
        }
    }
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Read,
    /// Its bytes are dropped as they come; the connection stays usable.
    Skip,
    /// The connection ends.
    Refuse(&'static str),
}

/// What came in.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A message.
    Message(Frontend),
    /// A message that can't be taken, of that type; the next one can.
    Bad(u8, Error),
    /// The end of the stream between two messages.
    End,
}

/// The reading half.
pub(crate) struct Reader {
    io: ReadHalf<Box<dyn Socket>>,
    buffer: BytesMut,
    /// Type and bytes left of a message that is being dropped.
    skipping: Option<(u8, usize)>,
    /// `None` before the login.
    limits: Option<Limits>,
    ended: bool,
}

/// The writing half. Messages collect in the buffer until they are flushed.
pub(crate) struct Writer {
    io: WriteHalf<Box<dyn Socket>>,
    pub(crate) buffer: BytesMut,
    /// Bytes were written that the socket may still hold, as those of TLS.
    held: bool,
}

/// Splits a socket. Until [`Reader::allow`] it takes short messages of a login only.
pub(crate) fn split(socket: Box<dyn Socket>) -> (Reader, Writer) {
    let (read, write) = tokio::io::split(socket);
    let reader = Reader {
        io: read,
        buffer: BytesMut::with_capacity(8 * 1024),
        skipping: None,
        limits: None,
        ended: false,
    };
    let writer = Writer {
        io: write,
        buffer: BytesMut::with_capacity(8 * 1024),
        held: false,
    };
    (reader, writer)
}

impl Reader {
    /// The client has logged in: it may send all messages within these limits.
    pub(crate) fn allow(&mut self, limits: Limits) {
        self.limits = Some(limits);
    }

    /// The next message. Cancel safe.
    ///
    /// # Errors
    /// `Fatal` for bytes that are no message, `Gone` for an end in the middle of one.
    pub(crate) async fn next(&mut self) -> Step<Incoming> {
        loop {
            if let Some(incoming) = self.take()? {
                return Ok(incoming);
            }
            if self.ended {
                if self.buffer.is_empty() && self.skipping.is_none() {
                    return Ok(Incoming::End);
                }
                return Err(Stop::Gone(io::ErrorKind::UnexpectedEof.into()));
            }
            self.fill().await?;
        }
    }

    /// Whether the message after the current one is here and is a Sync.
    pub(crate) fn next_is_sync(&self) -> bool {
        self.skipping.is_none() && self.buffer.first() == Some(&b'S')
    }

    /// Reads ahead until the client closes its side. Never returns while much is unread, as the
    /// end can't be seen behind it. Cancel safe.
    pub(crate) async fn closed(&mut self) {
        while !self.ended {
            if self.buffer.len() >= READ_AHEAD {
                return std::future::pending().await;
            }
            if self.fill().await.is_err() {
                self.ended = true;
            }
        }
    }

    /// Reads and drops what still comes, for `within` at most, so that closing the socket with bytes
    /// unread does not take from the client what it was told last.
    pub(crate) async fn drain(&mut self, within: Duration) {
        let dropped = async {
            while !self.ended {
                self.buffer.clear();
                if self.fill().await.is_err() {
                    return;
                }
            }
        };
        // Running out of time is as good an end as any.
        let _ended = tokio::time::timeout(within, dropped).await;
    }

    /// Takes a whole message out of the buffer.
    fn take(&mut self) -> Step<Option<Incoming>> {
        if let Some((kind, left)) = self.skipping {
            let dropped = left.min(self.buffer.len());
            self.buffer.advance(dropped);
            self.skipping = (dropped < left).then_some((kind, left - dropped));
            if self.skipping.is_some() {
                return Ok(None);
            }
            return Ok(Some(self.skipped(kind)));
        }
        let Some((header, _)) = self.buffer.split_first_chunk::<5>() else {
            return Ok(None);
        };
        let (kind, mut rest) = (header[0], &header[1..]);
        let Some(length) = (rest.get_u32() as usize).checked_sub(4) else {
            return Err(Fatal::protocol("invalid message length").into());
        };
        let verdict = match self.limits {
            Some(limits) => limits.judge(kind, length),
            None if kind == b'p' && length <= SHORT_MESSAGE => Verdict::Read,
            None => Verdict::Refuse("expected SASL response"),
        };
        match verdict {
            Verdict::Refuse(why) => Err(Fatal::protocol(why).into()),
            Verdict::Skip => {
                self.buffer.advance(5);
                self.skipping = Some((kind, length));
                self.take()
            }
            Verdict::Read if self.buffer.len() < 5 + length => Ok(None),
            Verdict::Read => {
                self.buffer.advance(5);
                let body = self.buffer.split_to(length).freeze();
                Ok(Some(match Frontend::decode(kind, body) {
                    Ok(message) => Incoming::Message(message),
                    Err(error) => Incoming::Bad(kind, error),
                }))
            }
        }
    }

    /// What is said about a message whose bytes were dropped.
    fn skipped(&self, kind: u8) -> Incoming {
        let (what, limit) = match kind {
            b'F' => return Incoming::Message(Frontend::FunctionCall),
            b'd' => return Incoming::Message(Frontend::Copy),
            b'B' => ("parameters are", self.limits.map(|l| l.bind)),
            _ => ("statement is", self.limits.map(|l| l.sql)),
        };
        let message = format!("the {what} longer than {} bytes", limit.unwrap_or(0));
        Incoming::Bad(kind, Error::new(ErrorKind::TooComplex, message))
    }

    async fn fill(&mut self) -> io::Result<()> {
        // Memory follows what has come, not what a header promises.
        self.buffer.reserve(8 * 1024);
        let read = self.io.read_buf(&mut self.buffer).await?;
        self.ended = read == 0;
        metric::received(read);
        Ok(())
    }
}

impl Writer {
    /// Adds a message to what will be written.
    pub(crate) fn put(&mut self, message: &impl Message) -> Step {
        let start = self.buffer.len();
        message.encode(&mut self.buffer).map_err(|error| {
            // Half a message must not stay.
            self.buffer.truncate(start);
            Stop::from(Error::internal(error))
        })
    }

    /// Whether there is enough to be written.
    pub(crate) fn is_full(&self) -> bool {
        self.buffer.len() >= WRITE_CHUNK
    }

    /// Writes everything. Returns when the socket has taken it. Cancel safe: the next call goes on.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        while !self.buffer.is_empty() {
            let written = self.io.write_buf(&mut self.buffer).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.held = true;
            metric::sent(written);
        }
        if !self.held {
            return Ok(());
        }
        self.io.flush().await?;
        self.held = false;
        if self.buffer.capacity() > KEPT_CAPACITY {
            self.buffer = BytesMut::with_capacity(8 * 1024);
        }
        Ok(())
    }

    /// Writes everything and closes the sending side.
    pub(crate) async fn close(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.io.shutdown().await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test may panic")]

    use tokio::io::DuplexStream;

    use super::*;

    const LIMITS: Limits = Limits {
        sql: 100,
        bind: 200,
    };

    fn link() -> (DuplexStream, Reader) {
        let (client, server) = tokio::io::duplex(1 << 20);
        let (mut reader, _writer) = split(Box::new(server));
        reader.allow(LIMITS);
        (client, reader)
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32 + 4).to_be_bytes();
        [&[kind], &length[..], body].concat()
    }

    #[test]
    fn limits_by_type() {
        for (kind, length, expected) in [
            (b'Q', 101, Verdict::Read),
            (b'Q', 102, Verdict::Skip),
            (b'Q', LONGEST_MESSAGE, Verdict::Skip),
            (
                b'Q',
                LONGEST_MESSAGE + 1,
                Verdict::Refuse("invalid message length"),
            ),
            (b'P', 100 + PARSE_EXTRA, Verdict::Read),
            (b'P', 101 + PARSE_EXTRA, Verdict::Skip),
            (b'B', 200, Verdict::Read),
            (b'B', 201, Verdict::Skip),
            (b'd', 1, Verdict::Skip),
            (b'F', 1, Verdict::Skip),
            (b'S', 10_000, Verdict::Read),
            (b'S', 10_001, Verdict::Refuse("invalid message length")),
            (b'?', 0, Verdict::Refuse("invalid frontend message type")),
        ] {
            assert_eq!(LIMITS.judge(kind, length), expected, "{kind} {length}");
        }
    }

    #[tokio::test]
    async fn messages_byte_by_byte() {
        let (mut client, mut reader) = link();
        let bytes = [message(b'Q', b"select 1\0"), message(b'S', b"")].concat();
        let write = async {
            for byte in &bytes {
                client.write_all(&[*byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
            drop(client);
        };
        let read = async {
            let first = reader.next().await.unwrap();
            assert!(matches!(first, Incoming::Message(Frontend::Query(q)) if q == "select 1"));
            let second = reader.next().await.unwrap();
            assert!(matches!(second, Incoming::Message(Frontend::Sync)));
            assert!(matches!(reader.next().await.unwrap(), Incoming::End));
        };
        tokio::join!(write, read);
    }

    #[tokio::test]
    async fn a_text_over_the_limit_is_dropped_and_the_next_message_read() {
        let (mut client, mut reader) = link();
        let long = vec![b'x'; 300_000];
        client.write_all(&message(b'Q', &long)).await.unwrap();
        client.write_all(&message(b'B', &long)).await.unwrap();
        client.write_all(&message(b'd', &long)).await.unwrap();
        client.write_all(&message(b'S', b"")).await.unwrap();
        for kind in [b'Q', b'B'] {
            let Incoming::Bad(bad, error) = reader.next().await.unwrap() else {
                panic!("taken");
            };
            assert_eq!((bad, error.kind()), (kind, ErrorKind::TooComplex));
            assert!(reader.buffer.capacity() < 100_000);
        }
        let copy = reader.next().await.unwrap();
        assert!(matches!(copy, Incoming::Message(Frontend::Copy)));
        assert!(reader.next_is_sync());
        let sync = reader.next().await.unwrap();
        assert!(matches!(sync, Incoming::Message(Frontend::Sync)));
    }

    #[tokio::test]
    async fn what_is_no_message_ends_the_stream() {
        for bytes in [
            &b"Q\0\0\0\x03"[..],
            b"Q\xff\xff\xff\xff",
            b"Q\x80\0\0\0",
            b"S\0\0\xff\xff",
            b"GET / HTTP/1.1\r\n",
        ] {
            let (mut client, mut reader) = link();
            client.write_all(bytes).await.unwrap();
            assert!(matches!(reader.next().await, Err(Stop::Fatal(f)) if f.code == "08P01"));
        }
    }

    #[tokio::test]
    async fn before_the_login_only_its_messages_are_read() {
        for (kind, length, taken) in [(b'p', 4, true), (b'p', 20_000, false), (b'B', 4, false)] {
            let (mut client, server) = tokio::io::duplex(1 << 20);
            let (mut reader, _writer) = split(Box::new(server));
            client
                .write_all(&message(kind, &vec![0; length]))
                .await
                .unwrap();
            match reader.next().await {
                Ok(Incoming::Message(Frontend::Password(_))) => assert!(taken),
                Err(Stop::Fatal(fatal)) => assert!(!taken && fatal.code == "08P01"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn half_a_message_is_an_early_end() {
        for bytes in [
            &b"Q"[..],
            b"Q\0\0\0\x0cselec",
            &message(b'Q', &[b'x'; 500])[..400],
        ] {
            let (mut client, mut reader) = link();
            client.write_all(bytes).await.unwrap();
            drop(client);
            assert!(matches!(reader.next().await, Err(Stop::Gone(_))));
        }
    }

    #[tokio::test]
    async fn a_client_that_leaves_is_seen_behind_what_it_sent() {
        let (mut client, mut reader) = link();
        client.write_all(&message(b'S', b"")).await.unwrap();
        drop(client);
        reader.closed().await;
        let sync = reader.next().await.unwrap();
        assert!(matches!(sync, Incoming::Message(Frontend::Sync)));
        assert!(matches!(reader.next().await.unwrap(), Incoming::End));
    }
}
