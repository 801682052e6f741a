//! Opening and locking an instance.

use std::path::Path;

use model::{CatalogMode, Error, ErrorKind, Result};
use native::{Connection, Instance};

use crate::config::{CatalogConfig, Config, invalid};
use crate::folder::{self, FolderTable};
use crate::guard;
use crate::quote::{identifier, list, literal};
use crate::registry::{OpenFile, unusable};

/// An instance with everything attached and locked.
pub(crate) struct Opened {
    pub(crate) instance: Instance,
    /// The files it has open. Dropped after the instance has closed.
    pub(crate) files: Vec<OpenFile>,
}

/// Opens an instance by the configuration: attaches, pins settings, checks, locks.
pub(crate) fn open(config: &Config) -> Result<Opened> {
    std::fs::create_dir_all(&config.temp_directory)
        .map_err(|e| unusable(&config.temp_directory, &e))?;
    let instance = Instance::open(None, &[]).map_err(Error::internal)?;
    let connection = instance.connect().map_err(Error::internal)?;
    guard::check_library(&connection)?;
    set_up(&connection, config)?;
    let mut files = Vec::new();
    let mut allowed = Vec::new();
    for catalog in &config.catalogs {
        if catalog.path.is_dir() {
            let tables = attach_folder(&connection, catalog)?;
            allowed.extend(tables.into_iter().flat_map(|t| t.files));
        } else {
            files.push(attach_file(&connection, catalog)?);
            guard::check_database(&connection, &catalog.name)
                .map_err(|e| unusable(&catalog.path, &e))?;
        }
    }
    lock(&connection, &allowed)?;
    Ok(Opened { instance, files })
}

/// Settings that hold for every connection. What must be the same where text is parsed and where
/// it runs is pinned, whatever DuckDB's default.
fn set_up(connection: &Connection, config: &Config) -> Result<()> {
    let temp = text(&config.temp_directory)?;
    // DuckDB 1.5.5 answers `qualify row_number() over (order by x) = 1` over no rows with one of NULLs.
    let mut not_optimized = vec!["top_n_window_elimination"];
    if !config.statistics_propagation {
        not_optimized.push("statistics_propagation");
    }
    let settings = [
        ("threads", config.threads.to_string()),
        (
            "memory_limit",
            literal(&format!("{}B", config.memory_limit_bytes)),
        ),
        ("temp_directory", literal(temp)),
        (
            "max_temp_directory_size",
            literal(&format!("{}B", config.spill_bytes)),
        ),
        // A barrier is a limit, and runs in parallel only where order need not be kept.
        ("preserve_insertion_order", "false".to_owned()),
        ("autoinstall_known_extensions", "false".to_owned()),
        ("autoload_known_extensions", "false".to_owned()),
        ("allow_community_extensions", "false".to_owned()),
        ("allow_persistent_secrets", "false".to_owned()),
        ("lambda_syntax", "'DEFAULT'".to_owned()),
        ("default_collation", "''".to_owned()),
        ("default_order", "'ASC'".to_owned()),
        ("default_null_order", "'NULLS_LAST'".to_owned()),
        ("integer_division", "false".to_owned()),
        ("max_expression_depth", "1000".to_owned()),
        ("errors_as_json", "true".to_owned()),
        ("disabled_optimizers", literal(&not_optimized.join(","))),
    ];
    for (name, value) in settings {
        connection
            .execute(&format!("set global {name} = {value}"))
            .map_err(|e| invalid(format!("DuckDB does not take {name} = {value}")).with_cause(e))?;
    }
    Ok(())
}

/// The last settings: no file but what is attached or listed, and no more settings.
fn lock(connection: &Connection, allowed: &[String]) -> Result<()> {
    let allowed = list(allowed.iter().map(String::as_str));
    let own = list(CONNECTION_SETTINGS.iter().copied());
    connection
        .execute(&format!(
            "set global allowed_paths = {allowed}; set global allowed_configs = {own}; \
             set global enable_external_access = false; set global lock_configuration = true"
        ))
        .map(|_| ())
        .map_err(Error::internal)
}

/// What Eider itself sets on a connection after the lock.
const CONNECTION_SETTINGS: [&str; 3] = [
    "TimeZone",
    "enable_progress_bar",
    "enable_progress_bar_print",
];

