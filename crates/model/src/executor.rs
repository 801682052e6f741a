//! The seam to everything that owns data: DuckDB in this process, later remote agents.

use std::sync::Arc;

use arrow_array::RecordBatch;
use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::{CatalogSnapshot, ExecRequest, Principal, Result, ResultStream, StatementId};

/// Something that owns catalogs and runs sealed requests on them.
#[async_trait]
pub trait Executor: Send + Sync {
    /// The catalogs as of the last change that was seen.
    fn catalog(&self) -> Arc<CatalogSnapshot>;

    /// Opens a session of one principal. It holds no connection until it needs one.
    async fn open_session(&self, principal: Arc<Principal>) -> Result<Arc<dyn ExecSession>>;
}

/// A principal's place on an executor. It holds a connection only while it is in a transaction, has
/// an open stream or temporary objects, and never shares one with another session.
///
/// Methods may be called from several tasks; statements of one session run one after another.
#[async_trait]
pub trait ExecSession: Send + Sync {
    /// Runs a request. Returns when the first rows are there or the statement has failed; a write
    /// has then been done (and committed outside a transaction).
    ///
    /// Fails with `ObjectInUse` while a stream of the same transaction is open, or one over the
    /// session's temporary objects and the request is about them too.
    async fn execute(&self, request: ExecRequest) -> Result<ResultStream>;

    /// Appends batches to the request's target and returns the count of rows, all or none.
    async fn ingest(
        &self,
        request: ExecRequest,
        batches: BoxStream<'static, Result<RecordBatch>>,
    ) -> Result<u64>;

    /// Opens a transaction.
    async fn begin(&self, read_only: bool) -> Result<()>;

    /// Commits the open transaction. On failure it is rolled back.
    async fn commit(&self) -> Result<()>;

    /// Rolls the open transaction back.
    async fn rollback(&self) -> Result<()>;

    /// Drops the session's temporary objects.
    ///
    /// Fails with `ActiveTransaction` inside a transaction.
    async fn discard_temporary(&self) -> Result<()>;

    /// The catalogs as this session sees them: with its own uncommitted changes and its temporary
    /// objects.
    fn catalog(&self) -> Arc<CatalogSnapshot>;

    /// Cancels the statement of that id if it is running. Idempotent; returns at once.
    fn cancel(&self, id: StatementId);

    /// How much of the statement is done, from 0 to 1, where known.
    fn progress(&self, id: StatementId) -> Option<f64>;

    /// Ends the session: rolls back, cancels, gives the connection back. Idempotent.
    async fn close(&self);
}
