//! GetTables and GetTableTypes.

use std::sync::{Arc, LazyLock};

use arrow_array::{ArrayRef, BinaryArray, RecordBatch, StringArray};
use arrow_flight::sql::CommandGetTables;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use model::{CatalogSnapshot, Relation, RelationKind};

use super::pattern::Pattern;
use super::{catalogs, schemas};
use crate::encode;
use crate::types;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(Schema::new(fields())));

static SCHEMA_WITH_COLUMNS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let mut fields = fields();
    fields.push(Field::new("table_schema", DataType::Binary, false));
    Arc::new(Schema::new(fields))
});

static TYPES_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![Field::new(
        "table_type",
        DataType::Utf8,
        false,
    )]))
});

/// The table types, sorted.
const TYPES: [&str; 3] = ["LOCAL TEMPORARY", "TABLE", "VIEW"];

fn fields() -> Vec<Field> {
    vec![
        Field::new("catalog_name", DataType::Utf8, true),
        Field::new("db_schema_name", DataType::Utf8, true),
        Field::new("table_name", DataType::Utf8, false),
        Field::new("table_type", DataType::Utf8, false),
    ]
}

pub(super) fn schema(include_schema: bool) -> SchemaRef {
    Arc::clone(if include_schema {
        &SCHEMA_WITH_COLUMNS
    } else {
        &SCHEMA
    })
}

pub(super) fn types_schema() -> SchemaRef {
    Arc::clone(&TYPES_SCHEMA)
}

pub(super) fn types_rows() -> Result<RecordBatch, ArrowError> {
    let types = StringArray::from_iter_values(TYPES);
    RecordBatch::try_new(types_schema(), vec![Arc::new(types)])
}

/// All rows in one batch: ADBC looks for a table's schema in the first batch only.
pub(super) fn rows(
    command: &CommandGetTables,
    visible: &CatalogSnapshot,
) -> Result<RecordBatch, ArrowError> {
    let relations = select(command, visible);
    let column = |of: fn(&Relation) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(
            relations.iter().map(|r| of(r)),
        ))
    };
    let mut columns = vec![
        column(|r| &r.name.catalog),
        column(|r| &r.name.schema),
        column(|r| &r.name.name),
        column(|r| type_name(r)),
    ];
    if command.include_schema {
        let encoded = relations
            .iter()
            .map(|r| encode::schema_bytes(&types::table_schema(r)))
            .collect::<Result<Vec<_>, _>>()?;
        columns.push(Arc::new(BinaryArray::from_iter_values(&encoded)));
    }
    RecordBatch::try_new(schema(command.include_schema), columns)
}

/// The relations asked for, by catalog, schema, name and type.
fn select<'a>(command: &CommandGetTables, visible: &'a CatalogSnapshot) -> Vec<&'a Relation> {
    let schema_pattern = Pattern::new(command.db_schema_filter_pattern.as_deref());
    let name_pattern = Pattern::new(command.table_name_filter_pattern.as_deref());
    let catalogs: Vec<_> = catalogs::sorted(visible, None)
        .filter(|c| command.catalog.as_ref().is_none_or(|name| *name == c.name))
        .collect();
    let mut relations = Vec::new();
    for catalog in catalogs {
        for schema in schemas::sorted(catalog, &schema_pattern) {
            let start = relations.len();
            relations.extend(
                schema
                    .relations
                    .values()
                    .filter(|r| name_pattern.matches(&r.name.name))
                    .filter(|r| wants_type(&command.table_types, r)),
            );
            relations[start..].sort_by(|a: &&Relation, b: &&Relation| {
                (&a.name.name, type_name(a)).cmp(&(&b.name.name, type_name(b)))
            });
        }
    }
    relations
}

/// An empty list wants all. JDBC tools ask for TABLE; DuckDB's own name is BASE TABLE.
fn wants_type(wanted: &[String], relation: &Relation) -> bool {
    let own = type_name(relation);
    let is_wanted = |name: &String| name == own || name == "BASE TABLE" && own == "TABLE";
    wanted.is_empty() || wanted.iter().any(is_wanted)
}

fn type_name(relation: &Relation) -> &'static str {
    match relation.kind {
        RelationKind::Table if relation.name.is_temporary() => "LOCAL TEMPORARY",
        RelationKind::Table => "TABLE",
        RelationKind::View => "VIEW",
    }
}
