//! GetCatalogs.

use std::sync::{Arc, LazyLock};

use arrow_array::{RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use model::{Catalog, CatalogSnapshot};

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![Field::new(
        "catalog_name",
        DataType::Utf8,
        false,
    )]))
});

pub(super) fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

pub(super) fn rows(snapshot: &CatalogSnapshot) -> Result<RecordBatch, ArrowError> {
    let names = StringArray::from_iter_values(sorted(snapshot, None).map(|c| &c.name));
    RecordBatch::try_new(schema(), vec![Arc::new(names)])
}

/// Catalogs by name, or the one of that exact name. `Some("")` asks for objects without a catalog,
/// of which there are none.
pub(super) fn sorted<'a>(
    snapshot: &'a CatalogSnapshot,
    name: Option<&'a str>,
) -> impl Iterator<Item = &'a Catalog> {
    let mut catalogs: Vec<&Catalog> = snapshot
        .catalogs
        .values()
        .filter(|c| name.is_none_or(|name| c.name == name))
        .collect();
    catalogs.sort_by(|a, b| a.name.cmp(&b.name));
    catalogs.into_iter()
}
