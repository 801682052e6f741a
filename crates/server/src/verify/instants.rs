//! Instants in a form that can be printed.

use std::sync::Arc;

use arrow_array::{ArrayRef, make_array};
use arrow_data::ArrayData;
use arrow_schema::{ArrowError, DataType, Field, FieldRef};

/// A column whose instants, also those within other values, have their zone as an offset: Arrow's
/// printer knows no names of zones, and Eider sends instants in UTC.
pub(super) fn by_offset(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let wanted = typed(column.data_type());
    if wanted == *column.data_type() {
        return Ok(Arc::clone(column));
    }
    retyped(&column.to_data()).map(make_array)
}

fn retyped(data: &ArrayData) -> Result<ArrayData, ArrowError> {
    let children = data.child_data().iter().map(retyped);
    let children = children.collect::<Result<Vec<_>, _>>()?;
    let builder = data.clone().into_builder();
    builder
        .data_type(typed(data.data_type()))
        .child_data(children)
        .build()
}

fn typed(data_type: &DataType) -> DataType {
    let field = |f: &FieldRef| -> FieldRef {
        Arc::new(Field::clone(f).with_data_type(typed(f.data_type())))
    };
    match data_type {
        DataType::Timestamp(unit, Some(zone)) if zone.as_ref() == "UTC" => {
            DataType::Timestamp(*unit, Some("+00:00".into()))
        }
        DataType::List(f) => DataType::List(field(f)),
        DataType::FixedSizeList(f, size) => DataType::FixedSizeList(field(f), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        DataType::Map(f, is_sorted) => DataType::Map(field(f), *is_sorted),
        DataType::Union(fields, mode) => {
            let fields = fields.iter().map(|(id, f)| (id, field(f)));
            DataType::Union(fields.collect(), *mode)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use arrow_cast::display::array_value_to_string;

    use super::*;

    #[test]
    fn instants_within_values_are_printed() {
        let instance = native::Instance::open(None, &[]).unwrap();
        let connection = instance.connect().unwrap();
        let sql = "select t, [t] as l, {'t': t, 'n': 1} as s, map {1: t} as m, [t, null]::timestamptz[2] as a
             from (select timestamptz '2020-01-02 03:04:05+00' as t union all select null) order by t nulls last";
        connection.execute("set timezone = 'UTC'").unwrap();
        let prepared = connection.prepare(sql).unwrap();
        let mut stream = prepared.execute_streaming().unwrap();
        let batch = stream.next_batch().unwrap().unwrap();
        for column in batch.columns() {
            assert!(array_value_to_string(column, 0).is_err());
            let text = array_value_to_string(&by_offset(column).unwrap(), 0).unwrap();
            assert!(text.contains("2020-01-02T03:04:05Z"), "{text}");
        }
    }
}
