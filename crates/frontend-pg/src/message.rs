//! Messages from the client.
//!
//! pgwire's decoders read counts and lengths without looking whether the body has as many bytes,
//! and replace bad UTF-8; a client could end the task with one short message. So bodies are read
//! here, strictly, while pgwire's types are used for everything that is sent.

use bytes::{Buf, Bytes};
use model::{Error, ErrorKind, Result};

use crate::types::Format;

/// A message after login.
#[derive(Debug, PartialEq)]
pub(crate) enum Frontend {
    Query(String),
    Parse(Parse),
    Bind(Bind),
    Describe(Target),
    Execute {
        portal: String,
        max_rows: i32,
    },
    Close(Target),
    Flush,
    Sync,
    Terminate,
    FunctionCall,
    /// CopyData, CopyDone or CopyFail: ignored outside of COPY, as what is left of a failed one.
    Copy,
    /// The password family, whose content only the login knows to read.
    Password(Bytes),
}

/// Prepares a statement.
#[derive(Debug, PartialEq)]
pub(crate) struct Parse {
    pub(crate) name: String,
    pub(crate) sql: String,
    /// Types of the first parameters; 0 leaves one open.
    pub(crate) types: Vec<u32>,
}

/// Makes a portal of a statement.
#[derive(Debug, PartialEq)]
pub(crate) struct Bind {
    pub(crate) portal: String,
    pub(crate) statement: String,
    pub(crate) formats: Vec<Format>,
    /// `None` is NULL.
    pub(crate) values: Vec<Option<Bytes>>,
    pub(crate) result_formats: Vec<Format>,
}

/// What Describe and Close are about.
#[derive(Debug, PartialEq)]
pub(crate) enum Target {
    Statement(String),
    Portal(String),
}

impl Frontend {
    /// Reads a body, without its length.
    ///
    /// # Errors
    /// `Protocol` for a body of another form than its type has, `CharacterNotInRepertoire` for bad
    /// UTF-8. The stream of messages is intact after either.
    pub(crate) fn decode(kind: u8, body: Bytes) -> Result<Self> {
        let mut body = Body(body);
        let message = match kind {
            b'Q' => Self::Query(body.text()?),
            b'P' => Self::Parse(Parse {
                name: body.text()?,
                sql: body.text()?,
                types: body.counted(Body::u32)?,
            }),
            b'B' => Self::Bind(Bind {
                portal: body.text()?,
                statement: body.text()?,
                formats: body.counted(Body::format)?,
                values: body.counted(Body::value)?,
                result_formats: body.counted(Body::format)?,
            }),
            b'D' => Self::Describe(body.target()?),
            b'E' => Self::Execute {
                portal: body.text()?,
                max_rows: body.u32()? as i32,
            },
            b'C' => Self::Close(body.target()?),
            b'H' => Self::Flush,
            b'S' => Self::Sync,
            b'X' => Self::Terminate,
            b'F' => return Ok(Self::FunctionCall),
            b'd' | b'c' | b'f' => return Ok(Self::Copy),
            b'p' => return Ok(Self::Password(body.0)),
            _ => return Err(invalid()),
        };
        if body.0.is_empty() {
            Ok(message)
        } else {
            Err(invalid())
        }
    }

    /// Whether an error in a message of that type is followed by skipping to Sync.
    pub(crate) fn is_extended(kind: u8) -> bool {
        matches!(kind, b'P' | b'B' | b'D' | b'E' | b'C' | b'H')
    }
}

/// The mechanism and first data of a SASLInitialResponse.
///
/// # Errors
/// `Protocol`: it has another form.
pub(crate) fn sasl_initial(body: Bytes) -> Result<(String, Bytes)> {
    let mut body = Body(body);
    let mechanism = body.text()?;
    let data = body.value()?.ok_or_else(invalid)?;
    if body.0.is_empty() {
        Ok((mechanism, data))
    } else {
        Err(invalid())
    }
}

fn invalid() -> Error {
    Error::new(ErrorKind::Protocol, "invalid message format")
}

/// What is left of a body.
pub(crate) struct Body(pub(crate) Bytes);

