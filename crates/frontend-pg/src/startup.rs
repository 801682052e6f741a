//! The first packets of a connection: encryption, requests to cancel, and the startup packet.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use pgwire::messages::Message;
use pgwire::messages::cancel::CancelRequest;
use pgwire::messages::response::SslResponse;
use pgwire::messages::startup::{GssEncRequest, SslRequest};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::error::{Fatal, Step};
use crate::link::Socket;
use crate::message::Body;
use crate::tls::{Tls, names_postgresql};

/// Longest first packet, as in PostgreSQL.
const LONGEST: usize = 10_000;

/// The newest minor version of protocol 3 that is spoken.
const NEWEST_MINOR: u16 = 2;

/// First byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// A connection that has said what it wants.
pub(crate) struct Hello {
    pub(crate) socket: Box<dyn Socket>,
    /// Set if the connection is encrypted.
    pub(crate) secure: Option<Secure>,
    pub(crate) wish: Wish,
}

/// An encrypted connection.
pub(crate) struct Secure {
    /// What SCRAM can bind the login to.
    pub(crate) end_point: Option<Vec<u8>>,
}

/// What a connection is for.
pub(crate) enum Wish {
    /// To cancel what another one runs.
    Cancel { pid: i32, key: Bytes },
    /// A session; or why there can't be one.
    Session(Result<Startup, Fatal>),
}

/// What the startup packet says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Startup {
    /// The minor version that both sides speak.
    pub(crate) minor: u16,
    /// The minor version is lower than the one asked for.
    pub(crate) downgraded: bool,
    /// Protocol options that are not known, to be told to the client.
    pub(crate) unknown_options: Vec<String>,
    pub(crate) user: String,
    pub(crate) database: Option<String>,
    /// Settings in the order given.
    pub(crate) settings: Vec<(String, String)>,
}

/// Speaks with a fresh connection until it says what it wants. `None`: it left, or sent what is
/// nothing of PostgreSQL's; such a client gets no answer, as it would not understand one.
///
/// Reads not one byte beyond a request for TLS, so that nothing sent in the clear counts as
/// encrypted.
pub(crate) async fn greet(mut socket: TcpStream, tls: Option<&Tls>) -> io::Result<Option<Hello>> {
    let mut first = [0];
    if socket.peek(&mut first).await? == 0 {
        return Ok(None);
    }
    if first[0] == TLS_HANDSHAKE {
        let Some(tls) = tls else { return Ok(None) };
        let (stream, end_point) = tls.accept(socket).await?;
        if !names_postgresql(&stream) {
            return Ok(None);
        }
        return greet_secured(Box::new(stream), Secure { end_point }).await;
    }
    let (mut asked_tls, mut asked_gss) = (false, false);
    loop {
        match read_packet(&mut socket).await? {
            Some(Packet::Ssl) if !asked_tls => {
                asked_tls = true;
                let Some(tls) = tls else {
                    socket.write_all(&[SslResponse::BYTE_REFUSE]).await?;
                    continue;
                };
                socket.write_all(&[SslResponse::BYTE_ACCEPT]).await?;
                let (stream, end_point) = tls.accept(socket).await?;
                return greet_secured(Box::new(stream), Secure { end_point }).await;
            }
            Some(Packet::Gss) if !asked_gss => {
                asked_gss = true;
                socket.write_all(b"N").await?;
            }
            Some(Packet::Wish(wish)) => {
                return Ok(Some(Hello {
                    socket: Box::new(socket),
                    secure: None,
                    wish,
                }));
            }
            _ => return Ok(None),
        }
    }
}

async fn greet_secured(mut socket: Box<dyn Socket>, secure: Secure) -> io::Result<Option<Hello>> {
    Ok(match read_packet(&mut socket).await? {
        Some(Packet::Wish(wish)) => Some(Hello {
            socket,
            secure: Some(secure),
            wish,
        }),
        _ => None,
    })
}

enum Packet {
    Ssl,
    Gss,
    Wish(Wish),
}

