//! The one form in which results leave a worker, and in which the sidecar describes them.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields, Schema, SchemaRef, UnionFields};
use model::{Error, ErrorKind, Result, ResultColumn, ResultSchema, SqlType};

/// Time zone of every TIMESTAMPTZ column: an instant's display is the door's business, and the
/// schema must not depend on a setting that the describing instance does not know.
const UTC: &str = "UTC";

/// The schema under which columns of these types, exported by DuckDB as `arrow`, leave Eider.
///
/// ENUM columns are hydrated to text, as a dictionary lists values that no visible row has, and
/// TIMESTAMPTZ is in UTC. Refuses types whose Arrow form loses values, naming the column.
pub fn result_schema(columns: &[(String, SqlType)], arrow: &Schema) -> Result<ResultSchema> {
    if columns.len() != arrow.fields().len() {
        return Err(Error::internal("columns and Arrow schema differ in length"));
    }
    check_types(columns)?;
    let fields: Fields = columns
        .iter()
        .zip(arrow.fields())
        .map(|((name, _), field)| {
            let data_type = settled(field.data_type());
            Field::new(name, data_type, true).with_metadata(field.metadata().clone())
        })
        .collect();
    let columns = columns
        .iter()
        .map(|(name, sql_type)| ResultColumn {
            name: name.clone(),
            sql_type: sql_type.clone(),
        })
        .collect();
    Ok(ResultSchema {
        columns,
        arrow: Arc::new(Schema::new(fields)),
    })
}

/// Refuses columns of types that [`result_schema`] refuses, for where DuckDB makes no Arrow schema.
pub fn check_types(columns: &[(String, SqlType)]) -> Result<()> {
    columns.iter().try_for_each(|(name, t)| check(name, t))
}

/// A batch of DuckDB's own schema in the form of [`result_schema`].
pub fn conform(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    if batch.schema_ref() == schema {
        return Ok(batch);
    }
    let rows = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let exact = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            if column.data_type() == field.data_type() {
                Ok(Arc::clone(column))
            } else {
                cast_with_options(column, field.data_type(), &exact)
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)
}

/// Refuses types that Arrow export by DuckDB 1.5 loses or fails on.
fn check(column: &str, sql_type: &SqlType) -> Result<()> {
    match sql_type {
        SqlType::UHugeInt | SqlType::TimeTz | SqlType::Variant | SqlType::Bignum => Err(
            Error::not_supported(format!("a result of type {sql_type} (column \"{column}\")"))
                .with_hint("cast the column to VARCHAR"),
        ),
        SqlType::Unknown => Err(Error::new(
            ErrorKind::IndeterminateDatatype,
            format!("could not determine the type of column \"{column}\""),
        )
        .with_hint("add a cast to the parameter")),
        SqlType::List(t) | SqlType::Array(t, _) => check(column, t),
        SqlType::Map(k, v) => check(column, k).and_then(|()| check(column, v)),
        SqlType::Struct(fields) => fields.iter().try_for_each(|(_, t)| check(column, t)),
        // Arrow's cast kernels do not reach into unions.
        SqlType::Union(fields)
            if sql_type.contains_enum() || fields.iter().any(|(_, t)| zoned(t)) =>
        {
            Err(Error::not_supported(format!(
                "a UNION with ENUM or TIMESTAMP WITH TIME ZONE (column \"{column}\")"
            ))
            .with_hint("cast the column to VARCHAR"))
        }
        SqlType::Union(fields) => fields.iter().try_for_each(|(_, t)| check(column, t)),
        _ => Ok(()),
    }
}

fn zoned(sql_type: &SqlType) -> bool {
    match sql_type {
        SqlType::TimestampTz => true,
        SqlType::List(t) | SqlType::Array(t, _) => zoned(t),
        SqlType::Map(k, v) => zoned(k) || zoned(v),
        SqlType::Struct(fields) | SqlType::Union(fields) => fields.iter().any(|(_, t)| zoned(t)),
        _ => false,
    }
}

/// The Arrow type with dictionaries hydrated and instants in UTC, at any depth.
fn settled(data_type: &DataType) -> DataType {
    let inner = |field: &FieldRef| {
        let settled = field
            .as_ref()
            .clone()
            .with_data_type(settled(field.data_type()));
        Arc::new(settled)
    };
    match data_type {
        DataType::Dictionary(_, value) => value.as_ref().clone(),
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some(UTC.into())),
        DataType::List(f) => DataType::List(inner(f)),
        DataType::LargeList(f) => DataType::LargeList(inner(f)),
        DataType::FixedSizeList(f, n) => DataType::FixedSizeList(inner(f), *n),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        DataType::Map(f, sorted) => DataType::Map(inner(f), *sorted),
        DataType::Union(fields, mode) => DataType::Union(
            fields
                .iter()
                .map(|(id, f)| (id, inner(f)))
                .collect::<UnionFields>(),
            *mode,
        ),
        other => other.clone(),
    }
}
