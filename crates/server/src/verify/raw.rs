//! The raw data, open for reading while copies of it are made.

use std::fs;
use std::path::{Path, PathBuf};

use model::{Error, ErrorKind, Result};
use native::{Connection, Instance};

use super::stored::StoredView;
use super::table::{Table, literal, quoted};

/// A catalog of the configuration.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    /// A folder of Parquet files, or a database file, which need not exist yet.
    pub(super) path: PathBuf,
}

/// All catalogs, each under its own name, as rules name mapping tables in full.
pub(super) struct Raw {
    connection: Connection,
    catalogs: Vec<String>,
    tables: Vec<Table>,
    views: Vec<StoredView>,
    is_partial: bool,
}

impl Raw {
    /// Without catalogs.
    pub(super) fn open() -> Result<Self> {
        let connection = Instance::open(None, &[])
            .and_then(|instance| instance.connect())
            .map_err(failed)?;
        Ok(Self {
            connection,
            catalogs: vec![],
            tables: vec![],
            views: vec![],
            is_partial: false,
        })
    }

    /// Opens a catalog and lists its tables. A database that is not there yet is empty.
    ///
    /// # Errors
    /// The database can't be opened, as where a running server holds it.
    pub(super) fn add(&mut self, source: &Source) -> Result<()> {
        if source.path.is_dir() {
            self.folder(source)?;
        } else if source.path.exists() {
            self.database(source, "read_only")?;
        }
        self.catalogs.push(source.name.clone());
        Ok(())
    }

    fn database(&mut self, source: &Source, mode: &str) -> Result<()> {
        let path = literal(&source.path.display().to_string());
        let alias = quoted(&source.name);
        self.run(&format!("attach {path} as {alias} ({mode})"))
            .map_err(|e| {
                e.with_hint(
                    "a running server holds its read_write files: use copies of them, or --raw-as",
                )
            })?;
        let listed = self.rows(&format!(
            "select schema_name, table_name, column_name, data_type
             from duckdb_columns() semi join duckdb_tables() using (database_name, schema_name, table_name)
             where database_name = {} order by schema_name, table_name, column_index",
            literal(&source.name)
        ))?;
        for [schema, name, column, sql_type] in listed {
            let last = self.tables.last_mut();
            match last.filter(|t| t.catalog == source.name && t.schema == schema && t.name == name)
            {
                Some(table) => table.columns.push((column, sql_type)),
                None => self.tables.push(Table {
                    catalog: source.name.clone(),
                    schema,
                    name,
                    columns: vec![(column, sql_type)],
                    computed: vec![],
                }),
            }
        }
        self.find_computed(&source.name)
    }

