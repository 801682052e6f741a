//! Arrow columns as parameter values.

mod kind;
#[cfg(test)]
mod tests;
mod value;

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field};
use model::{Error, ErrorKind, ParamValue, Result, SqlType};

use self::kind::{Conversion, conversion, own_type, plain};
use self::value::value;
use crate::types;

const STRICT: CastOptions<'static> = CastOptions {
    safe: false,
    format_options: arrow_cast::display::FormatOptions::new(),
};

/// Rows of parameter values in Arrow's form, in one of a few plain types per column.
#[derive(Debug)]
pub(crate) struct Parameters {
    types: Vec<SqlType>,
    batches: Vec<Vec<ArrayRef>>,
    rows: usize,
}

impl Parameters {
    /// Reads batches for a statement whose parameters have the `wanted` types.
    ///
    /// A value is turned into the wanted type where that changes nothing about it (integers in
    /// range, text that reads as the type); otherwise the column keeps its own type, see
    /// [`Parameters::types`].
    pub(crate) fn read(batches: &[RecordBatch], wanted: &[SqlType]) -> Result<Self> {
        let Some(first) = batches.first() else {
            return Ok(Self {
                types: wanted.to_vec(),
                batches: Vec::new(),
                rows: 0,
            });
        };
        if first.num_columns() != wanted.len() {
            return Err(Error::new(
                ErrorKind::Protocol,
                format!(
                    "{} parameters were bound to a statement that takes {}",
                    first.num_columns(),
                    wanted.len()
                ),
            ));
        }
        let schema = first.schema();
        let mut types = Vec::with_capacity(wanted.len());
        let mut columns: Vec<Vec<ArrayRef>> = Vec::with_capacity(wanted.len());
        for (i, (field, wanted)) in schema.fields().iter().zip(wanted).enumerate() {
            let column: Vec<&ArrayRef> = batches.iter().map(|b| b.column(i)).collect();
            let (sql_type, arrays) =
                read_column(field, &column, wanted).map_err(|e| in_parameter(&e, i))?;
            types.push(sql_type);
            columns.push(arrays);
        }
        Ok(Self {
            types,
            batches: (0..batches.len())
                .map(|b| columns.iter().map(|c| Arc::clone(&c[b])).collect())
                .collect(),
            rows: batches.iter().map(RecordBatch::num_rows).sum(),
        })
    }

    /// The types of the values: the wanted one, or the column's own; `Null` for a column of NULLs.
    pub(crate) fn types(&self) -> &[SqlType] {
        &self.types
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// What they take in memory.
    pub(crate) fn bytes(&self) -> usize {
        let arrays = self.batches.iter().flatten();
        arrays.map(|a| a.get_array_memory_size()).sum()
    }

    /// The values of one row.
    pub(crate) fn row(&self, mut row: usize) -> Result<Vec<ParamValue>> {
        for columns in &self.batches {
            let rows = columns.first().map_or(0, |c| c.len());
            if row < rows {
                return columns
                    .iter()
                    .zip(&self.types)
                    .enumerate()
                    .map(|(i, (c, t))| value(c, row, t).map_err(|e| in_parameter(&e, i)))
                    .collect();
            }
            row -= rows;
        }
        Err(Error::internal("a row beyond the bound ones"))
    }
}

fn in_parameter(error: &Error, index: usize) -> Error {
    Error::new(error.kind(), format!("parameter ${}: {error}", index + 1))
}

/// The column's arrays in a plain type, and the SQL type of their values.
fn read_column(
    field: &Field,
    arrays: &[&ArrayRef],
    wanted: &SqlType,
) -> Result<(SqlType, Vec<ArrayRef>)> {
    let plain_type = plain(field.data_type())?;
    let plain: Vec<ArrayRef> = arrays
        .iter()
        .map(|a| cast(a, &plain_type))
        .collect::<Result<_>>()?;
    let own = own_type(field, &plain_type)?;
    if own == *wanted || own == SqlType::Null {
        return Ok((own, plain));
    }
    match conversion(&own, wanted) {
        Conversion::Same => Ok((wanted.clone(), plain)),
        Conversion::None => Ok((own, plain)),
        Conversion::Cast { must } => {
            let target = types::arrow_type(wanted);
            let cast: Result<Vec<ArrayRef>> = plain.iter().map(|a| cast(a, &target)).collect();
            match cast {
                Ok(arrays) => Ok((wanted.clone(), arrays)),
                Err(_) if must => Err(Error::new(
                    ErrorKind::InvalidText,
                    format!("the text is not a value of type {wanted}"),
                )),
                Err(_) => Ok((own, plain)),
            }
        }
    }
}

fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    cast_with_options(array, to, &STRICT).map_err(|_| {
        Error::new(
            ErrorKind::InvalidParameterValue,
            format!("a value of type {} does not fit {to}", array.data_type()),
        )
    })
}
