//! Result columns: their description, and batches as DataRow messages.

use std::ops::Range;

use arrow_array::RecordBatch;
use bytes::{BufMut, BytesMut};
use model::{Error, ErrorKind, Result, ResultSchema, SqlType};
use pgwire::messages::data::{FieldDescription, RowDescription};

use crate::types::{Format, PgType, Style, Values, put_sized};

/// Which format each column of a result has: none given means text for all, one holds for all.
///
/// # Errors
/// `Protocol`: as many as columns, or one, or none can be given.
pub(crate) fn column_formats(given: &[Format], columns: usize) -> Result<Vec<Format>> {
    match given {
        [] => Ok(vec![Format::Text; columns]),
        [all] => Ok(vec![*all; columns]),
        each if each.len() == columns => Ok(each.to_vec()),
        each => Err(Error::new(
            ErrorKind::Protocol,
            format!(
                "bind message has {} result formats but query has {columns} columns",
                each.len()
            ),
        )),
    }
}

/// The RowDescription of a result. `formats` are as many as columns.
///
/// # Errors
/// `TooComplex`: more columns than the protocol can count.
pub(crate) fn description(schema: &ResultSchema, formats: &[Format]) -> Result<RowDescription> {
    if schema.columns.len() > i16::MAX as usize {
        let message = format!("a result can have at most {} columns", i16::MAX);
        return Err(Error::new(ErrorKind::TooComplex, message));
    }
    let fields = schema.columns.iter().zip(formats).map(|(column, format)| {
        let pg = PgType::of(&column.sql_type);
        // A NUL would end the name early and shift every field after it.
        let name = column.name.replace('\0', "\u{fffd}");
        let format = match format {
            Format::Text => 0,
            Format::Binary => 1,
        };
        FieldDescription::new(name, 0, 0, pg.oid, pg.length, pg.modifier, format)
    });
    Ok(RowDescription::new(fields.collect()))
}

/// Writes the rows of one result.
#[derive(Debug)]
pub(crate) struct RowEncoder {
    columns: Vec<(SqlType, Format)>,
    style: Style,
}

/// A batch whose columns are resolved.
pub(crate) struct Batch<'a> {
    columns: Vec<(Values<'a>, Format)>,
    style: &'a Style,
}

impl RowEncoder {
    /// An encoder for a result of that schema. `described` is what the client was told about the
    /// columns before the statement ran, if it was.
    ///
    /// # Errors
    /// `NotSupported`: the result has other types than it was described with.
    pub(crate) fn new(
        described: Option<&ResultSchema>,
        schema: &ResultSchema,
        formats: &[Format],
        style: Style,
    ) -> Result<Self> {
        let changed = || {
            Error::new(
                ErrorKind::NotSupported,
                "cached plan must not change result type",
            )
        };
        if described.is_some_and(|d| d.columns.len() != schema.columns.len())
            || formats.len() != schema.columns.len()
        {
            return Err(changed());
        }
        let mut columns = Vec::with_capacity(schema.columns.len());
        for (i, (column, format)) in schema.columns.iter().zip(formats).enumerate() {
            let told = described.map_or(&column.sql_type, |d| &d.columns[i].sql_type);
            if PgType::of(told).oid != PgType::of(&column.sql_type).oid {
                return Err(changed());
            }
            columns.push((column.sql_type.clone(), *format));
        }
        Ok(Self { columns, style })
    }

    /// Resolves the columns of a batch.
    ///
    /// # Errors
    /// `NotSupported`: a column's Arrow type can't be sent. `Internal`: the batch has other columns
    /// than the result.
    pub(crate) fn batch<'a>(&'a self, batch: &'a RecordBatch) -> Result<Batch<'a>> {
        if batch.num_columns() != self.columns.len() {
            return Err(Error::internal("a batch has other columns than its result"));
        }
        let columns = self.columns.iter().zip(batch.columns());
        Ok(Batch {
            columns: columns
                .map(|((sql_type, format), array)| Ok((Values::new(sql_type, array)?, *format)))
                .collect::<Result<_>>()?,
            style: &self.style,
        })
    }
}

