//! The copies: for each principal a database file per catalog, with nothing in it but what the rules
//! let them see.

use std::fs;
use std::path::{Path, PathBuf};

use model::{Error, ErrorKind, Result};
use native::{Connection, Instance};

use super::rules::{Rules, Table, literal, quoted};

/// A catalog of the configuration.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    /// A folder of Parquet files, or a database file, which need not exist yet.
    pub(super) path: PathBuf,
}

/// The raw data, open for reading while copies are made.
pub(super) struct Raw {
    connection: Connection,
    catalogs: Vec<String>,
    tables: Vec<Table>,
    unread: Vec<String>,
}

/// What a principal's copy holds.
#[derive(Debug)]
pub(super) struct Copy {
    /// Catalogs and their files.
    pub(super) catalogs: Vec<Source>,
    /// The tables with the columns that are seen.
    pub(super) tables: Vec<Table>,
}

impl Raw {
    /// Opens the catalogs and lists their tables. With `pass_over`, a database that can't be opened, as
    /// a running server holds it, is left out.
    pub(super) fn open(sources: &[Source], pass_over: bool) -> Result<Self> {
        let connection = Instance::open(None, &[])
            .and_then(|instance| instance.connect())
            .map_err(failed)?;
        let mut raw = Self {
            connection,
            catalogs: vec![],
            tables: vec![],
            unread: vec![],
        };
        for source in sources {
            if source.path.is_dir() {
                raw.folder(source)?;
            } else if source.path.exists() {
                match raw.database(source) {
                    Err(_) if pass_over => {
                        raw.unread.push(source.name.clone());
                        continue;
                    }
                    opened => opened?,
                }
            }
            raw.catalogs.push(source.name.clone());
        }
        Ok(raw)
    }

    /// Attached by its own name: rules name mapping tables in full.
    fn database(&mut self, source: &Source) -> Result<()> {
        let path = literal(&source.path.display().to_string());
        let alias = quoted(&source.name);
        self.run(&format!("attach {path} as {alias} (read_only)"))
            .map_err(|e| {
                e.with_hint("a running server holds its read_write files: use copies of them")
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
                }),
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
            let view = format!("{catalog}.main.{}", quoted(name));
            self.run(&format!("create view {view} as from {files}"))?;
            let columns = self.rows::<2>(&format!(
                "select column_name, column_type from (describe from {view})"
            ))?;
            self.tables.push(Table {
                catalog: source.name.clone(),
                schema: "main".to_owned(),
                name: name.to_owned(),
                columns: columns
                    .into_iter()
                    .map(|[name, sql_type]| (name, sql_type))
                    .collect(),
            });
        }
        Ok(())
    }

    /// The catalogs that were left out.
    pub(super) fn unread(&self) -> &[String] {
        &self.unread
    }

    /// Closes the data. All tables that there are.
    pub(super) fn into_tables(self) -> Vec<Table> {
        self.tables
    }

    /// Makes a principal's copy in a folder.
    pub(super) fn copy(&self, rules: &Rules, who: &str, folder: &Path) -> Result<Copy> {
        let mut copy = Copy {
            catalogs: vec![],
            tables: vec![],
        };
        for own in rules.own(who) {
            self.run(&own)?;
        }
        for (number, catalog) in self.catalogs.iter().enumerate() {
            let path = folder.join(format!("{number}.duckdb"));
            let alias = "__eider_copied";
            self.run(&format!(
                "attach {} as {alias}",
                literal(&path.display().to_string())
            ))?;
            for table in self.tables.iter().filter(|t| t.catalog == *catalog) {
                let Some(query) = rules.seen(who, table)? else {
                    continue;
                };
                let schema = format!("{alias}.{}", quoted(&table.schema));
                let name = format!("{schema}.{}", quoted(&table.name));
                self.run(&format!("create schema if not exists {schema}"))?;
                self.run(&format!("create table {name} as {query}"))?;
                let columns = self.rows::<2>(&format!(
                    "select column_name, column_type from (describe {name})"
                ))?;
                copy.tables.push(Table {
                    catalog: catalog.clone(),
                    schema: table.schema.clone(),
                    name: table.name.clone(),
                    columns: columns.into_iter().map(|[n, t]| (n, t)).collect(),
                });
            }
            self.run(&format!("detach {alias}"))?;
            copy.catalogs.push(Source {
                name: catalog.clone(),
                path,
            });
        }
        Ok(copy)
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.connection.execute(sql).map(drop).map_err(failed)
    }

    fn rows<const N: usize>(&self, sql: &str) -> Result<Vec<[String; N]>> {
        let rows = self.connection.query(sql).map_err(failed)?.into_rows();
        let complete = rows.into_iter().map(|row| {
            let cells: Option<Vec<String>> = row.into_iter().collect();
            cells.and_then(|cells| cells.try_into().ok())
        });
        let complete: Option<Vec<[String; N]>> = complete.collect();
        complete.ok_or_else(|| Error::internal("a row of another width"))
    }
}

fn failed(error: native::Error) -> Error {
    Error::new(
        ErrorKind::Config,
        format!("the copy can't be made: {error}"),
    )
}
