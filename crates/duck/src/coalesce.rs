//! Joining DuckDB's chunks of 2,048 rows into batches worth sending.

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::concat::concat_batches;

/// Rows at which a batch is sent.
pub const BATCH_ROWS: usize = 64 << 10;

/// Bytes at which a batch is sent. A single chunk of this size is sent as it is, without a copy.
pub const BATCH_BYTES: usize = 1 << 20;

/// Chunks on their way to one batch.
#[derive(Default)]
pub(crate) struct Coalescer {
    chunks: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
}

impl Coalescer {
    /// Adds a chunk; says whether the batch is due.
    pub(crate) fn push(&mut self, chunk: RecordBatch) -> bool {
        self.rows += chunk.num_rows();
        self.bytes += chunk.get_array_memory_size();
        self.chunks.push(chunk);
        self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    /// What has been collected, if anything.
    pub(crate) fn take(&mut self, schema: &SchemaRef) -> Result<Option<RecordBatch>, ArrowError> {
        let mut chunks = std::mem::take(&mut self.chunks);
        (self.rows, self.bytes) = (0, 0);
        match chunks.len() {
            0 | 1 => Ok(chunks.pop()),
            _ => concat_batches(schema, &chunks).map(Some),
        }
    }
}