fn attach_file(connection: &Connection, catalog: &CatalogConfig) -> Result<OpenFile> {
    let file = OpenFile::claim(&catalog.path)?;
    let read_only = catalog.mode == CatalogMode::ReadOnly;
    if read_only && !file.path().exists() {
        return Err(unusable(&catalog.path, &"no such file"));
    }
    let path = literal(text(file.path())?);
    let name = identifier(&catalog.name);
    let options = if read_only {
        "read_only, type duckdb"
    } else {
        "type duckdb"
    };
    connection
        .execute(&format!("attach {path} as {name} ({options})"))
        .map_err(|e| broken(&catalog.path, &e))?;
    Ok(file)
}

fn attach_folder(connection: &Connection, catalog: &CatalogConfig) -> Result<Vec<FolderTable>> {
    if catalog.mode == CatalogMode::ReadWrite {
        return Err(unusable(
            &catalog.path,
            &"a folder of Parquet files can't be read_write",
        ));
    }
    let tables = folder::tables(&catalog.path)?;
    let name = identifier(&catalog.name);
    connection
        .execute(&format!("attach ':memory:' as {name}"))
        .map_err(Error::internal)?;
    for table in &tables {
        let relation = identifier(&table.name);
        let files = list(table.files.iter().map(String::as_str));
        connection
            .execute(&format!(
                "create view {name}.main.{relation} as from system.main.read_parquet({files})"
            ))
            .map_err(|e| broken(&catalog.path, &e))?;
    }
    Ok(tables)
}

/// A path that is there and can't be read as what it should be. The operator sees DuckDB's words.
fn broken(path: &Path, error: &native::Error) -> Error {
    let reason = tree::classify(error);
    unusable(path, &reason).with_cause(error.clone())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::new(
            ErrorKind::Config,
            format!("path {} is not UTF-8", path.display()),
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_locked_instance_takes_no_files_and_no_settings() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        std::fs::create_dir(at("f")).unwrap();
        let maker = Instance::open(None, &[]).unwrap().connect().unwrap();
        maker
            .execute(&format!("copy (select 1 as i) to '{}'", at("f/p.parquet")))
            .unwrap();
        std::fs::copy(at("f/p.parquet"), at("elsewhere.parquet")).unwrap();
        let catalog = |name: &str, mode| CatalogConfig {
            name: name.into(),
            path: at(name).into(),
            mode,
        };
        let config = Config {
            temp_directory: at("spill").into(),
            catalogs: vec![
                catalog("w", CatalogMode::ReadWrite),
                catalog("f", CatalogMode::ReadOnly),
            ],
            ..Config::default()
        };
        let opened = open(&config).unwrap();
        let connection = opened.instance.connect().unwrap();
        connection.execute("create table w.main.t (a int)").unwrap();
        assert_eq!(
            connection.query("from f.main.p").unwrap().scalar().unwrap(),
            "1"
        );
        for sql in [
            "set threads = 1".to_owned(),
            "set global enable_external_access = true".to_owned(),
            "set allowed_paths = []".to_owned(),
            "reset lock_configuration".to_owned(),
            "install httpfs".to_owned(),
            "load httpfs".to_owned(),
            format!("copy (select 1) to '{}'", at("out.csv")),
            format!("attach '{}' as x", at("x.db")),
            format!("from '{}'", at("elsewhere.parquet")),
            format!("export database '{}'", at("out")),
            // No name means anything without its catalog.
            "from t".to_owned(),
            "from p".to_owned(),
        ] {
            assert!(connection.execute(&sql).is_err(), "{sql}");
        }
        for (name, value) in [
            ("preserve_insertion_order", "false"),
            ("enable_external_access", "false"),
            ("autoload_known_extensions", "false"),
            ("allow_unsigned_extensions", "false"),
            ("allow_persistent_secrets", "false"),
            ("lock_configuration", "true"),
        ] {
            let sql = format!("select current_setting('{name}')::varchar");
            assert_eq!(
                connection.query(&sql).unwrap().scalar().unwrap(),
                value,
                "{name}"
            );
        }
        connection
            .execute("set TimeZone = 'UTC'; set enable_progress_bar = true")
            .unwrap();
    }
}
