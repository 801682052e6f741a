//! The columns of a result, held against what was told before it ran.

use std::sync::Arc;

use model::{ExecRequest, Result, ResultSchema};
use native::{NativeStream, result_schema};

use crate::names::mismatch;
use crate::start::Run;

impl Run {
    /// The result's columns, which must be those that the sidecar described.
    pub(crate) fn schema(
        &self,
        request: &ExecRequest,
        stream: &mut NativeStream,
    ) -> Result<Arc<ResultSchema>> {
        let columns = stream.columns().map_err(|e| self.error(&e))?;
        let arrow = match stream.schema() {
            Ok(arrow) => arrow,
            // No Arrow form at all: the refusal names the column.
            Err(error) => {
                native::check_types(&columns)?;
                return Err(self.error(&error));
            }
        };
        let own = result_schema(&columns, &arrow)?;
        let Some(described) = request.schema() else {
            return Ok(Arc::new(own));
        };
        if same_types(&own, described) {
            return Ok(Arc::clone(described));
        }
        let error = mismatch(format!("columns {own:?}, described as {described:?}"));
        tracing::error!(
            target: "audit",
            event = "describe_mismatch",
            statement = %request.id(),
            principal = request.principal().name,
            cause = error.cause().map(tracing::field::display),
        );
        Err(error)
    }
}

/// Whether two results have columns of the same types, in DuckDB and in Arrow.
pub(crate) fn same_types(a: &ResultSchema, b: &ResultSchema) -> bool {
    let (left, right) = (a.arrow.fields(), b.arrow.fields());
    a.columns.len() == b.columns.len()
        && left.len() == right.len()
        && a.columns
            .iter()
            .zip(&b.columns)
            .all(|(a, b)| a.sql_type == b.sql_type)
        && left
            .iter()
            .zip(right)
            .all(|(a, b)| a.data_type() == b.data_type())
}
