#![allow(clippy::unwrap_used, reason = "tests")]
use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys,
    CommandGetImportedKeys, CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes,
    CommandGetTables, CommandGetXdbcTypeInfo, CommandStatementQuery,
};
use arrow_schema::DataType;
use model::{
    Catalog, CatalogMode, Column, Relation, RelationKind, RelationName, Schema, SqlType, fold,
};

use super::*;

fn snapshot() -> CatalogSnapshot {
    let mut snapshot = CatalogSnapshot::default();
    for (catalog, schema, name, kind) in [
        ("nyc", "main", "flights", RelationKind::Table),
        ("nyc", "main", "Flights_view", RelationKind::View),
        ("nyc", "main", "a_b", RelationKind::Table),
        ("nyc", "main", "axb", RelationKind::Table),
        ("Archive", "y2013", "flights", RelationKind::Table),
    ] {
        let relation = Relation {
            name: RelationName::new(catalog, schema, name),
            kind,
            definition: None,
            columns: vec![Column {
                name: String::from("origin"),
                sql_type: SqlType::Varchar,
                nullable: false,
            }],
            constraints: vec![],
        };
        snapshot
            .catalogs
            .entry(fold(catalog))
            .or_insert_with(|| Catalog {
                name: catalog.to_owned(),
                mode: CatalogMode::ReadOnly,
                schemas: BTreeMap::new(),
            })
            .schemas
            .entry(fold(schema))
            .or_insert_with(|| Schema {
                name: schema.to_owned(),
                ..Schema::default()
            })
            .relations
            .insert(fold(name), relation);
    }
    snapshot
}

/// The rows as text, a line for each, columns joined by `|`. Binary columns are left out.
fn lines(command: Command) -> Vec<String> {
    let visible = snapshot();
    let batch = rows(&command, &visible).unwrap().unwrap();
    assert_eq!(batch.schema(), schema(&command).unwrap());
    (0..batch.num_rows())
        .map(|row| {
            batch
                .columns()
                .iter()
                .filter_map(|c| c.as_string_opt::<i32>())
                .map(|c| c.value(row))
                .collect::<Vec<_>>()
                .join("|")
        })
        .collect()
}

#[test]
fn catalogs_and_schemas() {
    assert_eq!(
        lines(Command::CommandGetCatalogs(CommandGetCatalogs {})),
        ["Archive", "nyc"]
    );
    let of = |catalog: Option<&str>, pattern: Option<&str>| {
        lines(Command::CommandGetDbSchemas(CommandGetDbSchemas {
            catalog: catalog.map(str::to_owned),
            db_schema_filter_pattern: pattern.map(str::to_owned),
        }))
    };
    assert_eq!(of(None, None), ["Archive|y2013", "nyc|main"]);
    assert_eq!(of(Some("nyc"), None), ["nyc|main"]);
    assert_eq!(of(None, Some("y%")), ["Archive|y2013"]);
    assert_eq!(of(Some(""), None), [""; 0]);
    assert_eq!(of(Some("missing"), None), [""; 0]);
}

#[test]
fn tables_by_filter() {
    let all = CommandGetTables {
        catalog: None,
        db_schema_filter_pattern: None,
        table_name_filter_pattern: None,
        table_types: vec![],
        include_schema: false,
    };
    let with = |change: fn(&mut CommandGetTables)| {
        let mut command = all.clone();
        change(&mut command);
        lines(Command::CommandGetTables(command))
    };
    assert_eq!(
        with(|_| ()),
        [
            "Archive|y2013|flights|TABLE",
            "nyc|main|Flights_view|VIEW",
            "nyc|main|a_b|TABLE",
            "nyc|main|axb|TABLE",
            "nyc|main|flights|TABLE",
        ]
    );
    let named = |pattern: &'static str| {
        let mut command = all.clone();
        command.table_name_filter_pattern = Some(pattern.to_owned());
        lines(Command::CommandGetTables(command))
    };
    assert_eq!(named("a_b"), ["nyc|main|a_b|TABLE", "nyc|main|axb|TABLE"]);
    assert_eq!(named(r"a\_b"), ["nyc|main|a_b|TABLE"]);
    assert_eq!(
        with(|c| c.table_types = vec!["VIEW".into()]),
        ["nyc|main|Flights_view|VIEW"]
    );
    assert_eq!(with(|c| c.table_types = vec!["BASE TABLE".into()]).len(), 4);
    assert_eq!(
        with(|c| c.table_types = vec!["LOCAL TEMPORARY".into()]),
        [""; 0]
    );
    assert_eq!(with(|c| c.catalog = Some("none".into())), [""; 0]);
    assert_eq!(
        with(|c| c.db_schema_filter_pattern = Some("ma_n".into())).len(),
        4
    );
}

