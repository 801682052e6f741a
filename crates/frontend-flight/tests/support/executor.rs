//! The local executor over a DuckDB file made for the test.

use std::path::Path;
use std::sync::Arc;

use duck::{CatalogConfig, Config, LocalExecutor};
use model::{CatalogMode, Executor};
use native::Instance;
use runtime::Tasks;

const SET_UP: [&str; 4] = [
    "create table flights (id integer not null, origin varchar, dest varchar)",
    "insert into flights values (1, 'JFK', 'LAX'), (2, 'EWR', 'LAX'), (3, 'JFK', null)",
    "create table numbers (n integer, d decimal(12,2), seen timestamp with time zone)",
    "insert into numbers select i, i / 100, timestamptz '2013-01-01 00:00:00+00' \
     from range(5000) t(i)",
];

/// A catalog `lab` in that folder.
pub async fn open(folder: &Path, tasks: &Tasks) -> Arc<dyn Executor> {
    let path = folder.join("lab.duckdb");
    {
        let instance = Instance::open(Some(&path), &[]).unwrap();
        let connection = instance.connect().unwrap();
        for statement in SET_UP {
            connection.execute(statement).unwrap();
        }
    }
    let config = Config {
        threads: 2,
        step_threads: 4,
        temp_directory: folder.join("spill"),
        catalogs: vec![CatalogConfig {
            name: "lab".to_owned(),
            path,
            mode: CatalogMode::ReadWrite,
        }],
        ..Config::default()
    };
    LocalExecutor::open(config, tasks).await.unwrap()
}