/// Reads exactly one packet; `None` for what can't be one.
async fn read_packet(socket: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Packet>> {
    let length = socket.read_u32().await? as usize;
    if !(8..=LONGEST).contains(&length) {
        return Ok(None);
    }
    let mut packet = BytesMut::zeroed(length);
    packet[..4].copy_from_slice(&(length as u32).to_be_bytes());
    socket.read_exact(&mut packet[4..]).await?;
    Ok(if SslRequest::is_ssl_request_packet(&packet) {
        (length == 8).then_some(Packet::Ssl)
    } else if GssEncRequest::is_gss_enc_request_packet(&packet) {
        (length == 8).then_some(Packet::Gss)
    } else if CancelRequest::is_cancel_request_packet(&packet) {
        packet.advance(8);
        // A process id and a key of 4 to 256 bytes.
        (8..=260).contains(&packet.len()).then(|| {
            let pid = packet.get_i32();
            let key = packet.freeze();
            Packet::Wish(Wish::Cancel { pid, key })
        })
    } else {
        packet.advance(4);
        Some(Packet::Wish(Wish::Session(Startup::parse(packet.freeze()))))
    })
}

impl Startup {
    /// Reads a startup packet without its length.
    pub(crate) fn parse(mut packet: Bytes) -> Result<Self, Fatal> {
        let (major, minor) = match (packet.try_get_u16(), packet.try_get_u16()) {
            (Ok(major), Ok(minor)) => (major, minor),
            _ => return Err(malformed()),
        };
        if major != 3 {
            return Err(Fatal::new(
                "0A000",
                format!(
                    "unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.{NEWEST_MINOR}"
                ),
            ));
        }
        let mut startup = Self {
            minor: minor.min(NEWEST_MINOR),
            downgraded: minor > NEWEST_MINOR,
            ..Self::default()
        };
        let mut body = Body(packet);
        loop {
            let name = body.text()?;
            if name.is_empty() {
                break;
            }
            let value = body.text()?;
            startup.take(name, value)?;
        }
        if !body.0.is_empty() {
            return Err(malformed());
        }
        if startup.user.is_empty() {
            return Err(Fatal::new(
                "28000",
                "no PostgreSQL user name specified in startup packet",
            ));
        }
        Ok(startup)
    }

    fn take(&mut self, name: String, value: String) -> Result<(), Fatal> {
        match name.as_str() {
            "user" => self.user = value,
            "database" => self.database = (!value.is_empty()).then_some(value),
            "options" => self.settings.extend(parse_options(&value)?),
            "replication" => {
                let off = ["false", "off", "no", "0", "f", "n"];
                if !off.iter().any(|o| value.eq_ignore_ascii_case(o)) {
                    return Err(Fatal::new("0A000", "replication is not supported"));
                }
            }
            _ if name.starts_with("_pq_.") => self.unknown_options.push(name),
            _ => self.settings.push((name, value)),
        }
        Ok(())
    }
}

fn malformed() -> Fatal {
    Fatal::protocol("invalid startup packet layout: expected terminator as last byte")
}

/// Reads `options`: `-c name=value` and `--name=value`, with blanks between and `\` before a blank
/// that belongs to a value. In the first part of a name `-` stands for `_`.
fn parse_options(options: &str) -> Result<Vec<(String, String)>, Fatal> {
    let mut words = split_words(options).into_iter();
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let invalid = || {
            let message = format!("invalid command-line argument for server process: {word}");
            Fatal::new("42601", message)
        };
        let setting = match word.strip_prefix("--") {
            Some(long) => long.to_owned(),
            None => match word.strip_prefix("-c") {
                Some("") => words.next().ok_or_else(invalid)?,
                Some(joined) => joined.to_owned(),
                None => return Err(invalid()),
            },
        };
        let (name, value) = setting.split_once('=').ok_or_else(invalid)?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

fn split_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter.is_ascii_whitespace() {
            words.extend(word.take());
            continue;
        }
        let escaped = if letter == '\\' {
            letters.next()
        } else {
            Some(letter)
        };
        word.get_or_insert_default().extend(escaped);
    }
    words.extend(word);
    words
}

/// Tells a client why it can't have a session, and closes.
pub(crate) async fn refuse(mut socket: Box<dyn Socket>, fatal: Fatal) -> Step {
    let mut out = BytesMut::new();
    let response = fatal.response();
    response.encode(&mut out).map_err(io::Error::other)?;
    socket.write_all(&out).await?;
    socket.shutdown().await?;
    Err(fatal.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;

    fn parse(major: u16, minor: u16, rest: &[u8]) -> Result<Startup, Fatal> {
        let packet = [&major.to_be_bytes()[..], &minor.to_be_bytes(), rest].concat();
        Startup::parse(packet.into())
    }

    #[test]
    fn what_psql_sends() {
        let startup = parse(
            3,
            0,
            b"user\0ann\0database\0nyc\0application_name\0psql\0client_encoding\0UTF8\0\0",
        );
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            startup.unwrap(),
            Startup {
                user: "ann".to_owned(),
                database: Some("nyc".to_owned()),
                settings: vec![
                    pair("application_name", "psql"),
                    pair("client_encoding", "UTF8")
                ],
                ..Startup::default()
            }
        );
    }

    #[test]
    fn versions_and_options_of_the_protocol() {
        for (asked, minor, downgraded) in [
            (0, 0, false),
            (1, 1, false),
            (2, 2, false),
            (3, 2, true),
            (9999, 2, true),
        ] {
            let startup = parse(3, asked, b"user\0a\0_pq_.foo\0on\0\0").unwrap();
            assert_eq!((startup.minor, startup.downgraded), (minor, downgraded));
            assert_eq!(startup.unknown_options, ["_pq_.foo"]);
            assert_eq!(startup.settings, []);
        }
        assert_eq!(parse(2, 0, b"user\0a\0\0").unwrap_err().code, "0A000");
        assert_eq!(parse(4, 0, b"user\0a\0\0").unwrap_err().code, "0A000");
    }

    #[test]
    fn refused() {
        for (rest, code) in [
            (&b"\0"[..], "28000"),
            (b"user\0\0\0", "28000"),
            (b"user\0a", "08P01"),
            (b"user\0a\0", "08P01"),
            (b"user\0a\0\0x", "08P01"),
            (b"user\0\xff\0\0", "22021"),
            (b"user\0a\0replication\0database\0\0", "0A000"),
            (b"user\0a\0options\0-d 3\0\0", "42601"),
            (b"", "08P01"),
        ] {
            assert_eq!(parse(3, 0, rest).unwrap_err().code, code, "{rest:?}");
        }
        assert!(parse(3, 0, b"user\0a\0replication\0off\0\0").is_ok());
    }

    #[test]
    fn settings_in_options() {
        for (options, expected) in [
            ("", &[][..]),
            ("-c a=1", &[("a", "1")]),
            ("-ca=1  --b-c=2", &[("a", "1"), ("b_c", "2")]),
            ("-c search_path=a,\\ b", &[("search_path", "a, b")]),
            ("-c x=\\\\", &[("x", "\\")]),
            ("-c x=", &[("x", "")]),
        ] {
            let parsed = parse_options(options).unwrap();
            let parsed: Vec<_> = parsed
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .collect();
            assert_eq!(parsed, expected, "{options}");
        }
        for options in ["-c", "-c a", "x", "-x", "--a"] {
            assert_eq!(
                parse_options(options).unwrap_err().code,
                "42601",
                "{options}"
            );
        }
    }
}