#[test]
fn a_tables_schema_can_be_read_by_clients() {
    let command = Command::CommandGetTables(CommandGetTables {
        catalog: Some("nyc".into()),
        db_schema_filter_pattern: Some("main".into()),
        table_name_filter_pattern: Some("flights".into()),
        table_types: vec![],
        include_schema: true,
    });
    let visible = snapshot();
    let batch = rows(&command, &visible).unwrap().unwrap();
    assert_eq!(batch.num_rows(), 1);
    assert_eq!(batch.schema(), schema(&command).unwrap());
    let bytes = batch.column(4).as_binary::<i32>().value(0);
    let read = arrow_flight::IpcMessage(bytes.to_vec().into());
    let read = arrow_schema::Schema::try_from(read).unwrap();
    let origin = read.field(0);
    assert_eq!(
        (origin.name().as_str(), origin.data_type()),
        ("origin", &DataType::Utf8)
    );
    assert!(!origin.is_nullable());
    assert_eq!(origin.metadata()["ARROW:FLIGHT:SQL:TYPE_NAME"], "VARCHAR");
}

#[test]
fn table_types_are_sorted() {
    assert_eq!(
        lines(Command::CommandGetTableTypes(CommandGetTableTypes {})),
        ["LOCAL TEMPORARY", "TABLE", "VIEW"]
    );
}

/// The schemas of the specification, written out: name, type, and `!` for NOT NULL.
#[test]
fn schemas_are_exact() {
    let keys = CommandGetExportedKeys {
        catalog: None,
        db_schema: None,
        table: String::from("t"),
    };
    let foreign = "pk_catalog_name Utf8, pk_db_schema_name Utf8, pk_table_name Utf8!, \
        pk_column_name Utf8!, fk_catalog_name Utf8, fk_db_schema_name Utf8, fk_table_name Utf8!, \
        fk_column_name Utf8!, key_sequence Int32!, fk_key_name Utf8, pk_key_name Utf8, \
        update_rule UInt8!, delete_rule UInt8!";
    let tables = |include_schema| {
        Command::CommandGetTables(CommandGetTables {
            catalog: None,
            db_schema_filter_pattern: None,
            table_name_filter_pattern: None,
            table_types: vec![],
            include_schema,
        })
    };
    let cases: Vec<(Command, &str)> = vec![
        (
            Command::CommandGetCatalogs(CommandGetCatalogs {}),
            "catalog_name Utf8!",
        ),
        (
            Command::CommandGetDbSchemas(CommandGetDbSchemas::default()),
            "catalog_name Utf8, db_schema_name Utf8!",
        ),
        (
            tables(false),
            "catalog_name Utf8, db_schema_name Utf8, table_name Utf8!, table_type Utf8!",
        ),
        (
            tables(true),
            "catalog_name Utf8, db_schema_name Utf8, table_name Utf8!, table_type Utf8!, \
             table_schema Binary!",
        ),
        (
            Command::CommandGetTableTypes(CommandGetTableTypes {}),
            "table_type Utf8!",
        ),
        (
            Command::CommandGetPrimaryKeys(CommandGetPrimaryKeys {
                catalog: None,
                db_schema: None,
                table: String::from("t"),
            }),
            "catalog_name Utf8, db_schema_name Utf8, table_name Utf8!, column_name Utf8!, \
             key_name Utf8, key_sequence Int32!",
        ),
        (Command::CommandGetExportedKeys(keys.clone()), foreign),
        (
            Command::CommandGetImportedKeys(CommandGetImportedKeys {
                catalog: None,
                db_schema: None,
                table: keys.table,
            }),
            foreign,
        ),
        (
            Command::CommandGetCrossReference(CommandGetCrossReference::default()),
            foreign,
        ),
    ];
    for (command, expected) in cases {
        let schema = schema(&command).unwrap();
        let text: Vec<String> = schema
            .fields()
            .iter()
            .map(|f| {
                assert!(f.metadata().is_empty());
                let not_null = if f.is_nullable() { "" } else { "!" };
                format!("{} {}{not_null}", f.name(), f.data_type())
            })
            .collect();
        assert_eq!(text.join(", "), expected, "{command:?}");
        assert!(schema.metadata().is_empty());
    }
    let info = Command::CommandGetSqlInfo(CommandGetSqlInfo { info: vec![] });
    let info = super::schema(&info).unwrap();
    let DataType::Union(children, arrow_schema::UnionMode::Dense) = info.field(1).data_type()
    else {
        panic!("{info:?}")
    };
    let children: Vec<_> = children
        .iter()
        .map(|(id, f)| (id, f.name().as_str()))
        .collect();
    assert_eq!(
        children,
        [
            (0, "string_value"),
            (1, "bool_value"),
            (2, "bigint_value"),
            (3, "int32_bitmask"),
            (4, "string_list"),
            (5, "int32_to_int32_list_map"),
        ]
    );
    let types = Command::CommandGetXdbcTypeInfo(CommandGetXdbcTypeInfo { data_type: None });
    assert_eq!(super::schema(&types).unwrap().fields().len(), 19);
}

#[test]
fn statements_are_no_metadata() {
    let query = Command::CommandStatementQuery(CommandStatementQuery::default());
    assert!(schema(&query).is_none());
}
