//! Small answers as text.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType};

use crate::{Error, ErrorType, NativeStream, Result};

/// A small result, held whole, its values as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
}

impl Rows {
    pub(crate) fn collect(stream: &mut NativeStream) -> Result<Self> {
        let columns = stream
            .columns()?
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let mut rows = Vec::new();
        while let Some(batch) = stream.next_batch()? {
            let start = rows.len();
            rows.resize_with(start + batch.num_rows(), || {
                Vec::with_capacity(batch.num_columns())
            });
            for column in batch.columns() {
                append(column.as_ref(), &mut rows[start..]).map_err(|e| {
                    Error::new(ErrorType::Internal, format!("printing a value: {e}"))
                })?;
            }
        }
        Ok(Self { columns, rows })
    }

    /// Names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The rows; NULL is `None`.
    pub fn rows(&self) -> &[Vec<Option<String>>] {
        &self.rows
    }

    /// The rows, taken out.
    pub fn into_rows(self) -> Vec<Vec<Option<String>>> {
        self.rows
    }

    /// The value of a result of one row and one column, if it is not NULL.
    pub fn scalar(self) -> Option<String> {
        let mut rows = self.rows.into_iter();
        match (rows.next(), rows.next()) {
            (Some(mut row), None) if row.len() == 1 => row.pop().flatten(),
            _ => None,
        }
    }
}

fn append(column: &dyn Array, rows: &mut [Vec<Option<String>>]) -> Result<(), ArrowError> {
    // Most answers are text, and trees are megabytes of it: no formatter in between.
    if column.data_type() == &DataType::Utf8 {
        for (row, value) in rows.iter_mut().zip(column.as_string::<i32>()) {
            row.push(value.map(str::to_owned));
        }
        return Ok(());
    }
    let formatter = ArrayFormatter::try_new(column, &FormatOptions::default())?;
    for (i, row) in rows.iter_mut().enumerate() {
        let value = column
            .is_valid(i)
            .then(|| formatter.value(i).try_to_string());
        row.push(value.transpose()?);
    }
    Ok(())
}
