//! Reading what exists from DuckDB into a snapshot.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{
    Catalog, CatalogMode, CatalogSnapshot, Column, Error, Relation, RelationKind, RelationName,
    Result, Schema, TEMPORARY, fold,
};
use native::{Connection, ErrorType, Rows};
use parking_lot::Mutex;

use crate::config::CatalogConfig;
use crate::constraints::Constraints;
use crate::quote::{identifier, literal};
use crate::views::{Definitions, Views};

/// Reads snapshots of the configured catalogs. Columns of a relation are asked for again only when
/// DuckDB describes it differently.
pub(crate) struct CatalogReader {
    catalogs: Vec<CatalogConfig>,
    /// Folded names of the catalogs that are folders.
    folders: BTreeSet<String>,
    known: Mutex<HashMap<RelationName, Described>>,
    views: Definitions,
}

struct Described {
    /// What `duckdb_columns` says of the relation.
    signature: String,
    columns: Vec<Column>,
}

impl CatalogReader {
    pub(crate) fn new(catalogs: &[CatalogConfig]) -> Self {
        Self {
            catalogs: catalogs.to_vec(),
            folders: catalogs
                .iter()
                .filter(|c| c.path.is_dir())
                .map(|c| fold(&c.name))
                .collect(),
            known: Mutex::default(),
            views: Definitions::default(),
        }
    }

    /// Whether a catalog takes writes; `None` if it is not there.
    pub(crate) fn mode(&self, catalog: &str) -> Option<CatalogMode> {
        if catalog == TEMPORARY {
            return Some(CatalogMode::ReadWrite);
        }
        let catalog = fold(catalog);
        self.catalogs
            .iter()
            .find(|c| fold(&c.name) == catalog)
            .map(|c| c.mode)
    }

    /// Whether the catalog is a folder, whose relations are views that hide what they read from
    /// `duckdb_get_table_names`.
    pub(crate) fn is_folder(&self, catalog: &str) -> bool {
        self.folders.contains(&fold(catalog))
    }

    /// What this connection sees now, uncommitted changes of its transaction included. Each
    /// snapshot has a version of its own.
    pub(crate) fn read(&self, connection: &Connection) -> Result<CatalogSnapshot> {
        let mut catalogs = BTreeMap::new();
        let views = self.views.read(connection)?;
        for configured in &self.catalogs {
            let (name, mode) = (&configured.name, configured.mode);
            let catalog = self.catalog(connection, name, mode, &views)?;
            catalogs.insert(fold(&configured.name), catalog);
        }
        Ok(CatalogSnapshot {
            version: next_version(),
            catalogs,
            shared: None,
        })
    }

    /// The temporary objects of this connection; `None` where it has none.
    pub(crate) fn read_temporary(&self, connection: &Connection) -> Result<Option<Catalog>> {
        let views = self.views.read(connection)?;
        let found = self.catalog(connection, TEMPORARY, CatalogMode::ReadWrite, &views)?;
        let mut schemas = found.schemas.values();
        Ok(schemas
            .any(|schema| !schema.relations.is_empty())
            .then_some(found))
    }

    fn catalog(
        &self,
        connection: &Connection,
        named: &str,
        mode: CatalogMode,
        views: &Views,
    ) -> Result<Catalog> {
        let name = literal(named);
        let mut schemas = BTreeMap::new();
        // DuckDB counts `main` as internal.
        let rows = query(
            connection,
            &format!(
                "select schema_name from duckdb_schemas() where database_name = {name} \
                 and (not internal or schema_name = 'main')"
            ),
        )?;
        for row in rows.rows() {
            let schema = text(row, 0)?;
            schemas.insert(
                fold(schema),
                Schema {
                    name: schema.to_owned(),
                    ..Schema::default()
                },
            );
        }
        for sequence in sequences(connection, named)? {
            let schema = schemas.get_mut(&fold(&sequence.schema)).ok_or_else(|| {
                Error::internal(format!("schema of the sequence {sequence} is missing"))
            })?;
            schema.sequences.insert(fold(&sequence.name), sequence);
        }
        let mut constraints = match self.is_folder(named) {
            true => Constraints::default(),
            false => Constraints::read(connection, named)?,
        };
        let mut relations = Vec::new();
        for (name, signature, nullable) in self.relations(connection, named)? {
            let columns = self.columns(connection, &name, signature, &nullable)?;
            relations.push(Relation {
                kind: RelationKind::Table,
                constraints: constraints.take(&name, &columns),
                columns,
                definition: None,
                name,
            });
        }
        if !self.is_folder(named) {
            relations.extend(views.of(connection, named));
        }
        for relation in relations {
            let schema = schemas
                .get_mut(&fold(&relation.name.schema))
                .ok_or_else(|| {
                    Error::internal(format!("schema of {} is missing", relation.name))
                })?;
            schema.relations.insert(fold(&relation.name.name), relation);
        }
        Ok(Catalog {
            name: named.to_owned(),
            mode,
            schemas,
        })
    }