impl Batch<'_> {
    /// Writes rows from the start of `rows` on until `out` holds `limit` bytes or more. Returns the
    /// first row that was not written.
    ///
    /// # Errors
    /// A value that its type's form can't express; `out` then ends with the row before it.
    pub(crate) fn put_rows(
        &self,
        rows: Range<usize>,
        limit: usize,
        out: &mut BytesMut,
    ) -> Result<usize> {
        for row in rows.clone() {
            if out.len() >= limit {
                return Ok(row);
            }
            let start = out.len();
            if let Err(error) = self.put_row(row, out) {
                out.truncate(start);
                return Err(error);
            }
        }
        Ok(rows.end)
    }

    fn put_row(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_u8(b'D');
        put_message(out, |out| {
            out.put_i16(self.columns.len() as i16);
            for (values, format) in &self.columns {
                put_sized(out, values.is_null(row), |out| match format {
                    Format::Text => values.put_text(row, self.style, out),
                    Format::Binary => values.put_binary(row, self.style, out),
                })?;
            }
            Ok(())
        })
    }
}

/// Writes a body behind its length, which counts itself.
fn put_message(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut) -> Result<()>) -> Result<()> {
    let start = out.len();
    out.put_i32(0);
    write(out)?;
    let length = i32::try_from(out.len() - start)
        .map_err(|_| Error::new(ErrorKind::TooComplex, "a row is larger than 2 GB"))?;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test may panic")]

    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int32Array, StringArray};
    use arrow_schema::{DataType, Field, Schema};
    use model::ResultColumn;

    use super::*;

    fn schema(types: &[SqlType]) -> ResultSchema {
        let column = |sql_type: &SqlType| ResultColumn {
            name: "c".to_owned(),
            sql_type: sql_type.clone(),
        };
        ResultSchema {
            columns: types.iter().map(column).collect(),
            arrow: Arc::new(Schema::empty()),
        }
    }

    fn batch() -> RecordBatch {
        let fields = vec![
            Field::new("a", DataType::Int32, true),
            Field::new("b", DataType::Utf8, true),
        ];
        let a: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None]));
        let b: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), Some("")]));
        RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![a, b]).unwrap()
    }

    const TYPES: [SqlType; 2] = [SqlType::Integer, SqlType::Varchar];

    #[test]
    fn formats_for_columns() {
        use Format::{Binary, Text};
        assert_eq!(column_formats(&[], 2).unwrap(), [Text, Text]);
        assert_eq!(column_formats(&[Binary], 2).unwrap(), [Binary, Binary]);
        assert_eq!(column_formats(&[Binary, Text], 2).unwrap(), [Binary, Text]);
        assert_eq!(column_formats(&[Binary], 0).unwrap(), []);
        for (given, columns) in [(2, 3), (3, 2), (2, 1), (2, 0)] {
            let error = column_formats(&vec![Text; given], columns).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol);
        }
    }

    #[test]
    fn rows_in_both_formats() {
        let result = schema(&TYPES);
        let formats = [Format::Binary, Format::Text];
        let encoder = RowEncoder::new(None, &result, &formats, Style::default()).unwrap();
        let batch = batch();
        let rows = encoder.batch(&batch).unwrap();
        let mut out = BytesMut::new();
        assert_eq!(rows.put_rows(0..2, 1000, &mut out).unwrap(), 2);
        let expected = b"D\0\0\0\x13\0\x02\0\0\0\x04\0\0\0\x01\0\0\0\x01x\
            D\0\0\0\x0e\0\x02\xff\xff\xff\xff\0\0\0\0";
        assert_eq!(&out[..], expected);
        out.clear();
        assert_eq!(rows.put_rows(0..2, 1, &mut out).unwrap(), 1);
        assert_eq!(rows.put_rows(1..2, 100, &mut out).unwrap(), 2);
        assert_eq!(&out[..], expected);
    }

    #[test]
    fn a_result_keeps_the_types_it_was_described_with() {
        let formats = [Format::Binary, Format::Binary];
        let encode = |told: &ResultSchema| {
            RowEncoder::new(Some(told), &schema(&TYPES), &formats, Style::default())
        };
        assert!(encode(&schema(&TYPES)).is_ok());
        for other in [&TYPES[..1], &[SqlType::BigInt, SqlType::Varchar][..]] {
            let error = encode(&schema(other)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotSupported);
        }
    }

    #[test]
    fn descriptions() {
        let told = description(&schema(&TYPES), &[Format::Text, Format::Binary]).unwrap();
        let field = |oid, length, format| {
            FieldDescription::new("c".to_owned(), 0, 0, oid, length, -1, format)
        };
        assert_eq!(told.fields, [field(23, 4, 0), field(25, -1, 1)]);
        let many = vec![SqlType::Integer; 40_000];
        let error = description(&schema(&many), &vec![Format::Text; 40_000]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooComplex);
    }
}