    /// Notes what columns are computed of: a default of one's own names no column.
    fn find_computed(&mut self, catalog: &str) -> Result<()> {
        let listed = self.rows(&format!(
            "select schema_name, table_name, column_name, unnest(json_extract_string(
                json_serialize_sql('select ' || column_default), '$..column_names[*]'))
             from duckdb_columns() where database_name = {} and column_default is not null",
            literal(catalog)
        ))?;
        for [schema, name, column, of] in listed {
            let mut tables = self.tables.iter_mut();
            let table = tables
                .find(|t| (t.catalog.as_str(), &t.schema, &t.name) == (catalog, &schema, &name));
            if let Some(table) = table {
                table.computed.push((column, of));
            }
        }
        Ok(())
    }

    /// A table for each Parquet file, or folder of them: a view of a catalog of that name.
    fn folder(&mut self, source: &Source) -> Result<()> {
        let unreadable = |e: std::io::Error| {
            Error::new(ErrorKind::Config, format!("{}: {e}", source.path.display()))
        };
        let mut paths = vec![];
        for entry in fs::read_dir(&source.path).map_err(unreadable)? {
            paths.push(entry.map_err(unreadable)?.path());
        }
        paths.sort();
        let catalog = quoted(&source.name);
        self.run(&format!("attach ':memory:' as {catalog}"))?;
        for path in paths {
            let name = path
                .file_stem()
                .and_then(|s| s.to_str())
                .unwrap_or_default();
            let is_file = path
                .extension()
                .is_some_and(|e| e.eq_ignore_ascii_case("parquet"));
            if name.is_empty() || name.starts_with('.') || !(is_file || path.is_dir()) {
                continue;
            }
            let files = match is_file {
                true => path.clone(),
                false => path.join("**/*.parquet"),
            };
            let files = format!("read_parquet({})", literal(&files.display().to_string()));
            let mut table = Table {
                catalog: source.name.clone(),
                schema: "main".to_owned(),
                name: name.to_owned(),
                columns: vec![],
                computed: vec![],
            };
            self.run(&format!("create view {} as from {files}", table.full()))?;
            table.columns = described(&self.connection, &table.full())?;
            self.tables.push(table);
        }
        Ok(())
    }

    /// Lists the views that the databases keep, once all catalogs are there, as views read across them.
    pub(super) fn find_views(&mut self, sources: &[Source]) -> Result<()> {
        let folders = sources.iter().filter(|s| s.path.is_dir());
        let folders: Vec<&str> = folders.map(|s| s.name.as_str()).collect();
        self.create_views()?;
        let listed = self.rows(
            "select database_name, schema_name, view_name, sql from duckdb_views()
             where not internal order by database_name, schema_name, view_name",
        )?;
        for [catalog, schema, name, sql] in listed {
            let is_own = self.catalogs.contains(&catalog);
            let is_folder = folders.contains(&catalog.as_str());
            let mut table = Table {
                catalog,
                schema,
                name,
                columns: vec![],
                computed: vec![],
            };
            if is_folder || !is_own || self.views.iter().any(|v| v.table.is_same(&table)) {
                continue;
            }
            // One whose parts are gone or changed is nobody's.
            if let Ok(columns) = described(&self.connection, &table.full()) {
                table.columns = columns;
            }
            let full = table.full();
            let view = StoredView::read(table, &sql);
            self.views
                .push(view.ok_or_else(|| Error::internal(format!("{full} is no CREATE VIEW")))?);
        }
        Ok(())
    }

    /// Opens a catalog that was fetched, and adds its views, whose columns are known.
    pub(super) fn add_fetched(&mut self, source: &Source, views: Vec<StoredView>) -> Result<()> {
        self.database(source, "read_write")?;
        self.catalogs.push(source.name.clone());
        for view in &views {
            self.create_schema(&source.name, &view.table)?;
        }
        self.views.extend(views);
        Ok(())
    }

    /// Makes the views that were fetched, for others to read: those that read others after these.
    fn create_views(&self) -> Result<()> {
        let mut waiting: Vec<&StoredView> = self.views.iter().collect();
        loop {
            let before = waiting.len();
            waiting.retain(|view| self.create_view(view).is_err());
            if waiting.len() == before {
                return self.run("set search_path = 'memory.main'");
            }
        }
    }

    fn create_view(&self, view: &StoredView) -> Result<()> {
        let table = &view.table;
        let home = format!("{}.{}", quoted(&table.catalog), quoted(&table.schema));
        self.run(&format!("set search_path = {}", literal(&home)))?;
        let columns: Vec<String> = table.columns.iter().map(|(c, _)| quoted(c)).collect();
        let (full, columns, query) = (table.full(), columns.join(", "), &view.query);
        self.run(&format!("create view {full} ({columns}) as {query}"))
    }

    /// Says that something can't be read, so that a view without a meaning may yet have one.
    pub(super) fn lacks_some(&mut self) {
        self.is_partial = true;
    }

    /// Whether something can't be read.
    pub(super) fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// Catalogs by name, in the order of the configuration.
    pub(super) fn catalogs(&self) -> &[String] {
        &self.catalogs
    }

    /// Tables of all catalogs, but not views.
    pub(super) fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// Views of all databases.
    pub(super) fn views(&self) -> &[StoredView] {
        &self.views
    }

    /// Opens a file for writing beside the data, as long as `work` runs.
    pub(super) fn beside<T>(
        &self,
        path: &Path,
        alias: &str,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let path = literal(&path.display().to_string());
        self.run(&format!("attach {path} as {alias}"))?;
        let done = work()?;
        self.run(&format!("detach {alias}"))?;
        Ok(done)
    }

    /// Makes a table of a query's rows, and says what columns it has; `None` where the query does not
    /// fit what it reads.
    pub(super) fn create(
        &self,
        catalog: &str,
        like: &Table,
        query: &str,
    ) -> Result<Option<Vec<(String, String)>>> {
        if self.connection.query(&format!("describe {query}")).is_err() {
            return Ok(None);
        }
        self.create_schema(catalog, like)?;
        let name = like.full_in(catalog);
        self.run(&format!("create table {name} as {query}"))?;
        described(&self.connection, &name).map(Some)
    }

    /// Makes the schema of a relation, if there is none.
    pub(super) fn create_schema(&self, catalog: &str, of: &Table) -> Result<()> {
        let schema = format!("{}.{}", quoted(catalog), quoted(&of.schema));
        self.run(&format!("create schema if not exists {schema}"))
    }

    /// Runs a statement.
    pub(super) fn run(&self, sql: &str) -> Result<()> {
        self.connection.execute(sql).map(drop).map_err(failed)
    }

    fn rows<const N: usize>(&self, sql: &str) -> Result<Vec<[String; N]>> {
        rows(&self.connection, sql)
    }
}

/// The rows of a query that has no NULL, as text.
pub(super) fn rows<const N: usize>(connection: &Connection, sql: &str) -> Result<Vec<[String; N]>> {
    let rows = connection.query(sql).map_err(failed)?.into_rows();
    let complete = rows.into_iter().map(|row| {
        let cells: Option<Vec<String>> = row.into_iter().collect();
        cells.and_then(|cells| cells.try_into().ok())
    });
    let complete: Option<Vec<[String; N]>> = complete.collect();
    complete.ok_or_else(|| Error::internal("a row of another width"))
}

/// The columns of a relation, given by its full name, and DuckDB's words for their types.
pub(super) fn described(connection: &Connection, name: &str) -> Result<Vec<(String, String)>> {
    let sql = format!("select column_name, column_type from (describe from {name})");
    let columns = rows::<2>(connection, &sql)?;
    Ok(columns.into_iter().map(|[n, t]| (n, t)).collect())
}

pub(super) fn failed(error: native::Error) -> Error {
    Error::new(
        ErrorKind::Config,
        format!("the copy can't be made: {error}"),
    )
}
