//! A client of the PostgreSQL door that speaks each of its forms, and keeps values as they come.

use std::io;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use gateway::Form;
use model::{Error, Result};
use postgres_protocol::IsNull;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{ErrorFields, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::forms::{Answer, rejected, unreachable};

/// A connection.
pub(super) struct Client {
    stream: TcpStream,
    read: BytesMut,
}

impl Client {
    /// Connects and logs in.
    pub(super) async fn connect(
        address: &str,
        user: &str,
        password: &str,
        database: &str,
    ) -> Result<Self> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.map_err(|e| unreachable(address, &e))?;
        let mut client = Self {
            stream,
            read: BytesMut::new(),
        };
        let parameters = [
            ("user", user),
            ("database", database),
            ("client_encoding", "UTF8"),
        ];
        client
            .send(|out| frontend::startup_message(parameters, out))
            .await?;
        let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        loop {
            match client.message().await? {
                Message::AuthenticationSasl(_) => {
                    let first = scram.message().to_vec();
                    let send = |out: &mut BytesMut| {
                        frontend::sasl_initial_response(SCRAM_SHA_256, &first, out)
                    };
                    client.send(send).await?;
                }
                Message::AuthenticationSaslContinue(body) => {
                    scram.update(body.data()).map_err(Error::internal)?;
                    let proof = scram.message().to_vec();
                    client
                        .send(|out| frontend::sasl_response(&proof, out))
                        .await?;
                }
                Message::AuthenticationSaslFinal(body) => {
                    scram.finish(body.data()).map_err(Error::internal)?;
                }
                Message::ErrorResponse(body) => {
                    return Err(rejected(address, user, &said(body.fields())?));
                }
                Message::ReadyForQuery(_) => return Ok(client),
                _ => {}
            }
        }
    }

    /// Runs a statement in one of this door's forms.
    pub(super) async fn ask(&mut self, sql: &str, form: Form) -> Result<Answer> {
        let binary = i16::from(form == Form::PgExtendedBinary);
        let send = |out: &mut BytesMut| {
            if form == Form::PgSimple {
                return frontend::query(sql, out);
            }
            frontend::parse("", sql, [], out)?;
            frontend::describe(b'S', "", out)?;
            let no_values = std::iter::empty::<()>();
            let bound = frontend::bind(
                "",
                "",
                [],
                no_values,
                |(), _| Ok(IsNull::Yes),
                [binary],
                out,
            );
            bound.map_err(|_| io::Error::other("a Bind without values"))?;
            frontend::execute("", 0, out)?;
            frontend::sync(out);
            Ok(())
        };
        self.send(send).await?;
        let (mut columns, mut rows, mut refused) = (vec![], vec![], None);
        loop {
            match self.message().await? {
                Message::RowDescription(body) => {
                    let fields = body.fields().map(|f| {
                        Ok((
                            f.name().to_owned(),
                            format!("{}:{}", f.type_oid(), f.type_modifier()),
                        ))
                    });
                    columns = fields.collect().map_err(Error::internal)?;
                }
                Message::DataRow(body) => {
                    let cells = body
                        .ranges()
                        .map(|range| Ok(range.map(|range| body.buffer()[range].to_vec())));
                    rows.push(cells.collect().map_err(Error::internal)?);
                }
                Message::ErrorResponse(body) => refused = Some(said(body.fields())?),
                Message::ReadyForQuery(_) => break,
                _ => {}
            }
        }
        Ok(match refused {
            Some(refused) => Answer::Refused(refused),
            None => Answer::Rows { columns, rows },
        })
    }

    async fn send(&mut self, write: impl FnOnce(&mut BytesMut) -> io::Result<()>) -> Result<()> {
        let mut out = BytesMut::new();
        write(&mut out).map_err(Error::internal)?;
        self.stream.write_all(&out).await.map_err(Error::internal)
    }

    async fn message(&mut self) -> Result<Message> {
        loop {
            if let Some(message) = Message::parse(&mut self.read).map_err(Error::internal)? {
                return Ok(message);
            }
            let read = self.stream.read_buf(&mut self.read).await;
            if read.map_err(Error::internal)? == 0 {
                return Err(Error::internal("the server closed the connection"));
            }
        }
    }
}

/// SQLSTATE and message.
fn said(mut fields: ErrorFields<'_>) -> Result<String> {
    let (mut code, mut message) = (String::new(), String::new());
    while let Some(field) = fields.next().map_err(Error::internal)? {
        let value = || String::from_utf8_lossy(field.value_bytes()).into_owned();
        match field.type_() {
            b'C' => code = value(),
            b'M' => message = value(),
            _ => {}
        }
    }
    Ok(format!("{code}: {message}"))
}
