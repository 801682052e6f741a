//! The executor's configuration.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use model::{CatalogMode, Error, ErrorKind, Result, fold};

/// One catalog: a DuckDB file, or a folder of Parquet files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogConfig {
    /// The name in SQL.
    pub name: String,
    /// The file or folder.
    pub path: PathBuf,
    /// Whether it takes writes. A folder never does.
    pub mode: CatalogMode,
}

/// What the instance may use, and what it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// DuckDB's own memory, in bytes.
    pub memory_limit_bytes: u64,
    /// DuckDB's worker threads.
    pub threads: usize,
    /// Connections to the instance: transactions and running statements at once.
    pub connections: usize,
    /// Results that have been started and not read to their end.
    pub open_streams: usize,
    /// Threads that make the calls into DuckDB: statements that make progress at once. A call lasts
    /// until its rows are there, so fewer than the statements admitted let a long one hold up short
    /// ones; a thread that waits for DuckDB's own costs little.
    pub step_threads: usize,
    /// Where DuckDB spills.
    pub temp_directory: PathBuf,
    /// How much it may spill, in bytes.
    pub spill_bytes: u64,
    /// How long a stream may wait for its reader before it is cancelled.
    pub stream_idle_timeout: Duration,
    /// How long a cancelled statement is waited for before its connection is abandoned.
    pub quiet_timeout: Duration,
    /// Whether DuckDB's optimizer uses statistics. Off closes a channel that can tell hidden
    /// extremes by timing, at a cost of up to a third.
    pub statistics_propagation: bool,
    /// What is served.
    pub catalogs: Vec<CatalogConfig>,
}

impl Default for Config {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            memory_limit_bytes: 1 << 30,
            threads: cores,
            connections: 256,
            open_streams: 256,
            step_threads: 64,
            temp_directory: std::env::temp_dir().join("eider-spill"),
            spill_bytes: 10 << 30,
            stream_idle_timeout: Duration::from_secs(300),
            quiet_timeout: Duration::from_secs(10),
            statistics_propagation: true,
            catalogs: Vec::new(),
        }
    }
}

impl Config {
    /// Checks what can be checked without opening anything.
    pub fn validate(&self) -> Result<()> {
        let counts = [
            ("threads", self.threads),
            ("connections", self.connections),
            ("open streams", self.open_streams),
            ("step threads", self.step_threads),
        ];
        if let Some((name, _)) = counts.iter().find(|(_, n)| *n == 0) {
            return Err(invalid(format!("the number of {name} must be at least 1")));
        }
        if self.memory_limit_bytes < 64 << 20 {
            return Err(invalid(
                "the memory limit must be at least 64 MiB".to_owned(),
            ));
        }
        let mut names = BTreeSet::new();
        for catalog in &self.catalogs {
            check_name(&catalog.name)?;
            if !names.insert(fold(&catalog.name)) {
                return Err(invalid(format!(
                    "catalog \"{}\" is configured twice",
                    catalog.name
                )));
            }
        }
        Ok(())
    }
}

fn check_name(name: &str) -> Result<()> {
    const RESERVED: [&str; 3] = ["memory", "system", "temp"];
    if name.is_empty() || name.len() > 255 || name.chars().any(char::is_control) {
        return Err(invalid(format!(
            "\"{}\" can't name a catalog",
            name.escape_debug()
        )));
    }
    if RESERVED.contains(&fold(name).as_str()) {
        return Err(invalid(format!("the catalog name \"{name}\" is reserved")));
    }
    Ok(())
}

pub(crate) fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn with(names: &[&str]) -> Config {
        let catalogs = names
            .iter()
            .map(|name| CatalogConfig {
                name: (*name).to_owned(),
                path: PathBuf::from("/data"),
                mode: CatalogMode::ReadOnly,
            })
            .collect();
        Config {
            catalogs,
            ..Config::default()
        }
    }

    #[test]
    fn names_are_checked() {
        with(&["nyc", "Über all"]).validate().unwrap();
        for bad in [
            &["memory"][..],
            &["SYSTEM"],
            &["Temp"],
            &[""],
            &["a\nb"],
            &["a", "A"],
        ] {
            assert_eq!(
                with(bad).validate().unwrap_err().kind(),
                ErrorKind::Config,
                "{bad:?}"
            );
        }
    }

    #[test]
    fn counts_are_checked() {
        let config = Config {
            connections: 0,
            ..Config::default()
        };
        assert!(
            config
                .validate()
                .unwrap_err()
                .message()
                .contains("connections")
        );
    }
}
