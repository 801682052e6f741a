//! The statements of a running server, over its operations door.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use model::{Error, ErrorKind, Result};
use rustls_pki_types::ServerName;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::cli::{Queries, QueriesAction};
use crate::config::Loaded;
use crate::{password, tls};

/// Largest answer that is read.
const ANSWER_BYTES: usize = 64 << 20;

#[derive(Deserialize)]
struct List {
    statements: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    id: String,
    principal: String,
    door: String,
    state: String,
    elapsed_ms: u64,
    rows: u64,
    bytes: u64,
    sql: String,
    wait: Option<Waiting>,
}

#[derive(Deserialize)]
struct Waiting {
    waits_for: String,
    waited_ms: u64,
    place: Option<usize>,
}

#[derive(Deserialize)]
struct Refusal {
    error: Reason,
}

#[derive(Deserialize)]
struct Reason {
    message: String,
}

/// Lists or ends statements; returns what to print.
pub(crate) fn run(arguments: &Queries) -> Result<String> {
    let base = base(arguments)?;
    let password = match &arguments.password {
        Some(password) => password.clone(),
        None => password::read("Password: ")?,
    };
    let client = Client {
        base,
        authorization: format!(
            "Basic {}",
            STANDARD.encode(format!("{}:{password}", arguments.user))
        ),
        tls: arguments.ca.as_deref().map(tls::client).transpose()?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::internal)?;
    runtime.block_on(async {
        match &arguments.action {
            None | Some(QueriesAction::List) => {
                let answer = client.send(Method::GET, "/v1/statements").await?;
                let list: List = serde_json::from_slice(&answer).map_err(unexpected)?;
                Ok(table(&list.statements))
            }
            Some(QueriesAction::Kill { id }) => {
                client
                    .send(Method::DELETE, &format!("/v1/statements/{id}"))
                    .await?;
                Ok(format!("{id} was asked to stop\n"))
            }
        }
    })
}

/// The operations door's URL.
fn base(arguments: &Queries) -> Result<Uri> {
    let text = match (&arguments.url, &arguments.config) {
        (Some(url), _) => url.clone(),
        (None, Some(config)) => {
            let checked = Loaded::read(config)?.check()?;
            let scheme = if checked.tls.is_some() {
                "https"
            } else {
                "http"
            };
            let door = checked
                .metrics
                .and_then(|door| door.addresses.into_iter().next());
            let mut address = door.ok_or_else(|| failed("the operations door is off"))?;
            if address.ip().is_unspecified() {
                address.set_ip([127, 0, 0, 1].into());
            }
            format!("{scheme}://{address}")
        }
        (None, None) => return Err(failed("--config or --url is needed")),
    };
    text.parse()
        .map_err(|_| failed(&format!("{text:?} is not a URL")))
}

struct Client {
    base: Uri,
    authorization: String,
    tls: Option<Arc<rustls::ClientConfig>>,
}

impl Client {
    async fn send(&self, method: Method, path: &str) -> Result<Bytes> {
        let host = self
            .base
            .host()
            .ok_or_else(|| failed("the URL has no host"))?;
        let secure = match self.base.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(failed("the URL must begin with http:// or https://")),
        };
        let port = self
            .base
            .port_u16()
            .unwrap_or(if secure { 443 } else { 80 });
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let unreachable = |e: std::io::Error| failed(&format!("{host}:{port}: {e}"));
        let socket = TcpStream::connect((bare, port))
            .await
            .map_err(unreachable)?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, format!("{host}:{port}"))
            .header(AUTHORIZATION, &self.authorization)
            .body(Empty::new())
            .map_err(Error::internal)?;
        if !secure {
            return exchange(socket, request).await;
        }
        let config = self.tls.clone();
        let config = config.ok_or_else(|| failed("https needs --ca"))?;
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| failed("not a host name"))?;
        let stream = TlsConnector::from(config)
            .connect(name, socket)
            .await
            .map_err(unreachable)?;
        exchange(stream, request).await
    }
}

/// One request and its answer.
async fn exchange<S>(stream: S, request: Request<Empty<Bytes>>) -> Result<Bytes>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let broken = |e: hyper::Error| failed(&format!("the server's answer broke off: {e}"));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES)
            .collect()
            .await;
        let body = body.map_err(|e| failed(&format!("the server's answer broke off: {e}")))?;
        Ok::<_, Error>((status, body.to_bytes()))
    };
    tokio::pin!(answer, connection);
    let (status, body) = tokio::select! {
        answer = &mut answer => answer?,
        // The connection may end, with its last bytes read, before the answer has been looked at.
        ended = &mut connection => {
            ended.map_err(broken)?;
            answer.await?
        }
    };
    if status.is_success() {
        return Ok(body);
    }
    let reason = match serde_json::from_slice::<Refusal>(&body) {
        Ok(refusal) => refusal.error.message,
        Err(_) => String::from_utf8_lossy(&body).into_owned(),
    };
    let reason = reason.trim();
    Err(match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::new(
            ErrorKind::InvalidPassword,
            format!("the server refused: {reason}"),
        ),
        _ => failed(&format!("the server answered {status}: {reason}")),
    })
}

fn table(items: &[Item]) -> String {
    let mut text = String::new();
    if items.is_empty() {
        text.push_str("no statement is in work\n");
    }
    for item in items {
        let words = item.sql.split_whitespace().collect::<Vec<_>>().join(" ");
        let sql: String = words
            .chars()
            .filter(|c| !c.is_control())
            .take(120)
            .collect();
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{}  {:<16} {:<6} {:<9} {:>9.3} s {:>12} rows {:>14} bytes  {sql}",
            item.id,
            item.principal,
            item.door,
            item.state,
            item.elapsed_ms as f64 / 1000.0,
            item.rows,
            item.bytes,
        );
        if let Some(wait) = &item.wait {
            let place = wait.place.map(|place| format!(", place {place}"));
            let _ = writeln!(
                text,
                "    waits for {}{}, for {:.3} s",
                wait.waits_for,
                place.unwrap_or_default(),
                wait.waited_ms as f64 / 1000.0,
            );
        }
    }
    text
}

fn failed(message: &str) -> Error {
    Error::new(ErrorKind::Io, message)
}

fn unexpected(error: serde_json::Error) -> Error {
    failed("the server's answer is not understood").with_cause(error)
}
