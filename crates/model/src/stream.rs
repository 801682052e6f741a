//! Results: a schema known before the first row, and batches as they are made.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use futures::Stream;
use futures::stream::BoxStream;

use crate::{Error, SqlType};

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultColumn {
    /// The name the client sees: the one that the user's own text has when bound.
    pub name: String,
    /// Its DuckDB type. Arrow alone loses some, such as JSON.
    pub sql_type: SqlType,
}

/// The columns of a result, as DuckDB and as Arrow name them. Both have the same length and names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultSchema {
    /// DuckDB's view.
    pub columns: Vec<ResultColumn>,
    /// Arrow's view: the schema of every batch.
    pub arrow: SchemaRef,
}

/// The rows of one statement. Dropping it cancels the statement.
pub struct ResultStream {
    schema: Arc<ResultSchema>,
    batches: BoxStream<'static, Result<RecordBatch, Error>>,
}

impl ResultStream {
    /// A stream of batches of that schema. It ends after its first error.
    pub fn new(
        schema: Arc<ResultSchema>,
        batches: impl Stream<Item = Result<RecordBatch, Error>> + Send + 'static,
    ) -> Self {
        Self {
            schema,
            batches: Box::pin(batches),
        }
    }

    /// The columns, known before the first batch.
    pub fn schema(&self) -> &Arc<ResultSchema> {
        &self.schema
    }
}

impl Stream for ResultStream {
    type Item = Result<RecordBatch, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for ResultStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultStream")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}
