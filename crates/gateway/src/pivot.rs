//! PIVOT that looks for its values: they are asked for by a query of the same principal, in the same
//! transaction, and the statement is planned with them.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use futures::StreamExt;
use model::{Error, ErrorKind, Result, SqlType};
use plan::{ClosedPivot, OpenPivot};

use crate::registry::StatementState;
use crate::{Outcome, Session};

/// Columns that values may make of one PIVOT.
pub(crate) const MOST_COLUMNS: usize = 1000;

impl Session {
    /// The text with its values, if it is a PIVOT that does not name them.
    ///
    /// # Errors
    /// What is wrong with the statement; `LimitExceeded` for too many values.
    pub(crate) async fn with_pivot_values(
        &self,
        text: &Arc<str>,
        declared: &[Option<SqlType>],
    ) -> Result<Option<ClosedPivot>> {
        if !mentions_pivot(text) {
            return Ok(None);
        }
        let read = Arc::clone(text);
        let read = move |parser: &tree::Parser| plan::open_pivot(&read, parser, MOST_COLUMNS);
        let record = self.begin_statement(text, StatementState::Planning)?;
        let open = match record.wait(self.engine.planner.run(read)).await {
            Ok(open) => open,
            Err(error) => return Err(record.end_failed(error)),
        };
        record.end_unrecorded();
        let Some(open) = open else {
            return Ok(None);
        };
        // What is wrong with the statement itself is found before anything runs.
        let some = open.with_any_values();
        let planned = Box::pin(self.prepare(some.text(), declared)).await;
        planned.map_err(|e| located(e, &some))?;
        let values = self.pivot_values(&open).await?;
        Ok(Some(open.with_values(&values)))
    }

    async fn pivot_values(&self, open: &OpenPivot) -> Result<Vec<Vec<String>>> {
        let mut all = Vec::with_capacity(open.queries().len());
        let mut columns = 1_usize;
        for query in open.queries() {
            let values = Box::pin(self.texts(query)).await;
            let values = values.map_err(Error::without_position)?;
            if values.is_empty() {
                return Err(Error::new(
                    ErrorKind::InvalidParameterValue,
                    "PIVOT finds no value to make a column of",
                )
                .with_hint("name the values: PIVOT … ON expression IN (…)"));
            }
            columns = columns.saturating_mul(values.len());
            if columns > MOST_COLUMNS {
                return Err(Error::new(
                    ErrorKind::LimitExceeded,
                    format!("PIVOT finds values for more than {MOST_COLUMNS} columns"),
                )
                .with_hint("name the values: PIVOT … ON expression IN (…)"));
            }
            all.push(values);
        }
        Ok(all)
    }

    /// The rows of a query of one column of text.
    async fn texts(&self, query: &str) -> Result<Vec<String>> {
        let prepared = self.prepare(query, &[]).await?;
        if !prepared.parameters().is_empty() {
            return Err(Error::not_supported(
                "a parameter in a PIVOT that looks for its values",
            ));
        }
        let Outcome::Rows(mut rows) = self.execute(&prepared, vec![]).await? else {
            return Err(Error::internal("a query gave no rows"));
        };
        let mut texts = Vec::new();
        while let Some(batch) = rows.stream.next().await {
            let batch = batch?;
            let column = batch.column(0).as_string_opt::<i32>();
            let column = column.ok_or_else(|| Error::internal("a value is not text"))?;
            texts.extend(column.iter().flatten().map(str::to_owned));
        }
        Ok(texts)
    }
}

/// Moves the position of an error to where it is in the statement as it was sent.
pub(crate) fn located(error: Error, closed: &ClosedPivot) -> Error {
    match error.position() {
        Some(position) => error.with_position(closed.original(position)),
        None => error,
    }
}

/// Whether it is worth to look closer: most statements never do.
fn mentions_pivot(text: &str) -> bool {
    let mut windows = text.as_bytes().windows(5);
    windows.any(|word| word.eq_ignore_ascii_case(b"pivot"))
}