    /// Tables with their description. A folder's relations are the views that we made.
    fn relations(
        &self,
        connection: &Connection,
        catalog: &str,
    ) -> Result<Vec<(RelationName, String, BTreeSet<String>)>> {
        let source = if self.is_folder(catalog) {
            "(select database_name, schema_name, view_name as name from duckdb_views() where not internal)"
        } else {
            "(select database_name, schema_name, table_name as name from duckdb_tables() \
              where not internal)"
        };
        let rows = query(
            connection,
            &format!(
                "select r.schema_name, r.name, c.column_name, c.data_type, c.is_nullable \
                 from {source} r join duckdb_columns() c \
                 on c.database_name = r.database_name and c.schema_name = r.schema_name \
                 and c.table_name = r.name \
                 where r.database_name = {} order by 1, 2, c.column_index",
                literal(catalog)
            ),
        )?;
        let mut relations: Vec<(RelationName, String, BTreeSet<String>)> = Vec::new();
        for row in rows.rows() {
            let name = RelationName::new(catalog, text(row, 0)?, text(row, 1)?);
            if relations.last().is_none_or(|(last, _, _)| *last != name) {
                relations.push((name, String::new(), BTreeSet::new()));
            }
            let (_, signature, nullable) = relations.last_mut().expect("pushed just above");
            let column = text(row, 2)?;
            for part in row.iter().skip(2) {
                signature.push_str(part.as_deref().unwrap_or("?"));
                signature.push('\0');
            }
            if text(row, 4)? == "true" {
                nullable.insert(column.to_owned());
            }
        }
        Ok(relations)
    }

    fn columns(
        &self,
        connection: &Connection,
        relation: &RelationName,
        signature: String,
        nullable: &BTreeSet<String>,
    ) -> Result<Vec<Column>> {
        // What is temporary goes with its session, and is not remembered.
        if let Some(known) = self.known.lock().get(relation)
            && known.signature == signature
        {
            return Ok(known.columns.clone());
        }
        let columns = match described(connection, relation, |name| nullable.contains(name)) {
            Ok(columns) => columns,
            // Its file may have been made with what is not here, as a function that a column is computed by:
            // it is there, without columns, and the others are read.
            Err(error) if is_of_relation(&error) => {
                tracing::warn!(%relation, ?error, "a table's columns can't be read");
                return Ok(vec![]);
            }
            Err(error) => return Err(Error::internal(error)),
        };
        if relation.is_temporary() {
            return Ok(columns);
        }
        let described = Described {
            signature,
            columns: columns.clone(),
        };
        self.known.lock().insert(relation.clone(), described);
        Ok(columns)
    }
}

fn sequences(connection: &Connection, catalog: &str) -> Result<Vec<RelationName>> {
    let rows = query(
        connection,
        &format!(
            "select schema_name, sequence_name from duckdb_sequences() where database_name = {}",
            literal(catalog)
        ),
    )?;
    let name =
        |row: &Vec<Option<String>>| Ok(RelationName::new(catalog, text(row, 0)?, text(row, 1)?));
    rows.rows().iter().map(name).collect()
}

/// Columns with types from a prepared statement, as the text of a type would have to be parsed.
pub(crate) fn described(
    connection: &Connection,
    name: &RelationName,
    is_nullable: impl Fn(&str) -> bool,
) -> native::Result<Vec<Column>> {
    let prepared = connection.prepare(&format!(
        "select * from {}.{}.{}",
        identifier(&name.catalog),
        identifier(&name.schema),
        identifier(&name.name)
    ))?;
    let columns = prepared.columns().into_iter();
    let column = |(name, sql_type): (String, _)| Column {
        nullable: is_nullable(&name),
        name,
        sql_type,
    };
    Ok(columns.map(column).collect())
}

/// Whether an error is about the relation that was asked for, and no other would meet it.
fn is_of_relation(error: &native::Error) -> bool {
    let classes = [
        ErrorType::Autoload,
        ErrorType::Binder,
        ErrorType::Catalog,
        ErrorType::InvalidInput,
        ErrorType::InvalidType,
        ErrorType::MissingExtension,
        ErrorType::NotImplemented,
        ErrorType::ObjectSize,
        ErrorType::Parser,
        ErrorType::UnknownType,
    ];
    !error.is_fatal() && classes.contains(&error.error_type())
}

/// Forgets nothing and repeats nothing: snapshots of one process never share a version.
pub(crate) fn next_version() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub(crate) fn query(connection: &Connection, sql: &str) -> Result<Arc<Rows>> {
    connection.query(sql).map(Arc::new).map_err(Error::internal)
}

pub(crate) fn text(row: &[Option<String>], column: usize) -> Result<&str> {
    row.get(column)
        .and_then(Option::as_deref)
        .ok_or_else(|| Error::internal("DuckDB's catalog has a NULL where a name belongs"))
}
