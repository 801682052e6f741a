//! Tickets: what GetFlightInfo promised and DoGet fetches.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_flight::sql::{ProstMessageExt, TicketStatementQuery};
use arrow_schema::{Schema, SchemaRef};
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use model::{Error, ErrorKind, Result, ResultStream};
use prost::Message;
use tokio_util::sync::CancellationToken;

use crate::params::Parameters;
use crate::session::Session;
use crate::shelf::Handle;
use crate::statement::Statement;

/// What a ticket stands for. Its bytes are a handle, which its own session finds and no other.
pub(crate) struct Ticket {
    work: Work,
    /// Ends the streams that are being fetched with it.
    pub(crate) cancel: CancellationToken,
}

enum Work {
    /// A query, run each time the ticket is redeemed.
    Query {
        statement: Arc<Statement>,
        parameters: Option<Arc<Parameters>>,
        /// The schema that the client was told.
        schema: Option<SchemaRef>,
    },
    /// A statement without rows, which was run when the ticket was made.
    Done,
}

/// Rows to send.
pub(crate) struct Fetched {
    pub(crate) schema: SchemaRef,
    pub(crate) batches: BoxStream<'static, Result<RecordBatch>>,
}

impl Ticket {
    /// A ticket for the rows of a query.
    pub(crate) fn query(statement: Arc<Statement>, parameters: Option<Arc<Parameters>>) -> Self {
        let schema = statement.schema();
        Self {
            work: Work::Query {
                statement,
                parameters,
                schema,
            },
            cancel: CancellationToken::new(),
        }
    }

    /// A ticket for the empty result of a statement that has been run.
    pub(crate) fn done() -> Self {
        Self {
            work: Work::Done,
            cancel: CancellationToken::new(),
        }
    }

    /// Whether there is anything to cancel.
    pub(crate) fn is_query(&self) -> bool {
        matches!(self.work, Work::Query { .. })
    }

    /// The schema that the client is told; `None` if it is open until the first rows.
    pub(crate) fn schema(&self) -> Option<SchemaRef> {
        match &self.work {
            Work::Query { schema, .. } => schema.clone(),
            Work::Done => Some(Arc::new(Schema::empty())),
        }
    }

    /// About what it takes to keep it.
    pub(crate) fn bytes(&self) -> usize {
        match &self.work {
            Work::Query {
                statement,
                parameters,
                ..
            } => statement.bytes() + parameters.as_ref().map_or(0, |p| p.bytes()),
            Work::Done => 128,
        }
    }

    /// Runs the query, for as many rows of parameters as are bound, one result behind the other.
    pub(crate) async fn fetch(&self, session: &Arc<Session>) -> Result<Fetched> {
        let Work::Query {
            statement,
            parameters,
            schema: told,
        } = &self.work
        else {
            return Ok(Fetched {
                schema: Arc::new(Schema::empty()),
                batches: stream::empty().boxed(),
            });
        };
        let Some(parameters) = parameters else {
            let rows = statement.rows(session, None).await?;
            return fetched(rows, told.as_ref());
        };
        if parameters.rows() == 0 {
            return match told {
                Some(schema) => Ok(Fetched {
                    schema: Arc::clone(schema),
                    batches: stream::empty().boxed(),
                }),
                None => Err(no_rows()),
            };
        }
        let first = statement.rows(session, Some((parameters, 0))).await?;
        let first = fetched(first, told.as_ref())?;
        let rest = stream::iter(1..parameters.rows())
            .map(Ok)
            .and_then({
                let (statement, parameters) = (Arc::clone(statement), Arc::clone(parameters));
                let (session, schema) = (Arc::clone(session), Arc::clone(&first.schema));
                move |row| {
                    let (statement, parameters) = (Arc::clone(&statement), Arc::clone(&parameters));
                    let (session, schema) = (Arc::clone(&session), Arc::clone(&schema));
                    async move {
                        let rows = statement.rows(&session, Some((&parameters, row))).await?;
                        fetched(rows, Some(&schema)).map(|f| f.batches)
                    }
                }
            })
            .try_flatten();
        Ok(Fetched {
            schema: first.schema,
            batches: first.batches.chain(rest).boxed(),
        })
    }
}

/// The stream, if it has the schema that the client was told. It can have moved with the policy.
fn fetched(rows: ResultStream, told: Option<&SchemaRef>) -> Result<Fetched> {
    let schema = Arc::clone(&rows.schema().arrow);
    match told {
        Some(told) if told.fields() != schema.fields() => Err(Error::new(
            ErrorKind::NotSupported,
            "the columns of the result are not those that were announced any more",
        )
        .with_hint("ask for it again")),
        _ => Ok(Fetched {
            schema,
            batches: rows.boxed(),
        }),
    }
}

fn no_rows() -> Error {
    Error::new(
        ErrorKind::IndeterminateDatatype,
        "the types of the result depend on parameters, and no row of them is bound",
    )
}

/// A ticket's bytes for the wire.
pub(crate) fn encode(handle: Handle) -> Bytes {
    let message = TicketStatementQuery {
        statement_handle: handle.to_vec().into(),
    };
    message.as_any().encode_to_vec().into()
}