impl Body {
    /// Text up to a NUL.
    pub(crate) fn text(&mut self) -> Result<String> {
        let end = self.0.iter().position(|b| *b == 0).ok_or_else(invalid)?;
        let bytes = self.0.split_to(end);
        self.0.advance(1);
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(Error::new(
                ErrorKind::CharacterNotInRepertoire,
                "invalid byte sequence for encoding \"UTF8\"",
            )),
        }
    }

    fn u16(&mut self) -> Result<u16> {
        self.0.try_get_u16().map_err(|_| invalid())
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.0.try_get_u32().map_err(|_| invalid())
    }

    fn format(&mut self) -> Result<Format> {
        match self.u16()? {
            0 => Ok(Format::Text),
            1 => Ok(Format::Binary),
            other => Err(Error::new(
                ErrorKind::InvalidParameterValue,
                format!("unsupported format code: {other}"),
            )),
        }
    }

    fn value(&mut self) -> Result<Option<Bytes>> {
        let length = self.u32()?;
        if length == u32::MAX {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| invalid())?;
        if length > self.0.len() {
            return Err(invalid());
        }
        Ok(Some(self.0.split_to(length)))
    }

    fn target(&mut self) -> Result<Target> {
        match self.0.try_get_u8() {
            Ok(b'S') => Ok(Target::Statement(self.text()?)),
            Ok(b'P') => Ok(Target::Portal(self.text()?)),
            _ => Err(invalid()),
        }
    }

    /// A count and as many items. Memory follows the items that are there, not the count.
    fn counted<T>(&mut self, read: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = self.u16()?;
        (0..count).map(|_| read(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;

    fn decode(kind: u8, body: &[u8]) -> Result<Frontend> {
        Frontend::decode(kind, Bytes::copy_from_slice(body))
    }

    const BIND: &[u8] = b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x02ab\xff\xff\xff\xff\0\x02\0\0\0\x01";

    #[test]
    fn well_formed() {
        for (kind, body, expected) in [
            (
                b'Q',
                &b"select 1\0"[..],
                Frontend::Query("select 1".to_owned()),
            ),
            (
                b'P',
                b"s\0select $1\0\0\x01\0\0\0\x17",
                Frontend::Parse(Parse {
                    name: "s".to_owned(),
                    sql: "select $1".to_owned(),
                    types: vec![23],
                }),
            ),
            (
                b'B',
                BIND,
                Frontend::Bind(Bind {
                    portal: "p".to_owned(),
                    statement: "s".to_owned(),
                    formats: vec![Format::Binary],
                    values: vec![Some(Bytes::from_static(b"ab")), None],
                    result_formats: vec![Format::Text, Format::Binary],
                }),
            ),
            (
                b'D',
                b"S\0",
                Frontend::Describe(Target::Statement(String::new())),
            ),
            (
                b'C',
                b"Pc\0",
                Frontend::Close(Target::Portal("c".to_owned())),
            ),
            (
                b'E',
                b"\0\0\0\0\x05",
                Frontend::Execute {
                    portal: String::new(),
                    max_rows: 5,
                },
            ),
            (b'S', b"", Frontend::Sync),
            (b'H', b"", Frontend::Flush),
            (b'X', b"", Frontend::Terminate),
            (b'F', b"anything", Frontend::FunctionCall),
            (b'd', b"\xff", Frontend::Copy),
        ] {
            assert_eq!(decode(kind, body).unwrap(), expected);
        }
    }

    /// Every cut of every message, and every message with a byte too many.
    #[test]
    fn malformed() {
        let whole: &[(u8, &[u8])] = &[
            (b'Q', b"select 1\0"),
            (b'P', b"s\0select $1\0\0\x01\0\0\0\x17"),
            (b'B', BIND),
            (b'D', b"Sx\0"),
            (b'C', b"Px\0"),
            (b'E', b"x\0\0\0\0\x05"),
        ];
        for (kind, body) in whole {
            for end in 0..body.len() {
                let error = decode(*kind, &body[..end]).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Protocol, "{kind} cut at {end}");
            }
            let longer = [*body, b"\0"].concat();
            assert_eq!(
                decode(*kind, &longer).unwrap_err().kind(),
                ErrorKind::Protocol
            );
        }
        for (kind, body, expected) in [
            (b'Q', &b"sel\0ect\0"[..], ErrorKind::Protocol),
            (b'Q', b"\xff\0", ErrorKind::CharacterNotInRepertoire),
            (b'P', b"\0\xc3\0\0\0", ErrorKind::CharacterNotInRepertoire),
            (b'D', b"X\0", ErrorKind::Protocol),
            (b'S', b"x", ErrorKind::Protocol),
            (b'B', b"\0\0\xff\xff", ErrorKind::Protocol),
            (b'B', b"\0\0\0\0\0\x01\x7f\xff\xff\xff", ErrorKind::Protocol),
            (
                b'B',
                b"\0\0\0\x01\0\x02\0\0\0\0",
                ErrorKind::InvalidParameterValue,
            ),
        ] {
            assert_eq!(decode(kind, body).unwrap_err().kind(), expected, "{body:?}");
        }
    }
}
