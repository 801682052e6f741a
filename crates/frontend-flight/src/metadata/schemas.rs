//! GetDbSchemas.

use std::sync::{Arc, LazyLock};

use arrow_array::{RecordBatch, StringArray};
use arrow_flight::sql::CommandGetDbSchemas;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use model::CatalogSnapshot;

use super::catalogs;
use super::pattern::Pattern;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("catalog_name", DataType::Utf8, true),
        Field::new("db_schema_name", DataType::Utf8, false),
    ]))
});

pub(super) fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

pub(super) fn rows(
    command: &CommandGetDbSchemas,
    snapshot: &CatalogSnapshot,
) -> Result<RecordBatch, ArrowError> {
    let pattern = Pattern::new(command.db_schema_filter_pattern.as_deref());
    let mut rows: Vec<(&str, &str)> = Vec::new();
    for catalog in catalogs::sorted(snapshot, command.catalog.as_deref()) {
        rows.extend(sorted(catalog, &pattern).map(|s| (catalog.name.as_str(), s.name.as_str())));
    }
    let catalogs = StringArray::from_iter_values(rows.iter().map(|(c, _)| c));
    let schemas = StringArray::from_iter_values(rows.iter().map(|(_, s)| s));
    RecordBatch::try_new(schema(), vec![Arc::new(catalogs), Arc::new(schemas)])
}

/// A catalog's schemas that fit the pattern, by name.
pub(super) fn sorted<'a>(
    catalog: &'a model::Catalog,
    pattern: &Pattern,
) -> impl Iterator<Item = &'a model::Schema> {
    let mut schemas: Vec<_> = catalog
        .schemas
        .values()
        .filter(|s| pattern.matches(&s.name))
        .collect();
    schemas.sort_by(|a, b| a.name.cmp(&b.name));
    schemas.into_iter()
}
