//! Portals: a statement with its parameters, and its rows as far as they were fetched.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use futures::StreamExt;
use gateway::{Rows, Session};
use jiff::tz::TimeZone;
use model::{Error, ErrorKind, ParamValue, Result, ResultSchema, ResultStream};

use super::statement::Statement;
use crate::connection::Link;
use crate::error::Step;
use crate::link::WRITE_CHUNK;
use crate::row::RowEncoder;
use crate::types::{ByteaOutput, Format, Style};

/// Portals that a connection may have at once: its memory is bounded.
const LIMIT: usize = 1_000;

/// A bound statement.
pub(crate) struct Portal {
    pub(crate) statement: Arc<Statement>,
    /// As given in Bind.
    pub(crate) formats: Vec<Format>,
    pub(crate) state: State,
}

/// How far a portal is.
pub(crate) enum State {
    /// Nothing has run.
    Bound(Vec<ParamValue>),
    /// Rows are left, or may be.
    Open(Running),
    /// All rows were fetched; fetching again gives none, under this tag.
    Fetched(&'static str),
    /// It gave no rows, or failed: it can't run again.
    Spent,
}

/// An open result on its way to the client. Dropping it cancels the statement.
pub(crate) struct Running {
    stream: ResultStream,
    encoder: RowEncoder,
    /// A batch that was not sent to its end, with the first row that is left.
    rest: Option<(RecordBatch, usize)>,
    pub(crate) tag: &'static str,
}

/// How a fetch ended.
pub(crate) enum Fetched {
    /// After the last row; with the count of rows sent by this fetch.
    All(u64),
    /// After as many rows as were asked for.
    Some,
}

impl Running {
    /// An open result for a client that was told of its columns by `described`, or by the result's
    /// own schema.
    pub(crate) fn new(
        rows: Rows,
        described: Option<&ResultSchema>,
        formats: &[Format],
        session: &Session,
    ) -> Result<Self> {
        let schema = rows.stream.schema();
        let encoder = RowEncoder::new(described, schema, formats, style(session))?;
        Ok(Self {
            stream: rows.stream,
            encoder,
            rest: None,
            tag: rows.tag,
        })
    }

    /// Sends up to `limit` rows, each chunk when the socket has taken the one before. Like
    /// PostgreSQL it does not look whether a row follows the last one asked for.
    pub(crate) async fn fetch(&mut self, link: &mut Link, limit: u64) -> Step<Fetched> {
        let mut sent = 0;
        while sent < limit {
            let (batch, first) = match self.rest.take() {
                Some(rest) => rest,
                None => match link.attend(self.stream.next()).await? {
                    Some(batch) => (batch?, 0),
                    None => return Ok(Fetched::All(sent)),
                },
            };
            let wanted = usize::try_from(limit - sent).unwrap_or(usize::MAX);
            let end = batch.num_rows().min(first.saturating_add(wanted));
            send(&self.encoder, link, &batch, first, end).await?;
            sent += (end - first) as u64;
            if end < batch.num_rows() {
                self.rest = Some((batch, end));
            }
        }
        Ok(Fetched::Some)
    }

    /// The command tag after `count` rows.
    pub(crate) fn tag(&self, count: u64) -> String {
        tag(self.tag, count)
    }
}

/// Sends rows of a batch, a chunk at a time.
async fn send(
    encoder: &RowEncoder,
    link: &mut Link,
    batch: &RecordBatch,
    first: usize,
    end: usize,
) -> Step {
    let mut next = first;
    while next < end {
        // The columns are resolved once for as many rows as fit into a chunk.
        let rows = encoder.batch(batch)?;
        next = rows.put_rows(next..end, WRITE_CHUNK, &mut link.writer.buffer)?;
        drop(rows);
        if link.writer.is_full() {
            link.flush().await?;
        }
    }
    Ok(())
}

/// The command tag of a result after `count` rows.
pub(crate) fn tag(tag: &str, count: u64) -> String {
    match tag {
        "SELECT" | "INSERT 0" | "UPDATE" | "DELETE" | "MERGE" => format!("{tag} {count}"),
        other => other.to_owned(),
    }
}

/// The settings of a session that change texts.
fn style(session: &Session) -> Style {
    let setting = |name| session.setting(name).unwrap_or_default();
    Style {
        time_zone: TimeZone::get(&setting("TimeZone")).ok(),
        bytea_output: match setting("bytea_output").as_str() {
            "escape" => ByteaOutput::Escape,
            _ => ByteaOutput::Hex,
        },
        extra_float_digits: setting("extra_float_digits").parse().unwrap_or(1),
    }
}

/// Portals by name.
#[derive(Default)]
pub(crate) struct Portals(HashMap<String, Portal>);

impl Portals {
    pub(crate) fn get(&self, name: &str) -> Result<&Portal> {
        self.0.get(name).ok_or_else(|| unknown(name))
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Result<&mut Portal> {
        self.0.get_mut(name).ok_or_else(|| unknown(name))
    }

    /// The text that positions of a portal's errors count in.
    pub(crate) fn sql(&self, name: &str) -> Arc<str> {
        match self.0.get(name) {
            Some(portal) => Arc::clone(&portal.statement.text),
            None => "".into(),
        }
    }

    /// Adds a portal. The unnamed one takes the place of the last.
    ///
    /// # Errors
    /// `DuplicateStatement`; `LimitExceeded`.
    pub(crate) fn insert(&mut self, name: String, portal: Portal) -> Result<()> {
        if !name.is_empty() && self.0.contains_key(&name) {
            let message = format!("cursor \"{name}\" already exists");
            return Err(Error::new(ErrorKind::DuplicateStatement, message));
        }
        if self.0.len() >= LIMIT {
            let message = format!("a connection can have at most {LIMIT} portals");
            return Err(Error::new(ErrorKind::LimitExceeded, message));
        }
        self.0.insert(name, portal);
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Removes all but the one of that name.
    pub(crate) fn clear_but(&mut self, kept: Option<&str>) {
        self.0.retain(|name, _| Some(name.as_str()) == kept);
    }
}

fn unknown(name: &str) -> Error {
    let message = format!("portal \"{name}\" does not exist");
    Error::new(ErrorKind::UndefinedCursor, message)
}
